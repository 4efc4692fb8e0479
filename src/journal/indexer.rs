//! The task that keeps the index of search behind the log. It writes beside the journal, and lets it go
//! first.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{mpsc::WeakSender, watch},
    time::{Instant, sleep, timeout},
};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{Journal, QUEUE, Waiting, backlog::Backlog, writer::Fatal};
use crate::{
    domain::event::ServiceStatus,
    store::{error::StoreError, health::Health, search::index::Index},
};

/// How much longer than its last transaction took the index lets a busy journal go first. Then it has one,
/// so that it gets on however busy the journal is.
const JOURNAL_SHARE: u32 = 15;
/// After how long without one the journal is not busy: whoever was answered has asked again by then.
const IDLE: Duration = Duration::from_millis(5);
/// How long to wait after an error.
const RETRY: Duration = Duration::from_secs(1);

/// The task's own things.
#[derive(Debug)]
pub struct Indexer {
    index: Index,
    backlog: Arc<Backlog>,
    journal: WeakSender<Waiting>,
    turns: watch::Receiver<u64>,
    /// How long the last transaction took.
    took: Duration,
    health: Health,
    stop: CancellationToken,
    /// Dropped when the connection is closed.
    _leaving: DropGuard,
}

impl Indexer {
    /// Follows what `journal` adds to `backlog`, until `stop` is cancelled.
    #[must_use]
    pub fn new(
        index: Index,
        journal: &Journal,
        backlog: Arc<Backlog>,
        health: Health,
        stop: CancellationToken,
    ) -> Self {
        let turns = index.turns().of_journal_so_far();
        let journal = journal.queue.downgrade();
        let leaving = backlog.leaving();
        Self { index, backlog, journal, turns, took: Duration::ZERO, health, stop, _leaving: leaving }
    }

    /// Indexes what is behind, then what comes, until told to stop.
    ///
    /// # Errors
    /// [`Fatal`] when the disk can't be trusted any more.
    pub async fn run(mut self) -> Result<(), Fatal> {
        let mut is_known = false;
        while !self.stop.is_cancelled() {
            let done = if is_known { self.work().await } else { self.find().await };
            match done {
                Ok(()) => is_known = true,
                Err(error @ StoreError::FsyncRefused(_)) => {
                    // Closing would run a checkpoint, and build on what the disk may not have.
                    std::mem::forget(self.index);
                    return Err(Fatal::new(error));
                }
                Err(error) => {
                    tracing::warn!(%error, "the index of search is not written; it is tried again");
                    is_known = false;
                    self.pause().await;
                }
            }
        }
        self.index.close().await;
        Ok(())
    }

    /// What it writes, for tests that do so themselves; the rest has to live as long.
    #[cfg(test)]
    pub(crate) fn index_for_tests(&mut self) -> &mut Index {
        &mut self.index
    }

    /// Finds the rooms that are behind, of which nobody told: at the start, and after an error.
    async fn find(&self) -> Result<(), StoreError> {
        for room_id in self.index.rooms_behind().await? {
            self.backlog.add(room_id, 1);
        }
        Ok(())
    }

    /// Waits for something to do, and does it.
    async fn work(&mut self) -> Result<(), StoreError> {
        if self.stop.run_until_cancelled(self.backlog.ready()).await.is_none() {
            return Ok(());
        }
        for room_id in self.backlog.take() {
            loop {
                // What is left undone at the end is found at the next start.
                if self.stop.clone().run_until_cancelled(self.let_journal_go_first()).await.is_none() {
                    return Ok(());
                }
                let begun = Instant::now();
                let has_more = self.index.advance(room_id).await?;
                self.took = begun.elapsed();
                if !has_more {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Waits while the journal is busy, for its share of the time, and while the store is out.
    async fn let_journal_go_first(&mut self) {
        let _ = self.health.watch().wait_for(|status| *status == ServiceStatus::Ok).await;
        self.turns.mark_unchanged();
        let share = Instant::now() + JOURNAL_SHARE * self.took;
        while Instant::now() < share {
            let is_idle = timeout(IDLE, self.turns.changed()).await.is_err();
            let has_waiting = self.journal.upgrade().is_some_and(|queue| queue.capacity() < QUEUE);
            if is_idle && !has_waiting {
                break;
            }
        }
    }

    async fn pause(&mut self) {
        if self.stop.run_until_cancelled(sleep(RETRY)).await.is_some()
            && let Err(error) = self.index.reopen().await
        {
            tracing::warn!(%error, "the index's connection can't be opened anew yet");
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{FutureExt as _, poll};
    use tokio::{
        sync::{mpsc, oneshot},
        time::advance,
    };

    use super::*;
    use crate::{
        config::StoreConfig,
        domain::{name::RoomName, policy::Actor, room::RoomChange, version::Precondition},
        journal::command::Command,
        store::Store,
    };

    #[tokio::test]
    async fn posts_that_wait_go_first_but_not_for_ever() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}?mode=rwc", folder.path().join("parlor.db").display());
        let index = Store::open(&StoreConfig { url: url.into(), fsync: false, migrate: true }).await.unwrap().index;
        let turns = index.turns().clone();
        let (queue, mut commands) = mpsc::channel(QUEUE);
        let journal = Journal { queue, patience: Duration::ZERO };
        let (health, stop) = (Health::default(), CancellationToken::new());
        let mut indexer = Indexer::new(index, &journal, Arc::default(), health.clone(), stop);

        assert!(indexer.let_journal_go_first().now_or_never().is_some(), "it has taken nothing yet");

        tokio::time::pause();
        indexer.took = 4 * IDLE;
        {
            let mut waiting = std::pin::pin!(indexer.let_journal_go_first());
            for _ in 0..10 {
                assert!(poll!(&mut waiting).is_pending(), "the journal writes now and then");
                advance(IDLE / 2).await;
                drop(turns.of_journal().await);
            }
            assert!(poll!(&mut waiting).is_pending());
            advance(2 * IDLE).await;
            assert!(poll!(&mut waiting).is_ready(), "it is idle");
        }

        let put = || Command {
            actor: Actor::nameless(),
            room: RoomName::parse("a").unwrap(),
            when: Precondition::default(),
            change: RoomChange::default().into(),
        };
        let (answer, _) = oneshot::channel();
        journal.queue.try_send(Waiting { command: put(), answer }).unwrap();
        {
            let mut waiting = std::pin::pin!(indexer.let_journal_go_first());
            for _ in 0..4 * JOURNAL_SHARE {
                assert!(poll!(&mut waiting).is_pending());
                advance(IDLE).await;
                drop(turns.of_journal().await);
            }
            assert!(poll!(&mut waiting).is_ready(), "the journal had its share");
        }
        {
            let mut waiting = std::pin::pin!(indexer.let_journal_go_first());
            assert!(poll!(&mut waiting).is_pending());
            advance(2 * IDLE).await;
            assert!(poll!(&mut waiting).is_pending(), "a post waits for a slow one");
            commands.try_recv().unwrap();
            advance(2 * IDLE).await;
            assert!(poll!(&mut waiting).is_ready(), "none waits any more");
        }
        health.set(ServiceStatus::Degraded);
        let mut waiting = std::pin::pin!(indexer.let_journal_go_first());
        advance(8 * IDLE * JOURNAL_SHARE).await;
        assert!(poll!(&mut waiting).is_pending(), "the store is out");
        health.set(ServiceStatus::Ok);
        assert!(poll!(&mut waiting).is_pending());
        advance(2 * IDLE).await;
        assert!(poll!(&mut waiting).is_ready());
    }
}
