//! Reads and writes for the changes of messages: edits, deletions, reactions, and read cursors.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::Arc,
};

use sea_orm::{
    ActiveValue::NotSet, ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Set,
    sea_query::OnConflict,
};

use super::{
    entity::{message, reaction, read_cursor, revision},
    error::StoreError,
    pieces::{CONDITION_ROWS, any_of, pieces},
    room_write::{ReactionKey, RoomWrite},
    transaction::Transaction,
};
use crate::domain::{
    EventId,
    message::Message,
    name::{RoomName, UserKey, Username},
    read_cursor::ReadCursor,
    timestamp::Timestamp,
};

fn is_reaction(key: &ReactionKey) -> Condition {
    Condition::all()
        .add(reaction::Column::RoomId.eq(key.room_id))
        .add(reaction::Column::MessageId.eq(key.message_id))
        .add(reaction::Column::Emoji.eq(key.emoji.as_str()))
        .add(reaction::Column::UserKey.eq(key.user.as_str()))
}

impl Transaction {
    /// Those of these messages that are there.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn messages(
        &self,
        ids: &[(i64, EventId)],
        rooms: &HashMap<i64, RoomName>,
    ) -> Result<HashMap<(i64, EventId), Arc<Message>>, StoreError> {
        let mut found = HashMap::new();
        for ids in ids.chunks(CONDITION_ROWS) {
            let any = any_of(ids, |(room_id, id)| {
                Condition::all().add(message::Column::RoomId.eq(*room_id)).add(message::Column::Id.eq(*id))
            });
            for row in message::Entity::find().filter(any).all(self.connection()).await? {
                let Some(name) = rooms.get(&row.room_id) else { continue };
                found.insert((row.room_id, row.id), Arc::new(row.into_message(name)));
            }
        }
        Ok(found)
    }

    /// Those of these reactions that are there.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn reactions(&self, keys: &[ReactionKey]) -> Result<HashSet<ReactionKey>, StoreError> {
        let mut found = HashSet::new();
        for keys in keys.chunks(CONDITION_ROWS) {
            let rows = reaction::Entity::find().filter(any_of(keys, is_reaction)).all(self.connection()).await?;
            found.extend(rows.into_iter().map(|row| ReactionKey {
                room_id: row.room_id,
                message_id: row.message_id,
                emoji: row.emoji,
                user: Username::stored(&row.username).key().clone(),
            }));
        }
        Ok(found)
    }

    /// The first `limit` who reacted to a message with an emoji.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn reactors(
        &self,
        (room_id, message_id): (i64, EventId),
        emoji: &str,
        limit: usize,
    ) -> Result<Vec<Username>, StoreError> {
        let rows = reaction::Entity::find()
            .filter(reaction::Column::RoomId.eq(room_id))
            .filter(reaction::Column::MessageId.eq(message_id))
            .filter(reaction::Column::Emoji.eq(emoji))
            .order_by_asc(reaction::Column::Id)
            .limit(limit as u64)
            .all(self.connection())
            .await?;
        Ok(rows.iter().map(|row| Username::stored(&row.username)).collect())
    }

    /// The read cursors of these users.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn cursors(&self, keys: &[(i64, UserKey)]) -> Result<HashMap<(i64, UserKey), ReadCursor>, StoreError> {
        let mut found = HashMap::new();
        for keys in keys.chunks(CONDITION_ROWS) {
            let any = any_of(keys, |(room_id, user)| {
                Condition::all()
                    .add(read_cursor::Column::RoomId.eq(*room_id))
                    .add(read_cursor::Column::UserKey.eq(user.as_str()))
            });
            for row in read_cursor::Entity::find().filter(any).all(self.connection()).await? {
                let room_id = row.room_id;
                let cursor = ReadCursor::from(row);
                found.insert((room_id, cursor.username.key().clone()), cursor);
            }
        }
        Ok(found)
    }

    /// Writes what changed of the rooms, once their new messages and events are there. Returns true if something of
    /// deleted messages is still to be erased.
    pub(super) async fn write_changes(&self, writes: &[RoomWrite], now: Timestamp) -> Result<bool, StoreError> {
        let changes = || writes.iter().map(|write| (write, &write.changes));
        let changed =
            changes().flat_map(|(write, changes)| changes.messages.iter().map(move |message| (write, message)));
        // In the order in which whoever indexes them locks them too.
        let mut changed: Vec<_> = changed.collect();
        changed.sort_unstable_by_key(|(write, message)| (write.room_id, message.id));
        self.update_messages(changed.into_iter().map(|(write, message)| changed_row(write, message)).collect()).await?;
        let deleted: Vec<_> =
            changes().flat_map(|(write, changes)| changes.deleted.iter().map(|id| (write.room_id, *id))).collect();
        let is_left = self.erase(&deleted).await?;
        let edited: BTreeSet<_> = changes()
            .flat_map(|(write, changes)| changes.revisions.iter().map(|replaced| (write.room_id, replaced.message_id)))
            .collect();
        let revisions = changes().flat_map(|(write, changes)| {
            changes.revisions.iter().map(|replaced| revision::ActiveModel {
                room_id: Set(write.room_id),
                message_id: Set(replaced.message_id),
                id: Set(replaced.id),
                content: Set(replaced.revision.content.clone()),
                written_at: Set(replaced.revision.timestamp.micros()),
            })
        });
        for revisions in pieces(revisions.collect(), |row: &revision::ActiveModel| row.content.as_ref().len()) {
            revision::Entity::insert_many(revisions).exec_without_returning(self.connection()).await?;
        }
        self.forget_revisions(&Vec::from_iter(edited)).await?;
        let removed: Vec<_> = changes().flat_map(|(_, changes)| changes.removed.iter().cloned()).collect();
        for keys in removed.chunks(CONDITION_ROWS) {
            reaction::Entity::delete_many().filter(any_of(keys, is_reaction)).exec(self.connection()).await?;
        }
        let added = changes().flat_map(|(_, changes)| {
            changes.added.iter().map(|(key, username, id)| reaction::ActiveModel {
                room_id: Set(key.room_id),
                message_id: Set(key.message_id),
                emoji: Set(key.emoji.clone()),
                user_key: Set(key.user.as_str().to_owned()),
                username: Set(username.as_str().to_owned()),
                id: Set(*id),
                created_at: Set(now.micros()),
            })
        });
        let added: Vec<_> = added.collect();
        if !added.is_empty() {
            reaction::Entity::insert_many(added).exec_without_returning(self.connection()).await?;
        }
        let cursors = changes().flat_map(|(write, changes)| {
            changes.cursors.iter().map(|cursor| read_cursor::ActiveModel {
                room_id: Set(write.room_id),
                user_key: Set(cursor.username.key().as_str().to_owned()),
                username: Set(cursor.username.as_str().to_owned()),
                last_read_id: Set(cursor.last_read_id),
                updated_at: Set(cursor.updated_at.micros()),
            })
        });
        let cursors = cursors.collect();
        self.move_cursors(cursors).await?;
        Ok(is_left)
    }

    /// Updates rows that are there: an insert of which every row conflicts, so that many are one statement.
    async fn update_messages(&self, rows: Vec<message::ActiveModel>) -> Result<(), StoreError> {
        for rows in pieces(rows, message::bytes) {
            let update = OnConflict::columns([message::Column::RoomId, message::Column::Id])
                .update_columns([
                    message::Column::Content,
                    message::Column::EditedAt,
                    message::Column::DeletedAt,
                    message::Column::Reactions,
                ])
                .to_owned();
            message::Entity::insert_many(rows).on_conflict(update).exec_without_returning(self.connection()).await?;
        }
        Ok(())
    }

    async fn move_cursors(&self, rows: Vec<read_cursor::ActiveModel>) -> Result<(), StoreError> {
        if rows.is_empty() {
            return Ok(());
        }
        let update = OnConflict::columns([read_cursor::Column::RoomId, read_cursor::Column::UserKey])
            .update_columns([
                read_cursor::Column::Username,
                read_cursor::Column::LastReadId,
                read_cursor::Column::UpdatedAt,
            ])
            .to_owned();
        read_cursor::Entity::insert_many(rows).on_conflict(update).exec_without_returning(self.connection()).await?;
        Ok(())
    }
}

/// The row of a message that is there already. The columns that never change are named only because an
/// insert needs them.
fn changed_row(write: &RoomWrite, message: &Message) -> message::ActiveModel {
    // A key is not named: it is unique too, and would be a second conflict.
    message::ActiveModel { client_id: NotSet, reply_to: NotSet, fingerprint: NotSet, ..write.row(message) }
}
