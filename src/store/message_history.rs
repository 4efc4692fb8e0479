//! Reading the history of messages: what they said before, and who reacted to them.

use sea_orm::{
    ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, Query},
};

use super::{
    Store,
    entity::{message, reaction, revision},
    error::StoreError,
};
use crate::domain::{
    EventId,
    message::{Reactor, Revision},
    name::Username,
    room::Room,
    timestamp::Timestamp,
};

/// The condition that the message is not deleted: of one with a long history something may be left for a while
/// (`erasure.rs`), and is not shown.
fn is_there(room: &Room, id: EventId) -> Expr {
    let message = Query::select()
        .expr(Expr::value(1))
        .from(message::Entity)
        .and_where(message::Column::RoomId.eq(room.id))
        .and_where(message::Column::Id.eq(id))
        .and_where(message::Column::DeletedAt.is_null())
        .to_owned();
    Expr::exists(message)
}

impl Store {
    /// At most `limit` of what a message said before, oldest first, after the edit `after`.
    ///
    /// # Errors
    /// [`StoreError`] when the database is out.
    pub async fn revisions(
        &self,
        room: &Room,
        id: EventId,
        after: EventId,
        limit: u64,
    ) -> Result<Vec<(EventId, Revision)>, StoreError> {
        let rows = revision::Entity::find()
            .filter(revision::Column::RoomId.eq(room.id))
            .filter(revision::Column::MessageId.eq(id))
            .filter(revision::Column::Id.gt(after))
            .filter(is_there(room, id))
            .order_by_asc(revision::Column::Id)
            .limit(limit)
            .all(&self.readers)
            .await?;
        let revision = |row: revision::Model| {
            (row.id, Revision { content: row.content, timestamp: Timestamp::from_micros(row.written_at) })
        };
        Ok(rows.into_iter().map(revision).collect())
    }

    /// At most `limit` of those who reacted to a message with an emoji, in the order they did, after the
    /// event `after`.
    ///
    /// # Errors
    /// [`StoreError`] when the database is out.
    pub async fn reactors(
        &self,
        room: &Room,
        id: EventId,
        emoji: &str,
        after: EventId,
        limit: u64,
    ) -> Result<Vec<Reactor>, StoreError> {
        let rows = reaction::Entity::find()
            .filter(reaction::Column::RoomId.eq(room.id))
            .filter(reaction::Column::MessageId.eq(id))
            .filter(reaction::Column::Emoji.eq(emoji))
            .filter(reaction::Column::Id.gt(after))
            .filter(is_there(room, id))
            .order_by_asc(reaction::Column::Id)
            .limit(limit)
            .all(&self.readers)
            .await?;
        let reactor = |row: reaction::Model| Reactor {
            username: Username::stored(&row.username),
            timestamp: Timestamp::from_micros(row.created_at),
            event: row.id,
        };
        Ok(rows.into_iter().map(reactor).collect())
    }
}
