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

    fn len(&self) -> usize {
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

    /// Adds the newest events, which have the consecutive ids from `first` on. What it has already
    /// is passed over; when some are missing before `first` it starts again, since the store has them.
    /// Returns true if it had to start again.
    pub fn extend(&mut self, first: EventId, slots: impl IntoIterator<Item = Slot>) -> bool {
        let restarted = first > self.head + 1;
        if restarted {
            *self = Self::after(first - 1);
        }
        for (id, slot) in (first..).zip(slots) {
            if id <= self.head {
                continue;
            }
            self.bytes += slot.len();
            self.slots.push_back(slot);
            self.head = id;
            while self.slots.len() > MAX_EVENTS || (self.bytes > MAX_BYTES && self.slots.len() > 1) {
                self.bytes -= self.slots.pop_front().map_or(0, |slot| slot.len());
            }
        }
        restarted
    }

    /// Lets go of every event that shows a message.
    pub fn forget(&mut self, message: EventId) {
        for slot in self.slots.iter_mut().filter(|slot| slot.shows == Some(message)) {
            self.bytes -= slot.len();
            slot.frame = None;
        }
    }

    /// Moves the head without the events before it, which are in the store.
    pub fn advance(&mut self, head: EventId) {
        if head > self.head {
            *self = Self::after(head);
        }
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
    /// The number of deletions there have been.
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
    use proptest::prelude::*;

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

    #[test]
    fn a_repeat_is_passed_over_and_a_gap_starts_anew() {
        let mut ring = Ring::after(3);
        assert_eq!(ids(&ring, 3), Some(vec![]));
        assert_eq!(ids(&ring, 2), None);
        assert!(!ring.extend(4, [slot(4), slot(5)]));
        assert!(!ring.extend(4, [slot(4), slot(5), slot(6)]));
        assert_eq!(ids(&ring, 3), Some(vec![4, 5, 6]));
        assert!(ring.extend(9, [slot(9)]));
        assert_eq!((ids(&ring, 8), ids(&ring, 6), ring.head()), (Some(vec![9]), None, 9));
        ring.advance(12);
        assert_eq!((ids(&ring, 12), ids(&ring, 11)), (Some(vec![]), None));
    }

    #[test]
    fn it_keeps_within_its_bounds() {
        let mut ring = Ring::after(0);
        let count = EventId::try_from(3 * MAX_EVENTS).unwrap();
        ring.extend(1, (1..=count).map(slot));
        assert_eq!(ring.slots.len(), MAX_EVENTS);
        assert_eq!(ring.bytes(), ring.slots.iter().map(Slot::len).sum::<usize>());
        assert_eq!(ids(&ring, count - 2), Some(vec![count - 1, count]));
    }

    #[test]
    fn what_shows_a_deleted_message_is_let_go_in_its_place() {
        let mut ring = Ring::after(0);
        ring.extend(1, (1..=9).map(slot));
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

    proptest! {
        /// Whatever is published in which pieces, repeated or with gaps: what the ring gives is the
        /// contiguous end of what was published.
        #[test]
        fn what_it_gives_has_no_gap(pieces in prop::collection::vec((0i64..6, 1i64..40), 1..40), back in 0i64..200) {
            let mut ring = Ring::after(0);
            let mut head = 0;
            for (jump, length) in pieces {
                let first = (head + 3 - jump).max(1);
                ring.extend(first, (first..first + length).map(slot));
                head = head.max(first + length - 1);
                prop_assert_eq!(ring.head(), head);
                let cursor = (head - back).max(0);
                if let Some(given) = ids(&ring, cursor) {
                    prop_assert_eq!(given, (cursor + 1..=head).collect::<Vec<_>>());
                }
            }
        }
    }
}
