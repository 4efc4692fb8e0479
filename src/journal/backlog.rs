//! The rooms whose newest events a follower has not handled yet: the feed adds to them after each commit,
//! the follower takes them.

use std::{collections::BTreeMap, time::Duration};

use tokio::{sync::watch, time::timeout};

use crate::domain::EventId;

/// The pace of a follower: when waiting events are worth handling.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// The number of events that are worth a transaction while others still come.
    pub worth: usize,
    /// After how long without another one fewer are.
    pub quiet: Duration,
}

impl Default for Pace {
    /// For effects in the database: many events in one transaction cost the journal less of its time than
    /// one in each.
    fn default() -> Self {
        Self { worth: 200, quiet: Duration::from_millis(100) }
    }
}

/// The events that wait for a follower. Bounded by the number of rooms, of which each is held once.
#[derive(Debug)]
pub struct Backlog {
    pace: Pace,
    waiting: watch::Sender<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    /// Up to where the log of each room goes.
    rooms: BTreeMap<i64, EventId>,
    events: usize,
}

impl Backlog {
    /// Nothing waits yet.
    #[must_use]
    pub fn new(pace: Pace) -> Self {
        Self { pace, waiting: watch::Sender::default() }
    }

    /// A room has so many more events, up to `head`.
    pub fn add(&self, room_id: i64, head: EventId, events: usize) {
        self.waiting.send_modify(|waiting| {
            waiting.rooms.insert(room_id, head);
            waiting.events += events;
        });
    }

    /// Waits until something waits that is worth it: much, or little and nothing more for a while.
    pub async fn ready(&self) {
        let mut waiting = self.waiting.subscribe();
        loop {
            // The sender is this backlog's own: it is never gone.
            let before = waiting.wait_for(|waiting| !waiting.rooms.is_empty()).await.map_or(0, |now| now.events);
            let is_much = |waiting: &Waiting| waiting.events >= self.pace.worth;
            let much = timeout(self.pace.quiet, waiting.wait_for(is_much)).await.is_ok();
            if much || waiting.borrow().events == before {
                return;
            }
        }
    }

    /// The rooms that wait, each with its head; they are the caller's to do now.
    #[must_use]
    pub fn take(&self) -> BTreeMap<i64, EventId> {
        let mut rooms = BTreeMap::new();
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
        let pace = Pace::default();
        let backlog = Backlog::new(pace);
        let begun = Instant::now();
        backlog.add(1, 10, pace.worth - 1);
        backlog.add(2, 20, 1);
        backlog.ready().await;
        assert_eq!(begun.elapsed(), Duration::ZERO);
        assert_eq!(backlog.take(), BTreeMap::from([(1, 10), (2, 20)]));
        assert_eq!(backlog.take(), BTreeMap::new());

        let begun = Instant::now();
        let adding = async {
            for head in 0..10 {
                backlog.add(3, head, 1);
                tokio::time::sleep(pace.quiet / 2).await;
            }
        };
        tokio::join!(backlog.ready(), adding);
        assert!(begun.elapsed() >= 5 * pace.quiet, "{:?}", begun.elapsed());
        assert_eq!(backlog.take(), BTreeMap::from([(3, 9)]));
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_never_ready() {
        let backlog = Backlog::new(Pace::default());
        assert!(timeout(Duration::from_hours(1), backlog.ready()).await.is_err());
    }
}
