//! Whose turn it is to write: two connections of this process do, and a file takes one at a time. A
//! connection that finds the other writing would sleep and look again; here it is woken. A server takes
//! both, and locks rows.

use std::sync::Arc;

use tokio::sync::{Mutex, Notify, OwnedMutexGuard, watch};

/// The turns of one database. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Turns {
    /// None where all may write at once.
    lock: Option<Arc<Mutex<()>>>,
    /// How many turns the journal has had.
    journal: Arc<watch::Sender<u64>>,
    /// Told when somebody who writes has had one.
    ended: Arc<Notify>,
}

/// A turn, until it is dropped.
#[derive(Debug)]
pub struct Turn {
    _lock: Option<OwnedMutexGuard<()>>,
    /// Counts this one, if it is the journal's.
    journal: Option<Arc<watch::Sender<u64>>>,
    /// Told of this one.
    ended: Option<Arc<Notify>>,
}

impl Turns {
    /// Those of a database that takes one connection at a time, or all.
    pub(super) fn new(one_at_a_time: bool) -> Self {
        let journal = Arc::new(watch::Sender::new(0));
        Self { lock: one_at_a_time.then(Arc::default), journal, ended: Arc::default() }
    }

    /// A turn of the journal's.
    pub async fn of_journal(&self) -> Turn {
        Turn { _lock: self.lock().await, journal: Some(self.journal.clone()), ended: Some(self.ended.clone()) }
    }

    /// A turn of the index's. Who wants the journal to go first waits for its turns before it asks.
    pub async fn of_index(&self) -> Turn {
        Turn { _lock: self.lock().await, journal: None, ended: Some(self.ended.clone()) }
    }

    /// A turn in which nobody writes, of which nobody is told.
    pub async fn of_checkpoint(&self) -> Turn {
        Turn { _lock: self.lock().await, journal: None, ended: None }
    }

    /// Waits until somebody who writes has had a turn since this was last asked.
    pub async fn ended(&self) {
        self.ended.notified().await;
    }

    async fn lock(&self) -> Option<OwnedMutexGuard<()>> {
        match &self.lock {
            Some(lock) => Some(lock.clone().lock_owned().await),
            None => None,
        }
    }

    /// Follows how many turns the journal has had.
    #[must_use]
    pub fn of_journal_so_far(&self) -> watch::Receiver<u64> {
        self.journal.subscribe()
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(journal) = &self.journal {
            journal.send_modify(|turns| *turns += 1);
        }
        if let Some(ended) = &self.ended {
            ended.notify_one();
        }
    }
}
