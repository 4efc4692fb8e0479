//! The table of durable events that are not a message's creation.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "event")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub room_id: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: i64,
    /// The event's `type` on the wire.
    pub kind: String,
    /// The fields of the type besides room and id, as JSON.
    #[sea_orm(column_type = "Text")]
    pub data: String,
    pub created_at: i64,
    /// The message it is about.
    pub message_id: Option<i64>,
    /// The user who did it.
    pub username: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
