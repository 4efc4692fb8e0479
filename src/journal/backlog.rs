//! The rooms whose newest events the index of search does not have yet: the journal adds to them after
//! each commit, the indexer takes them.

use std::{collections::BTreeSet, time::Duration};

use tokio::{sync::watch, time::timeout};
use tokio_util::sync::{CancellationToken, DropGuard};

/// How many events are worth a transaction while others still come.
const WORTH: usize = 200;
/// After how long without another one fewer are.
const QUIET: Duration = Duration::from_millis(100);

/// What waits to be indexed.
#[derive(Debug, Default)]
pub struct Backlog {
    waiting: watch::Sender<Waiting>,
    left: CancellationToken,
}

#[derive(Debug, Default)]
struct Waiting {
    rooms: BTreeSet<i64>,
    events: usize,
}

impl Backlog {
    /// A room has so many more events.
    pub fn add(&self, room_id: i64, events: usize) {
        self.waiting.send_modify(|waiting| {
            waiting.rooms.insert(room_id);
            waiting.events += events;
        });
    }

    /// Waits until there is something to index that is worth it: much, or little and nothing more for a
    /// while. A search finds what is not indexed as well, and many events in one transaction cost the
    /// journal less of its time than one in each.
    pub async fn ready(&self) {
        let mut waiting = self.waiting.subscribe();
        loop {
            // The sender is this backlog's own: it is never gone.
            let before = waiting.wait_for(|waiting| !waiting.rooms.is_empty()).await.map_or(0, |now| now.events);
            let much = timeout(QUIET, waiting.wait_for(|waiting| waiting.events >= WORTH)).await.is_ok();
            if much || waiting.borrow().events == before {
                return;
            }
        }
    }

    /// While the answer lives somebody takes from it, and writes what it finds.
    #[must_use]
    pub fn leaving(&self) -> DropGuard {
        self.left.clone().drop_guard()
    }

    /// Waits until that has ended.
    pub async fn left(&self) {
        self.left.cancelled().await;
    }

    /// The rooms that wait; they are the caller's to do now.
    #[must_use]
    pub fn take(&self) -> BTreeSet<i64> {
        let mut rooms = BTreeSet::new();
        self.waiting.send_if_modified(|waiting| {
            rooms = std::mem::take(waiting).rooms;
            false
        });
        rooms
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn much_is_ready_at_once_and_little_when_nothing_more_comes() {
        let backlog = Backlog::default();
        let begun = Instant::now();
        backlog.add(1, WORTH - 1);
        backlog.add(2, 1);
        backlog.ready().await;
        assert_eq!(begun.elapsed(), Duration::ZERO);
        assert_eq!(backlog.take(), BTreeSet::from([1, 2]));
        assert_eq!(backlog.take(), BTreeSet::new());

        let begun = Instant::now();
        let adding = async {
            for _ in 0..10 {
                backlog.add(3, 1);
                tokio::time::sleep(QUIET / 2).await;
            }
        };
        tokio::join!(backlog.ready(), adding);
        assert!(begun.elapsed() >= 5 * QUIET, "{:?}", begun.elapsed());
        assert_eq!(backlog.take(), BTreeSet::from([3]));
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_never_ready() {
        let backlog = Backlog::default();
        assert!(timeout(Duration::from_hours(1), backlog.ready()).await.is_err());
    }
}
