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

pub mod code;

pub use code::Code;

use crate::{
    chat::{ChatError, NotProven, Refused},
    domain::{EventId, emoji, invalid::Invalid, limit, message, policy::Denied},
    limits::readers::TooManyReaders,
};

/// The version of WebSocket that is spoken (RFC 6455, 4.1).
pub const SOCKET_VERSION: &str = "13";
/// After how many seconds to ask again what may pass.
const RETRY_AFTER: u64 = 2;

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
    /// The seconds after which to ask again, if it is known.
    pub retry_after: Option<u64>,
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
        Self { code, detail: detail.into(), errors: Vec::new(), message_id: None, retry_after: None, fault: None }
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
        Self { code: Code::Invalid, detail, errors, message_id: None, retry_after: None, fault: None }
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

    /// A credential is needed.
    #[must_use]
    pub fn unauthenticated() -> Self {
        Self::new(Code::Unauthenticated, "Sign in, or send an API key or a token: `Authorization: Bearer …`.")
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
        self.code.status() == StatusCode::SERVICE_UNAVAILABLE || self.code == Code::RateLimited
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.code.status().into_response();
        if let Some(seconds) = self.retry_after.or_else(|| self.may_pass().then_some(RETRY_AFTER)) {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Some(challenge) = self.code.challenge() {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
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
            ChatError::LastAdmin => {
                Self::new(Code::LastAdmin, "This is the last admin: nobody would be left to undo it.")
            }
            ChatError::Busy(what) => {
                Self::new(Code::Unavailable, format!("Too many {what} run at once. Try again in a moment."))
            }
            ChatError::BadCredentials => {
                Self::new(Code::BadCredentials, "There is no such user with this password or secret.")
            }
            ChatError::NotInvited => {
                Self::new(Code::InvitationInvalid, "Registering needs an invitation that is good.")
            }
            ChatError::NameTaken => {
                Self::new(Code::UserNameTaken, "This name is taken, or looks like one that is: choose another one.")
            }
            ChatError::NoBot => Self::new(Code::UserNameTaken, "The user of this name is no bot: choose another one."),
            ChatError::NoAccounts => Self::new(Code::Forbidden, "This server keeps no accounts (--accounts)."),
            ChatError::TooManyFailures(wait) => Self {
                // Rounded up: a try before that is refused.
                retry_after: Some(wait.as_secs() + 1),
                ..Self::new(
                    Code::TooManyFailures,
                    format!("Too many tries with a password have failed: wait {} s.", wait.as_secs() + 1),
                )
            },
            ChatError::TooFast(allowance) => {
                let wait = limit::seconds(allowance.next_in).max(1);
                let detail = format!("Too many {}: wait {wait} s.", allowance.limit.what());
                Self { retry_after: Some(wait), ..Self::new(Code::RateLimited, detail) }
            }
            ChatError::TooManyReaders(TooManyReaders(most)) => {
                let detail =
                    format!("There are {most} streams, sockets and polls of yours, which is the most: end one.");
                Self::new(Code::RateLimited, detail)
            }
            ChatError::TooMany(bound) => Self::new(Code::TooMany, bound.to_string()),
            ChatError::TooManyTickets(bound, wait) => {
                Self { retry_after: Some(wait.as_secs().max(1)), ..Self::new(Code::TooManyTickets, bound.to_string()) }
            }
            ChatError::NotProven(error) => error.into(),
            ChatError::Internal(fault) => Self::internal(fault),
        }
    }
}

impl From<NotProven> for Problem {
    fn from(error: NotProven) -> Self {
        match error {
            NotProven::Invalid(why) => {
                tracing::info!(why, "a credential is refused");
                Self::new(Code::InvalidToken, "This credential is not valid.")
            }
            NotProven::Expired => Self::new(Code::TokenExpired, "This credential has expired."),
            NotProven::NameTaken => {
                Self::new(Code::NameTaken, "The name that this token stands for is another user's.")
            }
            NotProven::Store(error) => ChatError::from(error).into(),
        }
    }
}

impl From<Denied> for Problem {
    fn from(denied: Denied) -> Self {
        let (_, word, detail) = denied.words();
        match Code::of(word) {
            Some(Code::Invalid) => Self::from(vec![Invalid::new("username", "is required")]),
            Some(Code::Unauthenticated) => Self::unauthenticated(),
            Some(code) => Self::new(code, detail),
            None => Self::internal(format!("there is no code {word}")),
        }
    }
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        let invalid = |invalid: Invalid| Self::from(vec![invalid]);
        match refused {
            Refused::Denied(denied) => denied.into(),
            Refused::Stale => Self::internal("the rights of an actor were not looked up again"),
            Refused::Banned => Self::new(Code::BanStands, "The user is banned from this room: end the ban first."),
            Refused::RoomTaken => Self::new(Code::RoomNameTaken, "There is a room of this name."),
            Refused::TooSoon { wait } => Self {
                retry_after: Some(wait.into()),
                ..Self::new(Code::SlowMode, format!("This room asks for a pause between two posts: wait {wait} s."))
            },
            Refused::LastOwner => Self::new(Code::LastOwner, "A room keeps an owner: make somebody else one first."),
            Refused::KeyReused { message_id } => Self {
                message_id: Some(message_id),
                ..Self::new(
                    Code::IdempotencyKeyReused,
                    "This key was used for a message with other content or reply_to, the one message_id names.",
                )
            },
            Refused::NoSuchTarget => invalid(message::no_such_target()),
            Refused::NoSuchUser => Self::new(Code::NotFound, "There is no such user."),
            Refused::NoSuchMessage => Self::new(Code::NotFound, "There is no such message."),
            Refused::Deleted => Self::new(Code::Deleted, "This message is deleted."),
            Refused::PreconditionFailed => Self::precondition_failed(),
            Refused::TooManyEmoji => invalid(emoji::too_many()),
            Refused::TooManyEvents => invalid(message::too_many_events()),
            Refused::PastHead => invalid(Invalid::new("last_read_id", "is past the room's newest event")),
            Refused::Unavailable => Self::new(
                Code::Unavailable,
                "The store is out. Ask again with the same client_id: nothing is posted twice.",
            ),
            Refused::Rejected(fault) => Self::internal(fault),
        }
    }
}

/// Nothing is at the path.
#[must_use]
pub fn not_here() -> Problem {
    Problem::new(
        Code::NotFound,
        "There is nothing at this path. The API is under /api/v1; /openapi.json lists its paths.",
    )
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
