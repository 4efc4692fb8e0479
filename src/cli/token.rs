//! `token`: signs a token for a user of another system, as that system would.

use std::{path::PathBuf, time::Duration};

use clap::Args;

use super::values::{lifetime, rights, rooms, subject, username};
use crate::{
    clock::Clock,
    domain::{name::Username, rights::Rights, room_scope::RoomScope},
    identity::signing_key::{Narrowing, SigningKey, TokenClaims},
};

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
