//! Typing: users who write something, until they stop, post, leave, or time runs out.

use std::collections::BTreeMap;

use tokio::time::Instant;

use super::deadlines::Deadlines;
use crate::domain::name::{UserKey, Username};

/// The users who type in a room.
#[derive(Debug, Default)]
pub struct Typing {
    users: BTreeMap<UserKey, Username>,
    until: Deadlines<UserKey>,
}

impl Typing {
    /// The user types until `until` at least. Returns true if they did not before.
    pub fn start(&mut self, username: &Username, until: Instant) -> bool {
        self.until.set(username.key().clone(), until);
        self.users.insert(username.key().clone(), username.clone()).is_none()
    }

    /// The user no longer types. Returns their name if they did.
    pub fn stop(&mut self, user: &UserKey) -> Option<Username> {
        self.until.clear(user);
        self.users.remove(user)
    }

    /// Removes a user whose time is over.
    pub fn expire(&mut self, now: Instant) -> Option<Username> {
        let user = self.until.take_due(now)?;
        self.users.remove(&user)
    }

    /// When the next one's time is over.
    #[must_use]
    pub fn next_expiry(&self) -> Option<Instant> {
        self.until.next()
    }

    /// Those who type, except for `except`, by name.
    #[must_use]
    pub fn users(&self, except: Option<&UserKey>) -> Vec<Username> {
        let others = self.users.iter().filter(|(key, _)| Some(*key) != except);
        others.map(|(_, username)| username.clone()).collect()
    }

    /// Returns true if nobody types.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.users.is_empty()
    }
}
