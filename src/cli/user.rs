//! `user`: makes and lists users, and takes away or gives back what they may do.

use clap::{Args, Subcommand};
use serde_json::json;

use super::{
    identity::{NotDone, Outcome, beside, failed, user},
    password,
    table::{cell, table, time, time_cell},
    values::{new_username, quoted, subject, username},
};
use crate::{
    clock::Clock,
    config::StorageArgs,
    domain::{
        name::Username,
        user::{Origin, User, UserKind},
    },
    identity::password::Password,
    store::{
        Store,
        identity::{Basis, IdentityError, IdentityWriter, NewUser},
    },
};

/// The number of users that are read at once.
const PAGE: u64 = 1_000;

/// The things to do with users.
#[derive(Debug, Subcommand)]
pub(super) enum UserCommand {
    /// Make a user; a name that was only claimed so far is handed over
    Add(AddArgs),
    /// List all users
    List(ListArgs),
    /// Refuse everything of a user's, from the next request on
    Disable(UserArgs),
    /// Undo disable
    Enable(UserArgs),
    /// Make a user an admin, or no longer one with --off
    Admin(AdminArgs),
    /// Join a user to a user of the system that signs tokens
    Link(LinkArgs),
    /// End the sessions of a user, and refuse the tokens that were issued before now; API keys stay
    SignOut(UserArgs),
    /// Set a user's password, and end their sessions
    Password(PasswordArgs),
}

/// The user to be made.
#[derive(Debug, Args)]
pub(super) struct AddArgs {
    /// The name
    #[arg(value_name = "NAME", value_parser = new_username)]
    name: Username,

    /// The user may do what admins may
    #[arg(long)]
    admin: bool,

    /// The user is a program
    #[arg(long, conflicts_with = "password_stdin")]
    bot: bool,

    /// Read a password for the user: the first line of standard input
    #[arg(long)]
    password_stdin: bool,

    /// The database.
    #[command(flatten)]
    storage: StorageArgs,
}

/// The form of a list.
#[derive(Debug, Args)]
pub(super) struct ListArgs {
    /// Print JSON, for programs
    #[arg(long)]
    json: bool,

    /// The database.
    #[command(flatten)]
    storage: StorageArgs,
}

/// A user.
#[derive(Debug, Args)]
pub(super) struct UserArgs {
    /// The user
    #[arg(value_name = "NAME", value_parser = username)]
    name: Username,

    /// The database.
    #[command(flatten)]
    storage: StorageArgs,
}

/// A user whose password is set.
#[derive(Debug, Args)]
pub(super) struct PasswordArgs {
    /// The user
    #[arg(value_name = "NAME", value_parser = username)]
    name: Username,

    /// Read the password from the first line of standard input, and don't ask
    #[arg(long)]
    password_stdin: bool,

    /// The database.
    #[command(flatten)]
    storage: StorageArgs,
}

/// A user who becomes an admin or no longer is one.
#[derive(Debug, Args)]
pub(super) struct AdminArgs {
    /// The user
    #[arg(value_name = "NAME", value_parser = username)]
    name: Username,

    /// The user is no admin any more
    #[arg(long)]
    off: bool,

    /// The database.
    #[command(flatten)]
    storage: StorageArgs,
}

/// A user, here and elsewhere.
#[derive(Debug, Args)]
pub(super) struct LinkArgs {
    /// The user
    #[arg(value_name = "NAME", value_parser = username)]
    name: Username,

    /// The same user, as the tokens of the other system know them
    #[arg(long, value_name = "SUB", value_parser = subject)]
    sub: String,

    /// The database.
    #[command(flatten)]
    storage: StorageArgs,
}

