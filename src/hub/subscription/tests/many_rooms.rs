//! Readers of several rooms over a real store.

use std::collections::HashMap;

use super::{Duration, Fixture, Instant, Start, Value, Wanted, name, pause, request, resume, timeout};
use crate::{
    app::tests::actor,
    clock::Clock,
    config::Timings,
    domain::{
        EventId,
        actor::Actor,
        cursor::Positions,
        event::{EventType, ResetReason, TypeSet},
        version::Precondition,
    },
    hub::{Hub, frame::Placed, registry::CloseReason, subscription::Subscription},
};
use std::sync::Arc;
use tokio_stream::StreamExt;

async fn read(fixture: &Fixture, rooms: &[(&str, Start)], types: TypeSet) -> Subscription {
    read_from(&fixture.app.hub, rooms, types).await
}

async fn read_from(hub: &Arc<Hub>, rooms: &[(&str, Start)], types: TypeSet) -> Subscription {
    let rooms = rooms.iter().map(|(room, start)| Wanted { room: name(room), start: *start, denied: None }).collect();
    hub.subscribe_to_all(&Actor::nameless(), rooms, request(types)).await.unwrap()
}

/// The events that come together, each with the id that goes with it.
async fn next(reader: &mut Subscription) -> Option<Vec<(Value, Option<String>)>> {
    let placed = timeout(Duration::from_mins(10), reader.next()).await.expect("events in time")?;
    let event = |placed: Placed| (serde_json::from_slice(&placed.frame.json()).unwrap(), placed.id);
    Some(placed.into_iter().map(event).collect())
}

/// The messages of a room that a page shows.
#[derive(Debug, Default, Clone, PartialEq)]
struct Shown {
    messages: Vec<EventId>,
    cursor: Option<EventId>,
    /// Left from a time that the cursors say nothing of: to be dropped.
    is_stale: bool,
}

/// A page that shows all rooms, made of the events it got.
#[derive(Debug, Clone)]
struct Page {
    rooms: Vec<&'static str>,
    shown: HashMap<String, Shown>,
    id: Option<String>,
}

impl Page {
    fn take(&mut self, event: &Value, id: Option<String>) {
        let (kind, room) = (event["type"].as_str().unwrap(), event["room"].as_str().unwrap());
        assert_eq!(id.is_some(), event["id"].is_i64(), "an id line if the event moves a cursor: {event}");
        let shown = self.shown.entry(room.into()).or_default();
        let given = event["id"].as_i64();
        match kind {
            "reset" => *shown = Shown::default(),
            "message_history" => {
                let messages = event["messages"].as_array().unwrap().iter();
                shown.messages = messages.map(|message| message["id"].as_i64().unwrap()).collect();
                shown.cursor = given;
            }
            "chat_message" => {
                assert!(shown.cursor.is_none_or(|cursor| given == Some(cursor + 1)), "{event} after {shown:?}");
                shown.messages.extend(given);
                shown.cursor = given;
            }
            "ping" => panic!("silence before everything was told: {self:?}"),
            _ => {}
        }
        let Some(id) = id else { return };
        let positions = Positions::parse(&id).unwrap();
        assert_eq!(positions.cursors().len(), self.rooms.len(), "{id}");
        for (room, position) in self.rooms.iter().zip(positions.cursors()) {
            if let Some(cursor) = self.shown.get(*room).and_then(|shown| shown.cursor) {
                assert_eq!(cursor, *position, "{room} in {id}, after {event}");
            }
        }
        self.id = Some(id);
    }

    /// Returns true if every room is shown up to its head.
    fn is_up_to(&self, heads: &[EventId]) -> bool {
        self.rooms.iter().zip(heads).all(|(room, head)| {
            let shown = self.shown.get(*room);
            shown.is_some_and(|shown| shown.cursor == Some(*head) && !shown.is_stale)
        })
    }
}

