//! Which database it is: what differs between them is asked for here, and kept in a file of each.

use std::{fmt, sync::Arc, time::Duration};

use sea_orm::{
    ConnectOptions, ConnectionTrait, DbBackend, DbErr, RuntimeErr, Statement,
    sqlx::{mysql::MySqlConnectOptions, postgres::PgConnectOptions},
};

use super::{
    OpenError,
    connect::{Connects, in_time},
    database_file::DatabaseFile,
    deadline::{Timed, in_time as in_time_at_most},
    mysql, postgres,
    search::budget::Meter,
    sqlite,
};
use crate::config::{DatabaseUrl, StoreConfig};

/// The time that a server's answer is waited for; it would have given up before.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
/// The time that connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// The time that a reader waits for a connection before the read is refused.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(3);
/// The time between two questions to a server whether it is there, while there is nothing to write.
const HEARTBEAT: Duration = Duration::from_secs(5);

/// A database, and how it is opened.
#[derive(Clone)]
pub(super) enum Backend {
    /// A file, whether its disk is waited for, and the lock on it, which outlives every connection; none beside the
    /// process that has it.
    Sqlite { url: DatabaseUrl, fsync: bool, file: Option<Arc<DatabaseFile>> },
    /// A server.
    Postgres(Box<PgConnectOptions>),
    /// A server.
    MySql(Box<MySqlConnectOptions>),
}

impl fmt::Debug for Backend {
    // A server's options hold its password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.kind())
    }
}

impl Backend {
    /// The database of a URL. Of a file the lock is taken, before `SQLite` opens it.
    ///
    /// # Errors
    /// [`OpenError::Url`] when it names none, [`OpenError::File`] when it names a file that can't be used.
    pub(super) fn of(config: &StoreConfig) -> Result<Self, OpenError> {
        Self::with_file(config, |url| Ok(Some(Arc::new(sqlite::open_file(url)?))))
    }

    /// The same beside the process that serves it: a file has to be there, and no lock is taken.
    ///
    /// # Errors
    /// As [`Backend::of`].
    pub(super) fn beside(config: &StoreConfig) -> Result<Self, OpenError> {
        Self::with_file(config, |url| sqlite::find_file(url).map(|()| None))
    }

    fn with_file(
        config: &StoreConfig,
        file: impl FnOnce(&DatabaseUrl) -> Result<Option<Arc<DatabaseFile>>, OpenError>,
    ) -> Result<Self, OpenError> {
        let url = &config.url;
        match url.scheme() {
            "sqlite" => Ok(Self::Sqlite { url: url.clone(), fsync: config.fsync, file: file(url)? }),
            "postgres" | "postgresql" => Ok(Self::Postgres(Box::new(postgres::parse(url)?))),
            "mysql" | "mariadb" => Ok(Self::MySql(Box::new(mysql::parse(url)?))),
            _ => Err(OpenError::Url(format!(
                "--database-url {url}: begin with sqlite://, postgres:// or mysql://, as in sqlite://parlor.db?mode=rwc"
            ))),
        }
    }

    fn kind(&self) -> DbBackend {
        match self {
            Self::Sqlite { .. } => DbBackend::Sqlite,
            Self::Postgres(_) => DbBackend::Postgres,
            Self::MySql(_) => DbBackend::MySql,
        }
    }

    pub(super) fn is_server(&self) -> bool {
        !matches!(self, Self::Sqlite { .. })
    }

    /// The open file, if it is one and this process has it.
    pub(super) fn file(&self) -> Option<Arc<DatabaseFile>> {
        match self {
            Self::Sqlite { file, .. } => file.clone(),
            Self::Postgres(_) | Self::MySql(_) => None,
        }
    }

