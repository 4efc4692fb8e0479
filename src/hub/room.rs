//! A room in memory: the newest page of its log, who is here, who types, and the wake of readers.

use std::{
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
    time::Duration,
};

use tokio::{sync::watch, time::Instant};

pub mod loading;
pub mod people;

use super::{
    deletions::Deletions,
    frame::Frame,
    lapse::Lapses,
    presence::{CROWD, Presence},
    reads::Reads,
    recent::{News, Recent},
    ring::{Ephemeral, Ring, Slot},
    typing::Typing,
};
use crate::{
    clock::Clock,
    config::Timings,
    domain::{
        EventId,
        event::{Event, EventBody, EventType, TypeSet},
        name::{RoomName, UserKey},
        room::FloorReason,
    },
};

/// The most bytes of events a reader takes at once, but for a single event that is larger.
pub(super) const TAKE_BYTES: usize = 256 * 1024;

/// How many events tell who is here, who types and who has read what.
pub const STATE_FRAMES: usize = 2;

/// How far a room has come: what its readers watch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Marks {
    /// The id of the newest event in memory.
    pub head: EventId,
    /// How many ephemeral events there have been.
    pub ephemeral: u64,
}

/// A room in memory.
#[derive(Debug)]
pub struct Room {
    name: RoomName,
    clock: Clock,
    lapses: Arc<Lapses>,
    digest_interval: Duration,
    /// Tells this stay in memory from an earlier one, whose counts began anew.
    stay: u32,
    marks: watch::Sender<Marks>,
    /// Readers only look, and there are many of them at the same moment.
    state: RwLock<State>,
    /// Held while something is read from the store that everybody waits for.
    loading: tokio::sync::Mutex<()>,
}

#[derive(Debug)]
struct State {
    /// Known once an event was published or the store was asked.
    ring: Option<Ring>,
    /// Known once the store was asked.
    floor: Option<(EventId, FloorReason)>,
    recent: Recent,
    /// The history of the default length, encoded at this head.
    history: Option<(EventId, Frame)>,
    deletions: Deletions,
    ephemeral: Ephemeral,
    presence: Presence,
    typing: Typing,
    reads: Reads,
    /// With a crowd: when its number is told next, if it changed since.
    digest_at: Option<Instant>,
    digested_at: Option<Instant>,
    /// When the lapses look at this room next.
    lapse_at: Option<Instant>,
    used_at: Instant,
}

/// How far one reader has come.
#[derive(Debug, Clone)]
pub struct Position {
    /// Everything up to here was taken or filtered out.
    pub cursor: EventId,
    /// The last id the reader was told.
    pub told: EventId,
    /// How many ephemeral events it has seen.
    pub seen: u64,
    /// Whether it is to be told who is here and who types.
    pub state_due: bool,
}

/// Who reads, and what of it.
#[derive(Debug, Clone, Copy)]
pub struct Lens<'a> {
    /// The types that are read.
    pub types: TypeSet,
    /// Who reads.
    pub user: Option<&'a UserKey>,
    /// The most events taken at once.
    pub limit: usize,
    /// Whether it is not told the state before it is known how far everybody has read.
    pub awaits_reads: bool,
}

/// What a reader has to read from the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// The log after its cursor.
    Log,
    /// How far everybody has read.
    Reads,
}

