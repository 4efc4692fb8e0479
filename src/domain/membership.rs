//! Memberships: the role that a user has in a room, mutes and bans.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{invalid::Invalid, name::Username, timestamp::Timestamp};

/// The most characters that the reason of a ban has.
pub const MAX_REASON_CHARS: usize = 500;

/// The roles in a room, each with all that those before it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Reads, and changes nothing but its own read cursor.
    Reader,
    /// Posts, reacts, and changes what is its own.
    Member,
    /// Keeps order: members, mutes, bans, the room's settings, others' messages.
    Moderator,
    /// Appoints moderators and other owners.
    Owner,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 4] = [Self::Reader, Self::Member, Self::Moderator, Self::Owner];

    /// The word for it, on the wire and in the database.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Reader => "reader",
            Self::Member => "member",
            Self::Moderator => "moderator",
            Self::Owner => "owner",
        }
    }

    /// The role that a word stands for.
    ///
    /// # Errors
    /// [`Invalid`] with the words that there are, for the field `role`.
    pub fn parse(word: &str) -> Result<Self, Invalid> {
        let found = Self::ALL.into_iter().find(|role| role.word() == word);
        found.ok_or_else(|| Invalid::new("role", "has to be one of reader, member, moderator, owner"))
    }
}

/// All that a room knows of a user. Without a role, a mute or a ban there is nothing to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    /// The user.
    pub username: Username,
    /// The role; absent for somebody who is no member.
    pub role: Option<Role>,
    /// The time that the role was first given.
    pub since: Timestamp,
    /// The time until when the user is muted.
    pub muted_until: Option<Timestamp>,
    /// The ban; one that is over stays until the membership is changed.
    pub ban: Option<Ban>,
}

/// A ban from a room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ban {
    /// The user who banned.
    pub by: Username,
    /// The reason, if one was given.
    pub reason: Option<String>,
    /// The time of it.
    pub since: Timestamp,
    /// The time it ends; for ever, if absent.
    pub until: Option<Timestamp>,
}

impl Membership {
    /// Nothing is known of the user.
    #[must_use]
    pub fn none(username: Username, now: Timestamp) -> Self {
        Self { username, role: None, since: now, muted_until: None, ban: None }
    }

    /// The same without a ban and a mute that are over.
    #[must_use]
    pub fn without_ended(self, now: Timestamp) -> Self {
        let (is_banned, is_muted) = (self.is_banned(now), self.is_muted(now));
        Self { ban: self.ban.filter(|_| is_banned), muted_until: self.muted_until.filter(|_| is_muted), ..self }
    }

    /// Returns true if nothing is known.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.role.is_none() && self.muted_until.is_none() && self.ban.is_none()
    }

    /// Returns true if the user is banned at this time.
    #[must_use]
    pub fn is_banned(&self, now: Timestamp) -> bool {
        self.ban.as_ref().is_some_and(|ban| ban.until.is_none_or(|until| now < until))
    }

    /// Returns true if the user is muted at this time.
    #[must_use]
    pub fn is_muted(&self, now: Timestamp) -> bool {
        self.muted_until.is_some_and(|until| now < until)
    }
}

/// The reasons why a member left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LeaveReason {
    /// By itself.
    Left,
    /// Somebody else took the membership away.
    Removed,
    /// The user is banned.
    Banned,
}

/// A member of a room, as an answer shows it.
#[derive(Debug, Serialize, ToSchema)]
pub struct Member {
    /// The user.
    pub username: Username,
    /// The role; null for somebody who is no member.
    #[schema(required)]
    pub role: Option<Role>,
    /// The time since when.
    pub since: Timestamp,
    /// The time until when the user is muted; null if not.
    #[schema(required)]
    pub muted_until: Option<Timestamp>,
}

/// A ban from a room, as an answer shows it.
#[derive(Debug, Serialize, ToSchema)]
pub struct BanView {
    /// The user.
    pub username: Username,
    /// The user who banned.
    pub by: Username,
    /// The reason, if one was given.
    #[schema(required)]
    pub reason: Option<String>,
    /// The time of it.
    pub since: Timestamp,
    /// The time it ends; null for ever.
    #[schema(required)]
    pub until: Option<Timestamp>,
}

impl From<Membership> for Member {
    fn from(Membership { username, role, since, muted_until, .. }: Membership) -> Self {
        Self { username, role, since, muted_until }
    }
}

impl BanView {
    /// The ban of somebody, if there is one.
    #[must_use]
    pub fn of(Membership { username, ban, .. }: Membership) -> Option<Self> {
        ban.map(|ban| Self { username, by: ban.by, reason: ban.reason, since: ban.since, until: ban.until })
    }
}
