//! The types of events, and the sets of them that a reader asks for.

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
    Error,
    MemberJoined,
    MemberChanged,
    MemberLeft,
    AuthExpiring,
}

impl EventType {
    /// Every type, in the order of its bit.
    pub const ALL: [Self; 21] = [
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
        Self::Error,
        Self::MemberJoined,
        Self::MemberChanged,
        Self::MemberLeft,
        Self::AuthExpiring,
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
            Self::Error => "error",
            Self::MemberJoined => "member_joined",
            Self::MemberChanged => "member_changed",
            Self::MemberLeft => "member_left",
            Self::AuthExpiring => "auth_expiring",
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
pub struct TypeSet(u64);

impl TypeSet {
    /// Every type.
    pub const ALL: Self = Self(u64::MAX);

    /// The types that come whatever a reader filters: without these it could not follow the rest.
    const ALWAYS: Self = Self(
        1 << EventType::MessageHistory as u8
            | 1 << EventType::Reset as u8
            | 1 << EventType::Ping as u8
            | 1 << EventType::ServerShutdown as u8
            | 1 << EventType::Error as u8
            | 1 << EventType::AuthExpiring as u8,
    );

    /// The set of these types, and of those that come anyway.
    pub fn filter(types: impl IntoIterator<Item = EventType>) -> Self {
        types.into_iter().fold(Self::ALWAYS, |set, kind| Self(set.0 | 1 << kind as u8))
    }

    /// The types that say something of people rather than of what was said.
    const OF_PEOPLE: u64 = 1 << EventType::TypingIndicator as u8
        | 1 << EventType::ReadReceipt as u8
        | 1 << EventType::ReadState as u8
        | 1 << EventType::UserStatus as u8
        | 1 << EventType::PresenceState as u8
        | 1 << EventType::MemberJoined as u8
        | 1 << EventType::MemberChanged as u8
        | 1 << EventType::MemberLeft as u8;

    /// The same for a guest, who is told nothing of people.
    #[must_use]
    pub const fn for_guests(self) -> Self {
        Self(self.0 & !Self::OF_PEOPLE)
    }

    /// Returns true if the type is in the set.
    #[must_use]
    pub const fn has(self, kind: EventType) -> bool {
        self.0 & (1 << kind as u8) != 0
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
    fn a_guest_is_told_what_was_said_and_nothing_of_people() {
        let of_people = |kind| {
            use EventType as T;
            matches!(kind, T::TypingIndicator | T::ReadReceipt | T::ReadState | T::UserStatus | T::PresenceState)
                || matches!(kind, T::MemberJoined | T::MemberChanged | T::MemberLeft)
        };
        for kind in EventType::ALL {
            assert_eq!(TypeSet::ALL.for_guests().has(kind), !of_people(kind), "{kind:?}");
        }
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
                    | EventType::Error
                    | EventType::AuthExpiring
            );
            assert_eq!(set.has(kind), expected, "{kind:?}");
        }
    }
}
