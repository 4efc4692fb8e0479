//! A reader's position in a room, and its filter.

use crate::domain::{
    EventId,
    event::TypeSet,
    name::{UserKey, Username},
};

/// The position of one reader.
#[derive(Debug, Clone)]
pub struct Position {
    /// Everything up to here was taken or filtered out.
    pub cursor: EventId,
    /// The last id that is its to take.
    pub last: EventId,
    /// The last id the reader was told.
    pub told: EventId,
    /// The number of ephemeral events it has seen.
    pub seen: u64,
    /// True if it is to be told the state of the people.
    pub state_due: bool,
    /// True if the store was asked for the read cursors of that state.
    pub asked_cursors: bool,
}

/// The filter of one reader.
#[derive(Debug, Clone)]
pub struct ReadFilter {
    /// The types that are read.
    pub types: TypeSet,
    /// The user who reads.
    pub user: Option<Username>,
    /// The name under which a reader without one types: it is not told of that either.
    pub types_as: Option<Username>,
    /// The most events taken at once.
    pub limit: usize,
}

impl ReadFilter {
    /// The user who is not told of their own doings.
    pub(super) fn user(&self) -> Option<&UserKey> {
        self.user.as_ref().or(self.types_as.as_ref()).map(Username::key)
    }
}
