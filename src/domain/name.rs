//! The rules for the names of rooms and users.

use std::{borrow::Borrow, fmt, sync::Arc};

use serde::{Serialize, Serializer};
use unicase::UniCase;
use unicode_normalization::UnicodeNormalization;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, schema::Type},
};

use super::{
    invalid::Invalid,
    visible::{Role, is_plain, roles, says_nothing, without},
};

/// The most characters a room's or a user's name may have.
pub const MAX_NAME_CHARS: usize = 100;

/// The rule for the names of rooms, in words.
pub const NAME_RULE: &str = "1 to 100 of A-Z a-z 0-9 _ -";

/// The name of a room: 1 to 100 of `A-Z a-z 0-9 _ -`; case matters.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RoomName(Arc<str>);

impl RoomName {
    /// The room's name, if the text is one.
    ///
    /// # Errors
    /// [`Invalid`] with the rule, for the field `room`.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let fits = (1..=MAX_NAME_CHARS).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
        if fits { Ok(Self(text.into())) } else { Err(Invalid::new("room", format!("a room's name is {NAME_RULE}"))) }
    }

    /// The name as it stands in the database, which only ever holds valid ones.
    pub(crate) fn stored(text: &str) -> Self {
        Self(text.into())
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RoomName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Borrow<str> for RoomName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl Serialize for RoomName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

/// A user's name: 1 to 100 characters, NFC, case kept, compared by its [`UserKey`].
///
/// Spaces are written as RFC 8266, 2.1 has it: each stretch of them as one plain space, none at the ends.
/// Characters that can't be seen are refused, since they let one name look like another or turn the text
/// around it; joiners and selectors are taken where a script or an emoji needs them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Username {
    shown: Arc<str>,
    key: UserKey,
}

/// The key by which two names belong to the same user: the name case-folded, without what selects among forms of a
/// character and what joins emoji, which some fonts don't show.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UserKey(Arc<str>);

impl UserKey {
    /// The key as text, as it stands in the database.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Username {
    /// The user's name, if the text is one.
    ///
    /// # Errors
    /// [`Invalid`] with the broken rule, for the field `username`.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let invalid = |detail| Err(Invalid::new("username", detail));
        // A longer text than this is over the limit however it is composed: refused before it is
        // normalised, so that a 64 KiB name costs nothing.
        if text.len() > 16 * MAX_NAME_CHARS {
            return invalid("a username has at most 100 characters");
        }
        let shown: String = spaced(text.trim()).nfc().collect();
        if says_nothing(&shown) {
            return invalid("a username has at least one character that shows");
        }
        if shown.chars().count() > MAX_NAME_CHARS {
            return invalid("a username has at most 100 characters");
        }
        let is_taken = |(c, role): &(char, Role)| match role {
            Role::Itself => is_plain(*c),
            Role::Nothing => false,
            Role::Shapes | Role::JoinsEmoji | Role::Varies => true,
        };
        if !roles(&shown).iter().all(is_taken) {
            return invalid("a username has no invisible, control, private-use or unassigned characters");
        }
        Ok(Self::stored(&shown))
    }

    /// The name as it stands in the database, which only ever holds valid ones.
    pub(crate) fn stored(shown: &str) -> Self {
        let compared = without(shown, &[Role::Varies, Role::JoinsEmoji]);
        let folded: String = UniCase::unicode(compared).to_folded_case().nfc().collect();
        Self { shown: shown.into(), key: UserKey(folded.into()) }
    }

    /// The name as its user writes it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.shown
    }

    /// Returns true for `.` and `..`, which a path can't have, however they are written: they are steps in it
    /// (<https://url.spec.whatwg.org/#double-dot-path-segment>).
    #[must_use]
    pub fn is_a_step(&self) -> bool {
        matches!(self.as_str(), "." | "..")
    }

    /// The key that the name is compared by.
    #[must_use]
    pub fn key(&self) -> &UserKey {
        &self.key
    }
}

impl Serialize for Username {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.shown)
    }
}

impl PartialSchema for RoomName {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some("The name of a room: 1 to 100 of `A-Z a-z 0-9 _ -`; case matters."))
            .min_length(Some(1))
            .max_length(Some(MAX_NAME_CHARS))
            .pattern(Some("^[A-Za-z0-9_-]{1,100}$"))
            .examples(["general"])
            .into()
    }
}

impl ToSchema for RoomName {}

