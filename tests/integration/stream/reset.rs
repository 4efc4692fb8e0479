//! A reader whose cursor can't be honoured is told so: never silence, always a `reset` first.

use serde_json::{Value, json};

use crate::support::{DEADLINE, Query, Reader, Server, Transport, reader::kind, sse, within};

over_every_transport!(
    a_cursor_past_the_head_is_ahead,
    a_cursor_in_a_room_nobody_has_made_is_ahead,
    a_cursor_below_the_floor_was_pruned,
    a_cursor_from_before_a_restore_is_told_so,
);

async fn expect_reset(reader: &mut Reader, reason: &str, floor: i64, head: i64) -> Value {
    let reset = reader.next().await;
    let room = reset["room"].clone();
    assert_eq!(reset, json!({"type": "reset", "room": room, "reason": reason, "floor": floor, "head": head}));
    let history = reader.next().await;
    assert_eq!(kind(&history), "message_history", "the history follows");
    assert_eq!(history["id"], head, "and moves the cursor");
    history
}

async fn a_cursor_past_the_head_is_ahead(transport: Transport) {
    let server = Server::start().await;
    server.post_many("general", "Alice", 3).await;
    for since in [4, 1_000_000, i64::MAX] {
        let mut reader = Reader::open(&server, transport, "general", Query::since(since)).await;
        let history = expect_reset(&mut reader, "ahead", 0, 3).await;
        assert_eq!(history["messages"].as_array().map(Vec::len), Some(3));
    }
    let mut reader = Reader::open(&server, transport, "general", Query::since(4)).await;
    expect_reset(&mut reader, "ahead", 0, 3).await;
    server.post("general", "Alice", "live").await;
    assert_eq!(reader.next_durable().await["id"], 4);
}

async fn a_cursor_in_a_room_nobody_has_made_is_ahead(transport: Transport) {
    let server = Server::start().await;
    let mut reader = Reader::open(&server, transport, "void", Query::since(1)).await;
    let history = expect_reset(&mut reader, "ahead", 0, 0).await;
    assert_eq!(history["messages"], json!([]));
    server.post("void", "Alice", "live").await;
    assert_eq!(reader.next_durable().await["id"], 1);
}

async fn a_cursor_below_the_floor_was_pruned(transport: Transport) {
    let mut server = Server::start().await;
    server.post_many("general", "Alice", 10).await;
    assert!(server.terminate().await.success());
    server.sql("DELETE FROM message WHERE id <= 5").await;
    server.sql("UPDATE room SET floor = 5, floor_reason = 'pruned'").await;
    server.restart().await;

    for since in [0, 3, 4] {
        let mut reader = Reader::open(&server, transport, "general", Query::since(since)).await;
        let history = expect_reset(&mut reader, "pruned", 5, 10).await;
        let ids: Vec<_> = history["messages"].as_array().expect("messages").iter().map(|m| m["id"].clone()).collect();
        assert_eq!(ids, [6, 7, 8, 9, 10]);
    }
    let mut reader = Reader::open(&server, transport, "general", Query::since(5)).await;
    for id in 6..=10 {
        let event = reader.next().await;
        assert_eq!((kind(&event), &event["id"]), ("chat_message", &json!(id)), "the floor itself can be resumed from");
    }
}

async fn a_cursor_from_before_a_restore_is_told_so(transport: Transport) {
    let mut server = Server::start().await;
    server.post_many("general", "Alice", 3).await;
    assert!(server.terminate().await.success());
    server.sql("UPDATE room SET floor = head + 1000000, head = head + 1000000, floor_reason = 'restored'").await;
    server.restart().await;

    let mut reader = Reader::open(&server, transport, "general", Query::since(3)).await;
    let history = expect_reset(&mut reader, "restored", 1_000_003, 1_000_003).await;
    assert_eq!(history["messages"].as_array().map(Vec::len), Some(3), "what was restored is still there");
    server.post("general", "Alice", "live").await;
    assert_eq!(reader.next_durable().await["id"], 1_000_004);

    let mut reader = Reader::open(&server, transport, "general", Query::since(1_000_003)).await;
    assert_eq!(reader.next().await["id"], 1_000_004);
}