#[tokio::test]
async fn whenever_a_reader_breaks_off_its_id_brings_just_what_is_missing() {
    let fixture = Fixture::new().await;
    let rooms = ["fresh", "away", "changed", "ahead", "last"];
    let heads = [60, 10, 5, 4, 70];
    for (room, head) in rooms.iter().zip(heads) {
        fixture.post_to(room, usize::try_from(head).unwrap()).await;
    }
    let starts =
        [Start::History, Start::After(3), Start::Reset(ResetReason::RoomsChanged), Start::After(99), Start::History];
    let starts: Vec<_> = rooms.into_iter().zip(starts).collect();
    let stale = Shown { is_stale: true, ..Shown::default() };
    let here = Shown { messages: vec![1, 2, 3], cursor: Some(3), is_stale: false };
    let shown = [("away".to_owned(), here), ("changed".to_owned(), stale.clone()), ("ahead".to_owned(), stale)];
    let begin = Page { rooms: rooms.into(), shown: shown.into(), id: None };

    let mut broken_off_after = 0;
    loop {
        let (mut page, mut taken) = (begin.clone(), 0);
        let mut reader = read(&fixture, &starts, TypeSet::ALL).await;
        'reading: while !page.is_up_to(&heads) {
            for (event, id) in next(&mut reader).await.unwrap() {
                if taken == broken_off_after {
                    break 'reading;
                }
                page.take(&event, id);
                taken += 1;
            }
        }
        drop(reader);
        let was_complete = page.is_up_to(&heads);

        let resumed = page.id.as_ref().map(|id| Positions::parse(id).unwrap());
        let again = |positions: Positions| {
            rooms.into_iter().zip(positions.cursors().iter().copied().map(Start::After)).collect::<Vec<_>>()
        };
        let mut reader = read(&fixture, &resumed.map_or_else(|| starts.clone(), again), TypeSet::ALL).await;
        while !page.is_up_to(&heads) {
            for (event, id) in next(&mut reader).await.unwrap() {
                page.take(&event, id);
            }
        }
        for (room, head) in rooms.into_iter().zip(heads) {
            let shown = &page.shown[room].messages;
            let first = (head - 49).max(1);
            let newest = shown.iter().copied().skip_while(|id| *id < first).collect::<Vec<_>>();
            assert!(shown.len() <= 50, "{room}: no more than its history and what came since");
            assert_eq!(newest, (first..=head).collect::<Vec<_>>(), "{room}, broken off after {broken_off_after}");
        }
        if was_complete {
            break;
        }
        broken_off_after += 1;
    }
    assert!(broken_off_after >= 13, "at every event there was: {broken_off_after}");
    fixture.end().await;
}

#[tokio::test]
async fn history_replay_and_state_come_room_by_room() {
    let fixture = Fixture::new().await;
    // More than what is taken at once, from memory or from the store, and there the last page is full.
    fixture.post_to("one", 300).await;
    fixture.post_to("two", 3).await;
    fixture.post_to("three", 450).await;
    // Another hub knows of nothing and reads the store.
    let cold = Hub::new(
        fixture.app.hub.store_for_tests().clone(),
        Clock::system(),
        fixture.app.health.clone(),
        Timings::default(),
    );
    for hub in [&fixture.app.hub, &cold] {
        // Somebody who reads the second room, which then begins at once when its turn has come.
        let other = read_from(hub, &[("two", Start::History)], TypeSet::ALL).await;
        let starts = [("one", Start::After(0)), ("two", Start::History), ("three", Start::After(0))];
        let mut reader = read_from(hub, &starts, TypeSet::ALL).await;
        assert_eq!(hub.registry().count(), 2);
        assert_eq!(reader.reader.begun(), 1, "the others wait for their turn, with nothing in hand");
        let mut seen = Vec::new();
        while seen.iter().filter(|(_, kind)| kind == "read_state").count() < 3 {
            for (event, _) in next(&mut reader).await.unwrap() {
                seen.push((event["room"].as_str().unwrap().to_owned(), event["type"].as_str().unwrap().to_owned()));
            }
        }
        seen.dedup();
        let told = [("one", "chat_message"), ("two", "message_history"), ("three", "chat_message")];
        let expected: Vec<_> = told
            .into_iter()
            .flat_map(|(room, first)| [first, "presence_state", "read_state"].map(|kind| (room.into(), kind.into())))
            .collect();
        assert_eq!(seen, expected);
        assert_eq!(reader.reader.begun(), 3, "a place in each room");
        drop((reader, other));
        assert_eq!(hub.registry().count(), 0);
    }
    fixture.end().await;
}

