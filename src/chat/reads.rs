//! How far people have read, and how much is before them.

use super::{Chat, ChatError};
use crate::{
    domain::{
        EventId,
        name::{RoomName, UserKey, Username},
        read_cursor::ReadCursor,
    },
    journal::{Command, Outcome},
};

/// The most unread messages that are counted.
pub const MAX_UNREAD: u64 = 1_000;

/// How much is before a reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unread {
    /// How many messages by others are past the cursor, as far as they are counted.
    pub unread: u64,
    /// Whether there may be more.
    pub capped: bool,
    /// The cursor; 0 for who has not read anything.
    pub last_read_id: EventId,
}

impl Chat {
    /// Moves a reader's cursor, forward only: it ends where it is further.
    ///
    /// # Errors
    /// [`ChatError`].
    pub async fn mark_read(
        &self,
        room: &RoomName,
        username: Username,
        last_read_id: EventId,
    ) -> Result<ReadCursor, ChatError> {
        match self.journal.submit(Command::MarkRead { room: room.clone(), username, last_read_id }).await? {
            Outcome::Read(cursor) => Ok(cursor),
            _ => Err(ChatError::wrong_answer()),
        }
    }

    /// At most `limit` readers' cursors, by name, after `after`, and whether there are more.
    ///
    /// # Errors
    /// [`ChatError`].
    pub async fn read_cursors(
        &self,
        room: &RoomName,
        after: Option<&UserKey>,
        limit: usize,
    ) -> Result<(Vec<ReadCursor>, bool), ChatError> {
        let mut cursors = self.store.read_cursors(room, after, limit as u64 + 1).await?;
        let has_more = cursors.len() > limit;
        cursors.truncate(limit);
        Ok((cursors, has_more))
    }

    /// Counts what is before a reader: messages by others, not deleted, past the cursor.
    ///
    /// # Errors
    /// [`ChatError`].
    pub async fn unread(&self, name: &RoomName, username: &Username) -> Result<Unread, ChatError> {
        let nothing = Unread { unread: 0, capped: false, last_read_id: 0 };
        let Some(room) = self.store.room(name).await? else { return Ok(nothing) };
        let cursor = self.store.read_cursor(&room, username.key()).await?;
        let last_read_id = cursor.map_or(0, |cursor| cursor.last_read_id);
        let ahead = self.store.ahead(&room, last_read_id, username.key()).await?;
        let capped = ahead.more || ahead.by_others > MAX_UNREAD;
        Ok(Unread { unread: ahead.by_others.min(MAX_UNREAD), capped, last_read_id })
    }
}
