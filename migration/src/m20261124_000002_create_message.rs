//! The messages. A row is its own creation event: its id is taken from the room's log.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, big_integer_null, string_len, text, var_binary_null},
    sea_orm::DbBackend,
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
            .table("message")
            .col(big_integer("room_id"))
            .col(big_integer("id"))
            .col(string_len("username", 100))
            // Folding may make a name longer: at most three characters of one.
            .col(table::key(manager, "user_key", 300))
            .col(text("content"))
            .col(big_integer("created_at"))
            .col(big_integer_null("edited_at"))
            .col(big_integer_null("deleted_at"))
            .col(big_integer_null("reply_to"))
            .col(table::key_null(manager, "client_id", 64))
            .col(var_binary_null("fingerprint", 32))
            // What is shown of its reactions: counts and the first names.
            .col(table::long_text_null(manager, "reactions"))
            .primary_key(Index::create().col("room_id").col("id"))
            .foreign_key(ForeignKey::create().from("message", "room_id").to("room", "id"))
            .to_owned();
        let mut key = Index::create()
            .name("message_client_id")
            .table("message")
            .col("room_id")
            .col("user_key")
            .col("client_id")
            .unique()
            .to_owned();
        // Most messages have no key: where the database can, they cost the index nothing.
        if manager.get_database_backend() != DbBackend::MySql {
            key.and_where(Expr::col("client_id").is_not_null());
        }
        table::create(manager, table, [key]).await
    }
}
