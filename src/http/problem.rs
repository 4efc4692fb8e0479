//! Every error answer, as a problem document (RFC 9457).
//!
//! A handler answers a [`Problem`]; the outermost middleware writes it, since only there the
//! request's id is known.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;

use super::conditions;
use crate::{
    chat::{ChatError, Refused},
    domain::{EventId, emoji, invalid::Invalid, message, policy::Denied},
};

/// After how many seconds to ask again what may pass.
const RETRY_AFTER: u32 = 2;

/// What went wrong, by its stable word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// The request is not HTTP as it should be.
    BadRequest,
    /// The body is not JSON, or not of the form its content type says.
    InvalidJson,
    /// A parameter of the query can't be used.
    BadQuery,
    /// The request is from a site that may not make it.
    CrossSite,
    /// The message is somebody else's.
    NotTheAuthor,
    /// The message is too old to be edited.
    EditWindowOver,
    /// There is nothing at this path, or no such thing.
    NotFound,
    /// The path does not take this method.
    MethodNotAllowed,
    /// The body did not come in time.
    Timeout,
    /// What is to be changed is deleted.
    Deleted,
    /// What is to be changed is not as `If-Match` says.
    PreconditionFailed,
    /// The body is larger than is taken.
    TooLarge,
    /// The body's content type is not taken.
    UnsupportedMediaType,
    /// The `Host` names a machine that is not this one.
    Misdirected,
    /// The input is well-formed and breaks rules.
    Invalid,
    /// The idempotency key was used for another message.
    IdempotencyKeyReused,
    /// The path speaks WebSocket only.
    UpgradeRequired,
    /// A fault of the server; its log says which.
    Internal,
    /// The store is out; ask again.
    Unavailable,
    /// The server ends; ask another, or again.
    Draining,
}

impl Code {
    /// The word, the status and the title.
    #[must_use]
    pub const fn parts(self) -> (&'static str, StatusCode, &'static str) {
        match self {
            Self::BadRequest => ("bad_request", StatusCode::BAD_REQUEST, "The request is not as HTTP has it"),
            Self::InvalidJson => ("invalid_json", StatusCode::BAD_REQUEST, "The body can't be read"),
            Self::BadQuery => ("bad_query", StatusCode::BAD_REQUEST, "A parameter can't be used"),
            Self::CrossSite => ("cross_site", StatusCode::FORBIDDEN, "Another site may not do this"),
            Self::NotTheAuthor => ("not_the_author", StatusCode::FORBIDDEN, "Only the author may do this"),
            Self::EditWindowOver => ("edit_window_over", StatusCode::FORBIDDEN, "It is too late to edit this"),
            Self::NotFound => ("not_found", StatusCode::NOT_FOUND, "Nothing is here"),
            Self::MethodNotAllowed => ("method_not_allowed", StatusCode::METHOD_NOT_ALLOWED, "Not this method"),
            Self::Timeout => ("timeout", StatusCode::REQUEST_TIMEOUT, "The body did not come in time"),
            Self::Deleted => ("deleted", StatusCode::GONE, "It is deleted"),
            Self::PreconditionFailed => {
                ("precondition_failed", StatusCode::PRECONDITION_FAILED, "It has changed meanwhile")
            }
            Self::TooLarge => ("too_large", StatusCode::PAYLOAD_TOO_LARGE, "The body is too large"),
            Self::UnsupportedMediaType => {
                ("unsupported_media_type", StatusCode::UNSUPPORTED_MEDIA_TYPE, "Not this content type")
            }
            Self::Misdirected => ("misdirected", StatusCode::MISDIRECTED_REQUEST, "Not the server of this name"),
            Self::Invalid => ("invalid", StatusCode::UNPROCESSABLE_ENTITY, "The input is invalid"),
            Self::IdempotencyKeyReused => {
                ("idempotency_key_reused", StatusCode::UNPROCESSABLE_ENTITY, "The idempotency key is taken")
            }
            Self::UpgradeRequired => {
                ("upgrade_required", StatusCode::UPGRADE_REQUIRED, "Only WebSocket is spoken here")
            }
            Self::Internal => ("internal", StatusCode::INTERNAL_SERVER_ERROR, "The server is at fault"),
            Self::Unavailable => ("unavailable", StatusCode::SERVICE_UNAVAILABLE, "Not now"),
            Self::Draining => ("draining", StatusCode::SERVICE_UNAVAILABLE, "The server is ending"),
        }
    }

    /// The word alone.
    #[must_use]
    pub const fn word(self) -> &'static str {
        self.parts().0
    }
}

/// An error, before it is written.
#[derive(Debug, Clone)]
pub struct Problem {
    /// Its word.
    pub code: Code,
    /// What is wrong this time, for a person.
    pub detail: String,
    /// The fields that are wrong.
    pub errors: Vec<FieldError>,
    /// The message that stands in the way.
    pub message_id: Option<EventId>,
    /// What the log is told of a fault of the server, and the client is not.
    pub fault: Option<Box<str>>,
}

/// One field and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldError {
    /// The field's name, as the client wrote it.
    #[schema(example = "content")]
    pub field: String,
    /// What is wrong, and what would be right.
    #[schema(example = "a message has at least one character that shows")]
    pub detail: String,
}

