//! The rules for the names of rooms and users.

use std::{borrow::Borrow, fmt, sync::Arc};

use serde::{Serialize, Serializer};
use unicase::UniCase;
use unicode_normalization::UnicodeNormalization;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, schema::Type},
};

use super::invalid::Invalid;

/// The most characters a room's or a user's name may have.
pub const MAX_NAME_CHARS: usize = 100;

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
        if fits {
            Ok(Self(text.into()))
        } else {
            Err(Invalid::new("room", "a room's name is 1 to 100 of A-Z a-z 0-9 _ -"))
        }
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

/// A user's name: 1 to 100 characters, trimmed, NFC, case kept, compared case-folded.
///
/// Control, bidirectional and zero-width characters are refused, since they let one name look like
/// another or turn the text around it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Username {
    shown: Arc<str>,
    key: UserKey,
}

/// What two names have in common that belong to the same user: the name case-folded.
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
        let shown: String = text.trim().nfc().collect();
        if shown.is_empty() {
            return invalid("a username has at least one character that is not a space");
        }
        if shown.chars().count() > MAX_NAME_CHARS {
            return invalid("a username has at most 100 characters");
        }
        if shown.chars().any(is_deceptive) {
            return invalid("a username has no control, bidirectional-override or zero-width characters");
        }
        Ok(Self::stored(&shown))
    }

    /// The name as it stands in the database, which only ever holds valid ones.
    pub(crate) fn stored(shown: &str) -> Self {
        let folded: String = UniCase::unicode(shown).to_folded_case().nfc().collect();
        Self { shown: shown.into(), key: UserKey(folded.into()) }
    }

    /// The name as its user writes it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.shown
    }

    /// What the name is compared by.
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
        // White space, as it is trimmed; and what `is_deceptive` refuses, as far as a pattern that
        // every dialect understands can say it: below U+10000. The pattern also counts, since a
        // `maxLength` would count white space that is trimmed.
        let space = r"\u0009-\u000d\u0020\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000";
        let deceptive = r"\u0000-\u001f\u007f-\u009f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb";
        let (inner, outer) = (format!("[^{deceptive}]"), format!("[^{space}{deceptive}]"));
        ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some(
                "The name of a user: 1 to 100 characters once trimmed and in NFC, with no control, \
                 bidirectional-override or zero-width character. Case is kept, and not compared.",
            ))
            .min_length(Some(1))
            .pattern(Some(format!("^[{space}]*{outer}({inner}{{0,98}}{outer})?[{space}]*$")))
            .examples(["Alice"])
            .into()
    }
}

impl ToSchema for Username {}

/// Characters that show nothing or turn the text around: Unicode's `Cc`, `Zl` and `Zp`, the
/// `Bidi_Control` ones (UAX #9) and the zero-width ones among `Default_Ignorable_Code_Point`.
fn is_deceptive(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
                | '\u{180b}'..='\u{180f}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e0fff}'
        )
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
    fn deceptive_names_are_refused() {
        for bad in ["", "  \t ", "a\0", "a\u{202e}b", "a\u{200b}b", "\u{feff}a b\u{2066}", "a\nb", "a\u{2028}x"] {
            // A zero-width character at the edge is not trimmed by `trim`, so it is refused too.
            assert!(Username::parse(bad).is_err(), "{bad:?}");
        }
        assert!(Username::parse(&"é".repeat(101)).is_err());
        assert!(Username::parse(&"e\u{301}".repeat(100)).is_ok(), "counted after composition");
    }

    proptest! {
        #[test]
        fn a_valid_name_stays_as_it_is(text in "\\PC{1,40}") {
            if let Ok(name) = Username::parse(&text) {
                let again = Username::parse(name.as_str()).unwrap();
                prop_assert_eq!(again.as_str(), name.as_str());
                prop_assert_eq!(again.key(), name.key());
            }
        }
    }
}
