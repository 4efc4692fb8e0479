//! Upkeep of sessions: an open stream is use, and what nobody uses or what is over goes.

use std::{sync::Arc, time::Duration};

use tokio::time::{MissedTickBehavior, interval};

use super::Chat;
use crate::identity::{accounts::Accounts, authenticator::Authenticator};

/// The time between two deletions of what is over.
const DELETION: Duration = Duration::from_hours(1);

/// Keeps sessions up, where there are any.
#[derive(Debug)]
pub struct Upkeep {
    chat: Arc<Chat>,
}

impl Upkeep {
    /// The upkeep of the sessions of a chat.
    #[must_use]
    pub fn of(chat: &Arc<Chat>) -> Self {
        Self { chat: chat.clone() }
    }

    /// Keeps them up. Never ends.
    pub async fn run(self) {
        let (Some(authenticator), Some(accounts)) = (&self.chat.authenticator, &self.chat.accounts) else {
            return std::future::pending().await;
        };
        let every = |time| {
            let mut due = interval(time);
            due.set_missed_tick_behavior(MissedTickBehavior::Delay);
            due
        };
        // As often as is written: what is shown as last used is as precise as that.
        let (mut noted, mut deleted) = (every(self.chat.hub.timings().last_use_interval), every(DELETION));
        loop {
            tokio::select! {
                _ = noted.tick() => self.note_uses(authenticator),
                _ = deleted.tick() => delete_ended(accounts).await,
            }
        }
    }

    fn note_uses(&self, authenticator: &Authenticator) {
        let now = self.chat.clock.now();
        for readers in self.chat.hub.registry().by_credential() {
            if let Some(actor) = readers.first().and_then(|reader| reader.actor()) {
                authenticator.note_use(&actor, now);
            }
        }
    }
}

async fn delete_ended(accounts: &Accounts) {
    if let Err(error) = accounts.delete_ended().await {
        tracing::warn!(%error, "sessions that have ended can't be deleted");
    }
}
