//! Readers by properties: a store that is slow, out or late, while rooms go on.

use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::{
    config::Timings,
    domain::{
        cursor::ListWord,
        event::{EventType, ServiceStatus},
    },
    hub::queries::Start,
    store::error::StoreError,
};

mod denial;
mod scene;

use scene::Scene;

/// Something that happens.
#[derive(Debug, Clone)]
enum Act {
    Post {
        room: usize,
        count: usize,
        told: bool,
    },
    Delete {
        room: usize,
        which: usize,
        told: bool,
    },
    Publish {
        room: usize,
        skipped: usize,
    },
    Learn {
        room: usize,
    },
    Take,
    Read {
        which: usize,
    },
    Answer {
        which: usize,
    },
    Repeat {
        which: usize,
    },
    Fail {
        which: usize,
    },
    Wait {
        seconds: u64,
    },
    Close {
        room: usize,
    },
    /// To leave after the event so many before the head, or after it.
    CloseAfter {
        room: usize,
        back: EventId,
    },
    /// To be given nothing after the event so many before the head, or after it.
    Hold {
        room: usize,
        back: EventId,
    },
    /// To go on after the first of these.
    Resume {
        room: usize,
    },
    /// Something that is not in the log happens.
    Tell {
        room: usize,
    },
}

fn act() -> impl Strategy<Value = Act> {
    let room = 0..3usize;
    let which = 0..64usize;
    prop_oneof![
        4 => (room.clone(), 1..6usize, any::<bool>()).prop_map(|(room, count, told)| Act::Post { room, count, told }),
        4 => (room.clone(), which.clone(), any::<bool>())
            .prop_map(|(room, which, told)| Act::Delete { room, which, told }),
        2 => (room.clone(), prop_oneof![6 => Just(0usize), 1 => 0..4usize])
            .prop_map(|(room, skipped)| Act::Publish { room, skipped }),
        3 => room.clone().prop_map(|room| Act::Learn { room }),
        8 => Just(Act::Take),
        4 => which.clone().prop_map(|which| Act::Read { which }),
        5 => which.clone().prop_map(|which| Act::Answer { which }),
        1 => which.clone().prop_map(|which| Act::Repeat { which }),
        1 => which.prop_map(|which| Act::Fail { which }),
        1 => (0..20u64).prop_map(|seconds| Act::Wait { seconds }),
        1 => room.clone().prop_map(|room| Act::Close { room }),
        1 => (room.clone(), -3..12i64).prop_map(|(room, back)| Act::CloseAfter { room, back }),
        1 => (room.clone(), -3..12i64).prop_map(|(room, back)| Act::Hold { room, back }),
        1 => room.clone().prop_map(|room| Act::Resume { room }),
        2 => room.prop_map(|room| Act::Tell { room }),
    ]
}

/// A reader, and everything it was told.
struct Reading {
    scenes: Vec<Scene>,
    reader: Reader,
    now: Instant,
    /// The questions, and the pages that the store has read for them so far.
    asked: Vec<(Ask, Option<CatchUpPage>)>,
    /// Answers that were given.
    given: Vec<(Ask, CatchUpPage)>,
    /// The last id that was told of each room; absent before its first.
    told: Vec<Option<EventId>>,
    closed: Vec<bool>,
    /// The last event that is to be told of each room, if it is to be left after one.
    last: Vec<Option<EventId>>,
    /// Up to where it may be told then.
    allowed: Vec<Option<EventId>>,
    /// The events after which it is held in each room, each with up to where it may be told.
    holds: Vec<Vec<(EventId, Option<EventId>)>>,
    /// The rooms of which it was told that they were left.
    left: Vec<bool>,
    ended: bool,
}

impl Reading {
    fn new(starts: &[Start], limit: usize, types: TypeSet) -> Self {
        let scenes: Vec<_> = (0..starts.len()).map(Scene::new).collect();
        let places = scenes.iter().zip(starts).map(|(scene, start)| Place::new(scene.room.clone(), *start)).collect();
        let told = starts.iter().map(|start| if let Start::After(cursor) = start { Some(*cursor) } else { None });
        let (user, transport, state) = (None, Transport::Sse, StateDue::Always);
        let request = Request { history: 10, types, user, transport, state, limit };
        let now = Instant::now();
        let positions = (starts.len() > 1)
            .then(|| Positions::new(vec![0; starts.len()], ListWord::of(scenes.iter().map(|s| s.room.name()))));
        Self {
            reader: Reader::new(places, positions, request, Timings::DEFAULT.ping_interval, now),
            now,
            asked: Vec::new(),
            given: Vec::new(),
            told: told.collect(),
            closed: vec![false; starts.len()],
            last: vec![None; starts.len()],
            allowed: vec![None; starts.len()],
            holds: vec![Vec::new(); starts.len()],
            left: vec![false; starts.len()],
            ended: false,
            scenes,
        }
    }

