//! How long a reader has been told nothing.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::time::{Instant, Sleep, sleep};

/// The time since a reader was told something.
#[derive(Debug)]
pub struct Silence {
    /// After how much of it the reader gets a `ping`, so that it can tell a dead line.
    limit: Duration,
    /// The next look at it.
    look: Pin<Box<Sleep>>,
    /// Whether the look has been asked since it was last set.
    is_asked: bool,
    broken_at: Instant,
}

impl Silence {
    pub(super) fn new(limit: Duration) -> Self {
        Self { limit, look: Box::pin(sleep(limit)), is_asked: false, broken_at: Instant::now() }
    }

    /// The reader is told something.
    pub(super) fn broken(&mut self) {
        self.broken_at = Instant::now();
    }

    /// Ready when it is to be broken by a `ping`; else the reader is woken then.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        // Asked once, it wakes this reader by itself: every event asking it anew would cost more.
        if self.is_asked && !self.look.is_elapsed() {
            return Poll::Pending;
        }
        loop {
            self.is_asked = true;
            ready!(self.look.as_mut().poll(cx));
            // The look is not moved by every event, which would cost more than looking once more.
            let due = self.broken_at + self.limit;
            if due <= Instant::now() {
                self.look.as_mut().reset(Instant::now() + self.limit);
                self.is_asked = false;
                return Poll::Ready(());
            }
            self.look.as_mut().reset(due);
        }
    }
}
