//! The events of a room, and what each looks like on the wire.

use std::sync::Arc;

use serde::Serialize;
use utoipa::ToSchema;

use super::{
    EventId,
    message::Message,
    name::{RoomName, UserKey, Username},
    timestamp::Timestamp,
};

/// The type of an event: its `type` on the wire, and its bit in a filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
#[expect(missing_docs, reason = "each is the wire's word, explained in the contract's table of events")]
pub enum EventType {
    MessageHistory,
    ChatMessage,
    MessageEdited,
    MessageDeleted,
    ReactionAdded,
    ReactionRemoved,
    RoomUpdated,
    Reset,
    TypingIndicator,
    ReadReceipt,
    ReadState,
    UserStatus,
    PresenceState,
    Ping,
    ServiceStatus,
    ServerShutdown,
}

impl EventType {
    /// Every type, in the order of its bit.
    pub const ALL: [Self; 16] = [
        Self::MessageHistory,
        Self::ChatMessage,
        Self::MessageEdited,
        Self::MessageDeleted,
        Self::ReactionAdded,
        Self::ReactionRemoved,
        Self::RoomUpdated,
        Self::Reset,
        Self::TypingIndicator,
        Self::ReadReceipt,
        Self::ReadState,
        Self::UserStatus,
        Self::PresenceState,
        Self::Ping,
        Self::ServiceStatus,
        Self::ServerShutdown,
    ];

    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MessageHistory => "message_history",
            Self::ChatMessage => "chat_message",
            Self::MessageEdited => "message_edited",
            Self::MessageDeleted => "message_deleted",
            Self::ReactionAdded => "reaction_added",
            Self::ReactionRemoved => "reaction_removed",
            Self::RoomUpdated => "room_updated",
            Self::Reset => "reset",
            Self::TypingIndicator => "typing_indicator",
            Self::ReadReceipt => "read_receipt",
            Self::ReadState => "read_state",
            Self::UserStatus => "user_status",
            Self::PresenceState => "presence_state",
            Self::Ping => "ping",
            Self::ServiceStatus => "service_status",
            Self::ServerShutdown => "server_shutdown",
        }
    }

    /// The type with this word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

/// A set of event types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TypeSet(u16);

impl TypeSet {
    /// Every type.
    pub const ALL: Self = Self(u16::MAX);

    /// What comes whatever a reader filters: without these it could not follow the rest.
    const ALWAYS: Self = Self(
        1 << EventType::MessageHistory as u8
            | 1 << EventType::Reset as u8
            | 1 << EventType::Ping as u8
            | 1 << EventType::ServerShutdown as u8,
    );

    /// The set of these types, and of those that come anyway.
    pub fn filter(types: impl IntoIterator<Item = EventType>) -> Self {
        types.into_iter().fold(Self::ALWAYS, |set, kind| Self(set.0 | 1 << kind as u8))
    }

    /// Whether the type is in the set.
    #[must_use]
    pub const fn has(self, kind: EventType) -> bool {
        self.0 & (1 << kind as u8) != 0
    }
}

/// A durable event: it has an id, is in the log, and is never dropped.
#[derive(Debug, Clone)]
pub enum Event {
    /// A message was posted; the message's id is the event's.
    ChatMessage(Arc<Message>),
    /// The room's title or topic changed.
    RoomUpdated(Arc<RoomUpdated>),
}

impl Event {
    /// Its place in the room's log.
    #[must_use]
    pub fn id(&self) -> EventId {
        match self {
            Self::ChatMessage(message) => message.id,
            Self::RoomUpdated(update) => update.id,
        }
    }

