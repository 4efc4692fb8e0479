//! The frame of the `OpenAPI` document; its paths come from the routes themselves.

use utoipa::{OpenApi, openapi::OpenApi as Document};

use super::problem::ProblemBody;
use crate::domain::{
    event::EventBody,
    message::{Message, Reaction},
};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Parlor",
        description = "A chat server: the same ordered, durable events by Server-Sent Events, long poll and WebSocket.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    components(schemas(EventBody<'_>, Message, Reaction, ProblemBody<'_>)),
    tags(
        (name = "rooms", description = "Rooms, each with one log of events"),
        (name = "messages", description = "Posting and reading messages"),
        (name = "reading", description = "Following a room, three ways"),
        (name = "presence", description = "Who is here, who types"),
        (name = "service", description = "The server itself"),
    ),
)]
struct Frame;

/// The document without paths.
#[must_use]
pub fn frame() -> Document {
    Frame::openapi()
}

/// The error answers that every operation can give.
#[derive(Debug, utoipa::IntoResponses)]
pub enum Problems {
    /// The body is not JSON, or a parameter can't be used.
    #[response(status = 400, content_type = "application/problem+json")]
    BadRequest(#[to_schema] ProblemBody<'static>),
    /// From another site.
    #[response(status = 403, content_type = "application/problem+json")]
    CrossSite(#[to_schema] ProblemBody<'static>),
    /// There is no such thing.
    #[response(status = 404, content_type = "application/problem+json")]
    NotFound(#[to_schema] ProblemBody<'static>),
    /// The body did not come in time.
    #[response(status = 408, content_type = "application/problem+json")]
    Timeout(#[to_schema] ProblemBody<'static>),
    /// The body is too large.
    #[response(status = 413, content_type = "application/problem+json")]
    TooLarge(#[to_schema] ProblemBody<'static>),
    /// The content type is not taken.
    #[response(status = 415, content_type = "application/problem+json")]
    UnsupportedMediaType(#[to_schema] ProblemBody<'static>),
    /// The `Host` is not this server's.
    #[response(status = 421, content_type = "application/problem+json")]
    Misdirected(#[to_schema] ProblemBody<'static>),
    /// Well-formed and invalid; `errors` names the fields.
    #[response(status = 422, content_type = "application/problem+json")]
    Invalid(#[to_schema] ProblemBody<'static>),
    /// A fault of the server.
    #[response(status = 500, content_type = "application/problem+json")]
    Internal(#[to_schema] ProblemBody<'static>),
    /// The store is out, or the server ends: ask again, `Retry-After` says when.
    #[response(status = 503, content_type = "application/problem+json")]
    Unavailable(#[to_schema] ProblemBody<'static>),
}
