//! Readers over a real store, with the time of waiting in the test's hand.

use std::{sync::Arc, time::Duration};

use serde_json::Value;
use tokio::time::{Instant, advance, pause, resume, timeout};
use tokio_stream::StreamExt;
use tokio_util::task::TaskTracker;

use super::*;
use crate::{
    app::tests::{TestApp, actor},
    clock::Clock,
    config::Timings,
    domain::{message::Post, timestamp::Timestamp, version::Precondition},
    hub::{
        CATCH_UPS,
        lapse::Lapses,
        presence::CROWD,
        ring::{MAX_EPHEMERAL, MAX_EVENTS},
        room::TAKE_BYTES,
    },
    store::messages::Range,
};

const LAPSE: Duration = Timings::DEFAULT.typing_lapse;
const SOCKET_LAPSE: Duration = Timings::DEFAULT.socket_typing_lapse;
const GRACE: Duration = Timings::DEFAULT.presence_grace;
const LEASE: Duration = Timings::DEFAULT.presence_lease;
const DIGEST_INTERVAL: Duration = Timings::DEFAULT.presence_digest_interval;

struct Fixture {
    app: TestApp,
}

impl Fixture {
    async fn new() -> Self {
        Self { app: TestApp::new().await }
    }

    async fn post(&self, count: usize) {
        let post = || Post { content: Some("hi".into()), ..Post::default() };
        let room = room();
        let posts = (0..count).map(|_| self.app.post("Poster", &room, post()));
        for posted in futures_util::future::join_all(posts).await {
            posted.unwrap();
        }
    }

    async fn read(&self, start: Start, user: Option<&str>, types: TypeSet) -> Subscription {
        let user = user.map(|name| Username::parse(name).unwrap());
        let state = StateDue::Always;
        let request = Request { start, history: 50, types, user, transport: Transport::Sse, state, limit: 200 };
        self.app.hub.subscribe(&room(), request).await.unwrap()
    }

    async fn end(self) {
        self.app.end().await;
    }
}

fn room() -> RoomName {
    RoomName::parse("general").unwrap()
}

async fn next(subscription: &mut Subscription) -> Vec<Value> {
    let frames = timeout(Duration::from_mins(10), subscription.next()).await.expect("events in time").expect("no end");
    frames.iter().map(|frame| serde_json::from_slice(&frame.json()).unwrap()).collect()
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
    let permits = || fixture.app.hub.catch_ups.available_permits();
    assert!(futures_util::poll!(std::pin::pin!(reader.next())).is_pending(), "it has to read the store");
    let read = async {
        while permits() == CATCH_UPS {
            tokio::task::yield_now().await;
        }
        while permits() < CATCH_UPS {
            tokio::task::yield_now().await;
        }
    };
    timeout(Duration::from_secs(20), read).await.expect("it lets go of the store by itself");
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
        typing.start_typing(&user(1), LAPSE);
        typing.stop_typing(user(1).key());
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
    let state = StateDue::Never;
    let (user, transport, types) = (None, Transport::Sse, TypeSet::ALL);
    let request = Request { start: Start::After(5), history: 50, types, user, transport, state, limit: 200 };
    let mut reader = other.subscribe(&room(), request).await.unwrap();
    fixture.post(3).await;
    other.catch_up().await.unwrap();
    let ids: Vec<_> = next(&mut reader).await.iter().map(|event| event["id"].as_i64().unwrap()).collect();
    assert_eq!(ids, [6, 7, 8]);
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
    let waiting = fixture.app.chat.messages(&bob, &room, Range::After(1), 10, Duration::from_secs(20));
    let posting = async {
        // The map's, this one's, and that of whoever waits.
        while Arc::strong_count(&hub.room(&room)) < 3 {
            tokio::task::yield_now().await;
        }
        hub.sweep(Instant::now() + Duration::from_mins(2));
        fixture.post(1).await;
    };
    let both = futures_util::future::join(waiting, posting);
    let (page, ()) = timeout(Duration::from_secs(10), both).await.expect("it is woken");
    assert_eq!(page.unwrap().messages[0].id, 2);
    fixture.end().await;
}

#[tokio::test]
async fn a_room_leaves_memory_only_once_nobody_would_notice() {
    let fixture = Fixture::new().await;
    fixture.post(2).await;
    let mut reader = fixture.read(Start::After(0), Some("Alice"), TypeSet::ALL).await;
    pause();
    advance(IDLE_FOR_TEST).await;
    fixture.app.hub.sweep(Instant::now());
    assert!(fixture.app.hub.room_in_memory(&room()).is_some(), "somebody reads it");
    assert_eq!(next(&mut reader).await.len(), 4, "two messages, who is here, and who has read");
    drop(reader);
    advance(GRACE).await;
    fixture.app.hub.room(&room()).lapse(Instant::now(), Instant::now());
    advance(IDLE_FOR_TEST).await;
    fixture.app.hub.sweep(Instant::now());
    assert!(fixture.app.hub.room_in_memory(&room()).is_none());
    resume();
    let mut reader = fixture.read(Start::After(1), None, TypeSet::ALL).await;
    assert_eq!(next(&mut reader).await[0]["id"], 2);
    fixture.end().await;
}

