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

use crate::{
    chat::{ChatError, Refused},
    domain::{EventId, emoji, invalid::Invalid, message, policy::Denied},
};

/// The version of WebSocket that is spoken (RFC 6455, 4.1).
pub const SOCKET_VERSION: &str = "13";
/// After how many seconds to ask again what may pass.
const RETRY_AFTER: u32 = 2;

macro_rules! codes {
    ($($(#[doc = $meaning:literal])+ $name:ident = $word:literal, $status:ident, $advice:literal;)+) => {
        /// The kinds of errors, each with a stable word.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
        #[serde(rename_all = "snake_case")]
        #[schema(as = ProblemCode)]
        pub enum Code {
            $($(#[doc = $meaning])+ $name,)+
        }

        impl Code {
            /// Every code.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// The word that stands for it on the wire.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self { $(Self::$name => $word,)+ }
            }

            /// The status of an answer with it.
            #[must_use]
            pub const fn status(self) -> StatusCode {
                match self { $(Self::$name => StatusCode::$status,)+ }
            }

            /// The meaning of the code, and the advice that goes with it.
            #[must_use]
            pub fn explanation(self) -> (&'static str, &'static str) {
                match self { $(Self::$name => (concat!($($meaning),+).trim_start(), $advice),)+ }
            }
        }
    };
}

codes! {
    /// The request is not HTTP as it should be.
    BadRequest = "bad_request", BAD_REQUEST, "Send it with an HTTP client or library, which get the head of a request right.";
    /// The body is not the JSON that its Content-Type says.
    InvalidJson = "invalid_json", BAD_REQUEST, "Have a library write the JSON, and check that the header Content-Type names what is sent.";
    /// A parameter of the query can't be used.
    BadQuery = "bad_query", BAD_REQUEST, "The errors name the parameters; /openapi.json says what each may be.";
    /// The request comes from a page of a site that may not make it.
    CrossSite = "cross_site", FORBIDDEN, "Open the chat at its own address, or have whoever runs the server name the site with --allow-origin.";
    /// The message is somebody else's.
    NotTheAuthor = "not_the_author", FORBIDDEN, "Only the author may change a message: ask as the author.";
    /// The message is too old to be edited.
    EditWindowOver = "edit_window_over", FORBIDDEN, "Post another message. Whoever runs the server sets the time with --edit-window.";
    /// There is nothing at this path, or no such room or message.
    NotFound = "not_found", NOT_FOUND, "Check the path: the API is under /api/v1, and /openapi.json lists its paths.";
    /// The path does not take this method.
    MethodNotAllowed = "method_not_allowed", METHOD_NOT_ALLOWED, "The header Allow lists the methods that it takes.";
    /// The body did not come in time.
    Timeout = "timeout", REQUEST_TIMEOUT, "Send the whole body at once; if the line is slow, try again.";
    /// The message to be changed is deleted.
    Deleted = "deleted", GONE, "It stays as it is: there is nothing to be done.";
    /// The resource is not as If-Match says.
    PreconditionFailed = "precondition_failed", PRECONDITION_FAILED, "Get it again, look at what has changed, and ask with its new ETag.";
    /// The body is larger than is taken.
    TooLarge = "too_large", PAYLOAD_TOO_LARGE, "Send less: a body has at most 64 KiB.";
    /// The body is of a type that is not taken, or compressed.
    UnsupportedMediaType = "unsupported_media_type", UNSUPPORTED_MEDIA_TYPE, "Send JSON, or a form, as it is, and name the type in the header Content-Type.";
    /// The Host names a machine that is not this one.
    Misdirected = "misdirected", MISDIRECTED_REQUEST, "Ask under a name of this machine, such as localhost or 127.0.0.1.";
    /// The input can be read, and breaks rules.
    Invalid = "invalid", UNPROCESSABLE_ENTITY, "The errors name the fields and say what each has to be.";
    /// The idempotency key was used for another message.
    IdempotencyKeyReused = "idempotency_key_reused", UNPROCESSABLE_ENTITY, "Use a new key for each message, and the same one only to ask again for the same message.";
    /// There is no frame of this type.
    UnknownType = "unknown_type", UNPROCESSABLE_ENTITY, "The component ClientFrame of /openapi.json has the frames that a client may send.";
    /// The path speaks WebSocket only.
    UpgradeRequired = "upgrade_required", UPGRADE_REQUIRED, "Open it with a WebSocket client.";
    /// A fault of the server; its log says which.
    Internal = "internal", INTERNAL_SERVER_ERROR, "Tell whoever runs the server, with the request_id: the log says more under it.";
    /// The server can't do it just now.
    Unavailable = "unavailable", SERVICE_UNAVAILABLE, "Ask again after the seconds of Retry-After; with the same client_id nothing is posted twice.";
    /// The server is ending.
    Draining = "draining", SERVICE_UNAVAILABLE, "Ask again after the seconds of Retry-After: another server takes over, or this one is back.";
}

impl Code {
    /// The usual name of its status (RFC 9110, 15), which is the problem's title.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self.status().as_u16() {
            400 => "Bad request",
            401 => "Unauthorized",
            403 => "Forbidden",
            404 => "Not found",
            405 => "Method not allowed",
            408 => "Request timeout",
            410 => "Gone",
            412 => "Precondition failed",
            413 => "Content too large",
            415 => "Unsupported media type",
            421 => "Misdirected request",
            422 => "Unprocessable content",
            426 => "Upgrade required",
            429 => "Too many requests",
            503 => "Service unavailable",
            _ => "Internal server error",
        }
    }

    /// The path that names the kind of problem, and explains it.
    #[must_use]
    pub fn path(self) -> String {
        format!("/problems/{}", self.word())
    }
}

/// An error, before it is written.
#[derive(Debug, Clone)]
pub struct Problem {
    /// Its word.
    pub code: Code,
    /// The error this time, for a person.
    pub detail: String,
    /// The fields that are wrong.
    pub errors: Vec<FieldError>,
    /// The message that stands in the way.
    pub message_id: Option<EventId>,
    /// The fault of the server, for the log and not for the client.
    pub fault: Option<Box<str>>,
}

/// One field and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldError {
    /// The field's name, as the client wrote it.
    #[schema(example = "content")]
    pub field: String,
    /// The error, and what would be right.
    #[schema(example = "a message has at least one character that shows")]
    pub detail: String,
}

