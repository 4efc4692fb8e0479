//! What a client may say on a WebSocket, and how it is answered.

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::super::{
    fields::{self, Fields},
    openapi::texts::RefText,
    problem::{Code, FieldError, Problem},
};
use crate::domain::{EventId, message::Post};

/// The most bytes of a `ref`.
const MAX_REF: usize = 128;

/// The types of a client's frames.
const TYPES: [&str; 7] = ["user_join", "chat_message", "typing", "edit_message", "delete_message", "react", "read"];

/// One frame of a client.
#[derive(Debug)]
pub struct ClientFrame {
    /// Comes back in the answer.
    pub reference: Option<Value>,
    /// Who says it; absent: whoever the socket first named.
    pub username: Option<String>,
    /// What is said.
    pub say: Say,
}

/// What a client says.
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

/// Why a frame is not taken.
#[derive(Debug)]
pub struct BadFrame {
    /// The frame's `ref`, if it could be read.
    pub reference: Option<Value>,
    /// Why.
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
        let bad = |reference: Option<&Value>, problem: Problem| BadFrame {
            reference: reference.cloned(),
            problem: Box::new(problem),
        };
        let not_json = |detail: String| bad(None, Problem::new(Code::InvalidJson, detail));
        let frame: Value =
            serde_json::from_str(text).map_err(|error| not_json(format!("The frame {}.", fields::not_json(&error))))?;
        let Value::Object(mut frame) = frame else {
            return Err(not_json("A frame is a JSON object: fields in curly braces.".into()));
        };
        let reference = frame.remove("ref").filter(|reference| !reference.is_null());
        if let Some(value) = &reference {
            let fits = match value {
                Value::String(text) => text.len() <= MAX_REF,
                Value::Number(number) => number.to_string().len() <= MAX_REF,
                _ => false,
            };
            if !fits {
                return Err(bad(None, invalid("ref", "is a string or a number of at most 128 bytes")));
            }
        }
        let Some(Value::String(kind)) = frame.remove("type") else {
            return Err(bad(reference.as_ref(), invalid("type", "is required, and a string")));
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
                let problem = Problem::new(Code::UnknownType, format!("There is no frame of this type; {hint}"));
                return Err(BadFrame { reference, problem: Box::new(problem) });
            }
        };
        let (username, say) = said.map_err(|problem| bad(reference.as_ref(), problem))?;
        if matches!(say, Say::Join) && username.is_none() {
            return Err(bad(reference.as_ref(), invalid("username", "is required")));
        }
        Ok(Self { reference, username, say })
    }
}

fn read<T: DeserializeOwned>(frame: Map<String, Value>) -> Result<T, Problem> {
    Fields::of_map(frame).read_exactly().map_err(Problem::invalid)
}

fn needed<T>(field: &str, value: Option<T>) -> Result<T, Problem> {
    value.ok_or_else(|| invalid(field, "is required"))
}

fn invalid(field: &str, detail: impl Into<String>) -> Problem {
    Problem::invalid(vec![FieldError { field: field.to_owned(), detail: detail.into() }])
}

/// How a client's frame is answered.
#[derive(Debug, Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum SocketAnswer<'a> {
    /// The frame with this `ref` took effect.
    Ack {
        /// The frame's `ref`.
        #[serde(rename = "ref")]
        #[schema(value_type = RefText)]
        reference: &'a Value,
        /// The id of the event it made, which is the message's for one it posted; absent if it made none.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[schema(value_type = Option<i64>, nullable = false, minimum = 1)]
        id: Option<EventId>,
    },
    /// The frame was not taken.
    Error {
        /// The frame's `ref`, if it had one that could be read.
        #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
        #[schema(value_type = Option<RefText>, nullable = false)]
        reference: Option<&'a Value>,
        /// The kind of problem as a stable word.
        #[schema(example = "unknown_type")]
        code: Code,
        /// What is wrong this time.
        detail: &'a str,
        /// The fields that are wrong, for invalid input.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        #[schema(required = false)]
        errors: Vec<FieldError>,
    },
}

impl SocketAnswer<'_> {
    fn to_text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// The frame that says that something was done.
#[must_use]
pub fn ack(reference: &Value, id: Option<EventId>) -> String {
    SocketAnswer::Ack { reference, id }.to_text()
}

/// The frame that says that something was not done.
#[must_use]
pub fn error(bad: &BadFrame) -> String {
    let errors = bad.problem.errors.clone();
    let code = bad.problem.code;
    SocketAnswer::Error { reference: bad.reference.as_ref(), code, detail: &bad.problem.detail, errors }.to_text()
}
