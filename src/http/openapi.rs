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
    BadRequest(ProblemBody<'static>),
    /// From another site.
    #[response(status = 403, content_type = "application/problem+json")]
    CrossSite(ProblemBody<'static>),
    /// There is no such thing.
    #[response(status = 404, content_type = "application/problem+json")]
    NotFound(ProblemBody<'static>),
    /// The body did not come in time.
    #[response(status = 408, content_type = "application/problem+json")]
    Timeout(ProblemBody<'static>),
    /// The body is too large.
    #[response(status = 413, content_type = "application/problem+json")]
    TooLarge(ProblemBody<'static>),
    /// The content type is not taken.
    #[response(status = 415, content_type = "application/problem+json")]
    UnsupportedMediaType(ProblemBody<'static>),
    /// The `Host` is not this server's.
    #[response(status = 421, content_type = "application/problem+json")]
    Misdirected(ProblemBody<'static>),
    /// Well-formed and invalid; `errors` names the fields.
    #[response(status = 422, content_type = "application/problem+json")]
    Invalid(ProblemBody<'static>),
    /// A fault of the server.
    #[response(status = 500, content_type = "application/problem+json")]
    Internal(ProblemBody<'static>),
    /// The store is out, or the server ends: ask again, `Retry-After` says when.
    #[response(status = 503, content_type = "application/problem+json")]
    Unavailable(ProblemBody<'static>),
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::super::document;

    #[test]
    fn the_committed_document_is_the_served_one() {
        let served = document().to_pretty_json().unwrap();
        let committed = include_str!("../../openapi/openapi.json");
        assert!(
            committed.trim_end() == served,
            "openapi/openapi.json is behind the code: `make openapi` writes it anew"
        );
    }

    #[test]
    fn every_operation_has_a_name_of_its_own() {
        let document = serde_json::to_value(document()).unwrap();
        let operations =
            document["paths"].as_object().unwrap().values().flat_map(|path| path.as_object().unwrap().values());
        let names: Vec<_> = operations.map(|operation| operation["operationId"].as_str().unwrap().to_owned()).collect();
        assert_eq!(names.iter().collect::<HashSet<_>>().len(), names.len(), "{names:?}");
    }
}
