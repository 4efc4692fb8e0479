//! The options, times and questions that connections to all databases have in common.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use log::LevelFilter;
use sea_orm::{ConnectOptions, ConnectionTrait, DbBackend, DbErr, Statement, TryGetable, sqlx};
use tokio::time::timeout;
use url::Url;

use super::OpenError;
use crate::config::DatabaseUrl;

/// The number of connections that read from a server.
pub(super) const SERVER_READERS: u32 = 8;
/// The time that a server works on a statement before it gives up.
pub(super) const STATEMENT_TIMEOUT: Duration = Duration::from_secs(4);
/// The time that a statement waits for a row that somebody else has locked.
pub(super) const LOCK_TIMEOUT: Duration = Duration::from_secs(1);
/// The time that a writer may leave a transaction alone before the server ends it: a process that was stopped in the
/// middle of a batch has rooms locked.
pub(super) const IDLE_IN_TRANSACTION: Duration = Duration::from_secs(2);
/// After how long a connection that lies idle is asked whether it still lives before it is used: less than a server
/// needs to restart.
pub(super) const IDLE: Duration = Duration::from_millis(50);
/// The time that a connection has to come back from use.
pub(super) const RELEASE_TIMEOUT: Duration = Duration::from_secs(2);
/// At which level statements are logged, also those that take long. A statement has a place for each value, and its
/// values are never logged: they are what people wrote.
const STATEMENTS: LevelFilter = LevelFilter::Debug;
/// The time from which on a statement counts as slow.
const SLOW: Duration = Duration::from_secs(1);

/// Counts the connections that a pool makes: a pool of one that has made a second has lost the
/// session it was given for.
#[derive(Debug, Clone, Default)]
pub(super) struct Connects(Arc<AtomicU32>);

impl Connects {
    /// One more.
    pub(super) fn count(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns true if there has been more than one.
    pub(super) fn is_repeated(&self) -> bool {
        self.0.load(Ordering::Relaxed) > 1
    }
}

/// The options of every connection. Of a server the URL only says which driver: the libraries below show it in their
/// traces, so the password is not in it.
pub(super) fn options(url: &str) -> ConnectOptions {
    let mut options = ConnectOptions::new(url);
    options
        .sqlx_logging_level(STATEMENTS)
        .sqlx_slow_statements_logging_settings(STATEMENTS, SLOW)
        .record_stmt_in_spans(false)
        .test_before_acquire(false)
        .idle_timeout(None)
        .max_lifetime(None);
    options
}

/// The same of what is logged, for a server, whose options are not made from those.
pub(super) fn logging<O: sqlx::ConnectOptions>(server: O) -> O {
    server.log_statements(STATEMENTS).log_slow_statements(STATEMENTS, SLOW)
}

/// Refuses a URL with parts that nobody would heed: a misspelled `sslmode` must not mean none.
pub(super) fn check_url(url: &DatabaseUrl, is_known: impl Fn(&str) -> bool) -> Result<(), OpenError> {
    let parsed = Url::parse(url.reveal()).map_err(|error| OpenError::Url(format!("--database-url {url}: {error}")))?;
    for (key, _) in parsed.query_pairs() {
        if !is_known(&key) {
            return Err(OpenError::Url(format!("--database-url {url}: `{key}` is no parameter of it")));
        }
    }
    Ok(())
}

/// The one value that a question is answered with.
pub(super) async fn ask<T: TryGetable>(db: &impl ConnectionTrait, kind: DbBackend, sql: &str) -> Result<T, DbErr> {
    let row = db.query_one_raw(Statement::from_string(kind, sql)).await?;
    row.ok_or_else(|| DbErr::RecordNotFound(sql.to_owned()))?.try_get_by_index(0)
}

/// The work's result, if it is there in time.
pub(super) async fn in_time<T>(
    limit: Duration,
    work: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, sqlx::Error> {
    let late = || std::io::Error::new(std::io::ErrorKind::TimedOut, format!("no answer within {limit:?}"));
    timeout(limit, work).await.unwrap_or_else(|_| Err(late().into()))
}
