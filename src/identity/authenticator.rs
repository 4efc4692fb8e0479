//! The authenticator: makes the actor of a credential, and remembers it for as long as nobody has lost a right.

use std::{borrow::Cow, collections::HashMap, sync::Arc, time::Duration};

use quick_cache::sync::Cache;
use sha2::{Digest as _, Sha256};

mod inherited;
mod keys;
mod renewals;
mod signers;
mod tickets;

pub use self::signers::NotReread;
use self::signers::Signers;
pub use super::not_proven::NotProven;
use super::{
    jwt::{JwtError, Verified},
    jwt_key::JwtKeys,
    key_uses::KeyUses,
    narrowing::{can, check_enabled, check_issued, narrowed, narrowed_by_token, rooms},
    not_proven::NotProven::Invalid,
    secret::{Secret, SecretKind},
    versions::Versions,
};
use crate::{
    clock::Clock,
    config::RoomCreation,
    domain::{
        actor::{Actor, Credential, Grant},
        name::{RoomName, Username},
        rights::{Right, Rights},
        timestamp::Timestamp,
        user::{Origin, User, UserChange, UserKind},
    },
    store::{
        Store,
        error::StoreError,
        identity::{Basis, IdentityError, IdentityWriter, NewUser, StoredKey, StoredSession, Used},
    },
};

/// The credentials that are remembered. Checking a signature costs some fifty times what remembering does.
const REMEMBERED: usize = 100_000;
const MICROS: i64 = 1_000_000;

/// Makes actors of credentials.
#[derive(Debug)]
pub struct Authenticator {
    store: Store,
    writer: Arc<IdentityWriter>,
    signers: Signers,
    clock: Clock,
    room_creation: RoomCreation,
    remembered: Cache<[u8; 32], Actor>,
    versions: Versions,
    key_uses: KeyUses,
}

impl Authenticator {
    /// An authenticator that knows these keys of other systems, and notes that a credential is used once in an interval.
    #[must_use]
    pub fn new(
        store: Store,
        writer: Arc<IdentityWriter>,
        keys: JwtKeys,
        clock: Clock,
        room_creation: RoomCreation,
        last_use_interval: Duration,
    ) -> Self {
        let (remembered, signers) = (Cache::new(REMEMBERED), Signers::new(keys));
        let (versions, key_uses) = (Versions::default(), KeyUses::new(last_use_interval));
        Self { store, writer, signers, clock, room_creation, remembered, versions, key_uses }
    }

    /// Writes when keys were last used, beside the requests that use them. Has no end of its own.
    pub async fn write_key_uses(&self) {
        self.key_uses.write_all(&self.writer).await;
    }

