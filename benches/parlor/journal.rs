//! The journal without HTTP: what posters in this process get, each answer on disk.

use std::{
    io,
    sync::Arc,
    time::{Duration, Instant},
};

use parlor::{
    app::App,
    clock::Clock,
    config::{ClientHeader, Config, IdentityConfig, StoreConfig, Timings},
    domain::{
        content::ContentLimit,
        message::Post,
        name::{RoomName, Username},
        policy::Actor,
    },
    shutdown::Shutdown,
};
use tempfile::TempDir;
use tokio::{runtime::Runtime, task::JoinSet};

use crate::process::failed;

/// An app on a database file of its own, without a listener.
pub struct Journal {
    runtime: Runtime,
    app: Arc<App>,
    _directory: TempDir,
}

impl Journal {
    pub fn open() -> io::Result<Self> {
        let directory = TempDir::new()?;
        let runtime = Runtime::new()?;
        let config = Config {
            listen: "127.0.0.1:0".parse().into_iter().collect(),
            tls: Vec::new(),
            store: StoreConfig {
                url: format!("sqlite://{}?mode=rwc", directory.path().join("bench.db").display()).into(),
                fsync: true,
                migrate: true,
                revisions: 100,
            },
            content_limit: ContentLimit::default(),
            edit_window: None,
            public_url: None,
            identity: IdentityConfig::default(),
            allowed_hosts: Vec::new(),
            allow_origin: Vec::new(),
            compresses: true,
            trusted_proxies: Vec::new(),
            client_header: ClientHeader::XForwardedFor,
            drain_delay: Duration::ZERO,
            stall_timeout: Duration::from_mins(1),
            max_connections: 1,
            unsent_limit: 1 << 28,
            quotas: None,
            limits_exempt: Vec::new(),
            timings: Timings::default(),
        };
        let building = App::build(config, Clock::system(), Shutdown::default());
        let (app, background) = runtime.block_on(building).map_err(|error| failed(&error.to_string()))?;
        runtime.spawn(background.run());
        Ok(Self { runtime, app, _directory: directory })
    }

    /// Posts in a closed loop from so many tasks at once.
    pub fn posts_per_second(&self, posters: usize, window: Duration) -> io::Result<f64> {
        let started = Instant::now();
        let posted = self.runtime.block_on(async {
            let mut tasks = JoinSet::new();
            for _ in 0..posters {
                tasks.spawn(post_until(Arc::clone(&self.app), started + window));
            }
            let mut posted = 0;
            while let Some(task) = tasks.join_next().await {
                posted += task??;
            }
            io::Result::Ok(posted)
        })?;
        Ok(f64::from(posted) / started.elapsed().as_secs_f64())
    }
}

async fn post_until(app: Arc<App>, end: Instant) -> io::Result<u32> {
    let room = RoomName::parse("bench").map_err(|error| failed(error.field))?;
    let actor = Actor::named(Username::parse("Alice").map_err(|error| failed(error.field))?);
    let content = crate::content();
    let mut posted = 0;
    while Instant::now() < end {
        let post = Post { content: Some(content.clone()), ..Post::default() };
        let draft = post.check(ContentLimit::default()).map_err(|_| failed("the content breaks a rule"))?;
        app.chat.post_message(&actor, &room, draft).await.map_err(|error| failed(&error.to_string()))?;
        posted += 1;
    }
    Ok(posted)
}
