//! Keys and the instants they are due at, in the order of both.

use std::collections::{BTreeMap, BTreeSet};

use tokio::time::Instant;

/// A deadline for each of many keys. Every operation takes logarithmic time.
#[derive(Debug)]
pub struct Deadlines<K> {
    by_key: BTreeMap<K, Instant>,
    by_time: BTreeSet<(Instant, K)>,
}

impl<K> Default for Deadlines<K> {
    fn default() -> Self {
        Self { by_key: BTreeMap::new(), by_time: BTreeSet::new() }
    }
}

impl<K: Ord + Clone> Deadlines<K> {
    /// Sets the deadline of a key, in place of any earlier one. Returns true if the key had none.
    pub fn set(&mut self, key: K, at: Instant) -> bool {
        let is_new = !self.clear(&key);
        self.by_time.insert((at, key.clone()));
        self.by_key.insert(key, at);
        is_new
    }

    /// Removes the deadline of a key. Returns true if it had one.
    pub fn clear(&mut self, key: &K) -> bool {
        match self.by_key.remove_entry(key) {
            Some((key, at)) => self.by_time.remove(&(at, key)),
            None => false,
        }
    }

    /// Removes the key that is due first, if it is due by `now`.
    pub fn take_due(&mut self, now: Instant) -> Option<K> {
        let (at, key) = self.by_time.pop_first()?;
        if at > now {
            self.by_time.insert((at, key));
            return None;
        }
        self.by_key.remove(&key);
        Some(key)
    }

    /// The first deadline.
    #[must_use]
    pub fn next(&self) -> Option<Instant> {
        self.by_time.first().map(|(at, _)| *at)
    }

    /// The keys within a range, in their order.
    pub fn keys(&self, range: impl std::ops::RangeBounds<K>) -> impl Iterator<Item = &K> {
        self.by_key.range(range).map(|(key, _)| key)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn keys_come_due_in_the_order_of_their_last_deadlines() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut deadlines = Deadlines::default();
        assert!(deadlines.set("a", at(3)) && deadlines.set("b", at(2)) && deadlines.set("c", at(2)));
        assert!(!deadlines.set("b", at(4)));
        assert_eq!(deadlines.next(), Some(at(2)));
        assert_eq!((deadlines.take_due(at(1)), deadlines.take_due(at(2))), (None, Some("c")));
        assert!(deadlines.clear(&"a") && !deadlines.clear(&"a"));
        assert_eq!(deadlines.keys(..).collect::<Vec<_>>(), [&"b"]);
        assert_eq!((deadlines.take_due(at(3)), deadlines.take_due(at(9)), deadlines.next()), (None, Some("b"), None));
    }
}