#[tokio::test]
async fn a_last_event_id_that_cannot_be_read_is_invalid() {
    let server = Server::start().await;
    server.post_many("general", "Alice", 3).await;
    for id in ["banana", "-1", "1.5", "1,2", "99999999999999999999999"] {
        let url = server.api("/rooms/general/stream?since=1");
        let request = server.http().get(url).header("Last-Event-ID", id);
        let mut stream = sse::Stream::send(request).await;
        assert_eq!(stream.status, 200, "{id}: an EventSource gives up on any other");
        let events = async { [stream.next().await, stream.next().await] };
        let [reset, history] =
            within(DEADLINE, "reset and history", events).await.map(|frame| frame.expect("an event"));
        let expected = json!({"type": "reset", "room": "general", "reason": "invalid", "floor": 0, "head": 3});
        assert_eq!(serde_json::from_str::<Value>(&reset.data).expect("JSON"), expected, "{id}");
        assert_eq!((reset.event.as_deref(), reset.id), (Some("reset"), None));
        assert_eq!((history.event.as_deref(), history.id.as_deref()), (Some("message_history"), Some("3")));
    }
}

#[tokio::test]
async fn of_two_headers_that_differ_none_is_resumed_from() {
    let server = Server::start().await;
    server.post_many("general", "Alice", 3).await;
    for path in ["/rooms/general/stream?since=1", "/stream?rooms=general", "/stream?rooms=general,other"] {
        let request = server.http().get(server.api(path)).header("Last-Event-ID", "1").header("Last-Event-ID", "2");
        let mut stream = sse::Stream::send(request).await;
        let event = within(DEADLINE, "a reset", stream.next()).await.expect("an event");
        let event: Value = serde_json::from_str(&event.data).expect("JSON");
        assert_eq!((&event["type"], &event["reason"]), (&json!("reset"), &json!("invalid")), "{path}");
    }
    let request = server.http().get(server.api("/rooms/general/stream"));
    let mut stream = sse::Stream::send(request.header("Last-Event-ID", "2").header("Last-Event-ID", "2")).await;
    let event = within(DEADLINE, "what was missed", stream.next()).await.expect("an event");
    assert_eq!(event.id.as_deref(), Some("3"), "the same on both lines");
}

#[tokio::test]
async fn an_id_in_the_query_resumes_as_the_header_does() {
    let server = Server::start().await;
    server.post_many("general", "Alice", 4).await;
    for (path, header, first) in [
        ("/rooms/general/stream?lastEventId=2", None, 3),
        ("/rooms/general/stream?last_event_id=2", None, 3),
        ("/rooms/general/stream?lastEventId=2&since=1", None, 3),
        ("/rooms/general/stream?lastEventId=&since=1", None, 2),
        ("/rooms/general/stream?lastEventId=2&since=1", Some("3"), 4),
        ("/rooms/general/stream?lastEventId=2", Some(""), 3),
        ("/stream?rooms=general&lastEventId=2", None, 3),
        ("/stream?rooms=general&last_event_id=2~1zne&since=general:1", None, 3),
        ("/stream?rooms=general&lastEventId=2", Some("3~1zne"), 4),
    ] {
        let request = server.http().get(server.api(path));
        let request = header.into_iter().fold(request, |request, id| request.header("Last-Event-ID", id));
        let mut stream = sse::Stream::send(request).await;
        let event = within(DEADLINE, "what was missed", stream.next()).await.expect("an event");
        let event: Value = serde_json::from_str(&event.data).expect("JSON");
        assert_eq!((&event["type"], &event["id"]), (&json!("chat_message"), &json!(first)), "{path} {header:?}");
    }
    for path in ["/rooms/general/stream?lastEventId=banana&since=1", "/stream?rooms=general&last_event_id=1,2,x"] {
        let mut stream = sse::Stream::send(server.http().get(server.api(path))).await;
        let event = within(DEADLINE, "a reset", stream.next()).await.expect("an event");
        let event: Value = serde_json::from_str(&event.data).expect("JSON");
        assert_eq!((&event["type"], &event["reason"]), (&json!("reset"), &json!("invalid")), "{path}");
    }
}
