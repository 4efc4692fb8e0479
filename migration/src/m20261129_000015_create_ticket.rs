//! The tables `ticket` and `renewal`: what one request hands on to another, on whichever node it comes.
//!
//! A ticket opens one stream or socket, and is deleted by that. A renewal says which credential a stream or socket goes
//! on by. Both say of the credential, as JSON, what it is found again by, and neither outlives its time.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, string_len, text},
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
        let tickets = Table::create()
            .table("ticket")
            .col(table::key(manager, "hash", 64).primary_key())
            .col(table::key(manager, "user_key", 300))
            .col(text("credential"))
            .col(string_len("transport", 10))
            .col(text("rooms"))
            .col(big_integer("expires_at"))
            .to_owned();
        let over = Index::create().name("ticket_expires_at").table("ticket").col("expires_at").to_owned();
        let of_user = Index::create().name("ticket_user").table("ticket").col("user_key").to_owned();
        table::create(manager, tickets, [over, of_user]).await?;
        let renewals = Table::create()
            .table("renewal")
            .col(table::key(manager, "stream", 40).primary_key())
            .col(text("credential"))
            .col(big_integer("expires_at"))
            .to_owned();
        let over = Index::create().name("renewal_expires_at").table("renewal").col("expires_at").to_owned();
        table::create(manager, renewals, [over]).await
    }
}
