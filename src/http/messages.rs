//! Posting messages, paging through them, and getting one.

use std::{sync::Arc, time::Duration};

use axum::{
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    admission::{self, Admission},
    answer,
    caller::Caller,
    conditions::{self, shown},
    extract::{Body, MessagePath, Params, RoomPath, acting, cursor},
    fields::Whole,
    openapi::{
        answers::{OfPost, OfRoom, OfTagged},
        params::{IdempotencyKey, IfMatch, IfNoneMatch},
        samples,
        texts::UsernameText,
    },
    problem::{FieldError, Problem},
};
use crate::{
    app::App,
    chat::{Committed, messages::Posted},
    domain::{
        EventId,
        content::Content,
        invalid::Check,
        message::{Message, Post, Range, parse_client_id},
        name::RoomName,
    },
};

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const IDEMPOTENT_REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");
/// The longest a request waits, in seconds: below the minute after which proxies give up.
pub const MAX_WAIT: u64 = 50;

/// A message to post.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = NewMessage)]
pub struct NewMessage {
    /// The author.
    #[schema(value_type = UsernameText, required)]
    username: Option<String>,
    /// The content.
    #[schema(value_type = Content, required)]
    content: Option<String>,
    /// The message of the room that this one answers.
    #[schema(value_type = Option<i64>, minimum = 1)]
    reply_to: Option<EventId>,
    /// A key of the client's own: with the same one, the same message is never posted twice.
    #[schema(pattern = "^[ -~]{1,64}$")]
    client_id: Option<String>,
}

/// Post a message
///
/// Once this answers, the message is on disk. Asked again with the same `client_id` (or header
/// `Idempotency-Key`) by the same author, it answers `200` with the first message.
#[utoipa::path(
    post, path = "/rooms/{room}/messages", operation_id = "post_message", tag = "messages",
    params(RoomPath, IdempotencyKey),
    request_body(content(
        (NewMessage = "application/json", example = json!(samples::new_message())),
        (NewMessage = "application/x-www-form-urlencoded", example = json!(samples::new_message())),
    )),
    responses(
        (status = 201, description = "posted", body = Message, headers(("Location" = String, description = "where the message is"), ("ETag" = String, description = "changes with the message"), ("Event-Id" = i64, description = "the event that was made")), example = json!(samples::message())),
        (status = 200, description = "posted before with this key: the message as it is now", body = Message, headers(("Idempotent-Replayed" = bool, description = "true"), ("ETag" = String, description = "changes with the message")), example = json!(samples::message())),
        OfPost,
    )
)]
pub async fn post(
    State(app): State<Arc<App>>,
    RoomPath(room): RoomPath,
    caller: Caller,
    headers: HeaderMap,
    Body(body): Body<NewMessage>,
) -> Result<Response, Problem> {
    let client_id = one_key(&headers, body.client_id)?;
    let post = Post { content: body.content, reply_to: body.reply_to, client_id };
    let mut check = Check::default();
    let actor = check.take(caller.act_as(body.username.as_deref()));
    let draft = check.take_all(post.check(app.config.content_limit));
    let (actor, draft) = check.finish(actor.zip(draft))?;
    let Committed { answer: Posted { message, replayed }, event } = app.chat.post_message(&actor, &room, draft).await?;
    let body = answer(&*message);
    let response = if replayed {
        ([(IDEMPOTENT_REPLAYED, HeaderValue::from_static("true"))], body).into_response()
    } else {
        let location = format!("/api/v1/rooms/{room}/messages/{}", message.id);
        (StatusCode::CREATED, [(header::LOCATION, location)], body).into_response()
    };
    Ok(conditions::changed(response, &message.version(), event))
}

/// The key of the header, on however many lines, and the key of the body are one thing.
fn one_key(headers: &HeaderMap, client_id: Option<String>) -> Result<Option<String>, Problem> {
    let invalid = |detail: String| Problem::invalid(vec![FieldError { field: "client_id".into(), detail }]);
    let mut keys = headers.get_all(IDEMPOTENCY_KEY).into_iter();
    let Some(key) = keys.next() else { return Ok(client_id) };
    if keys.any(|other| other != key) {
        return Err(invalid("is given twice, by headers Idempotency-Key that differ: give it once".into()));
    }
    let key = String::from_utf8_lossy(key.as_bytes()).into_owned();
    let key = parse_client_id(key).map_err(|error| invalid(format!("the header Idempotency-Key {}", error.detail)))?;
    match client_id {
        Some(client_id) if client_id != key => Err(invalid("differs from the header Idempotency-Key".into())),
        _ => Ok(Some(key)),
    }
}

