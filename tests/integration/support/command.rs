//! Actions of people in a room, by REST or by a frame on a socket.

use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};

use super::{DEADLINE, Server, within};

/// Something that somebody does in a room.
#[derive(Debug, Clone)]
pub enum Command {
    /// Posts a message, perhaps as a reply.
    Post { user: String, content: String, reply_to: Option<i64> },
    /// Edits a message.
    Edit { user: String, id: i64, content: String },
    /// Deletes a message.
    Delete { user: String, id: i64 },
    /// Adds a reaction or takes it back.
    React { user: String, id: i64, emoji: String, on: bool },
    /// Has read up to a message.
    Read { user: String, id: i64 },
    /// Gives the room a title.
    Rename { title: String },
}

impl Command {
    /// Posts a message that answers none.
    pub fn post(user: &str, content: &str) -> Self {
        Self::Post { user: user.into(), content: content.into(), reply_to: None }
    }

    /// Posts a message that answers another.
    pub fn reply(user: &str, content: &str, to: i64) -> Self {
        Self::Post { user: user.into(), content: content.into(), reply_to: Some(to) }
    }

    /// Edits a message.
    pub fn edit(user: &str, id: i64, content: &str) -> Self {
        Self::Edit { user: user.into(), id, content: content.into() }
    }

    /// Deletes a message.
    pub fn delete(user: &str, id: i64) -> Self {
        Self::Delete { user: user.into(), id }
    }

    /// Adds a reaction.
    pub fn react(user: &str, id: i64, emoji: &str) -> Self {
        Self::React { user: user.into(), id, emoji: emoji.into(), on: true }
    }

    /// Takes a reaction back.
    pub fn unreact(user: &str, id: i64, emoji: &str) -> Self {
        Self::React { user: user.into(), id, emoji: emoji.into(), on: false }
    }

    /// Has read up to a message.
    pub fn read(user: &str, id: i64) -> Self {
        Self::Read { user: user.into(), id }
    }

    /// Gives the room a title.
    pub fn rename(title: &str) -> Self {
        Self::Rename { title: title.into() }
    }

    /// The request it is, to a server at this address or behind it.
    pub fn request(&self, http: &reqwest::Client, base: &str, room: &str) -> RequestBuilder {
        let url = |rest: String| format!("{base}/api/v1/rooms/{room}{rest}");
        match self {
            Self::Post { user, content, reply_to } => {
                let body = json!({"username": user, "content": content, "reply_to": reply_to});
                http.post(url("/messages".into())).json(&body)
            }
            Self::Edit { user, id, content } => {
                http.patch(url(format!("/messages/{id}"))).json(&json!({"username": user, "content": content}))
            }
            Self::Delete { user, id } => http.delete(url(format!("/messages/{id}"))).query(&[("username", user)]),
            Self::React { user, id, emoji, on } => {
                let emoji = percent_encoding::utf8_percent_encode(emoji, percent_encoding::NON_ALPHANUMERIC);
                let method = if *on { Method::PUT } else { Method::DELETE };
                http.request(method, url(format!("/messages/{id}/reactions/{emoji}"))).query(&[("username", user)])
            }
            Self::Read { user, id } => {
                http.put(url("/read".into())).json(&json!({"username": user, "last_read_id": id}))
            }
            Self::Rename { title } => http.put(url(String::new())).json(&json!({"title": title})),
        }
    }

    /// The frame it is, for a socket; a room is not renamed by one.
    pub fn frame(&self, reference: &str) -> Value {
        let mut frame = match self {
            Self::Post { user, content, reply_to } => {
                json!({"type": "chat_message", "username": user, "message": content, "reply_to": reply_to})
            }
            Self::Edit { user, id, content } => {
                json!({"type": "edit_message", "username": user, "message_id": id, "new_content": content})
            }
            Self::Delete { user, id } => json!({"type": "delete_message", "username": user, "message_id": id}),
            Self::React { user, id, emoji, on } => {
                json!({"type": "react", "username": user, "message_id": id, "emoji": emoji, "on": on})
            }
            Self::Read { user, id } => json!({"type": "read", "username": user, "last_read_id": id}),
            Self::Rename { .. } => panic!("no frame renames a room"),
        };
        frame["ref"] = json!(reference);
        frame
    }
}

impl Server {
    /// Has somebody do something in a room; the answer, whatever it is.
    pub async fn ask(&self, room: &str, command: &Command) -> Response {
        let request = command.request(self.http(), &self.url(""), room).send();
        within(DEADLINE, format!("{command:?} is answered"), request).await.expect("an answer")
    }

    /// Has people do things in a room, each of which must be taken.
    pub async fn perform(&self, room: &str, commands: &[Command]) {
        for command in commands {
            let answer = self.ask(room, command).await;
            let status = answer.status();
            let body = answer.text().await.expect("a body");
            assert!(status.is_success(), "{command:?}: {status} {body}");
        }
    }
}
