//! Gaps in what a room was told: committed events that can't be shown yet, since what stands before them is missing.
//!
//! Another node's events come as hints, which may be lost, repeated, late or out of order, and this node's own batches
//! may follow events that it was not told of. All of them are committed, and so in the store. So what joins on to the
//! head is shown, and anything else waits while the room reads the gap from the store. Such a fill reaches the head
//! that it read first. What waits at or below that is dropped: the store has shown it as it is by now.
//!
//! A deletion is heeded as soon as it is known, from wherever: what shows its message in the meantime is shown
//! without it. This does no I/O; [`super::window`] shows what it gives, `fills.rs` has the store asked.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use super::ring::Slot;
use crate::domain::{EventId, event::Event, message::Message};

#[cfg(test)]
mod tests;

/// The most events that wait; of the others only the highest id is kept.
pub const MAX_EVENTS: usize = 64;
/// The most bytes that they have.
pub const MAX_BYTES: usize = 256 * 1024;
/// The most deletions that are known before they are shown. With more of them what is missing is skipped: it would
/// not be known any more what may be shown with its content.
pub const MAX_DELETIONS: usize = 256;

/// The events that a room can't show yet.
#[derive(Debug, Default)]
pub struct Gap {
    /// Committed events that wait, with their slots, by their ids.
    waiting: BTreeMap<EventId, (Event, Slot)>,
    bytes: usize,
    /// Up to where the log is known to go.
    goal: EventId,
    /// The head that the fill under way has read.
    filling_to: Option<EventId>,
    /// Deleted messages whose deletion is not shown yet, as tombstones, with the ids of the deletions; 0 is one that a
    /// page of the store told of, which whatever is read after that page has.
    gone: HashMap<EventId, (Arc<Message>, EventId)>,
    /// The newest deletion that was one too many.
    overrun: Option<EventId>,
    is_asked: bool,
}

/// Deletions and events to be shown now, in this order.
#[derive(Debug, Default)]
pub struct Ready {
    /// Messages that are deleted, as tombstones.
    pub deleted: Vec<Arc<Message>>,
    /// Events that follow the head without a gap.
    pub events: Vec<(Event, Slot)>,
}

impl Gap {
    /// Takes consecutive events that are committed: a hint, or a batch of this node's own.
    pub fn offer(&mut self, head: EventId, events: Vec<(Event, Slot)>) -> Ready {
        let mut ready = Ready::default();
        let Some(first) = events.first().map(|(event, _)| event.id()) else { return ready };
        let known = head.max(self.filling_to.unwrap_or(head));
        let joins = first <= head + 1 && self.filling_to.is_none() && self.overrun.is_none();
        for (event, slot) in events {
            let id = event.id();
            self.goal = self.goal.max(id);
            if joins && id > head {
                self.show(event, slot, &mut ready);
            } else if id > head {
                if let Event::MessageDeleted { message, .. } = &event {
                    self.note_deletion(message, id, &mut ready);
                }
                if id > known {
                    self.wait(id, event, slot);
                }
            }
        }
        self.follow(head, &mut ready);
        ready
    }

    /// Takes the head of the log, which may be past everything that was offered.
    pub fn check(&mut self, stored_head: EventId) {
        self.goal = self.goal.max(stored_head);
    }

    /// Takes a page that the store gave: the events after `head`, without a gap, when its own head was `stored_head`.
    pub fn fill(&mut self, head: EventId, stored_head: EventId, events: Vec<(Event, Slot)>) -> Ready {
        let mut ready = Ready::default();
        if self.overrun.is_some() {
            // It may have been read before a deletion that is not known any more.
            return ready;
        }
        let until = *self.filling_to.get_or_insert(stored_head);
        self.drop_waiting(until);
        // First of all, whatever the page shows beside it.
        for (event, _) in &events {
            if let Some(message) = event.message().filter(|message| message.deleted_at.is_some()) {
                self.note_deletion(message, 0, &mut ready);
            }
        }
        let mut through = head;
        for (event, slot) in events {
            if event.id() == through + 1 {
                through = event.id();
                self.show(event, slot, &mut ready);
            }
        }
        if through >= until {
            self.filling_to = None;
            self.drop_waiting(through);
            self.follow(head, &mut ready);
        }
        ready
    }

