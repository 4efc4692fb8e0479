//! `token`: signs a token for a user of another system, as that system would.

use std::{path::PathBuf, time::Duration};

use clap::Args;

use crate::{
    clock::Clock,
    domain::{name::Username, rights::Rights, room_scope::RoomScope},
    identity::{
        jwt::check_subject,
        signing_key::{Narrowing, SigningKey, TokenClaims},
    },
};

/// The longest life of a token: ten years. What lives longer is a key, which can be deleted.
const LONGEST: Duration = Duration::from_hours(10 * 366 * 24);

/// The token to be signed.
#[derive(Debug, Args)]
pub(super) struct TokenArgs {
    /// The user, as the system that signs knows them; the username is made of it, unless --username names another
    #[arg(long, value_name = "NAME", value_parser = subject)]
    pub sub: String,

    /// The username that the user gets
    #[arg(long, value_name = "NAME", value_parser = username)]
    pub username: Option<Username>,

    /// The rooms that the token is for, as in general,team-*; none if empty [default: all]
    #[arg(long, value_name = "ROOMS", value_parser = rooms)]
    pub rooms: Option<RoomScope>,

    /// The rights that it has, of read, post, moderate and admin; none if empty [default: all that the user has]
    #[arg(long, value_name = "RIGHTS", value_parser = rights)]
    pub can: Option<Rights>,

    /// The server that it is for, as its --jwt-audience says
    #[arg(long, value_name = "NAME")]
    pub audience: Option<String>,

    /// The issuer, as the server's --jwt-issuer says
    #[arg(long, value_name = "NAME")]
    pub issuer: Option<String>,

    /// Time that it is good for, as in 1h
    #[arg(long = "for", value_name = "TIME", value_parser = lifetime)]
    pub lifetime: Duration,

    /// The key that signs it: a file of `parlor keygen`, or a JWK of a shared secret
    #[arg(long, value_name = "FILE")]
    pub key: PathBuf,
}

/// The signed token.
///
/// # Errors
/// The reason, if the key can't be used.
pub(super) fn token(args: TokenArgs, clock: &Clock) -> Result<String, String> {
    let key = SigningKey::load(&args.key).map_err(|error| format!("--key {error}"))?;
    let now = clock.now().micros().div_euclid(1_000_000);
    let username = args.username.map(|name| name.as_str().to_owned());
    key.sign(&TokenClaims {
        sub: args.sub,
        iss: args.issuer,
        aud: args.audience,
        iat: now,
        exp: now.saturating_add_unsigned(args.lifetime.as_secs()),
        parlor: Narrowing { username, rooms: args.rooms, can: args.can },
    })
}

/// Returns true if the username of the token is one: that of `--username`, or the one made of `--sub`.
pub(super) fn has_username(args: &TokenArgs) -> bool {
    args.username.is_some() || Username::parse(&args.sub).is_ok()
}

fn subject(text: &str) -> Result<String, String> {
    check_subject(text).map(|()| text.to_owned()).map_err(str::to_owned)
}

fn username(text: &str) -> Result<Username, String> {
    Username::parse(text).map_err(|invalid| invalid.detail)
}

fn rooms(text: &str) -> Result<RoomScope, String> {
    RoomScope::parse(listed(text)).map_err(|invalid| invalid.detail)
}

fn rights(text: &str) -> Result<Rights, String> {
    Rights::parse(listed(text)).map_err(|invalid| invalid.detail)
}

/// The entries between commas; an empty text has none.
fn listed(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(move |_| !text.is_empty())
}

fn lifetime(text: &str) -> Result<Duration, String> {
    let time = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    if (Duration::from_secs(1)..=LONGEST).contains(&time) { Ok(time) } else { Err("has to be from 1s to 10y".into()) }
}
