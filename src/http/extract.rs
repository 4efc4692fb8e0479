//! What a handler takes from a request, with every refusal a problem document.

use std::{ops::RangeInclusive, sync::Arc, time::Duration};

use axum::{
    body::Body as HttpBody,
    extract::{FromRequest, FromRequestParts, RawPathParams, Request},
    http::{HeaderMap, header, request::Parts},
};
use bytes::{Bytes, BytesMut};
use http_body::Body as _;
use http_body_util::BodyExt;
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use super::{
    caller::Caller,
    problem::{Code, FieldError, Problem},
};
use crate::{
    app::App,
    domain::{
        EventId,
        name::{RoomName, Username},
        policy::Actor,
    },
};

/// The most bytes of a request's body.
pub const MAX_BODY: usize = 64 * 1024;
/// How much of a body that is too large is still read, so that its sender gets to read the answer.
const DRAINED_BODY: usize = 1024 * 1024;

/// The `{room}` of a path.
#[derive(Debug)]
pub struct RoomPath(pub RoomName);

impl<S: Send + Sync> FromRequestParts<S> for RoomPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let text = path_param(parts, state, "room").await?;
        Ok(Self(RoomName::parse(&text).map_err(|invalid| Problem::invalid(vec![invalid.into()]))?))
    }
}

/// The `{room}` and the `{id}` of a path.
#[derive(Debug)]
pub struct MessagePath(pub RoomName, pub EventId);

impl<S: Send + Sync> FromRequestParts<S> for MessagePath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let RoomPath(room) = RoomPath::from_request_parts(parts, state).await?;
        let id = path_param(parts, state, "id").await?;
        // What is no id names nothing.
        let id = id.parse().map_err(|_| Problem::new(Code::NotFound, "There is no such message."))?;
        Ok(Self(room, id))
    }
}

/// The `{room}`, the `{id}` and the `{emoji}` of a path.
#[derive(Debug)]
pub struct ReactionPath(pub RoomName, pub EventId, pub String);

impl<S: Send + Sync> FromRequestParts<S> for ReactionPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let MessagePath(room, id) = MessagePath::from_request_parts(parts, state).await?;
        Ok(Self(room, id, path_param(parts, state, "emoji").await?))
    }
}

async fn path_param<S: Send + Sync>(parts: &mut Parts, state: &S, name: &str) -> Result<String, Problem> {
    let invalid = |_| Problem::invalid(vec![FieldError { field: name.into(), detail: "the path is not UTF-8".into() }]);
    let params = RawPathParams::from_request_parts(parts, state).await.map_err(invalid)?;
    let value = params.iter().find(|(key, _)| *key == name).map(|(_, value)| value.to_owned());
    value.ok_or_else(|| Problem::internal(format!("the route has no {name}")))
}

/// The parameters of the query.
#[derive(Debug)]
pub struct Params<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Params<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        let query = parts.uri.query().unwrap_or_default();
        if !is_utf8_once_decoded(query.as_bytes()) {
            return Err(Problem::new(Code::BadQuery, "The query is not UTF-8."));
        }
        let form = serde_urlencoded::Deserializer::new(url::form_urlencoded::parse(query.as_bytes()));
        serde_path_to_error::deserialize(form)
            .map(Self)
            .map_err(|error| Problem::bad_query(&error.path().to_string(), error.inner().to_string()))
    }
}

/// A number of the query within its bounds, or its default.
///
/// # Errors
/// A problem that names the parameter.
pub fn within(field: &str, value: Option<u64>, bounds: RangeInclusive<u64>, default: u64) -> Result<u64, Problem> {
    let value = value.unwrap_or(default);
    if bounds.contains(&value) {
        Ok(value)
    } else {
        Err(Problem::bad_query(field, format!("has to be from {} to {}", bounds.start(), bounds.end())))
    }
}

/// A cursor of the query.
///
/// # Errors
/// A problem that names the parameter.
pub fn cursor(field: &str, value: Option<EventId>) -> Result<Option<EventId>, Problem> {
    match value {
        Some(id) if id < 0 => Err(Problem::bad_query(field, "has to be 0 or an id")),
        value => Ok(value),
    }
}

