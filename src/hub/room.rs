//! A room in memory: the window of its log, its people, and the wake of its readers.

use std::{
    sync::{
        Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, Weak,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{sync::watch, time::Instant};

pub mod loads;
#[cfg(test)]
mod tests;

use super::{
    expirations::{Expirations, Expires},
    frame::Placed,
    people::{People, TakenPeople},
    position::{Position, ReadFilter},
    presence::PresencePage,
    ring::Slot,
    typing::TypingBy,
    window::{TakenLog, Window},
};
use crate::{
    clock::Clock,
    config::Timings,
    domain::{
        EventId,
        event::{Event, ServiceStatus},
        name::{RoomName, UserKey, Username},
        read_cursor::ReadCursor,
        room::FloorReason,
    },
};

/// About how many bytes a room takes with nothing in it: itself, its names, its place among the others.
pub(super) const ROOM_BYTES: usize = 1_536;
/// About how many bytes a user takes who is here or types, with a long name.
const PERSON_BYTES: usize = 512;
/// The number of things of a room that are ended at once when their time is over.
const SLICE: usize = 256;

/// The marks of a room that its readers watch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Marks {
    /// The id of the newest event in memory.
    pub head: EventId,
    /// The number of ephemeral events there have been.
    pub ephemeral: u64,
}

/// A room in memory.
#[derive(Debug)]
pub struct Room {
    name: RoomName,
    expirations: Arc<Expirations>,
    /// Tells this stay in memory from an earlier one, whose counts started at 0 too.
    stay: u32,
    wake: watch::Sender<Marks>,
    /// Readers only look, and there are many of them at the same moment.
    window: RwLock<Window>,
    people: RwLock<Guarded>,
    /// The marks of the window and of the people, so that a reader locks only what has moved.
    head: AtomicI64,
    ephemeral: AtomicU64,
    /// Held while something is read from the store that everybody waits for.
    loading: tokio::sync::Mutex<()>,
    /// Held while a gap is filled.
    filling: tokio::sync::Mutex<()>,
}

/// The people, and what belongs under their lock.
#[derive(Debug)]
struct Guarded {
    people: People,
    /// The time at which the room is looked at next for what has run out.
    expires_at: Option<Instant>,
    used_at: Instant,
}

/// The parts that a reader has to read from the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// The log after its cursor.
    Log,
    /// The read cursors.
    Cursors,
}

impl Room {
    pub(super) fn new(name: RoomName, clock: Clock, expirations: Arc<Expirations>, timings: &Timings) -> Arc<Self> {
        let people = People::new(name.clone(), clock, timings);
        Arc::new(Self {
            name,
            expirations,
            stay: rand::random(),
            wake: watch::Sender::new(Marks::default()),
            window: RwLock::default(),
            people: RwLock::new(Guarded { people, expires_at: None, used_at: Instant::now() }),
            head: AtomicI64::new(0),
            ephemeral: AtomicU64::new(0),
            loading: tokio::sync::Mutex::new(()),
            filling: tokio::sync::Mutex::new(()),
        })
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &RoomName {
        &self.name
    }

    /// Follows how far it has come.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<Marks> {
        self.wake.subscribe()
    }

    /// Its head, as far as memory knows.
    #[must_use]
    pub fn head(&self) -> EventId {
        self.head.load(Ordering::Acquire)
    }

    /// The lowest cursor that can be resumed from, and why.
    pub(super) fn floor(&self) -> (EventId, FloorReason) {
        self.window().floor().unwrap_or((0, FloorReason::Pruned))
    }

    /// The number of deletions there have been.
    pub(super) fn deletions(&self) -> u64 {
        self.window().deletions.count()
    }

    /// Returns true if one of these messages may have been deleted after the first `since` deletions.
    pub(super) fn may_have_deleted(&self, messages: &[EventId], since: u64) -> bool {
        self.window().deletions.may_include(messages, since)
    }

