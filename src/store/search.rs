//! Finding messages by their words: what the index proposes, and what it does not know yet, each
//! compared with the message as it is now.
//!
//! A search goes from the newest message to the oldest, and knows at each moment down to which id all is
//! decided. So it can stop anywhere when its budget is spent, and whoever asked goes on from there.
//!
//! The index is behind the log by a little (see [`index`]). What is past its cursor is read from the log
//! itself, so that a search finds all that was committed before it began.

use std::{collections::BTreeSet, sync::Arc, time::Instant};

use sea_orm::{
    ColumnTrait, ConnectionTrait, DbBackend, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select,
    Statement,
};

pub mod budget;
mod compare;
pub mod index;
mod mysql;
mod postgres;
pub(in crate::store) mod searchers;
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
use budget::SearchLimits;
use compare::Comparison;
use searchers::Admitted;

/// The number of messages read at once: the largest page's, and one more to know whether there are others.
const PAGE: usize = 201;
/// The most ids that the index proposes at once.
const MOST_CANDIDATES: usize = 500;
/// The number of edits, of those that the index does not know yet, that are read at once.
const EDITS_PAGE: u64 = 500;
/// The most of them that are held. An index that is further behind is not asked.
const MOST_EDITS: usize = 10_000;
/// The prefix of a room's token; every row has one, so that the index meets a room and a word.
const ROOM_PREFIX: &str = "rm";

/// The token that all messages of a room have, and no word.
fn room_token(room_id: i64) -> String {
    format!("{ROOM_PREFIX}{room_id}")
}

/// The result of a search.
#[derive(Debug, Default)]
pub struct SearchPage {
    /// The messages that match, newest first.
    pub messages: Vec<Message>,
    /// Older messages than this may match too; none may, if absent.
    pub next: Option<EventId>,
    /// True if the budget ran out before the page was full.
    pub partial: bool,
}

/// The reasons why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// Too many search already.
    #[error("too many searches at once")]
    Busy,
    /// A comparison failed, a fault of this program.
    #[error("a comparison failed: {0}")]
    Failed(String),
    /// The store is out.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<DbErr> for SearchError {
    fn from(error: DbErr) -> Self {
        Self::Store(error.into())
    }
}

impl Store {
    /// At most `limit` messages of a room that match, newest first, of those before an id. Bounded by the head
    /// that `room` was read with, and by [`SearchLimits`].
    ///
    /// # Errors
    /// [`SearchError`].
    pub async fn search(
        &self,
        room: Room,
        query: Query,
        before: Option<EventId>,
        limit: usize,
    ) -> Result<SearchPage, SearchError> {
        if query.is_empty() {
            return Ok(SearchPage::default());
        }
        let admitted = self.searchers.admit().await?;
        // Read first: the index may only go further meanwhile, so that it and what is read here as not
        // yet indexed together miss nothing.
        let through = self.followed_through(index::FOLLOWER, room.id).await?;
        let before = before.unwrap_or(EventId::MAX).min(room.head.saturating_add(1));
        let mut search = Search {
            limits: self.searchers.limits(),
            at: admitted,
            room,
            query: Arc::new(query),
            through,
            wanted: limit + 1,
            start: before,
            before,
            found: Vec::new(),
        };
        search.run().await?;
        search.at.done();
        let Search { mut found, before, wanted: _, .. } = search;
        let is_full = found.len() > limit;
        found.truncate(limit);
        let next = if is_full { found.last().map(|message| message.id) } else { (before > 1).then_some(before) };
        let partial = next.is_some() && found.len() < limit;
        Ok(SearchPage { messages: found, next, partial })
    }
}

/// A search under way.
#[derive(Debug)]
struct Search {
    at: Admitted,
    limits: SearchLimits,
    room: Room,
    query: Arc<Query>,
    /// The cursor of the index.
    through: EventId,
    /// The number of messages looked for: one more than the page has, to know whether there are more.
    wanted: usize,
    /// The id it began at.
    start: EventId,
    /// Of this message and all newer ones it is decided whether they match.
    before: EventId,
    found: Vec<Message>,
}

impl Search {
    async fn run(&mut self) -> Result<(), SearchError> {
        while self.goes_on() && self.before > self.through.saturating_add(1) {
            self.read(self.through).await?;
        }
        if self.goes_on() && self.at.db.get_database_backend() == DbBackend::MySql {
            // InnoDB collects and sorts all that has the words, however few are asked for. What much has is
            // found sooner among the newest.
            self.read(0).await?;
        }
        if !self.goes_on() || !self.ask_index().await? {
            while self.goes_on() {
                self.read(0).await?;
            }
        }
        Ok(())
    }

    /// Returns true if there is more to look for, more to look at, and the budget allows it; it allows
    /// some of it always.
    fn goes_on(&self) -> bool {
        self.before > 1 && self.found.len() < self.wanted && !(self.before < self.start && self.is_spent())
    }

