//! How long a reader has been told nothing.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::time::{Instant, Sleep, sleep};

/// After how much silence a reader gets a `ping`, so that it can tell a dead line.
const SILENCE: Duration = Duration::from_secs(15);

/// The time since a reader was told something.
#[derive(Debug)]
pub struct Silence {
    /// The next look at it.
    look: Pin<Box<Sleep>>,
    /// Whether the look has been asked since it was last set.
    is_asked: bool,
    broken_at: Instant,
}

impl Silence {
    pub(super) fn new() -> Self {
        Self { look: Box::pin(sleep(SILENCE)), is_asked: false, broken_at: Instant::now() }
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
            let due = self.broken_at + SILENCE;
            if due <= Instant::now() {
                self.look.as_mut().reset(Instant::now() + SILENCE);
                self.is_asked = false;
                return Poll::Ready(());
            }
            self.look.as_mut().reset(due);
        }
    }
}
