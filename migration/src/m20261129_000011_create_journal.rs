//! The incarnations of nodes with how many batches each has committed, and the newest of those batches.

use sea_orm_migration::{prelude::*, schema::big_integer};

use super::table;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if !manager.has_table("journal").await? {
            let journal = Table::create()
                .table("journal")
                .col(table::key(manager, "node", 100).primary_key())
                .col(big_integer("n"))
                .to_owned();
            table::create(manager, journal, []).await?;
        }
        let batch = Table::create()
            .table("batch")
            .col(table::key(manager, "node", 100))
            .col(big_integer("n"))
            // Of each room its key, its head, and whether read cursors moved.
            .col(table::long_text(manager, "rooms"))
            .col(big_integer("written_at"))
            .primary_key(Index::create().col("node").col("n"))
            .to_owned();
        table::create(manager, batch, []).await
    }
}
