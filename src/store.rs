//! The database: all SQL is in here, and nothing leaves it but domain types.
//!
//! One writer connection, owned by the journal, one that writes the index of search behind it, and a few
//! readers for everybody else. Every read of a log takes the room's head first and bounds its ranges by
//! it: each id up to the head is committed, so what is read has no gap however much is written meanwhile.

use std::{path::PathBuf, time::Duration};

use migration::{Migrator, MigratorTrait};
use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbBackend, Statement,
    sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};

pub mod changed;
pub mod changes;
mod database_file;
mod entity;
pub mod error;
pub mod health;
pub mod lock_file;
pub mod log;
pub mod messages;
pub mod reads;
pub mod rooms;
pub mod search;
pub mod settings;
pub mod turn;
pub mod writer;

use crate::config::StoreConfig;
use database_file::DatabaseFile;
use error::StoreError;
use lock_file::{LockError, LockFile};
use search::index::Index;
use turn::Turns;
use writer::Writer;

/// How many connections read. `SQLite`'s readers don't block each other nor the writer (WAL).
const READERS: u32 = 4;
/// How long a reader waits for a connection before the read is refused.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(3);
/// The oldest `SQLite` without the WAL-reset corruption bug (<https://sqlite.org/wal.html#walresetbug>).
const MIN_SQLITE: (u32, u32, u32) = (3, 51, 3);

/// Why the database can't be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The URL names no database this program can use.
    #[error("{0}")]
    Url(String),
    /// The lock file says that another process has it.
    #[error(transparent)]
    Locked(#[from] LockError),
    /// The database can't be reached or read.
    #[error("can't open the database {url}: {error}")]
    Database {
        /// Which.
        url: String,
        /// What it says.
        error: sea_orm::DbErr,
    },
    /// The tables are older than the program, and migrating was refused.
    #[error("the database {0} is not migrated: run `parlor migrate`, or start without --migrate=false")]
    NotMigrated(String),
    /// The database does not do what durability needs.
    #[error("the database {url} is not usable: {why}")]
    Unfit {
        /// Which.
        url: String,
        /// Why not.
        why: String,
    },
}

/// The readers. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    readers: DatabaseConnection,
}

/// An open database.
#[derive(Debug)]
pub struct Opened {
    /// For everybody who reads.
    pub store: Store,
    /// For the journal.
    pub writer: Writer,
    /// For whoever keeps the index of search behind the log.
    pub index: Index,
    /// Keeps other processes out while it lives.
    pub lock: LockFile,
}

impl Store {
    /// Opens the database: takes the lock, connects, migrates, and checks that it keeps what is
    /// committed.
    ///
    /// # Errors
    /// [`OpenError`], with what to try.
    pub async fn open(config: &StoreConfig) -> Result<Opened, OpenError> {
        let path = file_of(&config.url)?;
        let lock = LockFile::take(&path)?;
        let failed = |error| OpenError::Database { url: config.url.clone(), error };

        let fsync = config.fsync;
        let options = write_options(&config.url, if fsync { SqliteSynchronous::Full } else { SqliteSynchronous::Off });
        let writer = Database::connect(options.clone()).await.map_err(failed)?;

        let pending = Migrator::get_pending_migrations(&writer).await.map_err(failed)?;
        if !pending.is_empty() {
            if !config.migrate {
                return Err(OpenError::NotMigrated(config.url.clone()));
            }
            Migrator::up(&writer, None).await.map_err(failed)?;
        }

        let unfit = |why| OpenError::Unfit { url: config.url.clone(), why };
        let version = text(&writer, "SELECT sqlite_version() AS answer").await.map_err(failed)?;
        if parse_version(&version) < Some(MIN_SQLITE) {
            return Err(unfit(format!(
                "SQLite {version} can corrupt a write-ahead log; 3.51.3 is the oldest that can't"
            )));
        }
        let file = DatabaseFile::at(path).map_err(|error| unfit(error.to_string()))?;
        let turns = Turns::default();
        let writer = Writer::new(writer, options, file.clone(), turns.clone()).await.map_err(failed)?;
        let (journal_mode, synchronous) = writer.durability().await.map_err(failed)?;
        let expected = if fsync { 2 } else { 0 };
        if journal_mode != "wal" || synchronous != expected {
            return Err(unfit(format!(
                "it answers journal_mode={journal_mode}, synchronous={synchronous} where wal and {expected} are needed \
                 (a network file system can't do WAL)"
            )));
        }

        // The index can be made again from the log: its commits don't wait for the disk.
        let options =
            write_options(&config.url, if fsync { SqliteSynchronous::Normal } else { SqliteSynchronous::Off });
        let index = Database::connect(options.clone()).await.map_err(failed)?;
        let index = Index::new(index, options, file, turns);

        let mut options = base_options(&config.url);
        options
            .max_connections(READERS)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .map_sqlx_sqlite_opts(|sqlite| sqlite.read_only(true).create_if_missing(false));
        let readers = Database::connect(options).await.map_err(failed)?;
        Ok(Opened { store: Self { readers }, writer, index, lock })
    }

