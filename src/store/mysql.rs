//! `MySQL` and `MariaDB`: a server, whose every session is told how to behave.

use std::time::Duration;

use sea_orm::{
    ConnectOptions, ConnectionTrait, DbBackend, DbErr,
    sqlx::{
        AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _, MySqlConnection,
        mysql::{MySqlConnectOptions, MySqlDatabaseError, MySqlPoolOptions},
    },
};

use super::{
    OpenError,
    connect::{self, Connects, IDLE, IDLE_IN_TRANSACTION, LOCK_TIMEOUT, RELEASE_TIMEOUT},
    kind::Kind,
};
use crate::config::DatabaseUrl;

/// Of a URL's query, what the driver knows (<https://docs.rs/sqlx/0.9/sqlx/mysql/struct.MySqlConnectOptions.html>).
/// Not `charset`, `collation` and `timezone`: those are this program's.
const PARAMETERS: [&str; 9] =
    ["socket", "ssl-ca", "ssl-cert", "ssl-key", "ssl-mode", "sslca", "sslcert", "sslkey", "sslmode"];
/// The smallest `max_allowed_packet` that a full batch and a probe fit into.
const MIN_PACKET: i64 = 4 * 1024 * 1024;
/// After how many idle seconds the server ends the writer's session, so that a machine that went
/// away without a word does not hold its lock for long. The journal speaks up more often.
const WRITER_IDLE: u32 = 60;

/// The options in a URL.
pub(super) fn parse(url: &DatabaseUrl) -> Result<MySqlConnectOptions, OpenError> {
    connect::check_url(url, |key| PARAMETERS.contains(&key))?;
    let parsed: Result<MySqlConnectOptions, _> = url.reveal().parse();
    let server = parsed.map_err(|error| OpenError::Url(format!("--database-url {url}: {error}")))?;
    if server.get_database().is_none() {
        return Err(OpenError::Url(format!("--database-url {url}: name a database, as in mysql://HOST/parlor")));
    }
    Ok(connect::logging(server))
}

/// Options of a pool of connections to this server.
fn pool(server: &MySqlConnectOptions) -> ConnectOptions {
    let server = server.clone();
    let mut options = connect::options("mysql://");
    options.map_sqlx_mysql_opts(move |_| server.clone());
    options
}

/// The one connection that writes.
pub(super) fn writer(server: &MySqlConnectOptions, connects: Connects) -> ConnectOptions {
    let mut options = pool(server);
    options.max_connections(1).map_sqlx_mysql_pool_opts(move |pool| {
        let connects = connects.clone();
        pool.after_connect(move |connection, _| {
            connects.count();
            Box::pin(begin_session(connection, Session::Journal))
        })
    });
    options
}

/// The connection that makes tables.
pub(super) fn migrator(server: &MySqlConnectOptions) -> ConnectOptions {
    let mut options = pool(server);
    options.max_connections(1).map_sqlx_mysql_pool_opts(|pool| {
        pool.after_connect(|connection, _| Box::pin(begin_session(connection, Session::Other)))
    });
    options
}

/// One by which a follower of the log writes.
pub(super) fn follower(server: &MySqlConnectOptions) -> ConnectOptions {
    let mut options = pool(server);
    options.max_connections(1).map_sqlx_mysql_pool_opts(|pool| {
        pool.after_connect(|connection, _| Box::pin(begin_session(connection, Session::Follower)))
    });
    options
}

/// The connections that read.
pub(super) fn readers(server: &MySqlConnectOptions) -> ConnectOptions {
    reading(server, None)
}

/// One that searches, and works so long on each statement.
pub(super) fn searcher(server: &MySqlConnectOptions, limit: Duration) -> ConnectOptions {
    reading(server, Some(limit))
}

