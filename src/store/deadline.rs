//! A connection whose every statement has a deadline: a server that vanished without a word must
//! not hold up whoever asked it.

use std::time::Duration;

use sea_orm::{ConnectionTrait, DbBackend, DbErr, ExecResult, QueryResult, RuntimeErr, Statement};
use tokio::time::timeout;

/// A connection or a transaction, and how long each of its statements may take.
#[derive(Debug, Clone)]
pub(super) struct Timed<C> {
    inner: C,
    backend: DbBackend,
    /// None for a database that is a file: its time is the disk's.
    limit: Option<Duration>,
}

impl<C> Timed<C> {
    pub(super) fn new(inner: C, backend: DbBackend, limit: Option<Duration>) -> Self {
        Self { inner, backend, limit }
    }

    pub(super) fn inner(&self) -> &C {
        &self.inner
    }

    pub(super) fn into_inner(self) -> C {
        self.inner
    }

    /// Another thing on the same connection.
    pub(super) fn with<D>(&self, inner: D) -> Timed<D> {
        Timed { inner, backend: self.backend, limit: self.limit }
    }

    /// The work's result, if it is there in time. What was cut may have happened all the same.
    pub(super) async fn in_time<T>(&self, work: impl Future<Output = Result<T, DbErr>>) -> Result<T, DbErr> {
        #[cfg(test)]
        counting::count();
        in_time(self.limit, work).await
    }
}

/// The work's result, if it is there in time.
pub(super) async fn in_time<T>(
    limit: Option<Duration>,
    work: impl Future<Output = Result<T, DbErr>>,
) -> Result<T, DbErr> {
    let Some(limit) = limit else { return work.await };
    timeout(limit, work)
        .await
        .unwrap_or_else(|_| Err(DbErr::Conn(RuntimeErr::Internal(format!("no answer within {limit:?}")))))
}

#[async_trait::async_trait]
impl<C: ConnectionTrait + Send> ConnectionTrait for Timed<C> {
    fn get_database_backend(&self) -> DbBackend {
        self.backend
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.in_time(self.inner.execute_raw(statement)).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.in_time(self.inner.execute_unprepared(sql)).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.in_time(self.inner.query_one_raw(statement)).await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.in_time(self.inner.query_all_raw(statement)).await
    }
}

/// The number of statements that a test has had.
#[cfg(test)]
pub(crate) mod counting {
    use std::cell::Cell;

    thread_local! {
        /// A test has one thread, on which all tasks of its app run.
        static STATEMENTS: Cell<usize> = const { Cell::new(0) };
    }

    pub(super) fn count() {
        STATEMENTS.set(STATEMENTS.get() + 1);
    }

    /// Those so far, what begins and ends a transaction included.
    pub(crate) fn statements() -> usize {
        STATEMENTS.get()
    }
}
