//! Erasing what messages leave behind: all of a deleted one but its tombstone, and an edited one's oldest revisions.
//!
//! Most messages have little, and it goes in the transaction of the deletion. One with a long history would hold up
//! everybody who writes, so of such only the content, its words in the index of search and its fingerprint go at
//! once. The rest is noted in the table `erasure` by the same transaction, and goes piece by piece, between the batches
//! that come meanwhile and after a restart. Nobody is shown it from the moment of the deletion: whatever reads
//! revisions, reactions or events asks for the tombstone too, and in the same statement or after it. So a deletion
//! is answered as soon as it is committed, rather than when the last piece has gone.

use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbBackend, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Set,
    sea_query::{CaseStatement, Expr, ExprTrait, Query, SelectStatement},
};

use super::{
    entity::{erasure, event, message, message_search, reaction, revision},
    error::StoreError,
    pieces::{CONDITION_ROWS, any_of},
    transaction::Transaction,
    writer::Writer,
};
use crate::domain::EventId;

/// The number of reactions or events erased at once.
const PIECE: u64 = 200;
/// The number of revisions erased at once: a megabyte at most, as posts wait for it.
const REVISIONS_PIECE: u64 = 50;
/// The most revisions erased in the transaction of the deletion.
const MOST_REVISIONS: u64 = 200;
/// The most reactions or events erased in the transaction of the deletion: they are small.
const MOST_SMALL: u64 = 1_000;
/// The data of an event once nothing is left of it.
const NOTHING: &str = "{}";

/// A message by its room's key and its id.
type Key = (i64, EventId);

fn is_message(ids: &[Key], room_id: impl ColumnTrait, message_id: impl ColumnTrait) -> Condition {
    any_of(ids, |(room, id)| Condition::all().add(room_id.eq(*room)).add(message_id.eq(*id)))
}

fn revisions_of(ids: &[Key]) -> Condition {
    is_message(ids, revision::Column::RoomId, revision::Column::MessageId)
}

fn reactions_to(ids: &[Key]) -> Condition {
    is_message(ids, reaction::Column::RoomId, reaction::Column::MessageId)
}

fn events_about(ids: &[Key]) -> Condition {
    is_message(ids, event::Column::RoomId, event::Column::MessageId)
}

impl Transaction {
    /// Leaves nothing of deleted messages but their tombstones. Returns true if something is still to be erased
    /// ([`Writer::erase_piece`]).
    ///
    /// # Errors
    /// [`StoreError`].
    pub(super) async fn erase(&self, deleted: &[Key]) -> Result<bool, StoreError> {
        let mut is_left = false;
        for ids in deleted.chunks(CONDITION_ROWS) {
            let db = self.connection();
            message::Entity::update_many()
                .col_expr(message::Column::Fingerprint, Expr::value(Option::<Vec<u8>>::None))
                .filter(is_message(ids, message::Column::RoomId, message::Column::Id))
                .exec(db)
                .await?;
            message_search::Entity::delete_many()
                .filter(is_message(ids, message_search::Column::RoomId, message_search::Column::MessageId))
                .exec(db)
                .await?;
            if self.have_much(ids).await? {
                let rows = ids.iter().map(|(room_id, message_id)| erasure::ActiveModel {
                    room_id: Set(*room_id),
                    message_id: Set(*message_id),
                    through: Set(0),
                });
                erasure::Entity::insert_many(rows).exec_without_returning(db).await?;
                is_left = true;
                continue;
            }
            revision::Entity::delete_many().filter(revisions_of(ids)).exec(db).await?;
            reaction::Entity::delete_many().filter(reactions_to(ids)).exec(db).await?;
            erase_events(db, events_about(ids)).await?;
        }
        Ok(is_left)
    }

    /// Returns true if these messages have more than is erased in one transaction. Each question ends there.
    async fn have_much(&self, ids: &[Key]) -> Result<bool, StoreError> {
        let db = self.connection();
        let revisions = revision::Entity::find().select_only().column(revision::Column::Id).filter(revisions_of(ids));
        let reactions = reaction::Entity::find().select_only().column(reaction::Column::Id).filter(reactions_to(ids));
        let events = event::Entity::find().select_only().column(event::Column::Id).filter(events_about(ids));
        Ok(revisions.offset(MOST_REVISIONS).limit(1).into_tuple::<i64>().one(db).await?.is_some()
            || reactions.offset(MOST_SMALL).limit(1).into_tuple::<i64>().one(db).await?.is_some()
            || events.offset(MOST_SMALL).limit(1).into_tuple::<i64>().one(db).await?.is_some())
    }

    /// Erases the oldest revisions of edited messages beyond those that are kept of each; of a message that has far
    /// more than that, from a database that kept them all, a piece at each edit.
    pub(super) async fn forget_revisions(&self, edited: &[Key]) -> Result<(), StoreError> {
        let backend = self.connection().get_database_backend();
        let is_forgotten = |key: &Key| {
            let beyond = nth_revision(backend, *key, sea_orm::Order::Desc, u64::from(self.revisions()));
            let piece = nth_revision(backend, *key, sea_orm::Order::Asc, REVISIONS_PIECE - 1);
            let (beyond, piece) = (Expr::from(beyond), Expr::from(piece));
            // One bound: of two on the same side some databases heed one only.
            let last = CaseStatement::new().case(piece.clone().lt(beyond.clone()), piece).finally(beyond);
            Condition::all().add(revisions_of(&[*key])).add(Expr::col(revision::Column::Id).lte(last))
        };
        for keys in edited.chunks(CONDITION_ROWS) {
            revision::Entity::delete_many().filter(any_of(keys, is_forgotten)).exec(self.connection()).await?;
        }
        Ok(())
    }
}

