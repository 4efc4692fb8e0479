//! `PostgreSQL`: a server, whose every session is told how to behave.

use std::time::Duration;

use sea_orm::{
    ConnectOptions, ConnectionTrait, DbBackend, DbErr,
    sqlx::{
        ConnectOptions as _, Connection as _, Executor as _, PgConnection,
        postgres::{PgConnectOptions, PgDatabaseError, PgPoolOptions},
        raw_sql,
    },
};

use super::{
    OpenError,
    connect::{self, Connects, IDLE, IDLE_IN_TRANSACTION, LOCK_TIMEOUT, RELEASE_TIMEOUT, STATEMENT_TIMEOUT},
    kind::Kind,
};
use crate::config::DatabaseUrl;

/// Of a URL's query, what the driver knows (<https://docs.rs/sqlx/0.9/sqlx/postgres/struct.PgConnectOptions.html>).
const PARAMETERS: [&str; 18] = [
    "application_name",
    "dbname",
    "host",
    "hostaddr",
    "options",
    "password",
    "port",
    "ssl-ca",
    "ssl-cert",
    "ssl-key",
    "ssl-mode",
    "ssl-root-cert",
    "sslcert",
    "sslkey",
    "sslmode",
    "sslrootcert",
    "statement-cache-capacity",
    "user",
];
/// The first half of the key of the start lock ("prlr"); the second is made of the schema's name.
const LOCK: i32 = 0x7072_6c72;

/// The options in a URL.
pub(super) fn parse(url: &DatabaseUrl) -> Result<PgConnectOptions, OpenError> {
    connect::check_url(url, |key| PARAMETERS.contains(&key) || key.starts_with("options["))?;
    let parsed: Result<PgConnectOptions, _> = url.reveal().parse();
    let server = parsed.map_err(|error| OpenError::Url(format!("--database-url {url}: {error}")))?;
    Ok(session(connect::logging(server)))
}

/// Options of a pool of connections with this session.
fn pool(server: PgConnectOptions) -> ConnectOptions {
    let mut options = connect::options("postgres://");
    options.map_sqlx_postgres_opts(move |_| server.clone());
    options
}

/// The one connection that writes.
pub(super) fn writer(server: &PgConnectOptions, connects: Connects) -> ConnectOptions {
    let idle = ("idle_in_transaction_session_timeout", IDLE_IN_TRANSACTION.as_millis().to_string());
    let mut options = pool(server.clone().options(timeouts()).options([idle]));
    options.max_connections(1).map_sqlx_postgres_pool_opts(move |pool| {
        let connects = connects.clone();
        pool.after_connect(move |_, _| {
            connects.count();
            Box::pin(async { Ok(()) })
        })
    });
    options
}

/// The connection that makes tables, which may take its time.
pub(super) fn migrator(server: &PgConnectOptions) -> ConnectOptions {
    let mut options = pool(server.clone());
    options.max_connections(1);
    options
}

/// One that searches, and works so long on each statement.
pub(super) fn searcher(server: &PgConnectOptions, limit: Duration) -> ConnectOptions {
    reading(server.clone().options(timeouts()).options([("statement_timeout", limit.as_millis().to_string())]))
}

/// The connections that read.
pub(super) fn readers(server: &PgConnectOptions) -> ConnectOptions {
    reading(server.clone().options(timeouts()))
}

fn reading(server: PgConnectOptions) -> ConnectOptions {
    let mut options = pool(server.options([("default_transaction_read_only", "on")]));
    options.max_connections(connect::SERVER_READERS).test_before_acquire_if_idle_for(IDLE).map_sqlx_postgres_pool_opts(
        |pool: PgPoolOptions| {
            pool.after_release(|connection, _| Box::pin(async { end_transaction(connection).await.map(|()| true) }))
        },
    );
    options
}

/// Ends whatever transaction a read that was cut may have left open: the driver would hand the
/// connection on as it is (<https://github.com/transact-rs/sqlx/issues/4393>). Without one to end, the
/// server would log a bare `ROLLBACK` as a warning, hence the pair.
async fn end_transaction(connection: &mut PgConnection) -> Result<(), sea_orm::sqlx::Error> {
    connect::in_time(RELEASE_TIMEOUT, connection.execute(raw_sql("BEGIN; ROLLBACK"))).await?;
    Ok(())
}

/// The settings of every session, so that no default of the server's matters.
fn session(postgres: PgConnectOptions) -> PgConnectOptions {
    let named = if postgres.get_application_name().is_some() { postgres } else { postgres.application_name("parlor") };
    named.options([
        ("default_transaction_isolation", "read committed"),
        // A machine that went away without a word must not hold its lock for long.
        ("tcp_keepalives_idle", "10"),
        ("tcp_keepalives_interval", "5"),
        ("tcp_keepalives_count", "3"),
        ("tcp_user_timeout", "25000"),
    ])
}

