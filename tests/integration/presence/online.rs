//! Users online: announced on their first connection, and gone a while after the last.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{Query, Reader, Server, Transport, reader::kind, socket::Socket};

/// The presence grace where a test waits for the end of it; a good deal less than by default.
const GRACE: Duration = Duration::from_secs(1);
const DEFAULT_GRACE: Duration = Duration::from_secs(5);

over_every_transport!(
    others_see_a_user_come_and_go,
    two_connections_are_one_user,
    a_reload_is_no_event,
    ones_own_online_is_not_echoed,
    the_state_comes_once_after_the_history,
    the_state_comes_once_after_the_replay,
    a_reader_without_a_name_is_seen_by_nobody,
);

/// Returns true if an event says that a user is online, false if offline; none if it says nothing of that.
fn says_online(event: &Value, user: &str) -> Option<bool> {
    match kind(event) {
        "user_status" if event["username"] == user => Some(event["status"] == "online"),
        "presence_state" => {
            Some(event["users"].as_array().expect("users").iter().any(|present| present["username"] == user))
        }
        _ => None,
    }
}

async fn sees(observer: &mut Reader, user: &str, online: bool) -> Value {
    let what = format!("{user} {}", if online { "online" } else { "offline" });
    observer.until(&what, |event| says_online(event, user) == Some(online)).await
}

async fn online(server: &Server, room: &str) -> Vec<String> {
    let presence = server.get_json(&format!("/rooms/{room}/presence")).await;
    let users = presence["users"].as_array().expect("users");
    assert_eq!(presence["online"], users.len());
    users.iter().map(|user| user["username"].as_str().expect("a name").to_owned()).collect()
}

async fn others_see_a_user_come_and_go(transport: Transport) {
    let server = Server::builder().time("presence-grace", GRACE).start().await;
    let mut observer = Reader::open(&server, transport, "general", Query::user("Olive")).await;
    sees(&mut observer, "Olive", true).await;
    for leaving in [Transport::Sse, Transport::WebSocket] {
        let bob = Reader::open(&server, leaving, "general", Query::user("Bob")).await;
        let event = sees(&mut observer, "Bob", true).await;
        if kind(&event) == "user_status" {
            assert_eq!(event["room"], "general");
            assert!(event["timestamp"].is_string());
            assert!(event.get("id").is_none(), "presence is not in the log");
        }
        assert_eq!(online(&server, "general").await, ["Bob", "Olive"]);
        bob.close().await;
        let left = Instant::now();
        sees(&mut observer, "Bob", false).await;
        let left = left.elapsed();
        assert!(left > GRACE * 4 / 5 && left < DEFAULT_GRACE, "offline after a while, not {left:?}");
        assert_eq!(online(&server, "general").await, ["Olive"]);
    }
}

async fn two_connections_are_one_user(transport: Transport) {
    let server = Server::builder().time("presence-grace", GRACE).start().await;
    let mut observer = Reader::open(&server, transport, "general", Query::user("Olive")).await;
    sees(&mut observer, "Olive", true).await;
    let first = Reader::open(&server, Transport::Sse, "general", Query::user("Bob")).await;
    let second = Reader::open(&server, Transport::WebSocket, "general", Query::user("BOB")).await;
    let carol = Reader::open(&server, Transport::Sse, "general", Query::user("Carol")).await;
    sees(&mut observer, "Carol", true).await;
    assert_eq!(online(&server, "general").await.len(), 3, "Bob is here once, however he is written");
    first.close().await;
    // Carol is the clock: she leaves after Bob's first connection, so her going is told after his.
    carol.close().await;
    let bob_left = |event: &Value| kind(event) == "user_status" && event["status"] == "offline";
    let event =
        observer.until("somebody leaves", |event| bob_left(event) || says_online(event, "Carol") == Some(false));
    let event = event.await;
    if kind(&event) == "user_status" {
        assert_eq!(event["username"], "Carol");
    }
    assert_eq!(online(&server, "general").await.len(), 2, "Bob is still here by his second connection");
    second.close().await;
    observer.until("Bob leaves", |event| bob_left(event) || kind(event) == "presence_state").await;
    assert_eq!(online(&server, "general").await, ["Olive"]);
}

