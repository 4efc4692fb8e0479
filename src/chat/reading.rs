//! Reading rooms as they happen, and being seen there.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use tokio::time::Instant;
use tokio_stream::Stream;

#[cfg(test)]
mod tests;

use super::{Chat, ChatError, Refused};
pub use crate::hub::{
    frame::{Frame, Placed},
    people::STATE_FRAMES,
    queries::{Start, Wanted},
    reader::{Request, StateDue},
    registry::Transport,
};
use crate::{
    domain::{
        EventId,
        limit::Limit,
        name::{RoomName, UserKey, Username},
        policy::{Act, Actor, Denied},
    },
    hub::{registry::CloseReason, room::Room, subscription::Subscription, typing::TypingBy},
    limits::readers::ReaderPlace,
};

impl Chat {
    /// Begins to read a room, as the actor if that has a name.
    ///
    /// # Errors
    /// [`ChatError`], when the store is needed and out.
    pub async fn read(
        &self,
        actor: &Actor,
        room: &RoomName,
        start: Start,
        request: Request,
    ) -> Result<Reading, ChatError> {
        let place = self.begin_reading(actor, &request)?;
        self.may_in(actor, Act::ReadRoom, room).await?;
        let request = as_seen_by(actor, request);
        let reading = self.reading(self.hub.subscribe(actor, room, start, request).await?, place);
        // Who lost the right before this reader was entered was not found among the readers.
        self.may_in(actor, Act::ReadRoom, room).await?;
        Ok(reading)
    }

    /// Begins to read several rooms as one. Those that may not be read are told as such, if another one may.
    ///
    /// # Errors
    /// [`ChatError`], when the store is needed and out.
    pub async fn read_all(
        &self,
        actor: &Actor,
        rooms: Vec<(RoomName, Start)>,
        request: Request,
    ) -> Result<Reading, ChatError> {
        let place = self.begin_reading(actor, &request)?;
        let mut wanted = Vec::with_capacity(rooms.len());
        for (room, start) in rooms {
            let denied = match self.may_in(actor, Act::ReadRoom, &room).await {
                Ok(()) => None,
                Err(ChatError::Refused(Refused::Denied(why))) => Some(why),
                Err(error) => return Err(error),
            };
            wanted.push(Wanted { room, start, denied });
        }
        if let Some(why) = wanted.iter().map(|wanted| wanted.denied).min_by_key(Option::is_some).flatten() {
            return Err(Refused::Denied(why).into());
        }
        let is_of_absent = wanted.iter().any(|wanted| wanted.denied == Some(Denied::NoSuchRoom));
        let readable: Vec<_> = wanted.iter().filter(|it| it.denied.is_none()).map(|it| it.room.clone()).collect();
        let request = as_seen_by(actor, request);
        let subscription = self.hub.subscribe_to_all(actor, wanted, request).await?;
        let reading = Reading { is_of_absent, ..self.reading(subscription, place) };
        for room in &readable {
            match self.may_in(actor, Act::ReadRoom, room).await {
                Err(ChatError::Refused(Refused::Denied(why))) if !why.is_of_credential() => {
                    reading.subscription.registration().leave(room, None, why);
                }
                asked_again => asked_again?,
            }
        }
        Ok(reading)
    }

    /// The reader is seen as the actor. Only the first name counts.
    ///
    /// # Errors
    /// [`ChatError`], when the policy forbids it.
    pub async fn join(&self, actor: &Actor, reading: &mut Reading) -> Result<(), ChatError> {
        self.may_in(actor, Act::Attend, reading.subscription.room().name()).await?;
        reading.subscription.join_as(actor.name()?);
        Ok(())
    }

    /// The actor types, or no longer, as said by a reader: it holds until the reader says otherwise, or ends.
    ///
    /// # Errors
    /// [`ChatError`], when the policy forbids it.
    pub async fn type_in(&self, actor: &Actor, reading: &mut Reading, is_typing: bool) -> Result<(), ChatError> {
        self.count(Limit::Typing, actor)?;
        self.may_in(actor, Act::Type, reading.subscription.room().name()).await?;
        let user = actor.name()?;
        reading.subscription.type_as(user.clone());
        reading.typing.set(user, is_typing);
        Ok(())
    }

