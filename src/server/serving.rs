//! The parts that connections share.

use std::{sync::Arc, time::Duration};

use axum::Router;
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::rustls::ServerConfig;
use tokio_util::{either::Either, sync::CancellationToken, task::TaskTracker};

use crate::{
    config::Timings,
    connections::{Connections, Full},
};

/// The most that hyper's buffers for reading and for writing grow to: a request for fifty rooms with the longest
/// names and their cursors fits, and a longer head is answered `431`. They begin with 8 KiB each, which is most of
/// what an idle stream costs, and grow only for who sends more.
pub(super) const BUFFER: usize = 16 * 1024;

/// The socket of a connection.
pub type Socket = Either<TcpStream, UnixStream>;

/// The parts that all connections of a listener share.
#[derive(Debug)]
pub struct Serving {
    /// Answers requests.
    pub router: Router,
    /// Answers a request that is one too many, of all or of its address.
    pub full: [Router; 2],
    /// The settings of TLS; absent where there is none.
    pub tls: Option<Arc<ServerConfig>>,
    /// The connections and streams that may still be opened.
    pub connections: Arc<Connections>,
    /// The tasks that are waited for at the end.
    pub tasks: TaskTracker,
    /// No new requests are taken any more.
    pub closing: CancellationToken,
    /// The time that a reader may leave unread what waits for it.
    pub stall_timeout: Duration,
    /// The product's own times.
    pub timings: Timings,
}

impl Serving {
    /// Answers a request that is one too many, and says of what.
    pub(super) fn full(&self, why: Full) -> Router {
        self.full[why as usize].clone()
    }
}
