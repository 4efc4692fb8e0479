//! Expirations: wakes rooms when something in them runs out, be it a grace, a lease or somebody's typing.

use std::{
    fmt,
    future::poll_fn,
    sync::{Arc, Mutex, PoisonError, Weak},
    task::{Context, Poll},
    time::Duration,
};

use tokio::{task::yield_now, time::Instant};
use tokio_util::time::DelayQueue;

/// The shortest time between two looks at a room, so that a crowd that leaves one by one is looked through a few times
/// a second and not once a user.
const PAUSE: Duration = Duration::from_millis(100);

/// Something in which things run out.
pub trait Expires: Send + Sync {
    /// Ends a slice of what has run out by `now`. Returns true if nothing is left to end, and then has itself looked at
    /// again when something runs out, at `earliest` or later.
    fn expire(self: Arc<Self>, now: Instant, earliest: Instant) -> bool;
}

/// Rooms by the instants at which they are to be looked at.
#[derive(Default)]
pub struct Expirations(Mutex<DelayQueue<Weak<dyn Expires>>>);

impl Expirations {
    /// Has the room looked at, at `at`.
    pub fn schedule(&self, at: Instant, room: Weak<dyn Expires>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert_at(room, at);
    }

    /// Looks at rooms as they become due; never ends.
    pub async fn run(&self) {
        loop {
            let room = poll_fn(|cx| self.poll_due(cx)).await;
            let Some(room) = room.upgrade() else { continue };
            let now = Instant::now();
            // Others get their turn between the slices of a crowd.
            while !room.clone().expire(now, now + PAUSE) {
                yield_now().await;
            }
        }
    }

    fn poll_due(&self, cx: &mut Context<'_>) -> Poll<Weak<dyn Expires>> {
        match self.0.lock().unwrap_or_else(PoisonError::into_inner).poll_expired(cx) {
            Poll::Ready(Some(due)) => Poll::Ready(due.into_inner()),
            // With nothing to wait for, it wakes this task once there is something.
            Poll::Ready(None) | Poll::Pending => Poll::Pending,
        }
    }
}

impl fmt::Debug for Expirations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Expirations").finish_non_exhaustive()
    }
}
