//! The durable events that are not a message's creation. They share the room's ids with the messages.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, string_len, text},
};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table("event")
            .col(big_integer("room_id"))
            .col(big_integer("id"))
            .col(string_len("kind", 32))
            .col(text("data"))
            .col(big_integer("created_at"))
            .primary_key(Index::create().col("room_id").col("id"))
            .foreign_key(ForeignKey::create().from("event", "room_id").to("room", "id"))
            .to_owned();
        manager.create_table(table).await
    }
}