    /// Counts a reader that begins. A poll is a request like others, and a reader as long as it waits.
    fn begin_reading(&self, actor: &Actor, request: &Request) -> Result<Option<ReaderPlace>, ChatError> {
        if request.transport != Transport::LongPoll {
            self.count(Limit::Streams, actor)?;
        }
        self.limits.begin_reading(actor).map_err(ChatError::TooManyReaders)
    }

    fn reading(&self, subscription: Subscription, place: Option<ReaderPlace>) -> Reading {
        let typing = ReaderTyping::new(&subscription, self.hub.timings().socket_typing_lapse);
        Reading { subscription, typing, is_of_absent: false, _place: place }
    }
}

/// The same request, of what the actor may be told.
fn as_seen_by(actor: &Actor, request: Request) -> Request {
    let types = if actor.is_guest() { request.types.for_guests() } else { request.types };
    Request { types, ..request }
}

/// A reader of one or more rooms, as a stream of all the events that are ready together.
///
/// It ends only when the server does, or its right to read.
#[derive(Debug)]
pub struct Reading {
    subscription: Subscription,
    typing: ReaderTyping,
    is_of_absent: bool,
    /// Its place among the readers of the user or the address.
    _place: Option<ReaderPlace>,
}

impl Reading {
    /// Returns true if one of its rooms was not there when it began, as far as its reader may know.
    #[must_use]
    pub fn is_of_absent(&self) -> bool {
        self.is_of_absent
    }

    /// The denial that ended it; absent while it goes on, and when the server ends.
    #[must_use]
    pub fn denied(&self) -> Option<Denied> {
        match self.subscription.ended() {
            Some(CloseReason::Denied(why)) => Some(why),
            Some(CloseReason::Shutdown) | None => None,
        }
    }

    /// The one who reads, where credentials are required: another credential may have followed the first.
    #[must_use]
    pub fn actor(&self) -> Option<Actor> {
        self.subscription.registration().actor()
    }

    /// The events that are ready, or become so until `deadline`; absent if there are none by then.
    pub async fn next_until(&mut self, deadline: Instant) -> Option<Vec<Placed>> {
        self.subscription.next_until(deadline).await
    }

    /// From now on it takes no more than this at once.
    pub fn take_at_most(&mut self, limit: usize) {
        self.subscription.take_at_most(limit);
    }

    /// The cursor in the first room up to which everything was given or filtered out.
    #[must_use]
    pub fn cursor(&self) -> EventId {
        self.subscription.cursor()
    }

    /// Returns true if the log of the first room goes on past the cursor.
    #[must_use]
    pub fn has_more(&self) -> bool {
        self.subscription.has_more()
    }

    /// A word for who is here and who types in the first room, as far as this reader was told.
    #[must_use]
    pub fn state_word(&self) -> String {
        self.subscription.state_word()
    }

    /// Ends the reader, whose user stays for `lease` more.
    pub fn end_with_lease(self, lease: Duration) {
        self.subscription.end_with_lease(lease);
    }
}

impl Stream for Reading {
    type Item = Vec<Placed>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Vec<Placed>>> {
        Pin::new(&mut self.get_mut().subscription).poll_next(cx)
    }
}

/// Typing as a reader says it. One reader types under one name at a time.
#[derive(Debug)]
struct ReaderTyping {
    room: Arc<Room>,
    by: TypingBy,
    /// The time that typing holds unless it is repeated.
    lapse: Duration,
    /// The user who types.
    user: Option<UserKey>,
}

impl ReaderTyping {
    /// Nobody types yet.
    fn new(reader: &Subscription, lapse: Duration) -> Self {
        Self { room: reader.room().clone(), by: TypingBy::Reader(reader.id()), lapse, user: None }
    }

    /// The user types, or no longer.
    fn set(&mut self, username: &Username, is_typing: bool) {
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

impl Drop for ReaderTyping {
    fn drop(&mut self) {
        self.stop();
    }
}
