//! Users: who there is, and what vouches for them.

use serde::Serialize;
use utoipa::ToSchema;

use super::{name::Username, timestamp::Timestamp};

/// A user. Its name is never given to anybody else, also once it is deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Its key in the database.
    pub id: i64,
    /// Its name.
    pub username: Username,
    /// Person or program.
    pub kind: UserKind,
    /// The source of its identity.
    pub origin: Origin,
    /// Its `sub` in the tokens of another system.
    pub subject: Option<String>,
    /// True if it may do what admins may.
    pub is_admin: bool,
    /// The time it was made.
    pub created_at: Timestamp,
    /// The time since when it may do nothing.
    pub disabled_at: Option<Timestamp>,
    /// Tokens that were issued before this are refused.
    pub signed_out_at: Option<Timestamp>,
}

/// A user, as an answer shows it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = User)]
pub struct UserView {
    /// The name.
    pub username: Username,
    /// The kind: `person` or `bot`.
    #[schema(example = "person")]
    pub kind: &'static str,
    /// True if everything of theirs is refused; told to admins only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub disabled: Option<bool>,
}

impl UserView {
    /// The user, as somebody is shown it who may be an admin.
    #[must_use]
    pub fn of(user: User, is_for_admins: bool) -> Self {
        let disabled = is_for_admins.then_some(user.disabled_at.is_some());
        Self { username: user.username, kind: user.kind.word(), disabled }
    }
}

/// A change of a user by an admin; absent fields stay as they are.
#[derive(Debug, Clone, Copy, Default)]
pub struct UserChange {
    /// True to refuse everything of theirs from now on, false to end that.
    pub disabled: Option<bool>,
    /// True to end the sessions, and to refuse the tokens that were issued before now.
    pub sign_out: bool,
}

/// The kinds of users.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserKind {
    /// A person.
    Person,
    /// A program.
    Bot,
}

/// The sources of a user's identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// An account of this server.
    Local,
    /// The tokens of another system.
    Jwt,
    /// An API key alone.
    Bot,
    /// Nothing: the name was used while names were only claimed. Nobody can sign in with it until it is handed over.
    Claimed,
    /// Nothing any more: the account was deleted, and its name is never given to anybody else.
    Deleted,
}

macro_rules! words {
    ($kind:ident: $($variant:ident = $word:literal),+) => {
        impl $kind {
            /// Every one.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The word for it, on the wire and in the database.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            /// The one that a word stands for.
            #[must_use]
            pub fn parse(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|one| one.word() == word)
            }
        }
    };
}

words!(UserKind: Person = "person", Bot = "bot");
words!(Origin: Local = "local", Jwt = "jwt", Bot = "bot", Claimed = "claimed", Deleted = "deleted");
