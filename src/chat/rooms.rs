//! Making, changing and finding rooms.

use super::{Chat, ChatError};
use crate::{
    domain::{
        name::RoomName,
        room::{Room, RoomChange, RoomView},
        timestamp::Timestamp,
    },
    journal::{Command, Outcome},
};

impl Chat {
    /// Makes the room or changes it. Whether it was made by this.
    ///
    /// # Errors
    /// [`ChatError`].
    pub async fn put_room(&self, name: &RoomName, change: RoomChange) -> Result<(RoomView, bool), ChatError> {
        let change = change.check()?;
        match self.journal.submit(Command::PutRoom { room: name.clone(), change }).await? {
            Outcome::RoomPut { room, made: true } => Ok((self.view(room, None), true)),
            Outcome::RoomPut { .. } => Ok((self.room(name).await?, false)),
            _ => Err(ChatError::wrong_answer()),
        }
    }

    /// The room.
    ///
    /// # Errors
    /// [`ChatError::NotFound`] when nobody has made it.
    pub async fn room(&self, name: &RoomName) -> Result<RoomView, ChatError> {
        let (room, last) = self.store.listed_room(name).await?.ok_or(ChatError::NotFound("room"))?;
        Ok(self.view(room, last))
    }

    /// At most `limit` rooms by name, after `after`, and whether there are more.
    ///
    /// # Errors
    /// [`ChatError`].
    pub async fn rooms(&self, after: Option<&RoomName>, limit: usize) -> Result<(Vec<RoomView>, bool), ChatError> {
        let mut rooms = self.store.listed_rooms(after, limit as u64 + 1).await?;
        let has_more = rooms.len() > limit;
        rooms.truncate(limit);
        Ok((rooms.into_iter().map(|(room, last)| self.view(room, last)).collect(), has_more))
    }

    fn view(&self, room: Room, last_message_at: Option<Timestamp>) -> RoomView {
        let online = self.hub.room_in_memory(&room.name).map_or(0, |room| room.online());
        let Room { name, title, topic, created_at, head, .. } = room;
        RoomView { name, title, topic, created_at, head, online, last_message_at }
    }
}
