//! Changing a message that is there: editing, deleting, reacting; and what is known of that.

use std::sync::Arc;

use super::{Chat, ChatError};
use crate::{
    domain::{
        EventId, emoji,
        message::{Correction, Message, Revision},
        name::{RoomName, Username},
        room::Room,
    },
    journal::{Command, Outcome},
    store::changed::Reactor,
};

/// A message as it is asked for.
#[derive(Debug, Clone)]
pub struct Changed {
    /// The message.
    pub message: Arc<Message>,
    /// The event that made it so; none if it was so already.
    pub event: Option<EventId>,
}

impl Chat {
    /// Has a message say something else: the author only, within the edit window. With `versions` only if
    /// the message is at one of them ([`Message::version`]).
    ///
    /// # Errors
    /// [`ChatError`].
    pub async fn edit_message(
        &self,
        room: &RoomName,
        id: EventId,
        correction: Correction,
        versions: Option<Vec<String>>,
    ) -> Result<Changed, ChatError> {
        let edit = correction.check(self.content_limit)?;
        self.change(Command::Edit { room: room.clone(), id, edit, versions }).await
    }

    /// Deletes a message: the author only. Deleting it again changes nothing.
    ///
    /// # Errors
    /// [`ChatError`].
    pub async fn delete_message(&self, room: &RoomName, id: EventId, username: Username) -> Result<Changed, ChatError> {
        self.change(Command::Delete { room: room.clone(), id, username }).await
    }

    /// Adds a reaction or takes it back. Doing so again changes nothing.
    ///
    /// # Errors
    /// [`ChatError`].
    pub async fn react(
        &self,
        room: &RoomName,
        id: EventId,
        username: Username,
        emoji: &str,
        on: bool,
    ) -> Result<Changed, ChatError> {
        let emoji = emoji::parse(emoji).map_err(|invalid| vec![invalid])?;
        self.change(Command::React { room: room.clone(), id, username, emoji, on }).await
    }

    async fn change(&self, command: Command) -> Result<Changed, ChatError> {
        match self.journal.submit(command).await? {
            Outcome::Changed { message, event } => Ok(Changed { message, event }),
            _ => Err(ChatError::wrong_answer()),
        }
    }

    /// At most `limit` of what a message said before, oldest first, after the edit `after`; and the edit
    /// to read on after, if there is more. While names are only claimed, whoever can read the message may.
    ///
    /// # Errors
    /// [`ChatError`].
    pub async fn revisions(
        &self,
        name: &RoomName,
        id: EventId,
        after: EventId,
        limit: usize,
    ) -> Result<(Vec<Revision>, Option<EventId>), ChatError> {
        let room = self.room_of(name, id).await?;
        let mut revisions = self.store.revisions(&room, id, after, limit as u64 + 1).await?;
        let has_more = revisions.len() > limit;
        revisions.truncate(limit);
        let next = revisions.last().filter(|_| has_more).map(|(edit, _)| *edit);
        Ok((revisions.into_iter().map(|(_, revision)| revision).collect(), next))
    }

    /// At most `limit` of those who reacted to a message with an emoji, in the order they did, after the
    /// event `after`; and the event to read on after, if there are more.
    ///
    /// # Errors
    /// [`ChatError`].
    pub async fn reactors(
        &self,
        name: &RoomName,
        id: EventId,
        emoji: &str,
        after: EventId,
        limit: usize,
    ) -> Result<(Vec<Reactor>, Option<EventId>), ChatError> {
        let emoji = emoji::parse(emoji).map_err(|invalid| vec![invalid])?;
        let room = self.room_of(name, id).await?;
        let mut reactors = self.store.reactors(&room, id, &emoji, after, limit as u64 + 1).await?;
        let has_more = reactors.len() > limit;
        reactors.truncate(limit);
        let next = reactors.last().filter(|_| has_more).map(|reactor| reactor.event);
        Ok((reactors, next))
    }

    /// The room of a message that is there.
    async fn room_of(&self, name: &RoomName, id: EventId) -> Result<Room, ChatError> {
        let missing = ChatError::NotFound("message");
        let Some(room) = self.store.room(name).await? else { return Err(missing) };
        if self.store.message(&room, id).await?.is_some() { Ok(room) } else { Err(missing) }
    }
}