fn timeouts() -> [(&'static str, String); 3] {
    let millis = |time: Duration| time.as_millis().to_string();
    [
        ("statement_timeout", millis(STATEMENT_TIMEOUT)),
        ("lock_timeout", millis(LOCK_TIMEOUT)),
        ("idle_in_transaction_session_timeout", millis(2 * STATEMENT_TIMEOUT)),
    ]
}

/// Connects once, to learn at once and exactly why it can't be done; the pool would try for long.
pub(super) async fn reach(server: &PgConnectOptions) -> Result<(), sea_orm::sqlx::Error> {
    server.connect().await?.close().await
}

/// Returns true if this session has the lock under which nodes start; it is taken if it is free.
pub(super) async fn try_lock_start(db: &impl ConnectionTrait) -> Result<bool, DbErr> {
    ask(db, &format!("SELECT pg_try_advisory_lock({LOCK}, hashtext(current_schema()))")).await
}

/// Lets go of the lock under which nodes start.
pub(super) async fn unlock_start(db: &impl ConnectionTrait) -> Result<(), DbErr> {
    ask::<bool>(db, &format!("SELECT pg_advisory_unlock({LOCK}, hashtext(current_schema()))")).await.map(drop)
}

/// The key of the lock of a node, whose name is given as an expression.
fn node_lock(node: &str) -> String {
    format!("hashtextextended('parlor ' || current_schema() || ' ' || {node}, 0)")
}

/// Returns true if this session has the lock of a node's name; it is taken if it is free.
pub(super) async fn try_lock_node(db: &impl ConnectionTrait, node: &str) -> Result<bool, DbErr> {
    ask(db, &format!("SELECT pg_try_advisory_lock({})", node_lock(&format!("'{node}'")))).await
}

/// Those rows of `journal` whose nodes' locks nobody has.
pub(super) fn ended_nodes() -> String {
    // A lock by one number of 64 bits shows as two of 32 (https://www.postgresql.org/docs/current/view-pg-locks.html).
    format!(
        "SELECT node FROM journal WHERE NOT EXISTS (SELECT 1 FROM pg_locks \
         WHERE locktype = 'advisory' AND granted AND objsubid = 1 \
         AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) \
         AND (classid::bigint << 32 | objid::bigint) = {})",
        node_lock("node")
    )
}

/// The reason why the database can't keep what it is given, if it can't; what may be lost is logged.
pub(super) async fn unfit(db: &impl ConnectionTrait) -> Result<Option<String>, DbErr> {
    if ask(db, "SELECT pg_is_in_recovery()").await? {
        return Ok(Some("it is a standby, which takes no writes".into()));
    }
    let encoding: String = ask(db, "SHOW server_encoding").await?;
    if encoding != "UTF8" {
        return Ok(Some(format!(
            "its encoding is {encoding}, which can't hold all that people write: make it with UTF8"
        )));
    }
    let schema: Option<String> = ask(db, "SELECT current_schema()::text").await?;
    if schema.is_none() {
        return Ok(Some("no schema of its search_path exists".into()));
    }
    for (setting, loses) in [
        ("fsync", "answered posts, and the whole database"),
        ("full_page_writes", "the whole database"),
        ("synchronous_commit", "answered posts"),
    ] {
        let value: String = ask(db, &format!("SHOW {setting}")).await?;
        if value == "off" {
            tracing::warn!("the server has {setting}=off: a crash of its machine can lose {loses}");
        }
    }
    Ok(None)
}

/// The kind of an error (<https://www.postgresql.org/docs/current/errcodes-appendix.html>).
pub(super) fn kind(error: &PgDatabaseError) -> Kind {
    match error.code() {
        // serialization_failure, deadlock_detected, lock_not_available; and idle_in_transaction_session_timeout: this
        // process stood still, and others got what it had.
        "40001" | "40P01" | "55P03" | "25P03" => Kind::Conflict,
        // query_canceled, which statement_timeout does
        "57014" => Kind::Interrupted,
        // Data that a column can't hold, and constraints.
        code if code.starts_with("22") || code.starts_with("23") => Kind::Rejected,
        _ => Kind::Out,
    }
}

async fn ask<T: sea_orm::TryGetable>(db: &impl ConnectionTrait, sql: &str) -> Result<T, DbErr> {
    connect::ask(db, DbBackend::Postgres, sql).await
}