impl PartialSchema for Username {
    fn schema() -> RefOr<Schema> {
        // No pattern: it binds requests. Whoever reads an answer takes what it has.
        ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some("The name of a user, as they write it."))
            .examples(["Alice"])
            .into()
    }
}

impl ToSchema for Username {}

/// The text with each stretch of spaces as one plain space. Tabs and line ends are no spaces in a name.
fn spaced(text: &str) -> String {
    let is_space = |c: char| c.is_whitespace() && !c.is_control() && !matches!(c, '\u{2028}' | '\u{2029}');
    let mut spaced = String::with_capacity(text.len());
    for c in text.chars() {
        if !is_space(c) {
            spaced.push(c);
        } else if !spaced.ends_with(' ') {
            spaced.push(' ');
        }
    }
    spaced
}

#[cfg(test)]
mod tests {
    use super::{RoomName, Username};
    use proptest::prelude::*;

    #[test]
    fn rooms_have_plain_names() {
        for good in ["general", "A", "a_b-C9", &"x".repeat(100)] {
            assert_eq!(RoomName::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", "a b", "é", "a/b", "a.b", "a\n", &"x".repeat(101)] {
            assert_eq!(RoomName::parse(bad).unwrap_err().field, "room", "{bad:?}");
        }
    }

    #[test]
    fn users_are_compared_by_their_folded_name() {
        let one = Username::parse("  Stra\u{df}e \u{c9}").unwrap();
        let two = Username::parse("STRASSE e\u{301}").unwrap();
        assert_eq!(one.key(), two.key());
        assert_eq!(one.as_str(), "Straße É");
        assert_eq!(two.as_str(), "STRASSE é");
    }

    #[test]
    fn names_that_look_the_same_are_one() {
        for (one, other) in [
            ("Ann❤\u{fe0f}", "ann❤"),
            ("Ann 1\u{fe0f}\u{20e3}", "Ann 1\u{20e3}"),
            ("葛\u{e0100}城", "葛城"),
            ("👩\u{200d}💻", "👩💻"),
            ("Ann\u{a0}Lee", "Ann Lee"),
            ("Ann \u{2003} Lee\u{3000}", "ann lee"),
        ] {
            assert_eq!(Username::parse(one).unwrap().key(), Username::parse(other).unwrap().key(), "{one}");
        }
        assert_eq!(Username::parse("❤\u{fe0f}").unwrap().as_str(), "❤\u{fe0f}", "shown as written");
        assert_eq!(Username::parse("Ann\u{a0} Lee").unwrap().as_str(), "Ann Lee");
    }

    #[test]
    fn names_have_the_joiners_they_need() {
        for good in ["👩\u{200d}💻", "🏳\u{fe0f}\u{200d}🌈", "می\u{200c}خواهم", "क्\u{200d}ष", "علی\u{200c}رضا"]
        {
            assert_eq!(Username::parse(good).unwrap().as_str(), good);
        }
        // Two words with the joiner are seen to differ from the same without it.
        assert_ne!(Username::parse("می\u{200c}خواهم").unwrap(), Username::parse("میخواهم").unwrap());
    }

    #[test]
    fn deceptive_names_are_refused() {
        for bad in [
            "",
            "  \t ",
            "a\0",
            "a\u{202e}b",
            "a\u{200b}b",
            "\u{feff}a b\u{2066}",
            "a\nb",
            "a\tb",
            "a\u{2028}x",
            "a\u{200d}b",
            "a\u{200c}",
            "a\u{ad}b",
            "a\u{fe0f}",
            "a\u{3164}",
            "\u{2800}",
            "a\u{2800}",
            "a\u{e0067}\u{e007f}",
            "a\u{fffa}",
            "a\u{e000}",
            "a\u{f0000}",
            "a\u{378}",
            "a\u{ffff}",
        ] {
            // A zero-width character at the edge is not trimmed by `trim`, so it is refused too.
            assert!(Username::parse(bad).is_err(), "{}", bad.escape_unicode());
        }
        assert!(Username::parse(&"é".repeat(101)).is_err());
        assert!(Username::parse(&"e\u{301}".repeat(100)).is_ok(), "counted after composition");
    }

    proptest! {
        #[test]
        fn a_valid_name_stays_as_it_is(text in "(\\PC|[\u{a0}\u{200c}\u{200d}\u{fe0f}👩💻❤می]){1,40}") {
            if let Ok(name) = Username::parse(&text) {
                let again = Username::parse(name.as_str()).unwrap();
                prop_assert_eq!(again.as_str(), name.as_str());
                prop_assert_eq!(again.key(), name.key());
            }
        }
    }
}
