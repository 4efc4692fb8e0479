//! The window of a room's log that is in memory: its newest events, its newest messages and what was deleted of them.

use std::{collections::VecDeque, sync::Arc};

use super::{
    deletion_log::DeletionLog,
    frame::{Frame, Placed},
    gap::{Gap, Ready},
    loading::Loading,
    position::{Position, ReadFilter},
    recent::{News, Recent},
    ring::{Ring, Slot},
};
use crate::domain::{
    EventId,
    event::{Event, EventBody},
    message::Message,
    name::RoomName,
    page::{self, PAGE_BYTES},
    room::FloorReason,
};

/// The most bytes of events a reader takes at once, except for a single event that is larger.
pub const TAKE_BYTES: usize = PAGE_BYTES;

/// The most lengths of history that are kept at once.
const SHARED: usize = 4;

/// The log's part of a read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TakenLog {
    /// Everything up to the head.
    All,
    /// As much as it takes at once.
    Full,
    /// Everything up to what has to be read from the store.
    Missing,
}

/// A room's log, as far as memory has it.
#[derive(Debug, Default)]
pub struct Window {
    /// Known once an event was published or the store was asked.
    ring: Option<Ring>,
    /// Known once the store was asked.
    floor: Option<(EventId, FloorReason)>,
    pub(super) recent: Loading<Recent, News>,
    /// The histories that were encoded last, by their length and the head they end at: all who join share them.
    histories: VecDeque<(usize, EventId, Frame)>,
    pub(super) deletions: DeletionLog,
    /// The events that can't be shown yet.
    pub(super) gap: Gap,
}

impl Window {
    /// The id of the newest event.
    #[must_use]
    pub fn head(&self) -> EventId {
        self.ring.as_ref().map_or(0, Ring::head)
    }

    /// The lowest cursor that can be resumed from, and why; none until the store was asked.
    #[must_use]
    pub fn floor(&self) -> Option<(EventId, FloorReason)> {
        self.floor
    }

    /// Takes what is committed: consecutive events in id order, with their slots. Returns those that are shown now: of
    /// these perhaps none, if some before them are missing, or more, which waited for them.
    pub fn publish(&mut self, events: Vec<(Event, Slot)>) -> Vec<Event> {
        let Some((first, _)) = events.first() else { return Vec::new() };
        let first = first.id();
        let head = self.ring.get_or_insert_with(|| Ring::after(first - 1)).head();
        let ready = self.gap.offer(head, events);
        self.show(ready)
    }

    /// Takes head and floor as the store has them, once. What is published meanwhile joins on to them.
    pub fn load(&mut self, head: EventId, floor: EventId, reason: FloorReason) {
        self.floor = Some((floor, reason));
        self.ring.get_or_insert_with(|| Ring::after(head));
    }

    /// Learns head and floor, which may have moved without what is before them having been published.
    pub fn learn(&mut self, head: EventId, floor: EventId, reason: FloorReason) {
        self.floor = Some((floor, reason));
        match &self.ring {
            Some(ring) if ring.head() < head => {
                self.gap.check(head);
                self.note_unseen();
            }
            Some(_) => {}
            None => self.ring = Some(Ring::after(head)),
        }
    }

    /// Takes a page of the log after the head that was asked for. Returns the events that are shown now, and whether
    /// it led on.
    pub fn fill(
        &mut self,
        (stored_head, floor, reason): (EventId, EventId, FloorReason),
        events: Vec<(Event, Slot)>,
    ) -> (Vec<Event>, bool) {
        self.floor = Some((floor, reason));
        let head = self.head();
        let shown = if head < floor {
            self.skip(stored_head)
        } else {
            let ready = self.gap.fill(head, stored_head, events);
            self.show(ready)
        };
        (shown, self.head() > head)
    }

    /// Skips a gap that is longer than the ring, or of which the store no longer has all: readers who want what is in
    /// it ask for it. Returns the events that are shown now, which waited for those.
    pub fn skip(&mut self, stored_head: EventId) -> Vec<Event> {
        self.ring.get_or_insert_with(|| Ring::after(stored_head)).advance(stored_head);
        self.note_unseen();
        let ready = self.gap.skip_to(self.head());
        self.show(ready)
    }

    /// Something happened that this room was not told of, which may have been any deletion.
    fn note_unseen(&mut self) {
        self.histories.clear();
        self.recent.forget();
        self.deletions.note_unseen();
    }

