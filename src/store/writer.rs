//! The one connection that writes, and the transaction of a batch.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use hmac::{Hmac, KeyInit, Mac};
use sea_orm::{
    ColumnTrait, Condition, DatabaseTransaction, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Set,
    sea_query::{CaseStatement, Expr, ExprTrait, OnConflict},
};
use sha2::Sha256;

use super::{
    changes::Changes,
    checkpoint::Checkpointer,
    database_file::DatabaseFile,
    deadline::Timed,
    entity::{erasure, event, message, room},
    error::StoreError,
    log, metadata,
    pieces::pieces,
    session::Session,
    turn::{Turn, Turns},
};
use crate::domain::{
    EventId,
    event::Event,
    message::{Draft, Message},
    name::{RoomName, UserKey},
    room::Room,
    timestamp::Timestamp,
};

#[cfg(test)]
pub(crate) mod faults;

/// Rows that one condition names at most: `SQLite` bounds the depth of an expression at 1,000
/// (<https://sqlite.org/limits.html>), and each alternative is one deeper.
pub(super) const CONDITION_ROWS: usize = 250;

/// The connection that writes.
#[derive(Debug)]
pub struct Writer {
    session: Session,
    turns: Turns,
    checkpointer: Option<Checkpointer>,
    fingerprint_key: String,
    /// How many revisions of a message are kept.
    revisions: u32,
    /// Whether something of deleted messages was still to be erased at the start.
    is_erasing: bool,
}

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

/// The key that a post may be asked again by: room, author, and the client's key.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PostKey {
    /// The room's key in the database.
    pub room_id: i64,
    /// The author.
    pub user: UserKey,
    /// The client's key.
    pub client_id: String,
}

/// A message that was posted with a key.
#[derive(Debug, Clone)]
pub struct Keyed {
    /// The message as it is now.
    pub message: Message,
    /// The fingerprint of what was first posted; erased with the content.
    pub fingerprint: Option<Vec<u8>>,
}

/// What a transaction adds to one room.
#[derive(Debug)]
pub struct Growth {
    /// The room's key in the database.
    pub room_id: i64,
    /// The room.
    pub name: RoomName,
    /// The events, in id order.
    pub events: Vec<Event>,
    /// The new messages, as they are after all of the transaction.
    pub posted: Vec<Arc<Message>>,
    /// What changes besides.
    pub changes: Changes,
    /// The fingerprints of those messages that have a key.
    pub fingerprints: HashMap<EventId, Vec<u8>>,
    /// The room's head after them.
    pub head: EventId,
    /// The room's title and topic, if they changed.
    pub described: Option<(String, String)>,
}

impl Writer {
    /// Takes the session.
    pub(super) async fn new(
        session: Session,
        turns: Turns,
        checkpointer: Option<Checkpointer>,
        revisions: u32,
    ) -> Result<Self, DbErr> {
        let make = || format!("{:032x}{:032x}", rand::random::<u128>(), rand::random::<u128>());
        let fingerprint_key = metadata::get_or_make(session.db(), metadata::FINGERPRINT_KEY, make).await?;
        let is_erasing = erasure::Entity::find().one(session.db()).await?.is_some();
        Ok(Self { session, turns, checkpointer, fingerprint_key, revisions, is_erasing })
    }

    /// The open file.
    #[cfg(test)]
    pub(super) fn file_for_tests(&self) -> Arc<DatabaseFile> {
        self.session.file().expect("a file")
    }

    /// How often the store is to be asked whether it is there while there is nothing to write; never
    /// if it can't go away.
    #[must_use]
    pub fn heartbeat(&self) -> Option<Duration> {
        self.session.heartbeat()
    }

