//! The events of a room.

use std::sync::Arc;

use serde::Serialize;
use utoipa::ToSchema;

use super::{
    EventId,
    access::Access,
    membership::{LeaveReason, Role},
    message::Message,
    name::{RoomName, UserKey, Username},
    timestamp::Timestamp,
};

mod body;
mod kind;
mod written;

pub use body::EventBody;
pub use kind::{EventType, TypeSet};

/// A durable event: it has an id, is in the log, and is never dropped.
///
/// Those of a message carry it whole, as it is after the event or later: whoever takes them in order ends
/// with the message as it is, however much of it they had missed.
#[derive(Debug, Clone)]
pub enum Event {
    /// A message was posted; the message's id is the event's.
    ChatMessage(Arc<Message>),
    /// A message says something else now.
    MessageEdited {
        /// Its place in the log.
        id: EventId,
        /// The time of the edit.
        edited_at: Timestamp,
        /// The message.
        message: Arc<Message>,
    },
    /// A message was deleted.
    MessageDeleted {
        /// Its place in the log.
        id: EventId,
        /// The user who deleted it.
        username: Username,
        /// The time of the deletion.
        deleted_at: Timestamp,
        /// The tombstone of the message.
        message: Arc<Message>,
    },
    /// Somebody reacted to a message, or took a reaction back.
    Reacted {
        /// Its place in the log.
        id: EventId,
        /// The user who reacted.
        username: Username,
        /// With what; empty once the message is deleted.
        emoji: String,
        /// True if it was added.
        on: bool,
        /// The message.
        message: Arc<Message>,
    },
    /// The room's title or topic changed, or who may do what in it.
    RoomUpdated(Arc<RoomUpdated>),
    /// Somebody became a member, has another role, or is no member any more.
    Member(Arc<MemberEvent>),
}

impl Event {
    /// Its place in the room's log.
    #[must_use]
    pub fn id(&self) -> EventId {
        match self {
            Self::ChatMessage(message) => message.id,
            Self::MessageEdited { id, .. } | Self::MessageDeleted { id, .. } | Self::Reacted { id, .. } => *id,
            Self::RoomUpdated(update) => update.id,
            Self::Member(event) => event.id,
        }
    }

    /// Its type.
    #[must_use]
    pub fn kind(&self) -> EventType {
        match self {
            Self::ChatMessage(_) => EventType::ChatMessage,
            Self::MessageEdited { .. } => EventType::MessageEdited,
            Self::MessageDeleted { .. } => EventType::MessageDeleted,
            Self::Reacted { on: true, .. } => EventType::ReactionAdded,
            Self::Reacted { on: false, .. } => EventType::ReactionRemoved,
            Self::RoomUpdated(_) => EventType::RoomUpdated,
            Self::Member(event) => match event.change {
                MemberChange::Joined(_) => EventType::MemberJoined,
                MemberChange::Changed(_) => EventType::MemberChanged,
                MemberChange::Left(_) => EventType::MemberLeft,
            },
        }
    }

    /// The message it changed or made, as it carries it.
    #[must_use]
    pub fn message(&self) -> Option<&Arc<Message>> {
        match self {
            Self::ChatMessage(message)
            | Self::MessageEdited { message, .. }
            | Self::MessageDeleted { message, .. }
            | Self::Reacted { message, .. } => Some(message),
            Self::RoomUpdated(_) | Self::Member(_) => None,
        }
    }

    /// Has it carry its message as it is by now.
    pub fn set_message(&mut self, now: Arc<Message>) {
        match self {
            Self::ChatMessage(message)
            | Self::MessageEdited { message, .. }
            | Self::MessageDeleted { message, .. }
            | Self::Reacted { message, .. } => *message = now,
            Self::RoomUpdated(_) | Self::Member(_) => {}
        }
    }
}

/// The body of a `room_updated` event: what the room is called and about from here on.
#[derive(Debug, Clone)]
pub struct RoomUpdated {
    /// Its place in the log.
    pub id: EventId,
    /// The room.
    pub room: RoomName,
    /// The title from here on.
    pub title: String,
    /// The topic from here on.
    pub topic: String,
    /// The settings of who may do what from here on; absent in open mode, where everybody may all.
    pub access: Option<Access>,
}

/// A change of who is a member of a room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberEvent {
    /// Its place in the log.
    pub id: EventId,
    /// The room.
    pub room: RoomName,
    /// The user whose membership changed.
    pub username: Username,
    /// The user who did it.
    pub by: Username,
    /// The change.
    pub change: MemberChange,
    /// True if the room is private. It says who may read on, and is not told.
    pub is_private: bool,
}

/// The changes of a membership.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MemberChange {
    /// The user is a member from here on, with this role.
    Joined(Role),
    /// The member has this role from here on.
    Changed(Role),
    /// The user is no member from here on.
    Left(LeaveReason),
}

/// The reasons why a cursor can't be honoured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ResetReason {
    /// It is past the newest event of the log.
    Ahead,
    /// The database was restored from a backup.
    Restored,
    /// The events after it were removed.
    Pruned,
    /// The `Last-Event-ID` has not as many cursors as there are rooms.
    RoomsChanged,
    /// The `Last-Event-ID` can't be read.
    Invalid,
}

/// The presence of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// At least one stream, socket or poll names the user.
    Online,
    /// None has for five seconds.
    Offline,
}

/// The state of the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ServiceStatus {
    /// Posts are taken.
    Ok,
    /// The store is out: posts are refused with `503`.
    Degraded,
}

/// A user who is here.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PresentUser {
    /// Their name.
    pub username: Username,
    /// Always `online`.
    pub status: Status,
    /// Since when they are here.
    pub since: Timestamp,
}

impl PresentUser {
    /// The key that users are compared by.
    #[must_use]
    pub fn key(&self) -> &UserKey {
        self.username.key()
    }
}
