//! Read cursors, and counting the messages past them.

use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait,
    sea_query::{CaseStatement, Expr, ExprTrait, Query},
};

use super::{
    Store,
    entity::{message, read_cursor, room},
    error::StoreError,
};
use crate::domain::{
    EventId,
    name::{RoomName, UserKey},
    read_cursor::ReadCursor,
    room::Room,
};

/// The number of messages past a cursor that are looked at.
const LOOKED_AT: u64 = 2_000;

/// A count of the messages past a cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ahead {
    /// Messages by others that are not deleted, among those that were looked at.
    pub by_others: u64,
    /// True if there may be more.
    pub more: bool,
}

impl Store {
    /// At most `limit` cursors of a room, by user, after `after`.
    ///
    /// # Errors
    /// [`StoreError`] when the database is out.
    pub async fn read_cursors(
        &self,
        room: &RoomName,
        after: Option<&UserKey>,
        limit: u64,
    ) -> Result<Vec<ReadCursor>, StoreError> {
        let room_id = Query::select()
            .column(room::Column::Id)
            .from(room::Entity)
            .and_where(Expr::col(room::Column::Name).eq(room.as_str()))
            .to_owned();
        // Equal to the one there is, not in a list: a list's cursors would all be read to put them in order.
        let room_id = Expr::SubQuery(None, Box::new(room_id.into()));
        let mut query = read_cursor::Entity::find()
            .filter(read_cursor::Column::RoomId.into_expr().eq(room_id))
            .order_by_asc(read_cursor::Column::UserKey)
            .limit(limit);
        if let Some(after) = after {
            query = query.filter(read_cursor::Column::UserKey.gt(after.as_str()));
        }
        Ok(query.all(&self.readers).await?.into_iter().map(ReadCursor::from).collect())
    }

    /// A user's read cursor; absent if the user has read nothing.
    ///
    /// # Errors
    /// [`StoreError`] when the database is out.
    pub async fn read_cursor(&self, room: &Room, user: &UserKey) -> Result<Option<ReadCursor>, StoreError> {
        let row = read_cursor::Entity::find_by_id((room.id, user.as_str().to_owned())).one(&self.readers).await?;
        Ok(row.map(ReadCursor::from))
    }

    /// Counts the messages past a cursor that are by others. Only so many are looked at, along the primary
    /// key: what it costs grows neither with the room nor with how far back the cursor is.
    ///
    /// # Errors
    /// [`StoreError`] when the database is out.
    pub async fn ahead(&self, room: &Room, cursor: EventId, user: &UserKey) -> Result<Ahead, StoreError> {
        let looked_at = message::Entity::find()
            .select_only()
            .columns([message::Column::UserKey, message::Column::DeletedAt])
            .filter(message::Column::RoomId.eq(room.id))
            .filter(message::Column::Id.gt(cursor))
            .filter(message::Column::Id.lte(room.head))
            .order_by_asc(message::Column::Id)
            .limit(LOOKED_AT)
            .into_query();
        let others =
            Expr::col(message::Column::UserKey).ne(user.as_str()).and(Expr::col(message::Column::DeletedAt).is_null());
        // A count passes over NULL, which is what a case without a match is.
        let by_others = Expr::expr(CaseStatement::new().case(others, Expr::val(1))).count();
        let query = Query::select()
            .expr_as(Expr::col(message::Column::UserKey).count(), "looked_at")
            .expr_as(by_others, "by_others")
            .from_subquery(looked_at, "ahead")
            .to_owned();
        let row = self.readers.query_one(&query).await?;
        let row = row.ok_or_else(|| DbErr::RecordNotFound("a count has no answer".into()))?;
        let number = |column: &str| row.try_get::<i64>("", column).map(|count| u64::try_from(count).unwrap_or(0));
        Ok(Ahead { by_others: number("by_others")?, more: number("looked_at")? >= LOOKED_AT })
    }
}
