//! Several rooms on one stream: in each the promises of a room of its own, and one id that has all cursors.

mod cursors;

use std::{sync::Arc, time::Duration};

use rand::Rng as _;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::support::{
    DEADLINE, Query, Reader, Server, Transport,
    problem::expect_problem,
    reader::{is_durable, kind},
    rooms::RoomsReader,
    seeded, within,
};

const ROOMS: [&str; 3] = ["one", "two", "three"];

fn message_ids(event: &Value) -> Vec<i64> {
    let messages = event["messages"].as_array().unwrap_or_else(|| panic!("no messages in {event}"));
    messages.iter().map(|message| message["id"].as_i64().expect("an id")).collect()
}

/// An event's type, its room and its id.
fn gist(event: &Value) -> (&str, &str, i64) {
    (kind(event), event["room"].as_str().expect("a room"), event["id"].as_i64().unwrap_or(0))
}

#[tokio::test]
async fn each_room_comes_with_its_history_and_goes_on_live() {
    let server = Server::start().await;
    server.post_many("one", "Alice", 60).await;
    server.post_many("three", "Alice", 2).await;
    let mut reader = RoomsReader::open(&server, &ROOMS, "").await;
    for (room, before, head) in [("one", 10, 60), ("two", 0, 0), ("three", 0, 2)] {
        let history = reader.next_told().await;
        assert_eq!(gist(&history), ("message_history", room, head), "room by room, in the order asked");
        assert_eq!((message_ids(&history), &history["has_more"]), ((before + 1..=head).collect(), &json!(before > 0)));
        let state = reader.next().await;
        assert_eq!((kind(&state), &state["room"]), ("presence_state", &json!(room)));
    }
    assert_eq!(reader.cursors(), Some("60,0,2"));

    for round in 1..=5 {
        for (room, before) in [("two", 0), ("one", 60), ("three", 2)] {
            let posted = server.post(room, "Alice", "live").await;
            let event = reader.next_durable().await;
            assert_eq!((gist(&event), &event["message"]), (("chat_message", room, before + round), &posted));
        }
    }
    assert_eq!(reader.cursors(), Some("65,5,7"));
    server.put_room("two", &json!({"title": "Two"})).await;
    assert_eq!(gist(&reader.next_durable().await), ("room_updated", "two", 6));
}

#[tokio::test]
async fn the_data_is_the_same_bytes_as_on_a_rooms_own_stream() {
    let server = Server::start().await;
    for room in ["one", "two"] {
        server.post(room, "Alice \"O'Brien\" 👩", "tab\t quote\" </script> \u{2028} é \u{1}").await;
    }
    for (since, own) in
        [("", Query::new()), ("since=one:0,two:0", Query::since(0)), ("since=one:9,two:9", Query::since(9))]
    {
        let mut reader = RoomsReader::open(&server, &["one", "two"], &format!("{since}&history=1")).await;
        for room in ["one", "two"] {
            let mut alone = Reader::open(&server, Transport::Sse, room, own.clone().history(1)).await;
            loop {
                let text = alone.next_text().await;
                let (event, frame) = reader.next_or_end().await.expect("an event");
                assert_eq!(frame.data, text, "{room} since {since:?}");
                assert_eq!(frame.event.as_deref(), Some(kind(&event)));
                if kind(&event) == "presence_state" {
                    break;
                }
            }
            // It comes once more, and last.
            alone.until_type("read_state").await;
            reader.until("read_state", |event| kind(event) == "read_state").await;
        }
    }

    let mut unnamed = RoomsReader::open(&server, &["one", "two"], "named=false").await;
    let (event, frame) = unnamed.next_or_end().await.expect("an event");
    assert_eq!((kind(&event), frame.event, frame.id.as_deref()), ("message_history", None, Some("1,0~m5ss")));
}

