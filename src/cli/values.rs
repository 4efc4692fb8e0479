//! Values of flags that several commands take.

use std::time::Duration;

use crate::{
    domain::{api_key::LONGEST_LIFE, name::Username, rights::Rights, room_scope::RoomScope},
    identity::jwt::check_subject,
};

/// A user as another system knows them.
pub(super) fn subject(text: &str) -> Result<String, String> {
    check_subject(text).map(|()| text.to_owned()).map_err(str::to_owned)
}

/// A username.
pub(super) fn username(text: &str) -> Result<Username, String> {
    Username::parse(text).map_err(|invalid| invalid.detail)
}

/// The name of a user to be made.
pub(super) fn new_username(text: &str) -> Result<Username, String> {
    let name = username(text)?;
    if name.is_a_step() { Err("can't be in a path: choose another name".into()) } else { Ok(name) }
}

/// The rooms of a list with commas; an empty text has none.
pub(super) fn rooms(text: &str) -> Result<RoomScope, String> {
    RoomScope::parse(listed(text)).map_err(|invalid| invalid.detail)
}

/// The rights of a list with commas; an empty text has none.
pub(super) fn rights(text: &str) -> Result<Rights, String> {
    Rights::parse(listed(text)).map_err(|invalid| invalid.detail)
}

/// The id of a key.
pub(super) fn key_id(text: &str) -> Result<i64, String> {
    text.parse().map_err(|_| "has to be a number, as `parlor key list` shows it".into())
}

/// A username as a shell takes it.
pub(super) fn quoted(name: &Username) -> String {
    let is_plain = name.as_str().chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '@'));
    if is_plain { name.as_str().to_owned() } else { format!("'{}'", name.as_str().replace('\'', "'\\''")) }
}

fn listed(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(move |_| !text.is_empty())
}

/// The time that a credential is good for.
pub(super) fn lifetime(text: &str) -> Result<Duration, String> {
    let time = humantime::parse_duration(text).map_err(|_| "has to be a time, as in 30d, 12h or 10m".to_owned())?;
    if (Duration::from_secs(1)..=LONGEST_LIFE).contains(&time) {
        Ok(time)
    } else {
        Err("has to be from 1s to 10y".into())
    }
}
