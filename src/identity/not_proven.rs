//! The reasons for not taking a credential.

use crate::{domain::denied::Denied, store::error::StoreError};

/// The reasons for not taking a credential.
#[derive(Debug, thiserror::Error)]
pub enum NotProven {
    /// It is no credential of this server, or it is good no longer; the reason is for the log.
    #[error("{0}")]
    Invalid(&'static str),
    /// It was good in all else, and its time is over.
    #[error("the credential has expired")]
    Expired,
    /// It is good, and the name it stands for is another user's.
    #[error("the name is another user's")]
    NameTaken,
    /// The store's.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl NotProven {
    /// The denial that it means to somebody who had proven who they are before.
    #[must_use]
    pub fn denied(&self) -> Denied {
        match self {
            Self::Expired => Denied::Expired,
            Self::Invalid(_) | Self::NameTaken | Self::Store(_) => Denied::Revoked,
        }
    }
}
