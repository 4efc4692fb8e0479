//! The table of API keys.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "api_key")]
pub(crate) struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    /// SHA-256 of the key, in hexadecimal: the key itself is nowhere.
    #[sea_orm(unique)]
    pub hash: String,
    pub account_id: i64,
    pub name: String,
    /// The rooms that it is narrowed to, as JSON.
    #[sea_orm(column_type = "Text", nullable)]
    pub rooms: Option<String>,
    /// The rights that it is narrowed to, with commas between.
    pub can: Option<String>,
    pub created_at: i64,
    pub expires_at: Option<i64>,
    pub last_used_at: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
