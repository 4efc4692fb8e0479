//! Recovery from a store that fails: answers, and the way back.

use tokio::time::Instant;

use super::{
    super::{
        Refused,
        command::{Committed, Outcome},
    },
    Failed, Fatal, Task,
};
use crate::{
    domain::event::ServiceStatus,
    store::{BatchId, error::StoreError},
};

/// About the bytes that a batch writes besides its contents: keys, heads, pages that are not full.
const PROBE_MARGIN: usize = 64 * 1024;

/// The number of times that it is asked what became of a batch, each time for as long as a statement waits for a lock.
const SETTLE_TRIES: u32 = 4;

impl Task {
    /// Answers for a batch that failed, once it is known what became of it.
    pub(super) async fn fail(
        &mut self,
        failed: Failed,
        commands: usize,
    ) -> Result<Vec<Result<Committed<Outcome>, Refused>>, Fatal> {
        let (error, decided) = match failed {
            Failed::Before(error) => (error, None),
            Failed::AtCommit(error, decided, batch) => (error, Some((decided, batch))),
        };
        match error {
            StoreError::FsyncRefused(_) => return Err(Fatal(error)),
            StoreError::Rejected(why) => {
                tracing::error!(why, "the store rejects a command");
                self.reopen().await;
                return Ok(vec![Err(Refused::Rejected(why)); commands]);
            }
            StoreError::LogGone(_) => self.save(&error).await?,
            StoreError::Unavailable(_)
            | StoreError::Interrupted(_)
            | StoreError::Conflict(_)
            | StoreError::Hole { .. } => {}
        }
        self.say_out(&error);
        let reopened = self.reopen().await;
        if let Some((mut decided, batch)) = decided {
            let committed = if reopened { self.settle(&batch).await } else { Err(error) };
            match committed {
                Ok(true) => {
                    self.publish(&mut decided);
                    return Ok(decided.answers);
                }
                Ok(false) => {}
                Err(error) => {
                    tracing::error!(%error, "whether the last batch was stored is not known yet");
                    self.behind = true;
                }
            }
        }
        Ok(vec![Err(Refused::Unavailable); commands])
    }

    /// A write-ahead log that is gone may be about to come back, as when all files are moved. Until it does,
    /// nothing is written; what it holds is moved into the database, so that no crash loses it. If it
    /// stays away, only a restart makes another one that every connection uses.
    pub(super) async fn save(&mut self, error: &StoreError) -> Result<(), Fatal> {
        if let Some(saved_at) = self.saved_at {
            let is_soon = saved_at.elapsed() < self.hub.timings().probe_interval;
            return if is_soon { Ok(()) } else { Err(Fatal(error.clone())) };
        }
        match self.writer.save().await {
            Ok(()) => self.saved_at = Some(Instant::now()),
            Err(error @ StoreError::FsyncRefused(_)) => return Err(Fatal(error)),
            Err(error) => tracing::error!(%error, "what the write-ahead log held can't be moved into the database yet"),
        }
        Ok(())
    }

    pub(super) fn say_out(&self, error: &StoreError) {
        if self.health.is_ok() {
            tracing::error!(%error, "the store is out: posts are refused until it is back");
        }
        self.health.set(ServiceStatus::Degraded);
    }

    /// Returns true if a batch was committed whose answer is missing, once its transaction has ended. The server ends
    /// one that is left alone.
    async fn settle(&self, batch: &BatchId) -> Result<bool, StoreError> {
        let mut settled = self.writer.is_committed(batch).await;
        for _ in 1..SETTLE_TRIES {
            let Err(StoreError::Conflict(_)) = settled else { break };
            settled = self.writer.is_committed(batch).await;
        }
        settled
    }

    /// Replaces the connection; whether there is one now. While there was none, somebody else may have
    /// written.
    pub(super) async fn reopen(&mut self) -> bool {
        self.behind = true;
        match self.writer.reopen().await {
            Ok(()) => true,
            Err(error) => {
                tracing::warn!(%error, "the database can't be opened again yet");
                false
            }
        }
    }

    /// Learns whether a store that was out is back.
    pub(super) async fn probe(&mut self) -> Result<(), Fatal> {
        let mut probed = self.try_out().await;
        if matches!(&probed, Err(error) if !matches!(error, StoreError::FsyncRefused(_))) && self.reopen().await {
            probed = self.try_out().await;
        }
        match probed {
            Ok(()) => {
                (self.behind, self.saved_at) = (false, None);
                self.health.set(ServiceStatus::Ok);
                tracing::info!("the store is back");
                Ok(())
            }
            Err(error @ StoreError::FsyncRefused(_)) => Err(Fatal(error)),
            Err(error @ StoreError::LogGone(_)) => self.save(&error).await,
            Err(_) => Ok(()),
        }
    }

    pub(super) async fn try_out(&self) -> Result<(), StoreError> {
        self.writer.probe(self.clock.now(), 2 * self.refused + PROBE_MARGIN).await?;
        if self.behind { self.hub.catch_up().await } else { Ok(()) }
    }
}
