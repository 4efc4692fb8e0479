//! Reading a room's log: a merge of the messages' range and the other events' range.

use std::sync::Arc;

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use serde::{Deserialize, Serialize};

use super::{
    Store,
    entity::{event, message},
    error::StoreError,
};
use crate::domain::{
    EventId,
    event::{Event, EventType, RoomUpdated, TypeSet},
    name::RoomName,
    room::Room,
};

/// How often a page with a hole is read before the hole is reported.
const HOLE_READS: u32 = 3;

/// The events of the log that are not a message's creation.
const OTHER_DURABLE: [EventType; 5] = [
    EventType::MessageEdited,
    EventType::MessageDeleted,
    EventType::ReactionAdded,
    EventType::ReactionRemoved,
    EventType::RoomUpdated,
];

/// A piece of a room's log.
#[derive(Debug, Clone)]
pub struct LogPage {
    /// The room as it was before the events were read; none has been made if absent.
    pub room: Option<Room>,
    /// The events asked for, in id order.
    pub events: Vec<Event>,
    /// Up to where the page is complete: the cursor to read on from.
    pub through: EventId,
}

/// What the column `data` holds for `room_updated`.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct RoomUpdatedData {
    pub title: String,
    pub topic: String,
}

impl Store {
    /// At most `limit` events after a cursor, of the given types only.
    ///
    /// An unfiltered page is checked to be without a gap; a hole is logged and read again.
    ///
    /// # Errors
    /// [`StoreError`] when the database is out, [`StoreError::Hole`] when a hole stays.
    pub async fn log_after(
        &self,
        name: &RoomName,
        after: EventId,
        types: TypeSet,
        limit: u64,
    ) -> Result<LogPage, StoreError> {
        let mut reads = 0;
        loop {
            let page = self.read_log(name, after, types, limit).await?;
            let Some(missing) = first_hole(after, types, &page) else { return Ok(page) };
            reads += 1;
            tracing::error!(room.name = %name, missing, reads, "the log has a hole");
            if reads == HOLE_READS {
                return Err(StoreError::Hole { room: name.clone(), missing });
            }
        }
    }

    async fn read_log(
        &self,
        name: &RoomName,
        after: EventId,
        types: TypeSet,
        limit: u64,
    ) -> Result<LogPage, StoreError> {
        let Some(room) = self.room(name).await? else {
            return Ok(LogPage { room: None, events: Vec::new(), through: after });
        };
        let mut events = Vec::new();
        if types.has(EventType::ChatMessage) {
            let rows = message::Entity::find()
                .filter(message::Column::RoomId.eq(room.id))
                .filter(message::Column::Id.gt(after))
                .filter(message::Column::Id.lte(room.head))
                .order_by_asc(message::Column::Id)
                .limit(limit)
                .all(&self.readers)
                .await?;
            events.extend(rows.into_iter().map(|row| Event::ChatMessage(Arc::new(row.into_message(name)))));
        }
        let kinds: Vec<&str> =
            OTHER_DURABLE.into_iter().filter(|kind| types.has(*kind)).map(EventType::as_str).collect();
        if !kinds.is_empty() {
            let mut query = event::Entity::find()
                .filter(event::Column::RoomId.eq(room.id))
                .filter(event::Column::Id.gt(after))
                .filter(event::Column::Id.lte(room.head))
                .order_by_asc(event::Column::Id)
                .limit(limit);
            if kinds.len() < OTHER_DURABLE.len() {
                query = query.filter(event::Column::Kind.is_in(kinds));
            }
            for row in query.all(&self.readers).await? {
                events.push(decode(&row, name)?);
            }
        }
        // Each range is complete up to its own last id, so the first `limit` of both are too.
        events.sort_unstable_by_key(Event::id);
        let full = u64::try_from(events.len()).is_ok_and(|count| count >= limit);
        events.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        let through = match events.last() {
            Some(last) if full => last.id(),
            _ => room.head.max(after),
        };
        Ok(LogPage { room: Some(room), events, through })
    }
}

/// The first id that an unfiltered page should have and has not.
fn first_hole(after: EventId, types: TypeSet, page: &LogPage) -> Option<EventId> {
    let unfiltered = types.has(EventType::ChatMessage) && OTHER_DURABLE.into_iter().all(|kind| types.has(kind));
    let floor = page.room.as_ref().map_or(0, |room| room.floor);
    if !unfiltered || after < floor {
        return None;
    }
    let mut expected = after + 1;
    for event in &page.events {
        if event.id() != expected {
            return Some(expected);
        }
        expected += 1;
    }
    (expected <= page.through).then_some(expected)
}

fn decode(row: &event::Model, room: &RoomName) -> Result<Event, StoreError> {
    let unreadable =
        |why: String| StoreError::Unavailable(format!("event {} of room {room} can't be read: {why}", row.id));
    match EventType::parse(&row.kind) {
        Some(EventType::RoomUpdated) => {
            let data: RoomUpdatedData =
                serde_json::from_str(&row.data).map_err(|error| unreadable(error.to_string()))?;
            let (title, topic) = (data.title, data.topic);
            Ok(Event::RoomUpdated(Arc::new(RoomUpdated { id: row.id, room: room.clone(), title, topic })))
        }
        _ => Err(unreadable(format!("its kind {} is unknown to this version", row.kind))),
    }
}
