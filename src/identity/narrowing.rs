//! Rights of a credential: those of its user, as far as it is narrowed to some.

use super::not_proven::NotProven::{self, Invalid};
use crate::domain::{
    rights::{Right, Rights},
    room_scope::RoomScope,
    user::User,
};

const MICROS: i64 = 1_000_000;

/// The rights that a stored credential is narrowed to, if it is.
pub(super) fn can(stored: Option<&str>) -> Result<Option<Rights>, NotProven> {
    let can = stored.map(|words| Rights::parse(words.split(',').filter(|word| !word.is_empty())));
    can.transpose().map_err(|_| Invalid("its rights can't be read"))
}

/// The rooms that a stored credential is narrowed to.
pub(super) fn rooms(stored: Option<&str>) -> Result<RoomScope, NotProven> {
    match stored {
        None => Ok(RoomScope::all()),
        Some(json) => serde_json::from_str(json).map_err(|_| Invalid("its rooms can't be read")),
    }
}

/// The rights that a user has, whatever the credential.
pub(super) fn role(user: &User) -> Rights {
    let is_had = |right: &Right| user.is_admin || *right != Right::Admin;
    Right::ALL.into_iter().filter(is_had).collect()
}

pub(super) fn narrowed(user: &User, can: Option<Rights>) -> Rights {
    can.map_or(role(user), |can| role(user).and(can))
}

/// The same by a token, which alone can make an admin of somebody: if a key signs it that may.
pub(super) fn narrowed_by_token(user: &User, can: Option<Rights>) -> Rights {
    can.unwrap_or_else(|| role(user))
}

pub(super) fn check_enabled(user: &User) -> Result<(), NotProven> {
    if user.disabled_at.is_some() { Err(Invalid("its user is disabled")) } else { Ok(()) }
}

/// Checks that a token is newer than the last time its user was signed out everywhere.
pub(super) fn check_issued(user: &User, issued_at: Option<i64>) -> Result<(), NotProven> {
    let Some(signed_out_at) = user.signed_out_at else { return Ok(()) };
    let is_newer = issued_at.is_some_and(|at| at.saturating_mul(MICROS) >= signed_out_at.micros());
    if is_newer { Ok(()) } else { Err(Invalid("its user was signed out since it was made")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        name::Username,
        timestamp::Timestamp,
        user::{Origin, UserKind},
    };

    #[test]
    fn a_token_is_as_old_as_it_says_and_one_that_does_not_say_is_older() {
        let signed_out = |at: Option<i64>| User {
            id: 1,
            username: Username::parse("alice").unwrap(),
            kind: UserKind::Person,
            origin: Origin::Jwt,
            subject: None,
            is_admin: false,
            created_at: Timestamp::from_micros(1),
            disabled_at: None,
            signed_out_at: at.map(Timestamp::from_micros),
        };
        // In the midst of a second: a token of that second may be older, and so it is refused.
        let user = signed_out(Some(1_900_000_000 * MICROS + 500_000));
        for (issued_at, is_good) in [
            (None, false),
            (Some(0), false),
            (Some(i64::MIN), false),
            (Some(1_899_999_999), false),
            (Some(1_900_000_000), false),
            (Some(1_900_000_001), true),
            (Some(i64::MAX), true),
        ] {
            assert_eq!(check_issued(&user, issued_at).is_ok(), is_good, "{issued_at:?}");
        }
        assert!(check_issued(&signed_out(Some(1_900_000_000 * MICROS)), Some(1_900_000_000)).is_ok());
        for never in [None, Some(1)] {
            assert!(check_issued(&signed_out(None), never).is_ok(), "nobody was signed out");
        }
    }
}
