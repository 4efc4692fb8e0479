//! The wire format of each event.

use std::sync::Arc;

use serde::Serialize;
use utoipa::ToSchema;

use super::{
    super::{
        EventId,
        access::{Posting, Visibility},
        denied::Denied,
        membership::{LeaveReason, Role},
        message::{Message, Reaction},
        name::{RoomName, Username},
        read_cursor::ReadCursor,
        timestamp::Timestamp,
    },
    EventType, PresentUser, ResetReason, ServiceStatus, Status,
};

/// An event as it is written: one JSON object, tagged by `type`, the same on every transport.
#[derive(Debug, Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
#[schema(as = Event)]
pub enum EventBody<'a> {
    /// The newest messages, oldest first: the first event for a reader without a cursor.
    MessageHistory {
        /// The room.
        room: &'a RoomName,
        /// The cursor this history ends at.
        #[schema(value_type = i64, minimum = 0)]
        id: EventId,
        /// The newest messages, oldest first.
        #[schema(value_type = Vec<Message>)]
        messages: &'a [Arc<Message>],
        /// True if there are older ones.
        has_more: bool,
    },
    /// A message was posted.
    ChatMessage {
        /// The room.
        room: &'a RoomName,
        /// Its place in the log, which is also the message's id.
        #[schema(value_type = i64, minimum = 1)]
        id: EventId,
        /// The message.
        message: &'a Message,
    },
    /// A message says something else now.
    MessageEdited {
        /// The room.
        room: &'a RoomName,
        /// Its place in the log.
        #[schema(value_type = i64, minimum = 1)]
        id: EventId,
        /// The message.
        #[schema(value_type = i64, minimum = 1)]
        message_id: EventId,
        /// The new content; empty if the message is deleted by now.
        new_content: &'a str,
        /// The time of the edit.
        edited_at: Timestamp,
        /// The message, as it is by now.
        message: &'a Message,
    },
    /// A message was deleted. It stays in its place, without content and reactions.
    MessageDeleted {
        /// The room.
        room: &'a RoomName,
        /// Its place in the log.
        #[schema(value_type = i64, minimum = 1)]
        id: EventId,
        /// The message.
        #[schema(value_type = i64, minimum = 1)]
        message_id: EventId,
        /// The time of the deletion.
        deleted_at: Timestamp,
        /// The user who deleted it.
        username: &'a Username,
    },
    /// Somebody reacted to a message.
    ReactionAdded {
        /// The room.
        room: &'a RoomName,
        /// Its place in the log.
        #[schema(value_type = i64, minimum = 1)]
        id: EventId,
        /// The message.
        #[schema(value_type = i64, minimum = 1)]
        message_id: EventId,
        /// The user who reacted.
        username: &'a Username,
        /// With what; empty if the message is deleted by now.
        emoji: &'a str,
        /// All reactions to the message, as they are by now.
        #[schema(value_type = Vec<Reaction>)]
        reactions: &'a [Reaction],
    },
    /// Somebody took a reaction back.
    ReactionRemoved {
        /// The room.
        room: &'a RoomName,
        /// Its place in the log.
        #[schema(value_type = i64, minimum = 1)]
        id: EventId,
        /// The message.
        #[schema(value_type = i64, minimum = 1)]
        message_id: EventId,
        /// The user who reacted.
        username: &'a Username,
        /// Which; empty if the message is deleted by now.
        emoji: &'a str,
        /// All reactions to the message, as they are by now.
        #[schema(value_type = Vec<Reaction>)]
        reactions: &'a [Reaction],
    },
    /// The room's title or topic changed.
    RoomUpdated {
        /// The room.
        room: &'a RoomName,
        /// Its place in the log.
        #[schema(value_type = i64, minimum = 1)]
        id: EventId,
        /// The title from here on.
        title: &'a str,
        /// The topic from here on.
        topic: &'a str,
        /// Those who find the room and read it from here on; absent in open mode.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[schema(nullable = false)]
        visibility: Option<Visibility>,
        /// Those who post from here on; absent in open mode.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[schema(nullable = false)]
        posting: Option<Posting>,
        /// The pause between two posts of a user from here on, in seconds; absent in open mode.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[schema(nullable = false)]
        slow_mode: Option<u32>,
    },
    /// The cursor can't be honoured: drop what you have; the history that follows moves the cursor.
    Reset {
        /// The room.
        room: &'a RoomName,
        /// The reason.
        reason: ResetReason,
        /// The lowest cursor that can be resumed from.
        #[schema(value_type = i64, minimum = 0)]
        floor: EventId,
        /// The id of the newest event.
        #[schema(value_type = i64, minimum = 0)]
        head: EventId,
    },
    /// Somebody types, or no longer.
    TypingIndicator {
        /// The room.
        room: &'a RoomName,
        /// The user who types.
        username: &'a Username,
        /// True if the user types.
        is_typing: bool,
        /// Since when.
        timestamp: Timestamp,
    },
    /// Somebody has read up to a message.
    ReadReceipt {
        /// The room.
        room: &'a RoomName,
        /// The user who has read.
        username: &'a Username,
        /// Up to where: every message with this id or a lower one is read.
        #[schema(value_type = i64, minimum = 1)]
        last_read_id: EventId,
    },
    /// The read cursors of all users, in rooms with at most 200 of them.
    ReadState {
        /// The room.
        room: &'a RoomName,
        /// Everybody's cursor, by name.
        #[schema(value_type = Vec<ReadCursor>, max_items = 200)]
        cursors: &'a [ReadCursor],
    },
    /// Somebody came or went.
    UserStatus {
        /// The room.
        room: &'a RoomName,
        /// The user who came or went.
        username: &'a Username,
        /// The new status.
        status: Status,
        /// Since when.
        timestamp: Timestamp,
    },
    /// The users who are online and those who type; with more than 200 online only the number.
    PresenceState {
        /// The room.
        room: &'a RoomName,
        /// The number of users online.
        online: usize,
        /// The users online; empty with more than 200.
        #[schema(value_type = Vec<PresentUser>)]
        users: &'a [PresentUser],
        /// The users who type, except for oneself; at most 20.
        #[schema(value_type = Vec<Username>, max_items = 20)]
        typing: &'a [Username],
        /// The number of users who type, except for oneself. With more than 20 no `typing_indicator` is sent.
        typing_count: usize,
    },
    /// Nothing happened for a while, or only what the filter drops.
    Ping {
        /// The room.
        room: &'a RoomName,
        /// The cursor reached.
        #[schema(value_type = i64, minimum = 0)]
        id: EventId,
        /// The cursor reached, for a script that reads only the data.
        #[schema(value_type = i64, minimum = 0)]
        cursor: EventId,
    },
    /// The store is out (`degraded`) or back (`ok`); what is live goes on.
    ServiceStatus {
        /// The room.
        room: &'a RoomName,
        /// The new status.
        status: ServiceStatus,
    },
    /// The server ends; come back.
    ServerShutdown {
        /// The room.
        room: &'a RoomName,
        /// The time to wait before reconnecting, in milliseconds.
        reconnect_after_ms: u32,
    },
    /// Somebody became a member of the room.
    MemberJoined {
        /// The room.
        room: &'a RoomName,
        /// Its place in the log, and the cursor.
        #[schema(value_type = i64, minimum = 1)]
        id: EventId,
        /// The new member.
        username: &'a Username,
        /// The role.
        role: Role,
        /// The user who added the member; the member itself, who joined a public room.
        by: &'a Username,
    },
    /// A member has another role.
    MemberChanged {
        /// The room.
        room: &'a RoomName,
        /// Its place in the log, and the cursor.
        #[schema(value_type = i64, minimum = 1)]
        id: EventId,
        /// The member.
        username: &'a Username,
        /// The role from here on.
        role: Role,
        /// The user who changed it.
        by: &'a Username,
    },
    /// Somebody is no member any more, or is banned.
    MemberLeft {
        /// The room.
        room: &'a RoomName,
        /// Its place in the log, and the cursor.
        #[schema(value_type = i64, minimum = 1)]
        id: EventId,
        /// The user who left.
        username: &'a Username,
        /// The user who did it.
        by: &'a Username,
        /// The reason.
        reason: LeaveReason,
    },
    /// A room can't be read, or no longer; the others of the stream go on. Without a room: the credential has ended, and
    /// the stream with it.
    Error {
        /// The room; absent if it is all of them.
        #[serde(skip_serializing_if = "Option::is_none")]
        room: Option<&'a RoomName>,
        /// The status that a request for it is answered with.
        #[schema(minimum = 400, maximum = 599)]
        status: u16,
        /// The kind of problem as a stable word.
        #[schema(example = "not_found")]
        code: &'a str,
        /// The problem this time.
        detail: &'a str,
    },
    /// The credential of the stream or socket ends soon, and all of it then, unless another is given for it:
    /// `POST /api/v1/streams/{stream}/token`.
    AuthExpiring {
        /// The name of the stream or socket.
        stream: &'a str,
        /// The time at which the credential ends.
        expires_at: Timestamp,
    },
}

