//! The long poll, read as a client would: poll after poll, handing back the cursor and the state.

use std::collections::VecDeque;

use reqwest::StatusCode;
use serde_json::Value;

use super::{Server, reader::Query};

/// A client that polls a room.
pub struct Poller {
    http: reqwest::Client,
    url: String,
    query: Query,
    /// The cursor the last answer gave.
    pub since: Option<i64>,
    /// The presence and typing in the last answer.
    pub state: String,
    ready: VecDeque<String>,
}

impl Poller {
    /// A poller of a room; nothing is asked yet.
    pub fn new(server: &Server, room: &str, query: &Query) -> Self {
        Self {
            http: server.http().clone(),
            url: server.api(&format!("/rooms/{room}/poll")),
            since: query.since,
            query: query.clone(),
            // Known to no server, so that the first answer includes the state.
            state: "new".into(),
            ready: VecDeque::new(),
        }
    }

    /// One poll: its body, and the texts of its events. None when the server hangs up.
    pub async fn poll(&mut self, wait: u32) -> Option<(Value, Vec<String>)> {
        let query = Query { since: self.since, ..self.query.clone() };
        let request = self.http.get(format!("{}?{}", self.url, query.encoded()));
        let answer = request.query(&[("wait", &wait.to_string()), ("state", &self.state)]).send().await.ok()?;
        let status = answer.status();
        let text = answer.text().await.ok()?;
        assert_eq!(status, StatusCode::OK, "{}: {text}", self.url);
        let body: Value = serde_json::from_str(&text).expect("a poll answers JSON");
        self.since = Some(body["next"].as_i64().expect("next is a number"));
        if let Some(state) = body.get("state") {
            self.state = state.as_str().map_or_else(|| state.to_string(), str::to_owned);
        }
        Some((body, array_texts(&text, "events")))
    }

    /// The next event's text, after as many polls as it takes. None when the server hangs up.
    pub async fn next(&mut self) -> Option<String> {
        while self.ready.is_empty() {
            let (_, events) = self.poll(25).await?;
            self.ready.extend(events);
        }
        self.ready.pop_front()
    }

    /// Returns true if every event of the last answer has been handed out.
    pub fn is_drained(&self) -> bool {
        self.ready.is_empty()
    }
}

/// The elements of a field's array, byte for byte as they stand in the document.
pub fn array_texts(document: &str, field: &str) -> Vec<String> {
    let marker = format!("\"{field}\":");
    let start = document.find(&marker).unwrap_or_else(|| panic!("no {field} in {document}")) + marker.len();
    let array = document[start..].trim_start().strip_prefix('[').expect("an array");
    let (mut depth, mut in_string, mut escaped, mut from) = (0, false, false, 0);
    let mut elements = Vec::new();
    for (at, byte) in array.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'{' | b'[' => depth += 1,
            b']' if depth == 0 => {
                elements.push(array[from..at].trim());
                break;
            }
            b'}' | b']' => depth -= 1,
            b',' if depth == 0 => {
                elements.push(array[from..at].trim());
                from = at + 1;
            }
            _ => {}
        }
    }
    elements.into_iter().filter(|element| !element.is_empty()).map(str::to_owned).collect()
}
