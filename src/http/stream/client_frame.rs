//! The frames of a client on a WebSocket, and the answers to them.

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, error::Category, value::RawValue};
use utoipa::ToSchema;

use super::super::{
    fields::{self, Entries, Fields, Given},
    openapi::texts::RefText,
    problem::{Code, FieldError, Problem},
};
use crate::domain::{EventId, message::Post, name::RoomName};

/// The most bytes of a `ref`.
const MAX_REF: usize = 128;

/// The error for a field that is there twice.
const TWICE: &str = "is given more than once";

/// The types of a client's frames.
const TYPES: [&str; 7] = ["user_join", "chat_message", "typing", "edit_message", "delete_message", "react", "read"];

/// A frame's `ref` as it was sent: no number is too large to come back, nor written otherwise.
pub type Reference = Box<RawValue>;

/// One frame of a client.
#[derive(Debug)]
pub struct ClientFrame {
    /// Comes back in the answer.
    pub reference: Option<Reference>,
    /// The user; absent: the user that the socket named first.
    pub username: Option<String>,
    /// The request in the frame.
    pub say: Say,
}

/// The requests that a client makes by a frame.
#[derive(Debug)]
pub enum Say {
    /// It is here.
    Join,
    /// A message.
    Message(Post),
    /// It types, or no longer.
    Typing(bool),
    /// A message is to say something else.
    Edit(EventId, Option<String>),
    /// A message is deleted.
    Delete(EventId),
    /// A reaction to a message is added or taken back.
    React(EventId, String, bool),
    /// It has read up to here.
    Read(EventId),
}

/// A frame that is refused.
#[derive(Debug)]
pub struct BadFrame {
    /// The frame's `ref`, if it could be read.
    pub reference: Option<Reference>,
    /// The reason.
    pub problem: Box<Problem>,
}

#[derive(Deserialize)]
struct ChatMessage {
    username: Option<String>,
    message: Option<String>,
    client_id: Option<String>,
    reply_to: Option<EventId>,
}

#[derive(Deserialize)]
struct UserJoin {
    username: Option<String>,
}

#[derive(Deserialize)]
struct Typing {
    username: Option<String>,
    is_typing: Option<bool>,
}

#[derive(Deserialize)]
struct EditMessage {
    username: Option<String>,
    message_id: Option<EventId>,
    new_content: Option<String>,
}

#[derive(Deserialize)]
struct DeleteMessage {
    username: Option<String>,
    message_id: Option<EventId>,
}

#[derive(Deserialize)]
struct React {
    username: Option<String>,
    message_id: Option<EventId>,
    emoji: Option<String>,
    on: Option<bool>,
}

#[derive(Deserialize)]
struct Read {
    username: Option<String>,
    last_read_id: Option<EventId>,
}

impl ClientFrame {
    /// Reads a frame.
    ///
    /// # Errors
    /// [`BadFrame`]: the socket stays open, its client is told.
    pub fn parse(text: &str) -> Result<Self, BadFrame> {
        let entries: Entries = serde_json::from_str(text).map_err(|error| {
            let detail = match error.classify() {
                Category::Data => "A frame is a JSON object: fields in curly braces.".into(),
                _ => format!("The frame {}.", fields::not_json(&error)),
            };
            BadFrame { reference: None, problem: Box::new(Problem::new(Code::InvalidJson, detail)) }
        })?;
        let (reference, wrong) = reference(&entries);
        let mut fields = Fields::from(entries);
        fields.take("ref");
        match wrong.map_or_else(|| Self::read(fields), Err) {
            Ok((username, say)) => Ok(Self { reference, username, say }),
            Err(problem) => Err(BadFrame { reference, problem: Box::new(problem) }),
        }
    }

    /// The error for a frame that is not text.
    #[must_use]
    pub fn binary(bytes: &[u8]) -> BadFrame {
        let entries: Option<Entries> = serde_json::from_slice(bytes).ok();
        let reference = entries.and_then(|entries| reference(&entries).0);
        let problem = Problem::new(Code::InvalidJson, "Frames are text, each a JSON object.");
        BadFrame { reference, problem: Box::new(problem) }
    }