    /// Asks whether the store is there.
    ///
    /// # Errors
    /// [`StoreError`] when it is not.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.session.ping().await
    }

    /// Begins a transaction that may write from its first statement on.
    ///
    /// # Errors
    /// [`StoreError`] when the database is out.
    pub async fn begin(&self) -> Result<Transaction, StoreError> {
        let turn = self.turns.of_journal().await;
        let tx = self.session.begin().await?;
        Ok(Transaction { tx, file: self.session.file(), revisions: self.revisions, turn })
    }

    /// Returns true if something of deleted messages was still to be erased at the start: a crash left it.
    #[must_use]
    pub fn is_erasing(&self) -> bool {
        self.is_erasing
    }

    /// Replaces the connection, which can't be trusted after a failure.
    ///
    /// # Errors
    /// [`StoreError`] when the database is still out; then there is none.
    pub async fn reopen(&mut self) -> Result<(), StoreError> {
        self.session.reopen().await
    }

    /// Whether the last event of a growth is in the log, as it was written at that time: an id alone
    /// might be that of another process's event.
    ///
    /// # Errors
    /// [`StoreError`] when the database is out.
    pub async fn has_written(&self, growth: &Growth, at: Timestamp) -> Result<bool, StoreError> {
        #[cfg(test)]
        faults::befall(faults::Fault::Heads)?;
        let key = (growth.room_id, growth.head);
        let message = message::Entity::find_by_id(key).one(self.session.db()).await?;
        if let Some(row) = message {
            return Ok(row.created_at == at.micros());
        }
        let event = event::Entity::find_by_id(key).one(self.session.db()).await?;
        Ok(event.is_some_and(|row| row.created_at == at.micros()))
    }

    /// What keeps the write-ahead log short beside the writer, which it has to be closed before; none if that is
    /// not this program's to do.
    pub fn take_checkpointer(&mut self) -> Option<Checkpointer> {
        self.checkpointer.take()
    }

    /// Moves all that the write-ahead log holds into the database file: what is in a log that is gone would end
    /// with this process.
    ///
    /// # Errors
    /// [`StoreError`] when it is not all there; an fsync refused here is as grave as one refused to a commit.
    pub async fn save(&self) -> Result<(), StoreError> {
        let _turn = self.turns.of_journal().await;
        self.session.last_checkpoint().await
    }

    /// Writes as much as was refused, to learn whether the store takes it again, and takes it back. Less
    /// would still fit on a disk that is nearly full, and promise what the next post can't keep.
    ///
    /// # Errors
    /// [`StoreError`] when it does not.
    pub async fn probe(&self, now: Timestamp, bytes: usize) -> Result<(), StoreError> {
        self.session.check()?;
        let _turn = self.turns.of_journal().await;
        metadata::set(self.session.db(), metadata::PROBED_AT, " ".repeat(bytes)).await?;
        Ok(metadata::set(self.session.db(), metadata::PROBED_AT, now.to_string()).await?)
    }

    /// The fingerprint of what a draft says: equal for the same content and `reply_to` only. Keyed,
    /// so that it can't be found by trying contents without the database's key.
    ///
    /// # Panics
    /// Never: HMAC takes keys of every length.
    #[must_use]
    pub fn fingerprint(&self, draft: &Draft) -> Vec<u8> {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(self.fingerprint_key.as_bytes()).expect("any length of key will do");
        mac.update(&draft.reply_to.unwrap_or(0).to_be_bytes());
        mac.update(draft.content.as_bytes());
        mac.finalize().into_bytes().to_vec()
    }

    /// Closes the connection, after a last checkpoint that leaves the write-ahead log empty: what was deleted
    /// would stand in it until something else is written in its place.
    pub async fn close(self) {
        if let Err(error) = self.session.last_checkpoint().await {
            tracing::warn!(%error, "the last checkpoint failed");
        }
        self.session.close().await;
    }
}

impl Transaction {
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
    pub async fn write(&self, growths: &[Growth], unneeded: &[i64], now: Timestamp) -> Result<bool, StoreError> {
        let mut messages = Vec::new();
        let mut events = Vec::new();
        for growth in growths {
            messages.extend(growth.posted.iter().map(|message| message_row(growth, message)));
            for event in &growth.events {
                events.extend(log::row(growth.room_id, event, now).transpose()?);
            }
        }
        for messages in pieces(messages, message::bytes) {
            message::Entity::insert_many(messages).exec_without_returning(&self.tx).await?;
        }
        for events in pieces(events, |event: &event::ActiveModel| event.data.as_ref().len()) {
            event::Entity::insert_many(events).exec_without_returning(&self.tx).await?;
        }
        let is_left = self.write_changes(growths, now).await?;
        for growths in growths.chunks(CONDITION_ROWS) {
            self.set_heads(growths).await?;
        }
        for growth in growths {
            if let Some((title, topic)) = &growth.described {
                room::Entity::update_many()
                    .col_expr(room::Column::Title, Expr::value(title.as_str()))
                    .col_expr(room::Column::Topic, Expr::value(topic.as_str()))
                    .filter(room::Column::Id.eq(growth.room_id))
                    .exec(&self.tx)
                    .await?;
            }
        }
        if !unneeded.is_empty() {
            room::Entity::delete_many().filter(room::Column::Id.is_in(unneeded.iter().copied())).exec(&self.tx).await?;
        }
        Ok(is_left)
    }

    async fn set_heads(&self, growths: &[Growth]) -> Result<(), StoreError> {
        let id = || Expr::col(room::Column::Id);
        let heads = growths
            .iter()
            .fold(CaseStatement::new(), |case, growth| case.case(id().eq(growth.room_id), Expr::value(growth.head)));
        room::Entity::update_many()
            .col_expr(room::Column::Head, heads.finally(Expr::col(room::Column::Head)).into())
            .filter(room::Column::Id.is_in(growths.iter().map(|growth| growth.room_id)))
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
        file.map_or(Ok(()), |file| file.check())
    }
}

pub(super) fn message_row(growth: &Growth, message: &Message) -> message::ActiveModel {
    message::ActiveModel {
        room_id: Set(growth.room_id),
        id: Set(message.id),
        username: Set(message.username.as_str().to_owned()),
        user_key: Set(message.username.key().as_str().to_owned()),
        content: Set(message.content.clone()),
        created_at: Set(message.timestamp.micros()),
        edited_at: Set(message.edited_at.map(Timestamp::micros)),
        deleted_at: Set(message.deleted_at.map(Timestamp::micros)),
        reply_to: Set(message.reply_to),
        client_id: Set(message.client_id.clone()),
        fingerprint: Set(growth.fingerprints.get(&message.id).cloned()),
        reactions: Set(message::write_reactions(&message.reactions)),
    }
}
