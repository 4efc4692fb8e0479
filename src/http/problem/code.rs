//! The kinds of errors, and the status, the title and the advice that go with each.

use std::borrow::Cow;

use axum::http::StatusCode;
use serde::{Serialize, Serializer};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, schema::Type},
};

macro_rules! codes {
    ($($(#[doc = $meaning:literal])+ $name:ident = $word:literal, $status:ident, $advice:literal;)+) => {
        /// The kinds of errors, each with a stable word.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
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

            /// The code that a word stands for.
            #[must_use]
            pub fn of(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|code| code.word() == word)
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
    /// The request needs a credential, and has none.
    Unauthenticated = "unauthenticated", UNAUTHORIZED, "Send an API key or a token in the header Authorization, after the word Bearer.";
    /// The credential is none of this server's, or is good no longer.
    InvalidToken = "invalid_token", UNAUTHORIZED, "Check that it is sent whole, and is not deleted; whoever runs the server finds the reason in its log.";
    /// The credential was good, and its time is over.
    TokenExpired = "token_expired", UNAUTHORIZED, "Get a new one where the old one came from.";
    /// The name or the password is wrong, or the secret is spent.
    BadCredentials = "bad_credentials", UNAUTHORIZED, "Check both. Whoever runs the server can give out a secret for a new password.";
    /// Registering needs an invitation, and there is none that is good.
    InvitationInvalid = "invitation_invalid", FORBIDDEN, "Ask whoever invited you for another one: each is good once, and for a time.";
    /// The ticket is spent, too old, or for another room or transport.
    TicketInvalid = "ticket_invalid", UNAUTHORIZED, "Make a new ticket (POST /api/v1/tickets), and open the stream or the socket with it once.";
    /// The credential, or its user, does not have the right to do this.
    Forbidden = "forbidden", FORBIDDEN, "Use a credential that has the right, or ask an admin.";
    /// The user is banned from the room.
    Banned = "banned", FORBIDDEN, "Ask the room's moderators. The members' list says who they are.";
    /// The user is muted in the room.
    Muted = "muted", FORBIDDEN, "Read on, and post once the mute is over; the moderators can end it.";
    /// The user to be added is banned from the room.
    BanStands = "banned", CONFLICT, "End the ban first.";
    /// The room would be left without an owner.
    LastOwner = "last_owner", CONFLICT, "Make somebody else an owner first.";
    /// The user is the last admin who is not disabled.
    LastAdmin = "last_admin", CONFLICT, "Make somebody else an admin first, with `parlor user admin`.";
    /// A room of this name is there.
    RoomNameTaken = "name_taken", CONFLICT, "Use another name, or have the server name the room: POST /api/v1/rooms.";
    /// The name is another user's, or looks like one that is.
    UserNameTaken = "name_taken", CONFLICT, "Choose another name.";
    /// There are as many as there may be of what was to be made.
    TooMany = "too_many", CONFLICT, "Delete one that is not needed any more first.";
    /// The name that the credential stands for is another user's.
    NameTaken = "name_taken", FORBIDDEN, "Have an admin join the two with `parlor user link`, or use another name.";
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
    /// Too many tries to sign in have failed.
    TooManyFailures = "too_many_failures", TOO_MANY_REQUESTS, "Try again after the seconds of Retry-After.";
    /// It was done more often than is allowed in so short a time.
    RateLimited = "rate_limited", TOO_MANY_REQUESTS, "Try again after the seconds of Retry-After; the header RateLimit says what is left.";
    /// The user has as many tickets as there may be at a time.
    TooManyTickets = "too_many_tickets", TOO_MANY_REQUESTS, "Use the tickets that were made, or try again after the seconds of Retry-After.";
    /// The room asks for a pause between two posts of a user.
    SlowMode = "slow_mode", TOO_MANY_REQUESTS, "Post again after the seconds of Retry-After; with the same client_id nothing is posted twice.";
    /// A fault of the server; its log says which.
    Internal = "internal", INTERNAL_SERVER_ERROR, "Tell whoever runs the server, with the request_id: the log says more under it.";
    /// The server can't do it just now.
    Unavailable = "unavailable", SERVICE_UNAVAILABLE, "Ask again after the seconds of Retry-After; with the same client_id nothing is posted twice.";
    /// The server is ending.
    Draining = "draining", SERVICE_UNAVAILABLE, "Ask again after the seconds of Retry-After: another server takes over, or this one is back.";
}

impl Code {
    /// Every word once, with the first of the codes that have it: it may stand for one of two statuses.
    pub fn by_word() -> impl Iterator<Item = Self> {
        let is_first = |(at, code): &(usize, &Self)| Self::ALL[..*at].iter().all(|before| before.word() != code.word());
        Self::ALL.iter().enumerate().filter(is_first).map(|(_, code)| *code)
    }

    /// The usual name of its status (RFC 9110, 15), which is the problem's title.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self.status().as_u16() {
            400 => "Bad request",
            401 => "Unauthorized",
            403 => "Forbidden",
            404 => "Not found",
            405 => "Method not allowed",
            409 => "Conflict",
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

    /// The value of `WWW-Authenticate` that goes with it (RFC 6750, 3).
    pub(super) const fn challenge(self) -> Option<&'static str> {
        match self {
            Self::Unauthenticated | Self::BadCredentials => Some("Bearer"),
            Self::InvalidToken | Self::TokenExpired | Self::TicketInvalid => Some("Bearer error=\"invalid_token\""),
            _ => None,
        }
    }

    /// The path that names the kind of problem, and explains it.
    #[must_use]
    pub fn path(self) -> String {
        format!("/problems/{}", self.word())
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.word())
    }
}

impl PartialSchema for Code {
    fn schema() -> RefOr<Schema> {
        let words = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(Self::by_word().map(Self::word)));
        words.description(Some("The kinds of errors, each with a stable word.")).into()
    }
}

impl ToSchema for Code {
    fn name() -> Cow<'static, str> {
        "ProblemCode".into()
    }
}
