//! The newest events of a room, encoded: the log's in [`Ring`], the ephemeral ones in [`Ephemeral`].

use std::collections::VecDeque;

use super::frame::Frame;
use crate::domain::{
    EventId,
    event::{Event, EventType},
    name::UserKey,
};

/// The most events a ring keeps.
pub const MAX_EVENTS: usize = 1_024;
/// The most bytes a ring keeps, except for a single event that is larger.
pub const MAX_BYTES: usize = 1024 * 1024;
/// The most ephemeral events a room keeps.
pub const MAX_EPHEMERAL: usize = 256;

/// A place in the ring.
#[derive(Debug, Clone)]
pub struct Slot {
    /// The event's type.
    pub kind: EventType,
    /// The event; absent if it showed a message that is deleted, so that it has to be read from the store.
    pub frame: Option<Frame>,
    /// The message that it shows.
    shows: Option<EventId>,
}

impl Slot {
    /// An event, encoded.
    #[must_use]
    pub fn new(event: &Event) -> Self {
        // A deletion shows nothing of its message.
        let shows = match event {
            Event::MessageDeleted { .. } => None,
            event => event.message().map(|message| message.id),
        };
        Self { kind: event.kind(), frame: Some(Frame::new(&event.into())), shows }
    }

    /// Lets go of the event, which has to be read from the store from now on.
    pub fn forget(&mut self) {
        self.frame = None;
    }

    /// The bytes that it holds.
    pub(super) fn len(&self) -> usize {
        self.frame.as_ref().map_or(0, Frame::len)
    }
}

/// A stretch of the log without a gap that ends at the room's head. May be empty.
#[derive(Debug)]
pub struct Ring {
    slots: VecDeque<Slot>,
    head: EventId,
    bytes: usize,
}

impl Ring {
    /// An empty stretch after `head`.
    #[must_use]
    pub fn after(head: EventId) -> Self {
        Self { slots: VecDeque::new(), head, bytes: 0 }
    }

    /// The id of the newest event.
    #[must_use]
    pub fn head(&self) -> EventId {
        self.head
    }

    /// The number of bytes it holds.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Adds the next event.
    pub fn push(&mut self, slot: Slot) {
        self.bytes += slot.len();
        self.slots.push_back(slot);
        self.head += 1;
        while self.slots.len() > MAX_EVENTS || (self.bytes > MAX_BYTES && self.slots.len() > 1) {
            self.bytes -= self.slots.pop_front().map_or(0, |slot| slot.len());
        }
    }

    /// Lets go of every event that shows a message.
    pub fn forget(&mut self, message: EventId) {
        for slot in self.slots.iter_mut().filter(|slot| slot.shows == Some(message)) {
            self.bytes -= slot.len();
            slot.forget();
        }
    }

    /// Moves the head without the events before it, which are in the store.
    pub fn advance(&mut self, head: EventId) {
        if head > self.head {
            *self = Self::after(head);
        }
    }

    /// All that it has, oldest first.
    #[cfg(test)]
    pub(super) fn all(&self) -> impl Iterator<Item = &Slot> {
        self.slots.iter()
    }

    /// The events after a cursor, oldest first; `None` when the ring no longer reaches back to it.
    #[must_use]
    pub fn since(&self, cursor: EventId) -> Option<impl Iterator<Item = (EventId, &Slot)>> {
        let missed = usize::try_from(self.head - cursor).unwrap_or(0);
        let start = self.slots.len().checked_sub(missed)?;
        Some((cursor + 1..).zip(self.slots.range(start..)))
    }
}

/// One thing that happened beside the log.
#[derive(Debug, Clone)]
pub struct EphemeralSlot {
    /// The event; absent when too much changed for one event and each reader takes the whole state.
    pub frame: Option<Frame>,
    /// The user it is not told to.
    pub not_to: Option<UserKey>,
}

