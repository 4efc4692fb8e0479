//! The answer to a connection that is one too many.

use std::{collections::VecDeque, time::Duration};

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    task::{AbortHandle, JoinHandle},
    time::timeout,
};

use super::connection::{BUFFER, Socket};

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

/// Says why, in the form that the request asks for, and closes.
pub async fn refuse(socket: Socket, router: Router) {
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .keep_alive(false)
        .max_buf_size(BUFFER)
        .serve_connection(TokioIo::new(socket), TowerToHyperService::new(router));
    if !matches!(timeout(PATIENCE, connection).await, Ok(Ok(()))) {
        tracing::debug!("a refused connection did not wait for the answer");
    }
}
