//! The transaction of a batch: locks rooms, reads what the commands need, writes what was decided.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use sea_orm::{
    ColumnTrait, Condition, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Set,
    sea_query::{CaseStatement, Expr, ExprTrait, OnConflict},
};

#[cfg(test)]
use super::faults;
use super::{
    database_file::DatabaseFile,
    deadline::Timed,
    entity::{event, message, room},
    error::StoreError,
    log,
    pieces::{CONDITION_ROWS, pieces},
    room_write::{Keyed, PostKey, RoomWrite},
    turn::Turn,
};
use crate::domain::{EventId, name::RoomName, room::Room, timestamp::Timestamp};

/// One transaction of many commands.
#[derive(Debug)]
pub struct Transaction {
    tx: Timed<DatabaseTransaction>,
    file: Option<Arc<DatabaseFile>>,
    /// How many revisions of a message are kept.
    revisions: u32,
    /// Dropped with the transaction, after it has ended.
    turn: Turn,
}

impl Transaction {
    pub(super) fn new(
        tx: Timed<DatabaseTransaction>,
        file: Option<Arc<DatabaseFile>>,
        revisions: u32,
        turn: Turn,
    ) -> Self {
        Self { tx, file, revisions, turn }
    }

    /// What its statements go to.
    pub(super) fn connection(&self) -> &Timed<DatabaseTransaction> {
        &self.tx
    }

    /// How many revisions of a message are kept.
    pub(super) fn revisions(&self) -> u32 {
        self.revisions
    }

