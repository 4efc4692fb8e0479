//! Who types, until they stop, post, leave, or time runs out.

use std::collections::HashMap;

use tokio::time::Instant;

use crate::domain::name::{UserKey, Username};

/// Those who type in a room.
#[derive(Debug, Default)]
pub struct Typing(HashMap<UserKey, (Username, Instant)>);

impl Typing {
    /// The user types until `until` at least. Whether they did not before.
    pub fn start(&mut self, username: &Username, until: Instant) -> bool {
        self.0.insert(username.key().clone(), (username.clone(), until)).is_none()
    }

    /// The user no longer types. Who they are, if they did.
    pub fn stop(&mut self, user: &UserKey) -> Option<Username> {
        self.0.remove(user).map(|(username, _)| username)
    }

    /// Removes those whose time is over.
    pub fn expire(&mut self, now: Instant) -> Vec<Username> {
        self.0.extract_if(|_, (_, until)| *until <= now).map(|(_, (username, _))| username).collect()
    }

    /// When the next one's time is over.
    #[must_use]
    pub fn next_expiry(&self) -> Option<Instant> {
        self.0.values().map(|(_, until)| *until).min()
    }

    /// Those who type, but for `except`, by name.
    #[must_use]
    pub fn users(&self, except: Option<&UserKey>) -> Vec<Username> {
        let mut typing: Vec<_> = self.0.iter().filter(|(key, _)| Some(*key) != except).collect();
        typing.sort_unstable_by_key(|(key, _)| *key);
        typing.into_iter().map(|(_, (username, _))| username.clone()).collect()
    }

    /// Whether nobody types.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
