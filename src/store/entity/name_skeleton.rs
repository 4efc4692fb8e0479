//! The table of what names look like.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "name_skeleton")]
pub(crate) struct Model {
    /// SHA-256 of the name's skeleton (UTS 39), in hexadecimal.
    #[sea_orm(primary_key, auto_increment = false)]
    pub hash: String,
    pub account_id: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
