//! The few searches that are made at once, each on a connection of its own, and those that wait for them.

use std::{
    ops::Deref,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use sea_orm::{ConnectionTrait as _, DatabaseConnection, DbErr};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use super::{
    super::{backend::Backend, deadline::Timed},
    SearchError,
    budget::{Meter, SearchLimits},
};

#[cfg(test)]
mod tests;

/// The time that connections have to end in order.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// Those that search.
#[derive(Debug)]
pub(in crate::store) struct Searchers {
    limits: SearchLimits,
    /// Whoever is let in, to search or to wait.
    places: Arc<Semaphore>,
    /// Whoever searches.
    turns: Arc<Semaphore>,
    idle: Mutex<Vec<Arc<Searcher>>>,
}

/// A connection that searches.
#[derive(Debug)]
pub(super) struct Searcher {
    pub(super) db: Timed<DatabaseConnection>,
    pub(super) meter: Arc<Meter>,
    /// True if its last search was cut, so that the database may still work for it.
    is_cut: AtomicBool,
}

/// A searcher in use, until this is dropped.
#[derive(Debug)]
pub(super) struct Admitted {
    searchers: Arc<Searchers>,
    searcher: Arc<Searcher>,
    _turn: OwnedSemaphorePermit,
    _place: OwnedSemaphorePermit,
}

impl Searchers {
    /// As many as the limits say.
    pub(in crate::store) async fn new(backend: &Backend, limits: SearchLimits) -> Result<Arc<Self>, DbErr> {
        let mut idle = Vec::with_capacity(limits.at_once);
        for _ in 0..limits.at_once {
            let meter = Arc::<Meter>::default();
            let db = backend.connect_searcher(meter.clone(), limits.database / 2).await?;
            idle.push(Arc::new(Searcher { db, meter, is_cut: AtomicBool::new(false) }));
        }
        Ok(Arc::new(Self {
            places: Arc::new(Semaphore::new(limits.at_once + limits.waiting)),
            turns: Arc::new(Semaphore::new(limits.at_once)),
            limits,
            idle: Mutex::new(idle),
        }))
    }

    pub(super) fn limits(&self) -> SearchLimits {
        self.limits
    }

    /// A searcher, once one is free.
    ///
    /// # Errors
    /// [`SearchError::Busy`] when too many wait already, or for too long.
    pub(super) async fn admit(self: &Arc<Self>) -> Result<Admitted, SearchError> {
        let busy = |_| SearchError::Busy;
        let place = self.places.clone().try_acquire_owned().map_err(busy)?;
        let turn = timeout(self.limits.wait, self.turns.clone().acquire_owned()).await;
        let turn = turn.map_err(|_| SearchError::Busy)?.map_err(|_| SearchError::Busy)?;
        let searcher = self.idle().pop().ok_or(SearchError::Busy)?;
        if searcher.is_cut.swap(true, Ordering::Relaxed) {
            // Answered once the database has let go of what was cut, which so is not counted as this one's.
            let _ = searcher.db.execute_unprepared("SELECT 1").await;
        }
        searcher.meter.begin();
        Ok(Admitted { searchers: self.clone(), searcher, _turn: turn, _place: place })
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Arc<Searcher>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Closes the connections.
    pub(in crate::store) async fn close(&self) {
        let idle: Vec<_> = self.idle().iter().map(|searcher| searcher.db.inner().clone()).collect();
        for db in idle {
            if timeout(CLOSE_TIMEOUT, db.close()).await.is_err() {
                tracing::warn!("a connection that searches did not end in time");
            }
        }
    }
}

impl Admitted {
    /// The search has ended by itself.
    pub(super) fn done(self) {
        self.searcher.is_cut.store(false, Ordering::Relaxed);
    }
}

impl Deref for Admitted {
    type Target = Searcher;

    fn deref(&self) -> &Searcher {
        &self.searcher
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        // Whatever the database still does for it, it may stop doing.
        self.searcher.meter.stop_at(Duration::ZERO);
        self.searchers.idle().push(self.searcher.clone());
    }
}
