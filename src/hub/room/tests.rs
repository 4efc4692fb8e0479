//! A room's people, with the time of waiting in the test's hand.

use serde_json::Value;
use tokio::time::{advance, timeout};
use tokio_util::task::TaskTracker;

use super::*;
use crate::{
    domain::{event::TypeSet, timestamp::Timestamp},
    hub::{presence::CROWD, ring::MAX_EPHEMERAL, typing::TYPING_CROWD},
};

const LAPSE: Duration = Timings::DEFAULT.typing_lapse;
const SOCKET_LAPSE: Duration = Timings::DEFAULT.socket_typing_lapse;
const GRACE: Duration = Timings::DEFAULT.presence_grace;
const LEASE: Duration = Timings::DEFAULT.presence_lease;
const DIGEST_INTERVAL: Duration = Timings::DEFAULT.presence_digest_interval;

/// A room of its own, whose expirations run.
fn room_with_expirations() -> (Arc<Room>, TaskTracker) {
    let expirations = Arc::<Expirations>::default();
    let clock = Clock::new(|| Timestamp::from_micros(0));
    let tasks = TaskTracker::new();
    let running = expirations.clone();
    tasks.spawn(async move { running.run().await });
    (Room::new(RoomName::parse("general").unwrap(), clock, expirations, &Timings::DEFAULT), tasks)
}

/// Takes what is ready for a reader without a name.
fn take(room: &Room, position: &mut Position) -> Vec<Value> {
    let mut events = Vec::new();
    let filter = ReadFilter { types: TypeSet::ALL, user: None, types_as: None, limit: 200 };
    position.asked_cursors = true;
    room.take(&filter, position, &mut events);
    events.iter().map(|event| serde_json::from_slice(&event.frame.json()).unwrap()).collect()
}

fn position() -> Position {
    Position { cursor: 0, last: EventId::MAX, told: 0, seen: 0, state_due: false, asked_cursors: false }
}

fn user(number: usize) -> Username {
    Username::parse(&format!("user{number}")).unwrap()
}

#[tokio::test(start_paused = true)]
async fn typing_lapses_and_a_renewal_is_no_event() {
    let (room, _tasks) = room_with_expirations();
    let (mut position, mut marks) = (position(), room.watch());
    for (hold, renewals) in [(LAPSE, 3), (SOCKET_LAPSE, 0)] {
        let start = Instant::now();
        room.start_typing(&user(1), TypingBy::Requests, hold);
        assert_eq!(take(&room, &mut position)[0]["is_typing"], true);
        for _ in 0..renewals {
            advance(LAPSE / 2).await;
            room.start_typing(&user(1), TypingBy::Requests, hold);
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
    let (room, _tasks) = room_with_expirations();
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
async fn a_room_counts_its_people_among_its_memory() {
    let (room, _tasks) = room_with_expirations();
    let empty = room.bytes();
    let here: Vec<_> = (0..10).map(|number| room.attend(&user(number))).collect();
    assert_eq!(room.bytes(), empty + 10 * PERSON_BYTES);
    drop(here);
}

#[tokio::test(start_paused = true)]
async fn of_a_crowd_only_the_number_is_told_and_only_now_and_then() {
    let (room, _tasks) = room_with_expirations();
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
    let (room, _tasks) = room_with_expirations();
    let mut position = position();
    for _ in 0..MAX_EPHEMERAL {
        room.start_typing(&user(1), TypingBy::Requests, LAPSE);
        room.stop_typing(user(1).key(), TypingBy::Requests);
    }
    room.start_typing(&user(2), TypingBy::Requests, LAPSE);
    let events = take(&room, &mut position);
    assert_eq!(
        (events.len(), &events[0]["type"], &events[0]["typing"][0]),
        (1, &"presence_state".into(), &"user2".into())
    );
}

#[tokio::test(start_paused = true)]
async fn a_crowd_of_leases_ends_a_slice_at_a_time() {
    let clock = Clock::new(|| Timestamp::from_micros(0));
    let room = Room::new(RoomName::parse("general").unwrap(), clock, Arc::default(), &Timings::DEFAULT);
    let count = 10 * SLICE;
    for number in 0..count {
        room.attend(&user(number)).end_with_lease(LEASE);
    }
    let now = Instant::now() + LEASE + GRACE;
    for slice in 1..=10 {
        assert_eq!(room.online(), count - (slice - 1) * SLICE);
        assert!(!room.clone().expire(now, now), "there is more");
    }
    assert!(room.clone().expire(now, now));
    assert_eq!(room.online(), 0);
}

#[tokio::test(start_paused = true)]
async fn of_a_crowd_that_types_some_names_and_the_number_are_told_now_and_then() {
    let (room, _tasks) = room_with_expirations();
    let (mut position, mut marks) = (position(), room.watch());
    for number in 0..TYPING_CROWD {
        room.start_typing(&user(number), TypingBy::Requests, SOCKET_LAPSE);
    }
    assert_eq!(take(&room, &mut position).len(), TYPING_CROWD, "each of a few is told");
    for number in TYPING_CROWD..500 {
        room.start_typing(&user(number), TypingBy::Requests, SOCKET_LAPSE);
    }
    let state = take(&room, &mut position);
    assert_eq!((state.len(), &state[0]["type"]), (1, &"presence_state".into()), "{state:?}");
    assert_eq!((state[0]["typing"].as_array().unwrap().len(), &state[0]["typing_count"]), (20, &500.into()));
    room.stop_typing(user(0).key(), TypingBy::Requests);
    assert!(take(&room, &mut position).is_empty());
    let start = Instant::now();
    marks.mark_unchanged();
    marks.changed().await.unwrap();
    assert_eq!(start.elapsed(), DIGEST_INTERVAL);
    assert_eq!(take(&room, &mut position)[0]["typing_count"], 499);
}
