//! The task that owns writing: takes what waits, commits it as one transaction, publishes, answers.

use std::{collections::BTreeSet, pin::pin, sync::Arc, time::Duration};

use tokio::{
    sync::mpsc,
    time::{Instant, error::Elapsed, timeout, timeout_at},
};
use tokio_util::sync::CancellationToken;

use super::{
    Journal, QUEUE, Refused, Waiting,
    command::{Command, Committed, Outcome},
    decide::{Decided, Moment, decide},
    feed::Feed,
    known::Known,
};
use crate::{
    clock::Clock,
    domain::{event::ServiceStatus, timestamp::Timestamp},
    hub::Hub,
    store::{error::StoreError, health::Health, writer::Writer},
};

/// The most commands of one transaction.
const BATCH: usize = 1_024;
/// The most bytes of one transaction's commands, but for a single command that is larger.
const BATCH_BYTES: usize = 1024 * 1024;
/// How often a batch is tried in all when somebody else has what it needs.
const TRIES: u32 = 3;

/// What a batch writes besides its contents, about: keys, heads, pages that are not full.
const PROBE_MARGIN: usize = 64 * 1024;

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
    /// Taken from the queue, but too much for the last batch.
    left_over: Option<Waiting>,
    stop: CancellationToken,
    writer: Writer,
    hub: Arc<Hub>,
    feed: Feed,
    health: Health,
    clock: Clock,
    /// How long after its posting a message may be edited; for ever, if absent.
    edit_window: Option<Duration>,
    /// Whether readers may not know all that is committed.
    behind: bool,
    /// How much the last batch would have written that was not.
    refused: usize,
    /// Since when the write-ahead log is gone, and what it held is in the database.
    saved_at: Option<Instant>,
    /// Whether something of deleted messages is still to be erased.
    is_erasing: bool,
}

