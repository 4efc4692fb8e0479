//! The people of a room: presence, typing and read cursors, and the events by which readers are told of them.

use std::time::Duration;

use tokio::time::Instant;

use super::{
    digest::{Digest, Telling},
    frame::{Frame, Placed},
    position::{Position, ReadFilter},
    presence::{CROWD, Presence, PresencePage},
    read_cursors::ReadCursors,
    ring::{Ephemeral, EphemeralSlot},
    typing::{TYPING_CROWD, Typing, TypingBy},
};
use crate::{
    clock::Clock,
    config::Timings,
    domain::{
        event::{EventBody, EventType, ServiceStatus, Status},
        name::{RoomName, UserKey, Username},
        read_cursor::ReadCursor,
    },
};

/// The number of events that tell the state of the people.
pub const STATE_FRAMES: usize = 2;

/// The people's part of a read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TakenPeople {
    /// Everything, or as much as it takes at once.
    Ready,
    /// Nothing of the state: the read cursors have to be loaded first.
    NoCursors,
}

/// Everything that is known of a room's people.
#[derive(Debug)]
pub struct People {
    room: RoomName,
    clock: Clock,
    pub(super) ephemeral: Ephemeral,
    pub(super) presence: Presence,
    typing: Typing,
    pub(super) cursors: ReadCursors,
    crowd: Digest,
    typing_crowd: Digest,
}

impl People {
    /// Nobody yet.
    #[must_use]
    pub fn new(room: RoomName, clock: Clock, timings: &Timings) -> Self {
        Self {
            room,
            clock,
            ephemeral: Ephemeral::default(),
            presence: Presence::new(timings.presence_grace),
            typing: Typing::default(),
            cursors: ReadCursors::new(timings.read_receipt_interval),
            crowd: Digest::new(CROWD, timings.presence_digest_interval),
            typing_crowd: Digest::new(TYPING_CROWD, timings.presence_digest_interval),
        }
    }

    /// Begins a connection of the user.
    pub fn enter(&mut self, username: &Username, now: Instant) {
        if self.presence.enter(username, now, self.clock.now()) {
            self.tell_status(username, Status::Online, now);
        }
    }

    /// Ends a connection of the user, which counts as open for `lease` more.
    pub fn leave(&mut self, user: &UserKey, now: Instant, lease: Duration) {
        self.presence.leave(user, now, lease);
    }

    /// At most `limit` users who are here, by name, after `after`.
    #[must_use]
    pub fn page(&self, after: Option<&UserKey>, limit: usize) -> PresencePage {
        self.presence.page(after, limit)
    }

    /// The user types until `until`, unless said again.
    pub fn start_typing(&mut self, username: &Username, by: TypingBy, until: Instant, now: Instant) {
        if self.typing.start(username, by, until) {
            self.tell_typing(username, true, now);
        }
    }

    /// The user no longer types on one connection, or on none.
    pub fn stop_typing(&mut self, user: &UserKey, by: Option<TypingBy>, now: Instant) {
        let stopped = match by {
            Some(by) => self.typing.stop(user, by),
            None => self.typing.stop_all(user),
        };
        if let Some(username) = stopped {
            self.tell_typing(&username, false, now);
        }
    }

    /// Takes read cursors that moved.
    pub fn note_read(&mut self, cursors: &[ReadCursor], now: Instant) {
        for cursor in cursors {
            match self.cursors.note(cursor, self.presence.online(), now) {
                Telling::Now => self.tell_read(cursor),
                Telling::Everything => self.tell_everything(),
                Telling::Later | Telling::Nothing => {}
            }
        }
    }

    /// Tells the readers how the store stands.
    pub fn tell_service(&mut self, status: ServiceStatus) {
        tell(&mut self.ephemeral, &EventBody::ServiceStatus { room: &self.room, status }, None);
    }

    /// Ends what has run out by `now`, at most `limit` things of it. Returns true if that was all.
    pub fn expire(&mut self, now: Instant, limit: usize) -> bool {
        for _ in 0..limit {
            if let Some(username) = self.typing.expire(now) {
                self.tell_typing(&username, false, now);
            } else if let Some(username) = self.presence.expire(now) {
                self.tell_status(&username, Status::Offline, now);
            } else if let Some(cursor) = self.cursors.expire(now) {
                self.tell_read(&cursor);
            } else if self.crowd.expire(now) || self.typing_crowd.expire(now) {
                self.tell_everything();
            } else {
                return true;
            }
        }
        false
    }

