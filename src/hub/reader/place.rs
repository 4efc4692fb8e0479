//! One room of a reader: where it stands there, and what it has asked the store for.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;

use super::super::{
    frame::Placed,
    permission::NotGiven,
    position::{Position, ReadFilter},
    queries::{CatchUpPage, PAGE, Query, Start},
    room::{Attendance, Missing, Room},
};
use crate::domain::{EventId, denied::Denied};

/// The time a place waits before it asks a store again that was out.
pub const RETRY: Duration = Duration::from_secs(1);

/// A reader's place in one room.
#[derive(Debug)]
pub struct Place {
    pub(super) room: Arc<Room>,
    pub(super) position: Position,
    pub(super) attendance: Option<Attendance>,
    /// The start, until the beginning has left.
    start: Option<Start>,
    /// The head of the room when it began.
    goal: EventId,
    store: Store,
    /// The last ask: an answer to another one is stale.
    pub(super) generation: u32,
    pub(super) is_closed: bool,
    /// The event after which it leaves the room, and the reason.
    leaving: Option<(EventId, Denied)>,
    /// The events after which nothing is taken until it is known if that is the reader's to know.
    holds: Vec<EventId>,
    /// True if a page was denied, which may only mean that the word of how far the reader may go is on its way.
    is_doubted: bool,
    /// The reason for leaving the room at once.
    denied: Option<Denied>,
}

/// The state of a place's question to the store.
#[derive(Debug, Default)]
enum Store {
    /// Nothing.
    #[default]
    Idle,
    /// The answer to its last ask.
    Asked,
    /// Nothing: the answer is here, and has not left yet.
    Answered(CatchUpPage),
    /// The time to ask again.
    Failed {
        /// Set once the time of the failure is known.
        ask_at: Option<Instant>,
    },
}

/// The result of asking a place.
#[derive(Debug, PartialEq, Eq)]
pub enum Given {
    /// Events.
    Events,
    /// Something to ask the store for.
    Query(Query),
    /// It was told the last that it was to be told, and leaves for this reason.
    Left(Denied),
    /// Nothing before this instant, unless the room changes or the store answers.
    Nothing(Option<Instant>),
}

impl Place {
    /// A place that has not begun.
    #[must_use]
    pub fn new(room: Arc<Room>, start: Start) -> Self {
        let last = EventId::MAX;
        let position = Position { cursor: 0, last, told: 0, seen: 0, state_due: false, asked_cursors: false };
        Self {
            room,
            position,
            attendance: None,
            start: Some(start),
            goal: 0,
            store: Store::Idle,
            generation: 0,
            is_closed: false,
            leaving: None,
            holds: Vec::new(),
            is_doubted: false,
            denied: None,
        }
    }

    /// A place in a room that its reader may not read: it stays where it is.
    #[must_use]
    pub fn closed(room: Arc<Room>) -> Self {
        Self { is_closed: true, ..Self::new(room, Start::After(0)) }
    }

    /// Its room.
    #[must_use]
    pub fn room(&self) -> &Arc<Room> {
        &self.room
    }