/// A batch that was not written.
enum Failed {
    /// Nothing was.
    Before(StoreError),
    /// The commit's answer is missing: the rows may be there, written at this time.
    AtCommit(StoreError, Decided, Timestamp),
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
        hub: Arc<Hub>,
        feed: Feed,
        health: Health,
        clock: Clock,
        edit_window: Option<Duration>,
        stop: CancellationToken,
    ) -> (Self, impl Future<Output = Result<(), Fatal>> + Send + 'static) {
        let (sender, queue) = mpsc::channel(QUEUE);
        let patience = hub.timings().write_timeout;
        let task = Task {
            queue,
            left_over: None,
            stop,
            is_erasing: writer.is_erasing(),
            writer,
            hub,
            feed,
            health,
            clock,
            edit_window,
            behind: false,
            refused: 0,
            saved_at: None,
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

    /// What is done while nobody writes: a store that was out is probed; one that may go away is asked
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
                if let StoreError::Rejected(_) = error {
                    // The same would happen again. What is left stays noted, and nobody is shown it.
                    self.is_erasing = false;
                }
                self.fail(Failed::Before(error), 0).await?;
            }
        }
        Ok(())
    }

    /// All that waits, within the bounds of a transaction; waits for the first. Cancelling loses
    /// nothing: what is taken from the queue is either here or left over.
    async fn next_batch(&mut self) -> Option<Vec<Waiting>> {
        let first = if let Some(first) = self.left_over.take() {
            first
        } else {
            tokio::select! {
                biased;
                first = self.queue.recv() => first?,
                () = self.stop.cancelled(), if !self.queue.is_closed() => {
                    self.queue.close();
                    self.queue.recv().await?
                }
            }
        };
        let mut bytes = first.command.change.bytes();
        let mut batch = vec![first];
        while batch.len() < BATCH {
            let Ok(next) = self.queue.try_recv() else { break };
            bytes += next.command.change.bytes();
            if bytes > BATCH_BYTES {
                self.left_over = Some(next);
                break;
            }
            batch.push(next);
        }
        Some(batch)
    }

    async fn process(&mut self, batch: Vec<Waiting>) -> Result<(), Fatal> {
        let (commands, answers): (Vec<_>, Vec<_>) =
            batch.into_iter().map(|waiting| (waiting.command, waiting.answer)).unzip();
        let bytes = commands.iter().map(|command| command.change.bytes()).sum::<usize>();
        let mut written = self.write(&commands).await;
        for _ in 1..TRIES {
            let Err(Failed::Before(StoreError::Conflict(why))) = &written else { break };
            tracing::warn!(why, "a batch is tried again");
            written = self.write(&commands).await;
        }
        let outcomes = match written {
            Ok(outcomes) => outcomes,
            Err(Failed::Before(StoreError::Rejected(why))) if commands.len() > 1 => {
                // The rows of one command spoil the others: each for itself.
                tracing::error!(
                    why,
                    commands = commands.len(),
                    "a batch is rejected, its commands are tried one by one"
                );
                self.reopen().await;
                let mut outcomes = Vec::with_capacity(commands.len());
                for command in &commands {
                    let outcome = match self.write(std::slice::from_ref(command)).await {
                        Ok(mut outcomes) => outcomes.pop().unwrap_or(Err(Refused::Unavailable)),
                        Err(failed) => self.fail(failed, 1).await?.pop().unwrap_or(Err(Refused::Unavailable)),
                    };
                    outcomes.push(outcome);
                }
                outcomes
            }
            Err(failed) => {
                self.refused = self.refused.max(bytes);
                self.fail(failed, commands.len()).await?
            }
        };
        for (answer, outcome) in answers.into_iter().zip(outcomes) {
            // Who asked may have gone; the command stands.
            let _ = answer.send(outcome);
        }
        Ok(())
    }

    /// The four steps: lock, read, decide, write; then commit and publish.
    async fn write(&mut self, commands: &[Command]) -> Result<Vec<Result<Committed<Outcome>, Refused>>, Failed> {
        let now = self.clock.now();
        let tx = match self.writer.begin().await {
            // A server that was started anew while nobody wrote has cut the line; it is no outage.
            Err(StoreError::Unavailable(_)) if self.health.is_ok() && self.reopen().await => {
                self.writer.begin().await?
            }
            begun => begun?,
        };

        let names: Vec<_> =
            commands.iter().map(|command| &command.room).collect::<BTreeSet<_>>().into_iter().cloned().collect();
        let (rooms, made) = tx.lock_rooms(&names, now).await?;

        let known = Known::read(&tx, commands, rooms, made).await?;
        let moment = Moment { now, edit_window: self.edit_window };
        let mut decided = decide(commands, known, |draft| self.writer.fingerprint(draft), moment);

        if decided.changes {
            self.is_erasing |= tx.write(&decided.growths, &decided.unneeded, now).await?;
            match tx.commit().await {
                Ok(()) => {}
                // These are answers, and say that nothing was written.
                Err(error @ (StoreError::Conflict(_) | StoreError::Rejected(_))) => return Err(error.into()),
                Err(error) => return Err(Failed::AtCommit(error, decided, now)),
            }
        } else {
            tx.rollback().await?;
        }
        self.health.set(ServiceStatus::Ok);
        (self.refused, self.saved_at) = (0, None);
        if self.behind {
            self.behind = self.hub.catch_up().await.is_err();
        }
        self.publish(&decided);
        Ok(std::mem::take(&mut decided.answers))
    }

    fn publish(&self, decided: &Decided) {
        for growth in &decided.growths {
            self.hub.publish(&growth.name, &growth.events, &growth.changes.cursors);
            if !growth.events.is_empty() {
                self.feed.committed(growth.room_id, growth.head, growth.events.len());
            }
        }
    }

    /// Answers for a batch that failed, once it is known what became of it.
    async fn fail(
        &mut self,
        failed: Failed,
        commands: usize,
    ) -> Result<Vec<Result<Committed<Outcome>, Refused>>, Fatal> {
        let (error, decided) = match failed {
            Failed::Before(error) => (error, None),
            Failed::AtCommit(error, decided, at) => (error, Some((decided, at))),
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
        if let Some((decided, at)) = decided {
            let committed = if reopened { self.is_committed(&decided, at).await } else { Err(error) };
            match committed {
                Ok(true) => {
                    self.publish(&decided);
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
    async fn save(&mut self, error: &StoreError) -> Result<(), Fatal> {
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

    fn say_out(&self, error: &StoreError) {
        if self.health.is_ok() {
            tracing::error!(%error, "the store is out: posts are refused until it is back");
        }
        self.health.set(ServiceStatus::Degraded);
    }

    /// Whether a commit without an answer happened. The connection is a new one, and has the lock that
    /// the old one had: whatever the old one was about to do, it has done.
    async fn is_committed(&self, decided: &Decided, at: Timestamp) -> Result<bool, StoreError> {
        let Some(growth) = decided.growths.iter().find(|growth| !growth.events.is_empty()) else { return Ok(false) };
        self.writer.has_written(growth, at).await
    }

    /// Replaces the connection; whether there is one now. While there was none, somebody else may have
    /// written.
    async fn reopen(&mut self) -> bool {
        self.behind = true;
        match self.writer.reopen().await {
            Ok(()) => true,
            Err(error) => {
                tracing::warn!(%error, "the database can't be opened anew yet");
                false
            }
        }
    }

    /// Learns whether a store that was out is back.
    async fn probe(&mut self) -> Result<(), Fatal> {
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

    async fn try_out(&self) -> Result<(), StoreError> {
        self.writer.probe(self.clock.now(), 2 * self.refused + PROBE_MARGIN).await?;
        if self.behind { self.hub.catch_up().await } else { Ok(()) }
    }
}

/// As [`timeout_at`]; without a deadline it never fails.
async fn until<T>(deadline: Option<Instant>, future: impl Future<Output = T>) -> Result<T, Elapsed> {
    match deadline {
        Some(deadline) => timeout_at(deadline, future).await,
        None => Ok(future.await),
    }
}
