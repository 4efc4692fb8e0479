//! Rights: the kinds of acts that a credential may be narrowed to.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use super::invalid::Invalid;

/// A kind of acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Right {
    /// Reading, one's own cursor, presence.
    Read,
    /// Posting, own edits and deletions, reactions, typing, joining, making rooms.
    Post,
    /// Members, bans, mutes, settings, others' messages.
    Moderate,
    /// Users, invitations, bots.
    Admin,
}

impl Right {
    /// Every right.
    pub const ALL: [Self; 4] = [Self::Read, Self::Post, Self::Moderate, Self::Admin];

    /// The word for it, as requests, claims and the command line have it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Post => "post",
            Self::Moderate => "moderate",
            Self::Admin => "admin",
        }
    }

    /// The right that a word stands for.
    ///
    /// # Errors
    /// [`Invalid`] with the words that there are, for the field `can`.
    pub fn parse(word: &str) -> Result<Self, Invalid> {
        let found = Self::ALL.into_iter().find(|right| right.word() == word);
        found.ok_or_else(|| Invalid::new("can", "a right is one of read, post, moderate, admin"))
    }

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// A set of rights.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Rights(u8);

impl Rights {
    /// No right.
    pub const NONE: Self = Self(0);
    /// Every right.
    pub const ALL: Self = Self(0b1111);

    /// The set that a list of words stands for; a word may stand there twice.
    ///
    /// # Errors
    /// [`Invalid`] for the field `can`, if a word is none.
    pub fn parse<'a>(words: impl IntoIterator<Item = &'a str>) -> Result<Self, Invalid> {
        words.into_iter().map(Right::parse).collect()
    }

    /// Returns true if it has the right.
    #[must_use]
    pub const fn contains(self, right: Right) -> bool {
        self.0 & right.bit() != 0
    }

    /// The rights that are in both: a credential's and its user's are in force together.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// The rights in it, in the order of [`Right::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Right> {
        Right::ALL.into_iter().filter(move |right| self.contains(*right))
    }

    /// Their words, in the same order.
    pub fn words(self) -> impl Iterator<Item = &'static str> {
        self.iter().map(Right::word)
    }
}

impl FromIterator<Right> for Rights {
    fn from_iter<I: IntoIterator<Item = Right>>(rights: I) -> Self {
        Self(rights.into_iter().fold(0, |bits, right| bits | right.bit()))
    }
}

impl fmt::Debug for Rights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.words()).finish()
    }
}

impl Serialize for Rights {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.words())
    }
}

impl<'de> Deserialize<'de> for Rights {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let words = Vec::<String>::deserialize(deserializer)?;
        Self::parse(words.iter().map(String::as_str)).map_err(|invalid| D::Error::custom(invalid.detail))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rights() -> impl Strategy<Value = Rights> {
        proptest::collection::vec(proptest::sample::select(&Right::ALL[..]), 0..6).prop_map(Rights::from_iter)
    }

    #[test]
    fn words_make_a_set_and_a_set_makes_words() {
        let set = Rights::parse(["post", "read", "post"]).unwrap();
        assert_eq!(set.words().collect::<Vec<_>>(), ["read", "post"]);
        assert_eq!(Rights::parse(Right::ALL.map(Right::word)).unwrap(), Rights::ALL);
        assert_eq!(Rights::parse([]).unwrap(), Rights::NONE);
        assert_eq!(format!("{set:?}"), "{\"read\", \"post\"}");
    }

    #[test]
    fn a_word_that_is_no_right_is_refused() {
        for word in ["", "Read", "read ", "write", "*", "all"] {
            assert_eq!(Rights::parse(["read", word]).unwrap_err().field, "can", "{word:?}");
        }
        for json in ["null", "\"read\"", "[1]", "[\"write\"]", "{}", "[[\"read\"]]"] {
            assert!(serde_json::from_str::<Rights>(json).is_err(), "{json}");
        }
    }

    proptest! {
        #[test]
        fn both_together_have_what_each_has(one in rights(), other in rights()) {
            for right in Right::ALL {
                prop_assert_eq!(one.and(other).contains(right), one.contains(right) && other.contains(right));
            }
            prop_assert_eq!(one.and(Rights::ALL), one);
        }

        #[test]
        fn a_set_comes_back_from_json(set in rights()) {
            let json = serde_json::to_string(&set).unwrap();
            prop_assert_eq!(serde_json::from_str::<Rights>(&json).unwrap(), set);
        }
    }
}
