//! Sessions as a resource: signing in and out, and the browsers that are signed in.

use std::sync::Arc;

use axum::{
    extract::State,
    http::{HeaderMap, header},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    accounts::{browser, signed_in_answer},
    admission::{self, Admission},
    caller::Caller,
    client_address::ClientAddress,
    cookie,
    extract::{IdPath, JsonBody, Params, cursor},
    fields::Whole,
    middleware::no_content,
    openapi::{
        answers::{OfAccount, OfService, OfSignIn},
        samples,
        texts::UsernameText,
    },
    problem::Problem,
};
use crate::{
    app::App,
    chat::SignIn,
    domain::{
        account::SessionView,
        invalid::{Check, Invalid},
        me::Me,
        message::required,
        name::Username,
    },
};

/// Somebody who signs in: by `username` and `password`, by `username`, `reset` and `new`, or by `token`.
#[derive(Debug, Deserialize, ToSchema)]
pub struct NewSession {
    /// The name.
    #[schema(value_type = Option<UsernameText>)]
    username: Option<String>,
    /// The password.
    #[schema(example = "correct horse battery staple")]
    password: Option<String>,
    /// A secret that an admin gave out, with which a new password is set, once.
    reset: Option<String>,
    /// The new password: 10 to 256 characters, none of the commonest.
    new: Option<String>,
    /// A token (JWT) of another system. The session ends when it does.
    token: Option<String>,
}

/// Sign in
///
/// The answer sets the cookie of a new session, and ends the one that came with the request. For pages of this server
/// alone.
#[utoipa::path(
    post, path = "/session", operation_id = "sign_in", tag = "accounts",
    request_body(content = NewSession, example = json!(samples::sign_in())),
    responses(
        (status = 201, description = "signed in", body = Me, headers(("Set-Cookie" = String, description = "the session")), example = json!(samples::me())),
        OfSignIn,
    )
)]
pub async fn sign_in(
    State(app): State<Arc<App>>,
    ClientAddress(address): ClientAddress,
    caller: Caller,
    headers: HeaderMap,
    JsonBody(body): JsonBody<NewSession>,
) -> Result<Response, Problem> {
    caller.require_known()?;
    let (actor, browser) = (caller.as_named(None), browser(&app, &headers, address).await);
    if let Some(token) = &body.token {
        if body.username.is_some() || body.password.is_some() || body.reset.is_some() || body.new.is_some() {
            return Err(vec![Invalid::new("token", "says by itself who signs in: leave the other fields out")].into());
        }
        let signed_in = app.chat.sign_in_by_token(&actor, token, &browser).await?;
        return signed_in_answer(&app, &signed_in).await;
    }
    let mut check = Check::default();
    let username = check.take(required("username", body.username.as_deref()).and_then(Username::parse));
    let by = check.take(match (&body.password, &body.reset, &body.new) {
        (Some(password), None, None) => Ok(SignIn::Password(password)),
        (None, Some(secret), Some(new)) => Ok(SignIn::Reset { secret, new }),
        (None, Some(_), None) => Err(Invalid::new("new", "is required: the password from now on")),
        (None, None, _) => Err(Invalid::new("password", "is required")),
        (Some(_), ..) => Err(Invalid::new("password", "is not needed with reset and new: leave it out")),
    });
    let (username, by) = check.finish(username.zip(by))?;
    let signed_in = app.chat.sign_in(&actor, &username, by, &browser).await?;
    signed_in_answer(&app, &signed_in).await
}

/// Sign out
///
/// Ends the session that asks, with its streams and sockets.
#[utoipa::path(
    delete, path = "/session", operation_id = "sign_out", tag = "accounts",
    responses((status = 204, description = "signed out", headers(("Set-Cookie" = String, description = "has the browser forget the session"))), OfAccount)
)]
pub async fn sign_out(State(app): State<Arc<App>>, caller: Caller) -> Result<Response, Problem> {
    caller.require_known()?;
    app.chat.sign_out(&caller.as_named(None)).await?;
    Ok(([(header::SET_COOKIE, cookie::forgotten(&app.config))], no_content()).into_response())
}

/// A page of sessions or invitations.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct BeforeParams {
    /// Those before this number.
    #[param(minimum = 0)]
    pub(super) before: Option<i64>,
    /// The maximum number to return.
    #[param(value_type = Option<u64>, minimum = 1, maximum = 200, default = 50)]
    pub(super) limit: Option<Whole<1, 200>>,
}

/// A page of sessions.
#[derive(Debug, Serialize, ToSchema)]
pub struct SessionPage {
    /// The sessions, newest first.
    sessions: Vec<SessionView>,
    /// Goes into `before` to read on; null on the last page.
    #[schema(required)]
    next: Option<i64>,
}

/// List one's sessions
///
/// The browsers that are signed in.
#[utoipa::path(
    get, path = "/sessions", operation_id = "list_sessions", tag = "accounts", params(BeforeParams),
    responses((status = 200, description = "a page of sessions", body = SessionPage, example = json!(samples::sessions())), OfService)
)]
pub async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    admission: Admission,
    Params(params): Params<BeforeParams>,
) -> Result<Response, Problem> {
    caller.require_known()?;
    let (hold, limit) = (admission.admit().await?, Whole::count_or(params.limit, 50));
    let before = cursor("before", params.before)?;
    let (sessions, has_more) = app.chat.sessions(&caller.as_named(None), before, limit).await?;
    let next = sessions.last().filter(|_| has_more).map(|session| session.id);
    Ok(admission::answer(hold, SessionPage { sessions, next }))
}

/// End one of one's sessions
///
/// Signs that browser out, and ends its streams and sockets.
#[utoipa::path(
    delete, path = "/sessions/{id}", operation_id = "end_session", tag = "accounts", params(IdPath),
    responses((status = 204, description = "ended"), OfAccount)
)]
pub async fn end(State(app): State<Arc<App>>, IdPath(id): IdPath, caller: Caller) -> Result<Response, Problem> {
    caller.require_known()?;
    app.chat.end_session(&caller.as_named(None), id).await?;
    Ok(no_content())
}
