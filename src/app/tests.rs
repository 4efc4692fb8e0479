//! An app over a database of its own, for tests that stand on the whole of it.

use std::{ops::Deref, sync::Arc, time::Duration};

use sea_orm::{ConnectionTrait, Database};
use tempfile::TempDir;
use tokio_util::task::TaskTracker;

use super::App;
use crate::{
    clock::Clock,
    config::{Config, StoreConfig},
    domain::timestamp::Timestamp,
    shutdown::Shutdown,
};

/// An app whose background runs.
pub(crate) struct TestApp {
    app: Arc<App>,
    tasks: TaskTracker,
    _folder: TempDir,
}

impl TestApp {
    pub(crate) async fn new() -> Self {
        Self::with_clock(Clock::new(|| Timestamp::from_micros(1_700_000_000_000_000))).await
    }

    pub(crate) async fn with_clock(clock: Clock) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}?mode=rwc", folder.path().join("parlor.db").display());
        let config = Config {
            listen: ([127, 0, 0, 1], 0).into(),
            store: StoreConfig { url, fsync: false, migrate: true },
            allow_origin: Vec::new(),
            edit_window: Some(Duration::from_mins(15)),
            drain_delay: Duration::ZERO,
            stall_timeout: Duration::from_mins(1),
            max_connections: 1,
        };
        let (app, background) = App::build(config, clock, Shutdown::default()).await.unwrap();
        let tasks = TaskTracker::new();
        tasks.spawn(background.run());
        Self { app, tasks, _folder: folder }
    }

    /// The app, for whoever keeps a part of it.
    pub(crate) fn app(&self) -> Arc<App> {
        self.app.clone()
    }

    /// Runs SQL on the database, by a connection of its own.
    pub(crate) async fn sql(&self, statement: &str) {
        let database = Database::connect(&self.app.config.store.url).await.unwrap();
        database.execute_unprepared(statement).await.unwrap();
        database.close().await.unwrap();
    }

    /// Has the journal finish, and waits until it has.
    pub(crate) async fn end(self) {
        self.app.shutdown.finishing.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

impl Deref for TestApp {
    type Target = App;

    fn deref(&self) -> &App {
        &self.app
    }
}
