//! Queries of readers, and the pages by which the store answers them.

use std::sync::Arc;

use super::{Hub, frame::Frame, permission::NotGiven, room::Room, window::TAKE_BYTES};
use crate::{
    domain::{
        EventId,
        actor::Actor,
        cursor::Positions,
        denied::Denied,
        event::{Event, EventBody, EventType, ResetReason, ServiceStatus, TypeSet},
        name::RoomName,
        room::FloorReason,
    },
    store::error::StoreError,
};

/// The number of events read from the store at once.
pub const PAGE: u64 = 100;

/// The start of a reader in a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// With the history.
    History,
    /// After a cursor.
    After(EventId),
    /// With a `reset`, since its cursor says nothing of this room.
    Reset(ResetReason),
}

/// The parts of a room that a reader has to read from the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Query {
    /// The beginning: a history, or the events after a cursor.
    Begin {
        /// The start.
        start: Start,
        /// The number of messages in a history.
        history: usize,
        /// The types that it reads.
        types: TypeSet,
        /// The last id that is its to know.
        last: EventId,
    },
    /// The log after its cursor.
    Log {
        /// The cursor.
        after: EventId,
        /// The types that it reads.
        types: TypeSet,
        /// The most events of a page.
        limit: u64,
        /// The number of messages in the history that it gets if the log no longer reaches back to its cursor.
        history: usize,
        /// The last id that is its to know of that history.
        last: EventId,
    },
    /// The room's read cursors; the answer is in the room.
    Cursors,
}

/// A page that the store gave a reader.
#[derive(Debug, Clone)]
pub struct CatchUpPage {
    /// The events, encoded.
    pub frames: Vec<Frame>,
    /// Up to where they are complete.
    pub through: EventId,
    /// The messages that they show; absent if that may be any.
    pub shows: Option<Vec<EventId>>,
    /// The number of deletions there had been before it was read.
    pub deletions: u64,
}

impl CatchUpPage {
    /// An empty page: the reader stands at `through`.
    #[must_use]
    pub fn empty(through: EventId) -> Self {
        Self { frames: Vec::new(), through, shows: Some(Vec::new()), deletions: 0 }
    }

    /// Returns true if it shows a message that may have been deleted since.
    #[must_use]
    pub fn is_outdated(&self, room: &Room) -> bool {
        match &self.shows {
            Some(shows) => !shows.is_empty() && room.may_have_deleted(shows, self.deletions),
            None => room.deletions() > self.deletions,
        }
    }

    /// Leaves out what comes after an id. A history can't be cut: it has to be read again.
    pub(super) fn cut(&mut self, last: EventId) {
        self.frames.retain(|frame| frame.id().is_some_and(|id| id <= last));
        self.through = self.through.min(last);
    }

    /// The stretch of the log after a cursor that ends at `through`, or earlier if that is more than a reader
    /// takes at once.
    pub(super) fn of(events: &[Event], after: EventId, through: EventId, deletions: u64) -> Self {
        let mut page = Self { deletions, ..Self::empty(through) };
        let mut shows = Vec::with_capacity(events.len());
        let (mut bytes, mut told) = (0, after);
        for event in events {
            let frame = Frame::new(&event.into());
            bytes += frame.len();
            if bytes > TAKE_BYTES && !page.frames.is_empty() {
                page.through = told;
                break;
            }
            told = event.id();
            shows.extend(event.message().map(|message| message.id));
            page.frames.push(frame);
        }
        page.shows = Some(shows);
        page
    }
}

/// A room that somebody wants to read.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Its name.
    pub room: RoomName,
    /// The place to start at.
    pub start: Start,
    /// The reason why it may not be read, if it may not.
    pub denied: Option<Denied>,
}

impl Hub {
    /// Answers a reader's query; that of somebody whom something vouches for only if they may still read the room once
    /// the page is read. What comes before an event by which they lost the right is theirs to know.
    ///
    /// # Errors
    /// [`NotGiven`].
    pub(super) async fn answer(
        &self,
        room: &Arc<Room>,
        query: &Query,
        actor: Option<&Actor>,
    ) -> Result<CatchUpPage, NotGiven> {
        let page = self.page(room, query).await?;
        let is_unbounded =
            matches!(query, Query::Begin { last: EventId::MAX, .. } | Query::Log { last: EventId::MAX, .. });
        if let Some(actor) = actor.filter(|_| is_unbounded) {
            self.may_have_read(actor, room.name()).await?;
        }
        Ok(page)
    }

    async fn page(&self, room: &Arc<Room>, query: &Query) -> Result<CatchUpPage, StoreError> {
        match *query {
            Query::Begin { start, history, types, last } => self.begin(room, start, (history, last), types).await,
            Query::Log { after, types, limit, history, last } => {
                self.log_page(room, after, types, limit, (history, last)).await
            }
            Query::Cursors => {
                room.load_cursors(&self.store).await?;
                Ok(CatchUpPage::empty(0))
            }
        }
    }

