//! The durable events that are not a message's creation. They share the room's ids with the messages.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, big_integer_null, string_len, string_len_null},
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
            .table("event")
            .col(big_integer("room_id"))
            .col(big_integer("id"))
            .col(string_len("kind", 32))
            .col(table::long_text(manager, "data"))
            .col(big_integer("created_at"))
            // What it is about and who did it: what a deletion finds its traces by.
            .col(big_integer_null("message_id"))
            .col(string_len_null("username", 100))
            .primary_key(Index::create().col("room_id").col("id"))
            .foreign_key(ForeignKey::create().from("event", "room_id").to("room", "id"))
            .to_owned();
        let about = Index::create().name("event_message").table("event").col("room_id").col("message_id").to_owned();
        table::create(manager, table, [about]).await
    }
}
