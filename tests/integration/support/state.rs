//! The state that a client makes of a room's events, and the state that the server has: the two must end equal.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    DEADLINE, Query, Reader, Server, Transport,
    reader::{is_durable, kind},
};

/// A room as somebody knows it who was only told of events.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct State {
    /// Messages before this one are not kept: they are older than the history was.
    first: i64,
    title: Value,
    topic: Value,
    /// Each message as REST would show it.
    messages: BTreeMap<i64, Value>,
    /// The read cursors of all users, by name as it is compared.
    read: BTreeMap<String, i64>,
}

impl State {
    /// The room as REST shows it.
    pub async fn by_rest(server: &Server, room: &str) -> Self {
        let mut state = Self::default();
        state.describe(&server.get_json(&format!("/rooms/{room}")).await);
        state.keep(&server.messages(room).await);
        let mut after = String::new();
        loop {
            let page = server.get_json(&format!("/rooms/{room}/read?limit=200{after}")).await;
            state.take_cursors(&page);
            let Some(next) = page["next"].as_str() else { return state };
            after = format!("&after={next}");
        }
    }

    /// The same without the messages that another one does not keep.
    pub fn as_far_back_as(&self, other: &Self) -> Self {
        let mut shorter = self.clone();
        shorter.first = other.first;
        shorter.messages.retain(|id, _| *id >= other.first);
        shorter
    }

    /// The same without what only events of other types than these tell.
    pub fn as_told_by(&self, types: &str) -> Self {
        let has = |kind: &str| types.split(',').any(|word| word == kind);
        let mut part = self.clone();
        for message in part.messages.values_mut() {
            for (kind, fields) in
                [("message_edited", &["content", "edited_at"][..]), ("reaction_added", &["reactions"])]
            {
                if !has(kind) {
                    for field in fields {
                        message[field] = Value::Null;
                    }
                }
            }
        }
        if !has("room_updated") {
            (part.title, part.topic) = (Value::Null, Value::Null);
        }
        if !has("read_receipt") {
            part.read.clear();
        }
        part
    }

    /// Fails with what differs, if anything does.
    #[track_caller]
    pub fn assert_is(&self, expected: &Self, whose: &str) {
        let differing = self.differences(expected);
        assert!(differing.is_empty(), "{whose} differs:\n{}", differing.join("\n"));
    }

    fn differences(&self, expected: &Self) -> Vec<String> {
        let mut differing = Vec::new();
        let mut compare = |what: String, is: Option<&Value>, should: Option<&Value>| {
            if is != should {
                let text = |value: Option<&Value>| value.map_or("nothing".to_owned(), Value::to_string);
                differing.push(format!("{what}\n     is {}\n should {}", text(is), text(should)));
            }
        };
        compare("the first message kept".into(), Some(&json!(self.first)), Some(&json!(expected.first)));
        compare("the title".into(), Some(&self.title), Some(&expected.title));
        compare("the topic".into(), Some(&self.topic), Some(&expected.topic));
        for id in self.messages.keys().chain(expected.messages.keys().filter(|id| !self.messages.contains_key(id))) {
            compare(format!("message {id}"), self.messages.get(id), expected.messages.get(id));
        }
        compare("how far people have read".into(), Some(&json!(self.read)), Some(&json!(expected.read)));
        differing
    }

    /// Fails if it knows of any of these texts.
    pub fn assert_silent_of(&self, texts: &[String]) {
        for message in self.messages.values().map(Value::to_string) {
            assert!(!texts.iter().any(|text| message.contains(text)), "deleted before it was read: {message}");
        }
    }

    /// Takes an event in.
    pub fn apply(&mut self, event: &Value) {
        match kind(event) {
            "message_history" => {
                let messages = event["messages"].as_array().expect("messages");
                let after = event["id"].as_i64().expect("a cursor") + 1;
                let first = messages.first().map_or(after, |message| number(&message["id"]));
                self.first = if event["has_more"] == true { first } else { 0 };
                self.messages.clear();
                self.keep(messages);
            }
            "chat_message" => self.keep(std::slice::from_ref(&event["message"])),
            "message_edited" => {
                assert_eq!(event["message"]["content"], event["new_content"], "{event}");
                assert_eq!(event["message"]["id"], event["message_id"], "{event}");
                self.change(event, |message| {
                    message["content"] = event["new_content"].clone();
                    message["edited_at"] = event["edited_at"].clone();
                });
            }
            "message_deleted" => self.change(event, |message| {
                message["deleted_at"] = event["deleted_at"].clone();
                message["content"] = json!("");
                message["reactions"] = json!([]);
            }),
            "reaction_added" | "reaction_removed" => {
                self.change(event, |message| message["reactions"] = event["reactions"].clone());
            }
            "room_updated" => self.describe(event),
            "read_receipt" => self.take_cursor(event),
            "read_state" => {
                let before = std::mem::take(&mut self.read);
                self.take_cursors(event);
                for (name, id) in before {
                    assert!(self.read.get(&name).is_some_and(|now| *now >= id), "{name} had read {id}: {event}");
                }
            }
            "presence_state" | "user_status" | "typing_indicator" | "ping" => {}
            other => panic!("{other} is not expected here: {event}"),
        }
    }

