//! Readers over a real store, with the time of waiting in the test's hand.

use std::{sync::Arc, time::Duration};

use serde_json::Value;
use tokio::time::{Instant, advance, pause, resume, timeout};
use tokio_stream::StreamExt;

use super::*;
use crate::{
    app::tests::{TestApp, actor},
    clock::Clock,
    config::Timings,
    domain::{
        event::{EventType, TypeSet},
        message::{Post, Range},
        name::RoomName,
        version::Precondition,
    },
    hub::{
        CATCH_UPS,
        expirations::Expires as _,
        queries::{PAGE, Start},
        reader::{DROPPED, StateDue},
        registry::Transport,
        ring::{MAX_EPHEMERAL, MAX_EVENTS},
        typing::TypingBy,
        window::TAKE_BYTES,
    },
};

mod many_rooms;
mod permission;

const LAPSE: Duration = Timings::DEFAULT.typing_lapse;
const GRACE: Duration = Timings::DEFAULT.presence_grace;

struct Fixture {
    app: TestApp,
}

impl Fixture {
    async fn new() -> Self {
        Self { app: TestApp::new().await }
    }

    async fn post(&self, count: usize) {
        self.post_to("general", count).await;
    }

    async fn post_to(&self, room: &str, count: usize) {
        let post = || Post { content: Some("hi".into()), ..Post::default() };
        let room = name(room);
        let posts = (0..count).map(|_| self.app.post("Poster", &room, post()));
        for posted in futures_util::future::join_all(posts).await {
            posted.unwrap();
        }
    }

    async fn read(&self, start: Start, user: Option<&str>, types: TypeSet) -> Subscription {
        let user = user.map(|name| Username::parse(name).unwrap());
        self.app.hub.subscribe(&Actor::nameless(), &room(), start, Request { user, ..request(types) }).await.unwrap()
    }

    async fn end(self) {
        self.app.end().await;
    }
}

/// A reader without a name.
fn request(types: TypeSet) -> Request {
    let (transport, state) = (Transport::Sse, StateDue::Always);
    Request { history: 50, types, user: None, transport, state, limit: 200 }
}

fn name(room: &str) -> RoomName {
    RoomName::parse(room).unwrap()
}

fn room() -> RoomName {
    name("general")
}

fn user(number: usize) -> Username {
    Username::parse(&format!("user{number}")).unwrap()
}

async fn next(subscription: &mut Subscription) -> Vec<Value> {
    let events = timeout(Duration::from_mins(10), subscription.next()).await.expect("events in time").expect("no end");
    events.iter().map(|event| serde_json::from_slice(&event.frame.json()).unwrap()).collect()
}

/// The next event of a type; the others are passed over.
async fn next_of(subscription: &mut Subscription, kind: &str) -> Value {
    loop {
        if let Some(event) = next(subscription).await.into_iter().find(|event| event["type"] == kind) {
            return event;
        }
    }
}

#[tokio::test]
async fn silence_is_broken_by_a_ping_with_the_cursor() {
    let fixture = Fixture::new().await;
    fixture.post(3).await;
    let mut reader = fixture.read(Start::After(3), None, TypeSet::ALL).await;
    assert_eq!(next(&mut reader).await[0]["type"], "presence_state");
    pause();
    for _ in 0..2 {
        let start = Instant::now();
        let ping = next(&mut reader).await;
        assert_eq!((&ping[0]["type"], &ping[0]["cursor"], &ping[0]["id"]), (&"ping".into(), &3.into(), &3.into()));
        assert_eq!(start.elapsed().as_secs(), 15);
    }
    resume();
    fixture.end().await;
}

#[tokio::test]
async fn a_reader_behind_the_ring_reads_the_store_without_a_gap() {
    let fixture = Fixture::new().await;
    fixture.post(1).await;
    let mut reader = fixture.read(Start::After(0), None, TypeSet::ALL).await;
    fixture.post(2 * MAX_EVENTS).await;
    let mut expected = 1;
    while usize::try_from(expected).unwrap() <= 2 * MAX_EVENTS + 1 {
        for event in next(&mut reader).await.into_iter().filter(|event| event["type"] == "chat_message") {
            assert_eq!(event["id"], expected);
            expected += 1;
        }
    }
    fixture.end().await;
}

