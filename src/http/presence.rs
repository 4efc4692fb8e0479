//! Presence and typing.

use std::sync::Arc;

use axum::{extract::State, response::Response};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    admission::{self, Admission},
    caller::Caller,
    extract::{Body, Params, RoomPath, name},
    fields::Whole,
    middleware::no_content,
    openapi::{
        answers::{OfBody, OfRoom},
        samples,
        texts::UsernameText,
    },
    problem::Problem,
};
use crate::{
    app::App,
    domain::{event::PresentUser, invalid::Check, message::required, name::Username},
};

/// Which users.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PresenceParams {
    /// The users after this name.
    #[param(value_type = Option<UsernameText>)]
    after: Option<String>,
    /// The maximum number to return.
    #[param(value_type = Option<u64>, minimum = 1, maximum = 200, default = 50)]
    limit: Option<Whole<1, 200>>,
}

/// The users online.
#[derive(Debug, Serialize, ToSchema)]
pub struct PresencePage {
    /// The number of users online.
    online: usize,
    /// Some of them, by name.
    users: Vec<PresentUser>,
    /// Goes into `after` to read on; null on the last page.
    #[schema(required)]
    next: Option<Username>,
}

/// See who is here
///
/// A user is here while at least one stream, socket or poll names it, and 5 seconds longer.
#[utoipa::path(
    get, path = "/rooms/{room}/presence", operation_id = "list_presence", tag = "presence",
    params(RoomPath, PresenceParams),
    responses((status = 200, description = "who is here", body = PresencePage, example = json!(samples::presence())), OfRoom)
)]
pub async fn list(
    State(app): State<Arc<App>>,
    RoomPath(room): RoomPath,
    caller: Caller,
    admission: Admission,
    Params(params): Params<PresenceParams>,
) -> Result<Response, Problem> {
    let limit = Whole::count_or(params.limit, 50);
    let after = name("after", params.after.as_deref(), Username::parse)?;
    let hold = admission.admit().await?;
    let page = app.chat.presence(&caller.as_named(None), &room, after.as_ref().map(Username::key), limit).await?;
    let next = page.users.last().filter(|_| page.has_more).map(|user| user.username.clone());
    Ok(admission::answer(hold, PresencePage { online: page.online, users: page.users, next }))
}

/// Typing, on or off.
#[derive(Debug, Deserialize, ToSchema)]
pub struct SetTyping {
    /// The user who types.
    #[schema(value_type = UsernameText, required)]
    username: Option<String>,
    /// True if the user types, false if no longer.
    #[schema(required, nullable = false)]
    is_typing: Option<bool>,
}

/// Say who types
///
/// Lapses 6 seconds after it was last said, and when the user's message arrives.
#[utoipa::path(
    post, path = "/rooms/{room}/typing", operation_id = "set_typing", tag = "presence",
    params(RoomPath),
    request_body(content(
        (SetTyping = "application/json", example = json!(samples::typing())),
        (SetTyping = "application/x-www-form-urlencoded", example = json!(samples::typing())),
    )),
    responses((status = 204, description = "said"), OfBody)
)]
pub async fn typing(
    State(app): State<Arc<App>>,
    RoomPath(room): RoomPath,
    caller: Caller,
    Body(body): Body<SetTyping>,
) -> Result<Response, Problem> {
    let mut check = Check::default();
    let actor = check.take(caller.act_as(body.username.as_deref()));
    let is_typing = check.take(required("is_typing", body.is_typing));
    let (actor, is_typing) = check.finish(actor.zip(is_typing))?;
    app.chat.set_typing(&actor, &room, is_typing).await?;
    Ok(no_content())
}
