//! Typing: told to the others, and over by itself.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{Query, Reader, Server, Transport, reader::kind, socket::Socket};

/// The time that typing holds where a test waits for its end; a good deal less than by default.
const LAPSE: Duration = Duration::from_secs(1);
const DEFAULT_LAPSE: Duration = Duration::from_secs(6);

over_every_transport!(
    typing_is_told_on_and_off,
    typing_lapses_by_itself,
    typing_ends_with_the_users_message,
    typing_is_not_told_to_who_types,
    typing_works_in_a_room_nobody_has_made,
);

/// Returns true if an event says that a user types, false if no longer; none if it says nothing of that.
fn says_typing(event: &Value, user: &str) -> Option<bool> {
    match kind(event) {
        "typing_indicator" if event["username"] == user => event["is_typing"].as_bool(),
        "presence_state" => Some(event["typing"].as_array().expect("typing").iter().any(|typing| typing == user)),
        _ => None,
    }
}

async fn sees(observer: &mut Reader, user: &str, typing: bool) -> Value {
    let what = format!("{user} {} typing", if typing { "is" } else { "is not" });
    observer.until(&what, |event| says_typing(event, user) == Some(typing)).await
}

async fn observe(server: &Server, transport: Transport, room: &str, name: &str) -> Reader {
    let mut observer = Reader::open(server, transport, room, Query::user(name)).await;
    observer.until_type("presence_state").await;
    observer
}

async fn typing_is_told_on_and_off(transport: Transport) {
    let server = Server::start().await;
    let mut observer = observe(&server, transport, "general", "Olive").await;
    server.typing("general", "Bob", true).await;
    let event = sees(&mut observer, "Bob", true).await;
    if kind(&event) == "typing_indicator" {
        assert_eq!(event["room"], "general");
        assert!(event["timestamp"].is_string());
        assert!(event.get("id").is_none(), "typing is not in the log");
    }
    server.typing("general", "Bob", false).await;
    sees(&mut observer, "Bob", false).await;
}

async fn typing_lapses_by_itself(transport: Transport) {
    let server = Server::builder().time("typing-lapse", LAPSE).start().await;
    let mut observer = observe(&server, transport, "general", "Olive").await;
    let started = Instant::now();
    server.typing("general", "Bob", true).await;
    sees(&mut observer, "Bob", true).await;
    sees(&mut observer, "Bob", false).await;
    let lasted = started.elapsed();
    assert!(lasted > LAPSE * 5 / 6 && lasted < DEFAULT_LAPSE, "{lasted:?}");
}

async fn typing_ends_with_the_users_message(transport: Transport) {
    let server = Server::builder().time("typing-lapse", Duration::from_mins(10)).start().await;
    let mut observer = observe(&server, transport, "general", "Olive").await;
    server.typing("general", "Bob", true).await;
    sees(&mut observer, "Bob", true).await;
    // With the message, and not by lapsing, which is minutes away.
    server.post("general", "bob", "there it is").await;
    let (mut message, mut typing) = (false, true);
    while !message || typing {
        let event = observer.next().await;
        message |= kind(&event) == "chat_message";
        typing = says_typing(&event, "Bob").unwrap_or(typing);
    }
}

async fn typing_is_not_told_to_who_types(transport: Transport) {
    let server = Server::start().await;
    let mut bob = observe(&server, transport, "general", "Bob").await;
    let mut observer = observe(&server, Transport::Sse, "general", "Olive").await;
    server.typing("general", "BOB", true).await;
    observer.until_type("typing_indicator").await;
    server.typing("general", "Carol", true).await;
    bob.until("Carol is typing", |event| {
        let own = kind(event) == "typing_indicator" && event["username"] != "Carol";
        assert!(!own, "told to the one who types: {event}");
        says_typing(event, "Carol") == Some(true)
    })
    .await;
}

async fn typing_works_in_a_room_nobody_has_made(transport: Transport) {
    let server = Server::start().await;
    let mut observer = observe(&server, transport, "void", "Olive").await;
    server.typing("void", "Bob", true).await;
    sees(&mut observer, "Bob", true).await;
    assert_eq!(server.get("/rooms/void").await.status(), 404, "typing makes no room");
}

#[tokio::test]
async fn a_renewal_is_no_event() {
    let server = Server::start().await;
    for transport in [Transport::Sse, Transport::WebSocket] {
        let mut observer = observe(&server, transport, "general", "Olive").await;
        for is_typing in [true, true, true, false, false] {
            server.typing("general", "Bob", is_typing).await;
        }
        let first = observer.until_type("typing_indicator").await;
        let second = observer.until_type("typing_indicator").await;
        assert_eq!((&first["is_typing"], &second["is_typing"]), (&json!(true), &json!(false)));
        server.post("general", "Alice", "marker").await;
        observer
            .until("the marker", |event| {
                assert_ne!(kind(event), "typing_indicator");
                kind(event) == "chat_message"
            })
            .await;
    }
}

