//! The start of a server, as far as identity goes: do its settings fit what the database has, and which names have
//! only been claimed so far.

use crate::{
    clock::Clock,
    config::{Accounts, AuthMode, IdentityConfig},
    store::{
        Store,
        error::StoreError,
        identity::{IdentityError, IdentityWriter},
    },
};

/// The reasons why a server can't start with these settings.
#[derive(Debug, thiserror::Error)]
pub enum Unready {
    /// Nobody could do anything.
    #[error(
        "--auth required needs a source of identity: --accounts, --jwt-key or --jwks, or users with API keys \
         (`parlor user add`, `parlor key create`)"
    )]
    NoSource,
    /// Everybody could do everything under the names of people who had to prove theirs.
    #[error(
        "this database has users, and in open mode anybody may post under their names: \
         start with --auth required, or add --allow-open if that is meant"
    )]
    HasUsers,
    /// Everybody could read what was said between few.
    #[error(
        "this database has private rooms, which anybody could read in open mode: start with --auth required, or \
         give --database-url another database"
    )]
    HasPrivateRooms,
    /// The database's.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Checks the mode against the database and, at the first start with credentials, makes users of the names that were
/// claimed before.
///
/// # Errors
/// [`Unready`].
pub async fn prepare(
    store: &Store,
    writer: &IdentityWriter,
    config: &IdentityConfig,
    clock: &Clock,
) -> Result<(), Unready> {
    match config.auth {
        AuthMode::Open if !config.is_open_meant && store.has_users().await? => Err(Unready::HasUsers),
        AuthMode::Open if store.has_private_rooms().await? => Err(Unready::HasPrivateRooms),
        AuthMode::Open => Ok(()),
        AuthMode::Required => {
            if !config.has_source() && !store.has_keys().await? {
                return Err(Unready::NoSource);
            }
            if !store.has_claimed_names().await? {
                let users = writer.claim_names(clock.now()).await?;
                if users > 0 {
                    tracing::info!(
                        users,
                        "names that were used in open mode are users now, as whom nobody can sign in: hand one over with \
                         `parlor user add NAME`, an invitation or a token"
                    );
                }
            }
            if config.accounts == Accounts::Invite && !config.jwt.has_admins() && !store.has_admins().await? {
                tracing::warn!(
                    "there is no admin who could invite anybody: `parlor user add NAME --admin --password-stdin`"
                );
            }
            if config.accounts != Accounts::Off {
                keep_looks(store, writer).await?;
            }
            Ok(())
        }
    }
}

/// The users whose names' looks are kept at a time.
const USERS_AT_ONCE: u64 = 1_000;

/// Keeps what the names of those look like who came while there were no accounts.
async fn keep_looks(store: &Store, writer: &IdentityWriter) -> Result<(), StoreError> {
    let mut after = 0;
    loop {
        let users = store.users_without_look(after, USERS_AT_ONCE).await?;
        let Some(last) = users.last() else { return Ok(()) };
        after = last.id;
        writer.keep_looks(&users).await.map_err(|error| match error {
            IdentityError::Store(error) => error,
            error => StoreError::Rejected(error.to_string()),
        })?;
    }
}
