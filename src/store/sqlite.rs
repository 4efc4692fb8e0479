//! `SQLite`: one file, whose durability and whose checkpoints are this program's own.

use std::{path::PathBuf, sync::Arc, time::Duration};

use sea_orm::{
    ConnectOptions, ConnectionTrait, DbBackend, DbErr,
    sqlx::sqlite::{SqliteConnectOptions, SqliteError, SqliteJournalMode, SqliteSynchronous},
};

use super::{
    OpenError, connect,
    database_file::{self, DatabaseFile},
    kind::Kind,
    search::budget::Meter,
};
use crate::config::DatabaseUrl;

/// The length that the write-ahead log may reach before it is to start again at its beginning. So much of the file is
/// kept, since it costs less to write over it than to let it grow again.
pub(super) const LOG_BYTES: u64 = 16 * 1024 * 1024;
/// The number of connections that read. Readers don't block each other nor the writer (WAL).
const READERS: u32 = 4;
/// The time that the journal waits for another program that holds the file.
const PATIENCE: Duration = Duration::from_secs(5);
/// The time that another program waits for the journal, which may hold the file nearly all the time and lets nobody
/// else know when it is free.
const PATIENCE_BESIDE: Duration = Duration::from_secs(30);
/// The oldest without the WAL-reset corruption bug (<https://sqlite.org/wal.html#walresetbug>).
const MIN_VERSION: (u32, u32, u32) = (3, 51, 3);
/// The extended codes for a refused fsync of a file and of a directory (`SQLITE_IOERR_FSYNC`,
/// `SQLITE_IOERR_DIR_FSYNC`: <https://sqlite.org/rescode.html>).
const FSYNC_REFUSED: [u32; 2] = [1034, 1290];
/// After how many steps of its machine a search asks its meter: some microseconds.
const STEPS: i32 = 100;
/// The primary code of what a meter stopped.
const INTERRUPTED: u32 = 9;
/// The primary code for a broken constraint; the extended ones have it in their low byte.
const CONSTRAINT: u32 = 19;

/// Opens the file that a URL names, and takes its lock.
///
/// # Errors
/// [`OpenError::Url`] when it names none, [`OpenError::File`] when that file can't be used.
pub(super) fn open_file(url: &DatabaseUrl) -> Result<DatabaseFile, OpenError> {
    let (path, create) = named_file(url)?;
    Ok(DatabaseFile::open(&path, create)?)
}

/// Looks at the file that a URL names, without opening it or taking its lock: another process may have it.
///
/// # Errors
/// As [`open_file`]; and a file that is not there is never made.
pub(super) fn find_file(url: &DatabaseUrl) -> Result<(), OpenError> {
    let (path, _) = named_file(url)?;
    Ok(database_file::find(&path)?)
}

/// The file that a URL names, and whether it is to be made.
fn named_file(url: &DatabaseUrl) -> Result<(PathBuf, bool), OpenError> {
    let text = url.reveal();
    let refused = |why: &str| Err(OpenError::Url(format!("--database-url {url}: {why}")));
    if text.contains(":memory:") || text.contains("mode=memory") {
        return refused("the log has to survive a restart, name a file");
    }
    let options: SqliteConnectOptions =
        text.parse().map_err(|error| OpenError::Url(format!("--database-url {url}: {error}")))?;
    let mut create = false;
    let parameters = text.split_once('?').map_or("", |(_, parameters)| parameters);
    for (key, value) in url::form_urlencoded::parse(parameters.as_bytes()) {
        match (&*key, &*value) {
            ("mode", "rwc") => create = true,
            ("mode", "rw") => create = false,
            ("mode", _) => {
                return refused("Parlor writes to its database: `mode` is rw, or rwc to make a file that is not there");
            }
            // The others are for files that somebody else sees to: without locks, or never to change.
            _ => return refused(&format!("`{key}` is no parameter of it; there is only `mode`")),
        }
    }
    Ok((options.get_filename().to_owned(), create))
}

/// The one connection of the journal.
pub(super) fn writer(url: &DatabaseUrl, fsync: bool) -> ConnectOptions {
    writing(url, if fsync { SqliteSynchronous::Full } else { SqliteSynchronous::Off }, PATIENCE)
}

/// One by which a follower of the log writes, which can do so again from the log: its commits don't wait for
/// the disk.
pub(super) fn follower(url: &DatabaseUrl, fsync: bool) -> ConnectOptions {
    // It writes when it is its turn (`turn.rs`). Should another program hold the file then, the journal is
    // not to wait for its patience to end before it uses its own.
    writing(url, if fsync { SqliteSynchronous::Normal } else { SqliteSynchronous::Off }, Duration::ZERO)
}

/// One that writes beside the process that has the file. It never makes one.
pub(super) fn beside(url: &DatabaseUrl, fsync: bool) -> ConnectOptions {
    let synchronous = if fsync { SqliteSynchronous::Full } else { SqliteSynchronous::Off };
    let mut options = writing(url, synchronous, PATIENCE_BESIDE);
    options.map_sqlx_sqlite_opts(|sqlite| sqlite.create_if_missing(false));
    options
}

