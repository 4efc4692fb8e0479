//! The table of credentials by which streams and sockets go on.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "renewal")]
pub(crate) struct Model {
    /// The name of the stream or socket.
    #[sea_orm(primary_key, auto_increment = false)]
    pub stream: String,
    /// The credential, as JSON.
    #[sea_orm(column_type = "Text")]
    pub credential: String,
    /// The time from which on nobody looks for it.
    pub expires_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
