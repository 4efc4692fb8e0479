//! The window of a room, in whatever order hints, own batches, looks at the store and its pages come.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::super::{
    position::{Position, ReadFilter},
    recent::{KEPT, Recent},
    ring::Ring,
    window::{TakenLog, Window},
};
use super::*;
use crate::domain::{event::TypeSet, name::RoomName, room::FloorReason, timestamp::Timestamp};

/// The number of events of a page of this store.
const PAGE: usize = 3;

/// The store, other nodes, and a window with one reader.
#[derive(Default)]
struct Scene {
    /// Of each event its message, and what it says; nothing for a deletion.
    log: Vec<(EventId, Option<String>)>,
    deleted: BTreeSet<EventId>,
    /// Those of other nodes that were not told yet, as they were when they were committed.
    hints: Vec<Vec<Event>>,
    window: Window,
    /// Deletions that the window was told of, or has seen in the store.
    heeded: BTreeSet<EventId>,
    /// A page on its way: the head it began after, the store's head then, and its events once they are read.
    page: Option<(EventId, EventId, Option<Vec<Event>>)>,
    /// The messages of a history on its way.
    history: Option<Vec<Message>>,
    cursor: EventId,
}

#[derive(Debug, Clone)]
enum Act {
    Post { own: bool },
    Edit { own: bool, which: prop::sample::Index },
    Delete { own: bool, which: prop::sample::Index },
    Hint { which: prop::sample::Index, again: bool },
    Lose { which: prop::sample::Index },
    Check,
    AskPage,
    ReadPage,
    GivePage,
    AskHistory,
    GiveHistory,
    Take,
}

fn secret(message: EventId) -> String {
    format!("secret-{message}.")
}

impl Scene {
    fn head(&self) -> EventId {
        EventId::try_from(self.log.len()).unwrap()
    }

    fn message(&self, id: EventId, content: &str) -> Message {
        let message = Message::sample(id, content);
        if self.deleted.contains(&id) { message.tombstone(Timestamp::from_micros(1)) } else { message }
    }

    /// An event as the store shows it now.
    fn event(&self, id: EventId) -> Event {
        let (of, content) = &self.log[usize::try_from(id - 1).unwrap()];
        let message = Arc::new(self.message(*of, content.as_deref().unwrap_or_default()));
        let at = Timestamp::from_micros(1);
        match content {
            None => Event::MessageDeleted { id, username: message.username.clone(), deleted_at: at, message },
            Some(_) if *of == id => Event::ChatMessage(message),
            Some(_) => Event::MessageEdited { id, edited_at: at, message },
        }
    }

    fn commit(&mut self, own: bool, of: EventId, content: Option<String>) {
        if content.is_none() {
            self.deleted.insert(of);
        }
        self.log.push((of, content));
        let events = vec![self.event(self.head())];
        if own { self.offer(&events) } else { self.hints.push(events) }
    }

    fn offer(&mut self, events: &[Event]) {
        let deleted = events.iter().filter(|event| matches!(event, Event::MessageDeleted { .. }));
        self.heeded.extend(deleted.filter_map(Event::message).map(|message| message.id));
        self.window.publish(with_slots(events));
    }

    fn place(head: EventId) -> (EventId, EventId, FloorReason) {
        (head, 0, FloorReason::Pruned)
    }

    fn ask_page(&mut self) {
        if self.page.is_none() && self.window.has_gap() {
            self.page = Some((self.window.head(), self.head(), None));
        }
    }

    fn read_page(&mut self) {
        let Some((after, head, None)) = self.page else { return };
        let events = (after + 1..=head).take(PAGE).map(|id| self.event(id)).collect();
        self.page = Some((after, head, Some(events)));
    }

    fn give_page(&mut self) {
        if let Some((_, head, Some(events))) = self.page.take_if(|(.., events)| events.is_some()) {
            let tombstones = events.iter().filter_map(Event::message).filter(|message| message.deleted_at.is_some());
            self.heeded.extend(tombstones.map(|message| message.id));
            self.window.fill(Self::place(head), with_slots(&events));
        }
    }

    fn alive(&self, which: prop::sample::Index) -> Option<EventId> {
        let alive = |(of, content): &&(EventId, Option<String>)| content.is_some() && !self.deleted.contains(of);
        let alive: Vec<_> = self.log.iter().filter(alive).map(|(of, _)| *of).collect();
        (!alive.is_empty()).then(|| *which.get(&alive))
    }

