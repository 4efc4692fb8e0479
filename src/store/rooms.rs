//! Reading rooms.

use std::collections::HashMap;

use sea_orm::{
    ColumnTrait, Condition, EntityTrait, FromQueryResult, QueryFilter, QueryOrder, QuerySelect, QueryTrait, Select,
    sea_query::{Expr, ExprTrait, SubQueryStatement},
};

use super::{
    Store,
    entity::{message, room},
    error::StoreError,
};
use crate::domain::{name::RoomName, room::Room, room_scope::RoomScope, timestamp::Timestamp};

#[cfg(test)]
mod tests;

/// A room's row, and when its newest message was posted.
#[derive(Debug, FromQueryResult)]
struct Listed {
    #[sea_orm(nested)]
    room: room::Model,
    last_message_at: Option<i64>,
}

impl Store {
    /// The room of that name, if somebody has made it.
    ///
    /// # Errors
    /// [`StoreError`] when the database is out.
    pub async fn room(&self, name: &RoomName) -> Result<Option<Room>, StoreError> {
        let row = room::Entity::find().filter(room::Column::Name.eq(name.as_str())).one(&self.readers).await?;
        Ok(row.map(Room::from))
    }

    /// Those of these rooms that somebody has made.
    ///
    /// # Errors
    /// [`StoreError`] when the database is out.
    pub async fn rooms_named(&self, names: &[&RoomName]) -> Result<HashMap<RoomName, Room>, StoreError> {
        let names = names.iter().map(|name| name.as_str());
        let rows = room::Entity::find().filter(room::Column::Name.is_in(names)).all(&self.readers).await?;
        Ok(rows.into_iter().map(Room::from).map(|room| (room.name.clone(), room)).collect())
    }

    /// The room of that name, and when its newest message was posted.
    ///
    /// # Errors
    /// [`StoreError`] when the database is out.
    pub async fn listed_room(&self, name: &RoomName) -> Result<Option<(Room, Option<Timestamp>)>, StoreError> {
        let query = listed().filter(room::Column::Name.eq(name.as_str()));
        Ok(query.into_model::<Listed>().one(&self.readers).await?.map(Listed::into))
    }

    /// At most `limit` rooms in the order of their names, after `after`, each with when its newest
    /// message was posted.
    ///
    /// # Errors
    /// [`StoreError`] when the database is out.
    pub async fn listed_rooms(
        &self,
        among: Option<&RoomScope>,
        after: Option<&RoomName>,
        limit: u64,
    ) -> Result<Vec<(Room, Option<Timestamp>)>, StoreError> {
        let mut query = listed().order_by_asc(room::Column::Name).limit(limit);
        if let Some(scope) = among.filter(|scope| !scope.is_all()) {
            query = query.filter(are_among(scope));
        }
        if let Some(after) = after {
            query = query.filter(room::Column::Name.gt(after.as_str()));
        }
        let rows = query.into_model::<Listed>().all(&self.readers).await?;
        Ok(rows.into_iter().map(Listed::into).collect())
    }
}

/// The rooms of a scope. Names are compared by their bytes, and none has one past `~`, so a beginning is a range.
fn are_among(scope: &RoomScope) -> Condition {
    scope.entries().fold(Condition::any(), |any, entry| match entry.strip_suffix('*') {
        Some(begin) => any.add(room::Column::Name.gte(begin).and(room::Column::Name.lt(format!("{begin}~")))),
        None => any.add(room::Column::Name.eq(entry)),
    })
}

/// Rooms with the time of their newest message: one look at the end of its primary key for each.
fn listed() -> Select<room::Entity> {
    let is_of_room = Expr::col((message::Entity, message::Column::RoomId)).equals((room::Entity, room::Column::Id));
    let newest = message::Entity::find()
        .select_only()
        .column(message::Column::CreatedAt)
        .filter(is_of_room)
        .order_by_desc(message::Column::Id)
        .limit(1)
        .into_query();
    room::Entity::find().expr_as(SubQueryStatement::from(newest), "last_message_at")
}

impl From<Listed> for (Room, Option<Timestamp>) {
    fn from(Listed { room, last_message_at }: Listed) -> Self {
        (room.into(), last_message_at.map(Timestamp::from_micros))
    }
}
