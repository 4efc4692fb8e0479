//! The error answers of the operations: which ones each can give, and what they look like.

use std::collections::BTreeMap;

use serde_json::Value;
use utoipa::{
    IntoResponses,
    openapi::{
        ContentBuilder, HeaderBuilder, ObjectBuilder, Ref, RefOr, Response, ResponseBuilder, example::ExampleBuilder,
        schema::Type,
    },
};

use super::super::problem::{Code, FieldError, Problem, SOCKET_VERSION};

/// One error answer: its status, its name in the document, what it says, and every problem it may hold.
pub(super) type Answer = (&'static str, &'static str, &'static str, &'static [Code]);

const BAD_REQUEST: Answer = (
    "400",
    "BadRequest",
    "A parameter of the query can't be used, or the request is not HTTP.",
    &[Code::BadQuery, Code::BadRequest],
);
const BAD_BODY: Answer = (
    "400",
    "BadBody",
    "The body can't be read as what its `Content-Type` says.",
    &[Code::InvalidJson, Code::BadRequest],
);
/// Of everything that is not everybody's, where credentials are required.
pub(super) const UNAUTHENTICATED: Answer = (
    "401",
    "Unauthenticated",
    "Where credentials are required: there is none, or it is not good.",
    &[Code::Unauthenticated, Code::InvalidToken, Code::TokenExpired, Code::TicketInvalid],
);
/// Of what a page of another site may read.
pub(super) const NOT_ALLOWED: Answer = (
    "403",
    "NotAllowed",
    "Where credentials are required: this one, or its user, may not do this.",
    &[Code::Forbidden, Code::NameTaken],
);
/// Of what pages of this server alone may do.
const NOT_FROM_HERE: Answer = (
    "403",
    "NotFromHere",
    "The request does not come from a page of this server, or the credential does not allow it.",
    &[Code::CrossSite, Code::Forbidden, Code::NameTaken],
);
const NOT_INVITED: Answer = (
    "403",
    "NotInvited",
    "The request does not come from a page of this server, or the invitation is missing or not good, or the server keeps \
     no accounts.",
    &[Code::InvitationInvalid, Code::CrossSite, Code::Forbidden],
);
const NO_SIGN_IN: Answer = (
    "403",
    "NoSignIn",
    "The request does not come from a page of this server, or the server keeps no accounts, or the token's name is \
     another user's.",
    &[Code::CrossSite, Code::Forbidden, Code::NameTaken],
);
const BAD_CREDENTIALS: Answer = (
    "401",
    "BadCredentials",
    "The name or the password is wrong, or the secret or the token is not good.",
    &[Code::BadCredentials, Code::InvalidToken, Code::TokenExpired],
);
const USER_NAME_TAKEN: Answer =
    ("409", "UserNameTaken", "The name is another user's, or looks like one that is.", &[Code::UserNameTaken]);