impl<'a> EventBody<'a> {
    /// The news that a room can't be read, and why; without the room if it is the credential that has ended.
    #[must_use]
    pub const fn error(room: &'a RoomName, why: Denied) -> Self {
        let (status, code, detail) = why.words();
        let room = if why.is_of_credential() { None } else { Some(room) };
        Self::Error { room, status, code, detail }
    }

    /// The body's type.
    #[must_use]
    pub fn kind(&self) -> EventType {
        match self {
            Self::MessageHistory { .. } => EventType::MessageHistory,
            Self::ChatMessage { .. } => EventType::ChatMessage,
            Self::MessageEdited { .. } => EventType::MessageEdited,
            Self::MessageDeleted { .. } => EventType::MessageDeleted,
            Self::ReactionAdded { .. } => EventType::ReactionAdded,
            Self::ReactionRemoved { .. } => EventType::ReactionRemoved,
            Self::RoomUpdated { .. } => EventType::RoomUpdated,
            Self::Reset { .. } => EventType::Reset,
            Self::TypingIndicator { .. } => EventType::TypingIndicator,
            Self::ReadReceipt { .. } => EventType::ReadReceipt,
            Self::ReadState { .. } => EventType::ReadState,
            Self::UserStatus { .. } => EventType::UserStatus,
            Self::PresenceState { .. } => EventType::PresenceState,
            Self::Ping { .. } => EventType::Ping,
            Self::ServiceStatus { .. } => EventType::ServiceStatus,
            Self::ServerShutdown { .. } => EventType::ServerShutdown,
            Self::Error { .. } => EventType::Error,
            Self::AuthExpiring { .. } => EventType::AuthExpiring,
            Self::MemberJoined { .. } => EventType::MemberJoined,
            Self::MemberChanged { .. } => EventType::MemberChanged,
            Self::MemberLeft { .. } => EventType::MemberLeft,
        }
    }

    /// The id it carries: its place in the log, or the cursor reached with it.
    #[must_use]
    pub fn id(&self) -> Option<EventId> {
        match self {
            Self::MessageHistory { id, .. }
            | Self::ChatMessage { id, .. }
            | Self::MessageEdited { id, .. }
            | Self::MessageDeleted { id, .. }
            | Self::ReactionAdded { id, .. }
            | Self::ReactionRemoved { id, .. }
            | Self::RoomUpdated { id, .. }
            | Self::MemberJoined { id, .. }
            | Self::MemberChanged { id, .. }
            | Self::MemberLeft { id, .. }
            | Self::Ping { id, .. } => Some(*id),
            _ => None,
        }
    }
}
