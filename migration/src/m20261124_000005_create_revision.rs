//! The table `revision`: the earlier contents of edited messages. A row has the id of the edit that replaced it.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, text},
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
            .table("revision")
            .col(big_integer("room_id"))
            .col(big_integer("message_id"))
            .col(big_integer("id"))
            .col(text("content"))
            .col(big_integer("written_at"))
            .primary_key(Index::create().col("room_id").col("message_id").col("id"))
            .foreign_key(ForeignKey::create().from("revision", "room_id").to("room", "id"))
            .to_owned();
        table::create(manager, table, []).await
    }
}