const NOT_MADE: Answer = (
    "409",
    "NotMade",
    "The name is another user's, or looks like one that is; or there are as many as there may be.",
    &[Code::UserNameTaken, Code::TooMany],
);
const TOO_MANY_TICKETS: Answer = (
    "429",
    "TooManyTickets",
    "The user has as many tickets as there may be at a time, or asks too often: `Retry-After` says when to ask again.",
    &[Code::TooManyTickets, Code::RateLimited],
);
const TOO_MANY_FAILURES: Answer = (
    "429",
    "TooManyFailures",
    "Too many tries with a password have failed, or it is asked too often: `Retry-After` says when to ask again.",
    &[Code::TooManyFailures, Code::RateLimited],
);
/// Of all that is limited.
pub(super) const RATE_LIMITED: Answer = (
    "429",
    "RateLimited",
    "This was done more often than is allowed in so short a time: `Retry-After` says when to ask again.",
    &[Code::RateLimited],
);
const ONLY_JSON: Answer = ("415", "OnlyJson", "The body is not JSON.", &[Code::UnsupportedMediaType]);
const CROSS_SITE: Answer = (
    "403",
    "CrossSite",
    "The request comes from a page of another site, which may not do this, or the credential does not allow it.",
    &[Code::CrossSite, Code::Forbidden, Code::NameTaken],
);
const NOT_YOURS: Answer = (
    "403",
    "NotYours",
    "The message is somebody else's, the request comes from a page of another site, or the credential does not allow it.",
    &[Code::NotTheAuthor, Code::CrossSite, Code::Forbidden, Code::NameTaken],
);
const NOT_EDITABLE: Answer = (
    "403",
    "NotEditable",
    "The message is somebody else's or too old to be edited, the request comes from a page of another site, or the \
     credential does not allow it.",
    &[Code::NotTheAuthor, Code::EditWindowOver, Code::CrossSite, Code::Forbidden, Code::NameTaken],
);
const OF_MEMBER: Answer = (
    "409",
    "MemberConflict",
    "The user to be added is banned, or the room would be left without an owner.",
    &[Code::BanStands, Code::LastOwner],
);
const OF_USER: Answer = ("409", "UserConflict", "The user is the last admin who is not disabled.", &[Code::LastAdmin]);
const NOT_ALLOWED_HERE: Answer = (
    "403",
    "NotAllowedHere",
    "The user's role does not allow it, or the credential does not, or the request comes from a page of another site.",
    &[Code::Forbidden, Code::Banned, Code::NameTaken, Code::CrossSite],
);
const GONE: Answer = ("410", "Gone", "The message is deleted.", &[Code::Deleted]);
const CHANGED_MEANWHILE: Answer = (
    "412",
    "ChangedMeanwhile",
    "The resource has another version than `If-Match` or `If-None-Match` ask for.",
    &[Code::PreconditionFailed],
);
/// Of what names a room or a message.
pub(super) const NOT_FOUND: Answer = ("404", "NotFound", "There is no such room or message.", &[Code::NotFound]);
const TIMEOUT: Answer = ("408", "BodyTimeout", "The body did not come within 15 seconds.", &[Code::Timeout]);
const TOO_LARGE: Answer = ("413", "TooLarge", "The body has more than 64 KiB.", &[Code::TooLarge]);
const NOT_THIS_TYPE: Answer =
    ("415", "NotThisType", "The body is neither JSON nor a form.", &[Code::UnsupportedMediaType]);
const MISDIRECTED: Answer = (
    "421",
    "Misdirected",
    "The server listens on loopback only, and the `Host` is no loopback name.",
    &[Code::Misdirected],
);
const INVALID_ROOM: Answer = ("422", "InvalidRoom", "The path names no room that could be.", &[Code::Invalid]);
const INVALID: Answer =
    ("422", "Invalid", "What is asked is well-formed and breaks rules: `errors` names the fields.", &[Code::Invalid]);
const INVALID_EMOJI: Answer = (
    "422",
    "InvalidEmoji",
    "The path names no room or no emoji that could be, or the message has 50 different ones.",
    &[Code::Invalid],
);
const INVALID_POST: Answer = (
    "422",
    "InvalidPost",
    "What is asked is well-formed and breaks rules: `errors` names the fields. Or the idempotency key was used for \
     another message.",
    &[Code::Invalid, Code::IdempotencyKeyReused],
);
const TOO_SOON: Answer = (
    "429",
    "TooSoon",
    "The room asks for a pause between two posts of a user, and the last one is not that long ago; or the user posts more \
     often than is allowed. `Retry-After` says when to ask again.",
    &[Code::SlowMode, Code::RateLimited],
);
const UPGRADE: Answer = (
    "426",
    "UpgradeRequired",
    "The request asks for no WebSocket, or for one of another version.",
    &[Code::UpgradeRequired],
);
const INTERNAL: Answer = ("500", "Internal", "A fault of the server; its log says which.", &[Code::Internal]);
const UNAVAILABLE: Answer = (
    "503",
    "Unavailable",
    "The store is out, the server ends, or too much waits for clients that don't read their answers: ask again, \
     `Retry-After` says when.",
    &[Code::Unavailable, Code::Draining],
);

const ALL: [Answer; 35] = [
    RATE_LIMITED,
    NOT_MADE,
    TOO_MANY_TICKETS,
    OF_USER,
    TOO_SOON,
    OF_MEMBER,
    NOT_ALLOWED_HERE,
    UNAUTHENTICATED,
    NOT_ALLOWED,
    BAD_REQUEST,
    BAD_BODY,
    CROSS_SITE,
    NOT_YOURS,
    NOT_EDITABLE,
    GONE,
    CHANGED_MEANWHILE,
    INVALID_EMOJI,
    NOT_FOUND,
    NOT_FROM_HERE,
    NOT_INVITED,
    NO_SIGN_IN,
    BAD_CREDENTIALS,
    USER_NAME_TAKEN,
    TOO_MANY_FAILURES,
    ONLY_JSON,
    TIMEOUT,
    TOO_LARGE,
    NOT_THIS_TYPE,
    MISDIRECTED,
    INVALID_ROOM,
    INVALID,
    INVALID_POST,
    UPGRADE,
    INTERNAL,
    UNAVAILABLE,
];