/// A reader that is cut between the first room and the last may still have old things of the last.
#[tokio::test]
async fn fifty_rooms_fit_on_a_connection_and_no_more() {
    let server = Server::start().await;
    let names: Vec<String> = (0..51).map(|number| format!("{}{number}", "r".repeat(98))).collect();
    let rooms: Vec<&str> = names.iter().map(String::as_str).collect();
    for room in &rooms {
        server.post(room, "Alice", "first").await;
    }
    let mut reader = RoomsReader::open(&server, &rooms[..50], "").await;
    for room in &rooms[..50] {
        assert_eq!(gist(&reader.next_told().await), ("message_history", *room, 1));
    }
    for room in &rooms[..50] {
        server.post(room, "Alice", "live").await;
        assert_eq!(gist(&reader.next_durable().await), ("chat_message", *room, 2));
    }
    let id = reader.id.clone().expect("an id");
    assert_eq!(reader.cursors(), Some(vec!["2"; 50].join(",").as_str()));
    server.post(rooms[49], "Alice", "while away").await;
    let mut reader = RoomsReader::resume(&server, &rooms[..50], "", Some(&id)).await;
    assert_eq!(gist(&reader.next_told().await), ("chat_message", rooms[49], 3));

    let answer = server.get(&format!("/stream?rooms={}", rooms.join(","))).await;
    let problem = expect_problem(answer, 400, "bad_query", &["rooms"]).await;
    assert!(problem["detail"].as_str().expect("a detail").contains("50"), "{problem}");
}

#[tokio::test]
async fn what_can_not_be_asked_is_refused_by_its_name() {
    let server = Server::start().await;
    for (query, field) in [
        ("", "rooms"),
        ("rooms=", "rooms"),
        ("rooms=,", "rooms"),
        ("rooms=one,", "rooms"),
        ("rooms=one,,two", "rooms"),
        ("rooms=one,t.wo", "rooms"),
        ("rooms=one,%20two", "rooms"),
        ("rooms=one,two,one", "rooms"),
        (&format!("rooms={}", "x".repeat(101)), "rooms"),
        ("rooms=one&since=", "since"),
        ("rooms=one&since=12", "since"),
        ("rooms=one&since=one:", "since"),
        ("rooms=one&since=one:-1", "since"),
        ("rooms=one&since=one:1,", "since"),
        ("rooms=one&since=one:1,one:2", "since"),
        ("rooms=one&since=o.ne:1", "since"),
        ("rooms=one&since=one:9223372036854775808", "since"),
        ("rooms=one&history=201", "history"),
        ("rooms=one&types=nonsense", "types"),
        ("rooms=one&username=%E2%80%AE", "username"),
        ("rooms=one&named=perhaps", "named"),
    ] {
        // Also from who accepts a stream: it would ask the same again for ever.
        for accept in ["*/*", "text/event-stream"] {
            let request = server.http().get(server.api(&format!("/stream?{query}"))).header("Accept", accept);
            let answer = within(DEADLINE, "an answer", request.send()).await.expect("an answer");
            expect_problem(answer, 400, "bad_query", &[field]).await;
        }
    }
}

#[tokio::test]
async fn readers_who_join_while_writers_post_to_several_rooms_miss_nothing() {
    const READERS: usize = 12;
    const MESSAGES: i64 = 250;
    let mut random = seeded();
    let server = Arc::new(Server::start().await);
    let mut writers = JoinSet::new();
    for room in ROOMS {
        let server = Arc::clone(&server);
        writers
            .spawn(async move { server.post_many(room, "Alice", usize::try_from(MESSAGES).expect("a count")).await });
    }
    let mut readers = JoinSet::new();
    for number in 0..READERS {
        let server = Arc::clone(&server);
        let hops: Vec<usize> = (0..1_000).map(|_| random.random_range(1..120)).collect();
        readers.spawn(async move {
            // A third each: without cursors, from the beginning, and both.
            let query = ["", "since=one:0,two:0,three:0", "since=two:0"][number % 3];
            let mut reader = RoomsReader::open(&server, &ROOMS, query).await;
            for length in hops {
                for _ in 0..length {
                    if reader.is_at(MESSAGES) {
                        return;
                    }
                    reader.next_told().await;
                }
                // Dropped without a goodbye, and back with the id as a browser does it.
                reader = reader.again(&server, query).await;
            }
            panic!("never at the end");
        });
    }
    within(DEADLINE * 3, "all readers are through", readers.join_all()).await;
    writers.join_all().await;
}

