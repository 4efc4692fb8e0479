//! The table of how far each follower of the log has got in each room.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "follower_cursor")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub follower: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub room_id: i64,
    pub through: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
