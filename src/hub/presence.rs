//! Who is here: counted per connection, with a grace after the last has gone.

use std::{collections::HashMap, time::Duration};

use tokio::time::Instant;

use crate::domain::{
    event::{PresentUser, Status},
    name::{UserKey, Username},
    timestamp::Timestamp,
};

/// With more users than this, readers are told only the number.
pub const CROWD: usize = 200;

/// The users of a room.
#[derive(Debug)]
pub struct Presence {
    /// How long after its last connection a user counts as here.
    grace: Duration,
    members: HashMap<UserKey, Member>,
}

#[derive(Debug)]
struct Member {
    username: Username,
    since: Timestamp,
    connections: usize,
    /// When the last connection went, or the last lease ends, whichever is later.
    stays_until: Instant,
}

impl Member {
    fn gone_at(&self, grace: Duration) -> Option<Instant> {
        (self.connections == 0).then_some(self.stays_until + grace)
    }
}

impl Presence {
    /// Nobody is here.
    #[must_use]
    pub fn new(grace: Duration) -> Self {
        Self { grace, members: HashMap::new() }
    }

    /// A connection of the user begins. Whether they were away until now.
    pub fn enter(&mut self, username: &Username, now: Instant, since: Timestamp) -> bool {
        let mut arrived = false;
        let member = self.members.entry(username.key().clone()).or_insert_with(|| {
            arrived = true;
            Member { username: username.clone(), since, connections: 0, stays_until: now }
        });
        member.connections += 1;
        arrived
    }

    /// A connection of the user ends, and counts as open for `lease` more. When the user will be
    /// gone if no other comes or is left.
    pub fn leave(&mut self, user: &UserKey, now: Instant, lease: Duration) -> Option<Instant> {
        let member = self.members.get_mut(user)?;
        member.connections = member.connections.saturating_sub(1);
        member.stays_until = member.stays_until.max(now + lease);
        member.gone_at(self.grace)
    }

    /// Removes those whose grace is over.
    pub fn expire(&mut self, now: Instant) -> Vec<Username> {
        let grace = self.grace;
        let gone = self.members.extract_if(|_, member| member.gone_at(grace).is_some_and(|at| at <= now));
        gone.map(|(_, member)| member.username).collect()
    }

    /// When the next one's grace is over.
    #[must_use]
    pub fn next_expiry(&self) -> Option<Instant> {
        self.members.values().filter_map(|member| member.gone_at(self.grace)).min()
    }

    /// How many are here.
    #[must_use]
    pub fn online(&self) -> usize {
        self.members.len()
    }

    /// Those who are here, by name as it is compared.
    #[must_use]
    pub fn users(&self) -> Vec<PresentUser> {
        let mut users: Vec<_> = self
            .members
            .values()
            .map(|member| PresentUser {
                username: member.username.clone(),
                status: Status::Online,
                since: member.since,
            })
            .collect();
        users.sort_unstable_by(|a, b| a.key().cmp(b.key()));
        users
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
        assert_eq!(presence.leave(alice.key(), now, Duration::ZERO), None);
        assert_eq!(presence.leave(alice.key(), now, Duration::ZERO), Some(now + GRACE));
        assert!(presence.expire(now + GRACE - Duration::from_millis(1)).is_empty());
        assert!(!presence.enter(&alice, now, Timestamp::from_micros(2)), "back within the grace");
        assert!(presence.expire(now + GRACE).is_empty());
        presence.leave(alice.key(), now + GRACE, Duration::ZERO);
        assert_eq!(presence.expire(now + 2 * GRACE).len(), 1);
        assert_eq!((presence.online(), presence.next_expiry()), (0, None));
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
}
