//! The timer of a reader, which is set again for every event and goes off for few of them.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::time::{Instant, Sleep, sleep_until};

/// A wake at some instant.
#[derive(Debug, Default)]
pub(super) struct Timer {
    sleep: Option<Pin<Box<Sleep>>>,
    /// True if the sleep has been polled since it was last set.
    is_asked: bool,
}

impl Timer {
    /// Ready once it is `until`; else the task is woken then, or earlier.
    pub(super) fn poll(&mut self, until: Option<Instant>, cx: &mut Context<'_>) -> Poll<()> {
        let Some(until) = until else { return Poll::Pending };
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(sleep_until(until)));
        // It wakes this task by itself: to look once too often costs less than to move it at every event.
        if self.is_asked && !sleep.is_elapsed() && sleep.deadline() <= until {
            return Poll::Pending;
        }
        if sleep.deadline() != until {
            sleep.as_mut().reset(until);
        }
        self.is_asked = true;
        ready!(sleep.as_mut().poll(cx));
        self.is_asked = false;
        Poll::Ready(())
    }
}
