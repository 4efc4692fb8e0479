//! Reading rooms.

use std::collections::HashMap;

use sea_orm::{
    ColumnTrait, Condition, EntityTrait, FromQueryResult, QueryFilter, QueryOrder, QuerySelect, QueryTrait, Select,
    sea_query::{Expr, ExprTrait, SubQueryStatement},
};

use super::{
    Store,
    entity::{membership, message, room},
    error::StoreError,
};
use crate::domain::{
    access::Visibility,
    name::{RoomName, UserKey},
    room::Room,
    room_scope::RoomScope,
    timestamp::Timestamp,
};

#[cfg(test)]
mod tests;

/// A room's row, and when its newest message was posted.
#[derive(Debug, FromQueryResult)]
struct Listed {
    #[sea_orm(nested)]
    room: room::Model,
    last_message_at: Option<i64>,
}

/// Somebody who looks at the list of rooms, where credentials are required.
#[derive(Debug)]
pub struct Viewer<'a> {
    /// The rooms that the credential reaches.
    pub scope: &'a RoomScope,
    /// The user; absent for a guest.
    pub user: Option<&'a UserKey>,
    /// True if only rooms are wanted that the user is a member of.
    pub is_mine: bool,
    /// The time at which rooms that the user is banned from are left out; absent if bans don't bind the user.
    pub heeds_bans: Option<Timestamp>,
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

    /// Returns true if there is a private room. It looks through all rooms, before anything is served.
    ///
    /// # Errors
    /// [`StoreError`] when the database is out.
    pub async fn has_private_rooms(&self) -> Result<bool, StoreError> {
        let private = room::Entity::find().filter(room::Column::Visibility.eq(Visibility::Private.word()));
        Ok(private.one(&self.readers).await?.is_some())
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
        viewer: Option<&Viewer<'_>>,
        after: Option<&RoomName>,
        limit: u64,
    ) -> Result<Vec<(Room, Option<Timestamp>)>, StoreError> {
        let mut query = listed().order_by_asc(room::Column::Name).limit(limit);
        if let Some(viewer) = viewer {
            query = query.filter(are_seen(viewer));
        }
        if let Some(after) = after {
            query = query.filter(room::Column::Name.gt(after.as_str()));
        }
        let rows = query.into_model::<Listed>().all(&self.readers).await?;
        Ok(rows.into_iter().map(Listed::into).collect())
    }
}

/// The rooms that somebody may see: public ones, and those that they are a member of.
pub(super) fn are_seen(viewer: &Viewer<'_>) -> Condition {
    let is_member = viewer.user.map(|user| {
        let of_user = membership::Entity::find()
            .select_only()
            .column(membership::Column::RoomId)
            .filter(membership::Column::UserKey.eq(user.as_str()))
            .filter(membership::Column::Role.is_not_null())
            .into_query();
        room::Column::Id.in_subquery(of_user)
    });
    let banned = viewer.user.zip(viewer.heeds_bans).map(|(user, now)| {
        let is_in_force =
            membership::Column::BannedUntil.is_null().or(membership::Column::BannedUntil.gt(now.micros()));
        let of_user = membership::Entity::find()
            .select_only()
            .column(membership::Column::RoomId)
            .filter(membership::Column::UserKey.eq(user.as_str()))
            .filter(membership::Column::IsBanned.eq(true))
            .filter(is_in_force)
            .into_query();
        room::Column::Id.not_in_subquery(of_user)
    });
    let is_public = (!viewer.is_mine)
        .then(|| Condition::all().add(room::Column::Visibility.eq(Visibility::Public.word())).add_option(banned));
    let seen = match (is_public, is_member) {
        // A guest is a member of nothing.
        (None, None) => Condition::all().add(room::Column::Id.is_null()),
        (is_public, is_member) => Condition::any().add_option(is_public).add_option(is_member),
    };
    let reached = (!viewer.scope.is_all()).then(|| are_among(viewer.scope));
    Condition::all().add(seen).add_option(reached)
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