/// Polls a reader that has to read the store, and then no more, until what it reads is read.
async fn reads_and_stops(fixture: &Fixture, reader: &mut Subscription) {
    let every = || fixture.app.hub.catch_ups.acquire_many(u32::try_from(CATCH_UPS).unwrap());
    let all = every().await.unwrap();
    assert!(futures_util::poll!(std::pin::pin!(reader.next())).is_pending(), "it has to read the store");
    // Whoever asks for it stands in line by then.
    tokio::task::yield_now().await;
    drop(all);
    // Turns are given in that order: these come once the one before is given back.
    let given_back = timeout(Duration::from_secs(20), every()).await.expect("it lets go of the store by itself");
    drop(given_back.unwrap());
}

#[tokio::test]
async fn a_reader_that_stops_holds_nothing_of_the_store_and_tells_nothing_that_was_deleted() {
    let fixture = Fixture::new().await;
    fixture.post(MAX_EVENTS + 200).await;
    let mut reader = fixture.read(Start::After(0), None, TypeSet::ALL).await;
    reads_and_stops(&fixture, &mut reader).await;
    fixture.app.chat.delete_message(&actor("Poster"), &room(), 7, Precondition::default()).await.unwrap();
    let events = next(&mut reader).await;
    assert_eq!(events.len(), usize::try_from(PAGE).unwrap());
    for event in events {
        let content = if event["id"] == 7 { "" } else { "hi" };
        assert_eq!(event["message"]["content"], content, "{event}");
    }
    fixture.end().await;
}

#[tokio::test]
async fn a_message_that_is_deleted_before_the_first_frame_leaves_is_not_shown() {
    let fixture = Fixture::new().await;
    fixture.post(3).await;
    let mut reader = fixture.read(Start::History, None, TypeSet::ALL).await;
    fixture.app.chat.delete_message(&actor("Poster"), &room(), 2, Precondition::default()).await.unwrap();
    let history = next_of(&mut reader, "message_history").await;
    let contents: Vec<_> = history["messages"].as_array().unwrap().iter().map(|m| m["content"].clone()).collect();
    assert_eq!((contents, &history["id"]), (vec!["hi".into(), "".into(), "hi".into()], &4.into()));
    fixture.end().await;
}

#[tokio::test]
async fn a_history_is_encoded_once_and_shared_by_all_who_join() {
    let fixture = Fixture::new().await;
    fixture.post(3).await;
    let mut readers = Vec::new();
    let mut histories = Vec::new();
    for _ in 0..3 {
        let mut reader = fixture.read(Start::History, None, TypeSet::ALL).await;
        histories.push(reader.next().await.unwrap()[0].frame.json());
        readers.push(reader);
    }
    assert!(String::from_utf8_lossy(&histories[0]).contains("message_history"));
    assert!(histories.windows(2).all(|two| two[0].as_ptr() == two[1].as_ptr()), "each has its own copy");
    drop(readers);
    fixture.end().await;
}

#[tokio::test]
async fn what_is_read_from_the_store_at_once_is_bounded_in_bytes() {
    let fixture = Fixture::new().await;
    let content = "x".repeat(9_000);
    let posts = (0..200).map(|_| {
        let post = Post { content: Some(content.clone()), ..Post::default() };
        async { fixture.app.post("Poster", &room(), post).await.unwrap() }
    });
    futures_util::future::join_all(posts).await;
    let mut reader = fixture.read(Start::After(0), None, TypeSet::ALL).await;
    let mut expected = 1;
    while expected <= 200 {
        let events = next(&mut reader).await;
        assert!(events.len() * content.len() <= TAKE_BYTES, "{} at once", events.len());
        for event in events.iter().filter(|event| event["type"] == "chat_message") {
            assert_eq!(event["id"], expected);
            expected += 1;
        }
    }
    fixture.end().await;
}

