//! The feed of commits: after each one the journal says which rooms have new events, and whoever follows
//! the log is told.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio_util::task::{TaskTracker, task_tracker::TaskTrackerToken};

use super::backlog::{Backlog, Pace};
use crate::domain::EventId;

/// Tells followers of commits. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Feed {
    backlogs: Arc<Mutex<Vec<Weak<Backlog>>>>,
    followers: TaskTracker,
}

/// A follower's place at the feed, until it is dropped.
#[derive(Debug)]
pub struct Following {
    /// The events it has been told of and not taken yet.
    pub backlog: Arc<Backlog>,
    /// The journal outlives it.
    _place: TaskTrackerToken,
}

impl Feed {
    /// A place for a follower, who is told of all that is committed from now on.
    #[must_use]
    pub fn follow(&self, pace: Pace) -> Following {
        let backlog = Arc::new(Backlog::new(pace));
        self.backlogs.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::downgrade(&backlog));
        Following { backlog, _place: self.followers.token() }
    }

    /// A room has so many more events, up to `head`.
    pub fn committed(&self, room_id: i64, head: EventId, events: usize) {
        self.backlogs.lock().unwrap_or_else(PoisonError::into_inner).retain(|backlog| {
            let backlog = backlog.upgrade();
            if let Some(backlog) = &backlog {
                backlog.add(room_id, head, events);
            }
            backlog.is_some()
        });
    }

    /// Waits until every follower has gone, and its connection with it.
    pub async fn left(&self) {
        self.followers.close();
        self.followers.wait().await;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use futures_util::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn each_follower_is_told_of_what_is_committed_while_it_follows() {
        let feed = Feed::default();
        let early = feed.follow(Pace::default());
        feed.committed(1, 10, 2);
        let late = feed.follow(Pace::default());
        feed.committed(2, 5, 1);
        feed.committed(1, 11, 1);
        assert_eq!(early.backlog.take(), BTreeMap::from([(1, 11), (2, 5)]));
        assert_eq!(late.backlog.take(), BTreeMap::from([(1, 11), (2, 5)]));
        feed.committed(1, 12, 1);
        assert_eq!(early.backlog.take(), BTreeMap::from([(1, 12)]));

        assert!(feed.left().now_or_never().is_none(), "both are there");
        drop(early);
        assert!(feed.left().now_or_never().is_none(), "one is there");
        drop(late);
        feed.left().now_or_never().expect("nobody is there any more");
        feed.committed(1, 13, 1);
        assert_eq!(feed.backlogs.lock().unwrap().len(), 0, "those who left are forgotten");
    }
}
