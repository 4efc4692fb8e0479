//! A room as a resource: what it is called and about, and the rules for that.

use serde::Serialize;
use utoipa::ToSchema;

use super::{
    EventId,
    access::{Access, Posting, Visibility},
    invalid::{Check, Invalid},
    membership::Role,
    name::RoomName,
    timestamp::Timestamp,
    version::{Version, word},
    visible::says_nothing,
};

/// The most characters a room's title may have.
pub const MAX_TITLE_CHARS: usize = 200;
/// The most characters a room's topic may have.
pub const MAX_TOPIC_CHARS: usize = 1_000;

/// The beginning of the names of rooms of two people.
pub const DIRECT_PREFIX: &str = "dm-";
/// The beginning of the names of rooms that are named by the server.
pub const RANDOM_PREFIX: &str = "r-";

/// A room as the database has it.
#[derive(Debug, Clone)]
pub struct Room {
    /// Its key in the database.
    pub id: i64,
    /// Its name.
    pub name: RoomName,
    /// Its title; empty unless set.
    pub title: String,
    /// The topic; empty unless set.
    pub topic: String,
    /// The time it was made.
    pub created_at: Timestamp,
    /// The id of its newest event; 0 before the first.
    pub head: EventId,
    /// The lowest cursor that can be resumed from.
    pub floor: EventId,
    /// The reason why the floor was raised.
    pub floor_reason: FloorReason,
    /// The settings of who may do what in it.
    pub access: Access,
    /// The number of its members.
    pub members: i64,
    /// The number of its owners.
    pub owners: i64,
    /// The version of its memberships, raised with each change of one. For whoever remembers them; it is shown to
    /// nobody.
    pub membership_version: i64,
}

impl Room {
    /// A room that is made now.
    #[must_use]
    pub fn new(id: i64, name: RoomName, now: Timestamp) -> Self {
        let (title, topic) = (String::new(), String::new());
        let (floor_reason, access) = (FloorReason::Pruned, Access::default());
        Self {
            id,
            name,
            title,
            topic,
            created_at: now,
            head: 0,
            floor: 0,
            floor_reason,
            access,
            members: 0,
            owners: 0,
            membership_version: 0,
        }
    }

    /// Returns true if it is the room of two people. Nobody can name a room so, and one that was named so while names
    /// were only claimed stays public.
    #[must_use]
    pub fn is_direct(&self) -> bool {
        self.access.visibility == Visibility::Private && self.name.as_str().starts_with(DIRECT_PREFIX)
    }

    /// A word for what is set of the room, as somebody sees it: in open mode without its access.
    #[must_use]
    pub fn described(&self, shows_access: bool) -> String {
        described(&self.title, &self.topic, shows_access.then_some(self.access))
    }
}

/// A word that is equal for equal settings of a room only.
fn described(title: &str, topic: &str, access: Option<Access>) -> String {
    match access {
        Some(access) => word(&(title, topic, access)),
        None => word(&(title, topic)),
    }
}

/// The reasons why a room's log no longer starts at its beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FloorReason {
    /// Old events were removed.
    Pruned,
    /// The database was restored from a backup.
    Restored,
}

/// A change of a room as a client asks for it: absent fields stay as they are.
#[derive(Debug, Clone, Default)]
pub struct RoomChange {
    /// The new title.
    pub title: Option<String>,
    /// The new topic.
    pub topic: Option<String>,
    /// Those who find it from now on.
    pub visibility: Option<Visibility>,
    /// Those who post from now on.
    pub posting: Option<Posting>,
    /// The pause between two posts of a user from now on, in seconds: at most
    /// [`MAX_SLOW_MODE`](super::access::MAX_SLOW_MODE).
    pub slow_mode: Option<u32>,
}

impl RoomChange {
    /// The change, if it keeps the rules.
    ///
    /// # Errors
    /// Every field that breaks a rule.
    pub fn check(mut self) -> Result<Self, Vec<Invalid>> {
        let mut check = Check::default();
        let title = check.take(limited("title", self.title.take(), MAX_TITLE_CHARS));
        let topic = check.take(limited("topic", self.topic.take(), MAX_TOPIC_CHARS));
        check.finish(title.zip(topic).map(|(title, topic)| Self { title, topic, ..self }))
    }
}

fn limited(field: &'static str, text: Option<String>, max: usize) -> Result<Option<String>, Invalid> {
    match &text {
        Some(text) if text.chars().count() > max => Err(Invalid::new(field, format!("has at most {max} characters"))),
        // PostgreSQL can't store a NUL, so none is taken on any database.
        Some(text) if text.contains('\0') => Err(Invalid::new(field, "has no NUL character")),
        Some(text) if !text.is_empty() && says_nothing(text) => {
            Err(Invalid::new(field, "has at least one character that shows, or is empty"))
        }
        _ => Ok(text),
    }
}

/// A room as an answer shows it.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Room)]
pub struct RoomView {
    /// Its name.
    pub name: RoomName,
    /// Its title; empty unless set.
    #[schema(example = "Everything else")]
    pub title: String,
    /// The topic; empty unless set.
    #[schema(example = "What has no room of its own")]
    pub topic: String,
    /// The time it was made.
    pub created_at: Timestamp,
    /// The cursor this state is true at: the id of its newest event, 0 before the first.
    #[schema(value_type = i64, example = 42, minimum = 0)]
    pub head: EventId,
    /// The number of users online.
    pub online: usize,
    /// The time of its newest message, even if that is deleted by now; null before the first.
    #[schema(required)]
    pub last_message_at: Option<Timestamp>,
    /// Those who find it and read it; absent in open mode, as are the fields below.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub visibility: Option<Visibility>,
    /// Those who post.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub posting: Option<Posting>,
    /// The pause between two posts of a user, in seconds; 0 for none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub slow_mode: Option<u32>,
    /// The number of its members.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub members: Option<i64>,
    /// The caller's role; null for somebody who is no member.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Role>)]
    pub role: Option<OwnRole>,
}

/// The role of whoever asks, if they have one.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(transparent)]
pub struct OwnRole(pub Option<Role>);

impl RoomView {
    /// The room's version as it is shown.
    #[must_use]
    pub fn version(&self) -> Version {
        let access = self.visibility.zip(self.posting).zip(self.slow_mode);
        let access = access.map(|((visibility, posting), slow_mode)| Access { visibility, posting, slow_mode });
        Version { content: described(&self.title, &self.topic, access), whole: word(self) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_is_seen_or_empty() {
        let title = |title: &str| RoomChange { title: Some(title.into()), ..RoomChange::default() }.check();
        assert!(title("").is_ok() && title("Plans \u{200d}").is_ok());
        for bad in [" ", "\u{200b}", "\u{3164}\n", "a\0"] {
            assert_eq!(title(bad).unwrap_err()[0].field, "title", "{}", bad.escape_unicode());
        }
    }
}
