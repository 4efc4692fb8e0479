//! Whose turn it is to write: two connections of this process do, and a file takes one at a time. A
//! connection that finds the other writing would sleep and look again; here it is woken. A server takes
//! both, and locks rows.

use std::sync::Arc;

use tokio::sync::{Mutex, OwnedMutexGuard, watch};

/// The turns of one database. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Turns {
    /// None where all may write at once.
    lock: Option<Arc<Mutex<()>>>,
    /// How many turns the journal has had.
    journal: Arc<watch::Sender<u64>>,
}

/// A turn, until it is dropped.
#[derive(Debug)]
pub struct Turn {
    _lock: Option<OwnedMutexGuard<()>>,
    /// Counts this one, if it is the journal's.
    journal: Option<Arc<watch::Sender<u64>>>,
}

impl Turns {
    /// Those of a database that takes one connection at a time, or all.
    pub(super) fn new(one_at_a_time: bool) -> Self {
        Self { lock: one_at_a_time.then(Arc::default), journal: Arc::new(watch::Sender::new(0)) }
    }

    /// A turn of the journal's.
    pub async fn of_journal(&self) -> Turn {
        Turn { _lock: self.lock().await, journal: Some(self.journal.clone()) }
    }

    /// A turn of the index's. Who wants the journal to go first waits for its turns before it asks.
    pub async fn of_index(&self) -> Turn {
        Turn { _lock: self.lock().await, journal: None }
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
    }
}