    /// Its type.
    #[must_use]
    pub fn kind(&self) -> EventType {
        match self {
            Self::ChatMessage(_) => EventType::ChatMessage,
            Self::RoomUpdated(_) => EventType::RoomUpdated,
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
}

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
        /// Whether there are older ones.
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
    },
    /// The cursor can't be honoured: drop what you have; the history that follows moves the cursor.
    Reset {
        /// The room.
        room: &'a RoomName,
        /// Why.
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
        /// Who.
        username: &'a Username,
        /// Whether they type.
        is_typing: bool,
        /// Since when.
        timestamp: Timestamp,
    },
    /// Somebody came or went.
    UserStatus {
        /// The room.
        room: &'a RoomName,
        /// Who.
        username: &'a Username,
        /// Whether they are here now.
        status: Status,
        /// Since when.
        timestamp: Timestamp,
    },
    /// Who is here and who types; with more than 200 online only the number.
    PresenceState {
        /// The room.
        room: &'a RoomName,
        /// How many are here.
        online: usize,
        /// Who is here; empty with more than 200.
        #[schema(value_type = Vec<PresentUser>)]
        users: &'a [PresentUser],
        /// Who types.
        #[schema(value_type = Vec<Username>)]
        typing: &'a [Username],
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
        /// How it stands.
        status: ServiceStatus,
    },
    /// The server ends; come back.
    ServerShutdown {
        /// The room.
        room: &'a RoomName,
        /// When to come back, in milliseconds.
        reconnect_after_ms: u32,
    },
}

impl EventBody<'_> {
    /// The body's type.
    #[must_use]
    pub fn kind(&self) -> EventType {
        match self {
            Self::MessageHistory { .. } => EventType::MessageHistory,
            Self::ChatMessage { .. } => EventType::ChatMessage,
            Self::RoomUpdated { .. } => EventType::RoomUpdated,
            Self::Reset { .. } => EventType::Reset,
            Self::TypingIndicator { .. } => EventType::TypingIndicator,
            Self::UserStatus { .. } => EventType::UserStatus,
            Self::PresenceState { .. } => EventType::PresenceState,
            Self::Ping { .. } => EventType::Ping,
            Self::ServiceStatus { .. } => EventType::ServiceStatus,
            Self::ServerShutdown { .. } => EventType::ServerShutdown,
        }
    }

    /// The id it carries: its place in the log, or the cursor reached with it.
    #[must_use]
    pub fn id(&self) -> Option<EventId> {
        match self {
            Self::MessageHistory { id, .. }
            | Self::ChatMessage { id, .. }
            | Self::RoomUpdated { id, .. }
            | Self::Ping { id, .. } => Some(*id),
            _ => None,
        }
    }
}

impl<'a> From<&'a Event> for EventBody<'a> {
    fn from(event: &'a Event) -> Self {
        match event {
            Event::ChatMessage(message) => Self::ChatMessage { room: &message.room, id: message.id, message },
            Event::RoomUpdated(update) => {
                Self::RoomUpdated { room: &update.room, id: update.id, title: &update.title, topic: &update.topic }
            }
        }
    }
}

/// Why a cursor can't be honoured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ResetReason {
    /// It is past the newest event of the log.
    Ahead,
    /// The database was restored from a backup.
    Restored,
    /// The events after it were removed.
    Pruned,
    /// The `Last-Event-ID` can't be read.
    Invalid,
}

/// Whether a user is here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// At least one stream, socket or poll names the user.
    Online,
    /// None has for five seconds.
    Offline,
}

/// Whether the store takes posts.
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
    /// What the user is compared by.
    #[must_use]
    pub fn key(&self) -> &UserKey {
        self.username.key()
    }
}

#[cfg(test)]
mod tests {
    use super::{EventType, TypeSet};

    #[test]
    fn every_type_is_found_by_its_word_and_has_a_bit_of_its_own() {
        for (index, kind) in EventType::ALL.into_iter().enumerate() {
            assert_eq!(kind as usize, index);
            assert_eq!(EventType::parse(kind.as_str()), Some(kind));
        }
        assert_eq!(EventType::parse("nonsense"), None);
    }

    #[test]
    fn a_filter_lets_through_what_a_reader_needs_anyway() {
        let set = TypeSet::filter([EventType::UserStatus]);
        for kind in EventType::ALL {
            let expected = matches!(
                kind,
                EventType::UserStatus
                    | EventType::MessageHistory
                    | EventType::Reset
                    | EventType::Ping
                    | EventType::ServerShutdown
            );
            assert_eq!(set.has(kind), expected, "{kind:?}");
        }
    }
}