/// A problem document (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemBody<'a> {
    /// A stable path that names the kind of problem.
    #[serde(rename = "type")]
    #[schema(example = "/problems/invalid")]
    pub kind: String,
    /// The kind of problem in words.
    pub title: &'a str,
    /// The answer's status.
    #[schema(example = 422)]
    pub status: u16,
    /// What is wrong this time.
    pub detail: &'a str,
    /// The kind of problem as a stable word.
    #[schema(example = "invalid")]
    pub code: &'a str,
    /// The request's id, as in the header `X-Request-Id` and in the server's log.
    pub request_id: &'a str,
    /// The fields that are wrong, for invalid input.
    #[serde(skip_serializing_if = "<[FieldError]>::is_empty")]
    #[schema(value_type = Option<Vec<FieldError>>, nullable = false)]
    pub errors: &'a [FieldError],
    /// The message that was posted with the idempotency key, if that is what it was used for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>, nullable = false, minimum = 1)]
    pub message_id: Option<EventId>,
}

impl Problem {
    /// A problem, in words for a person.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), errors: Vec::new(), message_id: None, fault: None }
    }

    /// A parameter of the query that can't be used.
    pub fn bad_query(field: &str, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        Self {
            code: Code::BadQuery,
            detail: format!("{field}: {detail}"),
            errors: vec![FieldError { field: field.to_owned(), detail }],
            message_id: None,
            fault: None,
        }
    }

    /// Fields that break rules.
    #[must_use]
    pub fn invalid(errors: Vec<FieldError>) -> Self {
        let detail =
            errors.iter().map(|error| format!("{}: {}", error.field, error.detail)).collect::<Vec<_>>().join("; ");
        Self { code: Code::Invalid, detail, errors, message_id: None, fault: None }
    }

    /// The same of an input that calls a field by another name.
    #[must_use]
    pub fn calling(mut self, field: &str, name: &str) -> Self {
        if !self.errors.is_empty() && self.code == Code::Invalid {
            let called = |error: FieldError| {
                if error.field == field { FieldError { field: name.to_owned(), ..error } } else { error }
            };
            self = Self::invalid(self.errors.into_iter().map(called).collect());
        }
        self
    }

    /// A fault of the server, in words for its log.
    pub fn internal(fault: impl Into<Box<str>>) -> Self {
        let detail = "The server's log says more under the id of this request.";
        Self { fault: Some(fault.into()), ..Self::new(Code::Internal, detail) }
    }

    /// Tells the log of a fault of the server, and for which request it was.
    pub fn log(&self, request_id: &str) {
        if let Some(fault) = &self.fault {
            tracing::error!(request.id = request_id, fault, "the server is at fault");
        }
    }

    /// The document's bytes.
    #[must_use]
    pub fn to_json(&self, request_id: &str) -> Vec<u8> {
        let (code, status, title) = self.code.parts();
        let body = ProblemBody {
            kind: format!("/problems/{code}"),
            title,
            status: status.as_u16(),
            detail: &self.detail,
            code,
            request_id,
            errors: &self.errors,
            message_id: self.message_id,
        };
        serde_json::to_vec(&body).unwrap_or_default()
    }

    /// Whether it may pass by itself.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        self.code.parts().1 == StatusCode::SERVICE_UNAVAILABLE
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.code.parts().1.into_response();
        if self.may_pass() {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(RETRY_AFTER));
        }
        if self.code == Code::UpgradeRequired {
            response.headers_mut().insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        }
        response.extensions_mut().insert(self);
        response
    }
}

impl From<Invalid> for FieldError {
    fn from(invalid: Invalid) -> Self {
        Self { field: invalid.field.to_owned(), detail: invalid.detail }
    }
}

impl From<Vec<Invalid>> for Problem {
    fn from(invalid: Vec<Invalid>) -> Self {
        Self::invalid(invalid.into_iter().map(FieldError::from).collect())
    }
}

impl From<ChatError> for Problem {
    fn from(error: ChatError) -> Self {
        match error {
            ChatError::Invalid(invalid) => invalid.into(),
            ChatError::NotFound(what) => Self::new(Code::NotFound, format!("There is no such {what}.")),
            ChatError::Refused(refused) => refused.into(),
            ChatError::Internal(fault) => Self::internal(fault),
        }
    }
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        let invalid = |invalid: Invalid| Self::from(vec![invalid]);
        match refused {
            Refused::Denied(Denied::Nameless) => invalid(Invalid::new("username", "is required")),
            Refused::Denied(Denied::NotTheAuthor) => Self::new(Code::NotTheAuthor, "This message is somebody else's."),
            Refused::Denied(Denied::WindowOver) => {
                Self::new(Code::EditWindowOver, "This message is too old to be edited.")
            }
            Refused::KeyReused { message_id } => Self {
                message_id: Some(message_id),
                ..Self::new(
                    Code::IdempotencyKeyReused,
                    "This key was used for a message with other content or reply_to, the one message_id names.",
                )
            },
            Refused::NoSuchTarget => invalid(message::no_such_target()),
            Refused::NoSuchMessage => Self::new(Code::NotFound, "There is no such message."),
            Refused::Deleted => Self::new(Code::Deleted, "This message is deleted."),
            Refused::PreconditionFailed => conditions::failed(),
            Refused::TooManyEmoji => invalid(emoji::too_many()),
            Refused::PastHead => invalid(Invalid::new("last_read_id", "is past the room's newest event")),
            Refused::Unavailable => Self::new(
                Code::Unavailable,
                "The store is out. Ask again with the same client_id: nothing is posted twice.",
            ),
            Refused::Rejected(fault) => Self::internal(fault),
        }
    }
}
