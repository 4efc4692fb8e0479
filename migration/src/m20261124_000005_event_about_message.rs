//! Which message an event is about, and who did it: what a deletion finds its traces by.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer_null, string_len_null},
};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // SQLite adds one column at a time.
        for column in [big_integer_null("message_id"), string_len_null("username", 100)] {
            manager.alter_table(Table::alter().table("event").add_column(column).to_owned()).await?;
        }
        let index = Index::create().name("event_message").table("event").col("room_id").col("message_id").to_owned();
        manager.create_index(index).await
    }
}
