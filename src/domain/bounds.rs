//! Bounds of what is made ahead of its use: without any, one user, or a script gone wrong, fills the database.

/// The most API keys of a user that are good at a time. One for each program is the way to use them, so that some dozens
/// are many, and a list of a hundred can still be read.
pub const MOST_KEYS: u64 = 100;
/// The most invitations of a server that are good at a time: as many as a large school or company sends out at once.
pub const MOST_INVITATIONS: u64 = 1_000;
/// The most tickets of a user that are good at a time. A page takes its ticket as soon as it has it, and a ticket lasts
/// half a minute: so many are waiting for no page any more.
pub const MOST_TICKETS: u64 = 1_000;

/// The most sessions of a user. One more ends the one that was not used for the longest: a browser that forgets its
/// cookie, or a program that signs in each time, leaves them behind.
pub const MOST_SESSIONS: u64 = 100;

/// The things of which there are as many as there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TooMany {
    /// API keys of a user.
    #[error("A user has at most {MOST_KEYS} API keys: delete one that nobody needs first.")]
    Keys,
    /// Invitations.
    #[error(
        "At most {MOST_INVITATIONS} invitations are good at a time: withdraw one first, or wait until some are used."
    )]
    Invitations,
    /// Tickets of a user.
    #[error("At most {MOST_TICKETS} tickets of a user are good at a time: use those that were made, or wait.")]
    Tickets,
}
