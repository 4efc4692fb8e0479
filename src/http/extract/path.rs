//! The parts of a request's path.

use std::borrow::Cow;

use axum::{
    extract::{FromRequestParts, MatchedPath},
    http::request::Parts,
};

use super::super::{
    fields::shown,
    problem::{Code, FieldError, Problem},
};
use crate::domain::{
    EventId,
    name::{RoomName, Username},
};

/// The `{room}` of a path.
#[derive(Debug)]
pub struct RoomPath(pub RoomName);

impl<S: Send + Sync> FromRequestParts<S> for RoomPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        let text = path_param(parts, "room")?;
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
        let id = path_param(parts, "id")?;
        // What is no id names nothing.
        let id = id.parse().map_err(|_| Problem::new(Code::NotFound, "There is no such message."))?;
        Ok(Self(room, id))
    }
}

/// The `{username}` of a path.
#[derive(Debug)]
pub struct UserPath(pub Username);

impl<S: Send + Sync> FromRequestParts<S> for UserPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        let name = path_param(parts, "username")?;
        Ok(Self(Username::parse(&name).map_err(|invalid| Problem::invalid(vec![invalid.into()]))?))
    }
}

/// The `{room}` and the `{username}` of a path.
#[derive(Debug)]
pub struct MemberPath(pub RoomName, pub Username);

impl<S: Send + Sync> FromRequestParts<S> for MemberPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let RoomPath(room) = RoomPath::from_request_parts(parts, state).await?;
        let UserPath(user) = UserPath::from_request_parts(parts, state).await?;
        Ok(Self(room, user))
    }
}

/// The `{id}` of a path, of something that is in no room.
#[derive(Debug)]
pub struct IdPath(pub i64);

impl<S: Send + Sync> FromRequestParts<S> for IdPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        let text = path_param(parts, "id")?;
        // What is no number names nothing.
        let missing = |_| Problem::new(Code::NotFound, format!("`{}` is no id: ids are whole numbers.", shown(&text)));
        Ok(Self(text.parse().map_err(missing)?))
    }
}

/// The `{stream}` of a path: any text, which the name of a stream or socket may be.
#[derive(Debug)]
pub struct StreamPath(pub String);

impl<S: Send + Sync> FromRequestParts<S> for StreamPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        path_param(parts, "stream").map(Self)
    }
}

/// The `{room}`, the `{id}` and the `{emoji}` of a path.
#[derive(Debug)]
pub struct ReactionPath(pub RoomName, pub EventId, pub String);

impl<S: Send + Sync> FromRequestParts<S> for ReactionPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let MessagePath(room, id) = MessagePath::from_request_parts(parts, state).await?;
        Ok(Self(room, id, path_param(parts, "emoji")?))
    }
}

/// A parameter of the path, decoded. axum's own extractor reads all of them, and does not say which one can't be.
pub(in crate::http) fn path_param(parts: &Parts, name: &str) -> Result<String, Problem> {
    let route = parts.extensions.get::<MatchedPath>().map_or("", MatchedPath::as_str);
    // From the end, since the beginning of the path may be cut off where routes are nested.
    let mut segments = route.rsplit('/').zip(parts.uri.path().rsplit('/'));
    let is_it = |segment: &str| segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) == Some(name);
    let (_, value) = segments
        .find(|(segment, _)| is_it(segment))
        .ok_or_else(|| Problem::internal(format!("the route has no {name}")))?;
    let text = percent_encoding::percent_decode_str(value).decode_utf8();
    let not_text = |_| FieldError { field: name.into(), detail: "is not UTF-8 once decoded".into() };
    text.map(Cow::into_owned).map_err(|error| Problem::invalid(vec![not_text(error)]))
}
