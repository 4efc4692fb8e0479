//! Upkeep of sessions: an open stream is use, and what nobody uses or what is over goes.

use std::{sync::Arc, time::Duration};

use tokio::time::{MissedTickBehavior, interval};

use super::Chat;
use crate::identity::{accounts::Accounts, authenticator::Authenticator};

/// The time between two notes that a stream is open: the precision of what is shown as last used.
const NOTED: Duration = Duration::from_mins(1);
/// The notes after which what is over is deleted: once an hour.
const NOTES_A_DELETION: u32 = 60;

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
        let mut due = interval(NOTED);
        due.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut notes = 0;
        loop {
            due.tick().await;
            self.note_uses(authenticator);
            if notes == 0 {
                delete_ended(accounts).await;
            }
            notes = (notes + 1) % NOTES_A_DELETION;
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