    /// Takes what is committed: consecutive events in id order. What does not join on to the head waits: see
    /// `is_to_be_filled`.
    pub fn publish(self: &Arc<Self>, events: &[Event]) {
        if events.is_empty() {
            return;
        }
        let events = with_slots(events);
        let shown = self.change_window(|window| window.publish(events));
        self.tell_shown(&shown);
    }

    /// After the window, so that nobody learns that somebody stopped typing before the message is there.
    fn tell_shown(self: &Arc<Self>, shown: &[Event]) {
        let authors = || {
            shown.iter().filter_map(|event| match event {
                Event::ChatMessage(message) => Some(message.username.key()),
                _ => None,
            })
        };
        if authors().next().is_some() {
            self.change_people(|people, now| authors().for_each(|author| people.stop_typing(author, None, now)));
        }
        self.wake();
    }

    /// Gives a reader what is ready for it, and moves its position past it. What has to be read from the store
    /// first is the answer.
    pub(super) fn take(&self, filter: &ReadFilter, position: &mut Position, out: &mut Vec<Placed>) -> Option<Missing> {
        let has_news = position.state_due || self.ephemeral.load(Ordering::Acquire) != position.seen;
        // Before the window: whatever these tell of came after the events that are there by then.
        let people = has_news.then(|| self.people());
        if self.head() > position.cursor {
            match self.window().take(filter, position, out) {
                TakenLog::All => {}
                TakenLog::Full => return None,
                TakenLog::Missing => return Some(Missing::Log),
            }
        }
        let asked = position.asked_cursors;
        match people?.people.take(filter, position, asked, out) {
            TakenPeople::NoCursors => {
                position.asked_cursors = true;
                Some(Missing::Cursors)
            }
            TakenPeople::Ready => {
                position.asked_cursors &= position.state_due;
                None
            }
        }
    }

    /// The same of the log alone: for a reader who is leaving, and is told no more of the people.
    pub(super) fn take_log(
        &self,
        filter: &ReadFilter,
        position: &mut Position,
        out: &mut Vec<Placed>,
    ) -> Option<Missing> {
        match self.window().take(filter, position, out) {
            TakenLog::All | TakenLog::Full => None,
            TakenLog::Missing => Some(Missing::Log),
        }
    }

    /// The number of ephemeral events there have been.
    pub(super) fn ephemeral_count(&self) -> u64 {
        self.ephemeral.load(Ordering::Acquire)
    }

    /// A word for who is here and who types as of an ephemeral count: equal words, equal state.
    #[must_use]
    pub fn state_word(&self, seen: u64) -> String {
        // Where nothing has happened yet nobody is here, in whatever stay: a room that leaves memory between two
        // polls is no change.
        if seen == 0 { "0".to_owned() } else { format!("{:x}-{seen}", self.stay) }
    }

    /// At most `limit` users who are here, by name, after `after`.
    #[must_use]
    pub fn present(&self, after: Option<&UserKey>, limit: usize) -> PresencePage {
        self.people().people.page(after, limit)
    }

    /// The number of users here.
    #[must_use]
    pub fn online(&self) -> usize {
        self.people().people.presence.online()
    }

    /// Begins a connection of the user; it ends when the answer is dropped.
    #[must_use]
    pub fn attend(self: &Arc<Self>, username: &Username) -> Attendance {
        self.change_people(|people, now| people.enter(username, now));
        self.wake();
        Attendance { room: self.clone(), user: username.key().clone(), lease: Duration::ZERO }
    }

    /// The user types on a connection, for `hold` from now on unless said again.
    pub fn start_typing(self: &Arc<Self>, username: &Username, by: TypingBy, hold: Duration) {
        self.change_people(|people, now| people.start_typing(username, by, now + hold, now));
        self.wake();
    }

    /// The user no longer types on a connection.
    pub fn stop_typing(self: &Arc<Self>, user: &UserKey, by: TypingBy) {
        self.change_people(|people, now| people.stop_typing(user, Some(by), now));
        self.wake();
    }

