//! An app over a database of its own, for tests that stand on the whole of it.

use std::{ops::Deref, path::Path, sync::Arc, time::Duration};

use sea_orm::{ConnectionTrait, Database};
use tempfile::TempDir;
use tokio_util::task::TaskTracker;

use super::{App, Background};
use crate::{
    chat::{ChatError, Committed, messages::Posted},
    clock::Clock,
    config::{AuthMode, ClientHeader, Config, IdentityConfig, StoreConfig, Timings},
    domain::{
        content::ContentLimit,
        message::Post,
        name::{RoomName, Username},
        policy::Actor,
        timestamp::Timestamp,
        user::{Origin, UserKind},
    },
    identity::secret::{Secret, SecretKind},
    journal::{
        follower::{runner::Runner, search::SearchFollower},
        writer::Fatal,
    },
    shutdown::Shutdown,
    store::{
        Opened, Store,
        identity::{Basis, NewKey, NewUser},
    },
};

/// An app whose background runs.
pub(crate) struct TestApp {
    app: Arc<App>,
    tasks: TaskTracker,
    folder: TempDir,
}

impl TestApp {
    pub(crate) async fn new() -> Self {
        Self::with_clock(fixed()).await
    }

    pub(crate) async fn with_clock(clock: Clock) -> Self {
        let (app, background, folder) = built(clock).await;
        let tasks = TaskTracker::new();
        tasks.spawn(background.run());
        Self { app, tasks, folder }
    }

    /// One that requires credentials, and an API key of an admin.
    pub(crate) async fn required() -> (Self, String) {
        let folder = tempfile::tempdir().unwrap();
        let (now, secret) = (Timestamp::from_micros(1), Secret::generate(SecretKind::ApiKey));
        let user = NewUser {
            username: Username::parse("root").unwrap(),
            kind: UserKind::Person,
            origin: Origin::Local,
            subject: None,
            is_admin: true,
        };
        {
            let Opened { store, writer, followers: _, identity } =
                Store::open(&config_in(&folder).store).await.unwrap();
            let account_id = identity.make_user(user, now).await.unwrap().id;
            let (hash, name) = (*secret.hash().as_bytes(), String::new());
            let key = NewKey { hash, account_id, name, rooms: None, can: None, expires_at: None };
            identity.make_key(key, Basis::Operator, None, now).await.unwrap();
            store.close().await;
            identity.close().await;
            writer.close().await;
        }
        let identity = IdentityConfig { auth: AuthMode::Required, ..IdentityConfig::default() };
        let config = Config { identity, ..config_in(&folder) };
        let (app, background) = App::build(config, fixed(), Shutdown::default()).await.unwrap();
        let tasks = TaskTracker::new();
        tasks.spawn(background.run());
        (Self { app, tasks, folder }, secret.reveal().to_owned())
    }

    /// One whose index of search is the test's to write; it has to go before the app ends.
    pub(crate) async fn without_indexer() -> (Self, Runner<SearchFollower>) {
        let (app, background, folder) = built(fixed()).await;
        let Background { journal, search, hub, .. } = background;
        let tasks = TaskTracker::new();
        tasks.spawn(async move {
            tokio::select! {
                finished = journal => finished,
                () = hub.run() => Ok(()),
            }
        });
        (Self { app, tasks, folder }, search)
    }

    /// The folder of its database.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Posts a message as a user.
    pub(crate) async fn post(&self, user: &str, room: &RoomName, post: Post) -> Result<Committed<Posted>, ChatError> {
        let draft = post.check(ContentLimit::default()).map_err(ChatError::Invalid)?;
        self.chat.post_message(&actor(user), room, draft).await
    }

    /// The app, for whoever keeps a part of it.
    pub(crate) fn app(&self) -> Arc<App> {
        self.app.clone()
    }

    /// Runs SQL on the database, by a connection of its own.
    pub(crate) async fn sql(&self, statement: &str) {
        let database = Database::connect(self.app.config.store.url.reveal()).await.unwrap();
        database.execute_unprepared(statement).await.unwrap();
        database.close().await.unwrap();
    }

    /// Has the journal finish, and waits until it has.
    pub(crate) async fn end(self) -> TempDir {
        self.app.shutdown.finishing.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        self.folder
    }
}

/// Somebody who goes by this name.
pub(crate) fn actor(name: &str) -> Actor {
    Actor::named(Username::parse(name).unwrap())
}

fn fixed() -> Clock {
    Clock::new(|| Timestamp::from_micros(1_700_000_000_000_000))
}

/// An open database of its own, its URL, and the folder that it lies in.
pub(crate) async fn open_for_tests() -> (Opened, String, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}?mode=rwc", folder.path().join("parlor.db").display());
    let config = StoreConfig { url: url.clone().into(), fsync: false, migrate: true, revisions: 100 };
    (Store::open(&config).await.unwrap(), url, folder)
}

async fn built(
    clock: Clock,
) -> (Arc<App>, Background<impl Future<Output = Result<(), Fatal>> + Send + 'static>, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let (app, background) = App::build(config_in(&folder), clock, Shutdown::default()).await.unwrap();
    (app, background, folder)
}

/// The settings of an app with its database in a folder.
fn config_in(folder: &TempDir) -> Config {
    let url = format!("sqlite://{}?mode=rwc", folder.path().join("parlor.db").display());
    Config {
        listen: vec!["127.0.0.1:0".parse().unwrap()],
        tls: Vec::new(),
        store: StoreConfig { url: url.into(), fsync: false, migrate: true, revisions: 100 },
        public_url: None,
        identity: IdentityConfig::default(),
        allowed_hosts: Vec::new(),
        allow_origin: Vec::new(),
        compresses: true,
        trusted_proxies: Vec::new(),
        client_header: ClientHeader::XForwardedFor,
        content_limit: ContentLimit::default(),
        edit_window: Some(Duration::from_mins(15)),
        drain_delay: Duration::ZERO,
        stall_timeout: Duration::from_mins(1),
        max_connections: 1,
        unsent_limit: 1 << 20,
        quotas: None,
        limits_exempt: Vec::new(),
        timings: Timings::default(),
    }
}

impl Deref for TestApp {
    type Target = App;

    fn deref(&self) -> &App {
        &self.app
    }
}
