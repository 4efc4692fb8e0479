//! Writing the index: it follows each room's log by a cursor of its own, in small transactions on a
//! connection of its own, so that no post waits for it.
//!
//! Its commits don't wait for the disk. What a power cut takes of the index it takes of its cursor too,
//! and the log is still there to be read again; nor can it take what the journal wrote and synced after
//! it, since that lies later in the same file (see `docs/decisions/0006-one-search-on-three-engines.md`).

use std::{collections::BTreeSet, sync::Arc};

use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseConnection, DbBackend, DbErr, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect, Select, Set, SqliteTransactionMode, TransactionOptions, TransactionTrait,
    sea_query::{self, Expr, ExprTrait, Func, OnConflict},
};

use super::{
    super::{
        backend::Backend,
        database_file::DatabaseFile,
        deadline::Timed,
        entity::{message, message_search, room, search_cursor},
        error::StoreError,
        session::close,
        turn::Turns,
    },
    edits, named, room_token, sqlite,
};
use crate::domain::{EventId, tokens::index_tokens};

/// The most messages of one transaction.
const BATCH: u64 = 200;
/// The most edits of one transaction.
const EDITS: u64 = 50;
/// The most bytes of the new messages' contents, but for a single message that is longer.
const BATCH_BYTES: usize = 64 * 1024;

/// The connection that writes the index.
#[derive(Debug)]
pub struct Index {
    backend: Backend,
    db: Timed<DatabaseConnection>,
    /// The file, if it is one.
    file: Option<Arc<DatabaseFile>>,
    turns: Turns,
}

impl Index {
    /// Connects to the database.
    pub(in super::super) async fn open(backend: &Backend, turns: Turns) -> Result<Self, DbErr> {
        let db = backend.connect_indexer().await?;
        Ok(Self { backend: backend.clone(), db, file: backend.file(), turns })
    }

    /// Whose turn it is.
    #[must_use]
    pub fn turns(&self) -> &Turns {
        &self.turns
    }

    /// The rooms whose log goes further than the index.
    ///
    /// # Errors
    /// [`StoreError`] when the database is out.
    pub async fn rooms_behind(&self) -> Result<Vec<i64>, StoreError> {
        Ok(behind().into_tuple().all(&self.db).await?)
    }

    /// Indexes all that is behind.
    ///
    /// # Errors
    /// [`StoreError`]; what was indexed until then stays.
    pub async fn catch_up(&mut self) -> Result<(), StoreError> {
        for room_id in self.rooms_behind().await? {
            while self.advance(room_id).await? {}
        }
        Ok(())
    }

    /// Indexes the next piece of a room's log, if there is one; whether there is more.
    ///
    /// # Errors
    /// [`StoreError`]; nothing of the piece is written then, and the connection has to be reopened.
    pub async fn advance(&mut self, room_id: i64) -> Result<bool, StoreError> {
        self.check()?;
        let turn = self.turns.of_index().await;
        let options = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..Default::default()
        };
        let tx = self.db.with(self.db.in_time(self.db.inner().begin_with_options(options)).await?);
        let cursor = search_cursor::Entity::find_by_id(room_id).one(&tx).await?.map_or(0, |row| row.through);
        let head = room::Entity::find_by_id(room_id).one(&tx).await?.map_or(0, |row| row.head);
        if head <= cursor {
            self.db.in_time(tx.into_inner().rollback()).await?;
            return Ok(false);
        }
        let through = index_piece(&tx, room_id, cursor, head).await?;
        if tx.get_database_backend() == DbBackend::Sqlite {
            tx.execute_unprepared(sqlite::MERGE).await?;
        }
        let row = search_cursor::ActiveModel { room_id: Set(room_id), through: Set(through) };
        let moved =
            OnConflict::column(search_cursor::Column::RoomId).update_column(search_cursor::Column::Through).to_owned();
        search_cursor::Entity::insert(row).on_conflict(moved).exec_without_returning(&tx).await?;
        self.db.in_time(tx.into_inner().commit()).await?;
        drop(turn);
        Ok(through < head)
    }

    /// Whether what is written is written where it is looked for.
    fn check(&self) -> Result<(), StoreError> {
        self.file.as_ref().map_or(Ok(()), |file| file.check())
    }

    /// Replaces the connection, which can't be trusted after a failed transaction.
    ///
    /// # Errors
    /// [`StoreError`] when the database is still out; the old connection then stays.
    pub async fn reopen(&mut self) -> Result<(), StoreError> {
        // Connecting would make a file where there is none.
        self.check()?;
        let fresh = self.backend.connect_indexer().await?;
        close(std::mem::replace(&mut self.db, fresh).into_inner()).await;
        Ok(())
    }

    /// Closes the connection.
    pub async fn close(self) {
        close(self.db.into_inner()).await;
    }
}

