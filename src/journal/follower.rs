//! Followers of the log: whatever happens behind it, room by room and in the order of its events.
//!
//! The log is the outbox. A follower has a cursor in each room, which moves only when a batch is handled;
//! so it misses nothing, however the process ends. [`runner`] drives it.

use crate::{
    domain::{EventId, room::Room},
    store::{
        Store,
        follower::{FollowError, Moved, WriteTurn},
    },
};

pub mod runner;
pub mod search;
#[cfg(test)]
mod tests;

/// Something that happens behind the log.
pub trait Follower: Send {
    /// The name that its cursors have in the database.
    const NAME: &'static str;

    /// Returns true if it follows a room. In others it has no cursor and is told nothing.
    fn wants(&self, room_id: i64) -> bool;

    /// Handles the next events of a room, as many as it likes but at least one.
    ///
    /// Handles a batch. What it writes in the transaction of `batch.turn` happens exactly once for each event. What it
    /// does before it begins that transaction happens at least once, in the order of the events.
    ///
    /// # Errors
    /// [`FollowError`]; the batch is tried again then, by this process or by another.
    fn batch(&mut self, batch: Batch<'_>) -> impl Future<Output = Result<Moved, FollowError>> + Send;
}

/// Events of a room that a follower has not handled: those after `after`, up to the room's head. There is
/// at least one, and none is missing.
#[derive(Debug)]
pub struct Batch<'a> {
    /// The room.
    pub room: &'a Room,
    /// The last event that is handled.
    pub after: EventId,
    /// For reading the events.
    pub log: &'a Store,
    /// For the transaction that moves the cursor.
    pub turn: &'a WriteTurn<'a>,
}
