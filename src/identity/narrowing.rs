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
