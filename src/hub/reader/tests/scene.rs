//! A room and a store as a test plays it: what is in the log, and what memory was told of it.

use std::{collections::HashSet, sync::Arc};

use super::super::super::{
    queries::{CatchUpPage, Query, Start},
    room::Room,
    window::history_frame,
};
use crate::{
    clock::Clock,
    config::Timings,
    domain::{EventId, event::Event, message::Message, name::RoomName, room::Room as StoredRoom, timestamp::Timestamp},
};

/// A room, and the store's side of it.
pub(super) struct Scene {
    pub(super) room: Arc<Room>,
    /// The messages that events show, as they are by now; the event with the same index has the next id.
    messages: Vec<Message>,
    /// The event of each id, from 1 on: the message it is about, and whether it deletes it.
    log: Vec<(usize, bool)>,
    /// Up to where memory was told.
    published: usize,
    /// Deleted messages that memory knows of, or knows that it may not know of.
    pub(super) gone: HashSet<EventId>,
}

impl Scene {
    pub(super) fn new(number: usize) -> Self {
        let name = RoomName::parse(&format!("room{number}")).unwrap();
        let clock = Clock::new(|| Timestamp::from_micros(0));
        let room = Room::new(name, clock, Arc::default(), &Timings::DEFAULT);
        room.learn(None);
        Self { room, messages: Vec::new(), log: Vec::new(), published: 0, gone: HashSet::new() }
    }

    pub(super) fn head(&self) -> EventId {
        id(self.log.len())
    }

    pub(super) fn post(&mut self) {
        let room = self.room.name().clone();
        self.messages.push(Message { room, ..Message::sample(self.head() + 1, "secret") });
        self.log.push((self.messages.len() - 1, false));
    }

    pub(super) fn delete(&mut self, which: usize) {
        let alive = |message: &&mut Message| message.deleted_at.is_none();
        let mut alive: Vec<_> = self.messages.iter_mut().filter(alive).collect();
        let count = alive.len();
        let Some(message) = alive.get_mut(which % count.max(1)) else { return };
        **message = message.tombstone(Timestamp::from_micros(1));
        let index = self.messages.iter().position(|message| self.log_deletes(message)).expect("the one just deleted");
        self.log.push((index, true));
    }

    /// Returns true if the message is deleted and no event says so yet.
    fn log_deletes(&self, message: &Message) -> bool {
        let index = self.messages.iter().position(|other| other.id == message.id).unwrap();
        message.deleted_at.is_some() && !self.log.contains(&(index, true))
    }

    /// The events after a cursor as the store shows them now.
    fn events(&self, after: EventId) -> Vec<Event> {
        let first = usize::try_from(after).unwrap();
        let event = |(index, (message, deletes)): (usize, &(usize, bool))| {
            let message = Arc::new(self.messages[*message].clone());
            if *deletes {
                let username = message.username.clone();
                Event::MessageDeleted { id: id(index + 1), username, deleted_at: Timestamp::from_micros(1), message }
            } else {
                Event::ChatMessage(message)
            }
        };
        self.log.iter().enumerate().skip(first).map(event).collect()
    }

    /// Publishes what memory was not told of yet, except for the first `skipped` of it.
    pub(super) fn publish(&mut self, skipped: usize) {
        let from = (self.published + skipped).min(self.log.len());
        self.room.publish(&self.events(id(from)));
        self.fill();
        if from < self.log.len() {
            self.published = self.log.len();
            self.gone = self.deleted();
        }
    }

    pub(super) fn publish_if(&mut self, told: bool) {
        if told {
            self.publish(0);
        }
    }

    /// Tells memory only how far the log goes.
    pub(super) fn learn(&mut self) {
        let head = self.head();
        let room = StoredRoom::new(1, self.room.name().clone(), Timestamp::from_micros(0));
        self.room.learn(Some(&StoredRoom { head, ..room }));
        self.room.skip_for_tests(head);
        self.published = self.log.len();
        self.gone = self.deleted();
    }

    /// Fills the gap, if there is one.
    fn fill(&mut self) {
        if self.room.is_to_be_filled() {
            let events = self.events(self.room.head());
            self.room.fill_for_tests(self.head(), &events);
        }
    }

    fn deleted(&self) -> HashSet<EventId> {
        self.messages.iter().filter(|message| message.deleted_at.is_some()).map(|message| message.id).collect()
    }

    /// The store's present answer.
    pub(super) fn answer(&self, query: &Query) -> CatchUpPage {
        let deletions = self.room.deletions();
        match *query {
            Query::Begin { start: Start::After(cursor), .. } => CatchUpPage::empty(cursor.min(self.head())),
            Query::Begin { history, last, .. } => {
                let known = self.messages.iter().rev().filter(|message| message.id <= last);
                let messages: Vec<_> = known.take(history).cloned().map(Arc::new).collect();
                let messages: Vec<_> = messages.into_iter().rev().collect();
                let through = self.head().min(last);
                let frame = history_frame(self.room.name(), &messages, false, through);
                CatchUpPage { frames: vec![frame], through, shows: None, deletions }
            }
            Query::Log { after, limit, .. } => {
                let mut events = self.events(after);
                events.truncate(usize::try_from(limit).unwrap());
                let through = events.last().map_or(after, Event::id);
                CatchUpPage::of(&events, after, through, deletions)
            }
            Query::Cursors => CatchUpPage::empty(0),
        }
    }
}

fn id(count: usize) -> EventId {
    EventId::try_from(count).unwrap()
}
