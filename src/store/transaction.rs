//! The transaction of a batch: locks rooms, reads what the commands need, writes what was decided.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::Arc,
};

use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait as _, DatabaseTransaction, DbBackend, DbErr, EntityTrait,
    PaginatorTrait as _, QueryFilter, QueryOrder, QuerySelect, QueryTrait, Select, SqlErr,
    sea_query::{
        CaseStatement, Expr, ExprTrait, LockBehavior, LockType, SimpleExpr,
        extension::mysql::{IndexHintScope, MySqlSelectStatementExt as _},
    },
};

#[cfg(test)]
use super::faults;
use super::{
    database_file::DatabaseFile,
    deadline::Timed,
    entity::{auth_version, event, message, room},
    error::StoreError,
    incarnation::{BatchId, Incarnation},
    log,
    pieces::{CONDITION_ROWS, pieces},
    room_write::{Keyed, PostKey, RoomWrite},
    standings::Standings,
    turn::Turn,
};
use crate::domain::{EventId, name::RoomName, room::Room, timestamp::Timestamp};

/// The rooms that a batch wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedRooms {
    /// The one that is waited for.
    pub first: Option<RoomName>,
    /// Those that come if they are free.
    pub others: BTreeSet<RoomName>,
    /// Those that were waited for in vain before, the one first for which that is longest ago: they too come if they
    /// are free.
    pub held: Vec<RoomName>,
}

/// The rooms of a batch, as its transaction found them; the others somebody else has.
#[derive(Debug, Default)]
pub struct FoundRooms {
    /// Those that are there, locked by this transaction.
    pub locked: HashMap<RoomName, Room>,
    /// Those that nobody has made.
    pub absent: BTreeSet<RoomName>,
}

impl FoundRooms {
    /// Returns true if the batch can do what it is asked of this room.
    #[must_use]
    pub fn has(&self, name: &RoomName) -> bool {
        self.locked.contains_key(name) || self.absent.contains(name)
    }
}

/// A batch that is written, and not committed yet.
#[derive(Debug)]
pub struct Written {
    /// The batch, as the database will know it.
    pub batch: BatchId,
    /// True if something of deleted messages is still to be erased.
    pub is_erasing: bool,
}

/// One transaction of many commands.
#[derive(Debug)]
pub struct Transaction {
    tx: Timed<DatabaseTransaction>,
    standings: Standings,
    incarnation: Arc<Incarnation>,
    /// The batch that it is, if that was counted at the beginning.
    counted: Option<BatchId>,
    file: Option<Arc<DatabaseFile>>,
    /// The number of revisions of a message that are kept.
    revisions: u32,
    /// Dropped with the transaction, after it has ended.
    turn: Turn,
}

impl Transaction {
    pub(super) fn new(
        tx: Timed<DatabaseTransaction>,
        standings: Standings,
        (incarnation, counted): (Arc<Incarnation>, Option<BatchId>),
        file: Option<Arc<DatabaseFile>>,
        revisions: u32,
        turn: Turn,
    ) -> Self {
        Self { tx, standings, incarnation, counted, file, revisions, turn }
    }

    /// The connection that its statements go to.
    pub(super) fn connection(&self) -> &Timed<DatabaseTransaction> {
        &self.tx
    }

    /// The standings that were read before.
    pub(super) fn standings(&self) -> &Standings {
        &self.standings
    }

    /// The number of revisions of a message that are kept.
    pub(super) fn revisions(&self) -> u32 {
        self.revisions
    }

    /// Locks the rooms of a batch. The first is waited for, as long as a statement may wait, and before any other is
    /// locked; so no two transactions wait for each other. Of the others a server gives those that are free.
    ///
    /// If nobody has made the first, it comes with those others that nobody has made, and none is locked: making rooms
    /// may mean to wait too, for somebody who makes the same.
    ///
    /// # Errors
    /// [`StoreError`], a [`StoreError::Conflict`] if the first stays locked.
    pub async fn lock_rooms(&self, wanted: WantedRooms) -> Result<FoundRooms, StoreError> {
        let WantedRooms { first, mut others, held } = wanted;
        if self.connection().get_database_backend() == DbBackend::Sqlite {
            // Nobody else writes, so all are free.
            let names: Vec<_> = others.into_iter().chain(first).chain(held).collect();
            let locked = self.rooms(room::Entity::find().filter(are_named(&names))).await?;
            let absent = names.into_iter().filter(|name| !locked.contains_key(name)).collect();
            return Ok(FoundRooms { locked, absent });
        }
        let mut found = FoundRooms::default();
        if let Some(first) = first {
            found.locked = self.rooms(self.locking([&first], None)).await?;
            if found.locked.is_empty() {
                found.absent = self.absent(others).await?.into_iter().chain([first]).collect();
                return Ok(found);
            }
            others.extend(held);
            if !others.is_empty() {
                found.locked.extend(self.rooms(self.locking(&others, Some(LockBehavior::SkipLocked))).await?);
            }
        } else {
            found.locked = self.rooms(self.locking(&held, Some(LockBehavior::SkipLocked))).await?;
            if found.locked.is_empty() {
                // One of them: the others may each mean to wait.
                found.absent = self.absent(held).await?.into_iter().take(1).collect();
            }
        }
        Ok(found)
    }

    /// Those of these rooms that nobody has made, in the order given.
    async fn absent(&self, names: impl IntoIterator<Item = RoomName>) -> Result<Vec<RoomName>, StoreError> {
        let names: Vec<_> = names.into_iter().collect();
        if names.is_empty() {
            return Ok(names);
        }
        let there = room::Entity::find().select_only().column(room::Column::Name).filter(are_named(&names));
        let there: HashSet<String> = there.into_tuple().all(&self.tx).await?.into_iter().collect();
        Ok(names.into_iter().filter(|name| !there.contains(name.as_str())).collect())
    }