/// The id of a message's nth revision from one end; none if it has fewer.
fn nth_revision(backend: DbBackend, (room_id, message_id): Key, order: sea_orm::Order, n: u64) -> SelectStatement {
    let nth = Query::select()
        .column(revision::Column::Id)
        .from(revision::Entity)
        .and_where(revision::Column::RoomId.eq(room_id))
        .and_where(revision::Column::MessageId.eq(message_id))
        .order_by(revision::Column::Id, order)
        .limit(1)
        .offset(n)
        .to_owned();
    if backend != DbBackend::MySql {
        return nth;
    }
    // It refuses to read what it deletes from, unless it has to put that aside first.
    Query::select().column(revision::Column::Id).from_subquery(nth, "aside").to_owned()
}

/// Erases what events say, and leaves them in their places.
async fn erase_events(db: &impl ConnectionTrait, which: Condition) -> Result<(), StoreError> {
    event::Entity::update_many()
        .col_expr(event::Column::Data, Expr::value(NOTHING))
        .filter(which)
        .filter(event::Column::Data.ne(NOTHING))
        .exec(db)
        .await?;
    Ok(())
}

impl Writer {
    /// Erases the next piece of what is left of deleted messages. Returns true if there may be more.
    ///
    /// # Errors
    /// [`StoreError`]; nothing of the piece is erased then.
    pub async fn erase_piece(&self) -> Result<bool, StoreError> {
        let tx = self.begin().await?;
        let first = erasure::Entity::find()
            .order_by_asc(erasure::Column::RoomId)
            .order_by_asc(erasure::Column::MessageId)
            .one(tx.connection())
            .await?;
        let Some(first) = first else {
            tx.rollback().await?;
            return Ok(false);
        };
        tx.erase_piece_of(&first).await?;
        tx.commit().await?;
        Ok(true)
    }
}

impl Transaction {
    /// Erases the next piece: of its revisions, then of its reactions, then of its events, then the note of it.
    async fn erase_piece_of(&self, message: &erasure::Model) -> Result<(), StoreError> {
        let db = self.connection();
        let key = &[(message.room_id, message.message_id)];
        let last: Option<EventId> = revision::Entity::find()
            .select_only()
            .column(revision::Column::Id)
            .filter(revisions_of(key))
            .order_by_asc(revision::Column::Id)
            .offset(REVISIONS_PIECE - 1)
            .limit(1)
            .into_tuple()
            .one(db)
            .await?;
        let last_id = last.unwrap_or(EventId::MAX);
        revision::Entity::delete_many()
            .filter(revisions_of(key))
            .filter(revision::Column::Id.lte(last_id))
            .exec(db)
            .await?;
        if last.is_some() {
            return Ok(());
        }
        let last: Option<(String, EventId)> = reaction::Entity::find()
            .select_only()
            .columns([reaction::Column::Emoji, reaction::Column::Id])
            .filter(reactions_to(key))
            .order_by_asc(reaction::Column::Emoji)
            .order_by_asc(reaction::Column::Id)
            .offset(PIECE - 1)
            .limit(1)
            .into_tuple()
            .one(db)
            .await?;
        let of_message = || reaction::Entity::delete_many().filter(reactions_to(key));
        if let Some((emoji, id)) = last {
            // Two statements, of which each goes by the index.
            of_message().filter(reaction::Column::Emoji.lt(emoji.as_str())).exec(db).await?;
            let of_emoji = reaction::Column::Emoji.eq(emoji);
            of_message().filter(of_emoji).filter(reaction::Column::Id.lte(id)).exec(db).await?;
            return Ok(());
        }
        of_message().exec(db).await?;
        let last: Option<EventId> = event::Entity::find()
            .select_only()
            .column(event::Column::Id)
            .filter(events_about(key))
            .filter(event::Column::Id.gt(message.through))
            .order_by_asc(event::Column::Id)
            .offset(PIECE - 1)
            .limit(1)
            .into_tuple()
            .one(db)
            .await?;
        let piece = event::Column::Id.gt(message.through).and(event::Column::Id.lte(last.unwrap_or(EventId::MAX)));
        erase_events(db, Condition::all().add(events_about(key)).add(piece)).await?;
        let note = Condition::all()
            .add(erasure::Column::RoomId.eq(message.room_id))
            .add(erasure::Column::MessageId.eq(message.message_id));
        match last {
            Some(last) => {
                erasure::Entity::update_many()
                    .col_expr(erasure::Column::Through, Expr::value(last))
                    .filter(note)
                    .exec(db)
                    .await?;
            }
            None => {
                erasure::Entity::delete_many().filter(note).exec(db).await?;
            }
        }
        Ok(())
    }
}
