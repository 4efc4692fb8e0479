//! Accounts as a resource: registering, one's password, and leaving.

use std::sync::Arc;

use axum::{
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{
    answer,
    caller::Caller,
    client_address::ClientAddress,
    cookie,
    extract::JsonBody,
    me,
    middleware::no_content,
    openapi::{
        answers::{OfAccount, OfLeaving, OfRegistration},
        samples,
        texts::UsernameText,
    },
    problem::Problem,
};
use crate::{
    app::App,
    chat::{Browser, ChatError, SignedIn},
    domain::{invalid::Check, me::Me, message::required, name::Username},
};

/// Somebody who registers.
#[derive(Debug, Deserialize, ToSchema)]
pub struct Register {
    /// The name; it stays.
    #[schema(value_type = UsernameText, required)]
    username: Option<String>,
    /// The password: 10 to 256 characters, none of the commonest.
    #[schema(required, min_length = 10, max_length = 256, example = "correct horse battery staple")]
    password: Option<String>,
    /// The invitation, where one is needed.
    #[schema(example = "pli_0000000000000000000000000000000000000000000")]
    invitation: Option<String>,
}

/// Register
///
/// Makes an account and signs in: the answer sets the cookie of a session. For pages of this server alone; others, and
/// programs, are refused.
#[utoipa::path(
    post, path = "/accounts", operation_id = "register", tag = "accounts",
    request_body(content = Register, example = json!(samples::registration())),
    responses(
        (status = 201, description = "registered and signed in", body = Me, headers(("Set-Cookie" = String, description = "the session")), example = json!(samples::me())),
        OfRegistration,
    )
)]
pub async fn register(
    State(app): State<Arc<App>>,
    ClientAddress(address): ClientAddress,
    caller: Caller,
    headers: HeaderMap,
    JsonBody(body): JsonBody<Register>,
) -> Result<Response, Problem> {
    caller.require_known()?;
    let mut check = Check::default();
    let username = check.take(required("username", body.username.as_deref()).and_then(Username::parse));
    let password = check.take(required("password", body.password));
    let (username, password) = check.finish(username.zip(password))?;
    let browser = browser(&app, &headers, address).await;
    let invitation = body.invitation.as_deref();
    let actor = caller.as_named(None);
    let signed_in = app.chat.register(&actor, &username, &password, invitation, &browser).await?;
    signed_in_answer(&app, &signed_in).await
}

/// A password to be changed.
#[derive(Debug, Deserialize, ToSchema)]
pub struct ChangePassword {
    /// The password so far.
    #[schema(required)]
    current: Option<String>,
    /// The password from now on: 10 to 256 characters, none of the commonest.
    #[schema(required, min_length = 10, max_length = 256, example = "correct horse battery staple")]
    new: Option<String>,
}

/// Change one's password
///
/// Ends all other sessions.
#[utoipa::path(
    put, path = "/me/password", operation_id = "change_password", tag = "accounts",
    request_body(content = ChangePassword, example = json!(samples::password_change())),
    responses((status = 204, description = "changed"), OfAccount)
)]
pub async fn change_password(
    State(app): State<Arc<App>>,
    ClientAddress(address): ClientAddress,
    caller: Caller,
    JsonBody(body): JsonBody<ChangePassword>,
) -> Result<Response, Problem> {
    caller.require_known()?;
    let mut check = Check::default();
    let current = check.take(required("current", body.current));
    let new = check.take(required("new", body.new));
    let (current, new) = check.finish(current.zip(new))?;
    app.chat.change_password(&caller.as_named(None), (&current, &new), address).await?;
    Ok(no_content())
}

/// Delete one's account
///
/// Ends all sessions, deletes all keys, and leaves all rooms. What was posted stays under the name, which is never given
/// to anybody else. The last admin stays.
#[utoipa::path(
    delete, path = "/me", operation_id = "delete_me", tag = "accounts",
    responses((status = 204, description = "deleted"), OfLeaving)
)]
pub async fn delete(State(app): State<Arc<App>>, caller: Caller) -> Result<Response, Problem> {
    caller.require_known()?;
    app.chat.delete_account(&caller.as_named(None)).await?;
    Ok(([(header::SET_COOKIE, cookie::forgotten(&app.config))], no_content()).into_response())
}

/// The browser of a request, with the session that it has so far.
pub(super) async fn browser(app: &App, headers: &HeaderMap, address: Option<std::net::IpAddr>) -> Browser {
    let agent = headers.get(header::USER_AGENT).map(|agent| String::from_utf8_lossy(agent.as_bytes()).into_owned());
    let replaces = match (&app.authenticator, cookie::presented(&app.config, headers)) {
        (Some(authenticator), Some(cookie)) => authenticator.actor(&cookie).await.ok(),
        _ => None,
    };
    let replaces = replaces.and_then(|actor| actor.grant().and_then(|grant| grant.credential.session()));
    Browser { address, agent, replaces }
}

/// The answer to somebody who has signed in: who they are, and the cookie.
pub(super) async fn signed_in_answer(app: &App, signed_in: &SignedIn) -> Result<Response, Problem> {
    let authenticator = app.authenticator.as_ref().ok_or(ChatError::NoAccounts)?;
    let actor = authenticator.actor(signed_in.cookie.reveal()).await?;
    let me = me::of(app, &actor).await?;
    let cookie = cookie::kept(&app.config, &signed_in.cookie, signed_in.lasts);
    Ok((StatusCode::CREATED, [(header::SET_COOKIE, cookie)], answer(me)).into_response())
}
