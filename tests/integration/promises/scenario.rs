//! The promises to a reader, on every transport: history first, then live, then the exact rest.

use serde_json::{Value, json};

use crate::support::{
    Query, Reader, Server, Transport,
    reader::{is_durable, kind},
};

over_every_transport!(
    an_empty_room_has_an_empty_history,
    history_is_the_newest_fifty_oldest_first,
    history_is_as_long_as_asked,
    history_ends_at_the_head_even_when_that_is_no_message,
    live_events_come_in_order_without_a_gap,
    a_reader_resumes_with_the_exact_rest,
    a_reader_at_the_head_gets_only_what_comes,
    since_zero_is_the_beginning,
    a_long_absence_is_made_up_for_in_full,
    a_resumed_reader_survives_a_crash_of_the_server,
    rooms_do_not_see_each_other,
    a_change_of_the_room_is_an_event_and_replayed,
    a_change_that_changes_nothing_is_no_event,
    an_event_has_the_fields_of_the_contract,
);

async fn an_empty_room_has_an_empty_history(transport: Transport) {
    let server = Server::start().await;
    let mut reader = Reader::open(&server, transport, "void", Query::new()).await;
    let history = reader.next().await;
    assert_eq!(history["type"], "message_history");
    assert_eq!(history["room"], "void");
    assert_eq!(history["messages"], json!([]));
    assert_eq!(history["has_more"], false);
    assert_eq!(history["id"], 0);
    assert_eq!(server.get("/rooms/void").await.status(), 404, "listening makes no room");

    server.post("void", "Alice", "first").await;
    let event = reader.next_durable().await;
    assert_eq!((&event["id"], &event["message"]["content"]), (&json!(1), &json!("first")));
}

async fn history_is_the_newest_fifty_oldest_first(transport: Transport) {
    let server = Server::start().await;
    server.post_many("general", "Alice", 60).await;
    let mut reader = Reader::open(&server, transport, "general", Query::new()).await;
    let history = reader.next().await;
    assert_eq!(history["type"], "message_history");
    assert_eq!(message_ids(&history), (11..=60).collect::<Vec<_>>());
    assert_eq!(history["has_more"], true);
    assert_eq!(history["id"], 60);
    let by_rest = server.get_json("/rooms/general/messages?limit=50").await;
    assert_eq!(history["messages"], by_rest["messages"], "the same messages as by REST");
}

async fn history_is_as_long_as_asked(transport: Transport) {
    let server = Server::start().await;
    server.post_many("general", "Alice", 60).await;
    for (asked, first, has_more) in [(0, 61, true), (3, 58, true), (59, 2, true), (60, 1, false), (200, 1, false)] {
        let query = Query::new().history(asked);
        let history = Reader::open(&server, transport, "general", query).await.next().await;
        assert_eq!(message_ids(&history), (first..=60).collect::<Vec<_>>(), "history={asked}");
        assert_eq!(history["has_more"], has_more, "history={asked}");
        assert_eq!(history["id"], 60, "history={asked}");
    }
}

async fn history_ends_at_the_head_even_when_that_is_no_message(transport: Transport) {
    let server = Server::start().await;
    server.post_many("general", "Alice", 2).await;
    server.put_room("general", &json!({"title": "Named"})).await;
    let mut reader = Reader::open(&server, transport, "general", Query::new()).await;
    let history = reader.next().await;
    assert_eq!(message_ids(&history), [1, 2]);
    assert_eq!(history["id"], 3);
    server.post("general", "Alice", "next").await;
    assert_eq!(reader.next_durable().await["id"], 4);
}

async fn live_events_come_in_order_without_a_gap(transport: Transport) {
    let server = Server::start().await;
    let mut reader = Reader::open(&server, transport, "general", Query::new()).await;
    assert_eq!(kind(&reader.next().await), "message_history");
    for number in 1..=25 {
        let posted = server.post("general", "Alice", &format!("message {number}")).await;
        let event = reader.next_durable().await;
        assert_eq!(event["id"], number);
        assert_eq!(event["message"], posted);
    }
    assert_eq!(reader.cursor(), 25);
}