    /// Brings the tables of a database up to this program's, and closes it.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub async fn migrate(config: &StoreConfig) -> Result<(), OpenError> {
        let opened = Self::open(&StoreConfig { migrate: true, ..config.clone() }).await?;
        opened.store.close().await;
        opened.index.close().await;
        opened.writer.close().await;
        Ok(())
    }

    /// Closes the readers.
    pub async fn close(&self) {
        if let Err(error) = self.readers.clone().close().await {
            tracing::warn!(%error, "closing the database's readers failed");
        }
    }
}

fn base_options(url: &str) -> ConnectOptions {
    let mut options = ConnectOptions::new(url);
    options
        // Never log statements: their values are what people wrote.
        .sqlx_logging(false)
        .test_before_acquire(false)
        .idle_timeout(None)
        .max_lifetime(None);
    options
}

/// One connection that writes.
fn write_options(url: &str, synchronous: SqliteSynchronous) -> ConnectOptions {
    let mut options = base_options(url);
    options.max_connections(1).map_sqlx_sqlite_opts(move |sqlite| {
        sqlite
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(synchronous)
            // The checkpoints are run by hand: SQLite's automatic ones ignore the error of an fsync, and
            // would forget what the disk refused.
            .pragma("wal_autocheckpoint", "0")
            // What is deleted is overwritten, not only let go.
            .pragma("secure_delete", "ON")
            .pragma("journal_size_limit", "16777216")
            .pragma("temp_store", "memory")
    });
    options
}

/// The file a URL names.
fn file_of(url: &str) -> Result<PathBuf, OpenError> {
    if !url.starts_with("sqlite:") {
        return Err(OpenError::Url(format!(
            "--database-url {url}: this version stores in SQLite only, as in sqlite://parlor.db?mode=rwc"
        )));
    }
    if url.contains(":memory:") || url.contains("mode=memory") {
        return Err(OpenError::Url(format!("--database-url {url}: the log has to survive a restart, name a file")));
    }
    let options: SqliteConnectOptions =
        url.parse().map_err(|error| OpenError::Url(format!("--database-url {url}: {error}")))?;
    Ok(options.get_filename().to_owned())
}

/// The answer of a question whose only column is `answer`, as text.
async fn text(db: &impl ConnectionTrait, sql: &str) -> Result<String, sea_orm::DbErr> {
    let row = db.query_one_raw(Statement::from_string(DbBackend::Sqlite, sql)).await?;
    row.ok_or_else(|| sea_orm::DbErr::RecordNotFound(sql.to_owned()))?.try_get("", "answer")
}

fn parse_version(text: &str) -> Option<(u32, u32, u32)> {
    let mut parts = text.split('.').map(|part| part.parse().ok());
    Some((parts.next()??, parts.next()??, parts.next().flatten().unwrap_or(0)))
}

impl From<OpenError> for StoreError {
    fn from(error: OpenError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_writer_waits_for_the_disk_unless_told_otherwise() {
        for (fsync, synchronous) in [(true, 2), (false, 0)] {
            let folder = tempfile::tempdir().unwrap();
            let url = format!("sqlite://{}?mode=rwc", folder.path().join("parlor.db").display());
            let opened = Store::open(&StoreConfig { url, fsync, migrate: true }).await.unwrap();
            assert_eq!(opened.writer.durability().await.unwrap(), ("wal".to_owned(), synchronous));
        }
    }

    #[tokio::test]
    async fn a_transaction_has_the_right_to_write_before_it_reads_and_a_reader_never_has() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}?mode=rwc", folder.path().join("parlor.db").display());
        let opened = Store::open(&StoreConfig { url: url.clone(), fsync: true, migrate: true }).await.unwrap();
        let mut options = base_options(&url);
        options.max_connections(1).map_sqlx_sqlite_opts(|sqlite| sqlite.busy_timeout(std::time::Duration::ZERO));
        let other = Database::connect(options).await.unwrap();

        let transaction = opened.writer.begin().await.unwrap();
        let refused = other.execute_unprepared("BEGIN IMMEDIATE").await.unwrap_err();
        assert!(refused.to_string().contains("locked"), "{refused}");
        transaction.rollback().await.unwrap();
        other.execute_unprepared("BEGIN IMMEDIATE").await.unwrap();
        other.execute_unprepared("ROLLBACK").await.unwrap();

        let refused = opened.store.readers.execute_unprepared("DELETE FROM room").await.unwrap_err();
        assert!(refused.to_string().contains("readonly"), "{refused}");
    }

    #[tokio::test]
    async fn a_url_that_names_no_file_is_refused() {
        for url in ["postgres://localhost/parlor", "sqlite::memory:", "sqlite://x?mode=memory", "sqlite://x?nonsense=1"]
        {
            let config = StoreConfig { url: url.into(), fsync: true, migrate: true };
            assert!(matches!(Store::open(&config).await, Err(OpenError::Url(_))), "{url}");
        }
    }
}
