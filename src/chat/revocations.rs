//! The watcher of revocations: ends what is read by a right that is lost, and holds deliveries back while it can't know.
//!
//! Each loss of a right raises one number in the database, whoever takes it away. The watcher reads that number again
//! and again, and at once when this process has written it; only when it has moved are the readers looked at.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use tokio::time::{Instant, MissedTickBehavior, interval};

#[cfg(test)]
mod tests;

use super::{Chat, ChatError, NotProven, Refused};
use crate::{
    domain::{
        EventId,
        name::{RoomName, Username},
        policy::{Act, Actor, RoomStanding, may},
        rights::Right,
        timestamp::Timestamp,
    },
    hub::registry::{CloseReason, Registration},
    identity::authenticator::Authenticator,
    store::error::StoreError,
};

/// The most credentials that are looked up by one query.
const AT_ONCE: usize = 500;

/// Watches for lost rights, where credentials are required.
#[derive(Debug)]
pub struct Revocations {
    chat: Arc<Chat>,
    authenticator: Arc<Authenticator>,
    /// The version of everybody's rights by which all readers read; absent before the first look.
    seen: Option<i64>,
    /// The rooms some of whose readers may have lost the right by an event, and that were not all looked at.
    waiting: Vec<(RoomName, EventId)>,
}

impl Revocations {
    /// A watcher over the readers of a chat; absent in open mode, where nobody has a right that could be lost.
    #[must_use]
    pub fn of(chat: &Arc<Chat>) -> Option<Self> {
        let authenticator = chat.authenticator.clone()?;
        Some(Self { chat: chat.clone(), authenticator, seen: None, waiting: Vec::new() })
    }

    /// Looks again and again. Never ends.
    pub async fn run(mut self) {
        let mut due = interval(self.chat.hub.timings().revocation_interval);
        due.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut is_heard = true;
        loop {
            tokio::select! {
                _ = due.tick() => {}
                () = self.authenticator.written() => {}
                () = self.chat.hub.closings().added() => {}
            }
            let asked_at = Instant::now();
            match self.look_again().await {
                Ok(()) => {
                    if self.chat.hub.freshness().confirm(asked_at) {
                        tracing::warn!("deliveries go on: it is known again who has lost a right");
                        self.chat.hub.registry().wake_held();
                    }
                    is_heard = true;
                }
                Err(error) => {
                    if std::mem::take(&mut is_heard) {
                        tracing::warn!(%error, "it can't be read who has lost a right: soon nothing is delivered");
                    }
                }
            }
        }
    }

    /// Looks at rooms that are for fewer than before, and then at everybody if somebody has lost a right.
    async fn look_again(&mut self) -> Result<(), StoreError> {
        for (room, after) in self.chat.hub.closings().take() {
            self.waiting.push((room, after));
        }
        while let Some((room, after)) = self.waiting.last() {
            self.look_at_readers_of(room, *after).await?;
            self.waiting.pop();
        }
        // First, so that whoever goes on by a credential is looked at by that one.
        self.go_on().await?;
        self.look().await
    }

    /// Has the readers of a room, who are held after an event, go on or leave it.
    async fn look_at_readers_of(&self, name: &RoomName, after: EventId) -> Result<(), StoreError> {
        let room = self.chat.store.room(name).await?;
        let readers = self.chat.hub.registry().readers_of(name);
        let now = self.chat.clock.now();
        let is_ownerless = match &room {
            Some(room) => self.chat.hub.is_ownerless(room).await?,
            None => false,
        };
        for readers in readers.chunks(AT_ONCE) {
            let actors: Vec<_> = readers.iter().map(|reader| reader.actor()).collect();
            let users: HashSet<_> = actors.iter().flatten().filter_map(Actor::user).map(Username::key).collect();
            let memberships = match &room {
                Some(room) => self.chat.store.memberships_of(room.id, &Vec::from_iter(users)).await?,
                None => HashMap::new(),
            };
            for (reader, actor) in readers.iter().zip(&actors) {
                let Some(actor) = actor else { continue };
                let membership = actor.user().and_then(|user| memberships.get(user.key()));
                let standing = RoomStanding { name, room: room.as_ref(), membership, is_ownerless, now };
                match may(actor, Act::ReadRoom, &standing.into()) {
                    Ok(()) => reader.resume(name, after),
                    Err(why) => reader.leave(name, Some(after), why),
                }
            }
        }
        Ok(())
    }