macro_rules! answers {
    ($($(#[$doc:meta])+ $name:ident = [$($answer:ident),+];)+) => {$(
        $(#[$doc])+
        #[derive(Debug)]
        pub struct $name;

        impl IntoResponses for $name {
            fn responses() -> BTreeMap<String, RefOr<Response>> {
                let reference = |(status, name, ..): Answer| (status.to_owned(), Ref::from_response_name(name).into());
                [$($answer),+].map(reference).into()
            }
        }
    )+};
}

answers! {
    /// Of what reads the server itself.
    OfService = [BAD_REQUEST, MISDIRECTED, INTERNAL, UNAVAILABLE];
    /// Of what reads a thing with a tag.
    OfTagged = [BAD_REQUEST, NOT_FOUND, CHANGED_MEANWHILE, MISDIRECTED, INVALID_ROOM, INTERNAL, UNAVAILABLE];
    /// Of making or changing a room.
    OfRoomPut = [BAD_BODY, CROSS_SITE, TIMEOUT, CHANGED_MEANWHILE, TOO_LARGE, NOT_THIS_TYPE, MISDIRECTED, INVALID, INTERNAL, UNAVAILABLE];
    /// Of what reads a room that need not be there.
    OfRoom = [BAD_REQUEST, MISDIRECTED, INVALID_ROOM, INTERNAL, UNAVAILABLE];
    /// Of what reads one thing, which may be missing.
    OfThing = [BAD_REQUEST, NOT_FOUND, MISDIRECTED, INVALID_ROOM, INTERNAL, UNAVAILABLE];
    /// Of what takes a body.
    OfBody = [BAD_BODY, CROSS_SITE, TIMEOUT, TOO_LARGE, NOT_THIS_TYPE, MISDIRECTED, INVALID, INTERNAL, UNAVAILABLE];
    /// Of making a ticket.
    OfTicket = [BAD_BODY, CROSS_SITE, TIMEOUT, TOO_LARGE, NOT_THIS_TYPE, MISDIRECTED, INVALID, TOO_MANY_TICKETS, INTERNAL, UNAVAILABLE];
    /// Of posting a message.
    OfPost = [BAD_BODY, CROSS_SITE, TIMEOUT, TOO_LARGE, NOT_THIS_TYPE, MISDIRECTED, INVALID_POST, TOO_SOON, INTERNAL, UNAVAILABLE];
    /// Of editing a message.
    OfEdit = [BAD_BODY, NOT_EDITABLE, NOT_FOUND, TIMEOUT, GONE, CHANGED_MEANWHILE, TOO_LARGE, NOT_THIS_TYPE, MISDIRECTED, INVALID, INTERNAL, UNAVAILABLE];
    /// Of deleting a message.
    OfDelete = [BAD_REQUEST, NOT_YOURS, NOT_FOUND, CHANGED_MEANWHILE, MISDIRECTED, INVALID_ROOM, INTERNAL, UNAVAILABLE];
    /// Of reacting to a message.
    OfReaction = [BAD_REQUEST, CROSS_SITE, NOT_FOUND, GONE, CHANGED_MEANWHILE, MISDIRECTED, INVALID_EMOJI, INTERNAL, UNAVAILABLE];
    /// Of changing a member.
    OfMember = [BAD_BODY, NOT_ALLOWED_HERE, NOT_FOUND, TIMEOUT, OF_MEMBER, TOO_LARGE, NOT_THIS_TYPE, MISDIRECTED, INVALID, INTERNAL, UNAVAILABLE];
    /// Of what users do to their account, and admins to others'.
    OfAccount = [BAD_BODY, NOT_FROM_HERE, NOT_FOUND, TIMEOUT, TOO_LARGE, ONLY_JSON, MISDIRECTED, INVALID, TOO_MANY_FAILURES, INTERNAL, UNAVAILABLE];
    /// Of deleting one's own account.
    OfLeaving = [BAD_REQUEST, NOT_FROM_HERE, OF_USER, MISDIRECTED, INTERNAL, UNAVAILABLE];
    /// Of making an invitation or a key.
    OfInvitation = [BAD_BODY, NOT_FROM_HERE, TIMEOUT, NOT_MADE, TOO_LARGE, ONLY_JSON, MISDIRECTED, INVALID, INTERNAL, UNAVAILABLE];
    /// Of registering.
    OfRegistration = [BAD_BODY, NOT_INVITED, TIMEOUT, USER_NAME_TAKEN, TOO_LARGE, ONLY_JSON, MISDIRECTED, INVALID, INTERNAL, UNAVAILABLE];
    /// Of signing in.
    OfSignIn = [BAD_BODY, BAD_CREDENTIALS, NO_SIGN_IN, TIMEOUT, TOO_LARGE, ONLY_JSON, MISDIRECTED, INVALID, TOO_MANY_FAILURES, INTERNAL, UNAVAILABLE];
    /// Of changing a user.
    OfUser = [BAD_BODY, CROSS_SITE, NOT_FOUND, TIMEOUT, OF_USER, TOO_LARGE, NOT_THIS_TYPE, MISDIRECTED, INVALID, INTERNAL, UNAVAILABLE];
    /// Of opening a socket.
    OfSocket = [BAD_REQUEST, CROSS_SITE, MISDIRECTED, INVALID_ROOM, UPGRADE, INTERNAL, UNAVAILABLE];
    /// Of opening a socket of the room `general`.
    OfGeneralSocket = [BAD_REQUEST, CROSS_SITE, MISDIRECTED, UPGRADE, INTERNAL, UNAVAILABLE];
}

/// Every error answer by its name. The examples are made by what makes the answers.
pub(super) fn components() -> BTreeMap<String, RefOr<Response>> {
    let component = |(status, name, description, codes): Answer| {
        let examples = codes.iter().map(|code| {
            let value = serde_json::from_slice::<Value>(&sample(*code, name).to_json(REQUEST_ID)).ok();
            (code.word(), ExampleBuilder::new().summary(code.explanation().0).value(value).build())
        });
        let content =
            ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).examples_from_iter(examples).build();
        let mut response = ResponseBuilder::new().description(description).content("application/problem+json", content);
        if ["429", "503"].contains(&status) {
            let seconds = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(0));
            let header = HeaderBuilder::new().schema(Some(seconds)).description(Some("After how many seconds."));
            response = response.header("Retry-After", header.build());
        }
        if status == UNAUTHENTICATED.0 {
            let challenge = ObjectBuilder::new().schema_type(Type::String).examples(["Bearer"]);
            let header =
                HeaderBuilder::new().schema(Some(challenge)).description(Some("The credentials that are taken."));
            response = response.header("WWW-Authenticate", header.build());
        }
        if status == UPGRADE.0 {
            let version = ObjectBuilder::new().schema_type(Type::String).examples([SOCKET_VERSION]);
            let header = HeaderBuilder::new().schema(Some(version)).description(Some("The version that is spoken."));
            response = response.header("Sec-WebSocket-Version", header.build());
        }
        (name.to_owned(), response.build().into())
    };
    ALL.map(component).into()
}