#[tokio::test]
async fn the_state_comes_with_who_has_read_what_after_that_was_forgotten() {
    let fixture = Fixture::new().await;
    fixture.post(1).await;
    let mut reader = fixture.read(Start::After(1), None, TypeSet::ALL).await;
    assert_eq!(next_of(&mut reader, "read_state").await["cursors"], serde_json::json!([]));
    fixture.app.chat.mark_read(&actor("Bob"), &room(), 1).await.unwrap();
    fixture.app.hub.catch_up().await.unwrap();
    let typing = fixture.app.hub.room(&room());
    for _ in 0..MAX_EPHEMERAL {
        typing.start_typing(&user(1), TypingBy::Requests, LAPSE);
        typing.stop_typing(user(1).key(), TypingBy::Requests);
    }
    let state = next_of(&mut reader, "read_state").await;
    assert_eq!(state["cursors"][0]["username"], "Bob");
    fixture.end().await;
}

#[tokio::test]
async fn what_is_rare_is_sought_a_stretch_of_the_log_at_a_time() {
    let fixture = Fixture::new().await;
    fixture.post(1).await;
    let data = r#"{"title": "t", "topic": ""}"#;
    let rare = format!(
        "INSERT INTO event (room_id, id, kind, data, created_at) SELECT id, 24000, 'room_updated', '{data}', 1 FROM room"
    );
    fixture.app.sql(&rare).await;
    fixture.app.sql("UPDATE room SET head = 25000").await;
    let (store, types) = (&fixture.app.hub.store, TypeSet::filter([EventType::RoomUpdated]));
    let page = store.log_after(&room(), 1, types, 100).await.unwrap();
    assert_eq!((page.events.len(), page.through), (0, 10_001));
    let page = store.log_after(&room(), 20_001, types, 100).await.unwrap();
    assert_eq!((page.events.len(), page.through), (1, 25_000));
    fixture.app.hub.catch_up().await.unwrap();
    let mut reader = fixture.read(Start::After(1), None, types).await;
    assert_eq!(next_of(&mut reader, "room_updated").await["id"], 24_000);
    fixture.end().await;
}

#[tokio::test]
async fn what_memory_was_not_told_is_read_from_the_store() {
    let fixture = Fixture::new().await;
    fixture.post(5).await;
    // A room of another hub is one that was never told.
    let other =
        Hub::new(fixture.app.hub.store.clone(), Clock::system(), fixture.app.health.clone(), Timings::default());
    let running = other.clone();
    let running = tokio_util::task::TaskTracker::new().spawn(async move { running.run().await });
    let request = Request { state: StateDue::Never, ..request(TypeSet::ALL) };
    let mut reader = other.subscribe(&Actor::nameless(), &room(), Start::After(5), request).await.unwrap();
    fixture.post(3).await;
    other.catch_up().await.unwrap();
    let ids: Vec<_> = next(&mut reader).await.iter().map(|event| event["id"].as_i64().unwrap()).collect();
    assert_eq!(ids, [6, 7, 8]);
    running.abort();
    fixture.end().await;
}

#[tokio::test]
async fn a_filter_never_strands_the_cursor() {
    let fixture = Fixture::new().await;
    fixture.post(1).await;
    let types = TypeSet::filter([EventType::RoomUpdated]);
    let mut reader = fixture.read(Start::After(1), None, types).await;
    fixture.post(usize::try_from(DROPPED).unwrap()).await;
    let ping = next_of(&mut reader, "ping").await;
    assert!(ping["cursor"].as_i64().unwrap() >= DROPPED);
    fixture.end().await;
}

#[tokio::test]
async fn a_room_stays_in_memory_while_somebody_waits_for_its_next_message() {
    let fixture = Fixture::new().await;
    fixture.post(1).await;
    let (hub, room, bob) = (&fixture.app.hub, room(), actor("Bob"));
    let waiting = fixture.app.chat.await_message(&bob, &room, 1, Duration::from_secs(20));
    let posting = async {
        // The map's, this one's, and that of whoever waits.
        while Arc::strong_count(&hub.room(&room)) < 3 {
            tokio::task::yield_now().await;
        }
        hub.sweep(Instant::now() + Duration::from_mins(2)).await;
        fixture.post(1).await;
    };
    let both = futures_util::future::join(waiting, posting);
    let (woken, ()) = timeout(Duration::from_secs(10), both).await.expect("it is woken");
    woken.unwrap();
    let page = fixture.app.chat.messages(&bob, &room, Range::After(1), 10).await.unwrap();
    assert_eq!(page.messages[0].id, 2);
    fixture.end().await;
}

