//! Whether the server lives, and whether it takes work.

use std::sync::Arc;

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    answer,
    problem::{Code, Problem, ProblemBody},
};
use crate::app::App;

/// How the server stands.
#[derive(Debug, Serialize, ToSchema)]
pub struct Standing {
    /// Always `ok`; otherwise the answer is a problem.
    #[schema(example = "ok")]
    status: &'static str,
}

/// Is it alive
#[utoipa::path(
    get, path = "/healthz", operation_id = "get_health", tag = "service",
    responses((status = 200, description = "the process answers", body = Standing))
)]
pub async fn alive() -> Response {
    answer(Standing { status: "ok" })
}

/// Does it take work
#[utoipa::path(
    get, path = "/readyz", operation_id = "get_readiness", tag = "service",
    responses(
        (status = 200, description = "posts are taken", body = Standing),
        (status = 503, description = "the store is out, or the server ends", body = ProblemBody<'_>, content_type = "application/problem+json"),
    )
)]
pub async fn ready(State(app): State<Arc<App>>) -> Response {
    if app.shutdown.draining.is_cancelled() {
        Problem::new(Code::Draining, "The server is ending.").into_response()
    } else if app.health.is_ok() {
        answer(Standing { status: "ok" })
    } else {
        Problem::new(Code::Unavailable, "The store is out.").into_response()
    }
}
