//! Digests: of a crowd, readers are told the number now and then instead of every change.

use std::time::Duration;

use tokio::time::Instant;

/// The ways in which readers are told of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Telling {
    /// By an event of its own.
    Now,
    /// By an event of its own, once the interval is over.
    Later,
    /// By the whole state, since they have missed some of it.
    Everything,
    /// Not at all: there are too many of them.
    Nothing,
}

/// The times at which a crowd's number was told last and is told next.
#[derive(Debug)]
pub struct Digest {
    /// With more than this many it is a crowd.
    crowd: usize,
    /// The shortest time between two numbers.
    interval: Duration,
    /// Absent unless it is a crowd.
    told_at: Option<Instant>,
    /// Absent unless it changed since.
    due_at: Option<Instant>,
}

impl Digest {
    /// No crowd yet.
    #[must_use]
    pub fn new(crowd: usize, interval: Duration) -> Self {
        Self { crowd, interval, told_at: None, due_at: None }
    }

    /// Notes a change that leaves `count`.
    pub fn note(&mut self, count: usize, now: Instant) -> Telling {
        match (self.told_at, count > self.crowd) {
            (None, false) => Telling::Now,
            (Some(_), false) => {
                (self.told_at, self.due_at) = (None, None);
                Telling::Everything
            }
            (Some(told_at), true) if now < told_at + self.interval => {
                self.due_at = Some(told_at + self.interval);
                Telling::Later
            }
            (_, true) => {
                (self.told_at, self.due_at) = (Some(now), None);
                Telling::Everything
            }
        }
    }

    /// Returns true if the number is to be told now.
    pub fn expire(&mut self, now: Instant) -> bool {
        let is_due = self.due_at.is_some_and(|at| at <= now);
        if is_due {
            (self.told_at, self.due_at) = (Some(now), None);
        }
        is_due
    }

    /// The time at which the number is told next.
    #[must_use]
    pub fn next_expiry(&self) -> Option<Instant> {
        self.due_at
    }
}
