//! The one connection that writes, and the locks under which it does. Nodes start one after the other, and tables are
//! made, under the start lock; each node has the lock of its own name while its session lasts.

use std::{sync::Arc, time::Duration};

use sea_orm::{
    ConnectionTrait as _, DatabaseConnection, DatabaseTransaction, DbErr, SqliteTransactionMode, TransactionOptions,
    TransactionTrait as _,
};
use tokio::time::{Instant, sleep, timeout};

use super::{
    OpenError, backend::Backend, connect::Connects, database_file::DatabaseFile, deadline::Timed, error::StoreError,
    incarnation::Incarnation, sqlite,
};

/// The time that the lock is waited for at start: a server takes a moment to notice that a process ended.
pub(super) const LOCK_WAIT: Duration = Duration::from_secs(5);
/// The time that it is waited for when the connection is made again; who has it then keeps it.
const LOCK_WAIT_AGAIN: Duration = Duration::from_secs(1);
/// The time between two tries.
const LOCK_STEP: Duration = Duration::from_millis(50);
/// The time that a connection has to end in order.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// The number of nodes that one database may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nodes {
    /// One: it keeps the start lock, so that no other starts.
    One,
    /// Several: each lets go of the start lock once it has started.
    Several,
}

/// A connection that has the start lock, and the tables may not be there yet.
#[derive(Debug)]
pub(super) struct Starting {
    backend: Backend,
    nodes: Nodes,
    db: Timed<DatabaseConnection>,
    connects: Connects,
}

/// The connection that writes.
#[derive(Debug)]
pub(super) struct Session {
    backend: Backend,
    nodes: Nodes,
    db: Timed<DatabaseConnection>,
    connects: Connects,
    incarnation: Arc<Incarnation>,
    /// The file, if it is one.
    file: Option<Arc<DatabaseFile>>,
}

/// The reasons why there is no session.
#[derive(Debug)]
pub(super) enum NoSession {
    /// The database can't be reached.
    Out(DbErr),
    /// Another process has the lock.
    Locked,
}

impl From<DbErr> for NoSession {
    fn from(error: DbErr) -> Self {
        Self::Out(error)
    }
}

impl Starting {
    /// Connects, and takes the start lock.
    pub(super) async fn open(backend: &Backend, nodes: Nodes, lock_wait: Duration) -> Result<Self, NoSession> {
        let connects = Connects::default();
        let db = backend.connect_writer(connects.clone()).await?;
        let deadline = Instant::now() + lock_wait;
        while !backend.try_lock_start(&db).await? {
            if Instant::now() >= deadline {
                close(db.into_inner()).await;
                return Err(NoSession::Locked);
            }
            sleep(LOCK_STEP).await;
        }
        Ok(Self { backend: backend.clone(), nodes, db, connects })
    }

    /// The connection.
    pub(super) fn db(&self) -> &Timed<DatabaseConnection> {
        &self.db
    }

    /// Begins to be a node, once the tables are there. The start lock stays.
    pub(super) async fn begin(self) -> Result<Session, DbErr> {
        let Self { backend, nodes, db, connects } = self;
        let incarnation = Arc::new(Incarnation::begin(&backend, &db).await?);
        let file = backend.file();
        Ok(Session { backend, nodes, db, connects, incarnation, file })
    }
}

impl Session {
    /// Lets others start, if there may be others.
    pub(super) async fn started(&self) -> Result<(), DbErr> {
        match self.nodes {
            Nodes::One => Ok(()),
            Nodes::Several => self.backend.unlock_start(&self.db).await,
        }
    }

    /// The name under which it writes.
    pub(super) fn incarnation(&self) -> &Arc<Incarnation> {
        &self.incarnation
    }

    /// The connection, outside a transaction.
    pub(super) fn db(&self) -> &Timed<DatabaseConnection> {
        &self.db
    }

    /// The time between two questions whether it lives while there is nothing to write.
    pub(super) fn heartbeat(&self) -> Option<Duration> {
        self.backend.heartbeat()
    }

    /// The open file, if it is one.
    pub(super) fn file(&self) -> Option<Arc<DatabaseFile>> {
        self.file.clone()
    }

    /// Checks that what is written is written where it is looked for.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        self.file.as_ref().map_or(Ok(()), |file| Ok(file.check()?))
    }

    /// Begins a transaction that may write from its first statement on, so that it never fails for
    /// having read too early.
    pub(super) async fn begin(&self) -> Result<Timed<DatabaseTransaction>, StoreError> {
        self.check()?;
        let options = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..Default::default()
        };
        let tx = self.db.in_time(self.db.inner().begin_with_options(options)).await?;
        self.check_lock()?;
        Ok(self.db.with(tx))
    }

    /// Asks whether it lives.
    pub(super) async fn ping(&self) -> Result<(), StoreError> {
        self.db.execute_unprepared("SELECT 1").await?;
        self.check_lock()
    }

    /// The pool makes a lost connection again, and the locks were lost with it.
    fn check_lock(&self) -> Result<(), StoreError> {
        if self.connects.is_repeated() {
            return Err(StoreError::Unavailable("the connection was lost, and its locks with it".into()));
        }
        Ok(())
    }

    /// Replaces the connection. After a failed transaction the old one can't be trusted: `SQLite` may
    /// have rolled back by itself, which the driver's count of open transactions then misses. It is
    /// let go first, since it has the locks; without it every statement fails at once.
    pub(super) async fn reopen(&mut self) -> Result<(), StoreError> {
        // Connecting would make a file where there is none.
        self.check()?;
        let gone = self.db.with(DatabaseConnection::default());
        let old = std::mem::replace(&mut self.db, gone);
        close(old.into_inner()).await;
        let opened = match self.nodes {
            Nodes::One => Starting::open(&self.backend, self.nodes, LOCK_WAIT_AGAIN).await,
            // A node that has started may go on while another starts.
            Nodes::Several => self.connect_again().await.map_err(NoSession::Out),
        };
        let opened = opened.map_err(|error| match error {
            NoSession::Out(error) => error.into(),
            NoSession::Locked => StoreError::Unavailable(OpenError::IN_USE.into()),
        })?;
        *self = opened.begin().await?;
        Ok(())
    }

    async fn connect_again(&self) -> Result<Starting, DbErr> {
        let connects = Connects::default();
        let db = self.backend.connect_writer(connects.clone()).await?;
        Ok(Starting { backend: self.backend.clone(), nodes: self.nodes, db, connects })
    }

    /// Moves all that the write-ahead log of a file holds into it, leaving the log empty: fails if somebody still reads
    /// from there. A server sees to its own.
    pub(super) async fn last_checkpoint(&self) -> Result<(), StoreError> {
        if !self.backend.is_server() && !sqlite::last_checkpoint(&self.db).await? {
            return Err(StoreError::Unavailable("somebody still reads from the write-ahead log".into()));
        }
        Ok(())
    }

    /// Ends the connection.
    pub(super) async fn close(self) {
        close(self.db.into_inner()).await;
    }
}

/// Ends a connection in order, if that can be done soon.
pub(super) async fn close(db: DatabaseConnection) {
    if matches!(db.inner, sea_orm::DatabaseConnectionType::Disconnected) {
        return;
    }
    match timeout(CLOSE_TIMEOUT, db.close()).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(%error, "closing a connection failed"),
        Err(_) => tracing::warn!("a connection did not end in time"),
    }
}
