//! `key`: makes, lists and deletes the API keys of users.

use std::time::Duration;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{
    identity::{NotDone, Outcome, beside, failed, user},
    table::{cell, table, time, time_cell},
    values::{key_id, lifetime, rights, rooms, username},
};
use crate::{
    clock::Clock,
    config::StorageArgs,
    domain::{
        api_key::check_key_name,
        name::Username,
        rights::{Right, Rights},
        room_scope::RoomScope,
        timestamp::Timestamp,
        user::{Origin, User},
    },
    identity::secret::{Secret, SecretKind},
    store::{
        Store,
        identity::{Basis, IdentityError, IdentityWriter, NewKey, StoredKey},
    },
};

/// The things to do with API keys.
#[derive(Debug, Subcommand)]
pub(super) enum KeyCommand {
    /// Make an API key and print it, this once: its hash alone is stored
    Create(CreateArgs),
    /// List the keys of a user, without the keys themselves
    List(ListArgs),
    /// Delete a key: it is refused from the next request on
    Delete(DeleteArgs),
}

/// The key to be made.
#[derive(Debug, Args)]
pub(super) struct CreateArgs {
    /// The user that it signs in
    #[arg(long, value_name = "NAME", value_parser = username)]
    user: Username,

    /// A name to know it by in lists, of up to 100 characters
    #[arg(long, value_name = "TEXT", value_parser = key_name)]
    name: Option<String>,

    /// The rooms that it is for, as in general,team-*; none if empty [default: all]
    #[arg(long, value_name = "ROOMS", value_parser = rooms)]
    rooms: Option<RoomScope>,

    /// The rights that it has, of read, post, moderate and admin; none if empty [default: all that the user has]
    #[arg(long, value_name = "RIGHTS", value_parser = rights)]
    can: Option<Rights>,

    /// Time that it is good for, as in 30d [default: until it is deleted]
    #[arg(long = "for", value_name = "TIME", value_parser = lifetime)]
    lifetime: Option<Duration>,

    /// The database.
    #[command(flatten)]
    storage: StorageArgs,
}

/// The user whose keys are listed, and the form of the list.
#[derive(Debug, Args)]
pub(super) struct ListArgs {
    /// The user
    #[arg(long, value_name = "NAME", value_parser = username)]
    user: Username,

    /// Print JSON, for programs
    #[arg(long)]
    json: bool,

    /// The database.
    #[command(flatten)]
    storage: StorageArgs,
}

/// The key to be deleted.
#[derive(Debug, Args)]
pub(super) struct DeleteArgs {
    /// The id that `parlor key list` shows
    #[arg(value_name = "ID", value_parser = key_id)]
    id: i64,

    /// The user
    #[arg(long, value_name = "NAME", value_parser = username)]
    user: Username,

    /// The database.
    #[command(flatten)]
    storage: StorageArgs,
}

impl KeyCommand {
    /// Carries it out.
    ///
    /// # Errors
    /// [`NotDone`].
    pub(super) async fn run(self, clock: &Clock) -> Result<Outcome, NotDone> {
        match self {
            Self::Create(args) => {
                beside(&args.storage, async |store, writer| create(store, writer, clock.now(), &args).await).await
            }
            Self::List(args) => beside(&args.storage, async |store, _| list(store, &args.user, args.json).await).await,
            Self::Delete(args) => beside(&args.storage, async |store, writer| delete(store, writer, &args).await).await,
        }
    }
}

