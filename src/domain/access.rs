//! Access to a room: who finds it and who posts there.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::invalid::Invalid;

/// The longest pause between two posts of a user that a room may ask for, in seconds: an hour. A room in which people
/// may speak less often than that is one in which only moderators post.
pub const MAX_SLOW_MODE: u32 = 3_600;

/// The settings of who may do what in a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct Access {
    /// Those who find the room and read it.
    pub visibility: Visibility,
    /// Those who post.
    pub posting: Posting,
    /// The pause between two posts of a user who is no moderator, in seconds; 0 for none.
    #[schema(minimum = 0, maximum = 3_600)]
    pub slow_mode: u32,
}

/// Those who find a room and read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Visibility {
    /// Every user.
    #[default]
    Public,
    /// Its members only: to others it is not there.
    Private,
}

/// Those who post in a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Posting {
    /// Whoever may post at all.
    #[default]
    Everyone,
    /// Moderators and owners.
    Moderators,
}

macro_rules! words {
    ($kind:ident, $field:literal: $($variant:ident = $word:literal),+) => {
        impl $kind {
            /// The word for it, on the wire and in the database.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            /// The one that a word of a request stands for.
            ///
            /// # Errors
            /// [`Invalid`] with the words that there are.
            pub fn parse(word: &str) -> Result<Self, Invalid> {
                Self::stored(word).ok_or_else(|| Invalid::new($field, format!("has to be {}", [$($word),+].join(" or "))))
            }

            /// The one that a word of the database stands for.
            #[must_use]
            pub fn stored(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)+ _ => None }
            }
        }
    };
}

words!(Visibility, "visibility": Public = "public", Private = "private");
words!(Posting, "posting": Everyone = "everyone", Moderators = "moderators");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_that_there_is_not_is_told_those_that_there_are() {
        assert_eq!(Posting::parse("all").unwrap_err().detail, "has to be everyone or moderators");
        assert_eq!(Visibility::parse("").unwrap_err().detail, "has to be public or private");
    }
}
