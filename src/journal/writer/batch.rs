//! One batch: taken from the line, written as one transaction, published, answered.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{
    super::{
        Answered, Waiting,
        decide::{Decided, Moment, decide},
        failpoints::Point,
        known::Known,
        line::leave,
    },
    Failed, Fatal, Task,
};
use crate::{
    domain::event::ServiceStatus,
    hub::broker::RoomCommit,
    store::{
        error::StoreError,
        room_write::{Changes, RoomWrite},
        transaction::Written,
    },
};

/// The pause of the next batch after one that ran into somebody else or got no room, in milliseconds: drawn at
/// random, so that two who ran into each other don't do so again.
const PAUSE: std::ops::RangeInclusive<u64> = 2..=40;

impl Task {
    /// All that waits, within the bounds of a transaction; waits for the first. Cancelling loses nothing: what is
    /// taken from the queue is in the line.
    pub(super) async fn next_batch(&mut self) -> Option<Vec<Waiting>> {
        self.line.refuse_late(Instant::now());
        if self.line.is_empty() {
            let first = tokio::select! {
                biased;
                first = self.queue.recv() => first?,
                () = self.stop.cancelled(), if !self.queue.is_closed() => {
                    self.queue.close();
                    self.queue.recv().await?
                }
            };
            self.line.push(first);
        }
        while !self.line.is_full()
            && let Ok(next) = self.queue.try_recv()
        {
            self.line.push(next);
        }
        Some(self.line.take())
    }

    /// Writes a batch and answers it. What can't be written now goes back into the line.
    pub(super) async fn process(&mut self, mut batch: Vec<Waiting>) -> Result<(), Fatal> {
        let outcomes = match self.write(&mut batch).await {
            Ok(outcomes) => {
                self.line.written(&batch);
                if batch.is_empty() {
                    pause().await;
                }
                outcomes
            }
            Err(Failed::Before(StoreError::Conflict(why))) => {
                tracing::warn!(why, "a batch is tried again");
                self.line.put_off(batch);
                pause().await;
                return Ok(());
            }
            Err(Failed::Before(StoreError::Rejected(why))) if batch.len() > 1 => {
                // The rows of one command spoil the others: each for itself.
                let commands = batch.len();
                tracing::error!(why, commands, "a batch is rejected, its commands are tried one by one");
                self.reopen().await;
                self.line.put_back_singly(batch);
                return Ok(());
            }
            Err(failed) => {
                let bytes = batch.iter().map(|waiting| waiting.command.change.bytes()).sum::<usize>();
                self.refused = self.refused.max(bytes);
                self.fail(failed, batch.len()).await?
            }
        };
        self.failpoints.reach(Point::BeforeAnswer).await;
        for (waiting, outcome) in batch.into_iter().zip(outcomes) {
            waiting.answer(outcome);
        }
        Ok(())
    }

    /// The steps: lock, read, decide, make rooms, write; then commit and publish. Those whose rooms are not got leave
    /// the batch.
    async fn write(&mut self, batch: &mut Vec<Waiting>) -> Result<Vec<Answered>, Failed> {
        let now = self.clock.now();
        let tx = match self.writer.begin().await {
            // A server that was restarted while nobody wrote has cut the line; it is no outage.
            Err(StoreError::Unavailable(_)) if self.health.is_ok() && self.reopen().await => {
                self.writer.begin().await?
            }
            begun => begun?,
        };

        let rooms = tx.lock_rooms(self.line.rooms_of(batch)).await?;
        self.failpoints.reach(Point::Locked).await;
        self.line.put_back(leave(batch, |name| rooms.has(name)));

        let commands = batch.iter().map(|waiting| &waiting.command);
        let known = Known::read(&tx, commands.clone(), rooms, now).await?;
        let moment = Moment { now, edit_window: self.edit_window };
        let mut decided = decide(commands, known, |draft| self.writer.fingerprint(draft), moment);

        if decided.changes {
            if !decided.made.is_empty() {
                let ids = tx.make_rooms(&decided.made, now).await?;
                decided.set_room_ids(&ids);
            }
            let Written { batch: id, is_erasing } = tx.write(&decided.writes, now).await?;
            self.is_erasing |= is_erasing;
            self.failpoints.reach(Point::BeforeCommit).await;
            match tx.commit().await {
                Ok(()) => {}
                // These are definite: nothing was written.
                Err(error @ (StoreError::Conflict(_) | StoreError::Rejected(_))) => return Err(error.into()),
                Err(error) => return Err(Failed::AtCommit(error, decided, id)),
            }
            self.failpoints.reach(Point::AfterCommit).await;
        } else {
            tx.rollback().await?;
        }
        self.health.set(ServiceStatus::Ok);
        (self.refused, self.saved_at) = (0, None);
        if self.behind {
            self.behind = self.hub.catch_up().await.is_err();
        }
        self.failpoints.reach(Point::BeforePublish).await;
        self.publish(&mut decided);
        Ok(decided.answers)
    }

    /// Gives readers and followers what is committed.
    pub(super) fn publish(&self, decided: &mut Decided) {
        let writes = std::mem::take(&mut decided.writes);
        let ends: Vec<_> = writes.iter().map(|write| (write.room_id, write.head, write.events.len())).collect();
        let commits = writes.into_iter().map(|write| {
            let RoomWrite { name: room, events, changes: Changes { cursors, .. }, .. } = write;
            RoomCommit { room, events, cursors }
        });
        self.broker.publish(commits.collect());
        for (room_id, head, events) in ends.into_iter().filter(|(_, _, events)| *events > 0) {
            self.feed.committed(room_id, head, events);
        }
    }
}

async fn pause() {
    sleep(Duration::from_millis(rand::random_range(PAUSE))).await;
}