    fn describe(&mut self, room: &Value) {
        (self.title, self.topic) = (room["title"].clone(), room["topic"].clone());
    }

    fn keep(&mut self, messages: &[Value]) {
        self.messages.extend(messages.iter().map(|message| (number(&message["id"]), message.clone())));
    }

    fn change(&mut self, event: &Value, change: impl FnOnce(&mut Value)) {
        let id = number(&event["message_id"]);
        if id >= self.first {
            change(self.messages.get_mut(&id).unwrap_or_else(|| panic!("no message {id} for {event}")));
        }
    }

    fn take_cursors(&mut self, from: &Value) {
        from["cursors"].as_array().expect("cursors").iter().for_each(|cursor| self.take_cursor(cursor));
    }

    fn take_cursor(&mut self, cursor: &Value) {
        let name = cursor["username"].as_str().expect("a name").to_lowercase();
        let id = number(&cursor["last_read_id"]);
        let before = self.read.insert(name, id);
        assert!(before.is_none_or(|before| before <= id), "a cursor goes back: {cursor}, it was {before:?}");
    }
}

fn number(value: &Value) -> i64 {
    value.as_i64().unwrap_or_else(|| panic!("{value} is no number"))
}

/// A client that follows a room, and may leave it and come back.
pub struct Follower {
    room: String,
    query: Query,
    reader: Reader,
    /// The last id it was told.
    pub cursor: i64,
    /// The state made of the events so far.
    pub state: State,
    /// Texts that were deleted before it came, so that it must not be told of them.
    pub gone: Vec<String>,
}

impl Follower {
    /// Begins to follow a room that is there. One without a cursor asks for the room once it has its history.
    pub async fn open(server: &Server, transport: Transport, room: &str, query: Query) -> Self {
        let reader = Reader::open(server, transport, room, query.clone()).await;
        let cursor = query.since.unwrap_or(0);
        let mut state = State::default();
        state.describe(&json!({"title": "", "topic": ""}));
        let mut follower = Self { room: room.into(), query, reader, cursor, state, gone: Vec::new() };
        if follower.query.since.is_none() {
            let history = follower.reader.next().await;
            assert_eq!(kind(&history), "message_history");
            follower.cursor = number(&history["id"]);
            follower.state.apply(&history);
            follower.state.describe(&server.get_json(&format!("/rooms/{room}")).await);
        }
        follower
    }

    /// Hangs up without a goodbye, as a network does it, and comes back by its cursor.
    pub async fn come_back(&mut self, server: &Server, transport: Transport) {
        let query = self.query.clone().after(self.cursor);
        self.reader = Reader::open(server, transport, &self.room, query).await;
    }

    /// Reads on until it was told the event with this id. All there are come, each after the one before.
    pub async fn read_to(&mut self, id: i64) {
        while self.cursor < id {
            self.read_one().await;
        }
        assert_eq!(self.cursor, id, "no event is past the newest");
    }

    async fn read_one(&mut self) {
        let event = self.reader.next().await;
        let text = event.to_string();
        assert!(!self.gone.iter().any(|gone| text.contains(gone)), "deleted before it was asked for: {event}");
        if is_durable(&event) {
            let (id, next) = (number(&event["id"]), self.cursor + 1);
            let fits = if self.query.types.is_none() { id == next } else { id >= next };
            assert!(fits, "{:?}: after {} came {event}", self.reader.transport(), self.cursor);
        }
        self.state.apply(&event);
        // A filter's `ping` and a poll's `next` move it too.
        self.cursor = self.reader.cursor();
    }

    /// Ends equal to what REST says: at once as far as the log tells it, and in a moment as far as people's
    /// reading does, which is no part of the log.
    pub async fn ends_as(&mut self, expected: &State, head: i64) {
        self.read_to(head).await;
        let whose = format!("what a reader by {:?} made of it", self.reader.transport());
        let types = self.query.types.clone();
        let expected = expected.as_far_back_as(&self.state);
        let part = |state: &State| types.as_ref().map_or(state.clone(), |types| state.as_told_by(types));
        let (mut durable, expected) = (part(&self.state), part(&expected));
        durable.read.clone_from(&expected.read);
        durable.assert_is(&expected, &whose);
        let catch_up = async {
            while part(&self.state).read != expected.read {
                self.read_one().await;
            }
        };
        if tokio::time::timeout(DEADLINE, catch_up).await.is_err() {
            part(&self.state).assert_is(&expected, &whose);
        }
    }
}
