//! Write turns: a file takes one writing connection at a time, and the journal goes first.
//!
//! A connection that finds another writing would sleep and look again; here it is woken. A server takes
//! all at once, and locks rows; there the journal still goes first, so that posts don't wait for the
//! server to do something else.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{Mutex, Notify, OwnedMutexGuard, watch},
    time::{Instant, timeout},
};

/// The multiple of their last turn for which the followers let a busy journal go first. Then they have one, so that
/// they get on however busy the journal is.
const JOURNAL_SHARE: u32 = 15;
/// After how long without a turn the journal is not busy: whoever was answered has asked again by then.
const IDLE: Duration = Duration::from_millis(5);

/// The turns of one database. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Turns {
    /// None where all may write at once.
    lock: Option<Arc<Mutex<()>>>,
    journal: Arc<watch::Sender<JournalTurns>>,
    /// The length of the last turn of a follower. They take them one after the other.
    followers: Arc<Mutex<Duration>>,
    /// Told when somebody who writes has had one.
    ended: Arc<Notify>,
}

/// The journal's turns.
#[derive(Debug, Default)]
struct JournalTurns {
    /// The number of turns it has, or waits for.
    under_way: usize,
    /// The number of turns it has had.
    ended: u64,
}

/// A turn, until it is dropped.
#[derive(Debug)]
pub struct Turn {
    _lock: Option<OwnedMutexGuard<()>>,
    whose: Whose,
    ended: Arc<Notify>,
}

#[derive(Debug)]
enum Whose {
    Journal { _mark: Mark },
    Follower { _clock: TurnClock },
    Checkpoint,
}

/// Counts a turn of the journal as under way while it lives.
#[derive(Debug)]
struct Mark(Arc<watch::Sender<JournalTurns>>);

/// Measures a turn of a follower.
#[derive(Debug)]
struct TurnClock {
    begun: Instant,
    took: OwnedMutexGuard<Duration>,
}

impl Turns {
    /// Those of a database that takes one connection at a time, or all.
    pub(super) fn new(one_at_a_time: bool) -> Self {
        Self {
            lock: one_at_a_time.then(Arc::default),
            journal: Arc::new(watch::Sender::default()),
            followers: Arc::default(),
            ended: Arc::default(),
        }
    }

    /// A turn of the journal's.
    pub async fn of_journal(&self) -> Turn {
        let mark = Mark::new(&self.journal);
        self.turn(Whose::Journal { _mark: mark }).await
    }

    /// A turn of a follower's, once the journal has had its share of the time or is idle.
    pub async fn of_follower(&self) -> Turn {
        let took = self.followers.clone().lock_owned().await;
        self.let_journal_go_first(*took).await;
        let lock = self.lock().await;
        let whose = Whose::Follower { _clock: TurnClock { begun: Instant::now(), took } };
        Turn { _lock: lock, whose, ended: self.ended.clone() }
    }

    /// A turn in which nobody writes, of which nobody is told.
    pub async fn of_checkpoint(&self) -> Turn {
        self.turn(Whose::Checkpoint).await
    }

    /// Waits until somebody who writes has had a turn since this was last asked.
    pub async fn ended(&self) {
        self.ended.notified().await;
    }

    async fn turn(&self, whose: Whose) -> Turn {
        Turn { _lock: self.lock().await, whose, ended: self.ended.clone() }
    }

    async fn let_journal_go_first(&self, took: Duration) {
        let mut journal = self.journal.subscribe();
        let share = Instant::now() + JOURNAL_SHARE * took;
        while Instant::now() < share {
            let is_quiet = timeout(IDLE, journal.changed()).await.is_err();
            if is_quiet && journal.borrow().under_way == 0 {
                break;
            }
        }
    }

    async fn lock(&self) -> Option<OwnedMutexGuard<()>> {
        match &self.lock {
            Some(lock) => Some(lock.clone().lock_owned().await),
            None => None,
        }
    }
}

impl Mark {
    fn new(journal: &Arc<watch::Sender<JournalTurns>>) -> Self {
        journal.send_modify(|turns| turns.under_way += 1);
        Self(journal.clone())
    }
}

impl Drop for Mark {
    fn drop(&mut self) {
        self.0.send_modify(|turns| {
            turns.under_way -= 1;
            turns.ended += 1;
        });
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if !matches!(self.whose, Whose::Checkpoint) {
            self.ended.notify_one();
        }
    }
}

impl Drop for TurnClock {
    fn drop(&mut self) {
        *self.took = self.begun.elapsed();
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{FutureExt as _, poll};
    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_journal_goes_first_but_not_for_ever() {
        for one_at_a_time in [true, false] {
            let turns = Turns::new(one_at_a_time);
            let first = turns.of_follower().now_or_never().expect("none has had a turn yet");
            advance(4 * IDLE).await;
            drop(first);

            {
                let mut waiting = std::pin::pin!(turns.of_follower());
                for _ in 0..10 {
                    assert!(poll!(&mut waiting).is_pending(), "the journal writes now and then");
                    advance(IDLE / 2).await;
                    drop(turns.of_journal().await);
                }
                assert!(poll!(&mut waiting).is_pending());
                advance(2 * IDLE).await;
                let turn = waiting.now_or_never().expect("it is idle");
                advance(4 * IDLE).await;
                drop(turn);
            }
            {
                let mut waiting = std::pin::pin!(turns.of_follower());
                for _ in 0..4 * JOURNAL_SHARE {
                    assert!(poll!(&mut waiting).is_pending());
                    advance(IDLE).await;
                    drop(turns.of_journal().await);
                }
                let turn = waiting.now_or_never().expect("the journal had its share");
                advance(4 * IDLE).await;
                drop(turn);
            }
            let slow = turns.of_journal().await;
            let mut waiting = std::pin::pin!(turns.of_follower());
            assert!(poll!(&mut waiting).is_pending());
            advance(2 * IDLE).await;
            assert!(poll!(&mut waiting).is_pending(), "a turn of the journal is under way");
            drop(slow);
            assert!(poll!(&mut waiting).is_pending());
            advance(2 * IDLE).await;
            assert!(waiting.now_or_never().is_some(), "none is any more");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_file_is_written_by_one_and_followers_take_turns_everywhere() {
        for one_at_a_time in [true, false] {
            let turns = Turns::new(one_at_a_time);
            let follower = turns.of_follower().await;
            assert!(turns.of_follower().now_or_never().is_none(), "one follower at a time");
            assert_eq!(turns.of_journal().now_or_never().is_none(), one_at_a_time);
            drop(follower);
            // One who stopped waiting is not in the way of the others.
            let journal = turns.of_journal().await;
            assert_eq!(turns.of_journal().now_or_never().is_none(), one_at_a_time);
            drop(journal);
            assert!(turns.of_journal().now_or_never().is_some());
            assert!(turns.of_follower().now_or_never().is_some());
        }
    }
}