async fn create(store: &Store, writer: &IdentityWriter, now: Timestamp, args: &CreateArgs) -> Result<Outcome, NotDone> {
    let user = user(store, &args.user).await?;
    if let Some(why) = refusal(&user, args.can) {
        return Err(NotDone::Refused(format!("{} {why}", user.username.as_str())));
    }
    let secret = Secret::generate(SecretKind::ApiKey);
    let end = |lifetime: Duration| {
        let micros = i64::try_from(lifetime.as_micros()).unwrap_or(i64::MAX);
        Timestamp::from_micros(now.micros().saturating_add(micros))
    };
    let key = NewKey {
        hash: *secret.hash().as_bytes(),
        account_id: user.id,
        name: args.name.clone().unwrap_or_default(),
        rooms: args.rooms.as_ref().map(|rooms| json!(rooms).to_string()),
        can: args.can.map(|can| can.words().collect::<Vec<_>>().join(",")),
        expires_at: args.lifetime.map(end),
    };
    let made = writer
        .make_key(key, Basis::Operator, None, now)
        .await
        .map_err(|error| failed(&user.username, error, "try it again"))?;
    let until = made.expires_at.map_or_else(|| "until it is deleted".to_owned(), |end| format!("until {}", time(end)));
    let message =
        format!("key {} of {}, good {until}: keep it, it is not shown again", made.id, user.username.as_str());
    Ok(Outcome { asked_for: Some(secret.reveal().to_owned()), message: Some(message) })
}

/// The reason why a key of this user would be of no use, if it would.
fn refusal(user: &User, can: Option<Rights>) -> Option<&'static str> {
    if user.origin == Origin::Claimed {
        return Some("was only claimed, and nobody signs in as them: hand the name over first, with `parlor user add`");
    }
    if user.disabled_at.is_some() {
        return Some("is disabled, and their keys are refused: `parlor user enable` undoes that");
    }
    let is_admins = can.is_some_and(|can| can.contains(Right::Admin));
    (is_admins && !user.is_admin)
        .then_some("is no admin, and a key has no right that its user has not: leave admin out")
}

async fn list(store: &Store, name: &Username, is_json: bool) -> Result<Outcome, NotDone> {
    let keys = store.keys_of(user(store, name).await?.id, None, None).await?;
    let text = if is_json {
        let keys: Vec<_> = keys.iter().map(as_json).collect();
        format!("{:#}", json!(keys))
    } else {
        let rows: Vec<_> = keys.iter().map(row).collect();
        table(["ID", "NAME", "ROOMS", "CAN", "MADE", "EXPIRES", "USED"], &rows)
    };
    Ok(Outcome::printed(text))
}

async fn delete(store: &Store, writer: &IdentityWriter, args: &DeleteArgs) -> Result<Outcome, NotDone> {
    let user = user(store, &args.user).await?;
    match writer.delete_key(user.id, args.id, None).await {
        Ok(()) => Ok(Outcome::said(format!("key {} of {} is deleted", args.id, user.username.as_str()))),
        Err(IdentityError::Unknown) => {
            let why = format!("{} has no key {}; `parlor key list` lists them", user.username.as_str(), args.id);
            Err(NotDone::Refused(why))
        }
        Err(error) => Err(failed(&user.username, error, "try it again")),
    }
}

/// The rooms that a key is narrowed to, if it is.
fn rooms_of(key: &StoredKey) -> Option<Vec<String>> {
    key.rooms.as_deref().map(|json| serde_json::from_str(json).unwrap_or_default())
}

/// The rights that a key is narrowed to, if it is.
fn rights_of(key: &StoredKey) -> Option<Vec<&str>> {
    key.can.as_deref().map(|words| words.split(',').filter(|word| !word.is_empty()).collect())
}

fn as_json(key: &StoredKey) -> Value {
    json!({
        "id": key.id,
        "name": key.name,
        "rooms": rooms_of(key),
        "can": rights_of(key),
        "created_at": key.created_at,
        "expires_at": key.expires_at,
        "last_used_at": key.last_used_at,
    })
}

fn row(key: &StoredKey) -> [String; 7] {
    let narrowed = |to: Option<String>| match to {
        None => "all".to_owned(),
        Some(to) if to.is_empty() => "none".to_owned(),
        Some(to) => to,
    };
    [
        key.id.to_string(),
        cell(Some(&key.name)),
        narrowed(rooms_of(key).map(|rooms| rooms.join(","))),
        narrowed(rights_of(key).map(|rights| rights.join(","))),
        time(key.created_at),
        time_cell(key.expires_at),
        time_cell(key.last_used_at),
    ]
}

fn key_name(text: &str) -> Result<String, String> {
    check_key_name(text).map_err(|invalid| invalid.detail)
}