/// The keys of the rooms whose log goes further than the index.
fn behind() -> Select<room::Entity> {
    let through = sea_query::Query::select()
        .column(search_cursor::Column::Through)
        .from(search_cursor::Entity)
        .and_where(Expr::col(search_cursor::Column::RoomId).equals((room::Entity, room::Column::Id)))
        .to_owned();
    room::Entity::find()
        .select_only()
        .column(room::Column::Id)
        .filter(room::Column::Head.into_expr().gt(Func::coalesce([through.into(), Expr::value(0)])))
        .order_by_asc(room::Column::Id)
}

/// Indexes the next piece of a room's log: its new messages, and what was edited in it. The id that the
/// index goes through then.
async fn index_piece(
    tx: &impl ConnectionTrait,
    room_id: i64,
    cursor: EventId,
    head: EventId,
) -> Result<EventId, StoreError> {
    let is_full = |count: usize, limit: u64| u64::try_from(count).is_ok_and(|count| count >= limit);
    let ids: Vec<EventId> =
        piece(room_id, cursor, head).select_only().column(message::Column::Id).into_tuple().all(tx).await?;
    let mut through = if is_full(ids.len(), BATCH) { ids.last().copied().unwrap_or(head) } else { head };
    let edits: Vec<(EventId, Option<EventId>)> =
        edits(room_id, cursor, through).limit(EDITS).into_tuple().all(tx).await?;
    if is_full(edits.len(), EDITS) {
        through = edits.last().map_or(through, |(id, _)| *id);
    }
    // An edit of a message that is new here is seen with it.
    let edited: BTreeSet<EventId> =
        edits.iter().filter_map(|(_, message_id)| *message_id).filter(|id| *id <= cursor).collect();

    // Locked in the order of their ids, so that a deletion waits for this, and takes out of the index
    // what it has just got; or is waited for, and leaves nothing here to index.
    let edited = if edited.is_empty() {
        Vec::new()
    } else {
        named(room_id, edited).order_by_asc(message::Column::Id).lock_exclusive().all(tx).await?
    };
    let mut new = piece(room_id, cursor, through).lock_exclusive().all(tx).await?;
    let mut bytes = 0;
    let fitting = new.iter().take_while(|message| {
        let fits = bytes == 0 || bytes + message.content.len() <= BATCH_BYTES;
        bytes += message.content.len();
        fits
    });
    let fitting = fitting.count();
    if fitting < new.len() {
        new.truncate(fitting);
        through = new.last().map_or(through, |message| message.id);
    }
    add(tx, &new).await?;
    change(tx, &edited).await?;
    Ok(through)
}

/// The next messages of a room after a cursor.
pub(super) fn piece(room_id: i64, after: EventId, through: EventId) -> Select<message::Entity> {
    message::Entity::find()
        .filter(message::Column::RoomId.eq(room_id))
        .filter(message::Column::Id.gt(after))
        .filter(message::Column::Id.lte(through))
        .order_by_asc(message::Column::Id)
        .limit(BATCH)
}

/// Writes the rows of messages, in their order: a row's key then grows with its message's id.
async fn add(tx: &impl ConnectionTrait, messages: &[message::Model]) -> Result<(), StoreError> {
    let there = messages.iter().filter(|message| message.deleted_at.is_none());
    let rows: Vec<_> = there
        .map(|message| message_search::ActiveModel {
            room_id: Set(message.room_id),
            message_id: Set(message.id),
            tokens: Set(tokens(message)),
            ..Default::default()
        })
        .collect();
    if !rows.is_empty() {
        message_search::Entity::insert_many(rows).exec_without_returning(tx).await?;
    }
    Ok(())
}

/// Brings the rows of messages up to what these say now. A deleted one has none any more.
async fn change(tx: &impl ConnectionTrait, messages: &[message::Model]) -> Result<(), StoreError> {
    for message in messages {
        message_search::Entity::update_many()
            .col_expr(message_search::Column::Tokens, Expr::value(tokens(message)))
            .filter(message_search::Column::RoomId.eq(message.room_id))
            .filter(message_search::Column::MessageId.eq(message.id))
            .exec(tx)
            .await?;
    }
    Ok(())
}

/// What the index holds of a message.
fn tokens(message: &message::Model) -> String {
    index_tokens(&message.content).into_iter().fold(room_token(message.room_id), |mut all, token| {
        all.push(' ');
        all += &token;
        all
    })
}
