//! Read cursors: the last message each user of a room has read, and which readers are told of which move.

use std::{
    collections::{BTreeMap, HashMap},
    sync::OnceLock,
    time::Duration,
};

use tokio::time::Instant;

use super::{
    deadlines::Deadlines,
    digest::Telling,
    frame::Frame,
    loading::{Loading, TakesNews},
};
use crate::domain::{
    event::EventBody,
    name::{RoomName, UserKey},
    read_cursor::ReadCursor,
};

/// With more users online than this, nobody is told of another's cursor.
pub const CROWD: usize = 100;
/// With more cursors than this, readers are not told all of them.
pub const MAX_CURSORS: usize = 200;
/// The cursors of a room.
#[derive(Debug)]
pub struct ReadCursors {
    /// The shortest time between two receipts of one user.
    interval: Duration,
    cursors: Loading<Known, ReadCursor>,
    /// Users that readers were told of within the interval, and what they are to be told next.
    told: HashMap<UserKey, Option<ReadCursor>>,
    /// The times at which each user's interval is over.
    over_at: Deadlines<UserKey>,
    /// True if readers were not told of somebody, since there were too many of them.
    missed: bool,
}

/// The cursors of all users, unless there are too many.
#[derive(Debug, Default)]
struct Known {
    by_user: BTreeMap<UserKey, ReadCursor>,
    too_many: bool,
    /// All of them as one event, made when it is first wanted.
    encoded: OnceLock<Frame>,
}

impl TakesNews<ReadCursor> for Known {
    fn take(&mut self, cursor: ReadCursor) {
        if self.too_many {
            return;
        }
        self.encoded = OnceLock::new();
        let key = cursor.username.key().clone();
        // The store may have shown a later one before this one was published.
        if self.by_user.get(&key).is_none_or(|known| known.last_read_id < cursor.last_read_id) {
            self.by_user.insert(key, cursor);
        }
        if self.by_user.len() > MAX_CURSORS {
            *self = Self { too_many: true, ..Self::default() };
        }
    }
}

impl ReadCursors {
    /// The store has not been asked.
    #[must_use]
    pub fn new(interval: Duration) -> Self {
        let (cursors, over_at) = (Loading::default(), Deadlines::default());
        Self { interval, cursors, told: HashMap::new(), over_at, missed: false }
    }

    /// Returns true if the store was asked.
    #[must_use]
    pub fn is_known(&self) -> bool {
        self.cursors.known().is_some()
    }

    /// Begins to load them.
    pub fn begin_loading(&mut self) {
        self.cursors.begin();
    }

    /// Takes what the store has; nothing, if it could not be asked.
    pub fn finish_loading(&mut self, stored: Option<Vec<ReadCursor>>) {
        let Some(stored) = stored else { return self.forget() };
        let mut known = Known::default();
        for cursor in stored {
            known.take(cursor);
        }
        self.cursors.finish(known);
    }

    /// Forgets the cursors, so that the store is asked again: they may have moved unseen.
    pub fn forget(&mut self) {
        self.cursors.forget();
    }

    /// Takes a cursor that moved, in a room with so many online.
    pub fn note(&mut self, cursor: &ReadCursor, online: usize, now: Instant) -> Telling {
        self.cursors.note(cursor.clone());
        if online > CROWD {
            self.missed = true;
            return Telling::Nothing;
        }
        if std::mem::take(&mut self.missed) {
            return Telling::Everything;
        }
        let key = cursor.username.key();
        if let Some(next) = self.told.get_mut(key) {
            *next = Some(cursor.clone());
            return Telling::Later;
        }
        self.told.insert(key.clone(), None);
        self.over_at.set(key.clone(), now + self.interval);
        Telling::Now
    }

    /// A cursor that is to be told, since it moved again before the interval of its user was over.
    pub fn expire(&mut self, now: Instant) -> Option<ReadCursor> {
        while let Some(key) = self.over_at.take_due(now) {
            let Some(next) = self.told.remove(&key).flatten() else { continue };
            self.told.insert(key.clone(), None);
            self.over_at.set(key, now + self.interval);
            return Some(next);
        }
        None
    }