    /// The version of everybody's rights, as the database has it now.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn version(&self) -> Result<i64, StoreError> {
        self.versions.read(&self.store).await
    }

    /// Waits until this process has written something about users or keys, which may have taken a right away.
    pub async fn written(&self) {
        self.writer.written().await;
    }

    /// The actor of somebody without a credential.
    #[must_use]
    pub fn guest(&self) -> Actor {
        Actor::guest(self.versions.known())
    }

    /// The actor of an API key or a token. Its rights are those of when it was last looked up: whoever uses them asks
    /// [`Authenticator::current`], or, of a change, the journal does.
    ///
    /// # Errors
    /// [`NotProven`].
    pub async fn actor(&self, credential: &str) -> Result<Actor, NotProven> {
        let now = self.clock.now();
        let actor = self.known_or_looked_up(credential, now).await?;
        self.note_use(&actor, now);
        Ok(actor)
    }

    /// Notes that a credential is in use, be it by a stream that is open.
    pub fn note_use(&self, actor: &Actor, now: Timestamp) {
        match actor.grant().map(|grant| &grant.credential) {
            Some(Credential::ApiKey(key)) => self.key_uses.note(Used::Key(*key), now),
            Some(Credential::Session { id, .. }) => self.key_uses.note(Used::Session(*id), now),
            _ => {}
        }
    }

    async fn known_or_looked_up(&self, credential: &str, now: Timestamp) -> Result<Actor, NotProven> {
        let hash: [u8; 32] = Sha256::digest(credential).into();
        if let Some(actor) = self.remembered.get(&hash)
            && let Some(grant) = actor.grant()
            && grant.version == self.versions.known()
            && grant.expires_at.is_none_or(|end| now < end)
        {
            return Ok(actor);
        }
        let looked_up = self.look_up(credential, now).await;
        match &looked_up {
            Ok(actor) => self.remembered.insert(hash, actor.clone()),
            Err(_) => drop(self.remembered.remove(&hash)),
        }
        looked_up
    }

    /// The actor with the rights that are in force now, be it a moment ago that somebody lost one.
    ///
    /// # Errors
    /// [`NotProven`] when the actor's credential is good no longer.
    pub async fn current<'a>(&self, actor: &'a Actor) -> Result<Cow<'a, Actor>, NotProven> {
        let Some(grant) = actor.grant() else { return Ok(Cow::Borrowed(actor)) };
        self.check_time(actor)?;
        if self.versions.read(&self.store).await? == grant.version {
            return Ok(Cow::Borrowed(actor));
        }
        self.renewed(actor).await.map(Cow::Owned)
    }

    /// Checks that the time of the actor's credential is not over.
    ///
    /// # Errors
    /// [`NotProven::Expired`].
    pub fn check_time(&self, actor: &Actor) -> Result<(), NotProven> {
        match actor.grant().and_then(|grant| grant.expires_at) {
            Some(end) if self.clock.now() >= end => Err(NotProven::Expired),
            _ => Ok(()),
        }
    }

    /// The actor, looked up again: somebody has lost a right since.
    ///
    /// # Errors
    /// [`NotProven`] when the actor's credential is good no longer.
    pub async fn renewed(&self, actor: &Actor) -> Result<Actor, NotProven> {
        let version = self.version().await?;
        let renewed = self.renewed_all(version, std::slice::from_ref(actor)).await?;
        renewed.into_iter().next().unwrap_or(Err(Invalid("it was not looked up")))
    }

    /// The same of several, in their order, by three queries; at most some hundred. The version was read before.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn renewed_all(
        &self,
        version: i64,
        actors: &[Actor],
    ) -> Result<Vec<Result<Actor, NotProven>>, StoreError> {
        let granted: Vec<_> = actors.iter().filter_map(|actor| actor.grant().map(|grant| &**grant)).collect();
        let mut renewed = self.granted_again(version, &granted).await?.into_iter();
        let of = |actor: &Actor| match actor.grant().and_then(|_| renewed.next()) {
            Some(renewed) => renewed.map(|renewed| renewed.as_asked_by(actor)),
            None => Ok(actor.clone()),
        };
        Ok(actors.iter().map(of).collect())
    }

    /// The actors by whose credentials something was granted, as they are now.
    async fn granted_again(
        &self,
        version: i64,
        grants: &[&Grant],
    ) -> Result<Vec<Result<Actor, NotProven>>, StoreError> {
        let credentials = || grants.iter().map(|grant| &grant.credential);
        let ids: Vec<_> = credentials().filter_map(Credential::key).collect();
        let keys = if ids.is_empty() { HashMap::new() } else { self.store.keys_by_id(&ids).await? };
        let ids: Vec<_> = credentials().filter_map(Credential::session).collect();
        let sessions = if ids.is_empty() { HashMap::new() } else { self.store.sessions_by_id(&ids).await? };
        let of_keys = keys.values().map(|key| key.account_id);
        let of_sessions = sessions.values().map(|session| session.account_id);
        let ids: Vec<_> = credentials().filter_map(Credential::user).chain(of_keys).chain(of_sessions).collect();
        let users = if ids.is_empty() { HashMap::new() } else { self.store.users_by_id(&ids).await? };
        let signers = self.signers.now();
        let user = |id: i64| users.get(&id).cloned().ok_or(Invalid("there is no such user"));
        let again = |grant: &&Grant| match &grant.credential {
            Credential::Nothing => Ok(Actor::guest(version)),
            Credential::ApiKey(id) => {
                let key = keys.get(id).ok_or(Invalid("the key is deleted"))?;
                self.of_key(key, user(key.account_id)?, version, self.clock.now())
            }
            Credential::Session { id, .. } => {
                let session = sessions.get(id).ok_or(Invalid("the session has ended"))?;
                self.of_session(session, user(session.account_id)?, version, self.clock.now())
            }
            Credential::Token { user: id, issued_at, can, signed_by } => {
                let user = user(*id)?;
                if !signers.has(*signed_by) {
                    return Err(Invalid("its key is none of the keys any more"));
                }
                check_enabled(&user)?;
                check_issued(&user, *issued_at)?;
                let rights = narrowed_by_token(&user, *can);
                let (kind, makes_rooms) = (user.kind, self.makes_rooms(rights));
                let grant = Grant { kind, rights, makes_rooms, version, ..(*grant).clone() };
                Ok(Actor::proven(user.username, Arc::new(grant)))
            }
        };
        Ok(grants.iter().map(again).collect())
    }

    /// The writer, for tests that take something away.
    #[cfg(test)]
    pub(crate) fn writer_for_tests(&self) -> &IdentityWriter {
        &self.writer
    }

    /// Changes a user in the name of an admin.
    ///
    /// # Errors
    /// [`IdentityError`].
    pub async fn change_user(
        &self,
        by: &Username,
        user: &Username,
        change: UserChange,
        basis: Basis<'_>,
    ) -> Result<User, IdentityError> {
        self.writer.change_user(by, user.key(), change, basis, self.clock.now()).await
    }

    /// Keeps a name for the room of two users, unless they have one. Returns the one that they have.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn keep_direct_room(&self, one: i64, other: i64, name: &RoomName) -> Result<RoomName, StoreError> {
        self.writer.keep_direct_room(one, other, name).await.map_err(of_store)
    }

    async fn look_up(&self, credential: &str, now: Timestamp) -> Result<Actor, NotProven> {
        // Before what it is the version of.
        let version = self.versions.read(&self.store).await?;
        if credential.starts_with(SecretKind::ApiKey.prefix()) {
            let secret = Secret::parse(SecretKind::ApiKey, credential).ok_or(Invalid("it is no API key"))?;
            let found = self.store.key_by_hash(secret.hash().as_bytes()).await?;
            let (key, user) = found.ok_or(Invalid("there is no such API key"))?;
            return self.of_key(&key, user, version, now);
        }
        if credential.starts_with(SecretKind::Session.prefix()) {
            let secret = Secret::parse(SecretKind::Session, credential).ok_or(Invalid("it is no session"))?;
            let found = self.store.session_by_hash(secret.hash().as_bytes()).await?;
            let (session, user) = found.ok_or(Invalid("there is no such session"))?;
            return self.of_session(&session, user, version, now);
        }
        let signers = self.signers.now();
        let verified = signers.verify(credential, now.micros() / MICROS).map_err(|error| match error {
            JwtError::Invalid(why) => Invalid(why),
            JwtError::Expired => NotProven::Expired,
        })?;
        let user = self.user_of(&verified).await?;
        let expires_at = end_of(&verified, signers.leeway());
        check_enabled(&user)?;
        check_issued(&user, verified.issued_at)?;
        let rights = narrowed_by_token(&user, verified.can);
        let Verified { issued_at, can, signed_by, .. } = verified;
        let credential = Credential::Token { user: user.id, issued_at, can, signed_by };
        let (kind, rooms, makes_rooms) = (user.kind, verified.rooms, self.makes_rooms(rights));
        let grant = Grant { credential, kind, rights, rooms, makes_rooms, expires_at: Some(expires_at), version };
        Ok(Actor::proven(user.username, Arc::new(grant)))
    }

    /// The actor of a token, for a session that is to last as long, and the rights that the token is narrowed to.
    ///
    /// # Errors
    /// [`NotProven`], also for what is no token.
    pub async fn token_actor(&self, token: &str) -> Result<Actor, NotProven> {
        if token.starts_with(SecretKind::ApiKey.prefix()) || token.starts_with(SecretKind::Session.prefix()) {
            return Err(Invalid("it is no token"));
        }
        self.actor(token).await
    }

    fn of_session(
        &self,
        session: &StoredSession,
        user: User,
        version: i64,
        now: Timestamp,
    ) -> Result<Actor, NotProven> {
        check_enabled(&user)?;
        if session.expires_at.is_some_and(|end| now >= end) {
            return Err(NotProven::Expired);
        }
        if session.is_idle(now) {
            return Err(Invalid("the session was not used for too long"));
        }
        let (rights, rooms) =
            (narrowed_by_token(&user, can(session.can.as_deref())?), rooms(session.rooms.as_deref())?);
        let credential = Credential::Session { id: session.id, by_password: session.expires_at.is_none() };
        let (kind, makes_rooms, expires_at) = (user.kind, self.makes_rooms(rights), session.expires_at);
        let grant = Grant { credential, kind, rights, rooms, makes_rooms, expires_at, version };
        Ok(Actor::proven(user.username, Arc::new(grant)))
    }

    fn of_key(&self, key: &StoredKey, user: User, version: i64, now: Timestamp) -> Result<Actor, NotProven> {
        check_enabled(&user)?;
        if key.expires_at.is_some_and(|end| now >= end) {
            return Err(NotProven::Expired);
        }
        let (credential, rooms) = (Credential::ApiKey(key.id), rooms(key.rooms.as_deref())?);
        let rights = narrowed(&user, can(key.can.as_deref())?);
        let (kind, makes_rooms, expires_at) = (user.kind, self.makes_rooms(rights), key.expires_at);
        let grant = Grant { credential, kind, rights, rooms, makes_rooms, expires_at, version };
        Ok(Actor::proven(user.username, Arc::new(grant)))
    }

    fn makes_rooms(&self, rights: Rights) -> bool {
        self.room_creation == RoomCreation::Everyone || rights.contains(Right::Admin)
    }

    /// The user of a token, who is made at the first request.
    async fn user_of(&self, verified: &Verified) -> Result<User, NotProven> {
        if let Some(user) = self.store.user_of_subject(&verified.subject).await? {
            return Ok(user);
        }
        let user = NewUser {
            username: verified.username.clone(),
            kind: UserKind::Person,
            origin: Origin::Jwt,
            subject: Some(verified.subject.to_string()),
            is_admin: false,
        };
        let made = match self.store.user(verified.username.key()).await? {
            None => self.writer.make_user(user, self.clock.now()).await,
            // Nobody can sign in with a name that was only claimed: whoever signs tokens may hand it over.
            Some(found) if found.origin == Origin::Claimed => self.writer.hand_over(user).await,
            // Another request of the same user may have made it since it was looked for.
            Some(_) => return self.store.user_of_subject(&verified.subject).await?.ok_or(NotProven::NameTaken),
        };
        match made {
            Ok(user) => Ok(user),
            // By another request of the same user, it may be.
            Err(IdentityError::Taken) => {
                self.store.user_of_subject(&verified.subject).await?.ok_or(NotProven::NameTaken)
            }
            Err(IdentityError::Store(error)) => Err(error.into()),
            Err(
                IdentityError::Unknown
                | IdentityError::NotInvited
                | IdentityError::LastAdmin
                | IdentityError::Stale
                | IdentityError::TooMany(_),
            ) => Err(Invalid("its user is gone")),
        }
    }
}

/// The time from which on a token is refused: its own end, and the leeway.
fn end_of(verified: &Verified, leeway: Duration) -> Timestamp {
    let leeway = i64::try_from(leeway.as_secs()).unwrap_or(0);
    Timestamp::from_micros(verified.expires_at.saturating_add(leeway).saturating_mul(MICROS))
}

/// The error of a write that nothing but the store can refuse.
fn of_store(error: IdentityError) -> StoreError {
    match error {
        IdentityError::Store(error) => error,
        error => StoreError::Rejected(error.to_string()),
    }
}