#[tokio::test]
async fn a_busy_room_leaves_the_others_their_turn() {
    let fixture = Fixture::new().await;
    fixture.post_to("busy", 1).await;
    let mut reader = read(&fixture, &[("busy", Start::After(0)), ("quiet", Start::History)], TypeSet::ALL).await;
    // Further behind after each batch than before it, however long the store takes with the next room.
    let begins = async {
        while !next(&mut reader).await.unwrap().iter().any(|(event, _)| event["type"] == "message_history") {
            fixture.post_to("busy", 250).await;
        }
    };
    timeout(Duration::from_mins(1), begins).await.expect("the next room begins");
    fixture.post_to("busy", 2_000).await;
    fixture.post_to("quiet", 1).await;
    let mut batches = 0;
    while !next(&mut reader).await.unwrap().iter().any(|(event, _)| event["message"]["room"] == "quiet") {
        batches += 1;
        assert!(batches < 3, "the quiet room is not heard");
    }
    fixture.end().await;
}

#[tokio::test]
async fn a_reader_that_stops_while_a_room_begins_holds_nobody_up_and_tells_nothing_that_was_deleted() {
    let fixture = Fixture::new().await;
    fixture.post_to("one", 1).await;
    fixture.post_to("two", 3).await;
    // This hub has told nobody of the second room yet, so its history has to be read.
    let hub = Hub::new(
        fixture.app.hub.store_for_tests().clone(),
        Clock::system(),
        fixture.app.health.clone(),
        Timings::default(),
    );
    let rooms = [("one", Start::After(1)), ("two", Start::History)];
    let mut reader = read_from(&hub, &rooms, TypeSet::ALL).await;
    assert_eq!(next(&mut reader).await.unwrap()[0].0["type"], "presence_state");
    assert!(futures_util::poll!(std::pin::pin!(reader.next())).is_pending(), "the second room begins");
    // It takes no more, and somebody else reads the second room.
    let other = read_from(&hub, &[("two", Start::History)], TypeSet::ALL);
    timeout(Duration::from_secs(20), other).await.expect("it need not wait for the first");
    let begun = async {
        while !reader.asked.iter().all(|(_, task)| task.is_finished()) {
            tokio::task::yield_now().await;
        }
    };
    timeout(Duration::from_secs(20), begun).await.expect("the second room has begun");
    fixture.app.chat.delete_message(&actor("Poster"), &name("two"), 2, Precondition::default()).await.unwrap();
    hub.catch_up().await.unwrap();
    let told = next(&mut reader).await.unwrap();
    let history = told.iter().find(|(event, _)| event["type"] == "message_history").expect("a history");
    let contents: Vec<_> = history.0["messages"].as_array().unwrap().iter().map(|m| m["content"].clone()).collect();
    assert_eq!(contents, ["hi", "", "hi"]);
    fixture.end().await;
}

