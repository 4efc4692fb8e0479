//! Writing the index: the effect of the follower that keeps it, in small transactions beside the journal's.

use std::{collections::BTreeSet, sync::Arc};

use sea_orm::{
    ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select, Set,
    sea_query::Expr,
};

use super::{
    super::{
        entity::{message, message_search},
        error::StoreError,
        follower::FollowerTx,
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
