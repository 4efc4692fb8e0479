//! One's own account: its sessions, its password, its end.

use std::net::IpAddr;

use tokio::time::Instant;

use super::{AccountError, Accounts, unexpected, unknown};
use crate::{
    domain::{account::SESSION_IDLE, invalid::Invalid, name::Username},
    identity::{network::Network, password::Password},
    store::identity::{Basis, IdentityError, StoredSession},
};

impl Accounts {
    /// At most so many sessions of a user, newest first, before one.
    ///
    /// # Errors
    /// [`AccountError`].
    pub async fn sessions(
        &self,
        user: &Username,
        before: Option<i64>,
        limit: u64,
    ) -> Result<Vec<StoredSession>, AccountError> {
        let user = self.user(user).await?;
        Ok(self.store.sessions_of(user.id, before, limit).await?)
    }

    /// Ends a session of a user.
    ///
    /// # Errors
    /// [`AccountError`].
    pub async fn end_session(&self, user: &Username, id: i64) -> Result<(), AccountError> {
        let user = self.user(user).await?;
        self.writer.end_session(user.id, id).await.map_err(|error| unknown("session", error))
    }

    /// Changes a password, and ends all other sessions of the user.
    ///
    /// # Errors
    /// [`AccountError`].
    pub async fn change_password(
        &self,
        user: &Username,
        (current, new): (&str, &str),
        session: Option<i64>,
        address: Option<IpAddr>,
    ) -> Result<(), AccountError> {
        let new = Password::new("new", new).map_err(AccountError::Invalid)?;
        let network = Network::from(address);
        self.failures.begin(user.key(), network, Instant::now()).map_err(AccountError::TooManyFailures)?;
        let checked = self.has_password(user, current, network).await;
        self.count(user, network, checked.as_ref().err());
        let (user, current) = checked?;
        let hash = self.passwords.hash(new, network).await?;
        let basis = Basis::Password { user, hash: &current, session };
        let changed = self.writer.change_password(user, &hash, session, basis, self.clock.now()).await;
        changed.map_err(|error| if let IdentityError::Stale = error { wrong_password() } else { unexpected(error) })
    }

    /// The key in the database of a user whose password this is, and the hash of it.
    async fn has_password(
        &self,
        user: &Username,
        current: &str,
        network: Network,
    ) -> Result<(i64, String), AccountError> {
        let found = self.user(user).await?;
        let hash = self.store.password_of(found.id).await?;
        let is_right = self.passwords.is_right(Password::typed(current), hash.clone(), network).await?;
        hash.filter(|_| is_right).map(|hash| (found.id, hash)).ok_or_else(wrong_password)
    }

    /// Checks that an account may be deleted, before anything of it is.
    ///
    /// # Errors
    /// [`AccountError`]; [`AccountError::LastAdmin`] if nobody would be left who can do what admins do.
    pub async fn check_deletable(&self, user: &Username) -> Result<(), AccountError> {
        let user = self.user(user).await?;
        if self.store.is_last_admin(&user).await? { Err(AccountError::LastAdmin) } else { Ok(()) }
    }

    /// Deletes an account. Its name is never given to anybody else.
    ///
    /// # Errors
    /// [`AccountError`], as [`Accounts::check_deletable`] has it.
    pub async fn delete(&self, user: &Username, basis: Basis<'_>) -> Result<(), AccountError> {
        let user = self.user(user).await?;
        self.writer.delete_account(user.id, basis, self.clock.now()).await.map_err(|error| unknown("user", error))
    }

    /// Deletes sessions that nobody uses, and what is over.
    ///
    /// # Errors
    /// [`AccountError`].
    pub async fn delete_ended(&self) -> Result<(), AccountError> {
        let now = self.clock.now();
        let deleted = self.writer.delete_ended(now.before(SESSION_IDLE), now).await.map_err(unexpected)?;
        if deleted > 0 {
            tracing::info!(sessions = deleted, "sessions that nobody used, or whose time is over, have ended");
        }
        Ok(())
    }
}

fn wrong_password() -> AccountError {
    AccountError::Invalid(Invalid::new("current", "is not your password"))
}