/// The request id of the examples.
pub(super) const REQUEST_ID: &str = "4f3c1d0a9b8e47d6a5c2f1e0d9b8a7c6";

fn sample(code: Code, answer: &str) -> Problem {
    let field = |field: &str, detail: &str| vec![FieldError { field: field.into(), detail: detail.into() }];
    match code {
        Code::BadQuery => Problem::bad_query("limit", "has to be from 1 to 200"),
        Code::Invalid if answer == "InvalidRoom" => {
            Problem::invalid(field("room", "a room's name is 1 to 100 of A-Z a-z 0-9 _ -"))
        }
        Code::Invalid if answer == "InvalidEmoji" => {
            Problem::invalid(field("emoji", "is one character to be seen, of at most 64 bytes, or a :shortcode:"))
        }
        Code::Invalid if answer == "InvalidPost" => {
            Problem::invalid(field("content", "a message has at least one character that shows"))
        }
        Code::Invalid => Problem::invalid(field("title", "has at most 200 characters")),
        Code::NotFound => Problem::new(code, "There is no such message."),
        Code::Unavailable => {
            Problem::new(code, "The store is out. Ask again with the same client_id: nothing is posted twice.")
        }
        Code::Internal => Problem::internal("a sample"),
        code => Problem::new(code, code.explanation().1),
    }
}

#[cfg(test)]
mod tests {
    use super::ALL;

    #[test]
    fn an_answer_holds_only_problems_of_its_status() {
        for (status, name, _, codes) in ALL {
            for code in codes {
                assert_eq!(code.status().as_str(), status, "{name}");
            }
        }
    }
}
