//! An event is the same bytes on every transport; what differs is only the frame around it.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::{
    DEADLINE, Query, Reader, Server, Transport,
    command::Command,
    raw::Connection,
    reader::{is_durable, kind},
    socket::Socket,
    sse, within,
};

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).expect("an event is JSON")
}

/// The texts of the first events that a condition picks.
async fn texts(reader: &mut Reader, count: usize, picks: impl Fn(&Value) -> bool) -> Vec<String> {
    let mut texts = Vec::new();
    while texts.len() < count {
        let text = reader.next_text().await;
        if picks(&parsed(&text)) {
            texts.push(text);
        }
    }
    texts
}

/// Fills a room with durable events of each type, and with text that needs escaping.
async fn fill(server: &Server) -> usize {
    server.put_room("general", &json!({"title": "Title"})).await;
    server.post("general", "Alice \"O'Brien\" 👩", "plain").await;
    server.post("general", "Bob", "tab\t quote\" slash\\ </script> \u{2028} é 🚀 \u{1}").await;
    server.put_room("general", &json!({"topic": "a \"topic\" / é"})).await;
    let body = json!({"username": "Eve", "content": "reply", "reply_to": 1, "client_id": "key-1"});
    let url = server.api("/rooms/general/messages");
    assert_eq!(server.http().post(url).json(&body).send().await.expect("an answer").status(), 201);
    4
}

/// Changes messages in a full room: one event of each type, and text that needs escaping.
async fn change(server: &Server) -> usize {
    let commands = [
        Command::edit("Bob", 2, "\"edited\"\n\u{2028} 🚀"),
        Command::react("Alice \"O'Brien\" 👩", 2, "👍"),
        Command::react("Eve", 2, "❤️"),
        Command::unreact("Eve", 2, "❤️"),
        Command::edit("Eve", 4, "gone"),
        Command::react("Bob", 4, ":gone:"),
    ];
    server.perform("general", &commands).await;
    commands.len()
}

async fn on_every_transport(server: &Server, query: &Query, count: usize, picks: fn(&Value) -> bool) -> Vec<String> {
    let mut all = Vec::new();
    for transport in Transport::ALL {
        let mut reader = Reader::open(server, transport, "general", query.clone()).await;
        all.push(texts(&mut reader, count, picks).await);
    }
    assert_eq!(all[0], all[1], "SSE and long poll");
    assert_eq!(all[0], all[2], "SSE and WebSocket");
    all.swap_remove(0)
}

#[tokio::test]
async fn a_replayed_event_is_the_same_bytes_on_every_transport() {
    let mut server = Server::start().await;
    let count = fill(&server).await;
    let from_memory = on_every_transport(&server, &Query::since(0), count, is_durable).await;
    server.restart().await;
    let from_database = on_every_transport(&server, &Query::since(0), count, is_durable).await;
    assert_eq!(from_memory, from_database, "from memory and from the database");

    // What its messages lived through is from memory as it was, and from the database as it is.
    let count = count + change(&server).await + 1;
    server.perform("general", &[Command::delete("Eve", 4)]).await;
    for restarts in [false, true] {
        if restarts {
            server.restart().await;
        }
        let texts = on_every_transport(&server, &Query::since(0), count, is_durable).await;
        let types: BTreeSet<_> = texts.iter().map(|text| kind(&parsed(text)).to_owned()).collect();
        assert_eq!(types.len(), 6, "every durable type: {types:?}");
    }
}

#[tokio::test]
async fn a_live_event_is_the_same_bytes_as_when_it_is_replayed() {
    let server = Server::start().await;
    let mut live = Vec::new();
    for transport in Transport::ALL {
        live.push(Reader::open(&server, transport, "general", Query::since(0)).await);
    }
    let count = fill(&server).await;
    let replayed = on_every_transport(&server, &Query::since(0), count, is_durable).await;
    for reader in &mut live {
        assert_eq!(texts(reader, count, is_durable).await, replayed, "{:?}", reader.transport());
    }

    let changes = change(&server).await;
    let from = Query::since(i64::try_from(count).expect("a few"));
    let replayed = on_every_transport(&server, &from, changes, is_durable).await;
    for reader in &mut live {
        assert_eq!(texts(reader, changes, is_durable).await, replayed, "{:?}", reader.transport());
    }
    server.perform("general", &[Command::delete("Eve", 4)]).await;
    let from = Query::since(server.head("general").await - 1);
    let replayed = on_every_transport(&server, &from, 1, is_durable).await;
    for reader in &mut live {
        assert_eq!(texts(reader, 1, is_durable).await, replayed, "{:?}", reader.transport());
    }
}

