//! Finding messages by their words: what the index proposes, and what it does not know yet, each
//! compared with the message as it is now.
//!
//! The index is behind the log by a little (see [`index`]). What is past its cursor is read from the log
//! itself, so that a search finds all that was committed before it began.

use std::collections::BTreeSet;

use sea_orm::{
    ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select, Statement,
};
use tokio::task::yield_now;

pub mod index;
mod mysql;
mod postgres;
mod sqlite;
#[cfg(test)]
mod tests;

use super::{
    Store,
    entity::{event, message},
    error::StoreError,
};
use crate::domain::{
    EventId,
    event::EventType,
    message::Message,
    room::Room,
    search::{Query, Term},
};

/// How many messages are read at once where the index can't help.
const TAIL_PAGE: u64 = 500;
/// How many of the index's proposals are read at once at most.
const MOST_CANDIDATES: usize = 500;
/// How many messages are compared before others get to work.
const COMPARED_AT_ONCE: usize = 32;
/// What the token of a room begins with; every row has it, so that the index meets a room and a word.
const ROOM_PREFIX: &str = "rm";

/// The token that all messages of a room have, and no word.
fn room_token(room_id: i64) -> String {
    format!("{ROOM_PREFIX}{room_id}")
}

impl Store {
    /// At most `limit` messages of a room that match, newest first, of those before an id, and whether
    /// there are more. Bounded by the head that `room` was read with.
    ///
    /// # Errors
    /// [`StoreError`] when the database is out.
    pub async fn search(
        &self,
        room: &Room,
        query: &Query,
        before: Option<EventId>,
        limit: usize,
    ) -> Result<(Vec<Message>, bool), StoreError> {
        if query.is_empty() {
            return Ok((Vec::new(), false));
        }
        let before = before.unwrap_or(EventId::MAX).min(room.head.saturating_add(1));
        // Read first: the index may only go further meanwhile, so that it and what is read here as not
        // yet indexed together miss nothing.
        let through = self.followed_through(index::FOLLOWER, room.id).await?;
        let wanted = limit + 1;
        let mut found = self.search_tail(room, query, through, before, wanted).await?;
        if found.len() < wanted {
            let mut before = before.min(through.saturating_add(1));
            if self.readers.get_database_backend() == DbBackend::MySql {
                // InnoDB collects and sorts all that has the words, however few are asked for. What much
                // has is found sooner among the newest.
                let rows = tail(room.id, 0, before).all(&self.readers).await?;
                before = rows.last().map_or(before, |row| row.id);
                matching(room, query, rows, &mut found).await;
            }
            let wanted = wanted.saturating_sub(found.len());
            let edited = self.search_edited(room, query, through, before, wanted).await?;
            found.extend(self.search_index(room, query, before, wanted, edited).await?);
        }
        let has_more = found.len() > limit;
        found.truncate(limit);
        Ok((found, has_more))
    }

    /// The newest that match of the messages after `through`.
    async fn search_tail(
        &self,
        room: &Room,
        query: &Query,
        through: EventId,
        mut before: EventId,
        wanted: usize,
    ) -> Result<Vec<Message>, StoreError> {
        let mut found = Vec::new();
        while before > through.saturating_add(1) && found.len() < wanted {
            let rows = tail(room.id, through, before).all(&self.readers).await?;
            let Some(last) = rows.last() else { break };
            before = last.id;
            let is_last = u64::try_from(rows.len()).is_ok_and(|count| count < TAIL_PAGE);
            matching(room, query, rows, &mut found).await;
            if is_last {
                break;
            }
        }
        Ok(found)
    }

    /// The newest that match of the messages up to `through` that were edited after it.
    async fn search_edited(
        &self,
        room: &Room,
        query: &Query,
        through: EventId,
        before: EventId,
        wanted: usize,
    ) -> Result<Vec<Message>, StoreError> {
        let mut found = Vec::new();
        let mut after = through;
        loop {
            let page: Vec<(EventId, Option<EventId>)> =
                edits(room.id, after, room.head).limit(TAIL_PAGE).into_tuple().all(&self.readers).await?;
            let Some((last, _)) = page.last() else { break };
            after = *last;
            let ids: BTreeSet<EventId> = page.iter().filter_map(|(_, id)| *id).filter(|id| *id < before).collect();
            if !ids.is_empty() {
                let rows = named(room.id, ids).order_by_desc(message::Column::Id).all(&self.readers).await?;
                matching(room, query, rows, &mut found).await;
                newest_once(&mut found, wanted);
            }
            if u64::try_from(page.len()).is_ok_and(|count| count < TAIL_PAGE) {
                break;
            }
        }
        Ok(found)
    }

