//! Scopes of rooms: the rooms that a credential is narrowed to.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use super::{
    invalid::Invalid,
    name::{MAX_NAME_CHARS, RoomName},
};

/// The most entries that a scope is made of: each is compared with the room of a request, and a token carries them.
pub const MAX_SCOPE_ENTRIES: usize = 100;

/// The rooms that a credential is for, as a list of names and of beginnings with a `*` after them (`team-*`); `*` is
/// all rooms, an empty list none. Cheap to clone.
#[derive(Clone, PartialEq, Eq)]
pub struct RoomScope(Arc<[Pattern]>);

/// An entry of a scope.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Pattern {
    text: Box<str>,
    /// True for a beginning of names, false for a name.
    is_prefix: bool,
}

impl RoomScope {
    /// All rooms.
    #[must_use]
    pub fn all() -> Self {
        Self(Arc::new([Pattern { text: "".into(), is_prefix: true }]))
    }

    /// No room.
    #[must_use]
    pub fn none() -> Self {
        Self(Arc::new([]))
    }

    /// The rooms that a list of names and beginnings stands for.
    ///
    /// # Errors
    /// [`Invalid`] for the field `rooms`: too many entries, or one that is neither a room's name nor the beginning of
    /// one with a `*` after it.
    pub fn parse<'a>(entries: impl IntoIterator<Item = &'a str>) -> Result<Self, Invalid> {
        let mut patterns = Vec::new();
        for entry in entries {
            if patterns.len() == MAX_SCOPE_ENTRIES {
                return Err(Invalid::new("rooms", format!("has at most {MAX_SCOPE_ENTRIES} entries")));
            }
            patterns.push(Pattern::parse(entry)?);
        }
        Ok(Self::of(patterns))
    }

    /// Keeps of the patterns those that no other one covers, in order.
    fn of(mut patterns: Vec<Pattern>) -> Self {
        patterns.sort_unstable();
        patterns.dedup();
        let covered = |at: usize| {
            let others = patterns.iter().enumerate().filter(|(other, _)| *other != at);
            others.into_iter().any(|(_, other)| other.covers(&patterns[at]))
        };
        let is_kept: Vec<_> = (0..patterns.len()).map(|at| !covered(at)).collect();
        let kept = patterns.into_iter().zip(is_kept).filter_map(|(pattern, is_kept)| is_kept.then_some(pattern));
        Self(kept.collect())
    }

    /// Returns true if the room is one of them.
    #[must_use]
    pub fn covers(&self, room: &RoomName) -> bool {
        self.0.iter().any(|pattern| pattern.has(room.as_str()))
    }

    /// Returns true if it is all rooms.
    #[must_use]
    pub fn is_all(&self) -> bool {
        self.0.iter().any(|pattern| pattern.is_prefix && pattern.text.is_empty())
    }

    /// The rooms that are in both. It has at most as many entries as both together.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        if self.is_all() {
            return other.clone();
        }
        if other.is_all() {
            return self.clone();
        }
        // Of two entries that have a room in common, one covers the other.
        let narrower = |one: &Self, other: &Self| -> Vec<Pattern> {
            let is_in = |pattern: &&Pattern| other.0.iter().any(|wider| wider.covers(pattern));
            one.0.iter().filter(is_in).cloned().collect()
        };
        let (mut patterns, others) = (narrower(self, other), narrower(other, self));
        patterns.extend(others);
        Self::of(patterns)
    }

    /// The entries as text; together they are a list that [`RoomScope::parse`] takes, if there are no more than it
    /// takes.
    pub fn entries(&self) -> impl Iterator<Item = String> + '_ {
        self.0.iter().map(Pattern::to_string)
    }
}

impl Pattern {
    fn parse(entry: &str) -> Result<Self, Invalid> {
        let invalid = || Invalid::new("rooms", "each is a room's name, or the beginning of one and a `*`");
        if let Some(text) = entry.strip_suffix('*') {
            // A beginning keeps the rule of names, except that it may be empty. No name is longer than the longest,
            // which begins itself alone.
            let fits = text.is_empty() || RoomName::parse(text).is_ok();
            let is_prefix = text.len() < MAX_NAME_CHARS;
            return if fits { Ok(Self { text: text.into(), is_prefix }) } else { Err(invalid()) };
        }
        let name = RoomName::parse(entry).map_err(|_| invalid())?;
        Ok(Self { text: name.as_str().into(), is_prefix: false })
    }

    fn has(&self, name: &str) -> bool {
        if self.is_prefix { name.starts_with(&*self.text) } else { *self.text == *name }
    }

