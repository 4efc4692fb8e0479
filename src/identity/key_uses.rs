//! Uses of API keys and sessions: noted in memory by whoever checks one, and written beside the requests, at most once in
//! an interval for each.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::sync::Notify;

use crate::{
    domain::timestamp::Timestamp,
    store::identity::{IdentityError, IdentityWriter, Used},
};

/// The most of them that are remembered. Of those beyond that a use goes unnoted, until others were not used for an interval.
const MOST: usize = 10_000;

/// The keys and sessions that were used within an interval, and those of them that are not written yet.
#[derive(Debug)]
pub(super) struct KeyUses {
    /// The time in which a further use of a key is not noted, in microseconds: the precision of what is shown.
    interval: i64,
    noted: Mutex<HashMap<Used, Use>>,
    is_new: Notify,
}

#[derive(Debug, Clone, Copy)]
struct Use {
    at: Timestamp,
    is_written: bool,
}

impl KeyUses {
    /// None so far.
    pub(super) fn new(interval: Duration) -> Self {
        let interval = i64::try_from(interval.as_micros()).unwrap_or(i64::MAX);
        Self { interval, noted: Mutex::default(), is_new: Notify::new() }
    }

    /// Notes that a key was used, if that was not noted within the interval. Waits for nothing.
    pub(super) fn note(&self, key: Used, now: Timestamp) {
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        let is_recent = |before: &Use| (0..self.interval).contains(&(now.micros() - before.at.micros()));
        if noted.get(&key).is_some_and(is_recent) {
            return;
        }
        if noted.len() >= MOST {
            noted.retain(|_, before| is_recent(before));
        }
        if noted.len() < MOST {
            noted.insert(key, Use { at: now, is_written: false });
            self.is_new.notify_one();
        }
    }

    /// Writes what is noted, for as long as it is polled. What can't be written is left out: the key is noted again when
    /// it is used an interval later.
    pub(super) async fn write_all(&self, writer: &IdentityWriter) {
        loop {
            self.is_new.notified().await;
            let unwritten = self.take();
            match writer.note_uses(&unwritten, self.interval).await {
                Ok(()) => {}
                Err(IdentityError::Store(error)) => {
                    tracing::warn!(%error, "the last use of credentials can't be written");
                }
                Err(error) => tracing::warn!(%error, "the last use of credentials is not written"),
            }
        }
    }

    /// The keys whose use is to be written, in order: of two nodes that write the same rows none waits for the other.
    fn take(&self) -> Vec<(Used, Timestamp)> {
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        let unwritten = noted.iter_mut().filter(|(_, used)| !used.is_written);
        let mut taken: Vec<_> = unwritten
            .map(|(key, used)| {
                used.is_written = true;
                (*key, used.at)
            })
            .collect();
        taken.sort_unstable();
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: i64 = 60_000_000;

    fn uses() -> KeyUses {
        KeyUses::new(Duration::from_mins(1))
    }

    fn at(micros: i64) -> Timestamp {
        Timestamp::from_micros(micros)
    }

    #[test]
    fn a_key_is_written_once_a_minute() {
        let uses = uses();
        uses.note(Used::Key(1), at(0));
        uses.note(Used::Session(2), at(5));
        uses.note(Used::Key(1), at(INTERVAL - 1));
        assert_eq!(uses.take(), [(Used::Key(1), at(0)), (Used::Session(2), at(5))]);
        uses.note(Used::Key(1), at(INTERVAL - 1));
        assert_eq!(uses.take(), []);
        uses.note(Used::Key(1), at(INTERVAL));
        assert_eq!(uses.take(), [(Used::Key(1), at(INTERVAL))]);
        // A clock that was set back counts as another minute.
        uses.note(Used::Key(1), at(10));
        assert_eq!(uses.take(), [(Used::Key(1), at(10))]);
    }

    #[test]
    fn of_too_many_keys_those_are_forgotten_that_were_not_used_for_a_minute() {
        let uses = uses();
        let count = i64::try_from(MOST).unwrap();
        for key in 0..count {
            uses.note(Used::Key(key), at(key));
        }
        uses.note(Used::Key(count), at(count));
        assert_eq!(uses.take().len(), MOST, "no more than that");
        uses.note(Used::Key(count), at(INTERVAL));
        assert_eq!(uses.take(), [(Used::Key(count), at(INTERVAL))], "the first was not used for a minute");
    }
}
