//! One batch: taken from the queue, written as one transaction, published, answered.

use std::collections::BTreeSet;

use super::{
    super::{
        Refused, Waiting,
        command::{Command, Committed, Outcome},
        decide::{Decided, Moment, decide},
        known::Known,
    },
    BATCH, BATCH_BYTES, Failed, Fatal, TRIES, Task,
};
use crate::{domain::event::ServiceStatus, store::error::StoreError};

impl Task {
    /// All that waits, within the bounds of a transaction; waits for the first. Cancelling loses
    /// nothing: what is taken from the queue is either here or left over.
    pub(super) async fn next_batch(&mut self) -> Option<Vec<Waiting>> {
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

    pub(super) async fn process(&mut self, batch: Vec<Waiting>) -> Result<(), Fatal> {
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
    pub(super) async fn write(
        &mut self,
        commands: &[Command],
    ) -> Result<Vec<Result<Committed<Outcome>, Refused>>, Failed> {
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
            self.is_erasing |= tx.write(&decided.writes, &decided.unneeded, now).await?;
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

    pub(super) fn publish(&self, decided: &Decided) {
        for write in &decided.writes {
            self.hub.publish(&write.name, &write.events, &write.changes.cursors);
            if !write.events.is_empty() {
                self.feed.committed(write.room_id, write.head, write.events.len());
            }
        }
    }
}
