//! Reading messages as they are now.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::{Store, entity::message, error::StoreError};
pub use crate::domain::message::Range;
use crate::domain::{EventId, message::Message, name::UserKey, room::Room};

impl Store {
    /// At most `limit` messages of a range, oldest first, and whether there are more in the
    /// direction asked. Bounded by the head that `room` was read with.
    ///
    /// # Errors
    /// [`StoreError`] when the database is out.
    pub async fn messages(&self, room: &Room, range: Range, limit: u64) -> Result<(Vec<Message>, bool), StoreError> {
        let id = message::Column::Id;
        // One bound on this side: of two, SQLite heeds the first, and reads all there is from there to the other.
        let last = match range {
            Range::Before(before) => room.head.min(before.saturating_sub(1)),
            Range::Newest | Range::After(_) => room.head,
        };
        let query =
            message::Entity::find().filter(message::Column::RoomId.eq(room.id)).filter(id.lte(last)).limit(limit + 1);
        let query = match range {
            Range::Newest | Range::Before(_) => query.order_by_desc(id),
            Range::After(after) => query.filter(id.gt(after)).order_by_asc(id),
        };
        let mut rows = query.all(&self.readers).await?;
        let has_more = u64::try_from(rows.len()).is_ok_and(|count| count > limit);
        if has_more {
            rows.pop();
        }
        if !matches!(range, Range::After(_)) {
            rows.reverse();
        }
        Ok((rows.into_iter().map(|row| row.into_message(&room.name)).collect(), has_more))
    }

    /// The cursor after which a room's newest `count` messages come.
    ///
    /// # Errors
    /// [`StoreError`] when the database is out.
    pub async fn before_newest(&self, room: &Room, count: u64) -> Result<EventId, StoreError> {
        let Some(newer) = count.checked_sub(1) else { return Ok(room.head) };
        let oldest: Option<EventId> = message::Entity::find()
            .select_only()
            .column(message::Column::Id)
            .filter(message::Column::RoomId.eq(room.id))
            .filter(message::Column::Id.lte(room.head))
            .order_by_desc(message::Column::Id)
            .offset(newer)
            .limit(1)
            .into_tuple()
            .one(&self.readers)
            .await?;
        Ok(oldest.map_or(0, |id| id - 1))
    }

    /// One message of a room.
    ///
    /// # Errors
    /// [`StoreError`] when the database is out.
    pub async fn message(&self, room: &Room, id: EventId) -> Result<Option<Message>, StoreError> {
        let row = message::Entity::find_by_id((room.id, id)).one(&self.readers).await?;
        Ok(row.map(|row| row.into_message(&room.name)))
    }

    /// The message that a user posted with a key.
    ///
    /// # Errors
    /// [`StoreError`] when the database is out.
    pub async fn message_by_key(
        &self,
        room: &Room,
        user: &UserKey,
        client_id: &str,
    ) -> Result<Option<Message>, StoreError> {
        let row = message::Entity::find()
            .filter(message::Column::RoomId.eq(room.id))
            .filter(message::Column::UserKey.eq(user.as_str()))
            .filter(message::Column::ClientId.eq(client_id))
            .filter(message::Column::Id.lte(room.head))
            .one(&self.readers)
            .await?;
        Ok(row.map(|row| row.into_message(&room.name)))
    }
}
