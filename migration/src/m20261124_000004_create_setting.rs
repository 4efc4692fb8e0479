//! The table `setting`: facts about the database itself, such as the key of its fingerprints and the time it was last
//! probed.

use sea_orm_migration::prelude::*;

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
            .table("setting")
            .col(table::key(manager, "name", 64).primary_key())
            .col(table::long_text(manager, "value"))
            .to_owned();
        table::create(manager, table, []).await
    }
}
