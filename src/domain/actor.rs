//! Actors: whoever asks for something, and what vouches for them.

use std::sync::Arc;

use super::{
    denied::Denied,
    meter::Meter,
    name::{RoomName, Username},
    rights::{Right, Rights},
    room_scope::RoomScope,
    timestamp::Timestamp,
    user::UserKind,
};

/// The actor: the user of a request, as far as the server knows.
#[derive(Debug, Clone, Default)]
pub struct Actor {
    user: Option<Username>,
    /// The grant by which somebody is a user, or a guest; absent in open mode, where names are only claimed.
    grant: Option<Arc<Grant>>,
    /// True if the request names somebody else as the one who acts.
    names_another: bool,
    /// The meter of the request or the connection; absent for what this program does by itself.
    meter: Option<Arc<Meter>>,
}

/// The rights of a credential and its user together, and the version at which they were looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// The credential.
    pub credential: Credential,
    /// The kind of the user; of guests it counts for nothing.
    pub kind: UserKind,
    /// The rights that both the credential and the user have.
    pub rights: Rights,
    /// The rooms that the credential is narrowed to.
    pub rooms: RoomScope,
    /// True if the user may make rooms, as far as the server's setting goes.
    pub makes_rooms: bool,
    /// The time from which on the credential is refused, if it ends.
    pub expires_at: Option<Timestamp>,
    /// The version of everybody's rights at which this was so.
    pub version: i64,
}

/// The mark of a key that signs tokens: the first 8 bytes of a hash of it.
pub type KeyMark = u64;

/// A credential, as the server knows it: never the secret itself.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Credential {
    /// None: a guest.
    Nothing,
    /// An API key, by its key in the database.
    ApiKey(i64),
    /// A browser that is signed in.
    Session {
        /// Its key in the database.
        id: i64,
        /// True if the user has signed in with a password, and not with a token.
        by_password: bool,
    },
    /// A token of another system.
    Token {
        /// The user's key in the database.
        user: i64,
        /// The time it was made at, in seconds since 1970, if it says so.
        issued_at: Option<i64>,
        /// The rights that it is narrowed to, if it is.
        can: Option<Rights>,
        /// The key that has signed it.
        signed_by: KeyMark,
    },
}

impl Credential {
    /// The API key that it is, by its key in the database.
    #[must_use]
    pub fn key(&self) -> Option<i64> {
        if let Self::ApiKey(id) = self { Some(*id) } else { None }
    }

    /// The session that it is, by its key in the database.
    #[must_use]
    pub fn session(&self) -> Option<i64> {
        if let Self::Session { id, .. } = self { Some(*id) } else { None }
    }

    /// The user whose it is, by the key in the database, if it says that by itself.
    #[must_use]
    pub fn user(&self) -> Option<i64> {
        if let Self::Token { user, .. } = self { Some(*user) } else { None }
    }
}

impl Grant {
    /// Returns true if it is narrowed by nothing: it has every right, for all rooms, without an end.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.rights == Rights::ALL && self.rooms.is_all() && self.expires_at.is_none()
    }
}

impl Actor {
    /// Somebody who goes by a name, which nothing vouches for.
    #[must_use]
    pub fn named(user: Username) -> Self {
        Self { user: Some(user), ..Self::default() }
    }

    /// Somebody who gave no name.
    #[must_use]
    pub fn nameless() -> Self {
        Self::default()
    }

    /// A user whom a credential vouches for.
    #[must_use]
    pub fn proven(user: Username, grant: Arc<Grant>) -> Self {
        Self { user: Some(user), grant: Some(grant), ..Self::default() }
    }

    /// Somebody without a credential, where credentials are required.
    #[must_use]
    pub fn guest(version: i64) -> Self {
        let rights = [Right::Read].into_iter().collect();
        let (credential, kind, rooms) = (Credential::Nothing, UserKind::Person, RoomScope::all());
        let grant = Grant { credential, kind, rights, rooms, makes_rooms: false, expires_at: None, version };
        Self { grant: Some(Arc::new(grant)), ..Self::default() }
    }

    /// The same, where a request says in whose name it comes. Only in open mode does that say who acts: elsewhere it
    /// has to be the user's own name.
    #[must_use]
    pub fn naming(mut self, named: Option<Username>) -> Self {
        let Some(named) = named else { return self };
        if self.grant.is_none() {
            return Self { user: Some(named), ..self };
        }
        self.names_another = self.user.as_ref().is_none_or(|user| user.key() != named.key());
        self
    }

    /// The same in the name that another request of the same actor gave.
    #[must_use]
    pub fn as_asked_by(mut self, before: &Self) -> Self {
        self.names_another = before.names_another;
        self.metered_like(before)
    }

    /// The same, counted by this meter.
    #[must_use]
    pub fn metered(mut self, meter: Arc<Meter>) -> Self {
        self.meter = Some(meter);
        self
    }

    /// The same, counted by the meter of another actor.
    #[must_use]
    pub fn metered_like(mut self, other: &Self) -> Self {
        self.meter.clone_from(&other.meter);
        self
    }

    /// The meter of what is asked, if somebody outside asks.
    #[must_use]
    pub fn meter(&self) -> Option<&Meter> {
        self.meter.as_deref()
    }

    /// The user, if there is a name.
    #[must_use]
    pub fn user(&self) -> Option<&Username> {
        self.user.as_ref()
    }

    /// The user, for what nobody does without a name.
    ///
    /// # Errors
    /// [`Denied::Nameless`] without a name.
    pub fn name(&self) -> Result<&Username, Denied> {
        self.user.as_ref().ok_or(Denied::Nameless)
    }

    /// The grant by which the actor acts; absent in open mode.
    #[must_use]
    pub fn grant(&self) -> Option<&Arc<Grant>> {
        self.grant.as_ref()
    }

    /// Returns true if the request names somebody else as the one who acts.
    #[must_use]
    pub fn names_another(&self) -> bool {
        self.names_another
    }

    /// Returns true for somebody without a credential, where credentials are required.
    #[must_use]
    pub fn is_guest(&self) -> bool {
        self.grant.is_some() && self.user.is_none()
    }

    /// Returns true if the actor's credential reaches this room.
    #[must_use]
    pub fn reaches(&self, room: &RoomName) -> bool {
        self.grant.as_ref().is_none_or(|grant| grant.rooms.covers(room))
    }
}
