//! Read cursors and unread counts.

use std::sync::Arc;

use axum::{extract::State, response::Response};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    admission::{self, Admission},
    answer,
    caller::Caller,
    changes::ActorParams,
    extract::{Body, Params, RoomPath, acting, name},
    fields::Whole,
    openapi::{
        answers::{OfBody, OfRoom},
        samples,
        texts::UsernameText,
    },
    problem::Problem,
};
use crate::{
    app::App,
    domain::{
        EventId,
        invalid::{Check, Invalid},
        message::required,
        name::Username,
        read_cursor::ReadCursor,
    },
};

/// A read cursor to be moved.
#[derive(Debug, Deserialize, ToSchema)]
pub struct MarkRead {
    /// The user who has read.
    #[schema(value_type = UsernameText, required)]
    username: Option<String>,
    /// Up to where: every message with this id or a lower one is read; 0 is before the first.
    #[schema(value_type = i64, minimum = 0, required, example = 42)]
    last_read_id: Option<EventId>,
}

/// Say how far somebody has read
///
/// The cursor only moves forward: if it is further already, it stays and is answered.
#[utoipa::path(
    put, path = "/rooms/{room}/read", operation_id = "mark_read", tag = "presence",
    params(RoomPath),
    request_body(content(
        (MarkRead = "application/json", example = json!(samples::mark_read())),
        (MarkRead = "application/x-www-form-urlencoded", example = json!(samples::mark_read())),
    )),
    responses((status = 200, description = "where the cursor is", body = ReadCursor, example = json!(samples::read_cursor())), OfBody)
)]
pub async fn mark(
    State(app): State<Arc<App>>,
    RoomPath(room): RoomPath,
    caller: Caller,
    Body(body): Body<MarkRead>,
) -> Result<Response, Problem> {
    let mut check = Check::default();
    let actor = check.take(caller.act_as(body.username.as_deref()));
    let last_read_id = check.take(required("last_read_id", body.last_read_id).and_then(parse_cursor));
    let (actor, last_read_id) = check.finish(actor.zip(last_read_id))?;
    Ok(answer(app.chat.mark_read(&actor, &room, last_read_id).await?))
}

/// The id, if it is one.
///
/// # Errors
/// [`Invalid`] unless it is at least 0.
pub(super) fn parse_cursor(id: EventId) -> Result<EventId, Invalid> {
    if id >= 0 { Ok(id) } else { Err(Invalid::new("last_read_id", "is the id of an event, or 0")) }
}

/// The users whose cursors are listed.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ReadParams {
    /// The users after this name.
    #[param(value_type = Option<UsernameText>)]
    after: Option<String>,
    /// The maximum number to return.
    #[param(value_type = Option<u64>, minimum = 1, maximum = 1_000, default = 1_000)]
    limit: Option<Whole<1, 1_000>>,
}

/// The read cursors of a room.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReadPage {
    /// Some cursors, by name.
    cursors: Vec<ReadCursor>,
    /// Goes into `after` to read on; null on the last page.
    #[schema(required)]
    next: Option<Username>,
}

/// See how far everybody has read
///
/// A message is read by those whose cursor is at or past it.
#[utoipa::path(
    get, path = "/rooms/{room}/read", operation_id = "list_read", tag = "presence",
    params(RoomPath, ReadParams),
    responses((status = 200, description = "the cursors of those who said", body = ReadPage, example = json!(samples::reads())), OfRoom)
)]
pub async fn list(
    State(app): State<Arc<App>>,
    RoomPath(room): RoomPath,
    caller: Caller,
    admission: Admission,
    Params(params): Params<ReadParams>,
) -> Result<Response, Problem> {
    let limit = Whole::count_or(params.limit, 1_000);
    let after = name("after", params.after.as_deref(), Username::parse)?;
    let hold = admission.admit().await?;
    let (cursors, has_more) =
        app.chat.read_cursors(&caller.as_named(None), &room, after.as_ref().map(Username::key), limit).await?;
    let next = cursors.last().filter(|_| has_more).map(|cursor| cursor.username.clone());
    Ok(admission::answer(hold, ReadPage { cursors, next }))
}

/// The unread count of a user.
#[derive(Debug, Serialize, ToSchema)]
pub struct UnreadCount {
    /// The number of messages by others past the cursor; deleted ones don't count.
    #[schema(maximum = 1_000)]
    unread: u64,
    /// True if there may be more: they are not counted to the end.
    capped: bool,
    /// The cursor; 0 for who has not read anything.
    #[schema(value_type = i64, minimum = 0)]
    last_read_id: EventId,
}

/// Count what somebody has not read
///
/// Messages by others past the cursor, counted up to 1,000.
#[utoipa::path(
    get, path = "/rooms/{room}/unread", operation_id = "count_unread", tag = "presence",
    params(RoomPath, ActorParams),
    responses((status = 200, description = "how many", body = UnreadCount, example = json!(samples::unread())), OfRoom)
)]
pub async fn unread(
    State(app): State<Arc<App>>,
    RoomPath(room): RoomPath,
    caller: Caller,
    Params(params): Params<ActorParams>,
) -> Result<Response, Problem> {
    let actor = acting(&caller, params.username.as_deref())?;
    let count = app.chat.unread(&actor, &room).await?;
    Ok(answer(UnreadCount { unread: count.unread, capped: count.capped, last_read_id: count.last_read_id }))
}
