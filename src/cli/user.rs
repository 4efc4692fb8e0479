//! `user`: makes and lists users, and takes away or gives back what they may do.

use clap::{Args, Subcommand};
use serde_json::json;

use super::{
    identity::{NotDone, Outcome, beside, failed, user},
    table::{cell, table, time, time_cell},
    values::{subject, username},
};
use crate::{
    clock::Clock,
    config::StorageArgs,
    domain::{
        name::Username,
        user::{Origin, User, UserKind},
    },
    store::{
        Store,
        identity::{IdentityError, IdentityWriter, NewUser},
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
    /// Make a user an admin
    Admin(AdminArgs),
    /// Join a user to a user of the system that signs tokens
    Link(LinkArgs),
    /// Refuse the tokens of a user that were issued before now; API keys stay
    SignOut(UserArgs),
}

/// The user to be made.
#[derive(Debug, Args)]
pub(super) struct AddArgs {
    /// The name
    #[arg(value_name = "NAME", value_parser = username)]
    name: Username,

    /// The user may do what admins may
    #[arg(long)]
    admin: bool,

    /// The user is a program
    #[arg(long)]
    bot: bool,

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
                let new = (args.name, args.admin, args.bot);
                beside(&args.storage, async |store, writer| add(store, writer, clock, new).await).await
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
            Self::SignOut(args) => {
                change(&args.storage, &args.name, async |writer| {
                    let user = writer.sign_out(args.name.key(), clock.now()).await?;
                    Ok(format!("tokens of {} from before now are refused; API keys stay", user.username.as_str()))
                })
                .await
            }
        }
    }
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
) -> Result<Outcome, NotDone> {
    let (kind, origin) = if is_bot { (UserKind::Bot, Origin::Bot) } else { (UserKind::Person, Origin::Local) };
    let new = NewUser { username: username.clone(), kind, origin, subject: None, is_admin };
    let is_claimed = store.user(username.key()).await?.is_some_and(|user| user.origin == Origin::Claimed);
    let made = if is_claimed { writer.hand_over(new).await } else { writer.make_user(new, clock.now()).await };
    let user = made.map_err(|error| failed(&username, error, &format!("the name {} is taken", username.as_str())))?;
    let done = if is_claimed { "was only claimed, and is handed over" } else { "is made" };
    let next = "`parlor key create --user` makes a key for them";
    Ok(Outcome::said(format!("{} {done}; {next}", user.username.as_str())))
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
