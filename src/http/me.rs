//! The caller, as the server knows it.

use std::sync::Arc;

use axum::{extract::State, response::Response};

use super::{
    answer,
    caller::Caller,
    openapi::{answers::OfService, samples},
    problem::Problem,
};
use crate::{
    app::App,
    config::AuthMode,
    domain::{me::Me, policy::Actor, rights::Right},
};

/// Find out who one is
///
/// In open mode nobody is anybody in particular: names are only claimed.
#[utoipa::path(
    get, path = "/me", operation_id = "get_me", tag = "identity",
    responses((status = 200, description = "the caller", body = Me, example = json!(samples::me())), OfService)
)]
pub async fn get(State(app): State<Arc<App>>, caller: Caller) -> Result<Response, Problem> {
    Ok(answer(of(&app, &caller.as_named(None)).await?))
}

/// The actor, as it is told who it is.
pub(super) async fn of(app: &App, actor: &Actor) -> Result<Me, Problem> {
    let identity = &app.config.identity;
    let rights = app.chat.rights(actor).await?;
    let is_open = identity.auth == AuthMode::Open;
    Ok(Me {
        auth: if is_open { "open" } else { "required" },
        accounts: identity.accounts.word(),
        guests: is_open || identity.has_guests,
        username: actor.user().cloned(),
        kind: actor.user().and(actor.grant()).map(|grant| grant.kind.word()),
        admin: rights.contains(Right::Admin),
        rights: rights.words().collect(),
        expires_at: actor.grant().and_then(|grant| grant.expires_at),
    })
}
