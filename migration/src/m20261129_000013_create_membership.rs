//! The tables `membership`, `direct` and `audit`, and what a room says of who may do what in it.
//!
//! A membership is all that a room knows of a user: a role, a mute, a ban; who has none of these has no row. A room
//! counts its members and owners, so that nobody has to.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, big_integer_null, boolean, integer, string_len, string_len_null},
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
        let columns = [
            string_len("visibility", 10).default("public").to_owned(),
            string_len("posting", 10).default("everyone").to_owned(),
            integer("slow_mode").default(0).to_owned(),
            big_integer("members").default(0).to_owned(),
            big_integer("owners").default(0).to_owned(),
        ];
        for mut column in columns {
            // A start that was cut may have added some.
            if !manager.has_column("room", column.get_column_name()).await? {
                manager.alter_table(Table::alter().table("room").add_column(&mut column).to_owned()).await?;
            }
        }
        let memberships = Table::create()
            .table("membership")
            .col(big_integer("room_id"))
            .col(table::key(manager, "user_key", 300))
            .col(string_len("username", 100))
            .col(string_len_null("role", 10))
            .col(big_integer("since"))
            .col(big_integer_null("muted_until"))
            .col(boolean("is_banned").default(false))
            .col(big_integer_null("banned_at"))
            .col(big_integer_null("banned_until"))
            .col(string_len_null("banned_by", 100))
            .col(string_len_null("ban_reason", 500))
            .primary_key(Index::create().col("room_id").col("user_key"))
            .to_owned();
        let of_user =
            Index::create().name("membership_user").table("membership").col("user_key").col("room_id").to_owned();
        let banned = Index::create()
            .name("membership_banned")
            .table("membership")
            .col("room_id")
            .col("is_banned")
            .col("user_key")
            .to_owned();
        table::create(manager, memberships, [of_user, banned]).await?;
        let direct = Table::create()
            .table("direct")
            .col(big_integer("one"))
            .col(big_integer("other"))
            .col(string_len("room", 100))
            .primary_key(Index::create().col("one").col("other"))
            .to_owned();
        table::create(manager, direct, []).await?;
        let audit = Table::create()
            .table("audit")
            .col(big_integer("id").primary_key().auto_increment())
            .col(big_integer_null("room_id"))
            .col(big_integer("at"))
            .col(string_len("actor", 100))
            .col(string_len("act", 30))
            .col(string_len_null("username", 100))
            .col(big_integer_null("message_id"))
            .col(string_len_null("reason", 500))
            .to_owned();
        let of_room = Index::create().name("audit_room").table("audit").col("room_id").col("id").to_owned();
        table::create(manager, audit, [of_room]).await
    }
}