    /// The time at which the next interval is over.
    #[must_use]
    pub fn next_expiry(&self) -> Option<Instant> {
        self.over_at.next()
    }

    /// Everybody's cursor as one event; none if there are too many, or the store was not asked.
    #[must_use]
    pub fn frame(&self, room: &RoomName) -> Option<Frame> {
        let known = self.cursors.known().filter(|known| !known.too_many)?;
        let encode = || {
            let cursors: Vec<_> = known.by_user.values().cloned().collect();
            Frame::new(&EventBody::ReadState { room, cursors: &cursors })
        };
        Some(known.encoded.get_or_init(encode).clone())
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

    fn known(cursors: &ReadCursors) -> Option<String> {
        let frame = cursors.frame(&RoomName::parse("general").unwrap())?;
        let event: serde_json::Value = serde_json::from_slice(&frame.json()).unwrap();
        let cursors = event["cursors"].as_array().unwrap();
        let shown = |c: &serde_json::Value| format!("{}{}", c["username"].as_str().unwrap(), c["last_read_id"]);
        Some(cursors.iter().map(shown).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn what_moves_during_the_load_is_not_lost_and_never_goes_back() {
        let now = Instant::now();
        let mut cursors = ReadCursors::new(Timings::DEFAULT.read_receipt_interval);
        cursors.note(&cursor("Early", 9), 1, now);
        assert_eq!(known(&cursors), None);
        cursors.begin_loading();
        cursors.note(&cursor("Bob", 5), 1, now);
        cursors.note(&cursor("Alice", 3), 1, now);
        cursors.finish_loading(Some(vec![cursor("Alice", 4), cursor("Early", 9)]));
        assert_eq!(known(&cursors).unwrap(), "Alice4 Bob5 Early9");
        cursors.note(&cursor("ALICE", 7), 1, now);
        assert_eq!(known(&cursors).unwrap(), "ALICE7 Bob5 Early9");
        for number in 0..MAX_CURSORS {
            cursors.note(&cursor(&format!("user{number}"), 1), 1, now);
        }
        assert!(known(&cursors).is_none() && cursors.is_known());
    }

    #[test]
    fn of_one_user_readers_are_told_once_a_second_and_the_newest() {
        let start = Instant::now();
        let after = |ms| start + Duration::from_millis(ms);
        let mut cursors = ReadCursors::new(Timings::DEFAULT.read_receipt_interval);
        assert_eq!(cursors.note(&cursor("Alice", 1), 2, start), Telling::Now);
        assert_eq!(cursors.note(&cursor("Alice", 2), 2, after(1)), Telling::Later);
        assert_eq!(cursors.note(&cursor("Alice", 3), 2, after(2)), Telling::Later);
        assert_eq!(cursors.note(&cursor("Bob", 3), 2, after(3)), Telling::Now);
        assert!(cursors.expire(after(999)).is_none());
        let due: Vec<_> =
            std::iter::from_fn(|| cursors.expire(after(1_000))).map(|cursor| cursor.last_read_id).collect();
        assert_eq!(due, [3]);
        assert_eq!(cursors.note(&cursor("Alice", 4), 2, after(1_500)), Telling::Later);
        assert_eq!(cursors.expire(after(2_000)).unwrap().last_read_id, 4);
        assert!(cursors.expire(after(3_000)).is_none());
        assert_eq!(cursors.next_expiry(), None);
    }

    #[test]
    fn a_crowd_is_told_nothing_and_everything_once_it_is_none() {
        let now = Instant::now();
        let mut cursors = ReadCursors::new(Timings::DEFAULT.read_receipt_interval);
        assert_eq!(cursors.note(&cursor("Alice", 1), CROWD + 1, now), Telling::Nothing);
        assert_eq!(cursors.note(&cursor("Alice", 2), CROWD, now), Telling::Everything);
        assert_eq!(cursors.note(&cursor("Alice", 3), CROWD, now), Telling::Now);
    }
}