/// Which messages.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PageParams {
    /// The newest messages before this id. Not with `after`.
    #[param(value_type = Option<i64>, minimum = 0)]
    before: Option<EventId>,
    /// The oldest messages after this id.
    #[param(value_type = Option<i64>, minimum = 0)]
    after: Option<EventId>,
    /// The maximum number to return.
    #[param(value_type = Option<u64>, minimum = 1, maximum = 200, default = 50)]
    limit: Option<Whole<1, 200>>,
    /// With `after`: how many seconds to wait for the first one. A client's own timeout has to be longer.
    #[param(value_type = Option<u64>, minimum = 0, maximum = 50, default = 0)]
    wait: Option<Whole<0, MAX_WAIT>>,
    /// Only the message that `username` posted with this key, if there is one.
    #[param(value_type = Option<String>, pattern = "^[ -~]{1,64}$")]
    client_id: Option<String>,
    /// The author of the message with the key `client_id`.
    #[param(value_type = Option<UsernameText>)]
    username: Option<String>,
}

/// A page of messages, oldest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct MessagePage {
    /// The messages as they are now, in id order.
    messages: Vec<Message>,
    /// True if there are more in the direction asked.
    has_more: bool,
    /// Goes into `after` to read on.
    #[schema(value_type = i64, minimum = 0)]
    next: EventId,
    /// Goes into `before` to read back.
    #[schema(value_type = i64, minimum = 0)]
    prev: EventId,
}

/// Page through messages
///
/// The newest page without a cursor. With `after` and `wait` this is the simplest long poll.
///
/// A page stops at 256 KiB of JSON, with at least one message: `has_more` says whether there are more, and not how many
/// came.
#[utoipa::path(
    get, path = "/rooms/{room}/messages", operation_id = "list_messages", tag = "messages",
    params(RoomPath, PageParams),
    responses((status = 200, description = "a page, empty in a room that nobody has made", body = MessagePage, example = json!(samples::messages())), OfRoom)
)]
pub async fn list(
    State(app): State<Arc<App>>,
    RoomPath(room): RoomPath,
    caller: Caller,
    admission: Admission,
    Params(params): Params<PageParams>,
) -> Result<Response, Problem> {
    if let Some(client_id) = &params.client_id {
        return by_key(&app, &caller, &room, &params, client_id).await;
    }
    let range = match (cursor("before", params.before)?, cursor("after", params.after)?) {
        (Some(_), Some(_)) => return Err(Problem::bad_query("before", "can't be used together with after")),
        (Some(before), None) => Range::Before(before),
        (None, Some(after)) => Range::After(after),
        (None, None) => Range::Newest,
    };
    let limit = Whole::or(params.limit, 50);
    let wait = Whole::or(params.wait, 0);
    if wait > 0 && params.after.is_none() {
        return Err(Problem::bad_query("wait", "needs after: what to wait for"));
    }
    let actor = caller.as_named(None);
    if let (Range::After(after), 1..) = (range, wait) {
        app.chat.await_message(&actor, &room, after, Duration::from_secs(wait)).await?;
    }
    let hold = admission.admit().await?;
    let page = app.chat.messages(&actor, &room, range, limit).await?;
    let given = params.before.or(params.after).unwrap_or(0);
    let (first, last) = (page.messages.first(), page.messages.last());
    let page = MessagePage {
        next: last.map_or(given, |message| message.id),
        prev: first.map_or(given, |message| message.id),
        messages: page.messages,
        has_more: page.has_more,
    };
    Ok(admission::answer(hold, page))
}

/// The page of the one message that a user posted with a key, if there is one.
async fn by_key(
    app: &App,
    caller: &Caller,
    room: &RoomName,
    params: &PageParams,
    client_id: &str,
) -> Result<Response, Problem> {
    if params.before.is_some() || params.after.is_some() || params.wait.is_some() {
        return Err(Problem::bad_query("client_id", "can't be used together with before, after or wait"));
    }
    let actor = acting(caller, params.username.as_deref())?;
    let client_id =
        parse_client_id(client_id.to_owned()).map_err(|error| Problem::bad_query("client_id", error.detail))?;
    let message = app.chat.message_by_key(&actor, room, &client_id).await?;
    let id = message.as_ref().map_or(0, |message| message.id);
    Ok(answer(MessagePage { messages: message.into_iter().collect(), has_more: false, next: id, prev: id }))
}

/// Get a message
///
/// As it is now; `ETag` changes with it.
#[utoipa::path(
    get, path = "/rooms/{room}/messages/{id}", operation_id = "get_message", tag = "messages",
    params(MessagePath, IfMatch, IfNoneMatch),
    responses(
        (status = 200, description = "the message", body = Message, headers(("ETag" = String, description = "changes with the message")), example = json!(samples::message())),
        (status = 304, description = "it is as `If-None-Match` says"),
        OfTagged,
    )
)]
pub async fn get(
    State(app): State<Arc<App>>,
    MessagePath(room, id): MessagePath,
    caller: Caller,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let message = app.chat.message(&caller.as_named(None), &room, id).await?;
    shown(&headers, caller.is_known(), &message.version(), || answer(&message))
}
