//! Reacting to messages.

use std::sync::Arc;

use axum::{extract::State, http::HeaderMap, response::Response};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    admission::{self, Admission},
    caller::Caller,
    changes::{ActorParams, as_changed},
    conditions::precondition,
    extract::{Body, Params, ReactionPath, acting, cursor},
    fields::Whole,
    openapi::{
        answers::{OfReaction, OfThing},
        params::{IfMatch, UnlessMatch},
        samples,
    },
    problem::Problem,
};
use crate::{
    app::App,
    domain::{
        EventId,
        message::{Message, Reactor},
        name::Username,
        policy::Actor,
        timestamp::Timestamp,
    },
};

/// React to a message
///
/// One reaction a user and emoji: doing so again changes nothing. A message has at most 50 different ones.
#[utoipa::path(
    put, path = "/rooms/{room}/messages/{id}/reactions/{emoji}", operation_id = "add_reaction", tag = "messages",
    params(ReactionPath, ActorParams, IfMatch, UnlessMatch),
    responses(
        (status = 200, description = "the message", body = Message, headers(("ETag" = String, description = "changes with the message"), ("Event-Id" = i64, description = "the event that was made; absent if nothing changed")), example = json!(samples::reacted())),
        OfReaction,
    )
)]
pub async fn add(
    State(app): State<Arc<App>>,
    path: ReactionPath,
    caller: Caller,
    headers: HeaderMap,
    Body(params): Body<ActorParams>,
) -> Result<Response, Problem> {
    let actor = acting(&caller, params.username.as_deref())?;
    set(&app, &actor, path, &headers, true).await
}

/// Take a reaction back
///
/// Taking back what is not there changes nothing.
#[utoipa::path(
    delete, path = "/rooms/{room}/messages/{id}/reactions/{emoji}", operation_id = "remove_reaction", tag = "messages",
    params(ReactionPath, ActorParams, IfMatch, UnlessMatch),
    responses(
        (status = 200, description = "the message", body = Message, headers(("ETag" = String, description = "changes with the message"), ("Event-Id" = i64, description = "the event that was made; absent if nothing changed")), example = json!(samples::message())),
        OfReaction,
    )
)]
pub async fn remove(
    State(app): State<Arc<App>>,
    path: ReactionPath,
    caller: Caller,
    headers: HeaderMap,
    Body(params): Body<ActorParams>,
) -> Result<Response, Problem> {
    let actor = acting(&caller, params.username.as_deref())?;
    set(&app, &actor, path, &headers, false).await
}

async fn set(
    app: &App,
    actor: &Actor,
    ReactionPath(room, id, emoji): ReactionPath,
    headers: &HeaderMap,
    on: bool,
) -> Result<Response, Problem> {
    Ok(as_changed(&app.chat.react(actor, &room, id, &emoji, on, precondition(headers)).await?))
}

/// Which of those who reacted.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ReactionParams {
    /// Those after an earlier page: its `next`.
    #[param(value_type = Option<i64>, minimum = 0)]
    after: Option<EventId>,
    /// The maximum number to return.
    #[param(value_type = Option<u64>, minimum = 1, maximum = 200, default = 50)]
    limit: Option<Whole<1, 200>>,
}

/// Those who reacted to a message with one emoji, in the order they did.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReactionPage {
    /// Some of them.
    users: Vec<ReactionUser>,
    /// Goes into `after` to read on; null on the last page.
    #[schema(value_type = Option<i64>, required)]
    next: Option<EventId>,
}

/// Somebody who reacted.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReactionUser {
    /// The user.
    username: Username,
    /// The time of the reaction.
    timestamp: Timestamp,
}

/// See who reacted with an emoji
///
/// In the order they did. The message itself names only the first ten.
#[utoipa::path(
    get, path = "/rooms/{room}/messages/{id}/reactions/{emoji}", operation_id = "list_reactions", tag = "messages",
    params(ReactionPath, ReactionParams),
    responses((status = 200, description = "a page, empty when nobody did", body = ReactionPage, example = json!(samples::reactions())), OfThing)
)]
pub async fn list(
    State(app): State<Arc<App>>,
    ReactionPath(room, id, emoji): ReactionPath,
    caller: Caller,
    admission: Admission,
    Params(params): Params<ReactionParams>,
) -> Result<Response, Problem> {
    let after = cursor("after", params.after)?.unwrap_or(0);
    let limit = Whole::count_or(params.limit, 50);
    let hold = admission.admit().await?;
    let (reactors, next) = app.chat.reactors(&caller.as_named(None), &room, id, &emoji, after, limit).await?;
    let user = |reactor: Reactor| ReactionUser { username: reactor.username, timestamp: reactor.timestamp };
    Ok(admission::answer(hold, ReactionPage { users: reactors.into_iter().map(user).collect(), next }))
}