    /// Reads the user and the request of a frame.
    fn read(mut frame: Fields) -> Result<(Option<String>, Say), Problem> {
        let kind = match frame.take("type").as_slice() {
            [Given::Json(Value::String(kind))] => kind.clone(),
            [] | [_] => return Err(invalid("type", "is required, and a string")),
            _ => return Err(invalid("type", TWICE)),
        };
        let said = match kind.as_str() {
            "user_join" => read(frame).map(|UserJoin { username }| (username, Say::Join)),
            "chat_message" => read(frame).map(|ChatMessage { username, message, client_id, reply_to }| {
                (username, Say::Message(Post { content: message, reply_to, client_id }))
            }),
            "typing" => read(frame).and_then(|Typing { username, is_typing }| {
                Ok((username, Say::Typing(needed("is_typing", is_typing)?)))
            }),
            "edit_message" => read(frame).and_then(|EditMessage { username, message_id, new_content }| {
                Ok((username, Say::Edit(needed("message_id", message_id)?, new_content)))
            }),
            "delete_message" => read(frame).and_then(|DeleteMessage { username, message_id }| {
                Ok((username, Say::Delete(needed("message_id", message_id)?)))
            }),
            "react" => read(frame).and_then(|React { username, message_id, emoji, on }| {
                let (id, emoji) = (needed("message_id", message_id)?, needed("emoji", emoji)?);
                Ok((username, Say::React(id, emoji, needed("on", on)?)))
            }),
            "read" => read(frame).and_then(|Read { username, last_read_id }| {
                Ok((username, Say::Read(needed("last_read_id", last_read_id)?)))
            }),
            _ => {
                let meant = fields::meant(&kind, &TYPES).map(|meant| format!("did you mean `{meant}`?"));
                let hint = meant.unwrap_or_else(|| format!("there is {}.", TYPES.join(", ")));
                return Err(Problem::new(Code::UnknownType, format!("There is no frame of this type; {hint}")));
            }
        };
        let (username, say) = said?;
        if matches!(say, Say::Join) && username.is_none() {
            return Err(invalid("username", "is required"));
        }
        Ok((username, say))
    }
}

/// A frame's `ref`, and what is wrong with it. Of several it is the last, which most readers of JSON would take.
fn reference(entries: &Entries) -> (Option<Reference>, Option<Problem>) {
    let is_good = |sent: &RawValue| {
        let sent = sent.get();
        let length = match sent.as_bytes().first() {
            Some(b'"') => serde_json::from_str::<String>(sent).ok().map(|text| text.len()),
            Some(b'-' | b'0'..=b'9') => Some(sent.len()),
            _ => None,
        };
        length.is_some_and(|length| length <= MAX_REF)
    };
    let mut sent = entries.values("ref");
    let (first, last) = (sent.next(), sent.last());
    match (first, last) {
        (Some(only), None) if only.get() == "null" => (None, None),
        (Some(only), None) if !is_good(only) => {
            (None, Some(invalid("ref", "is a string or a number of at most 128 bytes")))
        }
        (first, None) => (first.map(ToOwned::to_owned), None),
        (_, Some(last)) => {
            (Some(last).filter(|last| is_good(last)).map(ToOwned::to_owned), Some(invalid("ref", TWICE)))
        }
    }
}

fn read<T: DeserializeOwned>(frame: Fields) -> Result<T, Problem> {
    frame.read_exactly().map_err(Problem::invalid)
}

fn needed<T>(field: &str, value: Option<T>) -> Result<T, Problem> {
    value.ok_or_else(|| invalid(field, "is required"))
}

fn invalid(field: &str, detail: impl Into<String>) -> Problem {
    Problem::invalid(vec![FieldError { field: field.to_owned(), detail: detail.into() }])
}

/// The answers to a client's frame.
#[derive(Debug, Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum SocketAnswer<'a> {
    /// The frame with this `ref` took effect.
    Ack {
        /// The frame's `ref`.
        #[serde(rename = "ref")]
        #[schema(value_type = RefText)]
        reference: &'a RawValue,
        /// The id of the event it made, which is the message's for one it posted; absent if it made none.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[schema(value_type = Option<i64>, nullable = false, minimum = 1)]
        id: Option<EventId>,
    },
    /// The frame was not taken; or, with a `room`, a room can't be read, or no longer.
    Error {
        /// The room that can't be read; absent if a frame was not taken.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[schema(value_type = Option<RoomName>, nullable = false)]
        room: Option<&'a RoomName>,
        /// The status that a request for the room is answered with; absent if a frame was not taken.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[schema(nullable = false, minimum = 400, maximum = 599)]
        status: Option<u16>,
        /// The frame's `ref`, if it had one that could be read.
        #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
        #[schema(value_type = Option<RefText>, nullable = false)]
        reference: Option<&'a RawValue>,
        /// The kind of problem as a stable word.
        #[schema(example = "unknown_type")]
        code: Code,
        /// The error this time.
        detail: &'a str,
        /// The fields that are wrong, for invalid input.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        #[schema(required = false)]
        errors: Vec<FieldError>,
        /// The message that the key was used for before.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[schema(value_type = Option<i64>, nullable = false, minimum = 1)]
        message_id: Option<EventId>,
        /// The time after which to post again, in seconds, where a room asks for a pause between two posts.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[schema(nullable = false, minimum = 1)]
        retry_after: Option<u64>,
    },
}

impl SocketAnswer<'_> {
    fn to_text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// The frame that says that something was done.
#[must_use]
pub fn ack(reference: &RawValue, id: Option<EventId>) -> String {
    SocketAnswer::Ack { reference, id }.to_text()
}

/// The frame that says that something was not done.
#[must_use]
pub fn error(bad: &BadFrame) -> String {
    let Problem { code, detail, errors, message_id, retry_after, .. } = &*bad.problem;
    let (reference, errors) = (bad.reference.as_deref(), errors.clone());
    let retry_after = retry_after.filter(|_| *code == Code::SlowMode);
    let (room, status, code, message_id) = (None, None, *code, *message_id);
    SocketAnswer::Error { room, status, reference, code, detail, errors, message_id, retry_after }.to_text()
}