    /// Has those go on whose credential ends soon and who were given another, on whichever node.
    async fn go_on(&self) -> Result<(), StoreError> {
        let registry = self.chat.hub.registry();
        for readers in registry.expiring().chunks(AT_ONCE) {
            let streams: Vec<_> = readers.iter().filter_map(|reader| reader.stream()).collect();
            for (stream, now) in self.authenticator.renewals(&streams).await? {
                let Some(reader) = readers.iter().find(|reader| reader.stream() == Some(&stream)) else { continue };
                let Some(before) = reader.actor().filter(|before| is_followed(before, &now)) else { continue };
                self.look_at_rooms(reader, &now).await?;
                registry.go_on(reader, now.as_asked_by(&before));
            }
        }
        Ok(())
    }

    /// Ends what is read by a right that was lost since the last look.
    async fn look(&mut self) -> Result<(), StoreError> {
        let version = self.authenticator.version().await?;
        if self.seen == Some(version) {
            return Ok(());
        }
        for credentials in self.chat.hub.registry().by_credential().chunks(AT_ONCE) {
            self.look_at(version, credentials).await?;
        }
        // Whoever came meanwhile has asked after that version was there.
        self.seen = Some(version);
        Ok(())
    }

    /// Looks at readers, those of one credential together.
    async fn look_at(&self, version: i64, credentials: &[Vec<Arc<Registration>>]) -> Result<(), StoreError> {
        let before = credentials.iter().map(|readers| readers.first().and_then(|reader| reader.actor()));
        let before: Vec<_> = before.map(Option::unwrap_or_default).collect();
        let now = self.authenticator.renewed_all(version, &before).await?;
        for (readers, now) in credentials.iter().zip(now) {
            match now {
                Ok(now) => {
                    for reader in readers {
                        self.look_at_rooms(reader, &now).await?;
                    }
                }
                Err(NotProven::Store(error)) => return Err(error),
                Err(why) => {
                    let why = CloseReason::Denied(why.denied());
                    for reader in readers {
                        reader.close(why);
                    }
                }
            }
        }
        Ok(())
    }

    /// Has a reader leave the rooms that it may read no longer, if its credential gives something else than when it began.
    /// Admins read more than their credential says: rooms that no owner can see to, until one is able again.
    async fn look_at_rooms(&self, reader: &Registration, now: &Actor) -> Result<(), StoreError> {
        // They may have begun at different times, each by what the credential gave then.
        let is_looked_at = |before: &Actor| !is_the_same(before, now) || is_admin(now);
        let Some(before) = reader.actor().filter(is_looked_at) else { return Ok(()) };
        let now = now.clone().as_asked_by(&before);
        for room in &reader.rooms {
            match self.chat.may_in(&now, Act::ReadRoom, room).await {
                Ok(()) => {}
                Err(ChatError::Refused(Refused::Denied(why))) if why.is_of_credential() => {
                    reader.close(CloseReason::Denied(why));
                }
                Err(ChatError::Refused(Refused::Denied(why))) => reader.leave(room, None, why),
                Err(error) => return Err(StoreError::Unavailable(error.to_string())),
            }
        }
        Ok(())
    }
}

fn is_admin(actor: &Actor) -> bool {
    actor.grant().is_some_and(|grant| grant.rights.contains(Right::Admin))
}

/// Returns true if a credential is of the same user and ends later.
fn is_followed(before: &Actor, now: &Actor) -> bool {
    let user = |actor: &Actor| actor.user().map(|user| user.key().clone());
    let end = |actor: &Actor| actor.grant().map(|grant| grant.expires_at.unwrap_or(Timestamp::from_micros(i64::MAX)));
    user(before) == user(now) && end(before) < end(now)
}

/// Returns true if the credential still gives the same.
fn is_the_same(before: &Actor, now: &Actor) -> bool {
    let given = |actor: &Actor| actor.grant().map(|grant| (grant.rights, grant.rooms.clone(), grant.kind));
    given(before) == given(now)
}
