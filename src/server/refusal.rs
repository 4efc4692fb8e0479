//! The answer to a connection that is one too many.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    task::{AbortHandle, JoinHandle},
    time::timeout,
};
use tokio_rustls::rustls::ServerConfig;

use super::{
    connection::shake_hands,
    serving::{BUFFER, Socket},
};

/// Connections that are refused in words at once; they have files of their own, beyond the budget.
const AT_ONCE: usize = 128;
/// The time that a refused connection has to ask and to read why not.
const PATIENCE: Duration = Duration::from_secs(2);

/// The connections that are being refused, the oldest first.
///
/// One more than there is room for ends the oldest: who asks at once, as a health check does, is
/// answered, however many others connect and say nothing.
#[derive(Debug, Default)]
pub struct Refusals(VecDeque<AbortHandle>);

impl Refusals {
    /// Adds one.
    pub fn add(&mut self, refusal: &JoinHandle<()>) {
        if self.0.len() == AT_ONCE {
            self.0.retain(|refusal| !refusal.is_finished());
        }
        if self.0.len() == AT_ONCE
            && let Some(oldest) = self.0.pop_front()
        {
            oldest.abort();
        }
        self.0.push_back(refusal.abort_handle());
    }
}

/// Says why, in the form that the request asks for, and closes; by HTTP/1.1 also after a handshake of `tls`.
pub async fn refuse(socket: Socket, tls: Option<Arc<ServerConfig>>, router: Router) {
    let refusal = async {
        match tls {
            None => answer(socket, router).await,
            Some(tls) => match shake_hands(socket, tls).await {
                Ok(stream) => answer(stream, router).await,
                Err(_) => false,
            },
        }
    };
    if !timeout(PATIENCE, refusal).await.unwrap_or_default() {
        tracing::debug!("a refused connection did not wait for the answer");
    }
}

/// Returns true if the answer was taken.
async fn answer(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, router: Router) -> bool {
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .keep_alive(false)
        .max_buf_size(BUFFER)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    connection.await.is_ok()
}
