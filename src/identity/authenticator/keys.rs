//! API keys and the bots that they sign in, made by whoever may.

use super::Authenticator;
use crate::{
    domain::{
        api_key::KeyDraft,
        name::Username,
        timestamp::Timestamp,
        user::{Origin, User, UserKind},
    },
    identity::{
        authenticator::tickets::after,
        secret::{Secret, SecretKind},
    },
    store::{
        audit::ByAdmin,
        identity::{Basis, IdentityError, NewKey, NewUser, StoredKey},
    },
};

impl Authenticator {
    /// Makes an API key that signs a user in, for an admin if it is a bot's. It is shown this once.
    ///
    /// # Errors
    /// [`IdentityError`].
    pub async fn make_key(
        &self,
        user: &User,
        draft: &KeyDraft,
        basis: Basis<'_>,
        admin: Option<&Username>,
    ) -> Result<(Secret, StoredKey), IdentityError> {
        let (secret, now) = (Secret::generate(SecretKind::ApiKey), self.clock.now());
        let key = NewKey {
            hash: *secret.hash().as_bytes(),
            account_id: user.id,
            name: draft.name.clone(),
            rooms: draft.rooms.as_ref().map(|rooms| rooms.entries().collect::<Vec<_>>()).map(|it| json(&it)),
            can: draft.can.map(|can| can.words().collect::<Vec<_>>().join(",")),
            expires_at: draft.lifetime.map(|lifetime| after(now, lifetime)),
        };
        Ok((secret, self.writer.make_key(key, basis, by_admin(admin, user, now), now).await?))
    }

    /// Deletes an API key of a user, for an admin if it is a bot's: it is refused from the next request on.
    ///
    /// # Errors
    /// [`IdentityError::Unknown`] if the user has none of this number.
    pub async fn delete_key(&self, user: &User, id: i64, admin: Option<&Username>) -> Result<(), IdentityError> {
        self.writer.delete_key(user.id, id, by_admin(admin, user, self.clock.now())).await
    }

    /// The bot of this name, which is made for an admin if nobody has the name.
    ///
    /// # Errors
    /// [`IdentityError::Taken`] if it is somebody's who is no bot, or a bot's that is disabled, or looks like a name
    /// that is another's.
    pub async fn bot(&self, username: &Username, basis: Basis<'_>, admin: &Username) -> Result<User, IdentityError> {
        let new = NewUser {
            username: username.clone(),
            kind: UserKind::Bot,
            origin: Origin::Bot,
            subject: None,
            is_admin: false,
        };
        let by = ByAdmin { by: admin, to: Some(username), at: self.clock.now() };
        let found = match self.store.user(username.key()).await? {
            Some(user) => user,
            None => match self.writer.make_bot(new, basis, by).await {
                // By another request for the same bot, it may be.
                Err(IdentityError::Taken) => self.store.user(username.key()).await?.ok_or(IdentityError::Taken)?,
                made => made?,
            },
        };
        let is_bot = found.kind == UserKind::Bot && found.origin != Origin::Claimed && found.disabled_at.is_none();
        if is_bot { Ok(found) } else { Err(IdentityError::Taken) }
    }
}

/// The entry for what an admin does to somebody.
fn by_admin<'a>(admin: Option<&'a Username>, to: &'a User, at: Timestamp) -> Option<ByAdmin<'a>> {
    admin.map(|by| ByAdmin { by, to: Some(&to.username), at })
}

/// The list as it stands in the database.
fn json(entries: &[String]) -> String {
    serde_json::Value::from(entries).to_string()
}