#[tokio::test]
async fn what_people_have_read_is_the_same_bytes_on_every_transport() {
    let server = Server::start().await;
    fill(&server).await;
    let mut live = Vec::new();
    for transport in [Transport::Sse, Transport::WebSocket] {
        let mut reader = Reader::open(&server, transport, "general", Query::new()).await;
        reader.until_type("read_state").await;
        live.push(reader);
    }
    server.perform("general", &[Command::read("Bob", 2), Command::read("Alice \"O'Brien\" 👩", 3)]).await;
    let mut receipts = Vec::new();
    for reader in &mut live {
        receipts.push(texts(reader, 2, |event| kind(event) == "read_receipt").await);
    }
    assert_eq!(receipts[0], receipts[1]);
    on_every_transport(&server, &Query::new(), 1, |event| kind(event) == "read_state").await;
}

#[tokio::test]
async fn histories_and_resets_are_the_same_bytes_on_every_transport() {
    let server = Server::start().await;
    fill(&server).await;
    on_every_transport(&server, &Query::new(), 1, |event| kind(event) == "message_history").await;
    on_every_transport(&server, &Query::since(99), 2, |_| true).await;
}

#[tokio::test]
async fn presence_and_typing_are_the_same_bytes_on_both_streams() {
    let server = Server::start().await;
    let mut sse = Reader::open(&server, Transport::Sse, "general", Query::new()).await;
    let mut socket = Reader::open(&server, Transport::WebSocket, "general", Query::new()).await;
    for reader in [&mut sse, &mut socket] {
        reader.until_type("presence_state").await;
    }
    let _bob = Reader::open(&server, Transport::Sse, "general", Query::user("Bob")).await;
    server.typing("general", "Eve", true).await;
    server.typing("general", "Eve", false).await;
    let texts_of = |event: &Value| matches!(kind(event), "user_status" | "typing_indicator");
    assert_eq!(texts(&mut sse, 3, texts_of).await, texts(&mut socket, 3, texts_of).await);
}

#[tokio::test]
async fn a_stream_is_framed_as_the_contract_says() {
    let server = Server::start().await;
    server.post("general", "Alice", "hello").await;
    let mut stream = Connection::open(server.addr()).await;
    let host = server.addr();
    stream.send(format!("GET /api/v1/rooms/general/stream HTTP/1.1\r\nHost: {host}\r\n\r\n")).await;
    let head = stream.head().await.expect("an answer");
    assert_eq!(head.status, 200);
    assert_eq!(head.header("content-type"), Some("text/event-stream; charset=utf-8"));
    assert_eq!(head.header("cache-control"), Some("no-store, no-transform"));
    assert_eq!(head.header("x-accel-buffering"), Some("no"));
    assert_eq!(head.header("connection").map(str::to_ascii_lowercase).as_deref(), Some("close"));
    assert_eq!(head.header("transfer-encoding"), Some("chunked"));
    assert_eq!(head.header("content-length"), None);
    assert!(head.header("x-request-id").is_some());

    let text = stream.chunks_until("message_history").await;
    assert!(text.starts_with(": general\nretry: "), "a comment comes first: {text:?}");
    let (opening, history) = text.split_once("event: ").expect("an event");
    let retry = opening.lines().find_map(|line| line.strip_prefix("retry:")).expect("a retry line");
    let retry: u64 = retry.trim().parse().expect("milliseconds");
    assert!((1_000..=3_000).contains(&retry), "{retry}");

    let lines: Vec<&str> = history.lines().collect();
    assert_eq!(lines[..2], ["message_history", "id: 1"]);
    assert!(lines[2].starts_with("data: {\"type\":\"message_history\""), "{}", lines[2]);
    assert_eq!(lines[3], "", "an empty line ends an event");

    server.post("general", "Alice", "live").await;
    let text = stream.chunks_until("chat_message").await;
    let (_, message) = text.split_once("event: chat_message\n").expect("a message");
    let data = message.strip_prefix("id: 2\ndata: {\"type\":\"chat_message\"").expect("an id, and the data");
    assert!(data.ends_with("}\n\n"), "{data}");
}

