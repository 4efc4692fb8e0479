//! Versions of messages and rooms, and the conditions on them that a request may set (RFC 9110, 13).

use serde::Serialize;
use sha2::{Digest, Sha256};

/// The version of a resource, in two parts, so that a reaction that comes meanwhile defeats no edit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// Changes with what an edit or a deletion changes.
    pub content: String,
    /// Changes with anything that an answer shows.
    pub whole: String,
}

/// The part of a version that a condition is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The content: the part that an edit or a deletion changes.
    Content,
    /// All that an answer shows.
    Whole,
}

impl Version {
    /// The version that a tag names: `CONTENT.WHOLE`.
    #[must_use]
    pub fn parse(tag: &str) -> Option<Self> {
        let (content, whole) = tag.split_once('.')?;
        Some(Self { content: content.to_owned(), whole: whole.to_owned() })
    }
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.content, self.whole)
    }
}

/// A word of 16 characters for a value: equal for equal values, and as good as never for others.
#[must_use]
pub fn word(value: &impl Serialize) -> String {
    // What is given has only string keys, so it can be written; if it could not, no version would match.
    let json = serde_json::to_vec(value).unwrap_or_default();
    let mut word = [0; 8];
    word.copy_from_slice(&Sha256::digest(&json)[..8]);
    format!("{:016x}", u64::from_be_bytes(word))
}

/// The versions that a header names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Versions {
    /// Any version of something that is there (`*`).
    Any,
    /// These.
    These(Vec<Version>),
}

impl Versions {
    /// Returns true if the current version is among them; of what is not there none is.
    #[must_use]
    pub fn include(&self, current: Option<&Version>, part: Part) -> bool {
        let Some(current) = current else { return false };
        match self {
            Self::Any => true,
            Self::These(versions) => versions.iter().any(|version| match part {
                Part::Content => version.content == current.content,
                Part::Whole => version == current,
            }),
        }
    }
}

/// The conditions under which a request is to be carried out; by default none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Precondition {
    /// Only if the current version is one of these (`If-Match`).
    pub matches: Option<Versions>,
    /// Only if the current version is none of these (`If-None-Match`).
    pub matches_none: Option<Versions>,
}

impl Precondition {
    /// Returns true if the current version, absent for what is not there, meets both conditions.
    #[must_use]
    pub fn holds(&self, current: Option<&Version>, part: Part) -> bool {
        self.matches.as_ref().is_none_or(|versions| versions.include(current, part))
            && !self.matches_none.as_ref().is_some_and(|versions| versions.include(current, part))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_is_about_a_part_or_about_the_whole() {
        let version = |tag| Version::parse(tag).unwrap();
        let (current, reacted) = (version("a.1"), version("a.2"));
        let only = |tag| Precondition { matches: Some(Versions::These(vec![version(tag)])), ..Precondition::default() };
        assert!(only("a.1").holds(Some(&reacted), Part::Content));
        assert!(!only("a.1").holds(Some(&reacted), Part::Whole));
        assert!(only("a.1").holds(Some(&current), Part::Whole));
        assert!(!only("b.1").holds(Some(&current), Part::Content));
        assert!(!only("a.1").holds(None, Part::Content));

        let none = |versions| Precondition { matches_none: Some(versions), ..Precondition::default() };
        assert!(!none(Versions::Any).holds(Some(&current), Part::Content));
        assert!(none(Versions::Any).holds(None, Part::Content));
        assert!(none(Versions::These(vec![version("a.1")])).holds(Some(&reacted), Part::Whole));
        assert!(Precondition::default().holds(None, Part::Whole));
        assert_eq!(Version::parse("no-dot"), None);
        assert_eq!(current.to_string(), "a.1");
    }
}
