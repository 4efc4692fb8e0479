//! Who is in a room, who types and who has read: what changes it, what time ends of it, and how readers are
//! told.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;

use super::{
    super::{frame::Frame, presence::CROWD, reads::Telling, ring::EphemeralSlot},
    Room, State,
};
use crate::domain::{
    event::{EventBody, PresentUser, ServiceStatus, Status},
    name::{UserKey, Username},
    read_cursor::ReadCursor,
};

impl Room {
    /// Who is here, by name.
    #[must_use]
    pub fn users(&self) -> Vec<PresentUser> {
        self.look().presence.users()
    }

    /// How many are here.
    #[must_use]
    pub fn online(&self) -> usize {
        self.look().presence.online()
    }

    /// A connection of the user begins; it ends when the answer is dropped.
    #[must_use]
    pub fn attend(self: &Arc<Self>, username: &Username) -> Attendance {
        let mut state = self.state();
        if state.presence.enter(username, Instant::now(), self.clock.now()) {
            self.say_status(&mut state, username, Status::Online);
        }
        self.wake(state);
        Attendance { room: self.clone(), user: username.key().clone(), lease: Duration::ZERO }
    }

    /// The user types for `hold` from now on, unless said again.
    pub fn start_typing(self: &Arc<Self>, username: &Username, hold: Duration) {
        let mut state = self.state();
        let until = Instant::now() + hold;
        if state.typing.start(username, until) {
            self.say_typing(&mut state, username, true);
        }
        self.lapse_by(&mut state, until);
        self.wake(state);
    }

    /// The user no longer types.
    pub fn stop_typing(&self, user: &UserKey) {
        let mut state = self.state();
        if let Some(username) = state.typing.stop(user) {
            self.say_typing(&mut state, &username, false);
        }
        self.wake(state);
    }

    /// Takes how far people have read by now.
    pub fn note_read(self: &Arc<Self>, cursors: &[ReadCursor]) {
        if cursors.is_empty() {
            return;
        }
        let mut state = self.state();
        let now = Instant::now();
        for cursor in cursors {
            let online = state.presence.online();
            match state.reads.note(cursor, online, now) {
                Telling::Now => self.say_read(&mut state, cursor),
                Telling::Everything => state.ephemeral.push(EphemeralSlot { frame: None, not_to: None }),
                Telling::Later | Telling::Nothing => {}
            }
        }
        if let Some(at) = state.reads.next_expiry() {
            self.lapse_by(&mut state, at);
        }
        state.used_at = now;
        self.wake(state);
    }

    /// Tells the readers how the store stands.
    pub fn say_service(&self, status: ServiceStatus) {
        let mut state = self.state();
        let frame = Frame::new(&EventBody::ServiceStatus { room: &self.name, status });
        state.ephemeral.push(EphemeralSlot { frame: Some(frame), not_to: None });
        self.wake(state);
    }

    /// Ends what has run out, and asks to be looked at again.
    pub(in crate::hub) fn lapse(self: &Arc<Self>, now: Instant, not_before: Instant) {
        let mut state = self.state();
        state.lapse_at = None;
        for username in state.typing.expire(now) {
            self.say_typing(&mut state, &username, false);
        }
        for username in state.presence.expire(now) {
            self.say_status(&mut state, &username, Status::Offline);
        }
        for cursor in state.reads.expire(now) {
            self.say_read(&mut state, &cursor);
        }
        if state.digest_at.is_some_and(|at| at <= now) {
            say_digest(&mut state, now);
        }
        let next =
            [state.typing.next_expiry(), state.presence.next_expiry(), state.reads.next_expiry(), state.digest_at];
        let next = next.into_iter().flatten().min();
        if let Some(next) = next {
            self.lapse_by(&mut state, next.max(not_before));
        }
        self.wake(state);
    }

    pub(super) fn say_typing(&self, state: &mut State, username: &Username, is_typing: bool) {
        let timestamp = self.clock.now();
        let frame = Frame::new(&EventBody::TypingIndicator { room: &self.name, username, is_typing, timestamp });
        state.ephemeral.push(EphemeralSlot { frame: Some(frame), not_to: Some(username.key().clone()) });
    }

    fn say_read(&self, state: &mut State, cursor: &ReadCursor) {
        let (username, last_read_id) = (&cursor.username, cursor.last_read_id);
        let frame = Frame::new(&EventBody::ReadReceipt { room: &self.name, username, last_read_id });
        state.ephemeral.push(EphemeralSlot { frame: Some(frame), not_to: None });
    }

    /// Tells that somebody came or went; of a crowd only the number is told, now and then.
    fn say_status(self: &Arc<Self>, state: &mut State, username: &Username, status: Status) {
        let now = Instant::now();
        let was_crowd = state.digested_at.is_some();
        match (was_crowd, state.presence.online() > CROWD) {
            (false, false) => {
                let timestamp = self.clock.now();
                let frame = Frame::new(&EventBody::UserStatus { room: &self.name, username, status, timestamp });
                state.ephemeral.push(EphemeralSlot { frame: Some(frame), not_to: Some(username.key().clone()) });
            }
            (true, false) => {
                (state.digest_at, state.digested_at) = (None, None);
                state.ephemeral.push(EphemeralSlot { frame: None, not_to: None });
            }
            (_, true) => match state.digested_at {
                Some(last) if now < last + self.digest_interval => {
                    let at = *state.digest_at.get_or_insert(last + self.digest_interval);
                    self.lapse_by(state, at);
                }
                _ => say_digest(state, now),
            },
        }
    }

    /// Has the lapses look at this room by `at`.
    fn lapse_by(self: &Arc<Self>, state: &mut State, at: Instant) {
        if state.lapse_at.is_none_or(|scheduled| at < scheduled) {
            state.lapse_at = Some(at);
            self.lapses.schedule(at, Arc::downgrade(self));
        }
    }

    fn leave(self: &Arc<Self>, user: &UserKey, lease: Duration) {
        let mut state = self.state();
        if let Some(gone_at) = state.presence.leave(user, Instant::now(), lease) {
            self.lapse_by(&mut state, gone_at);
        }
        state.used_at = Instant::now();
    }
}

/// Has every reader told the whole state.
fn say_digest(state: &mut State, now: Instant) {
    (state.digest_at, state.digested_at) = (None, Some(now));
    state.ephemeral.push(EphemeralSlot { frame: None, not_to: None });
}

/// A user's connection to a room: while it lives, the user is here.
#[derive(Debug)]
pub struct Attendance {
    room: Arc<Room>,
    user: UserKey,
    lease: Duration,
}

impl Attendance {
    /// Ends the connection, and counts it as open for `lease` more.
    pub fn end_with_lease(mut self, lease: Duration) {
        self.lease = lease;
    }
}

impl Drop for Attendance {
    fn drop(&mut self) {
        self.room.leave(&self.user, self.lease);
    }
}
