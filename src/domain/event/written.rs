//! Durable events, as they are written on the wire.

use super::{Event, EventBody, MemberChange, MemberEvent, RoomUpdated};

impl<'a> From<&'a Event> for EventBody<'a> {
    fn from(event: &'a Event) -> Self {
        match event {
            Event::ChatMessage(message) => Self::ChatMessage { room: &message.room, id: message.id, message },
            Event::MessageEdited { id, edited_at, message } => Self::MessageEdited {
                room: &message.room,
                id: *id,
                message_id: message.id,
                new_content: &message.content,
                edited_at: *edited_at,
                message,
            },
            Event::MessageDeleted { id, username, deleted_at, message } => Self::MessageDeleted {
                room: &message.room,
                id: *id,
                message_id: message.id,
                deleted_at: *deleted_at,
                username,
            },
            Event::Reacted { id, username, emoji, on, message } => {
                let (room, id, message_id, reactions) = (&message.room, *id, message.id, &message.reactions[..]);
                if *on {
                    Self::ReactionAdded { room, id, message_id, username, emoji, reactions }
                } else {
                    Self::ReactionRemoved { room, id, message_id, username, emoji, reactions }
                }
            }
            Event::RoomUpdated(update) => {
                let RoomUpdated { id, room, title, topic, access } = &**update;
                Self::RoomUpdated {
                    room,
                    id: *id,
                    title,
                    topic,
                    visibility: access.map(|access| access.visibility),
                    posting: access.map(|access| access.posting),
                    slow_mode: access.map(|access| access.slow_mode),
                }
            }
            Event::Member(event) => {
                let MemberEvent { id, room, username, by, change, .. } = &**event;
                let id = *id;
                match *change {
                    MemberChange::Joined(role) => Self::MemberJoined { room, id, username, role, by },
                    MemberChange::Changed(role) => Self::MemberChanged { room, id, username, role, by },
                    MemberChange::Left(reason) => Self::MemberLeft { room, id, username, by, reason },
                }
            }
        }
    }
}
