//! The table of invitations that nobody has used.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "invitation")]
pub(crate) struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    /// SHA-256 of the invitation, in hexadecimal.
    #[sea_orm(unique)]
    pub hash: String,
    /// The name that it is for, if it is for one.
    pub username: Option<String>,
    pub created_at: i64,
    pub expires_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
