//! How far the users of a room have read, and whom of them readers are told of when.

use std::{
    collections::{BTreeMap, HashMap},
    sync::OnceLock,
    time::Duration,
};

use tokio::time::Instant;

use super::frame::Frame;
use crate::domain::{
    event::EventBody,
    name::{RoomName, UserKey},
    read_cursor::ReadCursor,
};

/// With more users online than this, nobody is told how far another has read.
pub const CROWD: usize = 100;
/// With more cursors than this, readers are not told all of them.
pub const MAX_CURSORS: usize = 200;
/// How many may wait for the store. Past that nobody finishes the load, most likely: who began it hung up.
const WAITING: usize = 1_024;

/// The cursors of a room, as far as memory knows them.
#[derive(Debug)]
pub struct Reads {
    /// How often readers are told of one user at most.
    interval: Duration,
    cursors: Cursors,
    /// All of them as one event, made when it is first wanted.
    encoded: OnceLock<Frame>,
    /// Whom readers were told of within the interval, and what they are to be told next.
    told: HashMap<UserKey, Told>,
    /// Whether readers were not told of somebody, since there were too many of them.
    missed: bool,
}

#[derive(Debug, Default)]
enum Cursors {
    /// The store has not been asked.
    #[default]
    Unknown,
    /// The store is being asked; what is read meanwhile waits here.
    Loading(Vec<ReadCursor>),
    Known(BTreeMap<UserKey, ReadCursor>),
    TooMany,
}

#[derive(Debug)]
struct Told {
    at: Instant,
    next: Option<ReadCursor>,
}

/// What readers are to be told of a cursor that moved.
#[derive(Debug, PartialEq, Eq)]
pub enum Telling {
    /// Where it is.
    Now,
    /// The newest, once the interval is over.
    Later,
    /// All cursors, since they have missed some.
    Everything,
    /// Nothing: there are too many of them.
    Nothing,
}

impl Reads {
    /// The store has not been asked.
    #[must_use]
    pub fn new(interval: Duration) -> Self {
        let cursors = Cursors::default();
        Self { interval, cursors, encoded: OnceLock::new(), told: HashMap::new(), missed: false }
    }

    /// Whether the store was asked.
    #[must_use]
    pub fn is_known(&self) -> bool {
        matches!(self.cursors, Cursors::Known(_) | Cursors::TooMany)
    }

    /// The store is asked now.
    pub fn begin_loading(&mut self) {
        self.cursors = Cursors::Loading(Vec::new());
    }

    /// Takes what the store has; nothing, if it could not be asked.
    pub fn finish_loading(&mut self, stored: Option<Vec<ReadCursor>>) {
        let Cursors::Loading(waiting) = std::mem::take(&mut self.cursors) else { return };
        let Some(stored) = stored else { return };
        self.cursors = Cursors::Known(BTreeMap::new());
        for cursor in stored.into_iter().chain(waiting) {
            self.keep(cursor);
        }
    }

    /// Forgets the cursors, so that the store is asked again: they may have moved unseen.
    pub fn forget(&mut self) {
        self.cursors = Cursors::Unknown;
    }

    fn keep(&mut self, cursor: ReadCursor) {
        match &mut self.cursors {
            Cursors::Unknown | Cursors::TooMany => {}
            Cursors::Loading(waiting) if waiting.len() < WAITING => waiting.push(cursor),
            Cursors::Loading(_) => self.forget(),
            Cursors::Known(cursors) => {
                self.encoded = OnceLock::new();
                let key = cursor.username.key().clone();
                // The store may have shown a later one before this one was published.
                if cursors.get(&key).is_none_or(|known| known.last_read_id < cursor.last_read_id) {
                    cursors.insert(key, cursor);
                }
                if cursors.len() > MAX_CURSORS {
                    self.cursors = Cursors::TooMany;
                }
            }
        }
    }

    /// Takes a cursor that moved, in a room with so many online.
    pub fn note(&mut self, cursor: &ReadCursor, online: usize, now: Instant) -> Telling {
        self.keep(cursor.clone());
        if online > CROWD {
            self.missed = true;
            return Telling::Nothing;
        }
        if std::mem::take(&mut self.missed) {
            return Telling::Everything;
        }
        match self.told.get_mut(cursor.username.key()) {
            Some(told) if now < told.at + self.interval => {
                told.next = Some(cursor.clone());
                Telling::Later
            }
            _ => {
                self.told.insert(cursor.username.key().clone(), Told { at: now, next: None });
                Telling::Now
            }
        }
    }

    /// What is to be told by now, once the interval of its user is over.
    pub fn expire(&mut self, now: Instant) -> Vec<ReadCursor> {
        let mut due = Vec::new();
        self.told.retain(|_, told| {
            if now < told.at + self.interval {
                return true;
            }
            let Some(next) = told.next.take() else { return false };
            due.push(next);
            told.at = now;
            true
        });
        due
    }

