//! Deleted messages of which so much is left that it is erased piece by piece, and the index by which the events
//! of a message are found in their order.

use sea_orm_migration::{prelude::*, schema::big_integer};

use super::table;

/// The index of events by their message, and the one without their order that it replaces.
const BY_MESSAGE: [&str; 2] = ["event_by_message", "event_message"];

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let [new, old] = BY_MESSAGE;
        if !manager.has_index("event", new).await? {
            let index =
                Index::create().name(new).table("event").col("room_id").col("message_id").col("id").unique().to_owned();
            manager.create_index(index).await?;
        }
        if manager.has_index("event", old).await? {
            manager.drop_index(Index::drop().name(old).table("event").to_owned()).await?;
        }
        let table = Table::create()
            .table("erasure")
            .col(big_integer("room_id"))
            .col(big_integer("message_id"))
            // Up to which of its events nothing is left.
            .col(big_integer("through"))
            .primary_key(Index::create().col("room_id").col("message_id"))
            .foreign_key(ForeignKey::create().from("erasure", "room_id").to("room", "id"))
            .to_owned();
        table::create(manager, table, []).await
    }
}
