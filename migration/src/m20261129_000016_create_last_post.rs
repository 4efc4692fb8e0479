//! The table `last_post`: when somebody last posted in a room that asks for a pause between two posts. Messages are
//! not found by their author, and those of other rooms need not be.

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
        let table = Table::create()
            .table("last_post")
            .col(big_integer("room_id"))
            .col(table::key(manager, "user_key", 300))
            .col(big_integer("posted_at"))
            .primary_key(Index::create().col("room_id").col("user_key"))
            .to_owned();
        table::create(manager, table, []).await
    }
}
