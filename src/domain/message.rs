//! A message, and the rules for what may become one.

use serde::Serialize;
use utoipa::ToSchema;

use super::{
    EventId,
    content::ContentLimit,
    invalid::{Check, Invalid},
    name::{RoomName, Username},
    timestamp::Timestamp,
    version::{Version, word},
};

/// The most events that are about one message, the one that posted it among them. Without a bound whoever reacts and takes
/// it back by turns would make a message that is never read or deleted in a moment.
pub const MAX_EVENTS: u64 = 10_000;
/// The most characters an idempotency key may have.
pub const MAX_CLIENT_ID_CHARS: usize = 64;

/// A message as every answer and event shows it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Message {
    /// The id of the event that created it: 1, 2, 3 … within its room.
    #[schema(value_type = i64, example = 42, minimum = 1)]
    pub id: EventId,
    /// The room it was posted to.
    pub room: RoomName,
    /// The author.
    pub username: Username,
    /// The content, as sent; empty once it is deleted.
    #[schema(example = "Hello")]
    pub content: String,
    /// The time it was posted. For display: order is by `id`.
    pub timestamp: Timestamp,
    /// The time of the last edit.
    #[schema(required)]
    pub edited_at: Option<Timestamp>,
    /// The time of the deletion; a deleted message stays in its place as a tombstone.
    #[schema(required)]
    pub deleted_at: Option<Timestamp>,
    /// The message this one answers.
    #[schema(value_type = Option<i64>, required)]
    pub reply_to: Option<EventId>,
    /// The reactions, by emoji.
    pub reactions: Vec<Reaction>,
    /// The idempotency key it was posted with.
    #[schema(required, example = json!(null))]
    pub client_id: Option<String>,
}

#[cfg(test)]
impl Message {
    /// Alice's message in the room `general`, for tests that need no more of it.
    pub(crate) fn sample(id: EventId, content: &str) -> Self {
        Self {
            id,
            room: RoomName::stored("general"),
            username: Username::stored("Alice"),
            content: content.to_owned(),
            timestamp: Timestamp::from_micros(0),
            edited_at: None,
            deleted_at: None,
            reply_to: None,
            reactions: Vec::new(),
            client_id: None,
        }
    }
}

impl Message {
    /// The message's version as it is now.
    #[must_use]
    pub fn version(&self) -> Version {
        let content = word(&(&self.content, self.edited_at, self.deleted_at));
        // Nothing else of a message ever changes.
        let whole = word(&(&content, &self.reactions));
        Version { content, whole }
    }

    /// The number of bytes of text in it.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let names = |reaction: &Reaction| reaction.usernames.iter().map(|name| name.as_str().len()).sum::<usize>();
        self.content.len() + self.reactions.iter().map(|reaction| reaction.emoji.len() + names(reaction)).sum::<usize>()
    }

    /// The tombstone of the message: its place, its author and its time.
    #[must_use]
    pub fn tombstone(&self, deleted_at: Timestamp) -> Self {
        Self { content: String::new(), reactions: Vec::new(), deleted_at: Some(deleted_at), ..self.clone() }
    }
}

/// One emoji on a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Reaction {
    /// One grapheme cluster, or `:shortcode:`.
    #[schema(example = "👍")]
    pub emoji: String,
    /// The number of users who reacted with it.
    #[schema(minimum = 1)]
    pub count: u32,
    /// The first of them: at most ten, and at most 2 KB of names for all emoji of the message.
    #[schema(max_items = 10)]
    pub usernames: Vec<Username>,
}

/// The most users that are named for one emoji.
pub const MAX_SHOWN_NAMES: usize = 10;
/// The most bytes of the names that are shown for all emoji of a message: the message is sent with every event about
/// it.
const MAX_SHOWN_BYTES: usize = 2_000;

/// Leaves out the names that are too many to be shown. Those of an emoji that stay are the first of them.
pub fn bound_names(reactions: &mut [Reaction]) {
    let mut left = MAX_SHOWN_BYTES;
    for reaction in reactions {
        let fits = |name: &&Username| {
            let rest = left.checked_sub(name.as_str().len());
            left = rest.unwrap_or(left);
            rest.is_some()
        };
        let shown = reaction.usernames.iter().take(MAX_SHOWN_NAMES).take_while(fits).count();
        reaction.usernames.truncate(shown);
    }
}

/// A user who reacted to a message with an emoji.
#[derive(Debug, Clone)]
pub struct Reactor {
    /// The user.
    pub username: Username,
    /// The time of the reaction.
    pub timestamp: Timestamp,
    /// The event that added the reaction.
    pub event: EventId,
}

/// A range of a room's messages, by their ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Range {
    /// The newest.
    Newest,
    /// The newest of those before an id.
    Before(EventId),
    /// The oldest of those after an id.
    After(EventId),
}

