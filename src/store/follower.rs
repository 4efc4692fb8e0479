//! Follower cursors: how far each follower of the log has got in each room, and the one transaction in
//! which a cursor moves.
//!
//! A follower writes beside the journal, on a connection of its own, when it is its turn. On a server
//! several processes may follow the same rooms: who has a cursor's row locked works on its room, the
//! others leave it alone. A cursor only moves from the value its batch began with, so that a process
//! that was stopped in the middle of a batch and goes on later never moves it back.
//!
//! To a file its commits don't wait for the disk. What a power cut takes of an effect it takes of the
//! cursor too, and the log is still there to be read again; nor can it take what the journal wrote and
//! synced after it, since that lies later in the same file (see
//! `docs/decisions/0006-one-search-on-three-engines.md`).

use std::sync::Arc;

use sea_orm::{
    ColumnTrait, DatabaseConnection, DatabaseTransaction, DbErr, EntityTrait, FromQueryResult, QueryFilter, QueryOrder,
    QuerySelect, Select, Set, SqliteTransactionMode, TransactionOptions, TransactionTrait,
    sea_query::{self, Expr, ExprTrait, Func, LockBehavior, LockType, OnConflict, SimpleExpr},
};
use tokio_util::sync::CancellationToken;

use super::{
    backend::Backend,
    database_file::DatabaseFile,
    deadline::Timed,
    entity::{follower_cursor, room},
    error::StoreError,
    session,
    turn::{Turn, Turns},
};
use crate::domain::{EventId, room::Room};

/// Opens the sessions of followers. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Followers {
    backend: Backend,
    turns: Turns,
    /// The file, if it is one.
    file: Option<Arc<DatabaseFile>>,
}

/// A follower's own connection.
#[derive(Debug)]
pub struct FollowerSession {
    follower: &'static str,
    db: Timed<DatabaseConnection>,
    turns: Turns,
    file: Option<Arc<DatabaseFile>>,
}

/// A room, and how far a follower has got in it.
#[derive(Debug, Clone)]
pub struct Progress {
    /// The room, whose events up to the head are all there.
    pub room: Room,
    /// The last event that is handled.
    pub through: EventId,
}

#[derive(Debug, FromQueryResult)]
struct Row {
    #[sea_orm(nested)]
    room: room::Model,
    through: EventId,
}

/// Begins the transaction of one batch when it is the follower's turn to write.
#[derive(Debug)]
pub struct WriteTurn<'a> {
    session: &'a FollowerSession,
    room_id: i64,
    after: EventId,
    stop: &'a CancellationToken,
}

/// The transaction of a batch. Effects inside it happen exactly once, together with the move of the
/// cursor; effects before it happen at least once.
#[derive(Debug)]
pub struct FollowerTx {
    tx: Timed<DatabaseTransaction>,
    follower: &'static str,
    room_id: i64,
    after: EventId,
    /// Dropped with the transaction, after it has ended.
    turn: Turn,
}

/// Proof that a cursor has moved, and where to: only [`FollowerTx::commit`] makes one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moved(EventId);

/// The reasons why a batch was not handled. The cursor has not moved.
#[derive(Debug, thiserror::Error)]
pub enum FollowError {
    /// Another process handles the room.
    #[error("another process follows the room")]
    Taken,
    /// Another process has moved the cursor since the batch began.
    #[error("the cursor has moved meanwhile")]
    Overtaken,
    /// The process ends.
    #[error("the follower is to stop")]
    Stopping,
    /// The store is out.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<DbErr> for FollowError {
    fn from(error: DbErr) -> Self {
        Self::Store(error.into())
    }
}

impl Followers {
    pub(super) fn new(backend: &Backend, turns: Turns) -> Self {
        Self { backend: backend.clone(), turns, file: backend.file() }
    }

    /// The turn to write.
    #[cfg(test)]
    pub(crate) fn turns_for_tests(&self) -> &Turns {
        &self.turns
    }

    /// Connects for the follower of that name.
    ///
    /// # Errors
    /// [`StoreError`] when the database is out.
    pub async fn session(&self, follower: &'static str) -> Result<FollowerSession, StoreError> {
        // Connecting would make a file where there is none.
        check(self.file.as_deref())?;
        let db = self.backend.connect_follower().await?;
        Ok(FollowerSession { follower, db, turns: self.turns.clone(), file: self.file.clone() })
    }
}

/// Returns an error if what is written is no longer written where it is looked for.
fn check(file: Option<&DatabaseFile>) -> Result<(), StoreError> {
    file.map_or(Ok(()), |file| Ok(file.check()?))
}

impl FollowerSession {
    /// The rooms whose log goes further than the follower has got.
    ///
    /// # Errors
    /// [`StoreError`] when the database is out.
    pub async fn rooms_behind(&self) -> Result<Vec<i64>, StoreError> {
        Ok(behind(self.follower).into_tuple().all(&self.db).await?)
    }

    /// The follower's progress in a room, if the room is there.
    ///
    /// # Errors
    /// [`StoreError`] when the database is out.
    pub async fn progress(&self, room_id: i64) -> Result<Option<Progress>, StoreError> {
        let query = room::Entity::find_by_id(room_id).expr_as(through(self.follower), "through");
        let row = query.into_model::<Row>().one(&self.db).await?;
        Ok(row.map(|row| Progress { room: row.room.into(), through: row.through }))
    }

    /// The turn of a batch of a room's events after an id. Waiting for it ends when `stop` is cancelled.
    #[must_use]
    pub fn turn<'a>(&'a self, room_id: i64, after: EventId, stop: &'a CancellationToken) -> WriteTurn<'a> {
        WriteTurn { session: self, room_id, after, stop }
    }

    /// Closes the connection.
    pub async fn close(self) {
        session::close(self.db.into_inner()).await;
    }
}