fn writing(url: &DatabaseUrl, synchronous: SqliteSynchronous, patience: Duration) -> ConnectOptions {
    let mut options = connect::options(url.reveal());
    options.max_connections(1).map_sqlx_sqlite_opts(move |sqlite| {
        sqlite
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(synchronous)
            .busy_timeout(patience)
            // Checkpoints are run by hand (`checkpoint.rs`): SQLite's automatic ones ignore the error
            // of an fsync, and would forget what the disk refused.
            .pragma("wal_autocheckpoint", "0")
            .pragma("journal_size_limit", LOG_BYTES.to_string())
            // What is deleted is overwritten, and not only forgotten.
            .pragma("secure_delete", "on")
            .pragma("temp_store", "memory")
    });
    options
}

/// The connections that read.
pub(super) fn readers(url: &DatabaseUrl) -> ConnectOptions {
    let mut options = connect::options(url.reveal());
    options.max_connections(READERS).map_sqlx_sqlite_opts(|sqlite| sqlite.read_only(true).create_if_missing(false));
    options
}

/// One that searches. `SQLite` asks the meter every now and then whether to go on.
pub(super) fn searcher(url: &DatabaseUrl, meter: Arc<Meter>) -> ConnectOptions {
    let mut options = readers(url);
    options.map_sqlx_sqlite_pool_opts(move |pool| {
        let meter = meter.clone();
        pool.after_connect(move |connection, _| {
            let handler = meter.clone().handler();
            Box::pin(async move {
                connection.lock_handle().await?.set_progress_handler(STEPS, handler);
                Ok(())
            })
        })
    });
    options
}

/// The reason why the database can't keep what it is given, if it can't.
pub(super) async fn unfit(db: &impl ConnectionTrait, fsync: bool) -> Result<Option<String>, DbErr> {
    let version: String = ask(db, "SELECT sqlite_version()").await?;
    if parse_version(&version) < Some(MIN_VERSION) {
        return Ok(Some(format!("SQLite {version} can corrupt a write-ahead log; 3.51.3 is the oldest that can't")));
    }
    let (journal_mode, synchronous) = durability(db).await?;
    let expected = if fsync { 2 } else { 0 };
    Ok((journal_mode != "wal" || synchronous != expected).then(|| {
        format!(
            "it answers journal_mode={journal_mode}, synchronous={synchronous} where wal and {expected} are needed \
             (a network file system can't do WAL)"
        )
    }))
}

/// The connection's own `journal_mode` and `synchronous`.
pub(super) async fn durability(db: &impl ConnectionTrait) -> Result<(String, i32), DbErr> {
    Ok((ask(db, "PRAGMA journal_mode").await?, ask(db, "PRAGMA synchronous").await?))
}

/// Moves what the write-ahead log holds into the database file, as far as nobody reads from there, while others write.
pub(super) async fn checkpoint(db: &impl ConnectionTrait) -> Result<(), DbErr> {
    ask::<i32>(db, "PRAGMA wal_checkpoint(PASSIVE)").await?;
    Ok(())
}

/// Moves all of it, so that the log starts again at its beginning with the next commit. Those who read from it are
/// waited for, for so long; returns false if some still do. Nobody may write meanwhile.
pub(super) async fn restart_log(db: &impl ConnectionTrait, patience: Duration) -> Result<bool, DbErr> {
    db.execute_unprepared(&format!("PRAGMA busy_timeout = {}", patience.as_millis())).await?;
    let is_busy: i32 = ask(db, "PRAGMA wal_checkpoint(RESTART)").await?;
    Ok(is_busy == 0)
}

/// Moves all of it, leaving the log empty, and not with what was deleted until something else is written in
/// its place. Returns false if somebody else held the file for all of this connection's patience.
pub(super) async fn last_checkpoint(db: &impl ConnectionTrait) -> Result<bool, DbErr> {
    let is_busy: i32 = ask(db, "PRAGMA wal_checkpoint(TRUNCATE)").await?;
    Ok(is_busy == 0)
}

/// The kind of an error.
pub(super) fn kind(error: &SqliteError) -> Kind {
    use sea_orm::sqlx::error::DatabaseError as _;

    match error.code().and_then(|code| code.parse::<u32>().ok()) {
        Some(code) if FSYNC_REFUSED.contains(&code) => Kind::FsyncRefused,
        Some(code) if code & 0xff == CONSTRAINT => Kind::Rejected,
        Some(code) if code & 0xff == INTERRUPTED => Kind::Interrupted,
        _ => Kind::Out,
    }
}

async fn ask<T: sea_orm::TryGetable>(db: &impl ConnectionTrait, sql: &str) -> Result<T, DbErr> {
    connect::ask(db, DbBackend::Sqlite, sql).await
}

fn parse_version(text: &str) -> Option<(u32, u32, u32)> {
    let mut parts = text.split('.').map(|part| part.parse().ok());
    Some((parts.next()??, parts.next()??, parts.next().flatten().unwrap_or(0)))
}