/// A post as a client sent it: nothing is checked yet.
#[derive(Debug, Default, Clone)]
pub struct Post {
    /// The content.
    pub content: Option<String>,
    /// The message it answers.
    pub reply_to: Option<EventId>,
    /// The idempotency key.
    pub client_id: Option<String>,
}

/// A post whose every field keeps the rules; whether `reply_to` exists only the journal can tell.
#[derive(Debug, Clone)]
pub struct Draft {
    /// The content.
    pub content: String,
    /// The message it answers.
    pub reply_to: Option<EventId>,
    /// The idempotency key.
    pub client_id: Option<String>,
}

impl Post {
    /// The draft this post makes.
    ///
    /// # Errors
    /// Every field that breaks a rule.
    pub fn check(self, limit: ContentLimit) -> Result<Draft, Vec<Invalid>> {
        let mut check = Check::default();
        let content = check.take(required("content", self.content).and_then(|content| limit.check(content)));
        let reply_to = check.take(self.reply_to.map(parse_reply_to).transpose());
        let client_id = check.take(self.client_id.map(parse_client_id).transpose());
        let draft = (|| Some(Draft { content: content?, reply_to: reply_to?, client_id: client_id? }))();
        check.finish(draft)
    }
}

/// Another content for a message, which keeps the rules.
#[derive(Debug, Clone)]
pub struct Edit {
    /// The message.
    pub id: EventId,
    /// The new content.
    pub content: String,
}

impl Edit {
    /// The edit of a message to this content, as it came.
    ///
    /// # Errors
    /// [`Invalid`] when the content is missing or breaks a rule.
    pub fn check(id: EventId, content: Option<String>, limit: ContentLimit) -> Result<Self, Invalid> {
        Ok(Self { id, content: required("content", content).and_then(|content| limit.check(content))? })
    }
}

/// An earlier content of an edited message.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Revision {
    /// The content.
    #[schema(example = "Helo")]
    pub content: String,
    /// Since when it said it.
    pub timestamp: Timestamp,
}

/// The field's value, if it was given.
///
/// # Errors
/// [`Invalid`] when it is missing.
pub fn required<T>(field: &'static str, value: Option<T>) -> Result<T, Invalid> {
    value.ok_or_else(|| Invalid::new(field, "is required"))
}

fn parse_reply_to(id: EventId) -> Result<EventId, Invalid> {
    if id >= 1 { Ok(id) } else { Err(no_such_target()) }
}

/// The refusal of a change of a message that has gathered as many events as it may.
#[must_use]
pub fn too_many_events() -> Invalid {
    Invalid::new(
        "id",
        format!("is a message with {MAX_EVENTS} events, as many as there may be: it can still be deleted"),
    )
}

/// The answer to a reply to something that is no message of the room.
#[must_use]
pub fn no_such_target() -> Invalid {
    Invalid::new("reply_to", "is not a message of this room")
}

/// The idempotency key, if the text is one.
///
/// # Errors
/// [`Invalid`] unless it is 1 to 64 printable ASCII characters.
pub fn parse_client_id(text: String) -> Result<String, Invalid> {
    let fits = (1..=MAX_CLIENT_ID_CHARS).contains(&text.len()) && text.bytes().all(|b| (b' '..=b'~').contains(&b));
    if fits { Ok(text) } else { Err(Invalid::new("client_id", "is 1 to 64 printable ASCII characters")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_wrong_field_is_named() {
        let post = Post { reply_to: Some(0), client_id: Some("é".into()), ..Post::default() };
        let fields: Vec<_> =
            post.check(ContentLimit::default()).unwrap_err().iter().map(|invalid| invalid.field).collect();
        assert_eq!(fields, ["content", "reply_to", "client_id"]);
    }

    #[test]
    fn the_names_of_a_messages_reactions_are_bounded_together_and_the_first_of_each_emoji() {
        let name = |number: usize, length: usize| Username::parse(&format!("{number:0>length$}")).unwrap();
        let reaction = |emoji: usize, names: usize, length| Reaction {
            emoji: format!(":{emoji}:"),
            count: u32::try_from(names).unwrap(),
            usernames: (0..names).map(|number| name(emoji * 100 + number, length)).collect(),
        };
        let mut few = [reaction(0, 10, 4), reaction(1, 3, 4)];
        bound_names(&mut few);
        assert_eq!(few, [reaction(0, 10, 4), reaction(1, 3, 4)], "all fit");
        let mut many: Vec<_> = (0..50).map(|emoji| reaction(emoji, 12, 100)).chain([reaction(50, 12, 3)]).collect();
        bound_names(&mut many);
        let shown: Vec<_> = many.iter().map(|reaction| reaction.usernames.len()).collect();
        assert_eq!((&shown[..3], shown[50]), (&[10, 10, 0][..], 0));
        assert!(many.iter().all(|reaction| reaction.count == 12), "counts are right all the same");
        for (emoji, shown) in many.iter().enumerate() {
            assert_eq!(shown.usernames, reaction(emoji, 12, 100).usernames[..shown.usernames.len()]);
        }
    }
}
