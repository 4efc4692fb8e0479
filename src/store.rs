//! The database: all SQL is in here, and nothing leaves it but domain types.
//!
//! One writer connection, owned by the journal, one for each follower of the log that writes behind it, and
//! a few readers for everybody else. Every read of a log takes the room's head first and bounds its ranges by
//! it: each id up to the head is committed, so what is read has no gap however much is written meanwhile.

use std::{sync::Arc, time::Duration};

use migration::{Migrator, MigratorTrait};
use sea_orm::{DatabaseConnection, DbErr};
use tokio::time::timeout;

pub mod audit;
mod backend;
mod beside;
pub mod changes;
pub mod checkpoint;
mod connect;
pub mod database_file;
pub(crate) mod deadline;
mod entity;
mod erasure;
pub mod error;
#[cfg(test)]
pub(crate) mod faults;
pub mod follower;
pub mod health;
pub mod identity;
mod incarnation;
mod kind;
pub mod last_posts;
pub mod log;
pub mod members;
pub mod message_history;
pub mod messages;
pub mod metadata;
mod mysql;
mod pieces;
mod postgres;
pub mod read_cursors;
pub mod room_write;
pub mod rooms;
pub mod search;
mod session;
mod sqlite;
mod standings;
pub mod transaction;
pub mod turn;
pub mod users;
pub mod writer;

use crate::{
    clock::Clock,
    config::{DatabaseUrl, StoreConfig},
};
use backend::Backend;
use checkpoint::Checkpointer;
use database_file::{DatabaseFile, FileError};
use deadline::Timed;
use error::StoreError;
use follower::Followers;
use identity::IdentityWriter;
pub use incarnation::BatchId;
use search::{budget::SearchLimits, searchers::Searchers};
pub use session::Nodes;
use session::{LOCK_WAIT, NoSession, Starting};
use standings::Standings;
use turn::Turns;
use writer::Writer;

/// The time that the readers have to end in order.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// The reasons why the database can't be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The URL names no database this program can use.
    #[error("{0}")]
    Url(String),
    /// The settings of identity can't be used with this database, or their keys not be read.
    #[error("{0}")]
    Identity(String),
    /// The file can't be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// The database can't be reached or read.
    #[error("can't open the database {url}: {error}; {advice}")]
    Database {
        /// Which.
        url: DatabaseUrl,
        /// The database's error.
        error: sea_orm::DbErr,
        /// The advice.
        advice: &'static str,
    },
    /// A follower of the log can't connect to it.
    #[error("can't open the database {url} for a follower of the log: {error}")]
    Follower {
        /// Which.
        url: DatabaseUrl,
        /// The store's error.
        error: StoreError,
    },
    /// The database can't be read before anything is served.
    #[error("can't read the database {url}: {error}")]
    Reading {
        /// Which.
        url: DatabaseUrl,
        /// The store's error.
        error: StoreError,
    },
    /// Another process serves it.
    #[error("{url}: {in_use}; stop it, or give --database-url another database", in_use = OpenError::IN_USE)]
    InUse {
        /// Which.
        url: DatabaseUrl,
    },
    /// The tables are older than the program, and migrating was refused.
    #[error("the database {0} is not migrated: run `parlor migrate`, or start without --migrate=false")]
    NotMigrated(DatabaseUrl),
    /// The database does not do what durability needs.
    #[error("the database {url} is not usable: {why}")]
    Unfit {
        /// Which.
        url: DatabaseUrl,
        /// The reason.
        why: String,
    },
}

impl OpenError {
    /// Said of a database whose lock somebody else has.
    pub(in crate::store) const IN_USE: &str =
        "another parlor has this database, and several nodes on one need a broker, which this version does not have";
}

/// The readers. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    readers: Timed<DatabaseConnection>,
    searchers: Arc<Searchers>,
    standings: Standings,
    /// Dropped after its connections.
    #[cfg_attr(not(test), expect(dead_code, reason = "what is open is what counts"))]
    file: Option<Arc<DatabaseFile>>,
}