async fn a_reload_is_no_event(transport: Transport) {
    // Time enough to come back in, also on a busy machine.
    let server = Server::builder().time("presence-grace", 3 * GRACE).start().await;
    let mut observer = Reader::open(&server, transport, "general", Query::user("Olive")).await;
    sees(&mut observer, "Olive", true).await;
    let before = Reader::open(&server, Transport::Sse, "general", Query::user("Bob")).await;
    sees(&mut observer, "Bob", true).await;
    before.close().await;
    let _after = Reader::open(&server, Transport::Sse, "general", Query::user("Bob")).await;
    let carol = Reader::open(&server, Transport::Sse, "general", Query::user("Carol")).await;
    sees(&mut observer, "Carol", true).await;
    carol.close().await;
    // Every event up to Carol's going, which is told long after Bob's would have been.
    let event = observer
        .until("Carol leaves", |event| {
            assert!(kind(event) != "user_status" || event["username"] != "Bob", "a reload was told: {event}");
            says_online(event, "Carol") == Some(false)
        })
        .await;
    assert_ne!(says_online(&event, "Bob"), Some(false));
}

async fn ones_own_online_is_not_echoed(transport: Transport) {
    let server = Server::start().await;
    let mut observer = Reader::open(&server, transport, "general", Query::user("Olive")).await;
    sees(&mut observer, "Olive", true).await;
    let _again = Reader::open(&server, Transport::WebSocket, "general", Query::user("olive")).await;
    let _bob = Reader::open(&server, Transport::Sse, "general", Query::user("Bob")).await;
    observer
        .until("Bob online", |event| {
            assert!(kind(event) != "user_status" || event["username"] == "Bob", "echoed: {event}");
            says_online(event, "Bob") == Some(true)
        })
        .await;
}

async fn the_state_comes_once_after_the_history(transport: Transport) {
    let server = Server::start().await;
    server.post_many("general", "Alice", 3).await;
    let _bob = Reader::open(&server, Transport::Sse, "general", Query::user("Bob")).await;
    let mut reader = Reader::open(&server, transport, "general", Query::user("Olive")).await;
    assert_eq!(kind(&reader.next().await), "message_history");
    the_state_comes_once(&server, &mut reader).await;
}

async fn the_state_comes_once_after_the_replay(transport: Transport) {
    let server = Server::start().await;
    server.post_many("general", "Alice", 3).await;
    let _bob = Reader::open(&server, Transport::Sse, "general", Query::user("Bob")).await;
    let mut reader = Reader::open(&server, transport, "general", Query::user("Olive").after(0)).await;
    for id in 1..=3 {
        assert_eq!(reader.next().await["id"], id);
    }
    the_state_comes_once(&server, &mut reader).await;
}

async fn the_state_comes_once(server: &Server, reader: &mut Reader) {
    let state = reader.next().await;
    assert_eq!(kind(&state), "presence_state");
    assert_eq!((says_online(&state, "Olive"), says_online(&state, "Bob")), (Some(true), Some(true)), "{state}");
    assert_eq!(state["online"], 2);
    assert_eq!(state["typing"], serde_json::json!([]));
    for user in state["users"].as_array().expect("users") {
        assert_eq!(user["status"], "online");
        assert!(user["since"].is_string());
    }
    let read = reader.next().await;
    assert_eq!((kind(&read), &read["cursors"]), ("read_state", &serde_json::json!([])));
    server.post("general", "Alice", "marker").await;
    let next = reader.next().await;
    assert_eq!((kind(&next), &next["id"]), ("chat_message", &serde_json::json!(4)), "and no second state");
}

