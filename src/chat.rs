//! What a user can do: one function for each thing, and whether they may.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

pub mod changes;
pub mod messages;
pub mod presence;
pub mod reading;
pub mod reads;
pub mod rooms;
pub mod search;

use crate::{
    domain::{content::ContentLimit, emoji, invalid::Invalid, message},
    hub::Hub,
    journal::{Journal, Refused},
    store::{Store, error::StoreError},
};

/// Everything a user can do.
#[derive(Debug)]
pub struct Chat {
    journal: Journal,
    hub: Arc<Hub>,
    store: Store,
    content_limit: ContentLimit,
    /// Cancelled when whoever waits is to be answered at once.
    closing: CancellationToken,
}

/// Why something was not done.
#[derive(Debug, thiserror::Error)]
pub enum ChatError {
    /// The input breaks rules.
    #[error("invalid input")]
    Invalid(Vec<Invalid>),
    /// The idempotency key was used for another message.
    #[error("the idempotency key was used for another message")]
    KeyReused,
    /// There is no such thing.
    #[error("there is no such {0}")]
    NotFound(&'static str),
    /// It is deleted, and can't be changed any more.
    #[error("the {0} is deleted")]
    Deleted(&'static str),
    /// Who asks may not.
    #[error("only the author may do this")]
    NotTheAuthor,
    /// The time for it is over.
    #[error("the time to edit it is over")]
    WindowOver,
    /// It has changed since who asks looked at it.
    #[error("the message has changed meanwhile")]
    VersionMissed,
    /// The store is out; may pass.
    #[error("the store is out")]
    Unavailable,
    /// A fault of this program, in words for its log.
    #[error("internal fault: {0}")]
    Internal(String),
}

impl Chat {
    /// A chat over these parts.
    #[must_use]
    pub fn new(
        journal: Journal,
        hub: Arc<Hub>,
        store: Store,
        content_limit: ContentLimit,
        closing: CancellationToken,
    ) -> Self {
        Self { journal, hub, store, content_limit, closing }
    }
}

impl ChatError {
    /// The journal answered a command with what is no answer to it.
    fn wrong_answer() -> Self {
        Self::Internal("the journal answered what was not asked".to_owned())
    }
}

impl From<StoreError> for ChatError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(_) | StoreError::Conflict(_) | StoreError::FsyncRefused(_) => {
                tracing::warn!(%error, "the store can't be read");
                Self::Unavailable
            }
            StoreError::Rejected(_) | StoreError::Hole { .. } => Self::Internal(error.to_string()),
        }
    }
}

impl From<Refused> for ChatError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::KeyReused => Self::KeyReused,
            Refused::NoSuchTarget => Self::Invalid(vec![message::no_such_target()]),
            Refused::NoSuchMessage => Self::NotFound("message"),
            Refused::Deleted => Self::Deleted("message"),
            Refused::NotTheAuthor => Self::NotTheAuthor,
            Refused::WindowOver => Self::WindowOver,
            Refused::VersionMissed => Self::VersionMissed,
            Refused::TooManyEmoji => Self::Invalid(vec![emoji::too_many()]),
            Refused::PastHead => Self::Invalid(vec![Invalid::new("last_read_id", "is past the room's newest event")]),
            Refused::Unavailable => Self::Unavailable,
            Refused::Rejected(why) => Self::Internal(why),
        }
    }
}

impl From<Vec<Invalid>> for ChatError {
    fn from(invalid: Vec<Invalid>) -> Self {
        Self::Invalid(invalid)
    }
}
