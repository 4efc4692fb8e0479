//! Changing a message that is there: editing, deleting, reacting; and what is known of that.

use std::sync::Arc;

use super::{Chat, ChatError, Committed};
use crate::{
    domain::{
        EventId, emoji,
        limit::Limit,
        message::{Edit, Message, Reactor, Revision},
        name::RoomName,
        page,
        policy::Actor,
        room::Room,
        version::Precondition,
    },
    journal::command::{Delete, React},
};

impl Chat {
    /// Has a message say something else: the author only, within the edit window.
    ///
    /// # Errors
    /// [`ChatError`].
    pub async fn edit_message(
        &self,
        actor: &Actor,
        room: &RoomName,
        edit: Edit,
        when: Precondition,
    ) -> Result<Committed<Arc<Message>>, ChatError> {
        self.count(Limit::Edits, actor)?;
        self.submit(actor, room, when, edit).await
    }

    /// Deletes a message: the author only. Deleting it again changes nothing.
    ///
    /// # Errors
    /// [`ChatError`].
    pub async fn delete_message(
        &self,
        actor: &Actor,
        room: &RoomName,
        id: EventId,
        when: Precondition,
    ) -> Result<Committed<Arc<Message>>, ChatError> {
        self.count(Limit::Edits, actor)?;
        self.submit(actor, room, when, Delete { id }).await
    }

    /// Adds a reaction or takes it back. Doing so again changes nothing.
    ///
    /// # Errors
    /// [`ChatError`].
    pub async fn react(
        &self,
        actor: &Actor,
        room: &RoomName,
        id: EventId,
        emoji: &str,
        on: bool,
        when: Precondition,
    ) -> Result<Committed<Arc<Message>>, ChatError> {
        self.count(Limit::Reactions, actor)?;
        let react = React { id, emoji: emoji::parse(emoji)?, on };
        self.submit(actor, room, when, react).await
    }

    /// At most `limit` of what a message said before, oldest first, after the edit `after`; and the edit
    /// to read on after, if there is more. While names are only claimed, whoever can read the message may.
    ///
    /// # Errors
    /// [`ChatError`].
    pub async fn revisions(
        &self,
        actor: &Actor,
        name: &RoomName,
        id: EventId,
        after: EventId,
        limit: usize,
    ) -> Result<(Vec<Revision>, Option<EventId>), ChatError> {
        let (room, _) = self.message_of(actor, name, id).await?;
        let mut revisions = self.store.revisions(&room, id, after, limit as u64 + 1).await?;
        let shown = limit.min(page::fitting(revisions.iter().map(|(_, revision)| revision)));
        let has_more = revisions.len() > shown;
        revisions.truncate(shown);
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
        actor: &Actor,
        name: &RoomName,
        id: EventId,
        emoji: &str,
        after: EventId,
        limit: usize,
    ) -> Result<(Vec<Reactor>, Option<EventId>), ChatError> {
        let emoji = emoji::parse(emoji)?;
        let (room, message) = self.message_of(actor, name, id).await?;
        let shown = message.reactions.iter().map(|reaction| reaction.emoji.as_str());
        let emoji = emoji::among(shown, &emoji).unwrap_or(&emoji);
        let mut reactors = self.store.reactors(&room, id, emoji, after, limit as u64 + 1).await?;
        let has_more = reactors.len() > limit;
        reactors.truncate(limit);
        let next = reactors.last().filter(|_| has_more).map(|reactor| reactor.event);
        Ok((reactors, next))
    }

    /// A message that is there, and its room.
    async fn message_of(&self, actor: &Actor, name: &RoomName, id: EventId) -> Result<(Room, Message), ChatError> {
        let missing = || ChatError::NotFound("message");
        let room = self.readable(actor, name).await?.ok_or_else(missing)?;
        let message = self.store.message(&room, id).await?.ok_or_else(missing)?;
        Ok((room, message))
    }
}
