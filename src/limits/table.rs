//! The table of buckets: what each key has used, in memory that does not grow.
//!
//! A bucket is one number, the time at which it is full again (GCRA, the generic cell rate algorithm of ITU-T I.371): what
//! takes from it moves that time on, and what would move it further than the burst allows is refused. A bucket that is
//! full is worth nothing, so that its place is free without anybody clearing it.
//!
//! Places are in sets, as in a processor's cache. A key has its place in one set alone; where none is free there, the bucket
//! goes that is full soonest. Who floods the table with new keys drives out the fullest of them, and never one that is
//! empty: nobody gets rid of a refusal that way.

use std::{
    hash::{BuildHasher, Hash, RandomState},
    sync::{Mutex, PoisonError},
};

use super::quota::Quota;

/// The places in a set.
const WAYS: usize = 8;

/// A bucket of a key, by its hash: two keys of the same hash share one, which of 2⁶⁴ hashes nobody can aim at, since the
/// hash has a key of its own.
#[derive(Debug, Clone, Copy, Default)]
struct Bucket {
    hash: u64,
    /// The time at which it is full, in nanoseconds.
    full_at: u64,
}

/// Buckets, by key.
#[derive(Debug)]
pub(super) struct Table {
    sets: Box<[Mutex<[Bucket; WAYS]>]>,
    hasher: RandomState,
}

/// The state of a bucket, as of now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct State {
    /// The number that may be taken in this instant.
    pub(super) left: u32,
    /// The nanoseconds until it is full.
    pub(super) full_in: u64,
    /// The nanoseconds until another one may be taken; 0 while any is left.
    pub(super) next_in: u64,
}

impl State {
    fn of(quota: Quota, full_in: u64) -> Self {
        let (interval, room) = (quota.interval(), quota.depth().saturating_sub(full_in));
        let left = u32::try_from(room / interval).unwrap_or(u32::MAX).min(quota.burst());
        let next_in = if left == 0 { (full_in + interval).saturating_sub(quota.depth()) } else { 0 };
        Self { left, full_in, next_in }
    }
}

impl Table {
    /// An empty table with at least so many places.
    pub(super) fn new(places: usize) -> Self {
        let sets = places.div_ceil(WAYS).next_power_of_two();
        Self { sets: (0..sets).map(|_| Mutex::default()).collect(), hasher: RandomState::new() }
    }

    /// The memory that it takes, in bytes.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        size_of_val(&*self.sets)
    }

    /// Takes one of a key's bucket.
    ///
    /// # Errors
    /// The state that it stays in, if there is less in it.
    pub(super) fn take(&self, key: &impl Hash, quota: Quota, now: u64) -> Result<State, State> {
        self.change(key, now, |full_in| {
            let after = full_in.saturating_add(quota.interval());
            if after > quota.depth() { Err(State::of(quota, full_in)) } else { Ok((after, State::of(quota, after))) }
        })
    }

    /// Puts back one that was taken in vain.
    pub(super) fn put_back(&self, key: &impl Hash, quota: Quota, now: u64) {
        let _: Result<(), ()> = self.change(key, now, |full_in| Ok((full_in.saturating_sub(quota.interval()), ())));
    }

    /// The state of a key's bucket.
    pub(super) fn state(&self, key: &impl Hash, quota: Quota, now: u64) -> State {
        let seen: Result<State, State> = self.change(key, now, |full_in| Err(State::of(quota, full_in)));
        seen.unwrap_or_else(|state| state)
    }

    /// Changes the time until a key's bucket is full, unless that is refused.
    fn change<T, E>(&self, key: &impl Hash, now: u64, change: impl FnOnce(u64) -> Result<(u64, T), E>) -> Result<T, E> {
        let hash = self.hasher.hash_one(key);
        // The number of sets is a power of two; the bucket keeps the whole hash.
        let at = usize::try_from(hash & (self.sets.len() as u64 - 1)).unwrap_or_default();
        let mut set = self.sets[at].lock().unwrap_or_else(PoisonError::into_inner);
        let own = set.iter().position(|bucket| bucket.hash == hash);
        let full_in = own.map_or(0, |own| set[own].full_at.saturating_sub(now));
        let (full_in, result) = change(full_in)?;
        let soonest = || (0..WAYS).min_by_key(|place| set[*place].full_at).unwrap_or_default();
        let place = own.unwrap_or_else(soonest);
        set[place] = Bucket { hash, full_at: now.saturating_add(full_in) };
        Ok(result)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn quota(text: &str) -> Quota {
        text.parse().unwrap()
    }

    #[test]
    fn a_burst_and_then_one_each_interval() {
        let (table, posts, mut now) = (Table::new(64), quota("60/min:20"), 5 * SECOND);
        for left in (0..20).rev() {
            assert_eq!(table.take(&"alice", posts, now).unwrap().left, left);
        }
        let refused = table.take(&"alice", posts, now).unwrap_err();
        assert_eq!(refused, State { left: 0, full_in: 20 * SECOND, next_in: SECOND });
        assert_eq!(table.take(&"bob", posts, now).unwrap().left, 19);
        for _ in 0..30 {
            now += SECOND - 1;
            table.take(&"alice", posts, now).unwrap_err();
            now += 1;
            table.take(&"alice", posts, now).unwrap();
        }
        now += 20 * SECOND;
        assert_eq!(table.state(&"alice", posts, now), State { left: 20, full_in: 0, next_in: 0 });
    }

    #[test]
    fn what_is_put_back_can_be_taken_again() {
        let (table, posts) = (Table::new(64), quota("1/h:2"));
        table.take(&1, posts, 0).unwrap();
        table.take(&1, posts, 0).unwrap();
        table.take(&1, posts, 0).unwrap_err();
        table.put_back(&1, posts, 0);
        table.take(&1, posts, 0).unwrap();
        table.take(&1, posts, 0).unwrap_err();
    }

    #[test]
    fn a_flood_of_keys_takes_no_memory_and_frees_nobody_from_a_refusal() {
        let (table, posts) = (Table::new(1_024), quota("60/min:20"));
        for _ in 0..20 {
            table.take(&"mallory", posts, 0).unwrap();
        }
        for key in 0..100_000 {
            table.take(&key, posts, key / 100_000).unwrap();
        }
        table.take(&"mallory", posts, 1).unwrap_err();
        assert_eq!(size_of::<Bucket>(), 16);
    }

    #[test]
    fn threads_together_take_no_more_than_there_is() {
        let (table, posts) = (Table::new(64), quota("60/min:1000"));
        let taken: u32 = std::thread::scope(|scope| {
            let take = || (0..600).map(|_| u32::from(table.take(&"alice", posts, 7).is_ok())).sum::<u32>();
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(take)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(taken, 1_000);
    }
}
