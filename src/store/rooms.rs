//! Reading rooms.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::{Store, entity::room, error::StoreError};
use crate::domain::{name::RoomName, room::Room};

impl Store {
    /// The room of that name, if somebody has made it.
    ///
    /// # Errors
    /// [`StoreError`] when the database is out.
    pub async fn room(&self, name: &RoomName) -> Result<Option<Room>, StoreError> {
        let row = room::Entity::find().filter(room::Column::Name.eq(name.as_str())).one(&self.readers).await?;
        Ok(row.map(Room::from))
    }

    /// At most `limit` rooms in the order of their names, after `after`.
    ///
    /// # Errors
    /// [`StoreError`] when the database is out.
    pub async fn rooms(&self, after: Option<&RoomName>, limit: u64) -> Result<Vec<Room>, StoreError> {
        let mut query = room::Entity::find().order_by_asc(room::Column::Name).limit(limit);
        if let Some(after) = after {
            query = query.filter(room::Column::Name.gt(after.as_str()));
        }
        Ok(query.all(&self.readers).await?.into_iter().map(Room::from).collect())
    }
}