#[tokio::test]
async fn what_has_no_id_has_no_id_line() {
    let server = Server::start().await;
    let mut stream = sse::Stream::open(&server, "general", &Query::user("Olive")).await;
    server.typing("general", "Bob", true).await;
    let mut seen = Vec::new();
    while !seen.contains(&"typing_indicator".to_owned()) {
        let frame = within(DEADLINE, "an event", stream.next()).await.expect("an event");
        let event: Value = serde_json::from_str(&frame.data).expect("JSON");
        assert_eq!(frame.event.as_deref(), Some(kind(&event)));
        assert_eq!(frame.id, event.get("id").map(ToString::to_string), "{event}");
        seen.push(kind(&event).to_owned());
    }
    assert!(seen.contains(&"message_history".to_owned()) && seen.contains(&"presence_state".to_owned()), "{seen:?}");
}

#[tokio::test]
async fn unnamed_frames_leave_only_the_event_line_out() {
    let server = Server::start().await;
    let url = server.api("/rooms/general/stream?since=0&named=");
    let mut named = sse::Stream::send(server.http().get(format!("{url}true"))).await;
    let mut unnamed = sse::Stream::send(server.http().get(format!("{url}false"))).await;
    server.post_many("general", "Alice", 3).await;
    let mut durable = 0;
    while durable < 3 {
        let frames = async { (named.next().await, unnamed.next().await) };
        let (named, unnamed) = within(DEADLINE, "an event on each", frames).await;
        let (named, unnamed) = (named.expect("an event"), unnamed.expect("an event"));
        assert!(named.lines[0].starts_with("event: "), "{named:?}");
        assert_eq!(unnamed.lines, named.lines[1..]);
        assert_eq!(unnamed.event, None);
        durable += usize::from(unnamed.id.is_some());
    }
}

#[tokio::test]
async fn the_last_event_id_wins_over_since() {
    let server = Server::start().await;
    server.post_many("general", "Alice", 5).await;
    let url = server.api("/rooms/general/stream?since=1");
    let mut stream = sse::Stream::send(server.http().get(url).header("Last-Event-ID", "3")).await;
    let frame = within(DEADLINE, "an event", stream.next()).await.expect("an event");
    assert_eq!(frame.id.as_deref(), Some("4"));
}

#[tokio::test]
async fn the_retry_time_is_drawn_anew_for_each_connection() {
    let server = Server::start().await;
    let mut drawn = std::collections::BTreeSet::new();
    for _ in 0..10 {
        let mut stream = sse::Stream::open(&server, "general", &Query::new()).await;
        within(DEADLINE, "an event", stream.next()).await.expect("an event");
        let retry = stream.parser.retry.expect("a retry line");
        assert!((1_000..=3_000).contains(&retry), "{retry}");
        drawn.insert(retry);
    }
    assert!(drawn.len() > 1, "always {drawn:?}");
}

#[tokio::test]
async fn the_old_socket_paths_lead_to_the_same_events() {
    let server = Server::start().await;
    server.post("general", "Alice", "in general").await;
    server.post("other", "Alice", "in other").await;
    for (path, room) in [("/ws/chat/", "general"), ("/ws/chat/general/", "general"), ("/ws/chat/other/", "other")] {
        let mut old = Socket::open_at(&server, path).await;
        let mut new = Socket::open(&server, room, &Query::new()).await;
        let both = async { (old.next().await, new.next().await) };
        let (old, new) = within(DEADLINE, "the history on each", both).await;
        assert_eq!(old, new, "{path}");
        let history: Value = serde_json::from_str(&old.expect("a frame")).expect("JSON");
        assert_eq!(history["messages"][0]["content"], format!("in {room}"));
    }
}

#[tokio::test]
async fn a_poll_is_never_cached() {
    let server = Server::start().await;
    let answer = server.get("/rooms/general/poll").await;
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["cache-control"], "no-store");
}
