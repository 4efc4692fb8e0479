//! Denials: the reasons why somebody may not do something.

/// A problem in words: its status, its code on the wire, and what it says.
pub type Words = (u16, &'static str, &'static str);

/// The reasons why an actor may not do something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// The act needs a name.
    #[error("nobody may do this without a name")]
    Nameless,
    /// The act needs a credential.
    #[error("nobody may do this without a credential")]
    Guest,
    /// The credential is good no longer.
    #[error("the credential is good no longer")]
    Revoked,
    /// The credential's time is over.
    #[error("the credential has expired")]
    Expired,
    /// There is no such room, as far as the actor may know.
    #[error("there is no such room")]
    NoSuchRoom,
    /// The credential does not have the right.
    #[error("the credential does not allow this")]
    Forbidden,
    /// The act needs a session that a password has begun.
    #[error("only who has signed in with a password may do this")]
    NotSignedIn,
    /// The act needs a session that a password has begun, or an API key that nothing narrows.
    #[error("only who has signed in with a password, or has a whole API key, may do this")]
    NotWhole,
    /// It is for admins, or the credential of one does not have the right.
    #[error("only admins may do this")]
    NotAdmin,
    /// The user's role in the room is too low.
    #[error("the user's role does not allow this")]
    RoleTooLow,
    /// The user whom it would be done to is an admin.
    #[error("only admins may do this to an admin")]
    OfAdmin,
    /// The members of a room of two people stay the two.
    #[error("the members of the room are fixed")]
    FixedMembers,
    /// The request names somebody else as the one who acts.
    #[error("the credential is not of the user who is named")]
    AnotherUser,
    /// The user is banned from the room.
    #[error("the user is banned from the room")]
    Banned,
    /// The user is muted in the room.
    #[error("the user is muted in the room")]
    Muted,
    /// The message is somebody else's.
    #[error("only the author may do this")]
    NotTheAuthor,
    /// The message is too old to be edited.
    #[error("the time to edit it is over")]
    WindowOver,
}

impl Denied {
    /// The words that it is told in, by whichever transport.
    #[must_use]
    pub const fn words(self) -> Words {
        match self {
            Self::Nameless => (422, "invalid", "A username is required."),
            Self::Guest => (401, "unauthenticated", "This needs a credential."),
            Self::Revoked => (
                401,
                "invalid_token",
                "This credential is no longer valid: it was deleted or signed out, or its user is disabled.",
            ),
            Self::Expired => (401, "token_expired", "This credential has expired."),
            Self::NoSuchRoom => (404, "not_found", "There is no such room."),
            Self::Forbidden => (403, "forbidden", "This credential does not allow it."),
            Self::NotSignedIn => (403, "forbidden", "Sign in with your password to do this: no key and no token may."),
            Self::NotWhole => (
                403,
                "forbidden",
                "Sign in with your password to do this, or use an API key that nothing narrows: all rooms and rights, no end.",
            ),
            Self::NotAdmin => (403, "forbidden", "This is for admins, with a credential that has the right `admin`."),
            Self::RoleTooLow => (403, "forbidden", "Your role in this room does not allow it."),
            Self::OfAdmin => {
                (403, "forbidden", "This user is an admin: in this room only another admin may do this to them.")
            }
            Self::FixedMembers => (403, "forbidden", "The members of a direct room are its two people, always."),
            Self::AnotherUser => (403, "forbidden", "The username is another one than the credential's: leave it out."),
            Self::Banned => (403, "banned", "You are banned from this room."),
            Self::Muted => (403, "muted", "You are muted in this room."),
            Self::NotTheAuthor => (403, "not_the_author", "This message is somebody else's."),
            Self::WindowOver => (403, "edit_window_over", "This message is too old to be edited."),
        }
    }

    /// Returns true if the credential has ended, so that nothing at all may be done with it.
    #[must_use]
    pub const fn is_of_credential(self) -> bool {
        matches!(self, Self::Revoked | Self::Expired)
    }
}
