//! The line of commands that wait for a batch, in their order.

use std::collections::{BTreeSet, VecDeque};

use tokio::time::Instant;

use super::{Refused, Waiting};
use crate::{domain::name::RoomName, store::transaction::WantedRooms};

/// The most commands of one transaction.
const BATCH: usize = 1_024;
/// The most bytes of one transaction's commands, except for a single command that is larger.
const BATCH_BYTES: usize = 1024 * 1024;
/// The most commands that wait here.
const MOST: usize = 4 * BATCH;

/// Commands that wait. Those of one room never change their order.
#[derive(Debug, Default)]
pub(super) struct Line {
    waiting: VecDeque<Waiting>,
    /// Their bytes.
    bytes: usize,
    /// The number of first ones that are each a batch of their own.
    singly: usize,
    /// The rooms that were waited for in vain, the one first for which that is longest ago. They are no longer waited
    /// for, so that they don't hold up the others: each batch looks whether they are free.
    held: Vec<RoomName>,
}

impl Line {
    /// Returns true if nobody waits.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Returns true if more would not be in the next batch.
    pub(super) fn is_full(&self) -> bool {
        let is_full = |count: usize, bytes: usize| count >= BATCH || bytes > BATCH_BYTES;
        // It is asked for each command that comes, so all are gone through only if it matters.
        if self.held.is_empty() || !is_full(self.waiting.len(), self.bytes) {
            return is_full(self.waiting.len(), self.bytes);
        }
        let free = || self.waiting.iter().filter(|waiting| !self.is_held(&waiting.command.room));
        self.waiting.len() >= MOST || is_full(free().count(), free().map(bytes).sum())
    }

    /// One more, behind all others.
    pub(super) fn push(&mut self, waiting: Waiting) {
        self.bytes += bytes(&waiting);
        self.waiting.push_back(waiting);
    }

    /// Refuses those whose patience has ended.
    pub(super) fn refuse_late(&mut self, now: Instant) {
        while let Some(at) = self.waiting.iter().position(|waiting| waiting.until <= now) {
            self.singly -= usize::from(at < self.singly);
            if let Some(late) = self.waiting.remove(at) {
                self.bytes -= bytes(&late);
                late.answer(Err(Refused::Unavailable));
            }
        }
    }

    /// The next batch, within the bounds of a transaction, those of rooms that are not held first; empty if nobody
    /// waits.
    pub(super) fn take(&mut self) -> Vec<Waiting> {
        let batch = self.next();
        self.bytes -= batch.iter().map(bytes).sum::<usize>();
        batch
    }

    fn next(&mut self) -> Vec<Waiting> {
        if self.singly > 0 {
            self.singly -= 1;
            return self.waiting.pop_front().into_iter().collect();
        }
        let (mut batch, mut size) = (Vec::new(), 0);
        if self.held.is_empty() {
            fill(&mut batch, &mut size, &mut self.waiting);
            return batch;
        }
        self.held.retain(|room| self.waiting.iter().any(|waiting| waiting.command.room == *room));
        let (mut held, mut free): (VecDeque<_>, VecDeque<_>) =
            self.waiting.drain(..).partition(|waiting| self.held.contains(&waiting.command.room));
        fill(&mut batch, &mut size, &mut free);
        if free.is_empty() {
            fill(&mut batch, &mut size, &mut held);
        }
        self.waiting.append(&mut free);
        self.waiting.append(&mut held);
        batch
    }

    /// The rooms of a batch.
    pub(super) fn rooms_of(&self, batch: &[Waiting]) -> WantedRooms {
        let mut others: BTreeSet<_> = batch.iter().map(|waiting| waiting.command.room.clone()).collect();
        let first = batch.iter().map(|waiting| &waiting.command.room).find(|room| !self.is_held(room));
        let first = first.and_then(|first| others.take(first));
        let held = self.held.iter().filter_map(|room| others.take(room)).collect();
        WantedRooms { first, others, held }
    }

    /// Puts those back whose rooms the batch did not get: they are first in the next one.
    pub(super) fn put_back(&mut self, batch: Vec<Waiting>) {
        for waiting in batch.into_iter().rev() {
            self.bytes += bytes(&waiting);
            self.waiting.push_front(waiting);
        }
    }

    /// Puts a batch back that was rejected: each of it is tried alone.
    pub(super) fn put_back_singly(&mut self, batch: Vec<Waiting>) {
        self.singly += batch.len();
        self.put_back(batch);
    }

    /// Puts a batch back that ran into somebody else, most likely in the room that it waited for.
    pub(super) fn put_off(&mut self, batch: Vec<Waiting>) {
        let WantedRooms { first, held, .. } = self.rooms_of(&batch);
        if let Some(room) = first.or_else(|| held.into_iter().next()) {
            self.held.retain(|held| *held != room);
            self.held.push(room);
        }
        self.put_back(batch);
    }

    /// A batch was written.
    pub(super) fn written(&mut self, batch: &[Waiting]) {
        self.held.retain(|room| batch.iter().all(|waiting| waiting.command.room != *room));
    }

    fn is_held(&self, room: &RoomName) -> bool {
        self.held.contains(room)
    }
}

/// Moves commands into a batch, as many as it has room for.
fn fill(batch: &mut Vec<Waiting>, size: &mut usize, waiting: &mut VecDeque<Waiting>) {
    while batch.len() < BATCH
        && let Some(next) = waiting.front()
    {
        *size += bytes(next);
        if *size > BATCH_BYTES && !batch.is_empty() {
            break;
        }
        batch.extend(waiting.pop_front());
    }
}

/// Takes those out of a batch whose rooms were not got, in their order.
pub(super) fn leave(batch: &mut Vec<Waiting>, is_got: impl Fn(&RoomName) -> bool) -> Vec<Waiting> {
    batch.extract_if(.., |waiting| !is_got(&waiting.command.room)).collect()
}

fn bytes(waiting: &Waiting) -> usize {
    waiting.command.change.bytes()
}

#[cfg(test)]
mod tests;
