//! The table of tickets that are not taken.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "ticket")]
pub(crate) struct Model {
    /// SHA-256 of the ticket, in hexadecimal: the ticket itself is nowhere.
    #[sea_orm(primary_key, auto_increment = false)]
    pub hash: String,
    /// The key of the user who made it, by which theirs are counted.
    pub user_key: String,
    /// The credential of whoever made it, as JSON.
    #[sea_orm(column_type = "Text")]
    pub credential: String,
    pub transport: String,
    /// The rooms that it opens, as JSON.
    #[sea_orm(column_type = "Text")]
    pub rooms: String,
    pub expires_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
