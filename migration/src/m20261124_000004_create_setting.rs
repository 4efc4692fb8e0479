//! What a database knows of itself: the key of its fingerprints, and when it was last probed.

use sea_orm_migration::{
    prelude::*,
    schema::{string_len, text},
};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table =
            Table::create().table("setting").col(string_len("name", 64).primary_key()).col(text("value")).to_owned();
        manager.create_table(table).await
    }
}