    /// Gives up what is missing up to a head, which the store told after all of its pages: the store has it for those
    /// who want it. What is shown later follows the deletions up to there, and needs them no more.
    pub fn skip_to(&mut self, head: EventId) -> Ready {
        self.filling_to = None;
        self.drop_waiting(head);
        self.gone.retain(|_, (_, deletion)| *deletion > head);
        self.overrun = self.overrun.filter(|deletion| *deletion > head);
        let mut ready = Ready::default();
        self.follow(head, &mut ready);
        ready
    }

    /// Up to where the log is known to go.
    #[must_use]
    pub fn goal(&self) -> EventId {
        self.goal
    }

    /// Returns true if the log goes on past the head that is shown, or may not be shown as it is.
    #[must_use]
    pub fn is_open(&self, head: EventId) -> bool {
        self.goal > head || self.overrun.is_some()
    }

    /// Returns true if more deletions came than are kept, so that what is missing has to be skipped.
    #[must_use]
    pub fn is_overrun(&self) -> bool {
        self.overrun.is_some()
    }

    /// Returns true once for each gap that needs a fill, and marks the fill as requested.
    pub fn ask(&mut self, head: EventId) -> bool {
        self.is_open(head) && !std::mem::replace(&mut self.is_asked, true)
    }

    /// A fill begins; another may be requested.
    pub fn asked(&mut self) {
        self.is_asked = false;
    }

    /// The log is known to go no further: what was said of it was wrong, or the store has lost it.
    pub fn close(&mut self, head: EventId) {
        (self.goal, self.filling_to) = (head, None);
        self.waiting.clear();
        // A deletion that the store has lost never was.
        self.gone.clear();
        self.overrun = None;
        self.bytes = 0;
    }

    /// The bytes of the events that wait.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Shows an event, without the content of a message that is known to be deleted.
    fn show(&mut self, mut event: Event, mut slot: Slot, ready: &mut Ready) {
        if let Event::MessageDeleted { message, .. } = &event {
            self.gone.remove(&message.id);
        } else if let Some(shown) = event.message().filter(|message| message.deleted_at.is_none())
            && let Some((tombstone, _)) = self.gone.get(&shown.id).cloned()
        {
            event.set_message(tombstone);
            slot.forget();
        }
        ready.events.push((event, slot));
    }

    fn note_deletion(&mut self, message: &Arc<Message>, deletion: EventId, ready: &mut Ready) {
        if self.gone.contains_key(&message.id) {
            return;
        }
        ready.deleted.push(message.clone());
        if self.gone.len() < MAX_DELETIONS {
            self.gone.insert(message.id, (message.clone(), deletion));
        } else {
            self.overrun = self.overrun.max(Some(deletion));
        }
    }

    /// Shows those that waited for what is shown now.
    fn follow(&mut self, head: EventId, ready: &mut Ready) {
        if self.filling_to.is_some() || self.overrun.is_some() {
            return;
        }
        let head = ready.events.last().map_or(head, |(event, _)| event.id());
        self.drop_waiting(head);
        let mut next = head + 1;
        while let Some((event, slot)) = self.waiting.remove(&next) {
            self.bytes -= slot.len();
            self.show(event, slot, ready);
            next += 1;
        }
    }

    fn wait(&mut self, id: EventId, event: Event, slot: Slot) {
        if self.waiting.contains_key(&id) || self.waiting.len() >= MAX_EVENTS || self.bytes + slot.len() > MAX_BYTES {
            return;
        }
        self.bytes += slot.len();
        self.waiting.insert(id, (event, slot));
    }

    fn drop_waiting(&mut self, through: EventId) {
        self.waiting = self.waiting.split_off(&(through + 1));
        self.bytes = self.waiting.values().map(|(_, slot)| slot.len()).sum();
    }
}
