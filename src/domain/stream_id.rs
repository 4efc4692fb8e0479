//! Names of streams and sockets, by which their user has them go on by another credential.

use std::fmt;

use sha2::{Digest as _, Sha256};

use super::name::UserKey;

/// The digits of a name.
const DIGITS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
/// The digits that are drawn: 120 bits, which nobody guesses.
const DRAWN: usize = 24;
/// The digits that say whose it is: 40 bits.
const CHECKED: usize = 8;

/// The name of a stream or a socket. It says whose it is to whoever knows the user, so that any node can tell a user's
/// own names from all others, be there such a stream or not.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct StreamId(Box<str>);

impl StreamId {
    /// A new name for something that this user reads.
    #[must_use]
    pub fn draw(user: &UserKey) -> Self {
        let bytes: [u8; DRAWN] = rand::random();
        let drawn = digits(&bytes);
        let check = check(&drawn, user);
        Self((drawn + &check).into())
    }

    /// The name that a text is, if it was made for this user.
    #[must_use]
    pub fn parse(text: &str, user: &UserKey) -> Option<Self> {
        let (drawn, found) = text.split_at_checked(DRAWN)?;
        (found == check(drawn, user)).then(|| Self(text.into()))
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The digits that say whose a name is.
fn check(drawn: &str, user: &UserKey) -> String {
    digits(&Sha256::new().chain_update(drawn).chain_update(user.as_str()).finalize()[..CHECKED])
}

/// A digit for the low bits of each byte.
fn digits(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| char::from(DIGITS[usize::from(byte % 32)])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::name::Username;

    #[test]
    fn a_name_is_known_as_its_users_and_as_nobody_elses() {
        let key = |name: &str| Username::parse(name).unwrap().key().clone();
        let (alice, bob) = (key("Alice"), key("bob"));
        let stream = StreamId::draw(&alice);
        assert_ne!(stream, StreamId::draw(&alice));
        let text = stream.to_string();
        assert_eq!(text.len(), 32);
        assert_eq!(StreamId::parse(&text, &key("alice")), Some(stream));
        assert_eq!(StreamId::parse(&text, &bob), None);
        for other in ["", "x", &text[..31], &format!("{text}a"), &text.to_uppercase(), &"é".repeat(16), &"a".repeat(32)]
        {
            assert_eq!(StreamId::parse(other, &alice), None, "{other}");
        }
    }
}