    /// Shows what is ready: deletions first, so that nothing shows what they take away.
    fn show(&mut self, Ready { deleted, events }: Ready) -> Vec<Event> {
        let ring = self.ring.get_or_insert_with(|| Ring::after(0));
        let forget =
            |ring: &mut Ring, message: &Arc<Message>, recent: &mut Loading<Recent, News>, log: &mut DeletionLog| {
                ring.forget(message.id);
                log.note(message.id);
                recent.note(News::Changed(message.clone()));
            };
        for message in deleted {
            // It may be at the head that is still shown.
            self.histories.clear();
            forget(ring, &message, &mut self.recent, &mut self.deletions);
        }
        let mut shown = Vec::with_capacity(events.len());
        for (event, slot) in events {
            ring.push(slot);
            match &event {
                Event::ChatMessage(message) => self.recent.note(News::Posted(message.clone())),
                Event::MessageDeleted { message, .. } => {
                    forget(ring, message, &mut self.recent, &mut self.deletions);
                }
                Event::MessageEdited { message, .. } | Event::Reacted { message, .. } => {
                    self.recent.note(News::Changed(message.clone()));
                }
                Event::RoomUpdated(_) | Event::Member(_) => {}
            }
            shown.push(event);
        }
        shown
    }

    /// The ring, for tests that look at what it would give.
    #[cfg(test)]
    pub(super) fn ring_for_tests(&self) -> Option<&Ring> {
        self.ring.as_ref()
    }

    /// Returns true if the log goes on past the head.
    #[must_use]
    pub fn has_gap(&self) -> bool {
        self.gap.is_open(self.head())
    }

    /// Gives a reader what is past its cursor, and moves its position past it.
    pub(super) fn take(&self, filter: &ReadFilter, position: &mut Position, out: &mut Vec<Placed>) -> TakenLog {
        if position.cursor >= self.head().min(position.last) {
            return TakenLog::All;
        }
        let Some(slots) = self.ring.as_ref().and_then(|ring| ring.since(position.cursor)) else {
            return TakenLog::Missing;
        };
        let mut bytes = out.iter().map(|event| event.frame.len()).sum::<usize>();
        for (id, slot) in slots.take_while(|(id, _)| *id <= position.last) {
            if filter.types.has(slot.kind) {
                // It showed a message that is deleted by now.
                let Some(frame) = &slot.frame else { return TakenLog::Missing };
                bytes += frame.len();
                if out.len() >= filter.limit || (bytes > TAKE_BYTES && !out.is_empty()) {
                    return TakenLog::Full;
                }
                out.push(frame.clone().into());
                position.told = id;
            }
            position.cursor = id;
        }
        TakenLog::All
    }

    /// The history of the newest `limit` messages, and the cursor it ends at; none unless all of them are known.
    pub fn history(&mut self, room: &RoomName, limit: usize) -> Option<(Frame, EventId)> {
        let head = self.ring.as_ref()?.head();
        if let Some(frame) = self.shared_history(limit, head) {
            return Some((frame, head));
        }
        let (messages, has_more) = self.recent.known()?.newest(limit, head)?;
        let frame = history_frame(room, &messages, has_more, head);
        self.share_history(limit, head, frame.clone());
        Some((frame, head))
    }

    /// The history of this length that ends at this head, if somebody had it already. Whatever changes one moves the
    /// head, or has them forgotten.
    fn shared_history(&self, limit: usize, head: EventId) -> Option<Frame> {
        let mut shared = self.histories.iter().filter(|(of, at, _)| (*of, *at) == (limit, head));
        shared.next().map(|(_, _, frame)| frame.clone())
    }

    /// Keeps a history for who joins next.
    pub fn share_history(&mut self, limit: usize, head: EventId, frame: Frame) {
        // Those of an earlier head and those of the same length serve nobody any more.
        self.histories.retain(|(of, at, _)| *at >= head && *of != limit);
        self.histories.truncate(SHARED - 1);
        self.histories.push_front((limit, head, frame));
    }

    /// About how many bytes it holds.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let histories: usize = self.histories.iter().map(|(_, _, frame)| frame.len()).sum();
        self.ring.as_ref().map_or(0, Ring::bytes)
            + self.gap.bytes()
            + self.recent.known().map_or(0, Recent::bytes)
            + histories
    }
}

/// The event that a reader without a cursor gets first, with as many of the newest messages as a page has.
#[must_use]
pub fn history_frame(room: &RoomName, messages: &[Arc<Message>], has_more: bool, id: EventId) -> Frame {
    let left_out = messages.len() - page::fitting(messages.iter().rev());
    let (messages, has_more) = (&messages[left_out..], has_more || left_out > 0);
    Frame::new(&EventBody::MessageHistory { room, id, messages, has_more })
}
