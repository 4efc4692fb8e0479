//! A database server of the test's own, which may be stopped and killed.

use std::{
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use rand::Rng as _;
use sea_orm::{ConnectOptions, ConnectionTrait as _, Database, DatabaseConnection, Statement, TryGetable};
use tempfile::TempDir;

use super::within;

/// The time that a start may take on a busy machine, the recovery after a crash included.
const UP: Duration = Duration::from_mins(1);
/// The user's password.
pub const PASSWORD: &str = "secret";

/// Which server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Its main process ends in order on SIGINT, at once on SIGQUIT.
    Postgres,
    /// It ends in order on SIGTERM.
    MariaDb,
}

/// A server with an empty database `parlor`, on a port of its own.
pub struct Cluster {
    kind: Kind,
    folder: TempDir,
    port: u16,
    process: Option<Child>,
}

impl Cluster {
    /// Starts one.
    pub async fn start(kind: Kind) -> Self {
        let folder = tempfile::tempdir().expect("a directory for the server");
        // Below those that the system gives to outgoing connections: it has to stay free while the
        // server is down.
        let free = |port: &u16| std::net::TcpListener::bind(("127.0.0.1", *port)).is_ok();
        let mut ports = std::iter::repeat_with(|| rand::rng().random_range(20_000..32_000));
        let port = ports.find(free).expect("a free port");
        let mut cluster = Self { kind, folder, port, process: None };
        cluster.resume().await;
        cluster.sql("CREATE DATABASE parlor").await;
        cluster
    }

    /// The address of its database.
    pub fn url(&self) -> String {
        self.url_of("parlor")
    }

    /// The address of one of its databases.
    pub fn url_of(&self, database: &str) -> String {
        let scheme = if self.kind == Kind::Postgres { "postgres" } else { "mysql" };
        format!("{scheme}://parlor:{PASSWORD}@127.0.0.1:{}/{database}", self.port)
    }

    /// The address of its database by its socket.
    pub fn socket_url(&self) -> String {
        let (folder, port) = (self.folder.path().display(), self.port);
        match self.kind {
            Kind::Postgres => format!("postgres://parlor:{PASSWORD}@localhost:{port}/parlor?host={folder}"),
            Kind::MariaDb => format!("mysql://parlor:{PASSWORD}@localhost/parlor?socket={folder}/socket"),
        }
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The id of its main process.
    pub fn pid(&self) -> u32 {
        self.process.as_ref().expect("it runs").id()
    }

    /// Starts it again, on what it left behind.
    pub async fn resume(&mut self) {
        let deadline = Instant::now() + UP;
        while self.process.is_none() {
            assert!(Instant::now() < deadline, "the server does not start: {}", self.log());
            self.process = Some(self.spawn());
            let connection = within(UP, "the database server is up", self.connect_once_up()).await;
            if let Some(connection) = connection {
                connection.close().await.expect("the connection ends");
            }
        }
    }

    /// A connection, or none if the process ended: what the one before it left may still be in use.
    async fn connect_once_up(&mut self) -> Option<DatabaseConnection> {
        loop {
            if self.process.as_mut().expect("it was started").try_wait().expect("its status").is_some() {
                self.process = None;
                return None;
            }
            // The driver itself tries again for so long.
            let mut options = ConnectOptions::new(self.url_of(self.admin()));
            options.acquire_timeout(Duration::from_millis(500)).sqlx_logging(false);
            if let Ok(connection) = Box::pin(Database::connect(options)).await {
                return Some(connection);
            }
        }
    }

    /// Its standard error so far.
    fn log(&self) -> String {
        let log = std::fs::read(self.folder.path().join("log")).unwrap_or_default();
        String::from_utf8_lossy(&log).into_owned()
    }

    fn spawn(&self) -> Child {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/databases/serve.sh");
        let kind = if self.kind == Kind::Postgres { "postgres" } else { "mariadb" };
        let log = std::fs::File::options().append(true).create(true).open(self.folder.path().join("log"));
        let mut command = Command::new(script);
        command.arg(kind).arg(self.folder.path()).arg(self.port.to_string());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log.expect("a file for its log"));
        command.spawn().expect("the server starts")
    }

    /// Sends its main process a signal by name.
    pub fn signal(&self, name: &str) {
        signal(self.pid(), name);
    }

    /// Sends a signal after which it ends, and waits until it has.
    pub async fn stop(&mut self, name: &str) {
        self.signal(name);
        let mut process = self.process.take().expect("it runs");
        let ended = tokio::task::spawn_blocking(move || process.wait());
        within(UP, "the database server ends", ended).await.expect("no panic").expect("its status");
    }

    /// A connection that the test keeps.
    pub async fn connect(&self) -> DatabaseConnection {
        let mut options = ConnectOptions::new(self.url());
        options.max_connections(1).sqlx_logging(false);
        Box::pin(Database::connect(options)).await.expect("the database opens")
    }

    /// Runs a statement as the user who may do everything.
    pub async fn sql(&self, statement: &str) {
        let mut options = ConnectOptions::new(self.url_of(self.admin()));
        options.max_connections(1).sqlx_logging(false);
        let database = Box::pin(Database::connect(options)).await.expect("the server answers");
        database.execute_unprepared(statement).await.expect("the statement runs");
        database.close().await.expect("the connection ends");
    }

    /// The database that is there from the beginning.
    fn admin(&self) -> &'static str {
        if self.kind == Kind::Postgres { "postgres" } else { "mysql" }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let Some(mut process) = self.process.take() else { return };
        // Stopped ones hear no other signal.
        signal(process.id(), "CONT");
        signal(process.id(), if self.kind == Kind::Postgres { "QUIT" } else { "KILL" });
        let _ = process.wait();
    }
}

/// Sends a process a signal by name.
pub fn signal(pid: u32, name: &str) {
    let sent = Command::new("kill").args([format!("-{name}"), pid.to_string()]).status();
    assert!(sent.expect("kill runs").success(), "SIG{name} is sent");
}

/// The answers of a question with one column.
pub async fn ask<T: TryGetable>(database: &DatabaseConnection, sql: &str) -> Vec<T> {
    let question = Statement::from_string(database.get_database_backend(), sql);
    let rows = database.query_all_raw(question).await.expect("the question is answered");
    rows.iter().map(|row| row.try_get_by_index(0).expect("a value")).collect()
}
