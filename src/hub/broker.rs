//! The broker: how what one node commits gets to the readers of all nodes.

use std::{fmt::Debug, sync::Arc};

use super::Hub;
use crate::domain::{event::Event, name::RoomName, read_cursor::ReadCursor};

/// The events and read cursors that a batch committed in one room.
#[derive(Debug, Clone)]
pub struct RoomCommit {
    /// The room.
    pub room: RoomName,
    /// Consecutive events in id order; none if only read cursors moved.
    pub events: Vec<Event>,
    /// The read cursors that moved.
    pub cursors: Vec<ReadCursor>,
}

/// Tells what this node commits. It is a hint to the others, which may be lost, repeated, late or out of order: the
/// truth is in the store.
pub trait Broker: Debug + Send + Sync {
    /// The rooms of this node.
    fn hub(&self) -> &Arc<Hub>;

    /// Gives the rooms of this node what a batch committed, before anybody is answered, and tells the other nodes.
    /// Never waits: what does not follow a room's head is shown once the room has read what is missing.
    fn publish(&self, batch: Vec<RoomCommit>);
}

/// The broker of a node that is alone.
#[derive(Debug)]
pub struct Local(pub Arc<Hub>);

impl Broker for Local {
    fn hub(&self) -> &Arc<Hub> {
        &self.0
    }

    fn publish(&self, batch: Vec<RoomCommit>) {
        for commit in &batch {
            self.0.take(commit);
        }
    }
}