async fn a_reader_without_a_name_is_seen_by_nobody(transport: Transport) {
    let server = Server::start().await;
    let mut reader = Reader::open(&server, transport, "general", Query::new()).await;
    assert_eq!(kind(&reader.next().await), "message_history");
    assert_eq!(online(&server, "general").await, Vec::<String>::new());
}

#[tokio::test]
async fn a_poller_stays_present_between_polls_and_leaves_when_its_lease_lapses() {
    const LEASE: Duration = Duration::from_secs(3);
    const DEFAULT_LEASE: Duration = Duration::from_secs(30);
    let server = Server::builder().time("presence-lease", LEASE).time("presence-grace", GRACE).start().await;
    let mut observer = Reader::open(&server, Transport::Sse, "general", Query::user("Olive")).await;
    let mut poller = Reader::open(&server, Transport::LongPoll, "general", Query::user("Bob")).await;
    assert_eq!(kind(&poller.next().await), "message_history");
    let answered = Instant::now();
    sees(&mut observer, "Bob", true).await;
    sees(&mut observer, "Bob", false).await;
    let left = answered.elapsed();
    assert!(left > LEASE, "present for the whole lease, not {left:?}");
    assert!(left < DEFAULT_LEASE, "gone after the lease, not {left:?}");
}

#[tokio::test]
async fn a_socket_says_who_it_is_by_its_first_name() {
    let server = Server::start().await;
    let mut observer = Reader::open(&server, Transport::Sse, "general", Query::user("Olive")).await;
    let mut socket = Socket::open(&server, "general", &Query::new()).await;
    socket.send(&serde_json::json!({"type": "user_join", "username": "Wendy"})).await;
    sees(&mut observer, "Wendy", true).await;
    let post = serde_json::json!({"type": "chat_message", "username": "Walter", "message": "hi", "ref": "1"});
    socket.send(&post).await;
    assert_eq!(socket.reply("1").await["type"], "ack");
    assert_eq!(observer.next_durable().await["message"]["username"], "Walter");
    assert_eq!(online(&server, "general").await, ["Olive", "Wendy"], "a later name posts, but is not who is here");
}

#[tokio::test]
async fn the_list_of_rooms_says_how_many_are_here() {
    let server = Server::start().await;
    server.post("general", "Alice", "hi").await;
    let mut reader = Reader::open(&server, Transport::Sse, "general", Query::user("Alice")).await;
    reader.until_type("presence_state").await;
    let room = server.get_json("/rooms").await["rooms"][0].clone();
    assert_eq!((&room["name"], &room["online"]), (&serde_json::json!("general"), &serde_json::json!(1)));
}

#[tokio::test]
async fn presence_is_paged_by_name() {
    use crate::support::{Query, Reader, Transport};
    let server = Server::start().await;
    server.put_room("general", &json!({})).await;
    let mut readers = Vec::new();
    for name in ["Dora", "Anna", "Carl", "Bert", "Emil"] {
        let mut reader = Reader::open(&server, Transport::Sse, "general", Query::user(name)).await;
        reader.until_type("presence_state").await;
        readers.push(reader);
    }
    let (mut names, mut after) = (Vec::new(), String::new());
    loop {
        let page = server.get_json(&format!("/rooms/general/presence?limit=2{after}")).await;
        assert_eq!(page["online"], 5);
        let users = page["users"].as_array().expect("users");
        assert!(users.len() <= 2);
        for user in users {
            assert_eq!(user["status"], "online");
            assert!(user["since"].is_string());
            names.push(user["username"].as_str().expect("a name").to_owned());
        }
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => break,
        }
    }
    assert_eq!(names, ["Anna", "Bert", "Carl", "Dora", "Emil"]);
    assert_eq!(server.get_json("/rooms/general").await["online"], 5);
    let empty = server.get_json("/rooms/void/presence").await;
    assert_eq!(empty, json!({"online": 0, "users": [], "next": null}));
}