const IDLE_FOR_TEST: Duration = Duration::from_secs(61);

/// A room of its own, whose lapses run.
fn room_with_lapses() -> (Arc<Room>, TaskTracker) {
    let lapses = Arc::<Lapses>::default();
    let clock = Clock::new(|| Timestamp::from_micros(0));
    let tasks = TaskTracker::new();
    let running = lapses.clone();
    tasks.spawn(async move { running.run().await });
    (Room::new(room(), clock, lapses, &Timings::default()), tasks)
}

/// What a reader without a name takes from a room.
fn take(room: &Room, position: &mut Position) -> Vec<Value> {
    let mut frames = Vec::new();
    room.take(Lens { types: TypeSet::ALL, user: None, limit: 200, awaits_reads: false }, position, &mut frames);
    frames.iter().map(|frame| serde_json::from_slice(&frame.json()).unwrap()).collect()
}

fn position() -> Position {
    Position { cursor: 0, told: 0, seen: 0, state_due: false }
}

fn user(number: usize) -> Username {
    Username::parse(&format!("user{number}")).unwrap()
}

#[tokio::test(start_paused = true)]
async fn typing_lapses_and_a_renewal_is_no_event() {
    let (room, _tasks) = room_with_lapses();
    let (mut position, mut marks) = (position(), room.watch());
    for (hold, renewals) in [(LAPSE, 3), (SOCKET_LAPSE, 0)] {
        let start = Instant::now();
        room.start_typing(&user(1), hold);
        assert_eq!(take(&room, &mut position)[0]["is_typing"], true);
        for _ in 0..renewals {
            advance(LAPSE / 2).await;
            room.start_typing(&user(1), hold);
            assert!(take(&room, &mut position).is_empty());
        }
        marks.mark_unchanged();
        marks.changed().await.unwrap();
        assert_eq!(start.elapsed().as_secs(), hold.as_secs() + renewals * (LAPSE / 2).as_secs());
        assert_eq!(take(&room, &mut position)[0]["is_typing"], false);
    }
}

#[tokio::test(start_paused = true)]
async fn a_lease_holds_presence_between_polls() {
    let (room, _tasks) = room_with_lapses();
    let (mut position, mut marks) = (position(), room.watch());
    let start = Instant::now();
    room.attend(&user(1)).end_with_lease(LEASE);
    assert_eq!(take(&room, &mut position)[0]["status"], "online");
    marks.mark_unchanged();
    marks.changed().await.unwrap();
    assert_eq!(take(&room, &mut position)[0]["status"], "offline");
    assert_eq!(start.elapsed(), LEASE + GRACE);
}

#[tokio::test(start_paused = true)]
async fn of_a_crowd_only_the_number_is_told_and_only_now_and_then() {
    let (room, _tasks) = room_with_lapses();
    let (mut position, mut marks) = (position(), room.watch());
    let mut here: Vec<_> = (0..CROWD).map(|number| room.attend(&user(number))).collect();
    assert_eq!(take(&room, &mut position).len(), CROWD, "each arrival of a few is told");

    here.extend((CROWD..CROWD + 50).map(|number| room.attend(&user(number))));
    let state = take(&room, &mut position);
    assert_eq!(state.len(), 1, "{state:?}");
    assert_eq!((&state[0]["type"], &state[0]["users"]), (&"presence_state".into(), &Value::Array(vec![])));

    let start = Instant::now();
    marks.mark_unchanged();
    marks.changed().await.unwrap();
    assert_eq!(start.elapsed(), DIGEST_INTERVAL);
    let state = take(&room, &mut position);
    assert_eq!((state.len(), &state[0]["online"]), (1, &(CROWD + 50).into()));

    here.truncate(10);
    advance(GRACE + Duration::from_secs(1)).await;
    marks.mark_unchanged();
    let _ = timeout(Duration::from_secs(10), marks.changed()).await;
    let state = take(&room, &mut position).pop().unwrap();
    assert_eq!(
        (&state["online"], state["users"].as_array().unwrap().len()),
        (&10.into(), 10),
        "few again: all are named"
    );
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_missed_ephemeral_events_is_told_the_state_instead() {
    let (room, _tasks) = room_with_lapses();
    let mut position = position();
    for _ in 0..MAX_EPHEMERAL {
        room.start_typing(&user(1), LAPSE);
        room.stop_typing(user(1).key());
    }
    room.start_typing(&user(2), LAPSE);
    let events = take(&room, &mut position);
    assert_eq!(
        (events.len(), &events[0]["type"], &events[0]["typing"][0]),
        (1, &"presence_state".into(), &"user2".into())
    );
}
