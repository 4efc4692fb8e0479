//! Reading a room's log: a merge of the messages' range and the other events' range.

use std::{collections::HashMap, sync::Arc};

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Set};
use serde::{Deserialize, Serialize};

use super::{
    Store,
    entity::{event, message},
    error::StoreError,
};
use crate::domain::{
    EventId,
    access::Access,
    event::{Event, EventType, MemberChange, MemberEvent, RoomUpdated, TypeSet},
    membership::{LeaveReason, Role},
    message::Message,
    name::{RoomName, Username},
    room::Room,
    timestamp::Timestamp,
};

/// The number of times that a page with a hole is read before the hole is reported.
const HOLE_READS: u32 = 3;

/// The number of events of the log looked at at once where only some are asked for: a page of what is rare would
/// otherwise take as long as all of it.
const STRETCH: EventId = 10_000;

/// The events of the log that are not a message's creation.
const OTHER_DURABLE: [EventType; 8] = [
    EventType::MessageEdited,
    EventType::MessageDeleted,
    EventType::ReactionAdded,
    EventType::ReactionRemoved,
    EventType::RoomUpdated,
    EventType::MemberJoined,
    EventType::MemberChanged,
    EventType::MemberLeft,
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

/// The value of the column `data` for `room_updated`.
#[derive(Debug, Serialize, Deserialize)]
struct RoomUpdatedData {
    title: String,
    topic: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    access: Option<Access>,
}

/// The value of the column `data` for a change of who is a member.
#[derive(Debug, Serialize, Deserialize)]
struct MemberData {
    by: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    role: Option<Role>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<LeaveReason>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    private: bool,
}

/// The value of the column `data` for a reaction; empty once its message is deleted.
#[derive(Debug, Serialize, Deserialize)]
struct ReactionData {
    #[serde(default)]
    emoji: String,
}

/// The row of an event; a message's creation has none, since the message is its own.
pub(super) fn row(room_id: i64, event: &Event, now: Timestamp) -> Option<Result<event::ActiveModel, StoreError>> {
    let (username, data) = match event {
        Event::ChatMessage(_) => return None,
        Event::MessageEdited { .. } => (None, Ok("{}".to_owned())),
        Event::MessageDeleted { username, .. } => (Some(username), Ok("{}".to_owned())),
        Event::Reacted { username, emoji, .. } => {
            (Some(username), serde_json::to_string(&ReactionData { emoji: emoji.clone() }))
        }
        Event::RoomUpdated(update) => {
            let (title, topic) = (update.title.clone(), update.topic.clone());
            (None, serde_json::to_string(&RoomUpdatedData { title, topic, access: update.access }))
        }
        Event::Member(event) => {
            let (role, reason) = match event.change {
                MemberChange::Joined(role) | MemberChange::Changed(role) => (Some(role), None),
                MemberChange::Left(reason) => (None, Some(reason)),
            };
            let data = MemberData { by: event.by.as_str().to_owned(), role, reason, private: event.is_private };
            (Some(&event.username), serde_json::to_string(&data))
        }
    };
    let row = |data| event::ActiveModel {
        room_id: Set(room_id),
        id: Set(event.id()),
        kind: Set(event.kind().as_str().to_owned()),
        data: Set(data),
        created_at: Set(now.micros()),
        message_id: Set(event.message().map(|message| message.id)),
        username: Set(username.map(|username| username.as_str().to_owned())),
    };
    Some(data.map(row).map_err(|error| StoreError::Rejected(error.to_string())))
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
        let kinds: Vec<&str> =
            OTHER_DURABLE.into_iter().filter(|kind| types.has(*kind)).map(EventType::as_str).collect();
        let is_sought = !kinds.is_empty() && kinds.len() < OTHER_DURABLE.len();
        let end = if is_sought { room.head.min(after.saturating_add(STRETCH)) } else { room.head };
        let mut events = Vec::new();
        if types.has(EventType::ChatMessage) {
            let rows = message::Entity::find()
                .filter(message::Column::RoomId.eq(room.id))
                .filter(message::Column::Id.gt(after))
                .filter(message::Column::Id.lte(end))
                .order_by_asc(message::Column::Id)
                .limit(limit)
                .all(&self.readers)
                .await?;
            events.extend(rows.into_iter().map(|row| Event::ChatMessage(Arc::new(row.into_message(name)))));
        }
        if !kinds.is_empty() {
            let mut query = event::Entity::find()
                .filter(event::Column::RoomId.eq(room.id))
                .filter(event::Column::Id.gt(after))
                .filter(event::Column::Id.lte(end))
                .order_by_asc(event::Column::Id)
                .limit(limit);
            if kinds.len() < OTHER_DURABLE.len() {
                query = query.filter(event::Column::Kind.is_in(kinds));
            }
            let rows = query.all(&self.readers).await?;
            let about = self.messages_of(&room, &rows).await?;
            for row in rows {
                events.push(decode(&row, name, &about)?);
            }
        }
        // Each range is complete up to its own last id, so the first `limit` of both are too.
        events.sort_unstable_by_key(Event::id);
        let full = u64::try_from(events.len()).is_ok_and(|count| count >= limit);
        events.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        let through = match events.last() {
            Some(last) if full => last.id(),
            _ => end.max(after),
        };
        Ok(LogPage { room: Some(room), events, through })
    }

    /// The messages that these events are about, as they are by now: what was deleted since is gone.
    async fn messages_of(
        &self,
        room: &Room,
        events: &[event::Model],
    ) -> Result<HashMap<EventId, Arc<Message>>, StoreError> {
        let mut ids: Vec<_> = events.iter().filter_map(|event| event.message_id).collect();
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        ids.sort_unstable();
        ids.dedup();
        let rows = message::Entity::find()
            .filter(message::Column::RoomId.eq(room.id))
            .filter(message::Column::Id.is_in(ids))
            .all(&self.readers)
            .await?;
        Ok(rows.into_iter().map(|row| (row.id, Arc::new(row.into_message(&room.name)))).collect())
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

fn decode(row: &event::Model, room: &RoomName, about: &HashMap<EventId, Arc<Message>>) -> Result<Event, StoreError> {
    let id = row.id;
    let unreadable = |why: String| StoreError::Unavailable(format!("event {id} of room {room} can't be read: {why}"));
    let bad_data = |error: serde_json::Error| unreadable(error.to_string());
    let message = || {
        let message = row.message_id.and_then(|id| about.get(&id));
        message.cloned().ok_or_else(|| unreadable("the message it is about is not there".into()))
    };
    let username = || {
        let name = row.username.as_deref().map(Username::stored);
        name.ok_or_else(|| unreadable("it does not say who did it".into()))
    };
    let at = Timestamp::from_micros(row.created_at);
    Ok(match EventType::parse(&row.kind) {
        Some(EventType::MessageEdited) => {
            let message = message()?;
            Event::MessageEdited { id, edited_at: message.edited_at.unwrap_or(at), message }
        }
        Some(EventType::MessageDeleted) => {
            Event::MessageDeleted { id, username: username()?, deleted_at: at, message: message()? }
        }
        Some(kind @ (EventType::ReactionAdded | EventType::ReactionRemoved)) => {
            let ReactionData { emoji } = serde_json::from_str(&row.data).map_err(bad_data)?;
            let on = kind == EventType::ReactionAdded;
            let message = message()?;
            // Of a deleted message it may be erased a little later, and is not shown.
            let emoji = if message.deleted_at.is_some() { String::new() } else { emoji };
            Event::Reacted { id, username: username()?, emoji, on, message }
        }
        Some(EventType::RoomUpdated) => {
            let RoomUpdatedData { title, topic, access } = serde_json::from_str(&row.data).map_err(bad_data)?;
            Event::RoomUpdated(Arc::new(RoomUpdated { id, room: room.clone(), title, topic, access }))
        }
        Some(kind @ (EventType::MemberJoined | EventType::MemberChanged | EventType::MemberLeft)) => {
            let MemberData { by, role, reason, private: is_private } =
                serde_json::from_str(&row.data).map_err(bad_data)?;
            let no_role = || unreadable("it does not say which role".into());
            let change = match kind {
                EventType::MemberJoined => MemberChange::Joined(role.ok_or_else(no_role)?),
                EventType::MemberChanged => MemberChange::Changed(role.ok_or_else(no_role)?),
                _ => MemberChange::Left(reason.unwrap_or(LeaveReason::Left)),
            };
            let (room, by) = (room.clone(), Username::stored(&by));
            Event::Member(Arc::new(MemberEvent { id, room, username: username()?, by, change, is_private }))
        }
        _ => return Err(unreadable(format!("its kind {} is unknown to this version", row.kind))),
    })
}
