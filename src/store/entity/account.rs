//! The table of users, whatever signs them in.

use sea_orm::entity::prelude::*;

use crate::domain::{
    name::Username,
    timestamp::Timestamp,
    user::{Origin, User, UserKind},
};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "account")]
pub(crate) struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    #[sea_orm(unique)]
    pub user_key: String,
    pub username: String,
    pub kind: String,
    pub origin: String,
    /// The user's `sub` in tokens of another system.
    #[sea_orm(unique)]
    pub subject: Option<String>,
    pub is_admin: bool,
    pub created_at: i64,
    pub disabled_at: Option<i64>,
    /// Tokens that were issued before this are refused.
    pub signed_out_at: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl From<Model> for User {
    fn from(row: Model) -> Self {
        Self {
            id: row.id,
            username: Username::stored(&row.username),
            // A word that a later version wrote: what is known least about has the fewest ways to sign in.
            kind: UserKind::parse(&row.kind).unwrap_or(UserKind::Bot),
            origin: Origin::parse(&row.origin).unwrap_or(Origin::Claimed),
            subject: row.subject,
            is_admin: row.is_admin,
            created_at: Timestamp::from_micros(row.created_at),
            disabled_at: row.disabled_at.map(Timestamp::from_micros),
            signed_out_at: row.signed_out_at.map(Timestamp::from_micros),
        }
    }
}
