//! Takes connections: within the budget they are served, beyond it refused, and where not even a file
//! is left for one, closed.

use std::{
    fs::File,
    io::{Error, ErrorKind},
    mem,
    sync::Arc,
    time::Duration,
};

use axum::Router;
use futures_util::FutureExt;
use tokio::time::{Instant, sleep};

use super::{
    certificates::Tls,
    connection,
    listen::Listener,
    refusal::{self, Refusals},
    serving::Serving,
};
use crate::{app::App, connections::Full, http};

/// The pause after an error that says that something has run out.
const PAUSE: Duration = Duration::from_millis(200);
/// The log tells of closed connections no more often than this.
const QUIET: Duration = Duration::from_secs(1);
/// The process has no file left, or the system (errno(3), on Linux and macOS).
const NO_FILES: [i32; 2] = [24, 23];

/// Takes the connections of a listener; never ends. Where it has TLS, `tls` are its settings.
pub async fn accept(app: &Arc<App>, router: Router, listener: &Listener, tls: Option<&Tls>) {
    let tls = tls.filter(|_| listener.has_tls);
    let (tasks, refusing_tls) = (&app.shutdown.tasks, tls.map(|tls| tls.refusing.clone()));
    let serving = Arc::new(Serving {
        router,
        full: [Full::Server, Full::Address].map(|why| http::full(&app.config, why)),
        tls: tls.map(|tls| tls.serving.clone()),
        connections: app.connections.clone(),
        tasks: tasks.clone(),
        closing: app.shutdown.closing.clone(),
        stall_timeout: app.config.stall_timeout,
        timings: app.config.timings,
    });
    let (mut refusals, mut spare) = (Refusals::default(), Spare::new());
    loop {
        let socket = match listener.accept().await {
            Ok(socket) => socket,
            Err(error) if is_of_one_connection(&error) => continue,
            Err(error) => {
                let has_no_file = error.raw_os_error().is_some_and(|code| NO_FILES.contains(&code));
                if !(has_no_file && spare.close_one(listener)) {
                    tracing::warn!(%error, "a connection can't be accepted");
                    sleep(PAUSE).await;
                }
                continue;
            }
        };
        match app.connections.take(connection::peer(&socket)) {
            Ok(place) => drop(tasks.spawn(connection::run(socket, serving.clone(), place))),
            Err(why) => {
                let refusal = refusal::refuse(socket, refusing_tls.clone(), serving.full(why));
                refusals.add(&tasks.spawn(refusal));
            }
        }
    }
}

/// Returns true if an error concerns a connection that failed before it was accepted, and nothing else
/// (accept(2)).
fn is_of_one_connection(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ConnectionAborted
            | ErrorKind::ConnectionReset
            | ErrorKind::HostUnreachable
            | ErrorKind::Interrupted
            | ErrorKind::NetworkDown
            | ErrorKind::NetworkUnreachable
    )
}

/// A file kept open for the moment when no other can be: given up, it lets a connection be accepted and
/// closed. Its client learns of it at once, where it would wait in vain otherwise.
#[derive(Debug)]
struct Spare {
    file: Option<File>,
    closed: u64,
    told: Option<Instant>,
}

impl Spare {
    fn new() -> Self {
        Self { file: open(), closed: 0, told: None }
    }

    /// Closes the connection that waits for the longest; false if there is no spare file for it.
    fn close_one(&mut self, listener: &Listener) -> bool {
        if self.file.take().is_none() {
            self.file = open();
            return false;
        }
        // If it had gone meanwhile, there is nothing to wait for here.
        let accepted = listener.accept().now_or_never();
        let is_taken = matches!(accepted, Some(Err(_)));
        let is_closed = matches!(accepted, Some(Ok(_)));
        drop(accepted);
        self.file = open();
        self.closed += u64::from(is_closed);
        if self.closed > 0 && self.told.is_none_or(|told| told.elapsed() >= QUIET) {
            self.told = Some(Instant::now());
            let closed = mem::take(&mut self.closed);
            tracing::warn!(closed, "no file is left for a connection: it is closed");
        }
        // Otherwise somebody else was faster to take the file.
        !is_taken
    }
}

/// A file that is always there.
fn open() -> Option<File> {
    File::open("/dev/null").ok()
}