    /// Returns true if it has every name that the other has.
    fn covers(&self, other: &Self) -> bool {
        (self.is_prefix || !other.is_prefix) && self.has(&other.text)
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.text, if self.is_prefix { "*" } else { "" })
    }
}

impl fmt::Debug for RoomScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.entries()).finish()
    }
}

impl Serialize for RoomScope {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.entries())
    }
}

/// From a list alone: `null` is no scope, and nothing is taken for all rooms but what says so.
impl<'de> Deserialize<'de> for RoomScope {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let entries = Vec::<String>::deserialize(deserializer)?;
        Self::parse(entries.iter().map(String::as_str)).map_err(|invalid| D::Error::custom(invalid.detail))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn scope(entries: &[&str]) -> RoomScope {
        RoomScope::parse(entries.iter().copied()).unwrap()
    }

    fn room(name: &str) -> RoomName {
        RoomName::parse(name).unwrap()
    }

    /// Names of two letters, so that many scopes have some in common.
    fn rooms() -> impl Strategy<Value = RoomName> {
        "[ab]{1,4}".prop_map(|name| room(&name))
    }

    fn scopes() -> impl Strategy<Value = RoomScope> {
        proptest::collection::vec("[ab]{1,4}|[ab]{0,3}\\*", 0..6)
            .prop_map(|entries| RoomScope::parse(entries.iter().map(String::as_str)).unwrap())
    }

    #[test]
    fn a_scope_has_names_and_beginnings() {
        let some = scope(&["general", "team-*"]);
        for (name, is_covered) in [
            ("general", true),
            ("team-", true),
            ("team-a", true),
            ("General", false),
            ("generals", false),
            ("team", false),
        ] {
            assert_eq!(some.covers(&room(name)), is_covered, "{name}");
        }
        assert!(!scope(&[]).covers(&room("general")), "an empty list is none");
        assert!(!some.is_all() && RoomScope::all().is_all() && scope(&["a", "*"]).is_all());
        assert_eq!(scope(&["a", "*", "b*"]), RoomScope::all());
        assert_eq!(format!("{some:?}"), "[\"general\", \"team-*\"]");
        let longest = "x".repeat(MAX_NAME_CHARS);
        assert_eq!(scope(&[&format!("{longest}*"), &longest]), scope(&[&longest]));
        assert!(scope(&[&format!("{longest}*")]).covers(&room(&longest)));
    }

    #[test]
    fn what_is_no_scope_is_refused() {
        for entry in
            ["", "a b", "a.b", "**", "*a", "a*b", "é*", "a/*", " *", &"x".repeat(101), &format!("{}*", "x".repeat(101))]
        {
            assert_eq!(RoomScope::parse([entry]).unwrap_err().field, "rooms", "{entry:?}");
        }
        let many = |count| RoomScope::parse(std::iter::repeat_n("a", count));
        assert!(many(MAX_SCOPE_ENTRIES).is_ok());
        assert_eq!(many(MAX_SCOPE_ENTRIES + 1).unwrap_err().detail, "has at most 100 entries");
        for json in ["null", "\"*\"", "{}", "[1]", "[null]", "[\"a.b\"]", "[[\"a\"]]"] {
            assert!(serde_json::from_str::<RoomScope>(json).is_err(), "{json}");
        }
    }

    proptest! {
        #[test]
        fn both_together_cover_what_each_covers(one in scopes(), other in scopes(), room in rooms()) {
            let both = one.and(&other);
            prop_assert_eq!(both.covers(&room), one.covers(&room) && other.covers(&room), "{:?}", both);
            prop_assert_eq!(&both, &other.and(&one));
            prop_assert!(both.entries().count() <= one.entries().count() + other.entries().count());
            prop_assert_eq!(&one.and(&one), &one);
            prop_assert_eq!(&one.and(&RoomScope::all()), &one);
        }

        #[test]
        fn a_scope_covers_what_an_entry_of_it_says(entries in proptest::collection::vec("[ab]{1,3}\\*?", 0..6), room in rooms()) {
            let says = |entry: &String| match entry.strip_suffix('*') {
                Some(beginning) => room.as_str().starts_with(beginning),
                None => room.as_str() == entry,
            };
            let scope = RoomScope::parse(entries.iter().map(String::as_str)).unwrap();
            prop_assert_eq!(scope.covers(&room), entries.iter().any(says));
        }

        #[test]
        fn a_scope_comes_back_from_json(scope in scopes()) {
            let json = serde_json::to_string(&scope).unwrap();
            prop_assert_eq!(serde_json::from_str::<RoomScope>(&json).unwrap(), scope);
        }
    }
}
