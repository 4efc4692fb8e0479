//! Health checks: liveness and readiness.

use std::sync::Arc;

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    answer,
    openapi::{answers::OfService, samples},
    problem::{Code, Problem},
};
use crate::{app::App, connections::Full};

/// The state of the server.
#[derive(Debug, Serialize, ToSchema)]
pub struct Standing {
    /// Always `ok`; otherwise the answer is a problem.
    #[schema(example = "ok")]
    status: &'static str,
}

/// Is it alive
///
/// Answers as long as the process does, whether or not it takes work, has connections left or its store.
#[utoipa::path(
    get, path = "/healthz", operation_id = "get_health", tag = "service",
    responses((status = 200, description = "the process answers", body = Standing, example = json!(samples::standing())), OfService)
)]
pub async fn alive() -> Response {
    answer(Standing { status: "ok" })
}

/// Does it take work
///
/// `503` from the moment the server is told to end, while the store is out, and while no connection is left.
#[utoipa::path(
    get, path = "/readyz", operation_id = "get_readiness", tag = "service",
    responses(
        (status = 200, description = "posts are taken", body = Standing, example = json!(samples::standing())),
        OfService,
    )
)]
pub async fn ready(State(app): State<Arc<App>>) -> Response {
    if app.shutdown.draining.is_cancelled() {
        Problem::new(Code::Draining, "The server is ending.").into_response()
    } else if !app.health.is_ok() {
        Problem::new(Code::Unavailable, "The store is out.").into_response()
    } else if app.connections.is_full() {
        no_connections(Full::Server).into_response()
    } else {
        answer(Standing { status: "ok" })
    }
}

/// The problem where connections have run out.
#[must_use]
pub fn no_connections(full: Full) -> Problem {
    let detail = match full {
        Full::Server => "This server has as many connections as it takes. Ask again in a moment.",
        Full::Address => {
            "Your address has as many connections as one may have here. Close one, or ask again in a moment."
        }
    };
    Problem::new(Code::Unavailable, detail)
}