    /// Returns true if what it begins with has left, and it has not left itself, so that its cursor counts.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.start.is_none() && !self.is_closed
    }

    /// Returns true if the reader is in the room by now, be it that what it begins with has not left yet.
    #[must_use]
    pub fn is_entered(&self) -> bool {
        self.is_live() || matches!(self.store, Store::Answered(_))
    }

    /// The number of events that a filter has dropped and no id covers yet.
    #[must_use]
    pub fn dropped(&self) -> EventId {
        if self.is_live() { self.position.cursor - self.position.told } else { 0 }
    }

    /// The cursor up to which everything was given or filtered out.
    #[must_use]
    pub fn cursor(&self) -> EventId {
        self.position.cursor
    }

    /// Returns true if the log goes on past the cursor, as far as that is the reader's to know.
    #[must_use]
    pub fn has_more(&self) -> bool {
        self.room.head().min(self.position.last) > self.position.cursor
    }

    /// A word for who is here and who types, as far as the reader was told; while that is still due it is none
    /// that will ever be current.
    #[must_use]
    pub fn state_word(&self) -> String {
        if self.position.state_due { "due".to_owned() } else { self.room.state_word(self.position.seen) }
    }

    /// Returns true if all that was there when it began is told. That includes who is here, unless the room is so
    /// busy that its reader gets no time for it.
    #[must_use]
    pub fn is_through(&self) -> bool {
        let cursor = self.position.cursor;
        self.is_closed || (self.is_live() && (cursor > self.goal || (cursor == self.goal && !self.position.state_due)))
    }

    /// Leaves the room.
    pub fn close(&mut self) {
        self.is_closed = true;
        self.attendance = None;
        self.store = Store::Idle;
        self.generation += 1;
    }

    /// Leaves the room once all up to an id is told; nobody is seen there any more, nor told of others.
    pub fn leave_after(&mut self, id: EventId, why: Denied) {
        if self.leaving.is_none_or(|(before, _)| id < before) {
            self.leaving = Some((id, why));
        }
        self.attendance = None;
        // The next room does not wait for that.
        self.position.state_due = false;
        self.bound();
    }

    /// Takes nothing that comes after an event, until it is known if that is the reader's to know.
    pub fn hold_after(&mut self, id: EventId) {
        self.holds.push(id);
        self.bound();
    }

    /// Goes on past that event: what comes after it is the reader's to know.
    pub fn resume_after(&mut self, id: EventId) {
        self.holds.retain(|held| *held != id);
        self.bound();
    }

    /// Finds the last id that is its to take. What was denied for want of it is asked for again.
    fn bound(&mut self) {
        let leaving = self.leaving.map(|(id, _)| id);
        self.position.last = self.holds.iter().copied().chain(leaving).min().unwrap_or(EventId::MAX);
        if matches!(self.store, Store::Failed { .. }) {
            self.store = Store::Idle;
        }
    }

    /// Returns true if there is a last id that is its to take.
    fn is_bounded(&self) -> bool {
        self.position.last < EventId::MAX
    }

    /// Returns true if it leaves the room, or has.
    #[must_use]
    pub fn is_leaving(&self) -> bool {
        self.is_closed || self.leaving.is_some()
    }

    /// Takes the answer to its last ask.
    pub fn answer(&mut self, query: &Query, got: Result<CatchUpPage, NotGiven>) {
        let room = self.room.name();
        let was_doubted = std::mem::take(&mut self.is_doubted);
        self.store = match (query, got) {
            (Query::Begin { .. }, Ok(page)) => {
                self.goal = self.room.head();
                Store::Answered(page)
            }
            (Query::Log { after, .. }, Ok(page)) if page.through > *after || !page.frames.is_empty() => {
                Store::Answered(page)
            }
            (Query::Log { after, .. }, Ok(_)) => {
                tracing::warn!(room.name = %room, after, "the store is behind the memory");
                Store::Failed { ask_at: None }
            }
            (Query::Cursors, Ok(_)) => Store::Idle,
            (Query::Cursors, Err(error)) => {
                tracing::warn!(room.name = %room, %error, "a reader is not told the read cursors");
                Store::Idle
            }
            // It was asked before there was a bound, within which all is to be given.
            (_, Err(NotGiven::Denied(_))) if self.is_bounded() => Store::Idle,
            (_, Err(NotGiven::Denied(why))) => {
                self.denied = was_doubted.then_some(why);
                self.is_doubted = true;
                Store::Failed { ask_at: None }
            }
            (_, Err(NotGiven::Store(error))) => {
                tracing::warn!(room.name = %room, %error, "a reader waits for the store");
                Store::Failed { ask_at: None }
            }
        };
    }

    /// Returns true if it waits for the answer to an ask.
    #[must_use]
    pub fn is_asking(&self) -> bool {
        matches!(self.store, Store::Asked)
    }

    /// Gives what is ready.
    pub fn take(&mut self, now: Instant, filter: &ReadFilter, history: usize, out: &mut Vec<Placed>) -> Given {
        match std::mem::take(&mut self.store) {
            _ if self.is_closed => return Given::Nothing(None),
            _ if self.denied.is_some() => return self.denied.take().map_or(Given::Nothing(None), Given::Left),
            Store::Asked => {
                self.store = Store::Asked;
                return Given::Nothing(None);
            }
            Store::Failed { ask_at } => {
                let ask_at = ask_at.unwrap_or(now + RETRY);
                if now < ask_at {
                    self.store = Store::Failed { ask_at: Some(ask_at) };
                    return Given::Nothing(Some(ask_at));
                }
            }
            // Judged here, where it leaves: it may have waited long for its reader.
            Store::Answered(page) if !page.is_outdated(&self.room) && !self.is_past_last(&page) => {
                let begins = self.start.take().is_some();
                self.pass(page, begins, out);
                // What it begins with goes together with what is ready, so that a history comes with who is here.
                if !begins && !out.is_empty() {
                    return Given::Events;
                }
            }
            Store::Answered(_) | Store::Idle => {}
        }
        if let Some(start) = self.start {
            return self.ask(Query::Begin { start, history, types: filter.types, last: self.position.last });
        }
        let missing = if self.is_bounded() {
            self.room.take_log(filter, &mut self.position, out)
        } else {
            self.room.take(filter, &mut self.position, out)
        };
        if !out.is_empty() {
            return Given::Events;
        }
        match missing {
            None => match self.leaving {
                Some((last, why)) if self.position.cursor >= last => Given::Left(why),
                _ => Given::Nothing(None),
            },
            Some(Missing::Cursors) => self.ask(Query::Cursors),
            Some(Missing::Log) => {
                let (types, limit) = (filter.types, PAGE.min(filter.limit as u64));
                let Position { cursor: after, last, .. } = self.position;
                self.ask(Query::Log { after, types, limit, history, last })
            }
        }
    }

    /// Returns true if a page is a history that ends after what is the reader's to know.
    fn is_past_last(&self, page: &CatchUpPage) -> bool {
        page.shows.is_none() && page.through > self.position.last
    }

    /// Lets a page leave.
    fn pass(&mut self, mut page: CatchUpPage, begins: bool, out: &mut Vec<Placed>) {
        if self.is_bounded() && page.shows.is_some() {
            // What it begins with is no event: it may have come back with a cursor past the last. And what it was told
            // already stays told.
            page.cut(if begins { page.through } else { self.position.last.max(self.position.cursor) });
        }
        self.position.cursor = page.through;
        if begins {
            self.position.told = page.through;
        } else if let Some(id) = page.frames.iter().rev().find_map(super::super::frame::Frame::id) {
            self.position.told = id;
        }
        out.extend(page.frames.into_iter().map(Placed::from));
    }

    fn ask(&mut self, query: Query) -> Given {
        self.store = Store::Asked;
        self.generation += 1;
        Given::Query(query)
    }
}
