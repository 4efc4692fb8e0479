//! The table of the rooms of two people, by the pair.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "direct")]
pub(crate) struct Model {
    /// The lower of the two users' keys.
    #[sea_orm(primary_key, auto_increment = false)]
    pub one: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub other: i64,
    /// The room's name; the room may not be made yet.
    pub room: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
