//! The table of sessions: the browsers that are signed in.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "session")]
pub(crate) struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    /// SHA-256 of the cookie, in hexadecimal.
    #[sea_orm(unique)]
    pub hash: String,
    pub account_id: i64,
    /// The rooms that the token it was made with is narrowed to, as JSON.
    #[sea_orm(column_type = "Text", nullable)]
    pub rooms: Option<String>,
    /// The rights that the token is narrowed to, with commas between.
    pub can: Option<String>,
    pub created_at: i64,
    pub last_used_at: i64,
    pub expires_at: Option<i64>,
    pub agent: Option<String>,
    pub address: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
