//! The table of how far each follower of the log has got in each room. It takes the place of
//! `search_cursor`, whose rows move into it.
//!
//! No foreign key, for the reason given in `create_search`.

use sea_orm_migration::{prelude::*, schema::big_integer, sea_orm::ConnectionTrait};

use super::table;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

/// Leaves out what is there already: where no transaction takes back a migration that was cut, it runs again.
const MOVE: &str = "
    INSERT INTO follower_cursor (follower, room_id, through)
    SELECT 'search', search_cursor.room_id, search_cursor.through FROM search_cursor
    WHERE NOT EXISTS (
        SELECT 1 FROM follower_cursor AS moved
        WHERE moved.follower = 'search' AND moved.room_id = search_cursor.room_id)";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let cursors = Table::create()
            .table("follower_cursor")
            .col(table::key(manager, "follower", 32))
            .col(big_integer("room_id"))
            .col(big_integer("through"))
            .primary_key(Index::create().col("follower").col("room_id"))
            .to_owned();
        table::create(manager, cursors, []).await?;
        if manager.has_table("search_cursor").await? {
            manager.get_connection().execute_unprepared(MOVE).await?;
            manager.drop_table(Table::drop().table("search_cursor").to_owned()).await?;
        }
        Ok(())
    }
}
