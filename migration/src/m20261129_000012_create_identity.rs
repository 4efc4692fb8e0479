//! The tables `account`, `api_key` and `auth_version`: who there is, the keys of programs, and the number that each
//! loss of a right raises.
//!
//! `account` holds every user, also those that another system signs in: `user` is a reserved word of SQL.
//! `auth_version` has one row, which whoever writes to a room reads locked: what was decided by an older number is
//! decided again.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, big_integer_null, boolean, string_len, string_len_null, text_null},
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
        let accounts = Table::create()
            .table("account")
            .col(big_integer("id").primary_key().auto_increment())
            .col(table::key(manager, "user_key", 300).unique_key())
            .col(string_len("username", 100))
            .col(string_len("kind", 10))
            .col(string_len("origin", 10))
            .col(table::key_null(manager, "subject", 400).unique_key())
            .col(boolean("is_admin"))
            .col(big_integer("created_at"))
            .col(big_integer_null("disabled_at"))
            .col(big_integer_null("signed_out_at"))
            .to_owned();
        table::create(manager, accounts, []).await?;
        let keys = Table::create()
            .table("api_key")
            .col(big_integer("id").primary_key().auto_increment())
            .col(table::key(manager, "hash", 64).unique_key())
            .col(big_integer("account_id"))
            .col(string_len("name", 100))
            .col(text_null("rooms"))
            .col(string_len_null("can", 100))
            .col(big_integer("created_at"))
            .col(big_integer_null("expires_at"))
            .col(big_integer_null("last_used_at"))
            .foreign_key(ForeignKey::create().from("api_key", "account_id").to("account", "id"))
            .to_owned();
        let of_account =
            Index::create().name("api_key_account").table("api_key").col("account_id").col("id").to_owned();
        table::create(manager, keys, [of_account]).await?;
        let version = Table::create()
            .table("auth_version")
            .col(big_integer("id").primary_key())
            .col(big_integer("version"))
            .to_owned();
        table::create(manager, version, []).await?;
        let row = Query::insert()
            .into_table("auth_version")
            .columns(["id", "version"])
            .values_panic([1_i64.into(), 0_i64.into()])
            .on_conflict(OnConflict::column("id").do_nothing_on(["id"]).to_owned())
            .to_owned();
        manager.execute(row).await
    }
}
