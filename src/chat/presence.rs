//! Who is here, and who types.

use std::{sync::Arc, time::Duration};

use super::{Chat, ChatError};
use crate::{
    domain::{
        name::{RoomName, UserKey, Username},
        policy::{Act, Actor, Standing, may},
    },
    hub::{presence::PresencePage, room::Room, subscription::Subscription, typing::TypingBy},
};

impl Chat {
    /// The actor types, or no longer, as said by a request: it lapses unless it is said again.
    ///
    /// # Errors
    /// [`ChatError`].
    pub async fn set_typing(&self, actor: &Actor, name: &RoomName, is_typing: bool) -> Result<(), ChatError> {
        may(actor, Act::Type, &Standing::default())?;
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
    pub fn presence(
        &self,
        actor: &Actor,
        room: &RoomName,
        after: Option<&UserKey>,
        limit: usize,
    ) -> Result<PresencePage, ChatError> {
        may(actor, Act::ReadRoom, &Standing::default())?;
        Ok(self.hub.room_in_memory(room).map(|room| room.present(after, limit)).unwrap_or_default())
    }
}

/// Typing as a socket says it: it holds until the socket says otherwise, or ends.
#[derive(Debug)]
pub struct SocketTyping {
    room: Arc<Room>,
    by: TypingBy,
    /// How long it holds unless it is said again.
    lapse: Duration,
    /// Who types. One socket types under one name at a time.
    user: Option<UserKey>,
}

impl SocketTyping {
    /// Nobody types yet.
    #[must_use]
    pub fn new(reader: &Subscription, lapse: Duration) -> Self {
        Self { room: reader.room().clone(), by: TypingBy::Reader(reader.id()), lapse, user: None }
    }

    /// The user types, or no longer.
    pub fn set(&mut self, username: &Username, is_typing: bool) {
        if self.user.as_ref() != Some(username.key()) {
            self.stop();
        }
        if is_typing {
            self.room.start_typing(username, self.by, self.lapse);
            self.user = Some(username.key().clone());
        } else {
            self.room.stop_typing(username.key(), self.by);
            self.user = None;
        }
    }

    fn stop(&mut self) {
        if let Some(user) = self.user.take() {
            self.room.stop_typing(&user, self.by);
        }
    }
}

impl Drop for SocketTyping {
    fn drop(&mut self) {
        self.stop();
    }
}
