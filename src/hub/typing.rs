//! Typing: users who write something, until they stop, post, leave, or time runs out. Counted per connection.

use std::{collections::BTreeMap, ops::RangeInclusive};

use tokio::time::Instant;

use super::deadlines::Deadlines;
use crate::domain::name::{UserKey, Username};

/// With more users who type than this, readers are told some of the names and the number.
pub const TYPING_CROWD: usize = 20;

/// The connection that said that a user types.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TypingBy {
    /// Requests, which can't be told apart.
    Requests,
    /// The connection of the reader with this number.
    Reader(u64),
}

/// All connections of a user.
const ANY: RangeInclusive<TypingBy> = TypingBy::Requests..=TypingBy::Reader(u64::MAX);

/// The users who type in a room.
#[derive(Debug, Default)]
pub struct Typing {
    users: BTreeMap<UserKey, Username>,
    until: Deadlines<(UserKey, TypingBy)>,
}

impl Typing {
    /// The user types until `until` at least. Returns true if they did not before.
    pub fn start(&mut self, username: &Username, by: TypingBy, until: Instant) -> bool {
        self.until.set((username.key().clone(), by), until);
        self.users.insert(username.key().clone(), username.clone()).is_none()
    }

    /// The user no longer types on one connection. Returns their name if that was the last.
    pub fn stop(&mut self, user: &UserKey, by: TypingBy) -> Option<Username> {
        self.until.clear(&(user.clone(), by));
        self.stopped(user)
    }

    /// The user no longer types on any connection. Returns their name if they did.
    pub fn stop_all(&mut self, user: &UserKey) -> Option<Username> {
        let name = self.users.remove(user)?;
        let said: Vec<_> = self.until.keys(all_of(user)).cloned().collect();
        for key in said {
            self.until.clear(&key);
        }
        Some(name)
    }

    /// Removes a user whose time is over.
    pub fn expire(&mut self, now: Instant) -> Option<Username> {
        loop {
            let (user, _) = self.until.take_due(now)?;
            if let Some(name) = self.stopped(&user) {
                return Some(name);
            }
        }
    }

    /// The time at which the next one's typing is over.
    #[must_use]
    pub fn next_expiry(&self) -> Option<Instant> {
        self.until.next()
    }

    /// The number of users who type, except for `except`.
    #[must_use]
    pub fn count(&self, except: Option<&UserKey>) -> usize {
        self.users.len() - usize::from(except.is_some_and(|user| self.users.contains_key(user)))
    }

    /// At most `limit` of those who type, except for `except`, by name.
    #[must_use]
    pub fn users(&self, except: Option<&UserKey>, limit: usize) -> Vec<Username> {
        let others = self.users.iter().filter(|(key, _)| Some(*key) != except);
        others.take(limit).map(|(_, username)| username.clone()).collect()
    }

    fn stopped(&mut self, user: &UserKey) -> Option<Username> {
        if self.until.keys(all_of(user)).next().is_some() { None } else { self.users.remove(user) }
    }
}

fn all_of(user: &UserKey) -> RangeInclusive<(UserKey, TypingBy)> {
    (user.clone(), *ANY.start())..=(user.clone(), *ANY.end())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_user_types_until_the_last_of_their_connections_does_not() {
        let (alice, start) = (Username::parse("Alice").unwrap(), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut typing = Typing::default();
        assert!(typing.start(&alice, TypingBy::Reader(1), at(60)));
        assert!(!typing.start(&alice, TypingBy::Reader(2), at(60)) && !typing.start(&alice, TypingBy::Requests, at(6)));
        assert_eq!((typing.stop(alice.key(), TypingBy::Reader(1)), typing.expire(at(6))), (None, None));
        assert_eq!(typing.stop(alice.key(), TypingBy::Reader(1)), None, "again");
        assert_eq!(typing.stop(alice.key(), TypingBy::Reader(2)), Some(alice.clone()));
        typing.start(&alice, TypingBy::Reader(3), at(60));
        typing.start(&alice, TypingBy::Requests, at(70));
        assert_eq!(typing.expire(at(60)), None);
        assert_eq!(typing.expire(at(70)), Some(alice.clone()));
        typing.start(&alice, TypingBy::Reader(3), at(80));
        typing.start(&alice, TypingBy::Requests, at(80));
        assert_eq!(typing.stop_all(alice.key()), Some(alice));
        assert_eq!((typing.next_expiry(), typing.count(None)), (None, 0));
    }
}
