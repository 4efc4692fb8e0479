//! The index of search: the tokens of each message, which the database indexes as plain words, and how
//! far into a room's log the index goes.
//!
//! No foreign keys: they would lock a room's row under whoever indexes it, who has messages of it locked,
//! while the journal locks the room first and then its messages.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, text},
    sea_orm::DbBackend,
};

use super::table;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

/// `SQLite`'s index, kept beside the table by triggers. Its rowid is the table's own key; a rowid that is
/// no declared key may change when the file is vacuumed. Tokens stand in order and each once, so that
/// neither places nor lengths need be kept. Words are also found quickly by their first one or two letters
/// (three or four of a token). `secure-delete` takes a deleted token out of the index at once, instead of
/// noting beside it that it no longer holds. Merging is left to whoever writes, who does a little each
/// time; by itself the index merges much at once now and then, while a post waits.
const SQLITE: [&str; 6] = [
    "CREATE VIRTUAL TABLE message_search_index USING fts5(
        tokens, content='message_search', content_rowid='id', tokenize='unicode61', detail='none', columnsize=0, prefix='3 4')",
    "INSERT INTO message_search_index (message_search_index, rank) VALUES ('secure-delete', 1)",
    "INSERT INTO message_search_index (message_search_index, rank) VALUES ('automerge', 0)",
    "CREATE TRIGGER message_search_added AFTER INSERT ON message_search BEGIN
        INSERT INTO message_search_index (rowid, tokens) VALUES (new.id, new.tokens);
    END",
    "CREATE TRIGGER message_search_removed AFTER DELETE ON message_search BEGIN
        INSERT INTO message_search_index (message_search_index, rowid, tokens) VALUES ('delete', old.id, old.tokens);
    END",
    "CREATE TRIGGER message_search_changed AFTER UPDATE OF tokens ON message_search BEGIN
        INSERT INTO message_search_index (message_search_index, rowid, tokens) VALUES ('delete', old.id, old.tokens);
        INSERT INTO message_search_index (rowid, tokens) VALUES (new.id, new.tokens);
    END",
];
const POSTGRES: [&str; 1] =
    ["CREATE INDEX message_search_index ON message_search USING gin (to_tsvector('simple', tokens))"];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let backend = manager.get_database_backend();
        let mut tokens = text("tokens");
        if backend == DbBackend::MySql {
            // Its TEXT ends at 64 KiB, and the tokens of a long message may go beyond.
            tokens = ColumnDef::new("tokens").custom("MEDIUMTEXT CHARACTER SET ascii COLLATE ascii_bin").take();
            tokens.not_null();
        }
        let rows = Table::create()
            .table("message_search")
            .col(big_integer("id").primary_key().auto_increment())
            .col(big_integer("room_id"))
            .col(big_integer("message_id"))
            .col(tokens)
            .to_owned();
        let mut by_message = Index::create();
        by_message.name("message_search_message").table("message_search").col("room_id").col("message_id").unique();
        let mut indexes = vec![by_message];
        if backend == DbBackend::MySql {
            indexes.push(Index::create().name("message_search_index").col("tokens").full_text().to_owned());
        }
        table::create(manager, rows, indexes).await?;

        let cursors = Table::create()
            .table("search_cursor")
            .col(big_integer("room_id").primary_key())
            .col(big_integer("through"))
            .to_owned();
        table::create(manager, cursors, []).await?;

        let statements = match backend {
            DbBackend::Sqlite => &SQLITE[..],
            DbBackend::Postgres => &POSTGRES,
            DbBackend::MySql => &[],
            other => return Err(DbErr::Migration(format!("{other:?} can't search"))),
        };
        for statement in statements {
            manager.get_connection().execute_unprepared(statement).await?;
        }
        Ok(())
    }
}
