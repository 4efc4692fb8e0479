//! The table of what moderators and admins did.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "audit")]
pub(crate) struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    /// Absent for what is about no room.
    pub room_id: Option<i64>,
    pub at: i64,
    pub actor: String,
    pub act: String,
    pub username: Option<String>,
    pub message_id: Option<i64>,
    pub reason: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