    fn act(&mut self, act: &Act) {
        let rooms = self.scenes.len();
        let asked = self.asked.len().max(1);
        match *act {
            Act::Post { room, count, told } => {
                (0..count).for_each(|_| self.scenes[room % rooms].post());
                self.scenes[room % rooms].publish_if(told);
            }
            Act::Delete { room, which, told } => {
                self.scenes[room % rooms].delete(which);
                self.scenes[room % rooms].publish_if(told);
            }
            Act::Publish { room, skipped } => self.scenes[room % rooms].publish(skipped),
            Act::Learn { room } => self.scenes[room % rooms].learn(),
            Act::Take => {
                self.take();
            }
            Act::Read { which } => {
                if let Some((ask, page)) = self.asked.get_mut(which % asked) {
                    *page = Some(self.scenes[ask.place.0].answer(&ask.query));
                }
            }
            Act::Answer { which } => {
                if self.asked.get(which % asked).is_some_and(|(_, page)| page.is_some()) {
                    let (ask, page) = self.asked.swap_remove(which % asked);
                    let page = page.unwrap();
                    self.reader.answer(&ask, Ok(page.clone()));
                    self.given.push((ask, page));
                }
            }
            Act::Repeat { which } => {
                if let Some((ask, page)) = self.given.get(which % self.given.len().max(1)) {
                    self.reader.answer(ask, Ok(page.clone()));
                }
            }
            Act::Fail { which } => {
                if !self.asked.is_empty() {
                    let (ask, _) = self.asked.swap_remove(which % asked);
                    self.reader.answer(&ask, Err(StoreError::Unavailable("out".into()).into()));
                }
            }
            Act::Wait { seconds } => self.now += Duration::from_secs(seconds),
            Act::Close { room } => {
                self.reader.close(PlaceId(room % rooms), CloseReason::Shutdown);
                self.closed[room % rooms] = true;
            }
            Act::CloseAfter { room, back } => {
                let room = room % rooms;
                let id = (self.scenes[room].head() - back).max(0);
                self.reader.close_after(PlaceId(room), id, Denied::NoSuchRoom);
                if !self.closed[room] && !self.left[room] {
                    self.last[room] = self.last[room].into_iter().chain([id]).min();
                    // What it was told before stays told.
                    self.allowed[room] = self.last[room].max(self.told[room]);
                }
            }
            Act::Hold { room, back } => {
                let id = (self.scenes[room % rooms].head() - back).max(0);
                self.reader.hold_after(self.scenes[room % rooms].room.name(), id);
                self.holds[room % rooms].push((id, self.told[room % rooms].max(Some(id))));
            }
            Act::Resume { room } => {
                let Some((id, _)) = self.holds[room % rooms].pop() else { return };
                self.holds[room % rooms].retain(|(other, _)| *other != id);
                self.reader.resume_after(self.scenes[room % rooms].room.name(), id);
            }
            Act::Tell { room } => self.scenes[room % rooms].room.tell_service(ServiceStatus::Degraded),
        }
    }

    /// Returns true unless there is nothing to take.
    fn take(&mut self) -> bool {
        let mut events = Vec::new();
        match self.reader.take(self.now, &mut events) {
            Step::Took | Step::Warned => {
                assert!(!events.is_empty());
                for event in &events {
                    self.hear(event);
                }
                true
            }
            Step::Ask(ask) => {
                assert!(!self.closed[ask.place.0], "a closed place asks: {ask:?}");
                assert!(
                    self.asked.iter().all(|(other, _)| other.place != ask.place || other.generation < ask.generation)
                );
                self.asked.push((ask, None));
                true
            }
            Step::Idle { .. } => false,
            Step::End(_) => {
                assert!((0..self.closed.len()).all(|room| self.closed[room] || self.left[room]));
                self.ended = true;
                false
            }
        }
    }

    fn hear(&mut self, event: &Placed) {
        let told: Value = serde_json::from_slice(&event.frame.json()).unwrap();
        let index = self.scenes.iter().position(|scene| told["room"] == scene.room.name().as_str()).unwrap();
        if told["type"] == "server_shutdown" {
            return assert!((0..self.closed.len()).all(|room| self.closed[room] || self.left[room]));
        }
        if told["type"] == "error" {
            let last = self.last[index].expect("it was to be left");
            // A history that ends there or later has all of it.
            assert!(self.told[index].is_some_and(|told| told >= last), "{:?} of {last}", self.told[index]);
            return assert!(!std::mem::replace(&mut self.left[index], true), "told twice");
        }
        assert!(!self.left[index], "of a room that was left: {told}");
        if self.last[index].is_some() {
            assert!(told["id"].is_i64(), "of the people, while it leaves: {told}");
            assert!(told["id"].as_i64() <= self.allowed[index], "after {:?}: {told}", self.allowed[index]);
        }
        for (id, allowed) in &self.holds[index] {
            assert!(told["id"].is_i64() && told["id"].as_i64() <= *allowed, "held after {id}: {told}");
        }
        assert!(!self.closed[index], "of a room that was left: {told}");
        let shown =
            told["messages"].as_array().cloned().unwrap_or_default().into_iter().chain(told.get("message").cloned());
        for message in shown {
            let gone = self.scenes[index].gone.contains(&message["id"].as_i64().unwrap());
            assert!(!gone || message["content"] == "", "a deleted message is shown: {told}");
        }
        let (last, id) = (self.told[index], told["id"].as_i64());
        match told["type"].as_str().unwrap() {
            "message_history" => assert!(last.is_none() && id.is_some(), "a second beginning: {told}"),
            "ping" => assert!(id >= last, "{told} after {last:?}"),
            _ if id.is_some() => assert_eq!(id, last.map(|last| last + 1), "{told} after {last:?}"),
            _ => return,
        }
        self.told[index] = id;
        let Some(positions) = event.id.as_deref().and_then(Positions::parse) else { return };
        for (told, cursor) in self.told.iter_mut().zip(positions.cursors()).filter(|(told, _)| told.is_some()) {
            assert!(*told <= Some(*cursor), "{event:?} takes back {told:?}");
            *told = Some(*cursor);
        }
        assert_eq!(self.told[index], id);
    }