    /// The newest that match of the messages that the index knows, among those that were `found` already.
    async fn search_index(
        &self,
        room: &Room,
        query: &Query,
        mut before: EventId,
        wanted: usize,
        mut found: Vec<Message>,
    ) -> Result<Vec<Message>, StoreError> {
        let terms = query.terms();
        let mut indexed = Vec::new();
        let mut proposals = wanted;
        while indexed.len() < wanted {
            let ids = self.candidates(room.id, &terms, before, proposals).await?;
            let Some(last) = ids.last() else { break };
            before = *last;
            let is_last = ids.len() < proposals;
            // Where most only look alike, few at a time would take as many questions as there are messages.
            proposals = (2 * proposals).min(MOST_CANDIDATES);
            let rows = named(room.id, ids).order_by_desc(message::Column::Id).all(&self.readers).await?;
            matching(room, query, rows, &mut indexed).await;
            if is_last {
                break;
            }
        }
        found.extend(indexed);
        newest_once(&mut found, wanted);
        Ok(found)
    }

    /// The ids of at most `limit` messages before an id that the index has all terms of, newest first.
    async fn candidates(
        &self,
        room_id: i64,
        terms: &[Term],
        before: EventId,
        limit: usize,
    ) -> Result<Vec<EventId>, StoreError> {
        let statement = candidates(self.readers.get_database_backend(), room_id, terms, before, limit);
        let rows = self.readers.query_all_raw(statement).await?;
        Ok(rows.iter().map(|row| row.try_get("", "message_id")).collect::<Result<_, _>>()?)
    }
}

/// The question for the index in the words of a database.
fn candidates(backend: DbBackend, room_id: i64, terms: &[Term], before: EventId, limit: usize) -> Statement {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    match backend {
        DbBackend::Postgres => postgres::candidates(room_id, terms, before, limit),
        DbBackend::MySql => mysql::candidates(room_id, terms, before, limit),
        _ => sqlite::candidates(room_id, terms, before, limit),
    }
}

/// The newest messages of a room between a cursor and an id, newest first.
fn tail(room_id: i64, after: EventId, before: EventId) -> Select<message::Entity> {
    message::Entity::find()
        .filter(message::Column::RoomId.eq(room_id))
        .filter(message::Column::Id.gt(after))
        .filter(message::Column::Id.lt(before))
        .order_by_desc(message::Column::Id)
        .limit(TAIL_PAGE)
}

/// The messages of a room with these ids.
fn named(room_id: i64, ids: impl IntoIterator<Item = EventId>) -> Select<message::Entity> {
    message::Entity::find().filter(message::Column::RoomId.eq(room_id)).filter(message::Column::Id.is_in(ids))
}

/// The edits in a room after a cursor, oldest first, and which message each is of.
fn edits(room_id: i64, after: EventId, head: EventId) -> Select<event::Entity> {
    event::Entity::find()
        .select_only()
        .columns([event::Column::Id, event::Column::MessageId])
        .filter(event::Column::RoomId.eq(room_id))
        .filter(event::Column::Id.gt(after))
        .filter(event::Column::Id.lte(head))
        .filter(event::Column::Kind.eq(EventType::MessageEdited.as_str()))
        .order_by_asc(event::Column::Id)
}

/// Leaves the newest of what was found, each once, newest first.
fn newest_once(found: &mut Vec<Message>, wanted: usize) {
    found.sort_by_key(|message| std::cmp::Reverse(message.id));
    found.dedup_by_key(|message| message.id);
    found.truncate(wanted);
}

/// Adds those messages that match and are not deleted.
async fn matching(room: &Room, query: &Query, rows: Vec<message::Model>, found: &mut Vec<Message>) {
    for (number, row) in rows.into_iter().enumerate() {
        if number % COMPARED_AT_ONCE == COMPARED_AT_ONCE - 1 {
            yield_now().await;
        }
        if row.deleted_at.is_none() && query.matches(&row.content) {
            found.push(row.into_message(&room.name));
        }
    }
}