    fn act(&mut self, act: &Act) {
        match *act {
            Act::Post { own } => self.commit(own, self.head() + 1, Some(secret(self.head() + 1))),
            Act::Edit { own, which } => {
                if let Some(of) = self.alive(which) {
                    self.commit(own, of, Some(format!("{} again", secret(of))));
                }
            }
            Act::Delete { own, which } => {
                if let Some(of) = self.alive(which) {
                    self.commit(own, of, None);
                }
            }
            Act::Hint { which, again } if !self.hints.is_empty() => {
                let at = which.index(self.hints.len());
                let events = if again { self.hints[at].clone() } else { self.hints.remove(at) };
                self.offer(&events);
            }
            Act::Lose { which } if !self.hints.is_empty() => drop(self.hints.remove(which.index(self.hints.len()))),
            Act::Check => {
                let (head, floor, reason) = Self::place(self.head());
                self.window.learn(head, floor, reason);
            }
            Act::AskPage => self.ask_page(),
            Act::ReadPage => self.read_page(),
            Act::GivePage => self.give_page(),
            Act::AskHistory if self.window.recent.known().is_none() => {
                self.window.recent.begin();
                let posts = self.log.iter().zip(1..).filter(|((of, _), id)| of == id);
                self.history = Some(posts.map(|(_, id)| self.message(id, &secret(id))).collect());
            }
            Act::Hint { .. } | Act::Lose { .. } | Act::AskHistory => {}
            Act::GiveHistory => {
                if let Some(messages) = self.history.take() {
                    self.window.recent.finish(Recent::new(messages, false));
                }
            }
            Act::Take => self.take(),
        }
        self.check();
    }

    /// The reader gets what follows, and the rest from the store.
    fn take(&mut self) {
        let filter = ReadFilter { types: TypeSet::ALL, user: None, types_as: None, limit: 1_000 };
        let last = EventId::MAX;
        let mut position =
            Position { cursor: self.cursor, last, told: 0, seen: 0, state_due: false, asked_cursors: false };
        let mut out = Vec::new();
        let taken = self.window.take(&filter, &mut position, &mut out);
        for placed in out {
            self.cursor += 1;
            assert_eq!(placed.frame.id(), Some(self.cursor), "without a gap");
        }
        if taken == TakenLog::Missing {
            self.cursor = self.window.head();
        }
    }

    /// Nothing shows a message whose deletion the window knows of.
    fn check(&mut self) {
        let ring = self.window.ring_for_tests();
        let frames = ring.into_iter().flat_map(Ring::all).filter_map(|slot| slot.frame.as_ref());
        let mut shown: Vec<String> = frames.map(|frame| String::from_utf8(frame.json().to_vec()).unwrap()).collect();
        let history = self.window.history(&RoomName::parse("general").unwrap(), KEPT);
        shown.extend(history.map(|(frame, _)| String::from_utf8(frame.json().to_vec()).unwrap()));
        for id in &self.heeded {
            assert!(!shown.iter().any(|shown| shown.contains(&secret(*id))), "{id} is deleted: {shown:#?}");
        }
        assert!(self.window.head() <= self.head());
    }

    /// Once the store was looked at and no more happens, everything is there.
    fn settle(&mut self) {
        self.act(&Act::GiveHistory);
        self.act(&Act::Check);
        while self.window.has_gap() {
            for act in [Act::AskPage, Act::ReadPage, Act::GivePage, Act::Take] {
                self.act(&act);
            }
        }
        self.act(&Act::Take);
        assert_eq!((self.window.head(), self.cursor), (self.head(), self.head()));
        assert_eq!(self.window.gap.bytes(), 0, "nothing waits any more");
    }

    fn new() -> Self {
        let mut scene = Self::default();
        scene.window.load(0, 0, FloorReason::Pruned);
        scene
    }
}

fn with_slots(events: &[Event]) -> Vec<(Event, Slot)> {
    events.iter().map(|event| (event.clone(), Slot::new(event))).collect()
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let which = any::<prop::sample::Index>;
    let act = prop_oneof![
        3 => any::<bool>().prop_map(|own| Act::Post { own }),
        1 => (any::<bool>(), which()).prop_map(|(own, which)| Act::Edit { own, which }),
        2 => (any::<bool>(), which()).prop_map(|(own, which)| Act::Delete { own, which }),
        3 => (which(), any::<bool>()).prop_map(|(which, again)| Act::Hint { which, again }),
        1 => which().prop_map(|which| Act::Lose { which }),
        1 => Just(Act::Check),
        2 => Just(Act::AskPage),
        2 => Just(Act::ReadPage),
        2 => Just(Act::GivePage),
        1 => Just(Act::AskHistory),
        1 => Just(Act::GiveHistory),
        1 => Just(Act::Take),
    ];
    prop::collection::vec(act, 1..60)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Whatever comes in whatever order: a reader has no gap, what is known to be deleted is not shown, and in the
    /// end all is there.
    #[test]
    fn whatever_is_told_in_whatever_order_nothing_is_missing_and_nothing_comes_back(acts in acts()) {
        let mut scene = Scene::new();
        for act in &acts {
            scene.act(act);
        }
        scene.settle();
    }
}

