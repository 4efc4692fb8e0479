//! Users and keys in the database, for the commands that keep them: beside a server that runs, or without one.

use crate::{
    config::StorageArgs,
    domain::{name::Username, user::User},
    store::{
        OpenError, Store,
        error::StoreError,
        identity::{IdentityError, IdentityWriter},
    },
};

/// The result of a command.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    /// The text that was asked for, for standard output.
    pub asked_for: Option<String>,
    /// A message about what was done.
    pub message: Option<String>,
}

/// The reasons for failing.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotDone {
    /// The database can't be used.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The database failed meanwhile.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is no such user.
    #[error("there is no user {}; `parlor user list` lists them", .0.as_str())]
    NoUser(Username),
    /// It would be wrong, or of no effect.
    #[error("{0}")]
    Refused(String),
}

impl Outcome {
    /// A message alone.
    pub(super) fn said(message: String) -> Self {
        Self { asked_for: None, message: Some(message) }
    }

    /// A text alone.
    pub(super) fn printed(text: String) -> Self {
        Self { asked_for: Some(text), message: None }
    }
}

/// Opens the database for the work, and closes it.
///
/// # Errors
/// [`NotDone`].
pub(super) async fn beside<T>(
    storage: &StorageArgs,
    work: impl AsyncFnOnce(&Store, &IdentityWriter) -> Result<T, NotDone>,
) -> Result<T, NotDone> {
    let (store, writer) = Store::open_beside(&storage.database.store(false)).await?;
    let done = work(&store, &writer).await;
    // Who writes goes last: of a file that nobody serves, the last to close it moves the write-ahead log into it.
    store.close().await;
    writer.close().await;
    done
}

/// The user of that name.
///
/// # Errors
/// [`NotDone`] if there is none.
pub(super) async fn user(store: &Store, name: &Username) -> Result<User, NotDone> {
    store.user(name.key()).await?.ok_or_else(|| NotDone::NoUser(name.clone()))
}

/// The failure of a change of that user; `taken` says what somebody else has.
pub(super) fn failed(name: &Username, error: IdentityError, taken: &str) -> NotDone {
    match error {
        IdentityError::Taken => NotDone::Refused(taken.to_owned()),
        // No command spends an invitation.
        IdentityError::Unknown | IdentityError::NotInvited => NotDone::NoUser(name.clone()),
        IdentityError::LastAdmin => NotDone::Refused(format!("{} is the last admin", name.as_str())),
        // Nor rests one on a right that somebody could lose.
        error @ (IdentityError::TooMany(_) | IdentityError::Stale) => NotDone::Refused(error.to_string()),
        IdentityError::Store(error) => error.into(),
    }
}