    /// When there is something to be told, or to be forgotten.
    #[must_use]
    pub fn next_expiry(&self) -> Option<Instant> {
        self.told.values().map(|told| told.at + self.interval).min()
    }

    /// Everybody's cursor as one event; none if there are too many, or the store was not asked.
    #[must_use]
    pub fn frame(&self, room: &RoomName) -> Option<Frame> {
        let Cursors::Known(cursors) = &self.cursors else { return None };
        let encode = || {
            let cursors: Vec<_> = cursors.values().cloned().collect();
            Frame::new(&EventBody::ReadState { room, cursors: &cursors })
        };
        Some(self.encoded.get_or_init(encode).clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        config::Timings,
        domain::{EventId, name::Username, timestamp::Timestamp},
    };

    fn cursor(name: &str, last_read_id: EventId) -> ReadCursor {
        let updated_at = Timestamp::from_micros(0);
        ReadCursor { username: Username::parse(name).unwrap(), last_read_id, updated_at }
    }

    fn known(reads: &Reads) -> Option<String> {
        let frame = reads.frame(&RoomName::parse("general").unwrap())?;
        let event: serde_json::Value = serde_json::from_slice(&frame.json()).unwrap();
        let cursors = event["cursors"].as_array().unwrap();
        let shown = |c: &serde_json::Value| format!("{}{}", c["username"].as_str().unwrap(), c["last_read_id"]);
        Some(cursors.iter().map(shown).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn what_moves_during_the_load_is_not_lost_and_never_goes_back() {
        let now = Instant::now();
        let mut reads = Reads::new(Timings::DEFAULT.read_receipt_interval);
        reads.note(&cursor("Early", 9), 1, now);
        assert_eq!(known(&reads), None);
        reads.begin_loading();
        reads.note(&cursor("Bob", 5), 1, now);
        reads.note(&cursor("Alice", 3), 1, now);
        reads.finish_loading(Some(vec![cursor("Alice", 4), cursor("Early", 9)]));
        assert_eq!(known(&reads).unwrap(), "Alice4 Bob5 Early9");
        reads.note(&cursor("ALICE", 7), 1, now);
        assert_eq!(known(&reads).unwrap(), "ALICE7 Bob5 Early9");
        for number in 0..MAX_CURSORS {
            reads.note(&cursor(&format!("user{number}"), 1), 1, now);
        }
        assert!(known(&reads).is_none() && reads.is_known());
    }

    #[test]
    fn of_one_user_readers_are_told_once_a_second_and_the_newest() {
        let start = Instant::now();
        let after = |ms| start + Duration::from_millis(ms);
        let mut reads = Reads::new(Timings::DEFAULT.read_receipt_interval);
        assert_eq!(reads.note(&cursor("Alice", 1), 2, start), Telling::Now);
        assert_eq!(reads.note(&cursor("Alice", 2), 2, after(1)), Telling::Later);
        assert_eq!(reads.note(&cursor("Alice", 3), 2, after(2)), Telling::Later);
        assert_eq!(reads.note(&cursor("Bob", 3), 2, after(3)), Telling::Now);
        assert!(reads.expire(after(999)).is_empty());
        let due: Vec<_> = reads.expire(after(1_000)).iter().map(|cursor| cursor.last_read_id).collect();
        assert_eq!(due, [3]);
        assert_eq!(reads.note(&cursor("Alice", 4), 2, after(1_500)), Telling::Later);
        assert_eq!(reads.expire(after(2_000)).len(), 1);
        assert!(reads.expire(after(3_000)).is_empty());
        assert_eq!(reads.next_expiry(), None);
    }

    #[test]
    fn a_crowd_is_told_nothing_and_everything_once_it_is_none() {
        let now = Instant::now();
        let mut reads = Reads::new(Timings::DEFAULT.read_receipt_interval);
        assert_eq!(reads.note(&cursor("Alice", 1), CROWD + 1, now), Telling::Nothing);
        assert_eq!(reads.note(&cursor("Alice", 2), CROWD, now), Telling::Everything);
        assert_eq!(reads.note(&cursor("Alice", 3), CROWD, now), Telling::Now);
    }

    #[test]
    fn a_load_that_nobody_finishes_is_given_up() {
        let mut reads = Reads::new(Timings::DEFAULT.read_receipt_interval);
        reads.begin_loading();
        for id in 0..=EventId::try_from(WAITING).unwrap() {
            reads.note(&cursor("Alice", id), 1, Instant::now());
        }
        reads.finish_loading(Some(vec![cursor("Alice", 1)]));
        assert!(!reads.is_known(), "what came in between would be missing");
    }
}
