//! Users, their keys, and the version of everybody's rights: what is known of who asks.
//!
//! Written beside the journal, on a connection of its own, when it is its turn, and by the command line while a server
//! runs. Whatever takes a right away raises the version in its transaction, under an exclusive lock: a batch of the
//! journal, which reads the version under a shared one, is either before it or decides by what holds since.

use std::{fmt::Write as _, sync::Arc};

use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbErr, EntityTrait,
    IntoActiveModel, QueryFilter, Set, SqlErr, SqliteTransactionMode, TransactionOptions, TransactionTrait,
    sea_query::{Expr, ExprTrait},
};
use tokio::sync::{Mutex, Notify};

mod accounts;
mod basis;
mod claimed;
mod direct;
mod invitations;
mod keys;
mod reading;
mod renewals;
mod sessions;
#[cfg(test)]
mod tests;
mod tickets;
mod users;
mod uses;

pub use self::{
    accounts::Registration,
    basis::Basis,
    invitations::StoredInvitation,
    keys::{NewKey, StoredKey},
    sessions::{NewSession, StoredSession},
    uses::Used,
};
use self::{
    accounts::{keep_looks, take_looks},
    sessions::end_sessions,
};
use super::{
    audit::ByAdmin,
    backend::Backend,
    database_file::DatabaseFile,
    deadline::Timed,
    entity::{account, auth_version},
    error::StoreError,
    session,
    turn::Turns,
};
pub use tickets::StoredTicket;

use crate::domain::{
    bounds::TooMany,
    name::{UserKey, Username},
    timestamp::Timestamp,
    user::{Origin, User, UserKind},
};

/// A user to be made.
#[derive(Debug, Clone)]
pub struct NewUser {
    /// The name.
    pub username: Username,
    /// Person or program.
    pub kind: UserKind,
    /// The origin of the name.
    pub origin: Origin,
    /// Its `sub` in the tokens of another system.
    pub subject: Option<String>,
    /// True if it may do what admins may.
    pub is_admin: bool,
}

