//! The version of a room's memberships: raised with each change of one, so that who has read some knows without a query
//! if they are still so.

use sea_orm_migration::{prelude::*, schema::big_integer};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // A start that was cut may have added it.
        if !manager.has_column("room", "membership_version").await? {
            let mut column = big_integer("membership_version").default(0).to_owned();
            manager.alter_table(Table::alter().table("room").add_column(&mut column).to_owned()).await?;
        }
        Ok(())
    }
}
