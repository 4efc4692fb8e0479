//! The task that owns writing: takes what waits, commits it as one transaction, publishes, answers.

use std::{pin::pin, sync::Arc, time::Duration};

use tokio::{
    sync::mpsc,
    time::{Instant, error::Elapsed, timeout, timeout_at},
};
use tokio_util::sync::CancellationToken;

mod batch;
mod recovery;

use super::{Journal, QUEUE, Waiting, decide::Decided, failpoints::Failpoints, feed::Feed, line::Line};
use crate::{
    clock::Clock,
    domain::event::ServiceStatus,
    hub::{Hub, broker::Broker},
    store::{BatchId, error::StoreError, health::Health, writer::Writer},
};

/// The disk can't be trusted any more: the process has to end, so that a restart reads what is
/// really there.
#[derive(Debug, thiserror::Error)]
#[error("{0}; {then}, so the writer stops: start again to read what is there", then = Fatal::then(.0))]
pub struct Fatal(StoreError);

impl Fatal {
    pub(super) fn new(error: StoreError) -> Self {
        Self(error)
    }

    fn then(error: &StoreError) -> &'static str {
        match error {
            StoreError::LogGone(_) => "all that it held is in the database now",
            _ => "what was written last is unknown",
        }
    }
}

/// The task's own things.
struct Task {
    queue: mpsc::Receiver<Waiting>,
    /// Taken from the queue, and not written yet.
    line: Line,
    stop: CancellationToken,
    writer: Writer,
    broker: Arc<dyn Broker>,
    hub: Arc<Hub>,
    feed: Feed,
    health: Health,
    clock: Clock,
    /// The time after its posting in which a message may be edited; for ever, if absent.
    edit_window: Option<Duration>,
    /// True if readers may not know all that is committed.
    behind: bool,
    /// The bytes that the last batch would have written, if it was not written.
    refused: usize,
    /// Since when the write-ahead log is gone, and what it held is in the database.
    saved_at: Option<Instant>,
    /// True while something of deleted messages is still to be erased.
    is_erasing: bool,
    failpoints: Failpoints,
}

/// A batch that was not written.
enum Failed {
    /// Nothing was.
    Before(StoreError),
    /// The commit's answer is missing: the rows of this batch may be there.
    AtCommit(StoreError, Decided, BatchId),
}

impl From<StoreError> for Failed {
    fn from(error: StoreError) -> Self {
        Self::Before(error)
    }
}

impl Journal {
    /// The journal, and the task that writes it. Once `stop` is cancelled the task takes nothing
    /// more, answers all that waits, and ends once nobody follows `feed`; or it ends with [`Fatal`].
    pub fn new(
        writer: Writer,
        broker: Arc<dyn Broker>,
        feed: Feed,
        health: Health,
        clock: Clock,
        edit_window: Option<Duration>,
        stop: CancellationToken,
    ) -> (Self, impl Future<Output = Result<(), Fatal>> + Send + 'static) {
        let (sender, queue) = mpsc::channel(QUEUE);
        let hub = broker.hub().clone();
        let patience = hub.timings().write_timeout;
        let task = Task {
            queue,
            line: Line::default(),
            stop,
            is_erasing: writer.is_erasing(),
            writer,
            broker,
            hub,
            feed,
            health,
            clock,
            edit_window,
            behind: false,
            refused: 0,
            saved_at: None,
            failpoints: Failpoints::of_next(),
        };
        (Self { queue: sender, patience }, task.run())
    }
}

impl Task {
    async fn run(mut self) -> Result<(), Fatal> {
        let checkpointer = self.writer.take_checkpointer();
        let done = CancellationToken::new();
        let checkpoints = async {
            match &checkpointer {
                Some(checkpointer) => checkpointer.run(&done).await.map_err(Fatal),
                None => Ok(()),
            }
        };
        let work = async {
            let worked = self.work().await;
            done.cancel();
            worked
        };
        let worked = tokio::try_join!(work, checkpoints);
        match worked {
            Ok(((), ())) => {
                // Whoever closes the database last runs a checkpoint; ours alone is watched for errors.
                self.feed.left().await;
                if let Some(checkpointer) = checkpointer {
                    checkpointer.close().await;
                }
                self.writer.close().await;
                Ok(())
            }
            Err(fatal) => {
                // Closing would run a last checkpoint, and build on what the disk may not have.
                std::mem::forget((self.writer, checkpointer));
                Err(fatal)
            }
        }
    }

    async fn work(&mut self) -> Result<(), Fatal> {
        loop {
            let is_in = self.health.is_ok() && !self.behind;
            let wait = match is_in {
                true if self.is_erasing => Some(Duration::ZERO),
                true => self.writer.heartbeat(),
                false => Some(self.hub.timings().probe_interval),
            };
            let deadline = wait.map(|wait| Instant::now() + wait);
            let Ok(batch) = until(deadline, self.next_batch()).await else {
                self.look().await?;
                continue;
            };
            let Some(batch) = batch else { return Ok(()) };
            self.process_or_say(batch).await?;
        }
    }

    /// Processes a batch, and says so if the disk hangs meanwhile. Once it goes on, so does this.
    async fn process_or_say(&mut self, batch: Vec<Waiting>) -> Result<(), Fatal> {
        let health = self.health.clone();
        // By default longer than `SQLite` waits for a lock, and shorter than a post waits for its answer.
        let hangs = self.hub.timings().hang_timeout;
        let mut processing = pin!(async {
            self.process(batch).await?;
            // A piece after each batch: who posts waits for one at most, and all is erased however much is posted.
            if self.is_erasing && self.health.is_ok() { self.erase().await } else { Ok(()) }
        });
        if let Ok(processed) = timeout(hangs, processing.as_mut()).await {
            return processed;
        }
        tracing::error!(after = ?hangs, "the store hangs: posts are not answered until it goes on");
        health.set(ServiceStatus::Degraded);
        processing.await
    }

    /// The work while nobody writes: a store that was out is probed; one that may go away is asked
    /// whether it is there, so that `/readyz` knows without a post.
    async fn look(&mut self) -> Result<(), Fatal> {
        if !self.health.is_ok() {
            return self.probe().await;
        }
        if self.behind {
            self.behind = self.hub.catch_up().await.is_err();
        }
        if self.is_erasing {
            return self.erase().await;
        }
        if let Err(error) = self.writer.ping().await
            && !self.reopen().await
        {
            self.say_out(&error);
        }
        Ok(())
    }

    /// Erases a piece of what is left of deleted messages.
    async fn erase(&mut self) -> Result<(), Fatal> {
        match self.writer.erase_piece().await {
            Ok(has_more) => self.is_erasing = has_more,
            Err(error) => {
                match error {
                    // Somebody else is at it: it is tried again when next there is time.
                    StoreError::Conflict(why) => {
                        tracing::debug!(why, "a piece of what is to be erased is left for later");
                        return Ok(());
                    }
                    // The same would happen again. What is left stays noted, and nobody is shown it.
                    StoreError::Rejected(_) => self.is_erasing = false,
                    _ => {}
                }
                self.fail(Failed::Before(error), 0).await?;
            }
        }
        Ok(())
    }
}

/// As [`timeout_at`]; without a deadline it never fails.
async fn until<T>(deadline: Option<Instant>, future: impl Future<Output = T>) -> Result<T, Elapsed> {
    match deadline {
        Some(deadline) => timeout_at(deadline, future).await,
        None => Ok(future.await),
    }
}
