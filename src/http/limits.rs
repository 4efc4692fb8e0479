//! The limits of rate as a resource: what is left of each for whoever asks.

use std::sync::Arc;

use axum::{extract::State, response::Response};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    answer,
    caller::Caller,
    extract::{Params, username},
    openapi::{answers::OfService, texts::UsernameText},
    problem::Problem,
};
use crate::{
    app::App,
    domain::limit::{Allowance, seconds},
};

/// The user whose limits are asked for.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct LimitsParams {
    /// The user, in open mode.
    #[param(value_type = Option<UsernameText>)]
    username: Option<String>,
}

/// The limits of rate.
#[derive(Debug, Serialize, ToSchema)]
pub struct LimitList {
    /// The limits; empty where nothing is limited.
    limits: Vec<LimitState>,
}

/// A limit of rate, and what is left of it.
#[derive(Debug, Serialize, ToSchema)]
pub struct LimitState {
    /// The name of the limit, as the header `RateLimit` has it.
    #[schema(example = "posts")]
    pub name: &'static str,
    /// The number that may be done in one instant.
    #[schema(example = 20)]
    pub burst: u32,
    /// The seconds in which all of the burst comes back.
    #[schema(example = 20)]
    pub window: u64,
    /// The number that may be done now.
    #[schema(example = 12)]
    pub remaining: u32,
    /// The seconds until one more may be done; 0 while any is left.
    #[schema(example = 0)]
    pub next_in: u64,
    /// The seconds until all of the burst is there.
    #[schema(example = 8)]
    pub full_in: u64,
}

impl From<Allowance> for LimitState {
    fn from(allowance: Allowance) -> Self {
        Self {
            name: allowance.limit.word(),
            burst: allowance.burst,
            window: allowance.window.as_secs(),
            remaining: allowance.left,
            next_in: seconds(allowance.next_in),
            full_in: seconds(allowance.full_in),
        }
    }
}

/// Find out what one may still do
///
/// The limits of rate of whoever asks, which asking leaves as they are, except for that of requests.
#[utoipa::path(
    get, path = "/limits", operation_id = "get_limits", tag = "identity", params(LimitsParams),
    responses((status = 200, description = "the limits", body = LimitList, example = json!({"limits": [{"name": "posts", "burst": 20, "window": 20, "remaining": 12, "next_in": 0, "full_in": 8}]})), OfService)
)]
pub async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    Params(params): Params<LimitsParams>,
) -> Result<Response, Problem> {
    let actor = caller.as_named(username(params.username.as_deref())?);
    let limits = app.chat.allowances(&actor).await?.into_iter().map(LimitState::from).collect();
    Ok(answer(LimitList { limits }))
}