#[tokio::test]
async fn a_renewal_makes_it_last() {
    let builder = Server::builder().time("typing-lapse", 2 * LAPSE).time("socket-typing-lapse", LAPSE / 2);
    let server = builder.start().await;
    let mut observer = observe(&server, Transport::Sse, "general", "Olive").await;
    let mut socket = Socket::open(&server, "general", &Query::user("Wendy")).await;
    server.typing("general", "Bob", true).await;
    server.typing("general", "Carol", true).await;
    // Wendy is the clock: hers lapses while theirs hold. They then lapse in the order of the last renewals.
    socket.send(&json!({"type": "typing", "username": "Wendy", "is_typing": true})).await;
    let over = |event: &Value| kind(event) == "typing_indicator" && event["is_typing"] == false;
    assert_eq!(observer.until("Wendy's lapse", over).await["username"], "Wendy");
    server.typing("general", "Bob", true).await;
    assert_eq!(observer.until("the first lapse", over).await["username"], "Carol");
    assert_eq!(observer.until("the second lapse", over).await["username"], "Bob");
}

#[tokio::test]
async fn typing_by_a_socket_holds_without_renewal_until_the_socket_ends() {
    let builder = Server::builder().time("typing-lapse", LAPSE).time("socket-typing-lapse", 600 * LAPSE);
    let server = builder.start().await;
    let mut observer = observe(&server, Transport::Sse, "general", "Olive").await;
    let mut socket = Socket::open(&server, "general", &Query::user("Wendy")).await;
    socket.send(&json!({"type": "typing", "username": "Wendy", "is_typing": true})).await;
    sees(&mut observer, "Wendy", true).await;
    // Bob is the clock: he began later and lapses.
    server.typing("general", "Bob", true).await;
    let over = |event: &Value| kind(event) == "typing_indicator" && event["is_typing"] == false;
    assert_eq!(observer.until("the first end", over).await["username"], "Bob");
    // With the socket, and not by lapsing, which is minutes away.
    socket.close().await;
    assert_eq!(observer.until("the second end", over).await["username"], "Wendy");
}

#[tokio::test]
async fn typing_by_a_socket_that_says_no_more_lapses_too() {
    let builder = Server::builder().time("typing-lapse", 600 * LAPSE).time("socket-typing-lapse", LAPSE);
    let server = builder.start().await;
    let mut observer = observe(&server, Transport::Sse, "general", "Olive").await;
    let mut socket = Socket::open(&server, "general", &Query::user("Wendy")).await;
    let started = Instant::now();
    socket.send(&json!({"type": "typing", "username": "Wendy", "is_typing": true})).await;
    sees(&mut observer, "Wendy", true).await;
    sees(&mut observer, "Wendy", false).await;
    assert!(started.elapsed() > LAPSE * 5 / 6, "{:?}", started.elapsed());
}

#[tokio::test]
async fn typing_of_one_connection_does_not_end_anothers() {
    let builder = Server::builder().time("typing-lapse", 600 * LAPSE).time("socket-typing-lapse", 600 * LAPSE);
    let server = builder.start().await;
    let mut observer = observe(&server, Transport::Sse, "general", "Olive").await;
    let typing = |is_typing: bool| json!({"type": "typing", "is_typing": is_typing, "ref": "1"});
    // Two sockets without a name, which both are Anonymous.
    let mut one = Socket::open(&server, "general", &Query::new()).await;
    let mut two = Socket::open(&server, "general", &Query::new()).await;
    for socket in [&mut one, &mut two] {
        socket.send(&typing(true)).await;
        socket.reply("1").await;
    }
    sees(&mut observer, "Anonymous", true).await;
    one.send(&typing(false)).await;
    one.reply("1").await;
    server.typing("general", "Bob", true).await;
    let not_anonymous = |event: &Value| kind(event) == "typing_indicator";
    assert_eq!(observer.until("the next typing", not_anonymous).await["username"], "Bob", "the other still types");
    // Nor does what a request says of the same name.
    server.typing("general", "Anonymous", false).await;
    server.typing("general", "Bob", false).await;
    assert_eq!(observer.until("the next typing", not_anonymous).await["username"], "Bob");
    two.close().await;
    sees(&mut observer, "Anonymous", false).await;
    one.close().await;
}

#[tokio::test]
async fn of_a_crowd_that_types_twenty_are_named_and_all_are_counted() {
    let builder = Server::builder().time("presence-digest-interval", LAPSE / 4).time("typing-lapse", 600 * LAPSE);
    let server = builder.start().await;
    let mut observer = observe(&server, Transport::Sse, "general", "Olive").await;
    for number in 0..30 {
        server.typing("general", &format!("user{number}"), true).await;
    }
    let indicators = std::cell::Cell::new(0);
    let state = observer
        .until("the whole crowd", |event| {
            indicators.set(indicators.get() + usize::from(kind(event) == "typing_indicator"));
            kind(event) == "presence_state" && event["typing_count"] == 30
        })
        .await;
    assert_eq!((indicators.get(), state["typing"].as_array().map(Vec::len)), (20, Some(20)), "{state}");
}
