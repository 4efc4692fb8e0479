//! The names of rooms of two people: one for each pair, drawn when it is first asked for.

use sea_orm::{DbErr, EntityTrait, Set, sea_query::OnConflict};

use super::{IdentityError, IdentityWriter};
use crate::{
    domain::name::RoomName,
    store::{Store, entity::direct, error::StoreError},
};

/// A pair, in the one order that both have.
fn pair(one: i64, other: i64) -> (i64, i64) {
    (one.min(other), one.max(other))
}

impl Store {
    /// The name of the room of two users, by their keys in the database, if one was drawn.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn direct_room(&self, one: i64, other: i64) -> Result<Option<RoomName>, StoreError> {
        let row = direct::Entity::find_by_id(pair(one, other)).one(&self.readers).await?;
        Ok(row.map(|row| RoomName::stored(&row.room)))
    }
}

impl IdentityWriter {
    /// Keeps a name for the room of two users, unless they have one. Returns the one that they have.
    ///
    /// # Errors
    /// [`IdentityError`].
    pub async fn keep_direct_room(&self, one: i64, other: i64, name: &RoomName) -> Result<RoomName, IdentityError> {
        let (one, other) = pair(one, other);
        self.write(async |tx| {
            let columns = [direct::Column::One, direct::Column::Other];
            let row = direct::ActiveModel { one: Set(one), other: Set(other), room: Set(name.as_str().to_owned()) };
            let kept = OnConflict::columns(columns).do_nothing_on(columns).to_owned();
            direct::Entity::insert(row).on_conflict(kept).exec_without_returning(tx).await?;
            let row = direct::Entity::find_by_id((one, other)).one(tx).await?;
            let row = row.ok_or_else(|| DbErr::RecordNotFound("the room of two".into()))?;
            Ok(RoomName::stored(&row.room))
        })
        .await
    }
}
