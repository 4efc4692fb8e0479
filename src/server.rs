//! Serves an app on its listeners until told to end.

use std::time::Duration;

use futures_util::future::join_all;
use tokio::{
    task::JoinError,
    time::{Instant, sleep, timeout_at},
};

pub mod accept;
pub mod connection;
pub mod guard;
pub mod listen;
pub mod refusal;
pub mod signals;

use self::{
    listen::Listener,
    signals::{Signals, Told},
};
use crate::{
    app::App, clock::Clock, config::Config, http, hub::registry::CloseReason, journal::writer::Fatal,
    shutdown::Shutdown, store::OpenError,
};

/// The time that the journal has at least to finish once nobody asks it for anything more.
const FINISH: Duration = Duration::from_secs(2);

/// The reasons why serving ended otherwise than as told.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The database can't be used.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The disk can't be trusted any more.
    #[error(transparent)]
    Fatal(#[from] Fatal),
    /// The journal's task panicked: a fault of this program, after which nothing may be written.
    #[error("the journal failed: {0}")]
    Journal(#[from] JoinError),
}

/// Serves until a signal says to stop, then drains. `ready` is called once requests are taken.
///
/// # Errors
/// [`ServeError`].
pub async fn serve(
    config: Config,
    listeners: Vec<Listener>,
    mut signals: Signals,
    ready: impl FnOnce(&[Listener]),
) -> Result<(), ServeError> {
    let shutdown = Shutdown::default();
    let (app, background) = App::build(config, Clock::system(), shutdown.clone()).await?;
    #[expect(clippy::disallowed_methods, reason = "awaited below, and first of all")]
    let mut background = tokio::spawn(background.run());
    let router = http::router(app.clone());

    ready(&listeners);
    let accepting = join_all(listeners.iter().map(|listener| accept::accept(&app, router.clone(), listener)));
    tokio::select! {
        _ = accepting => {}
        ended = &mut background => return Ok(ended??),
        () = async {
            while signals.next().await == Told::Reread {
                // Beside the next signal, which may be to end while a database hangs.
                let app = app.clone();
                shutdown.tasks.spawn(async move { app.reread().await });
            }
            shutdown.draining.cancel();
            sleep(app.config.drain_delay).await;
        } => {}
    }
    drop(listeners);
    let deadline = Instant::now() + app.config.timings.drain_timeout;
    drain(&app, &shutdown, deadline).await;
    shutdown.finishing.cancel();
    if let Ok(ended) = timeout_at(deadline.max(Instant::now() + FINISH), background).await {
        return Ok(ended??);
    }
    tracing::warn!("time is up: the disk hangs, and what is under way is left to it");
    Ok(())
}

/// Sends everybody away, and waits until they have gone or time is up.
async fn drain(app: &App, shutdown: &Shutdown, deadline: Instant) {
    shutdown.closing.cancel();
    shutdown.tasks.close();
    // Said once it is so: whoever reads it may count on it.
    tracing::info!(readers = app.hub.registry().count(), "draining");
    let gone = async {
        app.hub.registry().close_all(CloseReason::Shutdown, app.config.timings.drain_spread).await;
        shutdown.tasks.wait().await;
    };
    if timeout_at(deadline, gone).await.is_err() {
        tracing::warn!(connections = shutdown.tasks.len(), "time is up: the rest is cut");
    }
}