    /// Locks rooms by their names, and no other row: a server that reads a small table from end to end would lock it
    /// all.
    fn locking<'a>(
        &self,
        names: impl IntoIterator<Item = &'a RoomName>,
        behavior: Option<LockBehavior>,
    ) -> Select<room::Entity> {
        // Rows that refer to a room, which a follower writes, don't keep it from being locked.
        let is_postgres = self.connection().get_database_backend() == DbBackend::Postgres;
        let lock = if is_postgres { LockType::NoKeyUpdate } else { LockType::Update };
        let mut rooms = room::Entity::find().filter(are_named(names)).order_by_asc(room::Column::Name);
        let query = QueryTrait::query(&mut rooms).force_index("name", IndexHintScope::All);
        match behavior {
            Some(behavior) => query.lock_with_behavior(lock, behavior),
            None => query.lock(lock),
        };
        rooms
    }

    async fn rooms(&self, query: Select<room::Entity>) -> Result<HashMap<RoomName, Room>, StoreError> {
        let rows = query.all(&self.tx).await?;
        Ok(rows.into_iter().map(Room::from).map(|room| (room.name.clone(), room)).collect())
    }

    /// Makes rooms, which must be in the order of their names. Returns their keys.
    ///
    /// # Errors
    /// [`StoreError`], a [`StoreError::Conflict`] if somebody else has made one meanwhile.
    pub async fn make_rooms(&self, names: &[RoomName], now: Timestamp) -> Result<HashMap<RoomName, i64>, StoreError> {
        let rows = names.iter().map(|name| room::new_row(name.as_str(), now));
        let made = room::Entity::insert_many(rows).exec_without_returning(&self.tx).await;
        made.map_err(|error| match error.sql_err() {
            // What was decided holds for a room that nobody has made.
            Some(SqlErr::UniqueConstraintViolation(_)) => StoreError::Conflict("somebody else made the room".into()),
            _ => error.into(),
        })?;
        let ids = room::Entity::find().select_only().column(room::Column::Name).column(room::Column::Id);
        let ids: Vec<(String, i64)> = ids.filter(are_named(names)).into_tuple().all(&self.tx).await?;
        Ok(ids.into_iter().map(|(name, id)| (RoomName::stored(&name), id)).collect())
    }

    /// The version of everybody's rights. Nobody raises it before this transaction has ended.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn auth_version(&self) -> Result<i64, StoreError> {
        let row = auth_version::Entity::find_by_id(auth_version::ROW).lock_shared().one(&self.tx).await?;
        Ok(row.ok_or_else(|| DbErr::RecordNotFound("auth_version".into()))?.version)
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

    /// The number of events about each of these messages.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn event_counts(&self, messages: &[(i64, EventId)]) -> Result<HashMap<(i64, EventId), u64>, StoreError> {
        let mut found = HashMap::new();
        for &(room_id, id) in messages {
            let of_message = event::Column::RoomId.eq(room_id).and(event::Column::MessageId.eq(id));
            let count = event::Entity::find().filter(of_message).count(&self.tx).await?;
            found.insert((room_id, id), count);
        }
        Ok(found)
    }

    /// Writes what was decided: the rows of all events, and each room's head.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn write(&self, writes: &[RoomWrite], now: Timestamp) -> Result<Written, StoreError> {
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
        let is_erasing = self.write_changes(writes, now).await?;
        for writes in writes.chunks(CONDITION_ROWS) {
            self.set_heads(writes).await?;
        }
        for write in writes {
            if let Some(Room { title, topic, access, members, owners, membership_version, .. }) = &write.described {
                room::Entity::update_many()
                    .col_expr(room::Column::Title, Expr::value(title.as_str()))
                    .col_expr(room::Column::Topic, Expr::value(topic.as_str()))
                    .col_expr(room::Column::Visibility, Expr::value(access.visibility.word()))
                    .col_expr(room::Column::Posting, Expr::value(access.posting.word()))
                    .col_expr(room::Column::SlowMode, Expr::value(access.slow_mode))
                    .col_expr(room::Column::Members, Expr::value(*members))
                    .col_expr(room::Column::Owners, Expr::value(*owners))
                    .col_expr(room::Column::MembershipVersion, Expr::value(*membership_version))
                    .filter(room::Column::Id.eq(write.room_id))
                    .exec(&self.tx)
                    .await?;
            }
        }
        self.write_memberships(writes).await?;
        self.write_audit(writes, now).await?;
        self.write_last_posts(writes).await?;
        let batch = self.incarnation.note(&self.tx, self.counted.as_ref(), writes, now).await?;
        Ok(Written { batch, is_erasing })
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
        let Self { tx, incarnation, counted, file, turn: _turn, .. } = self;
        #[cfg(test)]
        faults::befall(faults::Fault::BeforeCommit)?;
        tx.with(()).in_time(tx.into_inner().commit()).await?;
        if let Some(counted) = counted {
            incarnation.committed(&counted);
        }
        #[cfg(test)]
        faults::befall(faults::Fault::AfterCommit)?;
        file.map_or(Ok(()), |file| Ok(file.check()?))
    }
}

fn are_named<'a>(names: impl IntoIterator<Item = &'a RoomName>) -> SimpleExpr {
    room::Column::Name.is_in(names.into_iter().map(RoomName::as_str))
}
