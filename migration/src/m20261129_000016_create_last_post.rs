//! The table `last_post`: when somebody last posted in a room that asks for a pause between two posts. Messages are
//! not found by their author, and those of other rooms need not be. And the indexes by which admins, and the owners of a
//! room, are found.

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
        let indexes =
            [("account", "account_admin", ["is_admin", "id"]), ("membership", "membership_role", ["room_id", "role"])];
        for (table, name, columns) in indexes {
            // A start that was cut may have made one.
            if !manager.has_index(table, name).await? {
                let mut index = Index::create().name(name).table(table).to_owned();
                for column in columns {
                    index.col(column);
                }
                manager.create_index(index).await?;
            }
        }
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