    /// Lets everything that is under way come to its end.
    fn settle(&mut self) {
        for room in 0..self.holds.len() {
            (0..self.holds[room].len()).for_each(|_| self.act(&Act::Resume { room }));
        }
        self.scenes.iter_mut().for_each(Scene::learn);
        let mut quiet = 0;
        // Once for what waits for an answer, and once for what waits to ask again.
        while quiet < 3 && !self.ended {
            quiet = if self.take() { 0 } else { quiet + 1 };
            if quiet > 0 {
                self.now += place::RETRY;
            }
            while !self.asked.is_empty() {
                self.act(&Act::Read { which: 0 });
                self.act(&Act::Answer { which: 0 });
            }
        }
    }
}

fn start() -> impl Strategy<Value = Start> {
    prop_oneof![Just(Start::History), Just(Start::After(0))]
}

proptest! {
    /// Whatever is published, deleted, closed, lapped or answered when, late, twice or not at all: each place is told
    /// a contiguous run of its log, and nothing that was deleted before it left.
    #[test]
    fn each_place_gets_a_contiguous_run(
        starts in prop::collection::vec(start(), 1..=3),
        limit in prop_oneof![Just(200usize), 3..9usize],
        acts in prop::collection::vec(act(), 1..120),
    ) {
        let mut reading = Reading::new(&starts, limit, TypeSet::ALL);
        for act in &acts {
            reading.act(act);
        }
        reading.settle();
        for (index, scene) in reading.scenes.iter().enumerate().filter(|(index, _)| !reading.closed[*index]) {
            let last = reading.last[index].filter(|last| *last <= scene.head());
            prop_assert_eq!(reading.left[index], last.is_some(), "room {}", index);
            if let Some(last) = last {
                prop_assert!(reading.told[index] >= Some(last), "room {}", index);
            } else {
                prop_assert_eq!(reading.told[index], Some(scene.head()), "room {}", index);
            }
        }
        let is_over = (0..reading.closed.len()).all(|room| reading.closed[room] || reading.left[room]);
        prop_assert!(!is_over || reading.ended);
    }

    /// Of all rooms together no more is dropped by a filter than one room may drop alone.
    #[test]
    fn a_filter_strands_no_cursor(counts in prop::collection::vec(0..150usize, 1..=3)) {
        let starts = vec![Start::After(0); counts.len()];
        let mut reading = Reading::new(&starts, 200, TypeSet::filter([EventType::RoomUpdated]));
        reading.settle();
        for (room, count) in counts.iter().enumerate() {
            (0..*count).for_each(|_| reading.scenes[room].post());
            reading.scenes[room].publish(0);
        }
        while reading.take() {}
        let told = reading.told.iter().flatten().sum::<EventId>();
        let head = reading.scenes.iter().map(Scene::head).sum::<EventId>();
        prop_assert!(head - told < DROPPED, "{told} of {head}");
    }
}

#[test]
fn the_deletion_that_races_the_first_frame_is_seen() {
    for starts in [vec![Start::History], vec![Start::History; 2]] {
        let mut reading = Reading::new(&starts, 200, TypeSet::ALL);
        reading.scenes[0].post();
        reading.scenes[0].publish(0);
        for act in [Act::Take, Act::Read { which: 0 }, Act::Answer { which: 0 }] {
            reading.act(&act);
        }
        reading.scenes[0].delete(0);
        reading.scenes[0].publish(0);
        assert!(reading.take() && reading.told[0].is_none(), "it asks again instead of telling");
        reading.settle();
        assert_eq!(reading.told[0], Some(2));
    }
}

#[test]
fn a_room_that_waits_for_the_store_holds_no_other_up() {
    let mut reading = Reading::new(&[Start::After(0); 2], 200, TypeSet::ALL);
    reading.settle();
    reading.scenes.iter_mut().for_each(Scene::post);
    reading.scenes[0].learn();
    reading.scenes[1].publish(0);
    while reading.take() {}
    assert_eq!((reading.asked.len(), &reading.told), (1, &vec![Some(0), Some(1)]));
    reading.act(&Act::Fail { which: 0 });
    assert!(!reading.take(), "it waits before it asks again");
    reading.now += place::RETRY;
    assert!(reading.take() && reading.asked.len() == 1);
}