impl Room {
    pub(super) fn new(name: RoomName, clock: Clock, lapses: Arc<Lapses>, timings: &Timings) -> Arc<Self> {
        let state = State {
            ring: None,
            floor: None,
            recent: Recent::Cold,
            history: None,
            deletions: Deletions::default(),
            ephemeral: Ephemeral::default(),
            presence: Presence::new(timings.presence_grace),
            typing: Typing::default(),
            reads: Reads::new(timings.read_receipt_interval),
            digest_at: None,
            digested_at: None,
            lapse_at: None,
            used_at: Instant::now(),
        };
        Arc::new(Self {
            name,
            clock,
            lapses,
            digest_interval: timings.presence_digest_interval,
            stay: rand::random(),
            marks: watch::Sender::new(Marks::default()),
            state: RwLock::new(state),
            loading: tokio::sync::Mutex::new(()),
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
        self.marks.subscribe()
    }

    /// Adds what was committed: consecutive events in id order.
    pub fn publish(self: &Arc<Self>, events: &[Event]) {
        let Some(first) = events.first().map(Event::id) else { return };
        let slots: Vec<_> = events.iter().map(Slot::new).collect();
        let mut state = self.state();
        if state.ring.get_or_insert_with(|| Ring::after(first - 1)).extend(first, slots) {
            state.recent = Recent::Cold;
            state.deletions.note_unseen();
        }
        for event in events {
            match event {
                Event::ChatMessage(message) => {
                    state.recent.note(News::Posted(message.clone()));
                    if let Some(username) = state.typing.stop(message.username.key()) {
                        self.say_typing(&mut state, &username, false);
                    }
                }
                Event::MessageDeleted { message, .. } => {
                    if let Some(ring) = &mut state.ring {
                        ring.forget(message.id);
                    }
                    state.deletions.note(message.id);
                    state.recent.note(News::Changed(message.clone()));
                }
                Event::MessageEdited { message, .. } | Event::Reacted { message, .. } => {
                    state.recent.note(News::Changed(message.clone()));
                }
                Event::RoomUpdated(_) => {}
            }
        }
        state.used_at = Instant::now();
        self.wake(state);
    }

    /// Learns that the log goes further than what was published; the store has it.
    pub fn advance(&self, head: EventId) {
        let mut state = self.state();
        let known = state.ring.as_ref().map(Ring::head);
        if known.is_some_and(|known| known >= head) {
            return;
        }
        state.ring.get_or_insert_with(|| Ring::after(head)).advance(head);
        state.recent = Recent::Cold;
        state.deletions.note_unseen();
        self.wake(state);
    }

    /// Its head, as far as memory knows.
    #[must_use]
    pub fn head(&self) -> EventId {
        self.look().head()
    }

    /// The lowest cursor that can be resumed from, and why.
    pub(super) fn floor(&self) -> (EventId, FloorReason) {
        self.look().floor.unwrap_or((0, FloorReason::Pruned))
    }

    /// How many deletions there have been.
    pub(super) fn deletions(&self) -> u64 {
        self.look().deletions.count()
    }

    /// Whether one of these messages may have been deleted after so many deletions.
    pub(super) fn may_have_deleted(&self, messages: &[EventId], since: u64) -> bool {
        self.look().deletions.may_include(messages, since)
    }

    /// Takes what is ready for a reader, and moves its position past it. What has to be read from the
    /// store first is the answer.
    pub(super) fn take(&self, lens: Lens<'_>, position: &mut Position, frames: &mut Vec<Frame>) -> Option<Missing> {
        let state = self.look();
        if position.cursor < state.head() {
            let Some(slots) = state.ring.as_ref().and_then(|ring| ring.since(position.cursor)) else {
                return Some(Missing::Log);
            };
            let mut bytes = 0;
            for (id, slot) in slots {
                if lens.types.has(slot.kind) {
                    // It showed a message that is deleted by now.
                    let Some(frame) = &slot.frame else { return Some(Missing::Log) };
                    bytes += frame.len();
                    if frames.len() >= lens.limit || (bytes > TAKE_BYTES && !frames.is_empty()) {
                        return None;
                    }
                    frames.push(frame.clone());
                    position.told = id;
                }
                position.cursor = id;
            }
        }
        if !position.state_due {
            match state.ephemeral.since(position.seen) {
                Some(slots) => {
                    for slot in slots {
                        if frames.len() >= lens.limit {
                            return None;
                        }
                        position.seen += 1;
                        let Some(frame) = &slot.frame else {
                            position.state_due = true;
                            break;
                        };
                        if lens.types.has(frame.kind()) && (slot.not_to.is_none() || slot.not_to.as_ref() != lens.user)
                        {
                            frames.push(frame.clone());
                        }
                    }
                }
                None => position.state_due = true,
            }
        }
        if position.state_due && !frames.is_empty() && frames.len() + STATE_FRAMES > lens.limit {
            return None;
        }
        if position.state_due && lens.awaits_reads && !state.reads.is_known() {
            return Some(Missing::Reads);
        }
        if std::mem::take(&mut position.state_due) {
            if lens.types.has(EventType::PresenceState) {
                frames.push(self.state_frame(&state, lens.user));
            }
            if lens.types.has(EventType::ReadState) {
                frames.extend(state.reads.frame(&self.name));
            }
        }
        position.seen = state.ephemeral.count();
        None
    }

    fn state_frame(&self, state: &State, user: Option<&UserKey>) -> Frame {
        let online = state.presence.online();
        let users = if online > CROWD { Vec::new() } else { state.presence.users() };
        let typing = state.typing.users(user);
        Frame::new(&EventBody::PresenceState { room: &self.name, online, users: &users, typing: &typing })
    }

    /// How many ephemeral events there have been.
    pub(super) fn ephemeral_count(&self) -> u64 {
        self.look().ephemeral.count()
    }

    /// A word for who is here and who types as of an ephemeral count: equal words, equal state.
    #[must_use]
    pub fn state_word(&self, seen: u64) -> String {
        format!("{:x}-{seen}", self.stay)
    }

    /// Whether nobody would notice if it left memory.
    pub(super) fn is_idle(&self, since: Instant) -> bool {
        let state = self.look();
        state.used_at <= since && state.presence.online() == 0 && state.typing.is_empty()
    }

    /// How many bytes it holds, about.
    pub(super) fn bytes(&self) -> usize {
        let state = self.look();
        let history = state.history.as_ref().map_or(0, |(_, frame)| frame.len());
        state.ring.as_ref().map_or(0, Ring::bytes) + state.recent.bytes() + history
    }

    /// Wakes the readers if anything happened. The state is let go first, since each of them will
    /// want it.
    fn wake(&self, state: RwLockWriteGuard<'_, State>) {
        let marks = Marks { head: state.head(), ephemeral: state.ephemeral.count() };
        drop(state);
        self.marks.send_if_modified(|now| {
            // Two may come here in the other order than they changed the state.
            let later = Marks { head: now.head.max(marks.head), ephemeral: now.ephemeral.max(marks.ephemeral) };
            std::mem::replace(now, later) != later
        });
    }

    fn look(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn state(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn head(&self) -> EventId {
        self.ring.as_ref().map_or(0, Ring::head)
    }
}
