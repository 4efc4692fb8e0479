//! The tables of accounts that this server keeps: `password`, `session`, `invitation`, `password_reset` and
//! `name_skeleton`.
//!
//! Every secret in them is a hash. `name_skeleton` has, for each name, the hash of what it looks like (UTS 39): of two
//! names that look alike one can be registered.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, big_integer_null, string_len, string_len_null, text_null},
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
        let of_account =
            |table: &'static str| ForeignKey::create().from(table, "account_id").to("account", "id").to_owned();
        let passwords = Table::create()
            .table("password")
            .col(big_integer("account_id").primary_key())
            .col(string_len("hash", 200))
            .col(big_integer("changed_at"))
            .foreign_key(&mut of_account("password"))
            .to_owned();
        table::create(manager, passwords, []).await?;
        let sessions = Table::create()
            .table("session")
            .col(big_integer("id").primary_key().auto_increment())
            .col(table::key(manager, "hash", 64).unique_key())
            .col(big_integer("account_id"))
            .col(text_null("rooms"))
            .col(string_len_null("can", 100))
            .col(big_integer("created_at"))
            .col(big_integer("last_used_at"))
            .col(big_integer_null("expires_at"))
            .col(string_len_null("agent", 200))
            .col(string_len("address", 45))
            .foreign_key(&mut of_account("session"))
            .to_owned();
        let by_account =
            Index::create().name("session_account").table("session").col("account_id").col("id").to_owned();
        let by_use = Index::create().name("session_last_used").table("session").col("last_used_at").to_owned();
        let by_end = Index::create().name("session_expires").table("session").col("expires_at").to_owned();
        table::create(manager, sessions, [by_account, by_use, by_end]).await?;
        let invitations = Table::create()
            .table("invitation")
            .col(big_integer("id").primary_key().auto_increment())
            .col(table::key(manager, "hash", 64).unique_key())
            .col(string_len_null("username", 100))
            .col(big_integer("created_at"))
            .col(big_integer("expires_at"))
            .to_owned();
        let by_end = Index::create().name("invitation_expires").table("invitation").col("expires_at").to_owned();
        table::create(manager, invitations, [by_end]).await?;
        let resets = Table::create()
            .table("password_reset")
            .col(big_integer("account_id").primary_key())
            .col(table::key(manager, "hash", 64))
            .col(big_integer("expires_at"))
            .foreign_key(&mut of_account("password_reset"))
            .to_owned();
        let by_end =
            Index::create().name("password_reset_expires").table("password_reset").col("expires_at").to_owned();
        table::create(manager, resets, [by_end]).await?;
        let skeletons = Table::create()
            .table("name_skeleton")
            .col(table::key(manager, "hash", 64).primary_key())
            .col(big_integer("account_id"))
            .foreign_key(&mut of_account("name_skeleton"))
            .to_owned();
        let by_account =
            Index::create().name("name_skeleton_account").table("name_skeleton").col("account_id").to_owned();
        table::create(manager, skeletons, [by_account]).await
    }
}
