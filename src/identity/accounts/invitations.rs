//! The secrets that admins give out: invitations to register, and resets, by which a user sets a new password.

use std::time::Duration;

use super::{AccountError, Accounts, NameTaken, NotKept, unexpected, unknown};
use crate::{
    config::Accounts as Mode,
    domain::{
        account::{INVITATION_LASTS, RESET_LASTS},
        invalid::Invalid,
        name::Username,
        new_name,
        user::{Origin, UserKind},
    },
    identity::secret::{Secret, SecretKind},
    store::{
        audit::ByAdmin,
        identity::{Basis, StoredInvitation},
    },
};

impl Accounts {
    /// Makes an invitation, for a name or for anybody, that is good for so long.
    ///
    /// # Errors
    /// [`AccountError`].
    pub async fn invite(
        &self,
        by: &Username,
        username: Option<&Username>,
        lasts: Option<Duration>,
        basis: Basis<'_>,
    ) -> Result<(Secret, StoredInvitation), AccountError> {
        if self.mode == Mode::Off {
            return Err(NotKept);
        }
        let now = self.clock.now();
        if let Some(username) = username {
            new_name::check(username).map_err(AccountError::Invalid)?;
            let found = self.store.user(username.key()).await?;
            if found.is_some_and(|found| found.origin != Origin::Claimed) {
                return Err(NameTaken);
            }
        }
        let by = ByAdmin { by, to: username, at: now };
        let secret = Secret::generate(SecretKind::Invitation);
        let expires_at = now.after(lasts.unwrap_or(INVITATION_LASTS));
        let made = self.writer.make_invitation(secret.hash().as_bytes(), expires_at, basis, by).await;
        Ok((secret, made.map_err(unexpected)?))
    }

    /// At most so many invitations that nobody has used, newest first, before one.
    ///
    /// # Errors
    /// [`AccountError`].
    pub async fn invitations(&self, before: Option<i64>, limit: u64) -> Result<Vec<StoredInvitation>, AccountError> {
        Ok(self.store.invitations(before, limit).await?)
    }

    /// Deletes an invitation.
    ///
    /// # Errors
    /// [`AccountError`].
    pub async fn delete_invitation(&self, by: &Username, id: i64) -> Result<(), AccountError> {
        let by = ByAdmin { by, to: None, at: self.clock.now() };
        self.writer.delete_invitation(id, by).await.map_err(|error| unknown("invitation", error))
    }

    /// Makes a secret by which a user may set a new password once, within an hour. One from before is good no longer.
    ///
    /// # Errors
    /// [`AccountError`].
    pub async fn offer_reset(&self, by: &Username, user: &Username, basis: Basis<'_>) -> Result<Secret, AccountError> {
        if self.mode == Mode::Off {
            return Err(NotKept);
        }
        let user = self.user(user).await?;
        if user.kind != UserKind::Person || matches!(user.origin, Origin::Claimed | Origin::Deleted) {
            return Err(AccountError::Invalid(Invalid::new("username", "has no password: nobody signs in with it")));
        }
        // The system that issues its tokens would no longer decide who is let in as this user.
        if user.origin == Origin::Jwt && self.store.password_of(user.id).await?.is_none() {
            let detail = "signs in by the tokens of another system: whoever runs the server can set a password, with \
                          `parlor user password`";
            return Err(AccountError::Invalid(Invalid::new("username", detail)));
        }
        let secret = Secret::generate(SecretKind::Reset);
        let by = ByAdmin { by, to: Some(&user.username), at: self.clock.now() };
        let expires_at = by.at.after(RESET_LASTS);
        self.writer.keep_reset(user.id, secret.hash().as_bytes(), expires_at, basis, by).await.map_err(unexpected)?;
        Ok(secret)
    }
}