fn reading(server: &MySqlConnectOptions, limit: Option<Duration>) -> ConnectOptions {
    let mut options = pool(server);
    options.max_connections(connect::SERVER_READERS).test_before_acquire_if_idle_for(IDLE).map_sqlx_mysql_pool_opts(
        move |pool: MySqlPoolOptions| {
            pool.after_connect(move |connection, _| {
                Box::pin(async move {
                    begin_session(&mut *connection, Session::Other).await?;
                    if let Some(limit) = limit { limit_statements(connection, limit).await } else { Ok(()) }
                })
            })
            .after_release(|connection, _| {
                Box::pin(async { connect::in_time(RELEASE_TIMEOUT, connection.ping()).await.map(|()| true) })
            })
        },
    );
    options
}

/// Has each question end after so long.
async fn limit_statements(connection: &mut MySqlConnection, limit: Duration) -> Result<(), sea_orm::sqlx::Error> {
    connection.execute(AssertSqlSafe(limited(limit))).await?;
    Ok(())
}

/// The statement that bounds every question after it. `MariaDB` has a variable of its own for it, in seconds, and leaves
/// out what is for `MySQL` alone (<https://mariadb.com/kb/en/comment-syntax/>); the other way around.
fn limited(limit: Duration) -> String {
    let (seconds, millis) = (limit.as_secs_f64(), limit.as_millis());
    format!(
        "SET SESSION autocommit = 1 /*M! , max_statement_time = {seconds} */ /*!80000 , max_execution_time = {millis} */"
    )
}

/// The uses of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Session {
    /// The journal, which never says nothing for long.
    Journal,
    /// A follower, which may have nothing to do for hours.
    Follower,
    /// Reading, and making tables.
    Other,
}

/// Tells a session how to behave, so that no default of the server's matters. The driver has set
/// `utf8mb4` and the time zone `+00:00` by then.
async fn begin_session(connection: &mut MySqlConnection, session: Session) -> Result<(), sea_orm::sqlx::Error> {
    connection.execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED").await?;
    let lock = LOCK_TIMEOUT.as_secs();
    let wait = if session == Session::Journal { format!(", wait_timeout = {WRITER_IDLE}") } else { String::new() };
    let idle = if session == Session::Other {
        String::new()
    } else {
        // MySQL has no such variable, and leaves this out.
        format!(" /*M! , idle_transaction_timeout = {} */", IDLE_IN_TRANSACTION.as_secs())
    };
    let settings = format!(
        "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION', autocommit = 1, \
         innodb_lock_wait_timeout = {lock}, lock_wait_timeout = {lock}{wait}{idle}"
    );
    connection.execute(AssertSqlSafe(settings)).await?;
    Ok(())
}

/// Connects once, to learn at once and exactly why it can't be done; the pool would try for long.
pub(super) async fn reach(server: &MySqlConnectOptions) -> Result<(), sea_orm::sqlx::Error> {
    server.connect().await?.close().await
}

/// The lock under which nodes start. The names of such locks are the whole server's, and at most 64 characters.
const START_LOCK: &str = "CONCAT('parlor ', MD5(DATABASE()))";

/// Returns true if this session has the lock under which nodes start; it is taken if it is free.
pub(super) async fn try_lock_start(db: &impl ConnectionTrait) -> Result<bool, DbErr> {
    try_lock(db, START_LOCK).await
}

/// Lets go of the lock under which nodes start.
pub(super) async fn unlock_start(db: &impl ConnectionTrait) -> Result<(), DbErr> {
    ask::<Option<i64>>(db, &format!("SELECT RELEASE_LOCK({START_LOCK})")).await.map(drop)
}

/// The lock of a node, whose name is given as an expression.
fn node_lock(node: &str) -> String {
    format!("CONCAT('parlor ', MD5(CONCAT(DATABASE(), ' ', {node})))")
}

/// Returns true if this session has the lock of a node's name; it is taken if it is free.
pub(super) async fn try_lock_node(db: &impl ConnectionTrait, node: &str) -> Result<bool, DbErr> {
    try_lock(db, &node_lock(&format!("'{node}'"))).await
}

