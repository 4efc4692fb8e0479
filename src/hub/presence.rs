//! Presence: users who are here, counted per connection, with a grace after the last has gone.

use std::{
    collections::BTreeMap,
    ops::Bound::{Excluded, Unbounded},
    time::Duration,
};

use tokio::time::Instant;

use super::deadlines::Deadlines;
use crate::domain::{
    event::{PresentUser, Status},
    name::{UserKey, Username},
    timestamp::Timestamp,
};

/// With more users than this, readers are told only the number.
pub const CROWD: usize = 200;

/// The users of a room, by name as it is compared.
#[derive(Debug)]
pub struct Presence {
    /// The time that a user counts as here after the last connection.
    grace: Duration,
    members: BTreeMap<UserKey, Member>,
    /// The times at which users without a connection are gone.
    leaving: Deadlines<UserKey>,
}

#[derive(Debug)]
struct Member {
    username: Username,
    since: Timestamp,
    connections: usize,
    /// The time at which the last connection went, or the last lease ends, whichever is later.
    stays_until: Instant,
}

/// A page of the users of a room.
#[derive(Debug, Default)]
pub struct PresencePage {
    /// The number of users here in all.
    pub online: usize,
    /// Some of them, by name.
    pub users: Vec<PresentUser>,
    /// True if more come after them.
    pub has_more: bool,
}

impl Presence {
    /// Nobody is here.
    #[must_use]
    pub fn new(grace: Duration) -> Self {
        Self { grace, members: BTreeMap::new(), leaving: Deadlines::default() }
    }

    /// Begins a connection of the user. Returns true if they were away until now.
    pub fn enter(&mut self, username: &Username, now: Instant, since: Timestamp) -> bool {
        let mut arrived = false;
        let member = self.members.entry(username.key().clone()).or_insert_with(|| {
            arrived = true;
            Member { username: username.clone(), since, connections: 0, stays_until: now }
        });
        member.connections += 1;
        self.leaving.clear(username.key());
        arrived
    }

    /// Ends a connection of the user, which counts as open for `lease` more.
    pub fn leave(&mut self, user: &UserKey, now: Instant, lease: Duration) {
        let Some(member) = self.members.get_mut(user) else { return };
        member.connections = member.connections.saturating_sub(1);
        member.stays_until = member.stays_until.max(now + lease);
        if member.connections == 0 {
            self.leaving.set(user.clone(), member.stays_until + self.grace);
        }
    }

    /// Removes a user whose grace is over.
    pub fn expire(&mut self, now: Instant) -> Option<Username> {
        let gone = self.leaving.take_due(now)?;
        self.members.remove(&gone).map(|member| member.username)
    }

    /// The time at which the next user's grace is over.
    #[must_use]
    pub fn next_expiry(&self) -> Option<Instant> {
        self.leaving.next()
    }

    /// The number of users here.
    #[must_use]
    pub fn online(&self) -> usize {
        self.members.len()
    }

    /// At most `limit` users, by name, after `after`.
    #[must_use]
    pub fn page(&self, after: Option<&UserKey>, limit: usize) -> PresencePage {
        let from = after.map_or(Unbounded, Excluded);
        let mut rest = self.members.range::<UserKey, _>((from, Unbounded)).map(|(_, member)| PresentUser {
            username: member.username.clone(),
            status: Status::Online,
            since: member.since,
        });
        let users = rest.by_ref().take(limit).collect();
        PresencePage { online: self.online(), users, has_more: rest.next().is_some() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Timings;

    const GRACE: Duration = Timings::DEFAULT.presence_grace;
    const LEASE: Duration = Timings::DEFAULT.presence_lease;

    #[tokio::test(start_paused = true)]
    async fn two_connections_are_one_user_until_the_grace_of_the_last_is_over() {
        let (alice, now) = (Username::parse("Alice").unwrap(), Instant::now());
        let mut presence = Presence::new(GRACE);
        assert!(presence.enter(&alice, now, Timestamp::from_micros(0)));
        assert!(!presence.enter(&Username::parse("ALICE").unwrap(), now, Timestamp::from_micros(1)));
        presence.leave(alice.key(), now, Duration::ZERO);
        assert_eq!(presence.next_expiry(), None);
        presence.leave(alice.key(), now, Duration::ZERO);
        assert_eq!(presence.next_expiry(), Some(now + GRACE));
        assert!(presence.expire(now + GRACE - Duration::from_millis(1)).is_none());
        assert!(!presence.enter(&alice, now, Timestamp::from_micros(2)), "back within the grace");
        assert!(presence.expire(now + GRACE).is_none());
        presence.leave(alice.key(), now + GRACE, Duration::ZERO);
        assert_eq!(presence.expire(now + 2 * GRACE), Some(alice));
        assert_eq!((presence.expire(now + 2 * GRACE), presence.online(), presence.next_expiry()), (None, 0, None));
    }

    #[tokio::test(start_paused = true)]
    async fn a_lease_outlasts_a_connection_that_ends_within_it() {
        let (bob, now) = (Username::parse("Bob").unwrap(), Instant::now());
        let mut presence = Presence::new(GRACE);
        presence.enter(&bob, now, Timestamp::from_micros(0));
        presence.leave(bob.key(), now, LEASE);
        presence.enter(&bob, now, Timestamp::from_micros(0));
        presence.leave(bob.key(), now, Duration::ZERO);
        assert_eq!(presence.next_expiry(), Some(now + LEASE + GRACE));
    }

    #[test]
    fn pages_go_on_where_the_last_one_ended() {
        let mut presence = Presence::new(GRACE);
        for name in ["Eve", "bob", "Alice", "dora"] {
            presence.enter(&Username::parse(name).unwrap(), Instant::now(), Timestamp::from_micros(0));
        }
        let mut seen = Vec::new();
        let mut after = None;
        loop {
            let page = presence.page(after.as_ref(), 2);
            assert_eq!(page.online, 4);
            seen.extend(page.users.iter().map(|user| user.username.as_str().to_owned()));
            after = page.users.last().map(|user| user.key().clone());
            if !page.has_more {
                break;
            }
        }
        assert_eq!(seen, ["Alice", "bob", "dora", "Eve"]);
        assert!(presence.page(after.as_ref(), 2).users.is_empty());
    }

    #[test]
    fn a_page_of_a_crowd_costs_what_a_page_of_a_few_costs() {
        let time = |count: usize| {
            let mut presence = Presence::new(GRACE);
            for number in 0..count {
                let name = Username::parse(&format!("user{number}")).unwrap();
                presence.enter(&name, Instant::now(), Timestamp::from_micros(0));
                presence.leave(name.key(), Instant::now(), LEASE);
            }
            let page = || {
                let start = std::time::Instant::now();
                assert_eq!((presence.page(None, 1).users.len(), presence.next_expiry().is_some()), (1, true));
                start.elapsed()
            };
            (0..50).map(|_| page()).min().unwrap()
        };
        let (few, many) = (time(10), time(20_000));
        // To sort them all took two thousand times as long.
        assert!(many < 50 * few, "{many:?} against {few:?}");
    }
}