async fn a_reader_resumes_with_the_exact_rest(transport: Transport) {
    let server = Server::start().await;
    server.post_many("general", "Alice", 10).await;
    let mut reader = Reader::open(&server, transport, "general", Query::since(4)).await;
    let first = reader.next().await;
    assert_eq!((kind(&first), &first["id"]), ("chat_message", &json!(5)), "no history for a reader with a cursor");
    for id in 6..=10 {
        assert_eq!(reader.next_durable().await["id"], id);
    }
    server.post("general", "Alice", "live").await;
    assert_eq!(reader.next_durable().await["id"], 11);
}

async fn a_reader_at_the_head_gets_only_what_comes(transport: Transport) {
    let server = Server::start().await;
    server.post_many("general", "Alice", 3).await;
    let mut reader = Reader::open(&server, transport, "general", Query::since(3)).await;
    server.post("general", "Alice", "live").await;
    let event = reader.until("an event with an id", |event| event["id"].is_i64()).await;
    assert_eq!((kind(&event), &event["id"]), ("chat_message", &json!(4)));
}

async fn since_zero_is_the_beginning(transport: Transport) {
    let server = Server::start().await;
    let mut early = Reader::open(&server, transport, "general", Query::since(0)).await;
    server.post_many("general", "Alice", 3).await;
    let mut late = Reader::open(&server, transport, "general", Query::since(0)).await;
    for id in 1..=3 {
        for reader in [&mut early, &mut late] {
            let event = reader.until("an event with an id", |event| event["id"].is_i64()).await;
            assert_eq!((kind(&event), &event["id"]), ("chat_message", &json!(id)));
        }
    }
}

async fn a_long_absence_is_made_up_for_in_full(transport: Transport) {
    // More than a page of any kind, and more than is kept in memory after a restart.
    const COUNT: i64 = 450;
    let mut server = Server::start().await;
    server.post_at_once("general", "Alice", 450).await;
    server.restart().await;
    let mut reader = Reader::open(&server, transport, "general", Query::since(7)).await;
    for id in 8..=COUNT {
        assert_eq!(reader.next_durable().await["id"], id);
    }
    server.post("general", "Alice", "live").await;
    assert_eq!(reader.next_durable().await["id"], COUNT + 1);
}

async fn a_resumed_reader_survives_a_crash_of_the_server(transport: Transport) {
    let mut server = Server::start().await;
    server.post_many("general", "Alice", 5).await;
    let mut reader = Reader::open(&server, transport, "general", Query::since(2)).await;
    assert_eq!(reader.next_durable().await["id"], 3);
    let cursor = reader.cursor();
    server.restart().await;
    server.post("general", "Alice", "after the crash").await;
    let mut reader = Reader::open(&server, transport, "general", Query::since(cursor)).await;
    for id in 4..=6 {
        assert_eq!(reader.next_durable().await["id"], id);
    }
}

async fn rooms_do_not_see_each_other(transport: Transport) {
    let server = Server::start().await;
    server.post("one", "Alice", "in one").await;
    let mut one = Reader::open(&server, transport, "one", Query::since(0)).await;
    let mut other = Reader::open(&server, transport, "One", Query::since(0)).await;
    server.post("One", "Alice", "in One").await;
    server.post("one", "Alice", "in one again").await;
    for (reader, texts) in [(&mut one, vec!["in one", "in one again"]), (&mut other, vec!["in One"])] {
        for (index, text) in texts.into_iter().enumerate() {
            let event = reader.next_durable().await;
            assert_eq!((&event["id"], &event["message"]["content"]), (&json!(index + 1), &json!(text)));
        }
    }
}