/// The reasons why a user was not made or changed.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The name, or the `sub`, is somebody's.
    #[error("the name is taken")]
    Taken,
    /// There is no such user or key.
    #[error("there is no such user or key")]
    Unknown,
    /// The invitation is spent, over, or somebody else's.
    #[error("the invitation is not good")]
    NotInvited,
    /// The user is the last admin who is not disabled.
    #[error("the user is the last admin")]
    LastAdmin,
    /// There are as many as there may be.
    #[error(transparent)]
    TooMany(#[from] TooMany),
    /// The basis of the change does not hold any more.
    #[error("a right was lost meanwhile")]
    Stale,
    /// The store's.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The connection that writes users and keys. It is made when it is first needed, and again after an error.
#[derive(Debug)]
pub struct IdentityWriter {
    backend: Backend,
    turns: Turns,
    file: Option<Arc<DatabaseFile>>,
    db: Mutex<Option<Timed<DatabaseConnection>>>,
    /// Told after each write.
    written: Notify,
}

impl IdentityWriter {
    pub(super) fn new(backend: &Backend, turns: Turns) -> Self {
        Self { backend: backend.clone(), turns, file: backend.file(), db: Mutex::default(), written: Notify::new() }
    }

    /// Waits until something was written since the last time; for one who waits.
    pub async fn written(&self) {
        self.written.notified().await;
    }

    /// Has everybody's rights looked up again, be it that nothing in the database has changed.
    ///
    /// # Errors
    /// [`IdentityError::Store`].
    pub async fn raise_version(&self) -> Result<(), IdentityError> {
        self.write(async |tx| Ok(raise(tx).await?)).await
    }

    /// Makes a user.
    ///
    /// # Errors
    /// [`IdentityError::Taken`] if the name or the `sub` is another's.
    pub async fn make_user(&self, user: NewUser, now: Timestamp) -> Result<User, IdentityError> {
        self.write(async |tx| make(tx, &user, now).await).await
    }

    /// Makes a bot for an admin, whose name nobody else's may look like.
    ///
    /// # Errors
    /// [`IdentityError::Taken`] if the name, or one that looks like it, is another's.
    pub async fn make_bot(&self, bot: NewUser, basis: Basis<'_>, by: ByAdmin<'_>) -> Result<User, IdentityError> {
        self.write_on_basis(basis, async |tx| {
            by.note(tx, "make_bot").await?;
            let bot = insert_user(tx, &bot, by.at).await?;
            take_looks(tx, &bot).await?;
            Ok(bot)
        })
        .await
    }

    /// Hands a name over that was only claimed; it stays spelled as it was.
    ///
    /// # Errors
    /// [`IdentityError::Taken`] if somebody has the name, or the `sub` is another's; [`IdentityError::Unknown`] if there
    /// is no such user.
    pub async fn hand_over(&self, to: NewUser) -> Result<User, IdentityError> {
        self.write(async |tx| {
            // Nobody has lost a right, but of two who take it at the same time one waits here for the other.
            raise(tx).await?;
            let key = account::Column::UserKey.eq(to.username.key().as_str());
            let handed = account::Entity::update_many()
                .set(account::ActiveModel {
                    kind: Set(to.kind.word().to_owned()),
                    origin: Set(to.origin.word().to_owned()),
                    subject: Set(to.subject.clone()),
                    is_admin: Set(to.is_admin),
                    ..Default::default()
                })
                .filter(key.clone())
                .filter(account::Column::Origin.eq(Origin::Claimed.word()))
                .exec(tx)
                .await
                .map_err(taken)?;
            let row = account::Entity::find().filter(key).one(tx).await?.ok_or(IdentityError::Unknown)?;
            if handed.rows_affected == 0 { Err(IdentityError::Taken) } else { Ok(row.into()) }
        })
        .await
    }

    /// Joins a user to a `sub` of another system. A name that was only claimed is handed over to it; whoever had another
    /// `sub` is signed out, since the tokens of that one are somebody else's now.
    ///
    /// # Errors
    /// [`IdentityError::Unknown`] if there is no such user, [`IdentityError::Taken`] if the `sub` is another's.
    pub async fn link(&self, user: &UserKey, subject: &str, at: Timestamp) -> Result<User, IdentityError> {
        self.write(async |tx| {
            let user = change(tx, user, |row| {
                if row.subject.as_ref().as_deref().is_some_and(|before| before != subject) {
                    row.signed_out_at = Set(Some(at.micros()));
                }
                if row.origin.as_ref() == Origin::Claimed.word() {
                    row.origin = Set(Origin::Jwt.word().to_owned());
                }
                row.subject = Set(Some(subject.to_owned()));
            })
            .await?;
            if user.signed_out_at == Some(at) {
                end_sessions(tx, user.id, None).await?;
            }
            Ok(user)
        })
        .await
    }

    /// Makes somebody an admin, or takes that away.
    ///
    /// # Errors
    /// [`IdentityError::Unknown`] if there is no such user.
    pub async fn set_admin(&self, user: &UserKey, is_admin: bool) -> Result<User, IdentityError> {
        self.change(user, |row| row.is_admin = Set(is_admin)).await
    }

    /// Takes everything from a user, or gives it back; what was so already keeps its time.
    ///
    /// # Errors
    /// [`IdentityError::Unknown`] if there is no such user.
    pub async fn set_disabled(&self, user: &UserKey, at: Option<Timestamp>) -> Result<User, IdentityError> {
        self.change(user, |row| {
            if row.disabled_at.as_ref().is_some() != at.is_some() {
                row.disabled_at = Set(at.map(Timestamp::micros));
            }
        })
        .await
    }

    /// Ends the sessions of a user, and refuses the tokens that were issued before a time.
    ///
    /// # Errors
    /// [`IdentityError::Unknown`] if there is no such user.
    pub async fn sign_out(&self, user: &UserKey, at: Timestamp) -> Result<User, IdentityError> {
        self.write(async |tx| {
            let user = change(tx, user, |row| row.signed_out_at = Set(Some(at.micros()))).await?;
            end_sessions(tx, user.id, None).await?;
            Ok(user)
        })
        .await
    }

    async fn change(&self, user: &UserKey, change: impl Fn(&mut account::ActiveModel)) -> Result<User, IdentityError> {
        self.write(async |tx| self::change(tx, user, &change).await).await
    }

    /// Ends the connection, if there is one.
    pub async fn close(self) {
        if let Some(db) = self.db.into_inner() {
            session::close(db.into_inner()).await;
        }
    }

    /// One transaction, when it is its turn. Nothing of it is written if the work fails.
    async fn write<T>(
        &self,
        work: impl AsyncFnOnce(&Timed<DatabaseTransaction>) -> Result<T, IdentityError>,
    ) -> Result<T, IdentityError> {
        let mut db = self.db.lock().await;
        let written = self.write_on(&mut db, work).await;
        // Also when it failed: the commit's answer may be all that was lost.
        self.written.notify_one();
        if matches!(written, Err(IdentityError::Store(_))) {
            // It can't be trusted any more: the next write makes another.
            *db = None;
        }
        written
    }

    async fn write_on<T>(
        &self,
        db: &mut Option<Timed<DatabaseConnection>>,
        work: impl AsyncFnOnce(&Timed<DatabaseTransaction>) -> Result<T, IdentityError>,
    ) -> Result<T, IdentityError> {
        // Connecting would make a file where there is none.
        self.file.as_ref().map_or(Ok(()), |file| file.check()).map_err(StoreError::from)?;
        let db = match db {
            Some(db) => db,
            None => db.insert(self.backend.connect_identity_writer().await.map_err(StoreError::from)?),
        };
        let _turn = self.turns.of_follower().await;
        let options = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..Default::default()
        };
        let begun = db.in_time(db.inner().begin_with_options(options)).await.map_err(StoreError::from)?;
        let tx = db.with(begun);
        match work(&tx).await {
            Ok(done) => {
                tx.with(()).in_time(tx.into_inner().commit()).await.map_err(StoreError::from)?;
                Ok(done)
            }
            Err(why) => {
                tx.with(()).in_time(tx.into_inner().rollback()).await.map_err(StoreError::from)?;
                Err(why)
            }
        }
    }
}