    /// The first events of a reader, and its cursor after them.
    async fn begin(
        &self,
        room: &Arc<Room>,
        start: Start,
        history: (usize, EventId),
        types: TypeSet,
    ) -> Result<CatchUpPage, StoreError> {
        room.load(&self.store).await?;
        if types.has(EventType::ReadState) {
            room.load_cursors(&self.store).await?;
        }
        let deletions = room.deletions();
        let mut page = match self.reset_reason(room, start).await? {
            Ok(cursor) => CatchUpPage::empty(cursor),
            Err(reason) => {
                let (frames, through) = self.history(room, reason, history).await?;
                CatchUpPage { frames, through, shows: None, deletions }
            }
        };
        if !self.health.is_ok() && types.has(EventType::ServiceStatus) {
            let status = ServiceStatus::Degraded;
            page.frames.push(Frame::new(&EventBody::ServiceStatus { room: room.name(), status }));
        }
        Ok(page)
    }

    /// The cursor that a reader resumes from; else it starts with a history, and with a `reset` before it if there
    /// is a reason for one.
    async fn reset_reason(
        &self,
        room: &Arc<Room>,
        start: Start,
    ) -> Result<Result<EventId, Option<ResetReason>>, StoreError> {
        let cursor = match start {
            Start::History => return Ok(Err(None)),
            Start::Reset(reason) => return Ok(Err(Some(reason))),
            Start::After(cursor) => cursor,
        };
        let (mut head, (mut floor, mut reason)) = (room.head(), room.floor());
        if cursor >= floor && cursor > head {
            // Memory may lag; only the database knows what is ahead of the log.
            (head, floor, reason) = room.reload(&self.store).await?;
            // What it goes on with is to be there.
            room.fill(&self.store, &self.catch_ups, |events| self.heed(room.name(), events)).await?;
        }
        Ok(if cursor < floor {
            Err(Some(reason.into()))
        } else if cursor > head {
            Err(Some(ResetReason::Ahead))
        } else {
            Ok(cursor)
        })
    }

    /// The history of so many messages up to an id, after a `reset` if there is a reason for one, and the cursor it ends
    /// at.
    async fn history(
        &self,
        room: &Room,
        reset: Option<ResetReason>,
        (limit, last): (usize, EventId),
    ) -> Result<(Vec<Frame>, EventId), StoreError> {
        let (history, head) = room.history(&self.store, limit, last).await?;
        let (floor, _) = room.floor();
        let reset = reset.map(|reason| Frame::new(&EventBody::Reset { room: room.name(), reason, floor, head }));
        Ok((reset.into_iter().chain([history]).collect(), head))
    }

    /// One page of the log after a cursor that the ring no longer reaches back to.
    async fn log_page(
        &self,
        room: &Room,
        after: EventId,
        types: TypeSet,
        limit: u64,
        history: (usize, EventId),
    ) -> Result<CatchUpPage, StoreError> {
        // Many readers that come back together take turns, so that the rest of the server gets its
        // share of the database and of memory.
        let _turn = self.catch_ups.acquire().await;
        let deletions = room.deletions();
        let page = self.store.log_after(room.name(), after, types, limit).await?;
        match &page.room {
            Some(stored) if after < stored.floor => {
                let (frames, through) = self.history(room, Some(stored.floor_reason.into()), history).await?;
                Ok(CatchUpPage { frames, through, shows: None, deletions })
            }
            _ => Ok(CatchUpPage::of(&page.events, after, page.through, deletions)),
        }
    }

    /// The cursor that a reader of several rooms holds in one of them before its turn: what it gave, or what makes
    /// good for a history that it did not get.
    pub(super) async fn before_its_turn(
        &self,
        wanted: &Wanted,
        history: usize,
        types: TypeSet,
    ) -> Result<EventId, StoreError> {
        let is_told = types.has(EventType::ChatMessage);
        match wanted.start {
            Start::After(cursor) => Ok(cursor),
            Start::Reset(_) => Ok(Positions::FORCE_RESET),
            // Nothing is said of a room that may not be read, not even how long it is.
            Start::History if wanted.denied.is_some() => Ok(Positions::FORCE_RESET),
            // It has nothing, but all from the beginning on would be too much: if it breaks off now, it gets
            // the events that made the messages of its history, and what came after.
            Start::History => match self.store.room(&wanted.room).await? {
                Some(room) if is_told => self.store.before_newest(&room, history as u64).await,
                // Its filter would drop those events, and the history with them.
                Some(_) => Ok(Positions::FORCE_RESET),
                None => Ok(0),
            },
        }
    }
}

impl From<FloorReason> for ResetReason {
    fn from(reason: FloorReason) -> Self {
        match reason {
            FloorReason::Pruned => Self::Pruned,
            FloorReason::Restored => Self::Restored,
        }
    }
}
