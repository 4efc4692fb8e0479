//! The operations of a user, one function each, every one of which asks the policy.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

pub mod changes;
pub mod messages;
pub mod presence;
pub mod read_cursors;
pub mod reading;
pub mod rooms;
pub mod search;

pub use crate::journal::{Refused, command::Committed};
use crate::{
    domain::{
        invalid::Invalid,
        name::RoomName,
        policy::{Act, Actor, Denied, Standing, may},
        room::Room,
    },
    hub::Hub,
    journal::Journal,
    store::{Store, error::StoreError, search::SearchError},
};

/// Everything a user can do. Each function takes the actor first, and asks the policy.
#[derive(Debug)]
pub struct Chat {
    journal: Journal,
    hub: Arc<Hub>,
    store: Store,
    /// Cancelled when whoever waits is to be answered at once.
    closing: CancellationToken,
}

/// The reasons for not doing something.
#[derive(Debug, thiserror::Error)]
pub enum ChatError {
    /// The input breaks rules.
    #[error("invalid input")]
    Invalid(Vec<Invalid>),
    /// There is no such thing.
    #[error("there is no such {0}")]
    NotFound(&'static str),
    /// The journal refuses it, or the policy does before the journal is asked.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// Too many ask for the same costly thing at once; may pass.
    #[error("too many {0} at once")]
    Busy(&'static str),
    /// A fault of this program, in words for its log.
    #[error("internal fault: {0}")]
    Internal(String),
}

impl Chat {
    /// A chat over these parts.
    #[must_use]
    pub fn new(journal: Journal, hub: Arc<Hub>, store: Store, closing: CancellationToken) -> Self {
        Self { journal, hub, store, closing }
    }

    /// The room as the database has it, absent if nobody has made it, for an actor who may read it. Whatever is
    /// read of a room is read with the answer.
    async fn readable(&self, actor: &Actor, name: &RoomName) -> Result<Option<Room>, ChatError> {
        may(actor, Act::ReadRoom, &Standing::default())?;
        Ok(self.store.room(name).await?)
    }
}

impl From<StoreError> for ChatError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(_)
            | StoreError::LogGone(_)
            | StoreError::Interrupted(_)
            | StoreError::Conflict(_)
            | StoreError::FsyncRefused(_) => {
                tracing::warn!(%error, "the store can't be read");
                Self::Refused(Refused::Unavailable)
            }
            StoreError::Rejected(_) | StoreError::Hole { .. } => Self::Internal(error.to_string()),
        }
    }
}

impl From<SearchError> for ChatError {
    fn from(error: SearchError) -> Self {
        match error {
            SearchError::Busy => Self::Busy("searches"),
            SearchError::Failed(why) => Self::Internal(why),
            SearchError::Store(error) => error.into(),
        }
    }
}

impl From<Denied> for ChatError {
    fn from(denied: Denied) -> Self {
        Self::Refused(denied.into())
    }
}

impl From<Invalid> for ChatError {
    fn from(invalid: Invalid) -> Self {
        Self::Invalid(vec![invalid])
    }
}
