//! The rooms. A room's row is the lock under which its log grows.

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
            .table("room")
            .col(big_integer("id").primary_key().auto_increment())
            .col(table::key(manager, "name", 100).unique_key())
            .col(string_len("title", 200))
            .col(string_len("topic", 1_000))
            .col(big_integer("created_at"))
            .col(big_integer("head"))
            .col(big_integer("floor"))
            .col(string_len("floor_reason", 20))
            .to_owned();
        table::create(manager, table, []).await
    }
}