/// An open database.
#[derive(Debug)]
pub struct Opened {
    /// For everybody who reads.
    pub store: Store,
    /// For the journal.
    pub writer: Writer,
    /// For those who follow the log.
    pub followers: Followers,
    /// For whoever makes users and keys, or takes something from them.
    pub identity: IdentityWriter,
}

impl Store {
    /// Opens the database for the one process that serves it: takes its locks, connects, migrates, and checks that it
    /// keeps what is committed.
    ///
    /// # Errors
    /// [`OpenError`], with what to try.
    pub async fn open(config: &StoreConfig) -> Result<Opened, OpenError> {
        Self::open_among(config, Nodes::One).await
    }

    /// As [`Store::open`], for one of so many nodes. A file never has more than one.
    ///
    /// # Errors
    /// [`OpenError`], with what to try.
    pub async fn open_among(config: &StoreConfig, nodes: Nodes) -> Result<Opened, OpenError> {
        let backend = Backend::of(config)?;
        let url = &config.url;
        let advice = backend.advice();
        let failed = |error| OpenError::Database { url: url.clone(), error, advice };

        let starting = Starting::open(&backend, nodes, LOCK_WAIT).await.map_err(|error| match error {
            NoSession::Out(error) => failed(error),
            NoSession::Locked => OpenError::InUse { url: url.clone() },
        })?;
        if let Some(why) = backend.unfit(starting.db()).await.map_err(failed)? {
            return Err(OpenError::Unfit { url: url.clone(), why });
        }
        migrate(&backend, starting.db(), config).await?;
        incarnation::forget_the_ended(&backend, starting.db(), Clock::system().now()).await.map_err(failed)?;
        let session = starting.begin().await.map_err(failed)?;
        let turns = Turns::new(!backend.is_server());
        let checkpointer = Checkpointer::open(&backend, turns.clone()).await.map_err(failed)?;
        let standings = Standings::new();
        let writer = Writer::new(session, standings.clone(), turns.clone(), checkpointer, config.revisions);
        let writer = writer.await.map_err(failed)?;
        let file = backend.file();
        if let Some(file) = &file {
            // SQLite has made it by now: the writer has read.
            file.note_log().map_err(|error| failed(DbErr::Custom(format!("its write-ahead log: {error}"))))?;
        }
        let identity = IdentityWriter::new(&backend, turns.clone());
        let followers = Followers::new(&backend, turns);
        let readers = backend.connect_readers().await.map_err(failed)?;
        let searchers = Searchers::new(&backend, SearchLimits::default()).await.map_err(failed)?;
        writer.started().await.map_err(failed)?;
        Ok(Opened { store: Self { readers, searchers, standings, file }, writer, followers, identity })
    }

    /// Brings the tables of a database up to this program's, and closes it.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub async fn migrate(config: &StoreConfig) -> Result<(), OpenError> {
        let opened = Self::open(&StoreConfig { migrate: true, ..config.clone() }).await?;
        opened.store.close().await;
        opened.writer.close().await;
        Ok(())
    }

    /// The same readers, and searches with other bounds.
    #[cfg(test)]
    pub(crate) async fn with_search_limits(&self, url: &DatabaseUrl, limits: SearchLimits) -> Self {
        // Opened by its URL, the file would be found locked: by this process.
        let backend = Backend::Sqlite { url: url.clone(), fsync: false, file: self.file.clone() };
        let searchers = Searchers::new(&backend, limits).await.unwrap();
        Self { readers: self.readers.clone(), searchers, standings: Standings::new(), file: self.file.clone() }
    }

    /// Closes the readers.
    pub async fn close(&self) {
        self.searchers.close().await;
        match timeout(CLOSE_TIMEOUT, self.readers.inner().clone().close()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "closing the database's readers failed"),
            Err(_) => tracing::warn!("the database's readers did not end in time"),
        }
    }
}

