//! Read cursors and unread counts.

use super::{Chat, ChatError};
use crate::{
    domain::{
        EventId,
        limit::Limit,
        name::{RoomName, UserKey},
        page,
        policy::{Act, Actor},
        read_cursor::ReadCursor,
        version::Precondition,
    },
    journal::command::MarkRead,
};

/// The most unread messages that are counted.
pub const MAX_UNREAD: u64 = 1_000;

/// A count of unread messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unread {
    /// The messages by others past the cursor, as far as they are counted.
    pub unread: u64,
    /// True if there may be more.
    pub capped: bool,
    /// The cursor; 0 for who has not read anything.
    pub last_read_id: EventId,
}

impl Chat {
    /// Moves the actor's read cursor, forward only: it ends where it is further.
    ///
    /// # Errors
    /// [`ChatError`].
    pub async fn mark_read(
        &self,
        actor: &Actor,
        room: &RoomName,
        last_read_id: EventId,
    ) -> Result<ReadCursor, ChatError> {
        self.count(Limit::Reads, actor)?;
        let mark = MarkRead { last_read_id };
        Ok(self.submit(actor, room, Precondition::default(), mark).await?.answer)
    }

    /// At most `limit` readers' cursors, by name, after `after`, and whether there are more.
    ///
    /// # Errors
    /// [`ChatError`].
    pub async fn read_cursors(
        &self,
        actor: &Actor,
        room: &RoomName,
        after: Option<&UserKey>,
        limit: usize,
    ) -> Result<(Vec<ReadCursor>, bool), ChatError> {
        self.may_in(actor, Act::SeePeople, room).await?;
        let mut cursors = self.store.read_cursors(room, after, limit as u64 + 1).await?;
        let has_more = cursors.len() > limit;
        cursors.truncate(limit);
        let is_cut = page::keep_first(&mut cursors);
        Ok((cursors, has_more || is_cut))
    }

    /// Counts the messages by others, not deleted, past the actor's read cursor.
    ///
    /// # Errors
    /// [`ChatError`].
    pub async fn unread(&self, actor: &Actor, name: &RoomName) -> Result<Unread, ChatError> {
        let nothing = Unread { unread: 0, capped: false, last_read_id: 0 };
        let user = actor.name()?.key();
        let Some(room) = self.room_for(actor, Act::CountUnread, name).await? else { return Ok(nothing) };
        let cursor = self.store.read_cursor(&room, user).await?;
        let last_read_id = cursor.map_or(0, |cursor| cursor.last_read_id);
        let ahead = self.store.ahead(&room, last_read_id, user).await?;
        let capped = ahead.more || ahead.by_others > MAX_UNREAD;
        Ok(Unread { unread: ahead.by_others.min(MAX_UNREAD), capped, last_read_id })
    }
}
