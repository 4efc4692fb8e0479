//! The table `read_cursor`: the position up to which each user has read each room.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, string_len},
};

use super::table;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table("read_cursor")
            .col(big_integer("room_id"))
            .col(table::key(manager, "user_key", 300))
            .col(string_len("username", 100))
            .col(big_integer("last_read_id"))
            .col(big_integer("updated_at"))
            .primary_key(Index::create().col("room_id").col("user_key"))
            .foreign_key(ForeignKey::create().from("read_cursor", "room_id").to("room", "id"))
            .to_owned();
        table::create(manager, table, []).await
    }
}
