//! A fresh database for each server: a `SQLite` file beside it, or one on the server that the tests run
//! beside (`tests/databases/run.sh`).

use std::{
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use sea_orm::{ConnectionTrait as _, DatabaseConnection, DbBackend, DbErr, Statement};

/// The number that are dropped together: `PostgreSQL` writes out all it has for the first.
const TOGETHER: usize = 32;

/// Those on the server that are no longer used. Nobody can wait while a test ends, so a later one drops
/// them.
static DROPPABLE: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// A database, from its making until its server is gone.
pub struct TestDatabase {
    url: String,
    /// Its name on the server that the tests run beside.
    name: Option<String>,
}

impl TestDatabase {
    /// Makes one; a file lies in this folder.
    pub async fn fresh(dir: &Path) -> Self {
        let Some(server) = server() else { return Self::given(sqlite_url(&dir.join("parlor.db"))) };
        let name = format!("parlor_{:016x}", rand::random::<u64>());
        let database =
            Box::pin(sea_orm::Database::connect(server.as_str())).await.expect("the database server answers");
        for name in droppable() {
            drop_database(&database, &name).await;
        }
        database.execute_unprepared(&format!("CREATE DATABASE {name}")).await.expect("a database is made");
        database.close().await.expect("the connection ends");
        let (address, _) = server.rsplit_once('/').expect("the server's URL names a database");
        Self { url: format!("{address}/{name}"), name: Some(name) }
    }

    /// One that the test made.
    pub fn given(url: String) -> Self {
        Self { url, name: None }
    }

    /// Its file, if it is one: that of a server which runs in this folder.
    pub fn file(&self, dir: &Path) -> Option<PathBuf> {
        let path = if self.url.is_empty() { Some("parlor.db") } else { self.url.strip_prefix("sqlite://") };
        path.map(|path| dir.join(path.split('?').next().unwrap_or(path)))
    }

    /// Every row of every table, as text; none of a database that the test made. Blocks.
    pub fn contents(&self) -> Option<String> {
        self.name.as_ref()?;
        let read = || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(contents(&self.url)).expect("the database is read")
        };
        // A test has a runtime of its own, which can't be blocked on.
        Some(std::thread::scope(|scope| scope.spawn(read).join().expect("the database is read")))
    }

    /// Its address.
    pub fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        if let Some(name) = self.name.take() {
            DROPPABLE.lock().unwrap_or_else(PoisonError::into_inner).push(name);
        }
    }
}

/// Those that are to be dropped now.
fn droppable() -> Vec<String> {
    let mut unused = DROPPABLE.lock().unwrap_or_else(PoisonError::into_inner);
    if unused.len() < TOGETHER { Vec::new() } else { std::mem::take(&mut *unused) }
}

/// The address of the server that the tests run beside, if there is one.
fn server() -> Option<String> {
    std::env::var("TEST_DATABASE_URL").ok()
}

/// The address of a `SQLite` file, made if it is not there.
pub fn sqlite_url(path: &Path) -> String {
    format!("sqlite://{}?mode=rwc", path.display())
}

/// Every row of every table, a line each.
async fn contents(url: &str) -> Result<String, DbErr> {
    let database = sea_orm::Database::connect(url).await?;
    let is_postgres = database.get_database_backend() == DbBackend::Postgres;
    // Statements, which have a column each.
    let statements = if is_postgres {
        "SELECT 'SELECT t::text AS text FROM \"' || table_name || '\" t' AS text FROM information_schema.tables \
         WHERE table_schema = 'public'"
    } else {
        "SELECT CONCAT('SELECT CAST(CONCAT_WS(0x7c, ', GROUP_CONCAT('`', column_name, '`'), ') AS BINARY) AS text FROM `', \
         table_name, '`') AS text FROM information_schema.columns WHERE table_schema = DATABASE() GROUP BY table_name"
    };
    let mut contents = String::new();
    for statement in column(&database, statements).await? {
        for row in column(&database, &statement).await? {
            contents.extend([&row, "\n"]);
        }
    }
    database.close().await?;
    Ok(contents)
}

async fn column(database: &DatabaseConnection, statement: &str) -> Result<Vec<String>, DbErr> {
    let rows = database.query_all_raw(Statement::from_string(database.get_database_backend(), statement)).await?;
    // Some of what is there is no text.
    let lossy = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    rows.iter().map(|row| row.try_get("", "text").or_else(|_| row.try_get("", "text").map(lossy))).collect()
}

async fn drop_database(server: &DatabaseConnection, name: &str) {
    // Its server was killed a moment ago, and may not be gone for this one yet.
    let force = if server.get_database_backend() == DbBackend::Postgres { " WITH (FORCE)" } else { "" };
    let sql = format!("DROP DATABASE {name}{force}");
    server.execute_unprepared(&sql).await.expect("a database that is no longer used is dropped");
}