/// A username of the query.
///
/// # Errors
/// A problem that names the parameter.
pub fn username(value: Option<&str>) -> Result<Option<Username>, Problem> {
    let invalid = |invalid: crate::domain::invalid::Invalid| Problem::bad_query(invalid.field, invalid.detail);
    value.map(Username::parse).transpose().map_err(invalid)
}

/// The actor whom the query names.
///
/// # Errors
/// A problem that names the parameter.
pub fn acting(caller: Caller, value: Option<&str>) -> Result<Actor, Problem> {
    let named = username(value)?.ok_or_else(|| Problem::bad_query("username", "is required: who does this"))?;
    Ok(caller.as_named(Some(named)))
}

/// The body, as JSON or as a form.
#[derive(Debug)]
pub struct Body<T>(pub T);

impl<T: DeserializeOwned> FromRequest<Arc<App>> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Problem> {
        let kind = content_type(request.headers());
        let time = app.config.timings.body_timeout;
        let refuse = || {
            let detail = "The body has to be application/json or application/x-www-form-urlencoded.";
            Problem::new(Code::UnsupportedMediaType, detail)
        };
        match kind.as_deref() {
            Some("application/json") => from_json(&read_body(request, time).await?),
            Some("application/x-www-form-urlencoded") => from_form(&read_body(request, time).await?),
            // Nothing at all, as of `curl -X PUT`: no field is given.
            None if read_body(request, time).await?.is_empty() => from_json(b"{}"),
            _ => Err(refuse()),
        }
        .map(Self)
    }
}

fn content_type(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    Some(value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
}

async fn read_body(request: Request, time: Duration) -> Result<Bytes, Problem> {
    let too_large = || Problem::new(Code::TooLarge, format!("A body has at most {MAX_BODY} bytes."));
    timeout(time, collect(request.into_body()))
        .await
        .map_err(|_| Problem::new(Code::Timeout, "The body did not come in time."))?
        .ok_or_else(too_large)?
}

/// The body's bytes; `None` when there are too many.
async fn collect(mut body: HttpBody) -> Option<Result<Bytes, Problem>> {
    // Said beforehand to be more than would be read anyway.
    if body.size_hint().lower() > DRAINED_BODY as u64 {
        return None;
    }
    let mut bytes = BytesMut::new();
    let mut read = 0;
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else {
            return Some(Err(Problem::new(Code::InvalidJson, "The body ends before it is complete.")));
        };
        let Ok(data) = frame.into_data() else { continue };
        read += data.len();
        if read <= MAX_BODY {
            bytes.extend_from_slice(&data);
        } else if read > DRAINED_BODY {
            return None;
        }
    }
    (read <= MAX_BODY).then(|| Ok(bytes.freeze()))
}

fn from_json<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    let mut json = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = error.path().to_string();
        let cause = error.into_inner();
        if cause.is_data() {
            let field = if path == "." { "body".to_owned() } else { path };
            Problem::invalid(vec![FieldError { field, detail: cause.to_string() }])
        } else {
            Problem::new(Code::InvalidJson, format!("The body is not JSON: {cause}."))
        }
    })?;
    json.end().map_err(|error| Problem::new(Code::InvalidJson, format!("The body is not JSON: {error}.")))?;
    // A list would do as well for serde: its first entry for the first field, and so on.
    if body.trim_ascii_start().starts_with(b"{") {
        Ok(value)
    } else {
        Err(Problem::invalid(vec![FieldError { field: "body".into(), detail: "has to be a JSON object".into() }]))
    }
}

fn from_form<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    if !is_utf8_once_decoded(body) {
        return Err(Problem::new(Code::InvalidJson, "The form is not UTF-8."));
    }
    let form = serde_urlencoded::Deserializer::new(url::form_urlencoded::parse(body));
    serde_path_to_error::deserialize(form).map_err(|error| {
        let (field, detail) = (error.path().to_string(), error.inner().to_string());
        Problem::invalid(vec![FieldError { field, detail }])
    })
}

/// Whether a form says what it means: decoding replaces what is not UTF-8, and what people write
/// is stored as sent or not at all.
fn is_utf8_once_decoded(form: &[u8]) -> bool {
    percent_encoding::percent_decode(form).decode_utf8().is_ok()
}