/// Those rows of `journal` whose nodes' locks nobody has. There is no shared lock, by which all could be found at
/// once.
pub(super) fn ended_nodes() -> String {
    format!("SELECT node FROM journal WHERE IS_USED_LOCK({}) IS NULL", node_lock("node"))
}

async fn try_lock(db: &impl ConnectionTrait, name: &str) -> Result<bool, DbErr> {
    Ok(ask::<Option<i64>>(db, &format!("SELECT GET_LOCK({name}, 0)")).await? == Some(1))
}

/// The reason why the database can't keep what it is given, if it can't; what may be lost is logged.
pub(super) async fn unfit(db: &impl ConnectionTrait) -> Result<Option<String>, DbErr> {
    if ask::<i64>(db, "SELECT CAST(@@read_only AS SIGNED)").await? != 0 {
        return Ok(Some("it is read-only".into()));
    }
    let packet: i64 = ask(db, "SELECT CAST(@@max_allowed_packet AS SIGNED)").await?;
    if packet < MIN_PACKET {
        return Ok(Some(format!("its max_allowed_packet is {packet}; a batch needs {MIN_PACKET}")));
    }
    let flush: i64 = ask(db, "SELECT CAST(@@innodb_flush_log_at_trx_commit AS SIGNED)").await?;
    if flush != 1 {
        tracing::warn!(
            "the server has innodb_flush_log_at_trx_commit={flush}: a crash of its machine can lose answered posts"
        );
    }
    let (logs, sync): (i64, i64) =
        (ask(db, "SELECT CAST(@@log_bin AS SIGNED)").await?, ask(db, "SELECT CAST(@@sync_binlog AS SIGNED)").await?);
    // With a binary log, what is not in it is rolled back when the server starts after a crash.
    if logs != 0 && sync != 1 {
        tracing::warn!("the server has sync_binlog={sync}: a crash of its machine can lose answered posts");
    }
    Ok(None)
}

/// The kind of an error (<https://mariadb.com/kb/en/mariadb-error-code-reference/>).
pub(super) fn kind(error: &MySqlDatabaseError) -> Kind {
    match (error.number(), error.code()) {
        // ER_LOCK_WAIT_TIMEOUT, ER_LOCK_DEADLOCK
        (1205 | 1213, _) => Kind::Conflict,
        // ER_STATEMENT_TIMEOUT of MariaDB, ER_QUERY_TIMEOUT of MySQL
        (1969 | 3024, _) => Kind::Interrupted,
        // ER_TRUNCATED_WRONG_VALUE_FOR_FIELD has the state for everything.
        (1366, _) => Kind::Rejected,
        // Data that a column can't hold, and constraints.
        (_, Some(state)) if state.starts_with("22") || state.starts_with("23") => Kind::Rejected,
        _ => Kind::Out,
    }
}

async fn ask<T: sea_orm::TryGetable>(db: &impl ConnectionTrait, sql: &str) -> Result<T, DbErr> {
    connect::ask(db, DbBackend::MySql, sql).await
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::limited;

    /// A statement as a server reads it: of the comments with these two beginnings the first is code, the second none.
    fn read(statement: &str, code: &str, comment: &str) -> String {
        let mut parts = statement.split("*/").map(|part| match part.split_once(code) {
            Some((before, code)) => format!("{before}{code}"),
            None => part.split_once(comment).map_or(part, |(before, _)| before).to_owned(),
        });
        parts.by_ref().collect::<String>().split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn each_server_is_given_the_bound_that_it_knows() {
        let statement = limited(Duration::from_millis(2_500));
        let mysql = read(&statement, "/*!80000", "/*M!");
        assert_eq!(mysql, "SET SESSION autocommit = 1 , max_execution_time = 2500");
        let mariadb = read(&statement, "/*M!", "/*!80000");
        assert_eq!(mariadb, "SET SESSION autocommit = 1 , max_statement_time = 2.5");
    }
}
