//! Serves an app on its listeners until told to end.

use std::{sync::Arc, time::Duration};

use futures_util::future::join_all;
use tokio::{
    task::JoinError,
    time::{Instant, sleep, timeout_at},
};

use tokio_rustls::rustls;

pub mod accept;
pub mod certificates;
pub mod connection;
pub mod guard;
mod http2;
pub mod listen;
pub mod refusal;
pub mod serving;
pub mod signals;

use self::{
    certificates::Certificates,
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
    /// The settings of TLS can't be made.
    #[error("TLS can't be used: {0}")]
    Tls(#[from] rustls::Error),
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
    certificates: Option<Arc<Certificates>>,
    mut signals: Signals,
    ready: impl FnOnce(&[Listener]),
) -> Result<(), ServeError> {
    let shutdown = Shutdown::default();
    let (app, background) = App::build(config, Clock::system(), shutdown.clone()).await?;
    #[expect(clippy::disallowed_methods, reason = "awaited below, and first of all")]
    let mut background = tokio::spawn(background.run());
    let router = http::router(app.clone());

    let tls = certificates.as_ref().map(Certificates::settings).transpose()?;
    ready(&listeners);
    let accepting = listeners.iter().map(|listener| accept::accept(&app, router.clone(), listener, tls.as_ref()));
    let accepting = join_all(accepting);
    let watching = async {
        match &certificates {
            Some(certificates) => certificates.clone().watch(app.config.timings.certificate_interval).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = accepting => {}
        () = watching => {}
        ended = &mut background => return Ok(ended??),
        () = async {
            while signals.next().await == Told::Reread {
                // Beside the next signal, which may be to end while a database hangs.
                shutdown.tasks.spawn(reread(app.clone(), certificates.clone()));
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

/// Reads again what files say that may change while the process runs.
async fn reread(app: Arc<App>, certificates: Option<Arc<Certificates>>) {
    if app.authenticator.is_none() && certificates.is_none() {
        tracing::info!("there is nothing to read again");
    }
    if let Some(certificates) = certificates {
        // It fails only where it panicked, which the log has by then.
        let _ = tokio::task::spawn_blocking(move || certificates.reread()).await;
    }
    app.reread().await;
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
