//! The reader of rooms: a cursor in each of their logs, and all that decides what is told next.
//!
//! It does no I/O. Whoever drives it takes what is ready, puts what it asks to the store, and wakes it when a room
//! changes, an answer is there or time has come.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;

pub mod expiry;
mod leaving;
pub mod place;
#[cfg(test)]
mod tests;

use expiry::Expiry;
use leaving::End;
use place::{Given, Place};

use super::{
    frame::{Frame, Placed},
    permission::NotGiven,
    position::ReadFilter,
    queries::{CatchUpPage, Query},
    registry::{CloseReason, Transport},
    room::Room,
};
use crate::domain::{
    EventId,
    cursor::Positions,
    denied::Denied,
    event::{EventBody, TypeSet},
    name::Username,
};

/// The number of events of all rooms together that a filter may drop before the reader is told its cursor.
pub const DROPPED: EventId = 200;

/// A reader: the rooms, the user, and the transport.
#[derive(Debug, Clone)]
pub struct Request {
    /// The number of messages in a history.
    pub history: usize,
    /// The types that are read.
    pub types: TypeSet,
    /// The user who reads; nobody sees a reader without a name.
    pub user: Option<Username>,
    /// The transport.
    pub transport: Transport,
    /// The state of the people that the reader has to be told.
    pub state: StateDue,
    /// The most events it takes at once.
    pub limit: usize,
}

/// The occasions on which a reader is told who is here and who types.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StateDue {
    /// After history or replay.
    Always,
    /// If it is no longer what this word stands for.
    Unless(String),
    /// Only if it misses an event.
    Never,
}

/// One of a reader's rooms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlaceId(usize);

/// A question to the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// The room it is about.
    pub place: PlaceId,
    /// Tells the place's last ask from earlier ones.
    pub generation: u32,
    /// The query.
    pub query: Query,
}

/// The next step of a reader.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// The events that were taken are to be told.
    Took,
    /// The same, and one of them says that the credential ends soon: it may be followed by another from here on.
    Warned,
    /// The store is to be asked; the other rooms go on meanwhile.
    Ask(Ask),
    /// Nothing is ready; if nothing else happens, something is at `until`.
    Idle {
        /// Absent if only a room or an answer brings more.
        until: Option<Instant>,
    },
    /// The reader has ended, and why.
    End(CloseReason),
}

/// A cursor in each of one or more rooms' logs.
///
/// The rooms begin one after the other: the next one is only read once the one before has been told
/// its history or what it missed, so that a reader who takes nothing holds one history and not all.
/// Those that have begun take turns, so that a busy one leaves the others theirs.
#[derive(Debug)]
pub struct Reader {
    /// In the order of the rooms; there is at least one.
    places: Vec<Place>,
    /// The number of rooms that have been let begin.
    begun: usize,
    /// The place whose turn it is.
    turn: usize,
    filter: ReadFilter,
    history: usize,
    transport: Transport,
    state: StateDue,
    /// The cursors of the reader, by what it was told; for a reader whose events carry the cursors of all rooms.
    positions: Option<Positions>,
    /// The time it was last told something. One `ping` is for all rooms: it carries all cursors.
    told_at: Instant,
    /// After how much silence it gets a `ping`, so that it can tell a dead line.
    keep_alive: Duration,
    /// The news of rooms that were left, while others go on.
    farewells: Vec<Placed>,
    end: Option<End>,
    /// The end of its credential, if that ends.
    expiry: Option<Expiry>,
    /// True while nothing is given, since nobody knows if it is still to be.
    is_held: bool,
}

impl Reader {
    /// A reader that has not begun. With `positions`, what it holds of each room before its turn, its events carry
    /// the cursors of all rooms.
    #[must_use]
    pub fn new(
        places: Vec<Place>,
        positions: Option<Positions>,
        request: Request,
        keep_alive: Duration,
        now: Instant,
    ) -> Self {
        let Request { history, types, user, transport, state, limit } = request;
        let filter = ReadFilter { types, user, types_as: None, limit };
        Self {
            places,
            begun: 1,
            turn: 0,
            filter,
            history,
            transport,
            state,
            positions,
            told_at: now,
            keep_alive,
            farewells: Vec::new(),
            end: None,
            expiry: None,
            is_held: false,
        }
    }

    /// Takes what is ready of one room.
    pub fn take(&mut self, now: Instant, out: &mut Vec<Placed>) -> Step {
        if self.expiry.as_ref().is_some_and(|expiry| expiry.is_over(now)) {
            self.close_all(CloseReason::Denied(Denied::Expired));
        }
        if let Some(end) = &mut self.end {
            let (place, why, is_told) = (end.place, end.why, std::mem::replace(&mut end.is_told, true));
            if is_told || self.transport == Transport::LongPoll {
                return Step::End(why);
            }
            out.append(&mut self.farewells);
            out.push(self.farewell(place, why).into());
            return Step::Took;
        }
        if !self.farewells.is_empty() {
            out.append(&mut self.farewells);
            return Step::Took;
        }
        if let Some(warning) = self.warning(now) {
            out.push(warning.into());
            return Step::Warned;
        }
        if self.is_held {
            return self.keep_alive(None, now, out);
        }
        let mut until = None;
        loop {
            let first = self.turn;
            for turn in first..first + self.begun {
                let index = turn % self.begun;
                self.turn = index + 1;
                match self.places[index].take(now, &self.filter, self.history, out) {
                    Given::Events => {
                        self.tell(index, now, out);
                        return Step::Took;
                    }
                    Given::Query(query) => {
                        let generation = self.places[index].generation;
                        return Step::Ask(Ask { place: PlaceId(index), generation, query });
                    }
                    Given::Left(why) => {
                        self.close(PlaceId(index), CloseReason::Denied(why));
                        return self.take(now, out);
                    }
                    Given::Nothing(at) => until = [until, at].into_iter().flatten().min(),
                }
            }
            if self.begun == self.places.len() || !self.places[self.begun - 1].is_through() {
                break;
            }
            self.turn = self.begun;
            self.begun += 1;
        }
        self.keep_alive(until, now, out)
    }