/// A problem document (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemBody<'a> {
    /// A stable path that names the kind of problem; a page there explains it.
    #[serde(rename = "type")]
    #[schema(example = "/problems/invalid")]
    pub kind: String,
    /// The usual name of the status.
    #[schema(example = "Unprocessable content")]
    pub title: &'a str,
    /// The answer's status.
    #[schema(example = 422)]
    pub status: u16,
    /// The error this time.
    pub detail: &'a str,
    /// The kind of problem as a stable word.
    #[schema(example = "invalid")]
    pub code: Code,
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
        Self::bad_params(vec![FieldError { field: field.to_owned(), detail: detail.into() }])
    }

    /// Parameters of the query that can't be used.
    #[must_use]
    pub fn bad_params(errors: Vec<FieldError>) -> Self {
        Self { code: Code::BadQuery, ..Self::invalid(errors) }
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

    /// The version of something is another than the request's conditions ask for.
    #[must_use]
    pub fn precondition_failed() -> Self {
        Self::new(
            Code::PreconditionFailed,
            "It has another version than If-Match or If-None-Match ask for: get it again, and decide again.",
        )
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
        let body = ProblemBody {
            kind: self.code.path(),
            title: self.code.title(),
            status: self.code.status().as_u16(),
            detail: &self.detail,
            code: self.code,
            request_id,
            errors: &self.errors,
            message_id: self.message_id,
        };
        serde_json::to_vec(&body).unwrap_or_default()
    }

    /// Returns true if it may pass by itself.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        self.code.status() == StatusCode::SERVICE_UNAVAILABLE
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.code.status().into_response();
        if self.may_pass() {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(RETRY_AFTER));
        }
        if self.code == Code::UpgradeRequired {
            // RFC 9110, 7.8 and RFC 6455, 4.4.
            let headers = [
                (header::UPGRADE, "websocket"),
                (header::CONNECTION, "upgrade"),
                (header::SEC_WEBSOCKET_VERSION, SOCKET_VERSION),
            ];
            response.headers_mut().extend(headers.map(|(name, value)| (name, HeaderValue::from_static(value))));
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
            ChatError::Busy(what) => {
                Self::new(Code::Unavailable, format!("Too many {what} run at once. Try again in a moment."))
            }
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
            Refused::PreconditionFailed => Self::precondition_failed(),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_written_as_its_word_and_titled_as_its_status() {
        for code in Code::ALL {
            assert_eq!(serde_json::to_value(code).unwrap(), code.word());
            let (meaning, advice) = code.explanation();
            assert!(meaning.ends_with('.') && advice.ends_with('.'), "{meaning} {advice}");
            let is_fallback = code.title() == "Internal server error";
            assert_eq!(is_fallback, code.status() == StatusCode::INTERNAL_SERVER_ERROR, "{code:?} has no title");
        }
    }
}
