//! The table `reaction`: one row for each user and emoji on a message. A row has the id of the event that added it, by
//! which the first are found.

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
            .table("reaction")
            .col(big_integer("room_id"))
            .col(big_integer("message_id"))
            .col(table::key(manager, "emoji", 64))
            .col(table::key(manager, "user_key", 300))
            .col(string_len("username", 100))
            .col(big_integer("id"))
            .col(big_integer("created_at"))
            .primary_key(Index::create().col("room_id").col("message_id").col("emoji").col("user_key"))
            .foreign_key(ForeignKey::create().from("reaction", "room_id").to("room", "id"))
            .to_owned();
        let order = Index::create()
            .name("reaction_order")
            .table("reaction")
            .col("room_id")
            .col("message_id")
            .col("emoji")
            .col("id")
            .unique()
            .to_owned();
        table::create(manager, table, [order]).await
    }
}
