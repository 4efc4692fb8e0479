//! The authenticator: makes the actor of a credential, and remembers it for as long as nobody has lost a right.

use std::{
    borrow::Cow,
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
};

use quick_cache::sync::Cache;
use sha2::{Digest as _, Sha256};
use tokio::sync::Mutex;

use super::{
    jwt::{JwtError, Verified},
    jwt_key::JwtKeys,
    key_uses::KeyUses,
    secret::{Secret, SecretKind},
};
use crate::{
    clock::Clock,
    config::RoomCreation,
    domain::{
        actor::{Actor, Credential, Grant},
        denied::Denied,
        name::RoomName,
        rights::{Right, Rights},
        room_scope::RoomScope,
        timestamp::Timestamp,
        user::{Origin, User, UserKind},
    },
    store::{
        Store,
        error::StoreError,
        identity::{IdentityError, IdentityWriter, NewUser, StoredKey},
    },
};

/// The credentials that are remembered. Checking a signature costs some fifty times what remembering does.
const REMEMBERED: usize = 100_000;
const MICROS: i64 = 1_000_000;

/// Makes actors of credentials.
#[derive(Debug)]
pub struct Authenticator {
    store: Store,
    writer: IdentityWriter,
    keys: JwtKeys,
    clock: Clock,
    room_creation: RoomCreation,
    remembered: Cache<[u8; 32], Actor>,
    versions: Versions,
    key_uses: KeyUses,
}

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

use NotProven::Invalid;

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

impl Authenticator {
    /// An authenticator that knows these keys of other systems.
    #[must_use]
    pub fn new(store: Store, writer: IdentityWriter, keys: JwtKeys, clock: Clock, room_creation: RoomCreation) -> Self {
        let remembered = Cache::new(REMEMBERED);
        let (versions, key_uses) = (Versions::default(), KeyUses::default());
        Self { store, writer, keys, clock, room_creation, remembered, versions, key_uses }
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
        if let Some(Credential::ApiKey(key)) = actor.grant().map(|grant| &grant.credential) {
            self.key_uses.note(*key, now);
        }
        Ok(actor)
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

    /// The same of several, in their order, by two queries; at most some hundred. The version was read before.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn renewed_all(
        &self,
        version: i64,
        actors: &[Actor],
    ) -> Result<Vec<Result<Actor, NotProven>>, StoreError> {
        let credentials = || actors.iter().filter_map(Actor::grant).map(|grant| &grant.credential);
        let ids: Vec<_> = credentials().filter_map(Credential::key).collect();
        let keys = if ids.is_empty() { HashMap::new() } else { self.store.keys_by_id(&ids).await? };
        let of_keys = keys.values().map(|key| key.account_id);
        let ids: Vec<_> = credentials().filter_map(Credential::user).chain(of_keys).collect();
        let users = if ids.is_empty() { HashMap::new() } else { self.store.users_by_id(&ids).await? };
        let user = |id: i64| users.get(&id).cloned().ok_or(Invalid("there is no such user"));
        let renewed = |actor: &Actor| {
            let Some(grant) = actor.grant() else { return Ok(actor.clone()) };
            let renewed = match &grant.credential {
                Credential::Nothing => return Ok(Actor::guest(version)),
                Credential::ApiKey(id) => {
                    let key = keys.get(id).ok_or(Invalid("the key is deleted"))?;
                    self.of_key(key, user(key.account_id)?, version, self.clock.now())?
                }
                Credential::Token { user: id, issued_at, can } => {
                    let user = user(*id)?;
                    check_enabled(&user)?;
                    check_issued(&user, *issued_at)?;
                    let rights = narrowed_by_token(&user, *can);
                    let makes_rooms = self.makes_rooms(rights);
                    let grant = Grant { rights, makes_rooms, version, ..(**grant).clone() };
                    Actor::proven(user.username, Arc::new(grant))
                }
            };
            Ok(renewed.as_asked_by(actor))
        };
        Ok(actors.iter().map(renewed).collect())
    }

    /// The writer, for tests that take something away.
    #[cfg(test)]
    pub(crate) fn writer_for_tests(&self) -> &IdentityWriter {
        &self.writer
    }