    fn is_spent(&self) -> bool {
        self.at.meter.spent() >= self.limits.cpu || self.at.meter.waited() >= self.limits.database
    }

    /// Reads and compares the newest messages that are not decided, of those after an id.
    async fn read(&mut self, after: EventId) -> Result<(), SearchError> {
        let statement = tail(self.room.id, after, self.before);
        let rows = self.timed(statement.all(&self.at.db)).await?;
        let is_last = rows.len() < PAGE;
        if self.compare(rows).await? && is_last {
            self.before = after.saturating_add(1);
        }
        Ok(())
    }

    /// Goes on by what the index proposes, to the end. Returns false if that takes too long.
    async fn ask_index(&mut self) -> Result<bool, SearchError> {
        let Some(edited) = self.edited().await? else { return Ok(false) };
        let terms = self.query.terms();
        let mut proposals = self.wanted;
        while self.goes_on() {
            let statement = candidates(self.at.db.get_database_backend(), self.room.id, &terms, self.before, proposals);
            let Some(rows) = self.interruptible(self.at.db.query_all_raw(statement)).await? else { return Ok(false) };
            let ids = rows.iter().map(|row| row.try_get("", "message_id")).collect::<Result<Vec<EventId>, _>>()?;
            // Down to where the index has said all that it knows.
            let floor = if ids.len() < proposals { 1 } else { ids.last().copied().unwrap_or(1) };
            let mut ids: BTreeSet<EventId> = ids.into_iter().collect();
            ids.extend(edited.range(floor..self.before));
            let ids: Vec<_> = ids.into_iter().rev().collect();
            let mut is_done = true;
            for some in ids.chunks(PAGE) {
                if !self.goes_on() {
                    return Ok(true);
                }
                let statement = named(self.room.id, some.iter().copied()).order_by_desc(message::Column::Id);
                let rows = self.timed(statement.all(&self.at.db)).await?;
                is_done = self.compare(rows).await?;
                if !is_done {
                    break;
                }
            }
            if is_done {
                self.before = floor;
            }
            // Where most only look alike, few at a time would take as many questions as there are messages.
            proposals = (2 * proposals).min(MOST_CANDIDATES);
        }
        Ok(true)
    }

    /// The messages up to the index's cursor that were edited after it; none if they are too many to be read.
    async fn edited(&self) -> Result<Option<BTreeSet<EventId>>, SearchError> {
        let mut edited = BTreeSet::new();
        let mut after = self.through;
        loop {
            let statement = edits(self.room.id, after, self.room.head).limit(EDITS_PAGE);
            let page = statement.into_tuple::<(EventId, Option<EventId>)>();
            let Some(page) = self.interruptible(page.all(&self.at.db)).await? else { return Ok(None) };
            edited.extend(page.iter().filter_map(|(_, id)| *id).filter(|id| *id <= self.through));
            match page.last() {
                Some((last, _)) if u64::try_from(page.len()).is_ok_and(|count| count >= EDITS_PAGE) => after = *last,
                _ => return Ok(Some(edited)),
            }
            if edited.len() > MOST_EDITS || self.is_spent() {
                return Ok(None);
            }
        }
    }

    /// Compares messages, newest first, until enough are found or the budget is spent. Returns true if all
    /// were compared.
    async fn compare(&mut self, rows: Vec<message::Model>) -> Result<bool, SearchError> {
        let mut comparison = Comparison::new(self.query.clone(), self.room.name.clone(), rows);
        while comparison.has_more() && self.goes_on() {
            let wanted = self.wanted - self.found.len();
            comparison = comparison.go_on(self.limits.slice, wanted).await?;
            self.at.meter.add(std::mem::take(&mut comparison.took));
            self.found.append(&mut comparison.found);
            self.before = comparison.last.unwrap_or(self.before);
        }
        Ok(!comparison.has_more())
    }

    /// The work of a database, whose time is counted: of a server as long as its answer takes. A file counts
    /// its own.
    async fn timed<T>(&self, work: impl Future<Output = Result<T, DbErr>>) -> Result<T, StoreError> {
        let begun = Instant::now();
        let done = work.await;
        if self.at.db.get_database_backend() != DbBackend::Sqlite {
            self.at.meter.wait(begun.elapsed());
        }
        Ok(done?)
    }

    /// The database's answer, if it comes within half of what is left of the budget: the other half is for looking
    /// without its index.
    async fn interruptible<T>(&self, work: impl Future<Output = Result<T, DbErr>>) -> Result<Option<T>, SearchError> {
        let spent = self.at.meter.spent();
        self.at.meter.stop_at(spent + self.limits.cpu.saturating_sub(spent) / 2);
        let done = self.timed(work).await;
        self.at.meter.never_stop();
        match done {
            Ok(done) => Ok(Some(done)),
            Err(StoreError::Interrupted(_)) => Ok(None),
            Err(error) => Err(error.into()),
        }
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
        .limit(PAGE as u64)
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
