//! Tables that mean the same on every database: text is compared and ordered by its bytes, so that names that differ by
//! case, an accent or a trailing blank are different, and the order here is the order there.

use sea_orm_migration::{
    prelude::*,
    schema::{string_len, string_len_null, text, text_null},
    sea_orm::{ConnectionTrait, DbBackend, Statement},
};

/// A text that is compared or ordered.
pub(crate) fn key(manager: &SchemaManager<'_>, name: &'static str, length: u32) -> ColumnDef {
    bytewise(manager, string_len(name, length))
}

/// As [`key`], and it may be missing.
pub(crate) fn key_null(manager: &SchemaManager<'_>, name: &'static str, length: u32) -> ColumnDef {
    bytewise(manager, string_len_null(name, length))
}

/// By bytes, and not by a locale: the operating system's changes with its versions, which would leave an
/// index in another order than it was made in.
fn bytewise(manager: &SchemaManager<'_>, mut column: ColumnDef) -> ColumnDef {
    if manager.get_database_backend() == DbBackend::Postgres {
        column.extra("COLLATE \"C\"");
    }
    column
}

/// A text that may be longer than 64 KiB, which is all that `MySQL`'s `TEXT` holds.
pub(crate) fn long_text(manager: &SchemaManager<'_>, name: &'static str) -> ColumnDef {
    longer(manager, text(name))
}

/// As [`long_text`], and it may be missing.
pub(crate) fn long_text_null(manager: &SchemaManager<'_>, name: &'static str) -> ColumnDef {
    longer(manager, text_null(name))
}

fn longer(manager: &SchemaManager<'_>, mut column: ColumnDef) -> ColumnDef {
    if manager.get_database_backend() == DbBackend::MySql {
        column.custom("MEDIUMTEXT");
    }
    column
}

/// Makes a table with its indexes. On `MySQL`, where no transaction takes back a change to tables, it is
/// one statement, which may be run again: a start that was cut is made up for by the next.
pub(crate) async fn create(
    manager: &SchemaManager<'_>,
    mut table: TableCreateStatement,
    indexes: impl IntoIterator<Item = IndexCreateStatement>,
) -> Result<(), DbErr> {
    if manager.get_database_backend() != DbBackend::MySql {
        manager.create_table(table).await?;
        for index in indexes {
            manager.create_index(index).await?;
        }
        return Ok(());
    }
    table.if_not_exists().engine("InnoDB").character_set("utf8mb4").collate(collation(manager).await?);
    for mut index in indexes {
        table.index(&mut index);
    }
    manager.create_table(table).await
}

/// The collation that compares by bytes and heeds trailing blanks, which `utf8mb4_bin` does not. Each of
/// the two servers has one, by a name of its own.
async fn collation(manager: &SchemaManager<'_>) -> Result<&'static str, DbErr> {
    let question = Statement::from_string(DbBackend::MySql, "SELECT VERSION()");
    let answer = manager.get_connection().query_one_raw(question).await?;
    let version: String =
        answer.ok_or_else(|| DbErr::RecordNotFound("the server's version".into()))?.try_get_by_index(0)?;
    Ok(if version.contains("MariaDB") { "utf8mb4_nopad_bin" } else { "utf8mb4_0900_bin" })
}
