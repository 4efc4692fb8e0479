//! The writes of a transaction to each room, as plain data.

use std::{collections::HashMap, sync::Arc};

use sea_orm::Set;

use super::entity::message;
use crate::domain::{
    EventId,
    audit::AuditEntry,
    event::Event,
    membership::Membership,
    message::{Message, Revision},
    name::{RoomName, UserKey, Username},
    read_cursor::ReadCursor,
    room::Room,
    timestamp::Timestamp,
};

/// The key that a post may be asked again by: room, author, and the client's key.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PostKey {
    /// The room's key in the database.
    pub room_id: i64,
    /// The author.
    pub user: UserKey,
    /// The client's key.
    pub client_id: String,
}

/// A message that was posted with a key.
#[derive(Debug, Clone)]
pub struct Keyed {
    /// The message as it is now.
    pub message: Message,
    /// The fingerprint of what was first posted; erased with the content.
    pub fingerprint: Option<Vec<u8>>,
}

/// The rows that a transaction adds to one room.
#[derive(Debug)]
pub struct RoomWrite {
    /// The room's key in the database.
    pub room_id: i64,
    /// The room.
    pub name: RoomName,
    /// The events, in id order.
    pub events: Vec<Event>,
    /// The new messages, as they are after all of the transaction.
    pub posted: Vec<Arc<Message>>,
    /// The changes of earlier rows.
    pub changes: Changes,
    /// The fingerprints of those messages that have a key.
    pub fingerprints: HashMap<EventId, Vec<u8>>,
    /// The room's head after them.
    pub head: EventId,
    /// The room as it is from now on, if more of it changed than its head.
    pub described: Option<Room>,
    /// The memberships that changed, as they are from now on.
    pub memberships: Vec<Membership>,
    /// The entries of the audit.
    pub audit: Vec<AuditEntry>,
    /// The times of users' last posts, where the room asks for a pause between two.
    pub last_posts: Vec<(UserKey, Timestamp)>,
}

/// One user's reaction to one message.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ReactionKey {
    /// The room's key in the database.
    pub room_id: i64,
    /// The message.
    pub message_id: EventId,
    /// With what.
    pub emoji: String,
    /// The user.
    pub user: UserKey,
}

/// The changes that a transaction makes of one room besides adding to it.
#[derive(Debug, Default)]
pub struct Changes {
    /// Messages that were there before, as they are from now on.
    pub messages: Vec<Arc<Message>>,
    /// Those messages, new ones too, of which nothing may be left.
    pub deleted: Vec<EventId>,
    /// The contents that edits replaced.
    pub revisions: Vec<Replaced>,
    /// Reactions that are gone.
    pub removed: Vec<ReactionKey>,
    /// Reactions that are new, and the events that added them.
    pub added: Vec<(ReactionKey, Username, EventId)>,
    /// The read cursors as they are from now on.
    pub cursors: Vec<ReadCursor>,
}

/// A content that an edit replaced.
#[derive(Debug)]
pub struct Replaced {
    /// The message.
    pub message_id: EventId,
    /// The edit.
    pub id: EventId,
    /// The earlier content.
    pub revision: Revision,
}

impl RoomWrite {
    /// Sets the room's key in the database, once that is known.
    pub fn set_room_id(&mut self, room_id: i64) {
        self.room_id = room_id;
        let added = self.changes.added.iter_mut().map(|(key, ..)| key);
        for key in self.changes.removed.iter_mut().chain(added) {
            key.room_id = room_id;
        }
    }

    /// The row of one of its messages.
    pub(super) fn row(&self, message: &Message) -> message::ActiveModel {
        message::ActiveModel {
            room_id: Set(self.room_id),
            id: Set(message.id),
            username: Set(message.username.as_str().to_owned()),
            user_key: Set(message.username.key().as_str().to_owned()),
            content: Set(message.content.clone()),
            created_at: Set(message.timestamp.micros()),
            edited_at: Set(message.edited_at.map(Timestamp::micros)),
            deleted_at: Set(message.deleted_at.map(Timestamp::micros)),
            reply_to: Set(message.reply_to),
            client_id: Set(message.client_id.clone()),
            fingerprint: Set(self.fingerprints.get(&message.id).cloned()),
            reactions: Set(message::write_reactions(&message.reactions)),
        }
    }
}
