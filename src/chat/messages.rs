//! Posting messages, and reading them as they are now.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::{Chat, ChatError, Committed};
pub use crate::journal::command::Posted;
use crate::{
    domain::{
        EventId,
        event::TypeSet,
        limit::Limit,
        message::{Draft, Message, Range},
        meter::Meter,
        name::RoomName,
        page,
        policy::{Act, Actor},
        version::Precondition,
    },
    hub::registry::Transport,
};

/// A page of messages.
#[derive(Debug)]
pub struct Page {
    /// The messages, oldest first.
    pub messages: Vec<Message>,
    /// True if there are more in the direction asked.
    pub has_more: bool,
}

impl Chat {
    /// Posts a message. Once this answers, it is on disk.
    ///
    /// # Errors
    /// [`ChatError`]; after [`Refused::Unavailable`](crate::journal::Refused::Unavailable) it is not known to be
    /// stored.
    pub async fn post_message(
        &self,
        actor: &Actor,
        room: &RoomName,
        draft: Draft,
    ) -> Result<Committed<Posted>, ChatError> {
        // Where credentials are required nobody makes a room by posting there.
        let may_make_room = actor.grant().is_none() && self.count_new_room(actor, room).await?;
        if may_make_room {
            // Many may post to a new room at once, and one of them makes it.
            self.limits.put_back(Limit::Rooms, actor);
        }
        let posted = self.count_and_post(actor, room, draft).await;
        if may_make_room && posted.as_ref().is_ok_and(|posted| posted.event == Some(1)) {
            let told = actor.meter().and_then(Meter::counted);
            // Others may have made the last ones meanwhile; this one is there.
            let _ = self.count(Limit::Rooms, actor);
            if let Some((meter, told)) = actor.meter().zip(told) {
                meter.note(told);
            }
        }
        posted
    }

    async fn count_and_post(
        &self,
        actor: &Actor,
        room: &RoomName,
        draft: Draft,
    ) -> Result<Committed<Posted>, ChatError> {
        if let Err(refused) = self.count(Limit::Posts, actor) {
            // Who asks again for an answer that was lost is given it: told to wait, a client might believe that the
            // message is not there, and post it under another key.
            let stored = match &draft.client_id {
                Some(client_id) => self.message_by_key(actor, room, client_id).await.ok().flatten(),
                None => None,
            };
            stored.ok_or(refused)?;
        }
        self.submit(actor, room, Precondition::default(), draft).await
    }

    /// A page of messages; in a room that nobody has made it is empty.
    ///
    /// # Errors
    /// [`ChatError`].
    pub async fn messages(&self, actor: &Actor, name: &RoomName, range: Range, limit: u64) -> Result<Page, ChatError> {
        let Some(room) = self.readable(actor, name).await? else {
            return Ok(Page { messages: Vec::new(), has_more: false });
        };
        let (mut messages, has_more) = self.store.messages(&room, range, limit).await?;
        let is_cut = match range {
            Range::After(_) => page::keep_first(&mut messages),
            Range::Newest | Range::Before(_) => page::keep_last(&mut messages),
        };
        Ok(Page { messages, has_more: has_more || is_cut })
    }

    /// Waits up to `wait` for a message after a cursor.
    ///
    /// # Errors
    /// [`ChatError`].
    pub async fn await_message(
        &self,
        actor: &Actor,
        name: &RoomName,
        after: EventId,
        wait: Duration,
    ) -> Result<(), ChatError> {
        let deadline = Instant::now() + wait;
        let deadline = self.hub.end_of(actor).map_or(deadline, |end| end.min(deadline));
        // Entered before it is asked, so that a right that is lost meanwhile is heard of.
        let entry = actor.grant().map(|_| {
            let rooms = Box::from([name.clone()]);
            self.hub.registry().enter(actor, rooms, None, TypeSet::ALL, Transport::LongPoll)
        });
        let ordered = async || match &entry {
            Some(entry) => entry.ordered().await,
            None => std::future::pending().await,
        };
        // Watched before it is read, so that what comes in between is not missed; and held, since a room that
        // nobody holds leaves memory, and says nothing more to those who watch.
        let watched = self.hub.room(name);
        let mut marks = watched.watch();
        loop {
            let head = marks.borrow_and_update().head;
            if let Some(room) = self.readable(actor, name).await?
                && !self.store.messages(&room, Range::After(after), 1).await?.0.is_empty()
            {
                return Ok(());
            }
            let ends = tokio::select! {
                moved = timeout_at(deadline, marks.wait_for(|now| now.head > head)) => !matches!(moved, Ok(Ok(_))),
                () = ordered() => false,
                () = self.closing.cancelled() => true,
            };
            if ends {
                return Ok(());
            }
        }
    }

    /// One message as it is now.
    ///
    /// # Errors
    /// [`ChatError`].
    pub async fn message(&self, actor: &Actor, name: &RoomName, id: EventId) -> Result<Message, ChatError> {
        let message = match self.readable(actor, name).await? {
            Some(room) => self.store.message(&room, id).await?,
            None => None,
        };
        message.ok_or(ChatError::NotFound("message"))
    }

    /// The message that the actor posted with an idempotency key, as it is now.
    ///
    /// # Errors
    /// [`ChatError`].
    pub async fn message_by_key(
        &self,
        actor: &Actor,
        name: &RoomName,
        client_id: &str,
    ) -> Result<Option<Message>, ChatError> {
        let user = actor.name()?.key().clone();
        match self.room_for(actor, Act::CountUnread, name).await? {
            Some(room) => Ok(self.store.message_by_key(&room, &user, client_id).await?),
            None => Ok(None),
        }
    }
}
