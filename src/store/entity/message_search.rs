//! The table of what the index of search holds of each message.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "message_search")]
pub(crate) struct Model {
    /// Grows with the message's id within its room, since messages are first indexed in their order.
    #[sea_orm(primary_key)]
    pub id: i64,
    pub room_id: i64,
    pub message_id: i64,
    /// The room's token and the content's, with spaces between.
    #[sea_orm(column_type = "Text")]
    pub tokens: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