/// Makes the tables that this version needs and the database has not. The writer's session has the
/// lock meanwhile, so that two processes that start together don't make them twice.
async fn migrate(backend: &Backend, db: &Timed<DatabaseConnection>, config: &StoreConfig) -> Result<(), OpenError> {
    let advice = backend.advice();
    let failed = |error| OpenError::Database { url: config.url.clone(), error, advice };
    if Migrator::get_pending_migrations_read_only(db).await.map_err(failed)?.is_empty() {
        return Ok(());
    }
    if !config.migrate {
        return Err(OpenError::NotMigrated(config.url.clone()));
    }
    let migrator = backend.connect_migrator().await.map_err(failed)?.into_inner();
    let migrated = Migrator::up(&migrator, None).await.map_err(failed);
    if let Err(error) = migrator.close().await {
        tracing::warn!(%error, "closing the connection that made the tables failed");
    }
    migrated
}

#[cfg(test)]
mod tests {
    use sea_orm::{ConnectOptions, ConnectionTrait, Database, TransactionTrait};

    use super::*;
    use crate::domain::name::RoomName;

    #[tokio::test]
    async fn the_writer_waits_for_the_disk_unless_told_otherwise() {
        for (fsync, synchronous) in [(true, 2), (false, 0)] {
            let folder = tempfile::tempdir().unwrap();
            let url = format!("sqlite://{}?mode=rwc", folder.path().join("parlor.db").display());
            let backend = Backend::of(&StoreConfig { url: url.into(), fsync, migrate: true, revisions: 100 }).unwrap();
            let session = Starting::open(&backend, Nodes::One, LOCK_WAIT).await.unwrap();
            assert_eq!(sqlite::durability(session.db()).await.unwrap(), ("wal".to_owned(), synchronous));
        }
    }

    #[tokio::test]
    async fn a_transaction_has_the_right_to_write_before_it_reads_and_a_reader_never_has() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}?mode=rwc", folder.path().join("parlor.db").display());
        let opened = Store::open(&StoreConfig { url: url.clone().into(), fsync: true, migrate: true, revisions: 100 })
            .await
            .unwrap();
        let mut options = ConnectOptions::new(url);
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
    async fn who_reads_waits_neither_for_who_writes_nor_for_who_reads() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}?mode=rwc", folder.path().join("parlor.db").display());
        let opened =
            Store::open(&StoreConfig { url: url.into(), fsync: true, migrate: true, revisions: 100 }).await.unwrap();
        let writing = opened.writer.begin().await.unwrap();
        let reading = opened.store.readers.inner().begin().await.unwrap();
        reading.execute_unprepared("SELECT count(*) FROM room").await.unwrap();
        let name = RoomName::parse("general").unwrap();
        assert!(timeout(CLOSE_TIMEOUT, opened.store.room(&name)).await.unwrap().unwrap().is_none());
        reading.rollback().await.unwrap();
        writing.rollback().await.unwrap();
    }

    #[tokio::test]
    async fn a_url_that_names_no_database_is_refused_without_its_password() {
        for url in [
            "nonsense",
            "oracle://alice:secret@localhost/parlor",
            "sqlite::memory:",
            "sqlite://x?mode=memory",
            "sqlite://x?nonsense=1",
            "postgres://alice:secret@localhost/parlor?nonsense=1",
            "postgres://alice:secret@localhost/parlor?sslmode=nonsense",
            "postgres://alice:secret@localhost:port/parlor",
            "mysql://alice:secret@localhost",
            "mysql://alice:secret@localhost/parlor?charset=latin1",
        ] {
            let config = StoreConfig { url: url.to_owned().into(), fsync: true, migrate: true, revisions: 100 };
            match Store::open(&config).await {
                Err(OpenError::Url(why)) => assert!(why.contains("--database-url") && !why.contains("secret"), "{why}"),
                other => panic!("{url}: {other:?}"),
            }
        }
    }
}