    /// Keeps a name for the room of two users, unless they have one. Returns the one that they have.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn keep_direct_room(&self, one: i64, other: i64, name: &RoomName) -> Result<RoomName, StoreError> {
        self.writer.keep_direct_room(one, other, name).await.map_err(|error| match error {
            IdentityError::Store(error) => error,
            error => StoreError::Rejected(error.to_string()),
        })
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
        let verified = self.keys.verify(credential, now.micros() / MICROS).map_err(|error| match error {
            JwtError::Invalid(why) => Invalid(why),
            JwtError::Expired => NotProven::Expired,
        })?;
        let user = self.user_of(&verified).await?;
        check_enabled(&user)?;
        check_issued(&user, verified.issued_at)?;
        let rights = narrowed_by_token(&user, verified.can);
        let credential = Credential::Token { user: user.id, issued_at: verified.issued_at, can: verified.can };
        let leeway = i64::try_from(self.keys.leeway().as_secs()).unwrap_or(0);
        let expires_at = verified.expires_at.saturating_add(leeway).saturating_mul(MICROS);
        let expires_at = Some(Timestamp::from_micros(expires_at));
        let (kind, rooms, makes_rooms) = (user.kind, verified.rooms, self.makes_rooms(rights));
        let grant = Grant { credential, kind, rights, rooms, makes_rooms, expires_at, version };
        Ok(Actor::proven(user.username, Arc::new(grant)))
    }

    fn of_key(&self, key: &StoredKey, user: User, version: i64, now: Timestamp) -> Result<Actor, NotProven> {
        check_enabled(&user)?;
        if key.expires_at.is_some_and(|end| now >= end) {
            return Err(NotProven::Expired);
        }
        let rooms = match &key.rooms {
            None => RoomScope::all(),
            Some(json) => serde_json::from_str(json).map_err(|_| Invalid("its rooms can't be read"))?,
        };
        let (credential, rights) = (Credential::ApiKey(key.id), narrowed(&user, can(key)?));
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
            Some(_) => return Err(NotProven::NameTaken),
        };
        match made {
            Ok(user) => Ok(user),
            // By another request of the same user, it may be.
            Err(IdentityError::Taken) => {
                self.store.user_of_subject(&verified.subject).await?.ok_or(NotProven::NameTaken)
            }
            Err(IdentityError::Store(error)) => Err(error.into()),
            Err(IdentityError::Unknown) => Err(Invalid("its user is gone")),
        }
    }
}

/// The rights that a key is narrowed to, if it is.
fn can(key: &StoredKey) -> Result<Option<Rights>, NotProven> {
    let can = key.can.as_deref().map(|words| Rights::parse(words.split(',').filter(|word| !word.is_empty())));
    can.transpose().map_err(|_| Invalid("its rights can't be read"))
}

/// The rights that a user has, whatever the credential.
fn role(user: &User) -> Rights {
    let is_had = |right: &Right| user.is_admin || *right != Right::Admin;
    Right::ALL.into_iter().filter(is_had).collect()
}

fn narrowed(user: &User, can: Option<Rights>) -> Rights {
    can.map_or(role(user), |can| role(user).and(can))
}

/// The same by a token, which alone can make an admin of somebody: if a key signs it that may.
fn narrowed_by_token(user: &User, can: Option<Rights>) -> Rights {
    can.unwrap_or_else(|| role(user))
}

fn check_enabled(user: &User) -> Result<(), NotProven> {
    if user.disabled_at.is_some() { Err(Invalid("its user is disabled")) } else { Ok(()) }
}

/// Checks that a token is newer than the last time its user was signed out everywhere.
fn check_issued(user: &User, issued_at: Option<i64>) -> Result<(), NotProven> {
    let Some(signed_out_at) = user.signed_out_at else { return Ok(()) };
    let is_newer = issued_at.is_some_and(|at| at.saturating_mul(MICROS) >= signed_out_at.micros());
    if is_newer { Ok(()) } else { Err(Invalid("its user was signed out since it was made")) }
}

/// The version of everybody's rights, as the database has it. Whoever asks gets what a read says that began after
/// they asked; those who ask at the same time share one.
#[derive(Debug, Default)]
struct Versions {
    begun: AtomicU64,
    /// The read that was last finished, by its number.
    finished: Mutex<u64>,
    known: AtomicI64,
}

impl Versions {
    /// The version as it was last read.
    fn known(&self) -> i64 {
        self.known.load(Ordering::Relaxed)
    }

    async fn read(&self, store: &Store) -> Result<i64, StoreError> {
        let before = self.begun.load(Ordering::SeqCst);
        let mut finished = self.finished.lock().await;
        if *finished <= before {
            let number = self.begun.fetch_add(1, Ordering::SeqCst) + 1;
            self.known.store(store.auth_version().await?, Ordering::Relaxed);
            *finished = number;
        }
        Ok(self.known())
    }
}