#[tokio::test]
async fn a_filter_holds_in_each_room_and_strands_no_cursor() {
    // No ping for silence: the only one is for what was filtered out.
    let server = Server::builder().time("ping-interval", Duration::from_mins(10)).start().await;
    for room in ROOMS {
        server.post_many(room, "Alice", 2).await;
        server.put_room(room, &json!({"title": room})).await;
    }
    let since = "since=one:0,two:0,three:0&types=room_updated";
    let mut reader = RoomsReader::open(&server, &ROOMS, since).await;
    for room in ROOMS {
        assert_eq!(gist(&reader.next_told().await), ("room_updated", room, 3));
    }
    // All in a room whose events it does not see, while another one keeps the line from being silent.
    server.post_at_once("two", "Alice", 210).await;
    let ping = reader.until("a ping", |event| kind(event) == "ping").await;
    assert_eq!(ping["room"], "two");
    assert!(reader.cursor("two") >= 203, "{ping}");
    assert_eq!((reader.cursor("one"), reader.cursor("three")), (3, 3));
}

#[tokio::test]
async fn its_user_is_here_in_every_room_and_gone_from_all() {
    let server = Server::builder().time("presence-grace", Duration::from_secs(1)).start().await;
    let mut watching = Vec::new();
    for room in ["one", "two"] {
        let mut watcher = Reader::open(&server, Transport::Sse, room, Query::new()).await;
        watcher.until_type("presence_state").await;
        watching.push(watcher);
    }
    let mut reader = RoomsReader::open(&server, &["one", "two"], "username=Olive").await;
    for _ in 0..2 {
        let state = reader.until("who is here", |event| kind(event) == "presence_state").await;
        assert_eq!((&state["online"], &state["users"][0]["username"]), (&json!(1), &json!("Olive")));
    }
    for watcher in &mut watching {
        let status = watcher.until_type("user_status").await;
        assert_eq!((&status["username"], &status["status"]), (&json!("Olive"), &json!("online")));
    }
    server.typing("two", "Olive", true).await;
    server.typing("one", "Bob", true).await;
    let typing = reader.until("somebody types", |event| kind(event) == "typing_indicator").await;
    assert_eq!((&typing["room"], &typing["username"]), (&json!("one"), &json!("Bob")), "never to the one who types");
    drop(reader);
    for watcher in &mut watching {
        let gone = watcher.until("Olive goes", |event| event["status"] == "offline").await;
        assert_eq!(gone["username"], "Olive");
    }
}

#[tokio::test]
async fn the_end_of_the_server_is_told_once_and_a_reader_comes_back() {
    let mut server = Server::start().await;
    for room in ROOMS {
        server.post(room, "Alice", "before").await;
    }
    let mut reader = RoomsReader::open(&server, &ROOMS, "").await;
    for room in ROOMS {
        reader.reach(room, 1).await;
    }
    server.signal("TERM");
    let mut goodbyes = 0;
    while let Some((event, _)) = reader.next_or_end().await {
        goodbyes += usize::from(kind(&event) == "server_shutdown");
    }
    assert_eq!(goodbyes, 1);
    assert_eq!(server.wait_for_exit().await.code(), Some(0));
    server.restart().await;
    server.post("two", "Alice", "after").await;
    let mut reader = RoomsReader::resume(&server, &ROOMS, "", reader.id.as_deref()).await;
    assert_eq!(gist(&reader.next_told().await), ("chat_message", "two", 2));
}

#[tokio::test]
async fn what_happens_to_messages_comes_from_each_room() {
    let server = Server::start().await;
    let mut reader = RoomsReader::open(&server, &["one", "two"], "since=one:0,two:0").await;
    server.post("one", "Alice", "Helo").await;
    server.post("two", "Alice", "gone soon").await;
    let edit = server.http().patch(server.api("/rooms/one/messages/1"));
    let edit = edit.json(&json!({"username": "Alice", "content": "Hello"})).send();
    assert_eq!(within(DEADLINE, "an edit", edit).await.expect("an answer").status(), 200);
    let delete = server.http().delete(server.api("/rooms/two/messages/1?username=Alice")).send();
    assert_eq!(within(DEADLINE, "a deletion", delete).await.expect("an answer").status(), 200);
    reader.reach("one", 2).await;
    reader.reach("two", 2).await;
    let mut replay = RoomsReader::resume(&server, &["one", "two"], "", Some("1,0")).await.knows("one", 1);
    assert_eq!(gist(&replay.next_told().await), ("message_edited", "one", 2));
    let tombstone = replay.next_told().await;
    assert_eq!((gist(&tombstone), &tombstone["message"]["content"]), (("chat_message", "two", 1), &json!("")));
    assert!(is_durable(&tombstone));
    assert_eq!(gist(&replay.next_told().await), ("message_deleted", "two", 2));
}