/// The newest ephemeral events, counted from 1 on.
#[derive(Debug, Default)]
pub struct Ephemeral {
    slots: VecDeque<EphemeralSlot>,
    count: u64,
}

impl Ephemeral {
    /// The number of ephemeral events so far.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Adds one.
    pub fn push(&mut self, slot: EphemeralSlot) {
        self.count += 1;
        self.slots.push_back(slot);
        if self.slots.len() > MAX_EPHEMERAL {
            self.slots.pop_front();
        }
    }

    /// Those after the first `seen`; `None` when some of them are gone.
    #[must_use]
    pub fn since(&self, seen: u64) -> Option<impl Iterator<Item = &EphemeralSlot>> {
        let missed = usize::try_from(self.count.saturating_sub(seen)).ok()?;
        let start = self.slots.len().checked_sub(missed)?;
        Some(self.slots.range(start..))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{event::EventBody, name::RoomName};

    fn slot(id: EventId) -> Slot {
        let room = RoomName::parse("general").unwrap();
        let frame = Frame::new(&EventBody::Ping { room: &room, id, cursor: id });
        Slot { kind: EventType::Ping, frame: Some(frame), shows: Some(id % 3) }
    }

    fn ids(ring: &Ring, cursor: EventId) -> Option<Vec<EventId>> {
        ring.since(cursor).map(|slots| {
            slots
                .map(|(id, slot)| {
                    assert_eq!(slot.frame.as_ref().unwrap().id(), Some(id));
                    id
                })
                .collect()
        })
    }

    fn extend(ring: &mut Ring, ids: impl IntoIterator<Item = EventId>) {
        for id in ids {
            ring.push(slot(id));
        }
    }

    #[test]
    fn it_gives_what_follows_a_cursor_it_reaches_back_to() {
        let mut ring = Ring::after(3);
        assert_eq!(ids(&ring, 3), Some(vec![]));
        assert_eq!(ids(&ring, 2), None);
        extend(&mut ring, 4..=6);
        assert_eq!((ids(&ring, 3), ids(&ring, 5), ring.head()), (Some(vec![4, 5, 6]), Some(vec![6]), 6));
        ring.advance(12);
        assert_eq!((ids(&ring, 12), ids(&ring, 11)), (Some(vec![]), None));
    }

    #[test]
    fn it_keeps_within_its_bounds() {
        let mut ring = Ring::after(0);
        let count = EventId::try_from(3 * MAX_EVENTS).unwrap();
        extend(&mut ring, 1..=count);
        assert_eq!(ring.slots.len(), MAX_EVENTS);
        assert_eq!(ring.bytes(), ring.slots.iter().map(Slot::len).sum::<usize>());
        assert_eq!(ids(&ring, count - 2), Some(vec![count - 1, count]));
    }

    #[test]
    fn what_shows_a_deleted_message_is_let_go_in_its_place() {
        let mut ring = Ring::after(0);
        extend(&mut ring, 1..=9);
        ring.forget(1);
        let left: Vec<_> = ring.since(0).unwrap().filter_map(|(id, slot)| slot.frame.as_ref().map(|_| id)).collect();
        assert_eq!(left, [2, 3, 5, 6, 8, 9]);
        assert_eq!((ring.head(), ring.since(0).unwrap().count()), (9, 9));
        assert_eq!(ring.bytes(), ring.slots.iter().map(Slot::len).sum::<usize>());
    }

    #[test]
    fn a_reader_of_ephemeral_events_learns_that_it_missed_some() {
        let mut ring = Ephemeral::default();
        for _ in 0..MAX_EPHEMERAL + 5 {
            ring.push(EphemeralSlot { frame: None, not_to: None });
        }
        assert!(ring.since(4).is_none());
        assert_eq!(ring.since(5).unwrap().count(), MAX_EPHEMERAL);
        assert_eq!(ring.since(ring.count()).unwrap().count(), 0);
    }
}
