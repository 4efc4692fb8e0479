//! The audit: written with what it tells of, and read by page, newest first.

use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Set};

use super::{
    Store,
    entity::{audit, room},
    error::StoreError,
    pieces::CONDITION_ROWS,
    room_write::RoomWrite,
    transaction::Transaction,
};
use crate::domain::{
    audit::AuditView,
    name::{RoomName, Username},
    timestamp::Timestamp,
};

/// Something that an admin does outside of all rooms.
#[derive(Debug, Clone, Copy)]
pub struct ByAdmin<'a> {
    /// The admin.
    pub by: &'a Username,
    /// The user it is done to, if it is.
    pub to: Option<&'a Username>,
    /// The time of it.
    pub at: Timestamp,
}

impl ByAdmin<'_> {
    /// Writes the entry, in the transaction that does it.
    pub(super) async fn note(self, tx: &impl ConnectionTrait, act: &str) -> Result<(), DbErr> {
        let entry = audit::ActiveModel {
            at: Set(self.at.micros()),
            actor: Set(self.by.as_str().to_owned()),
            act: Set(act.to_owned()),
            username: Set(self.to.map(|name| name.as_str().to_owned())),
            ..Default::default()
        };
        audit::Entity::insert(entry).exec_without_returning(tx).await.map(drop)
    }
}

impl Transaction {
    /// Writes the entries.
    pub(super) async fn write_audit(&self, writes: &[RoomWrite], now: Timestamp) -> Result<(), StoreError> {
        let entries = writes.iter().flat_map(|write| write.audit.iter().map(|entry| (write.room_id, entry)));
        let rows: Vec<_> = entries
            .map(|(room_id, entry)| audit::ActiveModel {
                room_id: Set(Some(room_id)),
                at: Set(now.micros()),
                actor: Set(entry.by.as_str().to_owned()),
                act: Set(entry.act.to_owned()),
                username: Set(entry.username.as_ref().map(|name| name.as_str().to_owned())),
                message_id: Set(entry.message_id),
                reason: Set(entry.reason.clone()),
                ..Default::default()
            })
            .collect();
        for rows in rows.chunks(CONDITION_ROWS) {
            audit::Entity::insert_many(rows.to_vec()).exec_without_returning(self.connection()).await?;
        }
        Ok(())
    }
}

impl Store {
    /// At most `limit` entries of the audit, newest first, before `before`: of one room, or of all.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn audit(
        &self,
        room_id: Option<i64>,
        before: Option<i64>,
        limit: u64,
    ) -> Result<Vec<AuditView>, StoreError> {
        let before = audit::Column::Id.lt(before.unwrap_or(i64::MAX));
        let mut rows = audit::Entity::find().filter(before).order_by_desc(audit::Column::Id).limit(limit);
        if let Some(room_id) = room_id {
            rows = rows.filter(audit::Column::RoomId.eq(room_id));
        }
        let rows = rows.all(&self.readers).await?;
        let mut rooms: Vec<i64> = rows.iter().filter_map(|row| row.room_id).collect();
        rooms.sort_unstable();
        rooms.dedup();
        let rooms = room::Entity::find().filter(room::Column::Id.is_in(rooms)).all(&self.readers).await?;
        let name = |id: i64| rooms.iter().find(|room| room.id == id).map(|room| RoomName::stored(&room.name));
        let view = |row: audit::Model| AuditView {
            id: row.id,
            at: Timestamp::from_micros(row.at),
            room: row.room_id.and_then(name),
            by: Username::stored(&row.actor),
            act: row.act,
            username: row.username.as_deref().map(Username::stored),
            message_id: row.message_id,
            reason: row.reason,
        };
        Ok(rows.into_iter().map(view).collect())
    }
}
