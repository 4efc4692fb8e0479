//! Presence and typing.

use super::{Chat, ChatError};
use crate::{
    domain::{
        limit::Limit,
        name::{RoomName, UserKey},
        policy::{Act, Actor},
    },
    hub::{presence::PresencePage, typing::TypingBy},
};

impl Chat {
    /// The actor types, or no longer, as said by a request: it lapses unless it is said again.
    ///
    /// # Errors
    /// [`ChatError`].
    pub async fn set_typing(&self, actor: &Actor, name: &RoomName, is_typing: bool) -> Result<(), ChatError> {
        self.count(Limit::Typing, actor)?;
        self.may_in(actor, Act::Type, name).await?;
        let user = actor.name()?;
        let room = match self.hub.room_in_memory(name) {
            Some(room) => room,
            // There is nobody to tell; whoever comes to a room that is there is told as long as it holds.
            None if is_typing && self.store.room(name).await?.is_some() => self.hub.room(name),
            None => return Ok(()),
        };
        if is_typing {
            room.start_typing(user, TypingBy::Requests, self.hub.timings().typing_lapse);
        } else {
            room.stop_typing(user.key(), TypingBy::Requests);
        }
        Ok(())
    }

    /// At most `limit` of the users who are here, by name, after `after`.
    ///
    /// # Errors
    /// [`ChatError`].
    pub async fn presence(
        &self,
        actor: &Actor,
        room: &RoomName,
        after: Option<&UserKey>,
        limit: usize,
    ) -> Result<PresencePage, ChatError> {
        self.may_in(actor, Act::SeePeople, room).await?;
        Ok(self.hub.room_in_memory(room).map(|room| room.present(after, limit)).unwrap_or_default())
    }
}
