//! The answer to a connection that is one too many.

use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{net::TcpStream, sync::OwnedSemaphorePermit, time::timeout};

use super::connection::BUFFER;

/// How many connections are refused in words at once; more are only closed.
pub const AT_ONCE: usize = 64;
/// How long a refused connection has to ask and to read why not.
const PATIENCE: Duration = Duration::from_secs(2);

/// Says why, in the form that the request asks for, and closes.
pub async fn refuse(stream: TcpStream, router: Router, _permit: OwnedSemaphorePermit) {
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .keep_alive(false)
        .max_buf_size(BUFFER)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    if !matches!(timeout(PATIENCE, connection).await, Ok(Ok(()))) {
        tracing::debug!("a refused connection did not wait for the answer");
    }
}
