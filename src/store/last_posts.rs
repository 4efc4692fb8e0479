//! Last posts: when somebody last said something in a room that asks for a pause between two posts, under its lock.

use std::collections::HashMap;

use sea_orm::{
    ColumnTrait, Condition, EntityTrait, QueryFilter, QuerySelect, Set,
    sea_query::{ExprTrait, OnConflict},
};

use super::{
    entity::{last_post, message},
    error::StoreError,
    pieces::{CONDITION_ROWS, any_of},
    room_write::RoomWrite,
    transaction::Transaction,
};
use crate::domain::{
    name::{UserKey, Username},
    room::Room,
    timestamp::Timestamp,
};

/// The newest events of a room that are looked through for who posted when the room begins to ask for a pause: the
/// messages of an hour, unless three come each second.
const LOOKED_THROUGH: i64 = 10_000;

impl Transaction {
    /// The times of the last posts of users in rooms, as far as they are known.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn last_posts(
        &self,
        wanted: &[(i64, UserKey)],
    ) -> Result<HashMap<(i64, UserKey), Timestamp>, StoreError> {
        let is = |(room_id, user): &(i64, UserKey)| {
            let user = last_post::Column::UserKey.eq(user.as_str());
            Condition::all().add(last_post::Column::RoomId.eq(*room_id).and(user))
        };
        let mut found = HashMap::new();
        for wanted in wanted.chunks(CONDITION_ROWS) {
            let rows = last_post::Entity::find().filter(any_of(wanted, is)).all(self.connection()).await?;
            let times: HashMap<_, _> =
                rows.into_iter().map(|row| ((row.room_id, row.user_key), row.posted_at)).collect();
            found.extend(wanted.iter().filter_map(|(room_id, user)| {
                let posted_at = times.get(&(*room_id, user.as_str().to_owned()))?;
                Some(((*room_id, user.clone()), Timestamp::from_micros(*posted_at)))
            }));
        }
        Ok(found)
    }

    /// The time of the last of somebody's posts for everybody who posted in a room lately, which has not asked for a
    /// pause yet.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn recent_posts(&self, room: &Room) -> Result<HashMap<(i64, UserKey), Timestamp>, StoreError> {
        let rows: Vec<(String, i64)> = message::Entity::find()
            .select_only()
            .columns([message::Column::Username, message::Column::CreatedAt])
            .filter(message::Column::RoomId.eq(room.id))
            .filter(message::Column::Id.gt(room.head - LOOKED_THROUGH))
            .filter(message::Column::Id.lte(room.head))
            .into_tuple()
            .all(self.connection())
            .await?;
        let mut found = HashMap::new();
        for (name, at) in rows {
            let last =
                found.entry((room.id, Username::stored(&name).key().clone())).or_insert(Timestamp::from_micros(at));
            *last = (*last).max(Timestamp::from_micros(at));
        }
        Ok(found)
    }

    /// Writes the times of posts that are the last by now.
    pub(super) async fn write_last_posts(&self, writes: &[RoomWrite]) -> Result<(), StoreError> {
        let rows = writes.iter().flat_map(|write| {
            write.last_posts.iter().map(|(user, at)| last_post::ActiveModel {
                room_id: Set(write.room_id),
                user_key: Set(user.as_str().to_owned()),
                posted_at: Set(at.micros()),
            })
        });
        let rows: Vec<_> = rows.collect();
        for rows in rows.chunks(CONDITION_ROWS) {
            let update = OnConflict::columns([last_post::Column::RoomId, last_post::Column::UserKey])
                .update_column(last_post::Column::PostedAt)
                .to_owned();
            let rows = rows.iter().cloned();
            last_post::Entity::insert_many(rows).on_conflict(update).exec_without_returning(self.connection()).await?;
        }
        Ok(())
    }
}