    /// Takes the store's answer to an ask; one to another ask than the place's last is dropped.
    pub fn answer(&mut self, ask: &Ask, got: Result<CatchUpPage, NotGiven>) {
        let place = &mut self.places[ask.place.0];
        if place.generation != ask.generation || !place.is_asking() {
            return;
        }
        let begins = matches!(ask.query, Query::Begin { .. }) && got.is_ok();
        place.answer(&ask.query, got);
        if begins && place.attendance.is_none() && !place.is_leaving() {
            place.attendance = self.filter.user.as_ref().map(|user| place.room.attend(user));
            place.position.seen = place.room.ephemeral_count();
            place.position.state_due = match &self.state {
                StateDue::Always => true,
                StateDue::Unless(word) => *word != place.room.state_word(place.position.seen),
                StateDue::Never => false,
            };
        }
    }

    /// The rooms, in order.
    pub fn rooms(&self) -> impl Iterator<Item = &Arc<Room>> {
        self.places.iter().map(|place| &place.room)
    }

    /// The room of a place.
    #[must_use]
    pub fn room(&self, place: PlaceId) -> &Arc<Room> {
        &self.places[place.0].room
    }

    /// The first place, which is all there is for a reader of one room.
    #[must_use]
    pub fn first(&self) -> &Place {
        &self.places[0]
    }

    /// The number of rooms that have been let begin.
    #[cfg(test)]
    pub(super) fn begun(&self) -> usize {
        self.begun
    }

    /// While it is held it is given nothing but signs of life; then it goes on from where it was.
    pub fn hold(&mut self, is_held: bool) {
        self.is_held = is_held;
    }

    /// From now on it takes no more than this at once.
    pub fn take_at_most(&mut self, limit: usize) {
        self.filter.limit = limit;
    }

    /// The reader types under this name until it has one of its own; nobody sees it for that.
    pub fn type_as(&mut self, user: Username) {
        self.filter.types_as = Some(user);
    }

    /// The reader gets a name: from now on the user is here. Returns false if it had one, which stays.
    pub fn join_as(&mut self, user: &Username) -> bool {
        if self.filter.user.is_some() {
            return false;
        }
        self.filter.user = Some(user.clone());
        for place in self.places.iter_mut().filter(|place| place.is_entered() && !place.is_leaving()) {
            place.attendance = Some(place.room.attend(user));
            // What it was told before did not include itself.
            place.position.state_due = true;
        }
        true
    }

    /// Ends the reader, whose user stays for `lease` more.
    pub fn end_with_lease(&mut self, lease: Duration) {
        for attendance in self.places.iter_mut().filter_map(|place| place.attendance.take()) {
            attendance.end_with_lease(lease);
        }
    }

    /// Notes what is told of a room, and adds the cursor once a filter has dropped so much that it would be stranded.
    fn tell(&mut self, place: usize, now: Instant, out: &mut Vec<Placed>) {
        self.told_at = now;
        if let Some(positions) = &mut self.positions {
            for event in out.iter_mut() {
                event.id = event.frame.id().map(|id| {
                    positions.set(place, id);
                    positions.to_string()
                });
            }
        }
        if self.has_dropped_many() {
            out.extend(self.ping());
        }
    }

    /// Nothing is ready: breaks a silence that was long enough, or one of dropped events.
    fn keep_alive(&mut self, until: Option<Instant>, now: Instant, out: &mut Vec<Placed>) -> Step {
        let until = [until, self.expiry.as_ref().and_then(|expiry| expiry.due(now))].into_iter().flatten().min();
        if self.transport == Transport::LongPoll {
            return Step::Idle { until };
        }
        if now >= self.told_at + self.keep_alive || self.has_dropped_many() {
            self.told_at = now;
            out.extend(self.ping());
        }
        if !out.is_empty() {
            return Step::Took;
        }
        let due = self.told_at + self.keep_alive;
        Step::Idle { until: Some(until.map_or(due, |until| until.min(due))) }
    }

    /// Returns true if a filter has dropped so many events of all rooms together that the reader is told its cursor.
    /// A poll is told it in any case.
    fn has_dropped_many(&self) -> bool {
        self.transport != Transport::LongPoll && self.places.iter().map(Place::dropped).sum::<EventId>() >= DROPPED
    }

    /// The cursors reached, as an event of the room of which most was dropped; none before the first has begun.
    fn ping(&mut self) -> Option<Placed> {
        let reached = self.places.iter().enumerate().filter(|(_, place)| place.is_live());
        let (most, _) = reached.rev().max_by_key(|(_, place)| place.dropped())?;
        for (index, place) in self.places.iter_mut().enumerate().filter(|(_, place)| place.is_live()) {
            place.position.told = place.position.cursor;
            if let Some(positions) = &mut self.positions {
                positions.set(index, place.position.cursor);
            }
        }
        let (room, id) = (self.places[most].room.name(), self.places[most].position.cursor);
        let frame = Frame::new(&EventBody::Ping { room, id, cursor: id });
        Some(Placed { frame, id: self.positions.as_ref().map(Positions::to_string) })
    }
}
