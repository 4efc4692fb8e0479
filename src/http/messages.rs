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
    answer,
    extract::{Body, MessagePath, Params, RoomPath, cursor, within},
    openapi::{
        answers::{OfPost, OfRoom, OfThing},
        params::{IdempotencyKey, IfNoneMatch},
        samples,
    },
    problem::{FieldError, Problem},
};
use crate::{
    app::App,
    domain::{
        EventId,
        content::Content,
        message::{Message, Post, parse_client_id},
        name::Username,
    },
    store::messages::Range,
};

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const IDEMPOTENT_REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");
/// The longest a request waits, in seconds: below the minute after which proxies give up.
pub const MAX_WAIT: u64 = 50;

/// A message to post.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = NewMessage)]
pub struct NewMessage {
    /// Who posts.
    #[schema(value_type = Username, required)]
    username: Option<String>,
    /// What is said.
    #[schema(value_type = Content, required)]
    content: Option<String>,
    /// The message of the room that this one answers.
    #[schema(value_type = Option<i64>, minimum = 1)]
    reply_to: Option<EventId>,
    /// A key of the client's own: with the same one, the same message is never posted twice.
    #[schema(pattern = "^[ -~]{1,64}$", example = "a1b2c3")]
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
        (status = 201, description = "posted", body = Message, headers(("Location" = String, description = "where the message is")), example = json!(samples::message())),
        (status = 200, description = "posted before with this key: the message as it is now", body = Message, headers(("Idempotent-Replayed" = bool, description = "true")), example = json!(samples::message())),
        OfPost,
    )
)]
pub async fn post(
    State(app): State<Arc<App>>,
    RoomPath(room): RoomPath,
    headers: HeaderMap,
    Body(body): Body<NewMessage>,
) -> Result<Response, Problem> {
    let client_id = one_key(&headers, body.client_id)?;
    let post = Post { username: body.username, content: body.content, reply_to: body.reply_to, client_id };
    let posted = app.chat.post_message(&room, post).await?;
    if posted.replayed {
        return Ok(
            ([(IDEMPOTENT_REPLAYED, HeaderValue::from_static("true"))], answer(&*posted.message)).into_response()
        );
    }
    let location = format!("/api/v1/rooms/{room}/messages/{}", posted.message.id);
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], answer(&*posted.message)).into_response())
}

/// The key of the header and the key of the body are one thing.
fn one_key(headers: &HeaderMap, client_id: Option<String>) -> Result<Option<String>, Problem> {
    let invalid = |detail: String| Problem::invalid(vec![FieldError { field: "client_id".into(), detail }]);
    let Some(key) = headers.get(IDEMPOTENCY_KEY) else { return Ok(client_id) };
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
    /// How many at most.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u64>,
    /// With `after`: how many seconds to wait for the first one.
    #[param(minimum = 0, maximum = 50, default = 0)]
    wait: Option<u64>,
}

/// A page of messages, oldest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct MessagePage {
    /// The messages as they are now, in id order.
    messages: Vec<Message>,
    /// Whether there are more in the direction asked.
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
#[utoipa::path(
    get, path = "/rooms/{room}/messages", operation_id = "list_messages", tag = "messages",
    params(RoomPath, PageParams),
    responses((status = 200, description = "a page, empty in a room that nobody has made", body = MessagePage, example = json!(samples::messages())), OfRoom)
)]
pub async fn list(
    State(app): State<Arc<App>>,
    RoomPath(room): RoomPath,
    Params(params): Params<PageParams>,
) -> Result<Response, Problem> {
    let range = match (cursor("before", params.before)?, cursor("after", params.after)?) {
        (Some(_), Some(_)) => return Err(Problem::bad_query("before", "can't be used together with after")),
        (Some(before), None) => Range::Before(before),
        (None, Some(after)) => Range::After(after),
        (None, None) => Range::Newest,
    };
    let limit = within("limit", params.limit, 1..=200, 50)?;
    let wait = within("wait", params.wait, 0..=MAX_WAIT, 0)?;
    if wait > 0 && params.after.is_none() {
        return Err(Problem::bad_query("wait", "needs after: what to wait for"));
    }
    let page = app.chat.messages(&room, range, limit, Duration::from_secs(wait)).await?;
    let given = params.before.or(params.after).unwrap_or(0);
    let (first, last) = (page.messages.first(), page.messages.last());
    Ok(answer(MessagePage {
        next: last.map_or(given, |message| message.id),
        prev: first.map_or(given, |message| message.id),
        messages: page.messages,
        has_more: page.has_more,
    }))
}

/// Get a message
///
/// As it is now; `ETag` changes with it.
#[utoipa::path(
    get, path = "/rooms/{room}/messages/{id}", operation_id = "get_message", tag = "messages",
    params(MessagePath, IfNoneMatch),
    responses(
        (status = 200, description = "the message", body = Message, headers(("ETag" = String, description = "changes with the message")), example = json!(samples::message())),
        (status = 304, description = "it is as `If-None-Match` says"),
        OfThing,
    )
)]
pub async fn get(
    State(app): State<Arc<App>>,
    MessagePath(room, id): MessagePath,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let message = app.chat.message(&room, id).await?;
    let etag = etag(&message);
    let known = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    let is_known = known.flat_map(|tags| tags.split(',')).any(|tag| tag.trim().trim_start_matches("W/") == etag);
    let cache = [(header::ETAG, etag), (header::CACHE_CONTROL, "no-cache".to_owned())];
    Ok(if is_known {
        (StatusCode::NOT_MODIFIED, cache).into_response()
    } else {
        (cache, answer(message)).into_response()
    })
}

/// Equal for equal messages only.
pub(super) fn etag(message: &Message) -> String {
    format!("\"{}\"", message.version())
}
