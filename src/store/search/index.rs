//! Writing the index: the effect of the follower that keeps it, in small transactions beside the journal's.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    time::Duration,
};

use sea_orm::{
    ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select, Set,
    sea_query::Expr,
};
use tokio::task::spawn_blocking;

use super::{
    super::{
        entity::{message, message_search},
        error::StoreError,
        follower::FollowerTx,
    },
    budget::CpuTimer,
    edits, named, room_token, sqlite,
};
use crate::domain::{EventId, tokens::index_tokens};

/// The most messages of one transaction.
const BATCH: u64 = 200;
/// The most edits of one transaction.
const EDITS: u64 = 50;
/// The most bytes of the new messages' contents, except for a single message that is longer.
const BATCH_BYTES: usize = 64 * 1024;
/// The processor's time that the new messages of one transaction take, except for a single one that takes longer: a
/// character may stand for eighteen, and posts wait meanwhile.
const CPU: Duration = Duration::from_millis(10);
/// The name of the follower that keeps the index.
pub const FOLLOWER: &str = "search";

/// Indexes the next piece of a room's log in a follower's transaction, of which the room has some up to
/// `head`. Returns the id that the index then goes through.
///
/// # Errors
/// [`StoreError`]; the transaction is of no more use then.
pub async fn write(tx: &FollowerTx, head: EventId) -> Result<EventId, StoreError> {
    let through = index_piece(tx.connection(), tx.room_id(), tx.after(), head).await?;
    if tx.connection().get_database_backend() == DbBackend::Sqlite {
        tx.connection().execute_unprepared(sqlite::MERGE).await?;
    }
    Ok(through)
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
    let edits: Vec<(EventId, EventId)> = edits
        .into_iter()
        .filter_map(|(id, message_id)| Some((id, message_id?)))
        .filter(|(_, message_id)| *message_id <= cursor)
        .collect();

    // Locked in the order of their ids, so that a deletion waits for this, and takes out of the index
    // what it has just got; or is waited for, and leaves nothing here to index.
    let mut edited = Vec::new();
    if !edits.is_empty() {
        let ids: BTreeSet<EventId> = edits.iter().map(|(_, message_id)| *message_id).collect();
        edited = named(room_id, ids).order_by_asc(message::Column::Id).lock_exclusive().all(tx).await?;
        if let Some(last) = fitting(&edits, &edited) {
            through = last;
            let kept: BTreeSet<EventId> =
                edits.iter().filter(|(id, _)| *id <= last).map(|(_, message_id)| *message_id).collect();
            edited.retain(|message| kept.contains(&message.id));
        }
    }
    let new = piece(room_id, cursor, through).lock_exclusive().all(tx).await?;
    let count = new.len();
    let new = tokenized(new, Some(CPU)).await?;
    if new.len() < count {
        through = new.last().map_or(through, |message| message.id);
    }
    add(tx, room_id, new).await?;
    change(tx, room_id, tokenized(edited, None).await?).await?;
    Ok(through)
}

/// The last edit whose message is among the first ones that fit into a transaction, if not all do.
fn fitting(edits: &[(EventId, EventId)], edited: &[message::Model]) -> Option<EventId> {
    let lengths: HashMap<EventId, usize> = edited.iter().map(|message| (message.id, message.content.len())).collect();
    let (mut seen, mut bytes, mut last) = (HashSet::new(), 0, None);
    for (id, message_id) in edits {
        if seen.insert(message_id) {
            bytes += lengths.get(message_id).copied().unwrap_or(0);
        }
        if bytes > BATCH_BYTES && last.is_some() {
            return last;
        }
        last = Some(*id);
    }
    None
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

/// A message and what the index is to hold of it: nothing of a deleted one.
#[derive(Debug)]
struct Tokenized {
    id: EventId,
    tokens: Option<String>,
}

/// Makes the tokens of messages in their order, off the threads that answer requests. With a limit of the
/// processor's time those that don't fit are left out, except for the first.
async fn tokenized(messages: Vec<message::Model>, limit: Option<Duration>) -> Result<Vec<Tokenized>, StoreError> {
    let make = move || {
        let timer = CpuTimer::start();
        let (mut done, mut bytes) = (Vec::with_capacity(messages.len()), 0);
        for message in messages {
            bytes += message.content.len();
            let is_over = || bytes > BATCH_BYTES || limit.is_some_and(|limit| timer.elapsed() >= limit);
            if limit.is_some() && !done.is_empty() && is_over() {
                break;
            }
            let tokens = message.deleted_at.is_none().then(|| tokens(&message));
            done.push(Tokenized { id: message.id, tokens });
        }
        done
    };
    spawn_blocking(make).await.map_err(|error| StoreError::Rejected(error.to_string()))
}

/// Writes the rows of messages, in their order: a row's key then grows with its message's id.
async fn add(tx: &impl ConnectionTrait, room_id: i64, messages: Vec<Tokenized>) -> Result<(), StoreError> {
    let row = |Tokenized { id, tokens }: Tokenized| {
        Some(message_search::ActiveModel {
            room_id: Set(room_id),
            message_id: Set(id),
            tokens: Set(tokens?),
            ..Default::default()
        })
    };
    let rows: Vec<_> = messages.into_iter().filter_map(row).collect();
    if !rows.is_empty() {
        message_search::Entity::insert_many(rows).exec_without_returning(tx).await?;
    }
    Ok(())
}

/// Brings the rows of messages up to what these say now. A deleted one has none any more.
async fn change(tx: &impl ConnectionTrait, room_id: i64, messages: Vec<Tokenized>) -> Result<(), StoreError> {
    for Tokenized { id, tokens } in messages {
        let Some(tokens) = tokens else { continue };
        message_search::Entity::update_many()
            .col_expr(message_search::Column::Tokens, Expr::value(tokens))
            .filter(message_search::Column::RoomId.eq(room_id))
            .filter(message_search::Column::MessageId.eq(id))
            .exec(tx)
            .await?;
    }
    Ok(())
}

/// The tokens of a message in the index.
fn tokens(message: &message::Model) -> String {
    index_tokens(&message.content).into_iter().fold(room_token(message.room_id), |mut all, token| {
        all.push(' ');
        all += &token;
        all
    })
}