    /// The time at which something runs out next.
    #[must_use]
    pub fn next_expiry(&self) -> Option<Instant> {
        let all = [
            self.typing.next_expiry(),
            self.presence.next_expiry(),
            self.cursors.next_expiry(),
            self.crowd.next_expiry(),
            self.typing_crowd.next_expiry(),
        ];
        all.into_iter().flatten().min()
    }

    /// The number of users who are here or type.
    #[must_use]
    pub fn count(&self) -> usize {
        self.presence.online() + self.typing.count(None)
    }

    /// Returns true if nobody is here and nobody types.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count() == 0
    }

    /// Gives a reader what is new for it, and moves its position past it.
    pub(super) fn take(
        &self,
        filter: &ReadFilter,
        position: &mut Position,
        asked_cursors: bool,
        out: &mut Vec<Placed>,
    ) -> TakenPeople {
        if !position.state_due {
            let Some(slots) = self.ephemeral.since(position.seen) else {
                position.state_due = true;
                return self.take(filter, position, asked_cursors, out);
            };
            for slot in slots {
                if out.len() >= filter.limit {
                    return TakenPeople::Ready;
                }
                position.seen += 1;
                let Some(frame) = &slot.frame else {
                    position.state_due = true;
                    break;
                };
                if filter.types.has(frame.kind()) && (slot.not_to.is_none() || slot.not_to.as_ref() != filter.user()) {
                    out.push(frame.clone().into());
                }
            }
        }
        if position.state_due {
            if !out.is_empty() && out.len() + STATE_FRAMES > filter.limit {
                return TakenPeople::Ready;
            }
            if filter.types.has(EventType::ReadState) && !self.cursors.is_known() && !asked_cursors {
                return TakenPeople::NoCursors;
            }
            self.take_state(filter, out);
            position.state_due = false;
        }
        position.seen = self.ephemeral.count();
        TakenPeople::Ready
    }

    fn take_state(&self, filter: &ReadFilter, out: &mut Vec<Placed>) {
        if filter.types.has(EventType::PresenceState) {
            let online = self.presence.online();
            let shown = if online > CROWD { 0 } else { CROWD };
            let users = self.presence.page(None, shown).users;
            let typing = self.typing.users(filter.user(), TYPING_CROWD);
            let typing_count = self.typing.count(filter.user());
            out.push(
                Frame::new(&EventBody::PresenceState {
                    room: &self.room,
                    online,
                    users: &users,
                    typing: &typing,
                    typing_count,
                })
                .into(),
            );
        }
        if filter.types.has(EventType::ReadState) {
            out.extend(self.cursors.frame(&self.room).map(Placed::from));
        }
    }

    /// Has every reader told the whole state.
    fn tell_everything(&mut self) {
        self.ephemeral.push(EphemeralSlot { frame: None, not_to: None });
    }

    /// Tells that somebody types, or no longer; of a crowd only the number and some names are told, now and then.
    fn tell_typing(&mut self, username: &Username, is_typing: bool, now: Instant) {
        match self.typing_crowd.note(self.typing.count(None), now) {
            Telling::Now => {
                let timestamp = self.clock.now();
                let event = EventBody::TypingIndicator { room: &self.room, username, is_typing, timestamp };
                tell(&mut self.ephemeral, &event, Some(username.key()));
            }
            Telling::Everything => self.tell_everything(),
            Telling::Later | Telling::Nothing => {}
        }
    }

    fn tell_read(&mut self, cursor: &ReadCursor) {
        let (username, last_read_id) = (&cursor.username, cursor.last_read_id);
        tell(&mut self.ephemeral, &EventBody::ReadReceipt { room: &self.room, username, last_read_id }, None);
    }

    /// Tells that somebody came or went; of a crowd only the number is told, now and then.
    fn tell_status(&mut self, username: &Username, status: Status, now: Instant) {
        match self.crowd.note(self.presence.online(), now) {
            Telling::Now => {
                let timestamp = self.clock.now();
                let event = EventBody::UserStatus { room: &self.room, username, status, timestamp };
                tell(&mut self.ephemeral, &event, Some(username.key()));
            }
            Telling::Everything => self.tell_everything(),
            Telling::Later | Telling::Nothing => {}
        }
    }
}

/// Has readers told of an event, except for one of them.
fn tell(ephemeral: &mut Ephemeral, event: &EventBody<'_>, not_to: Option<&UserKey>) {
    ephemeral.push(EphemeralSlot { frame: Some(Frame::new(event)), not_to: not_to.cloned() });
}