    /// Takes read cursors that moved.
    pub fn note_read(self: &Arc<Self>, cursors: &[ReadCursor]) {
        if !cursors.is_empty() {
            self.change_people(|people, now| people.note_read(cursors, now));
            self.wake();
        }
    }

    /// Tells the readers how the store stands.
    pub fn tell_service(self: &Arc<Self>, status: ServiceStatus) {
        self.change_people(|people, _| people.tell_service(status));
        self.wake();
    }

    /// Returns true if nobody would notice if it left memory.
    pub(super) fn is_idle(&self, since: Instant) -> bool {
        let guarded = self.people();
        guarded.used_at <= since && guarded.people.is_empty()
    }

    /// Returns true if there is nothing to remember of it: nobody has made it, nobody is here and nobody types.
    pub(super) fn is_blank(&self) -> bool {
        self.head() == 0 && self.people().people.is_empty()
    }

    /// About how many bytes it takes, with all it holds.
    pub(super) fn bytes(&self) -> usize {
        ROOM_BYTES + self.window().bytes() + self.people().people.count() * PERSON_BYTES
    }

    fn leave(self: &Arc<Self>, user: &UserKey, lease: Duration) {
        self.change_people(|people, now| people.leave(user, now, lease));
    }

    fn change_window<T>(&self, change: impl FnOnce(&mut Window) -> T) -> T {
        let mut window = self.window.write().unwrap_or_else(PoisonError::into_inner);
        let changed = change(&mut window);
        self.head.store(window.head(), Ordering::Release);
        changed
    }

    fn change_people(self: &Arc<Self>, change: impl FnOnce(&mut People, Instant)) {
        let mut guarded = self.people_mut();
        let now = Instant::now();
        change(&mut guarded.people, now);
        guarded.used_at = now;
        self.expire_again(&mut guarded, now);
        self.ephemeral.store(guarded.people.ephemeral.count(), Ordering::Release);
    }

    /// Has the room looked at when something runs out, unless it is by then.
    fn expire_again(self: &Arc<Self>, guarded: &mut Guarded, not_before: Instant) {
        let Some(next) = guarded.people.next_expiry() else { return };
        let next = next.max(not_before);
        if guarded.expires_at.is_none_or(|scheduled| next < scheduled) {
            guarded.expires_at = Some(next);
            let room: Weak<Self> = Arc::downgrade(self);
            self.expirations.schedule(next, room);
        }
    }

    /// Wakes the readers if anything happened. Nothing is locked any more, since each of them will want it.
    fn wake(&self) {
        let marks = Marks { head: self.head(), ephemeral: self.ephemeral_count() };
        self.wake.send_if_modified(|now| {
            // Two may come here in the other order than they changed the room.
            let later = Marks { head: now.head.max(marks.head), ephemeral: now.ephemeral.max(marks.ephemeral) };
            std::mem::replace(now, later) != later
        });
    }

    fn window(&self) -> RwLockReadGuard<'_, Window> {
        self.window.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn people(&self) -> RwLockReadGuard<'_, Guarded> {
        self.people.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn people_mut(&self) -> RwLockWriteGuard<'_, Guarded> {
        self.people.write().unwrap_or_else(PoisonError::into_inner)
    }
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

impl Expires for Room {
    fn expire(self: Arc<Self>, now: Instant, earliest: Instant) -> bool {
        let mut guarded = self.people_mut();
        guarded.expires_at = None;
        let is_all = guarded.people.expire(now, SLICE);
        if is_all {
            self.expire_again(&mut guarded, earliest);
        }
        self.ephemeral.store(guarded.people.ephemeral.count(), Ordering::Release);
        drop(guarded);
        self.wake();
        is_all
    }
}

fn with_slots(events: &[Event]) -> Vec<(Event, Slot)> {
    events.iter().map(|event| (event.clone(), Slot::new(event))).collect()
}