    /// The advice for a database that can't be opened.
    pub(super) fn advice(&self) -> &'static str {
        if self.is_server() {
            "see that the server runs, that the URL names its address, a user, the password and a database that is there, and that this user may make tables in it"
        } else {
            "see that it is a database of Parlor's, that its folder can be written, and that no other program has it locked"
        }
    }

    /// The time between two questions to a database that may go away, while there is nothing to write.
    pub(super) fn heartbeat(&self) -> Option<Duration> {
        self.is_server().then_some(HEARTBEAT)
    }

    /// Connects for writing. A server is connected to once before, to learn exactly why it can't be
    /// done.
    pub(super) async fn connect_writer(&self, connects: Connects) -> Result<Timed<sea_orm::DatabaseConnection>, DbErr> {
        self.reach().await?;
        let mut options = match self {
            Self::Sqlite { url, fsync, .. } => sqlite::writer(url, *fsync),
            Self::Postgres(server) => postgres::writer(server, connects),
            Self::MySql(server) => mysql::writer(server, connects),
        };
        if self.is_server() {
            options.acquire_timeout(CONNECT_TIMEOUT);
        }
        self.connect(options, self.answer_timeout()).await
    }

    /// Connects to a server once. A file needs no such try.
    ///
    /// # Errors
    /// The exact reason why it can't be done, which a pool would try again for long.
    pub(super) async fn reach(&self) -> Result<(), DbErr> {
        let reached = match self {
            Self::Sqlite { .. } => Ok(()),
            Self::Postgres(server) => in_time(CONNECT_TIMEOUT, Box::pin(postgres::reach(server))).await,
            Self::MySql(server) => in_time(CONNECT_TIMEOUT, Box::pin(mysql::reach(server))).await,
        };
        reached.map_err(|error| DbErr::Conn(RuntimeErr::SqlxError(Arc::new(error))))
    }

    /// Connects for making tables, which may take its time.
    pub(super) async fn connect_migrator(&self) -> Result<Timed<sea_orm::DatabaseConnection>, DbErr> {
        let options = match self {
            Self::Sqlite { url, fsync, .. } => sqlite::writer(url, *fsync),
            Self::Postgres(server) => postgres::migrator(server),
            Self::MySql(server) => mysql::migrator(server),
        };
        self.connect(options, None).await
    }

    /// Connects for a follower of the log, without the lock that the journal has.
    pub(super) async fn connect_follower(&self) -> Result<Timed<sea_orm::DatabaseConnection>, DbErr> {
        let options = match self {
            Self::Sqlite { url, fsync, .. } => sqlite::follower(url, *fsync),
            Self::Postgres(server) => postgres::writer(server, Connects::default()),
            Self::MySql(server) => mysql::follower(server),
        };
        self.connect(options, self.answer_timeout()).await
    }

    /// Connects for writing users and keys beside the journal, whose lock it does not need.
    pub(super) async fn connect_identity_writer(&self) -> Result<Timed<sea_orm::DatabaseConnection>, DbErr> {
        let options = match self {
            Self::Sqlite { url, fsync, file: None } => sqlite::beside(url, *fsync),
            Self::Sqlite { url, fsync, .. } => sqlite::writer(url, *fsync),
            Self::Postgres(server) => postgres::writer(server, Connects::default()),
            Self::MySql(server) => mysql::follower(server),
        };
        self.connect(options, self.answer_timeout()).await
    }

    /// Connects for reading.
    pub(super) async fn connect_readers(&self) -> Result<Timed<sea_orm::DatabaseConnection>, DbErr> {
        let mut options = match self {
            Self::Sqlite { url, .. } => sqlite::readers(url),
            Self::Postgres(server) => postgres::readers(server),
            Self::MySql(server) => mysql::readers(server),
        };
        options.acquire_timeout(ACQUIRE_TIMEOUT);
        self.connect(options, self.answer_timeout()).await
    }

    /// Connects for searching. A file stops working for a search when its meter says so,
    /// a server after `limit` for each statement.
    pub(super) async fn connect_searcher(
        &self,
        meter: Arc<Meter>,
        limit: Duration,
    ) -> Result<Timed<sea_orm::DatabaseConnection>, DbErr> {
        let mut options = match self {
            Self::Sqlite { url, .. } => sqlite::searcher(url, meter),
            Self::Postgres(server) => postgres::searcher(server, limit),
            Self::MySql(server) => mysql::searcher(server, limit),
        };
        options.max_connections(1).connect_lazy(true).acquire_timeout(ACQUIRE_TIMEOUT);
        self.connect(options, self.answer_timeout()).await
    }

    async fn connect(
        &self,
        options: ConnectOptions,
        limit: Option<Duration>,
    ) -> Result<Timed<sea_orm::DatabaseConnection>, DbErr> {
        // Boxed, as connecting is a large thing to hold and done once.
        let db = in_time_at_most(limit, Box::pin(sea_orm::Database::connect(options))).await?;
        Ok(Timed::new(db, self.kind(), limit))
    }

    /// The time that an answer is waited for; a file answers or fails.
    pub(super) fn answer_timeout(&self) -> Option<Duration> {
        self.is_server().then_some(ANSWER_TIMEOUT)
    }

    /// Returns true if this session has the lock under which nodes start and tables are made; it is taken if it is
    /// free. A file has a lock of its own (`database_file.rs`), for as long as it is open.
    pub(super) async fn try_lock_start(&self, db: &impl ConnectionTrait) -> Result<bool, DbErr> {
        match self {
            Self::Sqlite { .. } => Ok(true),
            Self::Postgres(_) => postgres::try_lock_start(db).await,
            Self::MySql(_) => mysql::try_lock_start(db).await,
        }
    }

    /// Lets go of the lock under which nodes start.
    pub(super) async fn unlock_start(&self, db: &impl ConnectionTrait) -> Result<(), DbErr> {
        match self {
            Self::Sqlite { .. } => Ok(()),
            Self::Postgres(_) => postgres::unlock_start(db).await,
            Self::MySql(_) => mysql::unlock_start(db).await,
        }
    }

    /// Returns true if this session has the lock of a node's name, which says that the node lives; it is taken if it
    /// is free.
    pub(super) async fn try_lock_node(&self, db: &impl ConnectionTrait, node: &str) -> Result<bool, DbErr> {
        match self {
            Self::Sqlite { .. } => Ok(true),
            Self::Postgres(_) => postgres::try_lock_node(db, node).await,
            Self::MySql(_) => mysql::try_lock_node(db, node).await,
        }
    }

    /// The names of nodes that have a row and no longer a session. Whoever has a file has one for ever.
    pub(super) async fn ended_nodes(&self, db: &impl ConnectionTrait) -> Result<Vec<String>, DbErr> {
        let question = match self {
            Self::Sqlite { .. } => return Ok(Vec::new()),
            Self::Postgres(_) => postgres::ended_nodes(),
            Self::MySql(_) => mysql::ended_nodes(),
        };
        let rows = db.query_all_raw(Statement::from_string(self.kind(), question)).await?;
        rows.iter().map(|row| row.try_get_by_index(0)).collect()
    }

    /// The reason why the database can't keep what it is given, if it can't.
    pub(super) async fn unfit(&self, db: &impl ConnectionTrait) -> Result<Option<String>, DbErr> {
        match self {
            Self::Sqlite { fsync, .. } => sqlite::unfit(db, *fsync).await,
            Self::Postgres(_) => postgres::unfit(db).await,
            Self::MySql(_) => mysql::unfit(db).await,
        }
    }
}