/// Every order of these steps: three hints, one of them with an edit of what another deletes, an own batch, the
/// deletion, and a fill in its three parts.
#[test]
fn every_order_of_hints_an_own_batch_a_deletion_and_a_fill_is_right() {
    fn orders(left: &mut Vec<usize>, order: &mut Vec<usize>, run: &mut impl FnMut(&[usize])) {
        if left.is_empty() {
            return run(order);
        }
        for at in 0..left.len() {
            order.push(left.remove(at));
            orders(left, order, run);
            left.insert(at, order.pop().unwrap());
        }
    }

    let mut runs = 0;
    orders(&mut (0..8).collect(), &mut Vec::new(), &mut |order| {
        // A hint comes after what it tells of, and the parts of a fill one after the other.
        let at = |step| order.iter().position(|other| *other == step);
        if at(4) < at(3) || at(6) < at(5) || at(7) < at(6) {
            return;
        }
        let mut scene = Scene::new();
        for (of, content) in [(1, Some(secret(1))), (2, Some(secret(2))), (1, Some(secret(1))), (4, Some(secret(4)))] {
            scene.commit(false, of, content);
        }
        let own = scene.hints.pop().unwrap();
        let (edit, second, first) = (scene.hints.pop(), scene.hints.pop(), scene.hints.pop());
        let both = [first.unwrap(), second.unwrap()].concat();
        let mut deletion = None;
        for step in order {
            match step {
                0 => scene.offer(&both),
                1 => scene.offer(edit.as_ref().unwrap()),
                2 => scene.offer(&own),
                3 => {
                    scene.commit(false, 1, None);
                    deletion = scene.hints.pop();
                }
                4 => {
                    if let Some(deletion) = &deletion {
                        scene.offer(deletion);
                    }
                }
                5 => scene.ask_page(),
                6 => scene.read_page(),
                _ => scene.give_page(),
            }
            scene.check();
            scene.take();
        }
        scene.settle();
        runs += 1;
    });
    assert_eq!(runs, 40_320 / 12);
}

/// The events that wait are bounded: past that only the ids are known, and the fill has the rest.
#[test]
fn what_waits_is_bounded() {
    let mut scene = Scene::new();
    for _ in 0..4 * MAX_EVENTS {
        scene.commit(false, scene.head() + 1, Some(format!("{}{}", secret(scene.head() + 1), "x".repeat(10_000))));
    }
    let hints = std::mem::take(&mut scene.hints);
    for hint in hints.iter().skip(1).rev() {
        scene.offer(hint);
        assert!(scene.window.gap.waiting.len() <= MAX_EVENTS && scene.window.gap.bytes() <= MAX_BYTES);
    }
    assert!(scene.window.gap.bytes() > MAX_BYTES / 2);
    scene.settle();
}

/// The deletions that are known beforehand are bounded: with one too many, nothing that they took away is shown, not
/// from a page that was read before, nor by a hint that is late, and what is missing is skipped.
#[test]
fn deletions_known_beforehand_are_bounded() {
    let mut scene = Scene::new();
    let count = EventId::try_from(MAX_DELETIONS).unwrap() + 10;
    for id in 1..=count {
        scene.commit(false, id, Some(secret(id)));
    }
    let posts = std::mem::take(&mut scene.hints);
    scene.offer(&posts[1]);
    scene.ask_page();
    scene.read_page();
    for id in 1..=count {
        scene.commit(false, id, None);
    }
    for deletion in std::mem::take(&mut scene.hints).iter().rev() {
        scene.offer(deletion);
        assert!(scene.window.gap.gone.len() <= MAX_DELETIONS);
    }
    assert!(scene.window.gap.is_overrun());
    scene.give_page();
    scene.check();
    for post in &posts {
        scene.offer(post);
        scene.check();
    }
    assert!(scene.window.has_gap(), "until it is skipped");
    scene.window.skip(scene.head());
    assert!(scene.window.gap.gone.is_empty() && !scene.window.gap.is_overrun());
    scene.commit(true, scene.head() + 1, Some(secret(scene.head() + 1)));
    scene.check();
    scene.settle();
}