#[tokio::test]
async fn one_ping_breaks_the_silence_of_all_rooms_with_all_cursors() {
    let fixture = Fixture::new().await;
    fixture.post_to("one", 3).await;
    fixture.post_to("two", 7).await;
    let types = TypeSet::filter([EventType::PresenceState, EventType::RoomUpdated]);
    let rooms = [("one", Start::History), ("two", Start::After(1)), ("void", Start::History)];
    let mut reader = read(&fixture, &rooms, types).await;
    let mut states = 0;
    while states < 3 {
        let events = next(&mut reader).await.unwrap();
        states += events.iter().filter(|(event, _)| event["type"] == "presence_state").count();
    }
    let mut start = Instant::now();
    // Dropped by the filter, but too little for a ping of its own.
    fixture.post_to("one", 20).await;
    pause();
    for _ in 0..2 {
        let mut ping = next(&mut reader).await.unwrap();
        assert_eq!(ping.len(), 1, "{ping:?}");
        let (event, id) = ping.pop().unwrap();
        assert_eq!((&event["type"], &event["room"], &event["cursor"]), (&"ping".into(), &"one".into(), &23.into()));
        assert_eq!(id.as_deref(), Some("23,7,0~2s7w"));
        assert!(start.elapsed().abs_diff(Duration::from_secs(15)) < Duration::from_secs(1), "{:?}", start.elapsed());
        start = Instant::now();
    }
    resume();
    fixture.end().await;
}

#[tokio::test]
async fn a_filter_strands_no_rooms_cursor() {
    let fixture = Fixture::new().await;
    fixture.post_to("one", 1).await;
    let types = TypeSet::filter([EventType::RoomUpdated]);
    let mut reader = read(&fixture, &[("one", Start::After(1)), ("two", Start::After(0))], types).await;
    fixture.post_to("two", 250).await;
    let start = Instant::now();
    let (ping, id) = next(&mut reader).await.unwrap().pop().unwrap();
    assert_eq!((&ping["type"], &ping["room"]), (&"ping".into(), &"two".into()));
    assert!(ping["cursor"].as_i64().unwrap() >= 200, "{ping}");
    assert_eq!(id, Some(format!("1,{}~m5ss", ping["cursor"])));
    assert!(start.elapsed() < Duration::from_secs(10), "not only once it is silent");
    fixture.end().await;
}

#[tokio::test]
async fn what_has_begun_goes_on_while_the_next_room_waits_for_the_store() {
    let fixture = Fixture::new().await;
    fixture.post_to("here", 2).await;
    fixture.post_to("waits", 2).await;
    let mut reader = read(&fixture, &[("here", Start::History), ("waits", Start::History)], TypeSet::ALL).await;
    fixture.app.hub.store_for_tests().close().await;
    assert_eq!(next(&mut reader).await.unwrap()[0].0["type"], "message_history");
    fixture.post_to("here", 1).await;
    let (event, id) = next(&mut reader).await.unwrap().remove(0);
    assert_eq!((&event["id"], id.as_deref()), (&3.into(), Some("3,0~jgq1")));
    fixture.end().await;
}

#[tokio::test]
async fn the_end_of_the_server_is_told_once() {
    let fixture = Fixture::new().await;
    let rooms = [("one", Start::History), ("two", Start::History), ("three", Start::History)];
    let mut reader = read(&fixture, &rooms, TypeSet::ALL).await;
    let mut begun = 0;
    while begun < 3 {
        begun += next(&mut reader).await.unwrap().iter().filter(|(event, _)| event["id"].is_i64()).count();
    }
    let registry = fixture.app.hub.registry();
    let closing = registry.close_all(CloseReason::Shutdown, Duration::from_millis(300));
    let reading = async {
        let mut goodbyes = Vec::new();
        while let Some(events) = next(&mut reader).await {
            goodbyes.extend(events.into_iter().filter(|(event, _)| event["type"] == "server_shutdown"));
        }
        goodbyes
    };
    let (goodbyes, ()) = tokio::join!(reading, closing);
    assert_eq!(goodbyes.len(), 1, "{goodbyes:?}");
    assert_eq!((&goodbyes[0].0["room"], &goodbyes[0].1), (&"one".into(), &None));
    assert!(next(&mut reader).await.is_none(), "and stays ended");
    fixture.end().await;
}