    /// Locks the rows of these rooms in the order given, which must be by name so that two
    /// transactions never wait for each other. Rooms that nobody had made are made; their names
    /// come back too.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn lock_rooms(
        &self,
        names: &[RoomName],
        now: Timestamp,
    ) -> Result<(HashMap<RoomName, Room>, HashSet<RoomName>), StoreError> {
        let mut rooms = self.locked(names).await?;
        let made: HashSet<RoomName> = names.iter().filter(|name| !rooms.contains_key(*name)).cloned().collect();
        if !made.is_empty() {
            let rows = names.iter().filter(|name| made.contains(*name)).map(|name| room::ActiveModel {
                name: Set(name.as_str().to_owned()),
                title: Set(String::new()),
                topic: Set(String::new()),
                created_at: Set(now.micros()),
                head: Set(0),
                floor: Set(0),
                floor_reason: Set(room::PRUNED.to_owned()),
                ..Default::default()
            });
            room::Entity::insert_many(rows)
                .on_conflict(OnConflict::column(room::Column::Name).do_nothing_on([room::Column::Id]).to_owned())
                .exec_without_returning(&self.tx)
                .await?;
            rooms = self.locked(names).await?;
        }
        Ok((rooms, made))
    }

    async fn locked(&self, names: &[RoomName]) -> Result<HashMap<RoomName, Room>, StoreError> {
        let rows = room::Entity::find()
            .filter(room::Column::Name.is_in(names.iter().map(RoomName::as_str)))
            .order_by_asc(room::Column::Name)
            .lock_exclusive()
            .all(&self.tx)
            .await?;
        Ok(rows.into_iter().map(Room::from).map(|room| (room.name.clone(), room)).collect())
    }

    /// The messages that were posted with these keys.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn keyed(
        &self,
        keys: &[PostKey],
        rooms: &HashMap<i64, RoomName>,
    ) -> Result<HashMap<PostKey, Keyed>, StoreError> {
        let mut found = HashMap::new();
        for keys in keys.chunks(CONDITION_ROWS) {
            let any = keys.iter().fold(Condition::any(), |any, key| {
                any.add(
                    message::Column::RoomId
                        .eq(key.room_id)
                        .and(message::Column::UserKey.eq(key.user.as_str()))
                        .and(message::Column::ClientId.eq(key.client_id.as_str())),
                )
            });
            for mut row in message::Entity::find().filter(any).all(&self.tx).await? {
                let (Some(name), Some(client_id)) = (rooms.get(&row.room_id), row.client_id.clone()) else { continue };
                let fingerprint = row.fingerprint.take();
                let room_id = row.room_id;
                let message = row.into_message(name);
                let key = PostKey { room_id, user: message.username.key().clone(), client_id };
                found.insert(key, Keyed { message, fingerprint });
            }
        }
        Ok(found)
    }

    /// Which of these ids are messages of their rooms.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn existing(&self, ids: &[(i64, EventId)]) -> Result<HashSet<(i64, EventId)>, StoreError> {
        let mut found = HashSet::new();
        for ids in ids.chunks(CONDITION_ROWS) {
            let any = ids.iter().fold(Condition::any(), |any, (room_id, id)| {
                any.add(message::Column::RoomId.eq(*room_id).and(message::Column::Id.eq(*id)))
            });
            let rows: Vec<(i64, i64)> = message::Entity::find()
                .select_only()
                .columns([message::Column::RoomId, message::Column::Id])
                .filter(any)
                .into_tuple()
                .all(&self.tx)
                .await?;
            found.extend(rows);
        }
        Ok(found)
    }

    /// Writes what was decided: the rows of all events, each room's head, and nothing of the rooms
    /// that nobody came to need. Returns true if something of deleted messages is still to be erased.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn write(&self, writes: &[RoomWrite], unneeded: &[i64], now: Timestamp) -> Result<bool, StoreError> {
        let mut messages = Vec::new();
        let mut events = Vec::new();
        for write in writes {
            messages.extend(write.posted.iter().map(|message| write.row(message)));
            for event in &write.events {
                events.extend(log::row(write.room_id, event, now).transpose()?);
            }
        }
        for messages in pieces(messages, message::bytes) {
            message::Entity::insert_many(messages).exec_without_returning(&self.tx).await?;
        }
        for events in pieces(events, |event: &event::ActiveModel| event.data.as_ref().len()) {
            event::Entity::insert_many(events).exec_without_returning(&self.tx).await?;
        }
        let is_left = self.write_changes(writes, now).await?;
        for writes in writes.chunks(CONDITION_ROWS) {
            self.set_heads(writes).await?;
        }
        for write in writes {
            if let Some((title, topic)) = &write.described {
                room::Entity::update_many()
                    .col_expr(room::Column::Title, Expr::value(title.as_str()))
                    .col_expr(room::Column::Topic, Expr::value(topic.as_str()))
                    .filter(room::Column::Id.eq(write.room_id))
                    .exec(&self.tx)
                    .await?;
            }
        }
        if !unneeded.is_empty() {
            room::Entity::delete_many().filter(room::Column::Id.is_in(unneeded.iter().copied())).exec(&self.tx).await?;
        }
        Ok(is_left)
    }

    async fn set_heads(&self, writes: &[RoomWrite]) -> Result<(), StoreError> {
        let id = || Expr::col(room::Column::Id);
        let heads = writes
            .iter()
            .fold(CaseStatement::new(), |case, write| case.case(id().eq(write.room_id), Expr::value(write.head)));
        room::Entity::update_many()
            .col_expr(room::Column::Head, heads.finally(Expr::col(room::Column::Head)).into())
            .filter(room::Column::Id.is_in(writes.iter().map(|write| write.room_id)))
            .exec(&self.tx)
            .await?;
        Ok(())
    }

    /// Ends it with nothing written.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn rollback(self) -> Result<(), StoreError> {
        let Self { tx, turn: _turn, .. } = self;
        Ok(tx.with(()).in_time(tx.into_inner().rollback()).await?)
    }

    /// Commits, and sees that it went to where a restart looks: a file may be moved or removed at any moment, and
    /// what is written to it then is nobody's. When this fails, whether it happened is unknown.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn commit(self) -> Result<(), StoreError> {
        let Self { tx, file, turn: _turn, .. } = self;
        #[cfg(test)]
        faults::befall(faults::Fault::BeforeCommit)?;
        tx.with(()).in_time(tx.into_inner().commit()).await?;
        #[cfg(test)]
        faults::befall(faults::Fault::AfterCommit)?;
        file.map_or(Ok(()), |file| Ok(file.check()?))
    }
}
