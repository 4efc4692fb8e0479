//! The version of everybody's rights, as this process last read it.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use tokio::sync::Mutex;

use crate::store::{Store, error::StoreError};

/// The version of everybody's rights, as the database has it. Whoever asks gets what a read says that began after
/// they asked; those who ask at the same time share one.
#[derive(Debug, Default)]
pub(super) struct Versions {
    begun: AtomicU64,
    /// The read that was last finished, by its number.
    finished: Mutex<u64>,
    known: AtomicI64,
}

impl Versions {
    /// The version as it was last read.
    pub(super) fn known(&self) -> i64 {
        self.known.load(Ordering::Relaxed)
    }

    pub(super) async fn read(&self, store: &Store) -> Result<i64, StoreError> {
        let before = self.begun.load(Ordering::SeqCst);
        let mut finished = self.finished.lock().await;
        if *finished <= before {
            let number = self.begun.fetch_add(1, Ordering::SeqCst) + 1;
            self.known.store(store.auth_version().await?, Ordering::Relaxed);
            *finished = number;
        }
        Ok(self.known())
    }
}