#[tokio::test]
async fn a_room_leaves_memory_only_once_nobody_would_notice() {
    let fixture = Fixture::new().await;
    fixture.post(2).await;
    let mut reader = fixture.read(Start::After(0), Some("Alice"), TypeSet::ALL).await;
    pause();
    advance(IDLE_FOR_TEST).await;
    fixture.app.hub.sweep(Instant::now()).await;
    assert!(fixture.app.hub.room_in_memory(&room()).is_some(), "somebody reads it");
    assert_eq!(next(&mut reader).await.len(), 4, "two messages, who is here, and who has read");
    drop(reader);
    advance(GRACE).await;
    fixture.app.hub.room(&room()).expire(Instant::now(), Instant::now());
    advance(IDLE_FOR_TEST).await;
    fixture.app.hub.sweep(Instant::now()).await;
    assert!(fixture.app.hub.room_in_memory(&room()).is_none());
    resume();
    let mut reader = fixture.read(Start::After(1), None, TypeSet::ALL).await;
    assert_eq!(next(&mut reader).await[0]["id"], 2);
    fixture.end().await;
}

#[tokio::test]
async fn a_reader_that_gets_a_name_before_its_first_events_is_here() {
    let fixture = Fixture::new().await;
    let mut reader = fixture.read(Start::History, None, TypeSet::ALL).await;
    reader.join_as(&Username::parse("Alice").unwrap());
    assert_eq!(fixture.app.hub.room(&room()).online(), 1);
    assert_eq!(next_of(&mut reader, "presence_state").await["online"], 1);
    fixture.end().await;
}

const IDLE_FOR_TEST: Duration = Duration::from_secs(61);

#[tokio::test]
async fn a_room_nobody_has_made_leaves_memory_with_its_last_reader() {
    let fixture = Fixture::new().await;
    let hub = &fixture.app.hub;
    let mut one = fixture.read(Start::History, None, TypeSet::ALL).await;
    let two = fixture.read(Start::History, None, TypeSet::ALL).await;
    next(&mut one).await;
    drop(one);
    assert!(hub.room_in_memory(&room()).is_some(), "somebody reads it");
    drop(two);
    assert!(hub.room_in_memory(&room()).is_none());
    fixture.app.chat.set_typing(&actor("Alice"), &room(), true).await.unwrap();
    assert!(hub.room_in_memory(&room()).is_none(), "there is nobody to tell that Alice types");

    // One who is here for a while longer keeps it, and so does a log.
    fixture.read(Start::History, Some("Alice"), TypeSet::ALL).await.end_with_lease(Duration::from_secs(30));
    assert_eq!(hub.room_in_memory(&room()).unwrap().online(), 1);
    fixture.post_to("made", 1).await;
    fixture.app.chat.set_typing(&actor("Alice"), &name("made"), true).await.unwrap();
    let mut reader =
        hub.subscribe(&Actor::nameless(), &name("made"), Start::After(1), request(TypeSet::ALL)).await.unwrap();
    assert_eq!(next_of(&mut reader, "presence_state").await["typing"], serde_json::json!(["Alice"]));
    fixture.end().await;
}

#[tokio::test]
async fn polls_of_an_empty_room_are_not_told_that_it_left_memory() {
    let fixture = Fixture::new().await;
    let poll = async |state: StateDue| {
        let request = Request { transport: Transport::LongPoll, state, ..request(TypeSet::ALL) };
        fixture.app.hub.subscribe(&Actor::nameless(), &room(), Start::After(0), request).await.unwrap()
    };
    let first = poll(StateDue::Never).await;
    let word = first.state_word();
    drop(first);
    assert!(fixture.app.hub.room_in_memory(&room()).is_none());
    let mut again = poll(StateDue::Unless(word)).await;
    assert!(futures_util::poll!(std::pin::pin!(again.next())).is_pending(), "nothing has changed");
    fixture.end().await;
}
