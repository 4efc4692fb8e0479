//! API keys: what a request for one asks for, and what is shown of those that there are.

use std::time::Duration;

use serde::Serialize;
use utoipa::ToSchema;

use super::{
    invalid::{Check, Invalid},
    message::required,
    name::Username,
    rights::Rights,
    room_scope::RoomScope,
    timestamp::Timestamp,
};

/// The most characters that the name of a key may have.
pub const MAX_KEY_NAME_CHARS: usize = 100;
/// The longest life of a credential: ten years. What is to live longer is replaced, or has no end.
pub const LONGEST_LIFE: Duration = Duration::from_hours(10 * 366 * 24);

/// The name of a key: a line of its own in a list.
///
/// # Errors
/// [`Invalid`] with the rule, for the field `name`.
pub fn check_key_name(text: &str) -> Result<String, Invalid> {
    let fits = text.chars().count() <= MAX_KEY_NAME_CHARS && !text.chars().any(char::is_control);
    if fits {
        Ok(text.to_owned())
    } else {
        Err(Invalid::new("name", "has at most 100 characters, and no control characters"))
    }
}

/// A key to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyDraft {
    /// The name to know it by.
    pub name: String,
    /// The rooms that it is narrowed to, if it is.
    pub rooms: Option<RoomScope>,
    /// The rights that it is narrowed to, if it is.
    pub can: Option<Rights>,
    /// The time that it is good for; without an end, if absent.
    pub lifetime: Option<Duration>,
    /// The bot that it signs in; the actor, if absent.
    pub bot: Option<Username>,
}

/// A request for a key, as it came.
#[derive(Debug, Default)]
pub struct KeyRequest<'a> {
    /// The name to know it by.
    pub name: Option<&'a str>,
    /// The entries of a scope.
    pub rooms: Option<&'a [String]>,
    /// The words of rights.
    pub can: Option<&'a [String]>,
    /// The time that it is good for.
    pub lifetime: Option<Duration>,
    /// The name of a bot.
    pub bot: Option<&'a str>,
}

impl KeyRequest<'_> {
    /// The key that is asked for.
    ///
    /// # Errors
    /// Every field that breaks a rule.
    pub fn check(self) -> Result<KeyDraft, Vec<Invalid>> {
        let mut check = Check::default();
        let name = check.take(required("name", self.name).and_then(check_key_name));
        let rooms = self.rooms.map(|entries| RoomScope::parse(entries.iter().map(String::as_str)));
        let rooms = check.take(rooms.transpose());
        let can = check.take(self.can.map(|words| Rights::parse(words.iter().map(String::as_str))).transpose());
        let bot = self.bot.map(|name| Username::parse(name).map_err(|invalid| Invalid::new("bot", invalid.detail)));
        let bot = check.take(bot.transpose());
        let lifetime = self.lifetime;
        let draft = (|| Some(KeyDraft { name: name?, rooms: rooms?, can: can?, lifetime, bot: bot? }))();
        check.finish(draft)
    }
}

/// An API key, as it is shown: without the key itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ApiKey)]
pub struct KeyView {
    /// Its number.
    #[schema(example = 7, minimum = 1)]
    pub id: i64,
    /// The user that it signs in.
    pub username: Username,
    /// The name to know it by.
    #[schema(example = "deploy")]
    pub name: String,
    /// The rooms that it is narrowed to: names, and beginnings with a `*`; null for all.
    #[schema(required, value_type = Option<Vec<String>>, example = json!(["general", "team-*"]))]
    pub rooms: Option<RoomScope>,
    /// The rights that it is narrowed to; null for all that the user has.
    #[schema(required, value_type = Option<Vec<String>>, example = json!(["read", "post"]))]
    pub can: Option<Rights>,
    /// The time it was made.
    pub created_at: Timestamp,
    /// The time from which on it is refused; null if it does not end.
    #[schema(required)]
    pub expires_at: Option<Timestamp>,
    /// The time it was last used, to the minute; null if it never was.
    #[schema(required)]
    pub last_used_at: Option<Timestamp>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_that_breaks_a_rule_is_named() {
        let fields = |request: KeyRequest<'_>| {
            request.check().unwrap_err().into_iter().map(|invalid| invalid.field).collect::<Vec<_>>()
        };
        let (rooms, can) = (["a b".to_owned()], ["write".to_owned()]);
        let wrong =
            KeyRequest { name: Some("a\nb"), rooms: Some(&rooms), can: Some(&can), lifetime: None, bot: Some("") };
        assert_eq!(fields(wrong), ["name", "rooms", "can", "bot"]);
        assert_eq!(fields(KeyRequest::default()), ["name"]);
        let long = "x".repeat(MAX_KEY_NAME_CHARS + 1);
        assert_eq!(fields(KeyRequest { name: Some(&long), ..KeyRequest::default() }), ["name"]);
    }

    #[test]
    fn what_is_left_out_narrows_nothing_and_what_is_empty_everything() {
        let plain = KeyRequest { name: Some(""), ..KeyRequest::default() }.check().unwrap();
        let expected = KeyDraft { name: String::new(), rooms: None, can: None, lifetime: None, bot: None };
        assert_eq!(plain, expected);
        let none = KeyRequest { name: Some("ci"), rooms: Some(&[]), can: Some(&[]), ..KeyRequest::default() };
        let none = none.check().unwrap();
        assert_eq!((none.rooms, none.can), (RoomScope::parse([]).ok(), Some(Rights::NONE)));
    }
}
