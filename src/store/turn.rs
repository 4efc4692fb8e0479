//! Whose turn it is to write: two connections of this process do, and `SQLite` takes one at a time. A
//! connection that finds the other writing would sleep and look again; here it is woken.

use std::sync::Arc;

use tokio::sync::{Mutex, OwnedMutexGuard, watch};

/// The turns of one database. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Turns {
    lock: Arc<Mutex<()>>,
    /// How many turns the journal has had.
    journal: Arc<watch::Sender<u64>>,
}

/// A turn, until it is dropped.
#[derive(Debug)]
pub struct Turn {
    _lock: OwnedMutexGuard<()>,
    /// Counts this one, if it is the journal's.
    journal: Option<Arc<watch::Sender<u64>>>,
}

impl Default for Turns {
    fn default() -> Self {
        Self { lock: Arc::default(), journal: Arc::new(watch::Sender::new(0)) }
    }
}

impl Turns {
    /// A turn of the journal's.
    pub async fn of_journal(&self) -> Turn {
        Turn { _lock: self.lock.clone().lock_owned().await, journal: Some(self.journal.clone()) }
    }

    /// A turn of the index's. Who wants the journal to go first waits for its turns before it asks.
    pub async fn of_index(&self) -> Turn {
        Turn { _lock: self.lock.clone().lock_owned().await, journal: None }
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
