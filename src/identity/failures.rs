//! Failed sign-ins, counted so that passwords can't be tried: by name and network, and by name from everywhere.
//!
//! Kept in memory. A name that nobody has is counted like one that somebody has.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use quick_cache::unsync::Cache;
use tokio::time::Instant;

use super::network::Network;
use crate::domain::name::UserKey;

/// The failures of one name from one network before it has to wait.
const OF_NETWORK: u32 = 10;
/// The failures of one name from anywhere.
const OF_NAME: u32 = 100;
/// The longest time to wait. The first is a second, and each is twice the one before.
const LONGEST: Duration = Duration::from_mins(15);
/// The time after the last failure in which it is forgotten.
const FORGOTTEN: Duration = Duration::from_hours(24);
/// The most that are counted at a time. Whoever tries more names than that drives the oldest out.
const MOST: usize = 100_000;

/// The failures of late.
#[derive(Debug)]
pub struct Failures(Mutex<Cache<(UserKey, Option<Network>), Count>>);

#[derive(Debug, Clone, Copy)]
struct Count {
    failed: u32,
    last: Instant,
}

impl Count {
    /// The time until which to wait, after so many failures.
    fn until(self, most: u32) -> Option<Instant> {
        let beyond = self.failed.checked_sub(most)?;
        let wait = 1_u64.checked_shl(beyond).map_or(LONGEST, Duration::from_secs);
        Some(self.last + wait.min(LONGEST))
    }
}

impl Default for Failures {
    fn default() -> Self {
        Self(Mutex::new(Cache::new(MOST)))
    }
}

impl Failures {
    /// Counts a try as failed, until [`Failures::forget`] takes it back: of many at the same time none slips through.
    ///
    /// # Errors
    /// The time to wait, after too many.
    pub fn begin(&self, user: &UserKey, network: Network, now: Instant) -> Result<(), Duration> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let keys = [((user.clone(), Some(network)), OF_NETWORK), ((user.clone(), None), OF_NAME)];
        let waits = keys.iter().filter_map(|(key, most)| counts.get(key)?.until(*most)?.checked_duration_since(now));
        if let Some(wait) = waits.filter(|wait| !wait.is_zero()).max() {
            return Err(wait);
        }
        for (key, _) in keys {
            let before = counts.get(&key).filter(|count| now < count.last + FORGOTTEN).map_or(0, |count| count.failed);
            counts.insert(key, Count { failed: before.saturating_add(1), last: now });
        }
        Ok(())
    }

    /// Takes a try back that nobody could check.
    pub fn take_back(&self, user: &UserKey, network: Network) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for key in [(user.clone(), Some(network)), (user.clone(), None)] {
            if let Some(count) = counts.get(&key).copied() {
                counts.insert(key, Count { failed: count.failed.saturating_sub(1), ..count });
            }
        }
    }

    /// Forgets the failures of a name from a network: it has signed in.
    pub fn forget(&self, user: &UserKey, network: Network) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.remove(&(user.clone(), Some(network)));
        let everywhere = (user.clone(), None);
        if let Some(count) = counts.get(&everywhere).copied() {
            counts.insert(everywhere, Count { failed: count.failed.saturating_sub(1), ..count });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;
    use crate::domain::name::Username;

    fn key(name: &str) -> UserKey {
        Username::parse(name).unwrap().key().clone()
    }

    fn network(last: u8) -> Network {
        Some(IpAddr::from([10, 0, last, 1])).into()
    }

    #[test]
    fn after_ten_failures_each_takes_twice_as_long() {
        let (failures, alice, mut now) = (Failures::default(), key("alice"), Instant::now());
        for _ in 0..10 {
            failures.begin(&alice, network(1), now).unwrap();
        }
        for wait in [1, 2, 4, 8] {
            assert_eq!(failures.begin(&alice, network(1), now), Err(Duration::from_secs(wait)));
            now += Duration::from_secs(wait);
            failures.begin(&alice, network(1), now).unwrap();
        }
        failures.begin(&alice, network(2), now).unwrap();
        failures.begin(&key("bob"), network(1), now).unwrap();
        // Who knows the password starts again from nothing.
        failures.forget(&alice, network(1));
        failures.begin(&alice, network(1), now).unwrap();
    }

    #[test]
    fn a_try_that_nobody_could_check_is_no_failure() {
        let (failures, alice, now) = (Failures::default(), key("alice"), Instant::now());
        for _ in 0..200 {
            failures.begin(&alice, network(1), now).unwrap();
            failures.take_back(&alice, network(1));
        }
        for _ in 0..10 {
            failures.begin(&alice, network(1), now).unwrap();
        }
        assert!(failures.begin(&alice, network(1), now).is_err());
    }

    #[test]
    fn the_wait_grows_to_fifteen_minutes_and_is_forgotten_after_a_day() {
        let (failures, alice, mut now) = (Failures::default(), key("alice"), Instant::now());
        for _ in 0..90 {
            if let Err(wait) = failures.begin(&alice, network(1), now) {
                now += wait;
                failures.begin(&alice, network(1), now).unwrap();
            }
        }
        assert_eq!(failures.begin(&alice, network(1), now), Err(LONGEST));
        now += FORGOTTEN;
        for _ in 0..10 {
            failures.begin(&alice, network(1), now).unwrap();
        }
        assert!(failures.begin(&alice, network(1), now).is_err());
    }

    #[test]
    fn a_name_is_tried_a_hundred_times_from_everywhere_together() {
        let (failures, alice, now) = (Failures::default(), key("alice"), Instant::now());
        for last in 0..20 {
            for _ in 0..5 {
                failures.begin(&alice, network(last), now).unwrap();
            }
        }
        assert_eq!(failures.begin(&alice, network(99), now), Err(Duration::from_secs(1)));
        assert!(failures.begin(&key("bob"), network(99), now).is_ok());
    }
}
