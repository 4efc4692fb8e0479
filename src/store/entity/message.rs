//! The table of messages.

use sea_orm::{ActiveValue, entity::prelude::*};
use serde::Deserialize;

use crate::domain::{
    message::{Message, Reaction, bound_names},
    name::{RoomName, Username},
    timestamp::Timestamp,
};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "message")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub room_id: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: i64,
    pub username: String,
    pub user_key: String,
    #[sea_orm(column_type = "Text")]
    pub content: String,
    pub created_at: i64,
    pub edited_at: Option<i64>,
    pub deleted_at: Option<i64>,
    pub reply_to: Option<i64>,
    pub client_id: Option<String>,
    #[sea_orm(column_type = "VarBinary(StringLen::N(32))", nullable)]
    pub fingerprint: Option<Vec<u8>>,
    /// The reactions that are shown, as JSON; none unless there are some.
    #[sea_orm(column_type = "Text", nullable)]
    pub reactions: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    /// The message this row is, in the room it belongs to.
    pub(crate) fn into_message(self, room: &RoomName) -> Message {
        Message {
            id: self.id,
            room: room.clone(),
            username: Username::stored(&self.username),
            content: self.content,
            timestamp: Timestamp::from_micros(self.created_at),
            edited_at: self.edited_at.map(Timestamp::from_micros),
            deleted_at: self.deleted_at.map(Timestamp::from_micros),
            reply_to: self.reply_to,
            reactions: self.reactions.as_deref().map(read_reactions).unwrap_or_default(),
            client_id: self.client_id,
        }
    }
}

/// About how many bytes a row brings to a statement.
pub(crate) fn bytes(row: &ActiveModel) -> usize {
    let reactions = match &row.reactions {
        ActiveValue::Set(Some(reactions)) => reactions.len(),
        _ => 0,
    };
    row.content.as_ref().len() + reactions
}

/// A reaction as the column holds it.
#[derive(Deserialize)]
struct StoredReaction {
    emoji: String,
    count: u32,
    usernames: Vec<String>,
}

/// The value of the column `reactions` for these.
pub(crate) fn write_reactions(reactions: &[Reaction]) -> Option<String> {
    // They have only string keys, so they can be written.
    (!reactions.is_empty()).then(|| serde_json::to_string(reactions).unwrap_or_default())
}

fn read_reactions(column: &str) -> Vec<Reaction> {
    let stored: Vec<StoredReaction> = serde_json::from_str(column).unwrap_or_else(|error| {
        tracing::error!(%error, "the reactions of a message can't be read");
        Vec::new()
    });
    let shown = |StoredReaction { emoji, count, usernames }: StoredReaction| {
        let usernames = usernames.iter().map(|name| Username::stored(name)).collect();
        Reaction { emoji, count, usernames }
    };
    let mut reactions: Vec<_> = stored.into_iter().map(shown).collect();
    // A row that was written before names were bounded has more.
    bound_names(&mut reactions);
    reactions
}