impl UserCommand {
    /// Carries it out.
    ///
    /// # Errors
    /// [`NotDone`].
    pub(super) async fn run(self, clock: &Clock) -> Result<Outcome, NotDone> {
        match self {
            Self::Add(args) => {
                let password = if args.password_stdin { Some(password::first_line()?) } else { None };
                beside(&args.storage, async |store, writer| {
                    let made = add(store, writer, clock, (args.name.clone(), args.admin, args.bot)).await?;
                    let Some(password) = password else {
                        let next = format!("`parlor key create --user {}` makes a key for them", quoted(&args.name));
                        return Ok(Outcome::said(format!("{made}; {next}")));
                    };
                    set_password(store, writer, clock, &args.name, password).await?;
                    Ok(Outcome::said(format!("{made}, with the password")))
                })
                .await
            }
            Self::List(args) => beside(&args.storage, async |store, _| list(store, args.json).await).await,
            Self::Disable(args) => {
                change(&args.storage, &args.name, async |writer| {
                    let user = writer.set_disabled(args.name.key(), Some(clock.now())).await?;
                    Ok(format!("{} is disabled: everything of theirs is refused from now on", user.username.as_str()))
                })
                .await
            }
            Self::Enable(args) => {
                change(&args.storage, &args.name, async |writer| {
                    let user = writer.set_disabled(args.name.key(), None).await?;
                    Ok(format!("{} is enabled: their keys and tokens are good again", user.username.as_str()))
                })
                .await
            }
            Self::Admin(args) => {
                let refused = "this name was only claimed: hand it over first, with `parlor user add`";
                beside(&args.storage, async |store, writer| {
                    if user(store, &args.name).await?.origin == Origin::Claimed {
                        return Err(NotDone::Refused(refused.to_owned()));
                    }
                    let changed = writer.set_admin(args.name.key(), !args.off).await;
                    let user = changed.map_err(|error| failed(&args.name, error, ""))?;
                    let is = if user.is_admin { "is an admin now" } else { "is no admin" };
                    Ok(Outcome::said(format!("{} {is}", user.username.as_str())))
                })
                .await
            }
            Self::Link(args) => {
                change(&args.storage, &args.name, async |writer| {
                    let user = writer.link(args.name.key(), &args.sub, clock.now()).await?;
                    Ok(format!("tokens of {} are taken as those of {}", args.sub, user.username.as_str()))
                })
                .await
            }
            Self::Password(args) => {
                let password = if args.password_stdin { password::first_line() } else { password::asked_for() }?;
                beside(&args.storage, async |store, writer| {
                    set_password(store, writer, clock, &args.name, password).await?;
                    let name = args.name.as_str();
                    Ok(Outcome::said(format!(
                        "{name} has the password; browsers where they were signed in are signed out"
                    )))
                })
                .await
            }
            Self::SignOut(args) => {
                change(&args.storage, &args.name, async |writer| {
                    let user = writer.sign_out(args.name.key(), clock.now()).await?;
                    Ok(format!(
                        "{} is signed out: sessions have ended, and tokens from before now are refused; API keys stay",
                        user.username.as_str()
                    ))
                })
                .await
            }
        }
    }
}

/// Sets a password, and ends the user's sessions.
async fn set_password(
    store: &Store,
    writer: &IdentityWriter,
    clock: &Clock,
    name: &Username,
    password: Password,
) -> Result<(), NotDone> {
    let user = user(store, name).await?;
    if user.kind != UserKind::Person || matches!(user.origin, Origin::Claimed | Origin::Deleted) {
        let why = "nobody signs in as this user: `parlor user add` hands a name over that was only claimed";
        return Err(NotDone::Refused(why.to_owned()));
    }
    let hash = password.hash();
    writer
        .change_password(user.id, &hash, None, Basis::Operator, clock.now())
        .await
        .map_err(|error| failed(name, error, ""))
}

/// Changes a user; what was done, in words.
async fn change(
    storage: &StorageArgs,
    name: &Username,
    work: impl AsyncFnOnce(&IdentityWriter) -> Result<String, IdentityError>,
) -> Result<Outcome, NotDone> {
    beside(storage, async |_, writer| {
        let done = work(writer).await;
        done.map(Outcome::said).map_err(|error| failed(name, error, "another user has this sub"))
    })
    .await
}

async fn add(
    store: &Store,
    writer: &IdentityWriter,
    clock: &Clock,
    (username, is_admin, is_bot): (Username, bool, bool),
) -> Result<String, NotDone> {
    let (kind, origin) = if is_bot { (UserKind::Bot, Origin::Bot) } else { (UserKind::Person, Origin::Local) };
    let new = NewUser { username: username.clone(), kind, origin, subject: None, is_admin };
    let is_claimed = store.user(username.key()).await?.is_some_and(|user| user.origin == Origin::Claimed);
    let made = if is_claimed { writer.hand_over(new).await } else { writer.make_user(new, clock.now()).await };
    let user = made.map_err(|error| failed(&username, error, &format!("the name {} is taken", username.as_str())))?;
    let done = if is_claimed { "was only claimed, and is handed over" } else { "is made" };
    Ok(format!("{} {done}", user.username.as_str()))
}

async fn list(store: &Store, is_json: bool) -> Result<Outcome, NotDone> {
    let mut users: Vec<User> = Vec::new();
    loop {
        let page = store.users(users.last().map(|user| user.username.key()), PAGE).await?;
        if page.is_empty() {
            break;
        }
        users.extend(page);
    }
    let text = if is_json {
        let users: Vec<_> = users.iter().map(as_json).collect();
        format!("{:#}", json!(users))
    } else {
        let rows: Vec<_> = users.iter().map(row).collect();
        table(["NAME", "KIND", "ORIGIN", "ADMIN", "MADE", "DISABLED", "SUB"], &rows)
    };
    Ok(Outcome::printed(text))
}

fn as_json(user: &User) -> serde_json::Value {
    json!({
        "username": user.username.as_str(),
        "kind": user.kind.word(),
        "origin": user.origin.word(),
        "admin": user.is_admin,
        "sub": user.subject,
        "created_at": user.created_at,
        "disabled_at": user.disabled_at,
        "signed_out_at": user.signed_out_at,
    })
}

fn row(user: &User) -> [String; 7] {
    [
        user.username.as_str().to_owned(),
        user.kind.word().to_owned(),
        user.origin.word().to_owned(),
        if user.is_admin { "yes" } else { "no" }.to_owned(),
        time(user.created_at),
        time_cell(user.disabled_at),
        cell(user.subject.as_deref()),
    ]
}
