//! Making, changing and finding rooms.

use super::{Chat, ChatError, Committed};
use crate::domain::{
    name::RoomName,
    page,
    policy::{Act, Actor, Standing, may},
    room::{Room, RoomChange, RoomView},
    timestamp::Timestamp,
    version::Precondition,
};

impl Chat {
    /// Makes the room or changes it. The answer says whether it was made by this.
    ///
    /// # Errors
    /// [`ChatError`].
    pub async fn put_room(
        &self,
        actor: &Actor,
        name: &RoomName,
        change: RoomChange,
        when: Precondition,
    ) -> Result<Committed<(RoomView, bool)>, ChatError> {
        let change = change.check().map_err(ChatError::Invalid)?;
        let put = self.submit(actor, name, when, change).await?;
        let made = put.answer.made;
        let view = if made { self.view(put.answer.room, None) } else { self.room(actor, name).await? };
        Ok(Committed { answer: (view, made), event: put.event })
    }

    /// The room.
    ///
    /// # Errors
    /// [`ChatError::NotFound`] when nobody has made it.
    pub async fn room(&self, actor: &Actor, name: &RoomName) -> Result<RoomView, ChatError> {
        let actor = self.current(actor).await?;
        may(&actor, Act::ReadRoom, &Standing::in_room(name, true))?;
        let (room, last) = self.store.listed_room(name).await?.ok_or(ChatError::NotFound("room"))?;
        Ok(self.view(room, last))
    }

    /// At most `limit` rooms by name, after `after`, and whether there are more.
    ///
    /// # Errors
    /// [`ChatError`].
    pub async fn rooms(
        &self,
        actor: &Actor,
        after: Option<&RoomName>,
        limit: usize,
    ) -> Result<(Vec<RoomView>, bool), ChatError> {
        let actor = self.current(actor).await?;
        may(&actor, Act::ListRooms, &Standing::default())?;
        let scope = actor.grant().map(|grant| &grant.rooms);
        let mut rooms = self.store.listed_rooms(scope, after, limit as u64 + 1).await?;
        let has_more = rooms.len() > limit;
        rooms.truncate(limit);
        let mut rooms = rooms.into_iter().map(|(room, last)| self.view(room, last)).collect();
        let is_cut = page::keep_first(&mut rooms);
        Ok((rooms, has_more || is_cut))
    }

    fn view(&self, room: Room, last_message_at: Option<Timestamp>) -> RoomView {
        let online = self.hub.room_in_memory(&room.name).map_or(0, |room| room.online());
        let Room { name, title, topic, created_at, head, .. } = room;
        RoomView { name, title, topic, created_at, head, online, last_message_at }
    }
}