impl WriteTurn<'_> {
    /// Begins the transaction, with the room's cursor locked.
    ///
    /// # Errors
    /// [`FollowError`]. After a [`FollowError::Store`] the session has to be opened again.
    pub async fn begin(&self) -> Result<FollowerTx, FollowError> {
        let Self { session: FollowerSession { follower, db, turns, file, .. }, room_id, after, stop } = self;
        check(file.as_deref())?;
        let turn = stop.run_until_cancelled(turns.of_follower()).await.ok_or(FollowError::Stopping)?;
        let options = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..Default::default()
        };
        let tx = db.with(db.in_time(db.inner().begin_with_options(options)).await?);
        let tx = FollowerTx { tx, follower, room_id: *room_id, after: *after, turn };
        match tx.lock().await? {
            Some(through) if through == *after => Ok(tx),
            Some(_) => Err(tx.roll_back(FollowError::Overtaken).await),
            None => Err(tx.roll_back(FollowError::Taken).await),
        }
    }
}

impl FollowerTx {
    /// The connection that its statements go to.
    pub(super) fn connection(&self) -> &Timed<DatabaseTransaction> {
        &self.tx
    }

    /// The room that it is about.
    pub(super) fn room_id(&self) -> i64 {
        self.room_id
    }

    /// The event that the batch begins after.
    pub(super) fn after(&self) -> EventId {
        self.after
    }

    /// Runs SQL in it, for followers of tests.
    #[cfg(test)]
    pub(crate) async fn run(&self, sql: &str) -> Result<(), FollowError> {
        use sea_orm::ConnectionTrait as _;

        Ok(self.tx.execute_unprepared(sql).await.map(drop)?)
    }

    /// Locks the cursor's row, which is made if it is missing, and reads it; none if another process has it.
    async fn lock(&self) -> Result<Option<EventId>, StoreError> {
        let locked = || {
            let row = cursor(self.follower, self.room_id);
            row.lock_with_behavior(LockType::Update, LockBehavior::SkipLocked).one(&self.tx)
        };
        if let Some(row) = locked().await? {
            return Ok(Some(row.through));
        }
        // Asked without a lock: inserting would wait for whoever has it.
        if cursor(self.follower, self.room_id).one(&self.tx).await?.is_some() {
            return Ok(None);
        }
        let row = follower_cursor::ActiveModel {
            follower: Set(self.follower.to_owned()),
            room_id: Set(self.room_id),
            through: Set(0),
        };
        let key = [follower_cursor::Column::Follower, follower_cursor::Column::RoomId];
        let missing = OnConflict::columns(key).do_nothing_on(key).to_owned();
        follower_cursor::Entity::insert(row).on_conflict(missing).exec_without_returning(&self.tx).await?;
        Ok(locked().await?.map(|row| row.through))
    }

    /// Moves the cursor to the last event that was handled, and commits. When this fails with
    /// [`FollowError::Store`], whether it happened is unknown; the cursor tells.
    ///
    /// # Errors
    /// [`FollowError`].
    pub async fn commit(self, through: EventId) -> Result<Moved, FollowError> {
        let moved = follower_cursor::Entity::update_many()
            .col_expr(follower_cursor::Column::Through, Expr::value(through))
            .filter(follower_cursor::Column::Follower.eq(self.follower))
            .filter(follower_cursor::Column::RoomId.eq(self.room_id))
            .filter(follower_cursor::Column::Through.eq(self.after))
            .filter(follower_cursor::Column::Through.lt(through))
            .exec(&self.tx)
            .await?;
        if moved.rows_affected != 1 {
            let why = format!("{} can't go from {} to {through}", self.follower, self.after);
            return Err(self.roll_back(StoreError::Rejected(why).into()).await);
        }
        let Self { tx, turn: _turn, .. } = self;
        tx.with(()).in_time(tx.into_inner().commit()).await?;
        Ok(Moved(through))
    }

    /// Ends it with nothing written; why, or that even this failed.
    async fn roll_back(self, why: FollowError) -> FollowError {
        let Self { tx, turn: _turn, .. } = self;
        tx.with(()).in_time(tx.into_inner().rollback()).await.map_or_else(Into::into, |()| why)
    }
}

impl Moved {
    /// The last event that was handled.
    #[must_use]
    pub fn through(self) -> EventId {
        self.0
    }
}

fn cursor(follower: &str, room_id: i64) -> Select<follower_cursor::Entity> {
    follower_cursor::Entity::find_by_id((follower.to_owned(), room_id))
}

/// Up to where a follower has got, in the room that a query is about.
fn through(follower: &str) -> SimpleExpr {
    let through = sea_query::Query::select()
        .column(follower_cursor::Column::Through)
        .from(follower_cursor::Entity)
        .and_where(Expr::col(follower_cursor::Column::Follower).eq(follower))
        .and_where(Expr::col(follower_cursor::Column::RoomId).equals((room::Entity, room::Column::Id)))
        .to_owned();
    Func::coalesce([through.into(), Expr::value(0_i64)]).into()
}

/// The keys of the rooms whose log goes further than a follower has got.
fn behind(follower: &str) -> Select<room::Entity> {
    room::Entity::find()
        .select_only()
        .column(room::Column::Id)
        .filter(room::Column::Head.into_expr().gt(through(follower)))
        .order_by_asc(room::Column::Id)
}

impl super::Store {
    /// The cursor of a follower in a room.
    ///
    /// # Errors
    /// [`StoreError`] when the database is out.
    pub(super) async fn followed_through(&self, follower: &str, room_id: i64) -> Result<EventId, StoreError> {
        Ok(cursor(follower, room_id).one(&self.readers).await?.map_or(0, |row| row.through))
    }
}