async fn a_change_of_the_room_is_an_event_and_replayed(transport: Transport) {
    let server = Server::start().await;
    let room = server.put_room("plans", &json!({"title": "Plans"})).await;
    assert_eq!(room["head"], 0, "making a room takes no id");
    let mut reader = Reader::open(&server, transport, "plans", Query::new()).await;
    assert_eq!(reader.next().await["id"], 0);

    let room = server.put_room("plans", &json!({"topic": "where to go"})).await;
    assert_eq!((&room["title"], &room["topic"], &room["head"]), (&json!("Plans"), &json!("where to go"), &json!(1)));
    let live = reader.next_durable().await;
    let expected = json!({"type": "room_updated", "room": "plans", "id": 1, "title": "Plans", "topic": "where to go"});
    assert_eq!(live, expected);

    server.post("plans", "Alice", "to the sea").await;
    server.put_room("plans", &json!({"title": "Holidays"})).await;
    let mut replay = Reader::open(&server, transport, "plans", Query::since(0)).await;
    assert_eq!(replay.next_durable().await, expected, "replayed as it was, not as the room is now");
    assert_eq!(kind(&replay.next_durable().await), "chat_message");
    let last = replay.next_durable().await;
    assert_eq!((&last["title"], &last["topic"], &last["id"]), (&json!("Holidays"), &json!("where to go"), &json!(3)));
}

async fn a_change_that_changes_nothing_is_no_event(transport: Transport) {
    let server = Server::start().await;
    server.put_room("plans", &json!({"title": "Plans"})).await;
    let mut reader = Reader::open(&server, transport, "plans", Query::new()).await;
    assert_eq!(reader.next().await["id"], 0);
    for change in [json!({"title": "Plans"}), json!({}), json!({"topic": ""})] {
        assert_eq!(server.put_room("plans", &change).await["head"], 0, "{change}");
    }
    server.post("plans", "Alice", "hello").await;
    let event = reader.next_durable().await;
    assert_eq!((kind(&event), &event["id"]), ("chat_message", &json!(1)));
}

async fn an_event_has_the_fields_of_the_contract(transport: Transport) {
    let server = Server::start().await;
    let mut reader = Reader::open(&server, transport, "general", Query::since(0)).await;
    server.post("general", "Alice", "Hello").await;
    let event = reader.next_durable().await;
    let fields = |value: &Value| value.as_object().expect("an object").keys().cloned().collect::<Vec<_>>();
    assert_eq!(sorted(fields(&event)), ["id", "message", "room", "type"]);
    let message = &event["message"];
    let expected = [
        "client_id",
        "content",
        "deleted_at",
        "edited_at",
        "id",
        "reactions",
        "reply_to",
        "room",
        "timestamp",
        "username",
    ];
    assert_eq!(sorted(fields(message)), expected);
    assert_eq!((&message["room"], &message["username"]), (&json!("general"), &json!("Alice")));
    assert_eq!((&message["edited_at"], &message["deleted_at"]), (&Value::Null, &Value::Null));
    assert_eq!((&message["reply_to"], &message["client_id"]), (&Value::Null, &Value::Null));
    assert_eq!(message["reactions"], json!([]));
    let timestamp = message["timestamp"].as_str().expect("a time");
    let (_, fraction) = timestamp.split_once('.').expect("microseconds");
    assert!(fraction.len() == 7 && fraction.ends_with('Z'), "{timestamp}");
    assert!(chrono::DateTime::parse_from_rfc3339(timestamp).is_ok(), "{timestamp}");
    assert!(is_durable(&event));
}

fn message_ids(event: &Value) -> Vec<i64> {
    let messages = event["messages"].as_array().unwrap_or_else(|| panic!("no messages in {event}"));
    messages.iter().map(|message| message["id"].as_i64().expect("an id")).collect()
}

fn sorted(mut words: Vec<String>) -> Vec<String> {
    words.sort();
    words
}
