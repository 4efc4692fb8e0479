//! The table of how far each user has read.

use sea_orm::entity::prelude::*;

use crate::domain::{name::Username, read_cursor::ReadCursor, timestamp::Timestamp};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "read_cursor")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub room_id: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_key: String,
    pub username: String,
    pub last_read_id: i64,
    pub updated_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl From<Model> for ReadCursor {
    fn from(row: Model) -> Self {
        Self {
            username: Username::stored(&row.username),
            last_read_id: row.last_read_id,
            updated_at: Timestamp::from_micros(row.updated_at),
        }
    }
}
