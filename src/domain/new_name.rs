//! Names that people may register under: stricter than names in general, since whoever registers chooses freely.

use sha2::{Digest as _, Sha256};
use unicase::UniCase;

use super::{invalid::Invalid, name::Username};

/// The names that stand for somebody else, or for no single person.
const RESERVED: [&str; 7] = ["admin", "system", "anonymous", "here", "room", "all", "me"];
/// The characters that mean something in a URL, so that a link to the user would lead elsewhere.
const OF_URLS: [char; 5] = ['/', '\\', '?', '#', '%'];

/// Checks that somebody may register under this name.
///
/// # Errors
/// [`Invalid`] with the broken rule, for the field `username`.
pub fn check(name: &Username) -> Result<(), Invalid> {
    let invalid = |detail| Err(Invalid::new("username", detail));
    let text = name.as_str();
    if text.contains(OF_URLS) || text == "." || text == ".." {
        return invalid("a name to register is not . or .. and has none of / \\ ? # %");
    }
    if text.starts_with('@') {
        return invalid("a name to register does not begin with @");
    }
    let looks = name.looks();
    let is_like = |reserved: &&str| Username::stored(reserved).looks().iter().any(|look| looks.contains(look));
    if RESERVED.iter().any(is_like) {
        return invalid("is reserved, or looks like a name that is");
    }
    Ok(())
}

impl Username {
    /// Hashes of what the name looks like, as it is written and in small letters: two names of which one is the same
    /// can be taken for each other (the skeletons of UTS 39, 4, compared without case).
    #[must_use]
    pub fn looks(&self) -> Vec<[u8; 32]> {
        let look = |text: &str| -> [u8; 32] {
            let skeleton: String = unicode_security::skeleton(text).collect();
            Sha256::digest(UniCase::unicode(skeleton).to_folded_case()).into()
        };
        let mut looks = vec![look(self.as_str()), look(self.key().as_str())];
        looks.dedup();
        looks
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Username {
        Username::parse(text).unwrap()
    }

    fn are_alike(one: &str, other: &str) -> bool {
        let looks = name(other).looks();
        name(one).looks().iter().any(|look| looks.contains(look))
    }

    #[test]
    fn names_that_can_be_taken_for_each_other_look_alike() {
        for (one, other) in [
            ("alice", "ALICE"),
            // Cyrillic а.
            ("alice", "\u{430}lice"),
            ("ALICE", "\u{430}lice"),
            // A capital i for an l, and the other way round.
            ("alice", "aIice"),
            ("Iris", "lris"),
            ("modern", "modem"),
            ("paypal", "\u{440}\u{430}yp\u{430}l"),
            ("ann", "\u{ff41}nn"),
        ] {
            assert!(are_alike(one, other), "{one} {other}");
            assert!(are_alike(other, one), "{other} {one}");
        }
        for (one, other) in [("alice", "alice2"), ("alice", "alicia"), ("josé", "jose"), ("Åsa", "Asa")] {
            assert!(!are_alike(one, other), "{one} {other}");
        }
    }

    #[test]
    fn names_that_stand_for_somebody_else_are_not_registered() {
        for taken in ["admin", "Admin", "ADMIN", "\u{430}dmin", "adrnin", "system", "me", "All", "a1l", "ROOM"] {
            assert_eq!(check(&name(taken)).unwrap_err().field, "username", "{taken}");
        }
        for free in ["administrator", "meg", "allison", "Ana María", "李雷", "x.y", "a@b", "..."] {
            check(&name(free)).unwrap();
        }
    }

    #[test]
    fn what_would_lead_elsewhere_in_a_url_is_not_registered() {
        for bad in [".", "..", "a/b", "a\\b", "why?", "a#b", "50%", "@alice"] {
            assert!(check(&name(bad)).is_err(), "{bad}");
        }
    }
}
