//! `types=`: a reader gets only what it asked for, and its cursor is never stranded.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{
    DEADLINE, Query, Reader, Server, Transport,
    poll::Poller,
    reader::{is_durable, kind},
};

/// Longer than a test waits for anything.
const NO_SILENCE: Duration = Duration::from_mins(10);

over_every_transport!(only_the_types_asked_for_come, history_comes_whatever_the_filter);

async fn only_the_types_asked_for_come(transport: Transport) {
    let server = Server::start().await;
    server.put_room("general", &json!({})).await;
    for round in 0..3 {
        server.post("general", "Alice", "hello").await;
        server.put_room("general", &json!({"title": format!("round {round}")})).await;
    }
    for (types, ids) in [
        ("chat_message", vec![1, 3, 5]),
        ("room_updated", vec![2, 4, 6]),
        ("room_updated,chat_message", (1..=6).collect()),
    ] {
        let mut reader = Reader::open(&server, transport, "general", Query::since(0).types(types)).await;
        for id in ids {
            let event = reader.until("anything but a ping", |event| kind(event) != "ping").await;
            assert!(types.contains(kind(&event)), "{types}: {event}");
            assert_eq!(event["id"], id, "{types}: {event}");
        }
    }

    let mut live = Reader::open(&server, transport, "general", Query::since(6).types("room_updated")).await;
    server.post("general", "Alice", "filtered").await;
    server.put_room("general", &json!({"title": "seen"})).await;
    let event = live.until("anything but a ping", |event| kind(event) != "ping").await;
    assert_eq!((kind(&event), &event["id"]), ("room_updated", &json!(8)));
    assert_eq!(live.cursor(), 8);
}

async fn history_comes_whatever_the_filter(transport: Transport) {
    let server = Server::start().await;
    server.post_many("general", "Alice", 2).await;
    let mut reader = Reader::open(&server, transport, "general", Query::new().types("room_updated")).await;
    assert_eq!(kind(&reader.next().await), "message_history");
    let query = Query::since(9).types("room_updated");
    let mut reader = Reader::open(&server, transport, "general", query).await;
    assert_eq!(kind(&reader.next().await), "reset");
    assert_eq!(kind(&reader.next().await), "message_history");
}

/// The ping that a filter causes, and not the one after a silence, which is minutes away.
async fn ping_at(reader: &mut Reader, at_least: i64) -> Value {
    let ping = reader.until_type("ping").await;
    assert_eq!(ping["id"], ping["cursor"]);
    assert!(ping["cursor"].as_i64().expect("a cursor") >= at_least, "{ping}");
    ping
}

#[tokio::test]
async fn a_stream_that_filters_out_two_hundred_events_of_the_replay_still_moves_its_cursor() {
    let server = Server::builder().time("ping-interval", NO_SILENCE).start().await;
    server.post_at_once("general", "Alice", 210).await;
    for transport in [Transport::Sse, Transport::WebSocket] {
        let query = Query::since(0).types("room_updated");
        let mut reader = Reader::open(&server, transport, "general", query).await;
        ping_at(&mut reader, 200).await;
        assert!(reader.cursor() >= 200, "a ping's id moves the cursor");
    }
}

#[tokio::test]
async fn a_stream_that_filters_out_two_hundred_live_events_still_moves_its_cursor() {
    let server = Server::builder().time("ping-interval", NO_SILENCE).start().await;
    server.put_room("general", &json!({})).await;
    for (round, transport) in [Transport::Sse, Transport::WebSocket].into_iter().enumerate() {
        let head = server.head("general").await;
        let query = Query::since(head).types("room_updated");
        let mut reader = Reader::open(&server, transport, "general", query).await;
        server.post_at_once("general", "Alice", 210).await;
        let ping = ping_at(&mut reader, head + 200).await;
        server.put_room("general", &json!({"title": format!("round {round}")})).await;
        let event = reader.until("an event of the log", is_durable).await;
        assert_eq!((kind(&event), &event["id"]), ("room_updated", &json!(head + 211)), "{ping}");
    }
}

#[tokio::test]
async fn a_polls_next_passes_over_what_was_filtered() {
    let server = Server::start().await;
    server.post_at_once("general", "Alice", 450).await;
    server.put_room("general", &json!({"title": "last"})).await;
    let mut poller = Poller::new(&server, "general", &Query::since(0).types("room_updated"));
    let mut events = Vec::new();
    let started = Instant::now();
    while poller.since != Some(451) {
        events.extend(poller.poll(1).await.expect("an answer").1);
        assert!(started.elapsed() < DEADLINE, "next stands at {:?}", poller.since);
    }
    let events: Vec<Value> = events.iter().map(|event| serde_json::from_str(event).expect("JSON")).collect();
    assert_eq!(events.iter().map(kind).collect::<Vec<_>>(), ["room_updated"]);

    server.post_many("general", "Alice", 3).await;
    let (answer, events) = poller.poll(0).await.expect("an answer");
    assert_eq!((&answer["next"], events.len()), (&json!(454), 0), "also when there is nothing to show");
}

#[tokio::test]
async fn silence_is_broken_by_a_ping_that_carries_the_cursor() {
    const SILENCE: Duration = Duration::from_secs(2);
    let server = Server::builder().time("ping-interval", SILENCE).start().await;
    server.post_many("general", "Alice", 3).await;
    for transport in [Transport::Sse, Transport::WebSocket] {
        let mut reader = Reader::open(&server, transport, "general", Query::since(1)).await;
        assert_eq!(reader.next_durable().await["id"], 2);
        assert_eq!(reader.next_durable().await["id"], 3);
        let started = Instant::now();
        let ping = reader.until_type("ping").await;
        let silent = started.elapsed();
        assert!(silent > SILENCE * 13 / 15, "not before the silence has lasted: {silent:?}");
        assert!(silent < Duration::from_secs(15), "by its setting and not by default: {silent:?}");
        assert_eq!(ping, json!({"type": "ping", "room": "general", "id": 3, "cursor": 3}));
    }
}
