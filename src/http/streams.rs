//! Open streams and sockets as resources: by name they go on by another credential.

use std::sync::Arc;

use axum::{extract::State, response::Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    answer,
    caller::Caller,
    extract::{Body, StreamPath},
    openapi::{answers::OfBody, samples},
    problem::Problem,
};
use crate::{app::App, domain::timestamp::Timestamp};

/// The credential by which a stream goes on.
#[derive(Debug, Deserialize, ToSchema)]
pub struct NewToken {
    /// An API key or a token (JWT); absent: the credential of the request.
    token: Option<String>,
}

/// A stream that goes on.
#[derive(Debug, Serialize, ToSchema)]
pub struct ExtendedStream {
    /// The name of the stream or socket.
    pub stream: String,
    /// The time at which it ends now; `null` if its credential does not end.
    #[schema(required)]
    pub expires_at: Option<Timestamp>,
}

/// Have a stream go on by another credential
///
/// For a stream or a socket that was told `auth_expiring`: with another credential of the same user, which ends later, it
/// goes on, and ends with that one. Without a body the request's own credential is taken. The stream may be on another
/// node, which looks for it each second: be a few seconds early.
#[utoipa::path(
    post, path = "/streams/{stream}/token", operation_id = "extend_stream", tag = "identity", params(StreamPath),
    request_body(content(
        (NewToken = "application/json", example = json!({"token": "eyJ…"})),
        (NewToken = "application/x-www-form-urlencoded", example = json!({"token": "eyJ…"})),
    )),
    responses((status = 200, description = "it goes on", body = ExtendedStream, example = json!(samples::extended())), OfBody)
)]
pub async fn extend(
    State(app): State<Arc<App>>,
    StreamPath(stream): StreamPath,
    caller: Caller,
    Body(body): Body<NewToken>,
) -> Result<Response, Problem> {
    caller.require_known()?;
    let expires_at = app.chat.extend(&caller.as_named(None), &stream, body.token.as_deref()).await?;
    Ok(answer(ExtendedStream { stream, expires_at }))
}