async fn make(tx: &impl ConnectionTrait, user: &NewUser, now: Timestamp) -> Result<User, IdentityError> {
    let user = insert_user(tx, user, now).await?;
    keep_looks(tx, std::slice::from_ref(&user)).await?;
    Ok(user)
}

/// Changes a user who is not deleted.
async fn change(
    tx: &impl ConnectionTrait,
    user: &UserKey,
    change: impl Fn(&mut account::ActiveModel),
) -> Result<User, IdentityError> {
    raise(tx).await?;
    let row = account::Entity::find().filter(account::Column::UserKey.eq(user.as_str())).one(tx).await?;
    let row = row.filter(|row| row.origin != Origin::Deleted.word());
    let mut row = row.ok_or(IdentityError::Unknown)?.into_active_model();
    change(&mut row);
    Ok(row.update(tx).await.map_err(taken)?.into())
}

async fn insert_user(tx: &impl ConnectionTrait, user: &NewUser, now: Timestamp) -> Result<User, IdentityError> {
    let row = account::ActiveModel {
        user_key: Set(user.username.key().as_str().to_owned()),
        username: Set(user.username.as_str().to_owned()),
        kind: Set(user.kind.word().to_owned()),
        origin: Set(user.origin.word().to_owned()),
        subject: Set(user.subject.clone()),
        is_admin: Set(user.is_admin),
        created_at: Set(now.micros()),
        disabled_at: Set(None),
        signed_out_at: Set(None),
        ..Default::default()
    };
    Ok(row.insert(tx).await.map_err(taken)?.into())
}

/// Raises the version of everybody's rights. First in its transaction, so that no two wait for each other.
async fn raise(tx: &impl ConnectionTrait) -> Result<(), DbErr> {
    let version = Expr::col(auth_version::Column::Version);
    let raised = auth_version::Entity::update_many().col_expr(auth_version::Column::Version, version.add(1));
    raised.exec(tx).await.map(drop)
}

fn hex(hash: &[u8; 32]) -> String {
    hash.iter().fold(String::with_capacity(64), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn taken(error: DbErr) -> IdentityError {
    match error.sql_err() {
        Some(SqlErr::UniqueConstraintViolation(_)) => IdentityError::Taken,
        _ => IdentityError::Store(error.into()),
    }
}

impl From<DbErr> for IdentityError {
    fn from(error: DbErr) -> Self {
        Self::Store(error.into())
    }
}
