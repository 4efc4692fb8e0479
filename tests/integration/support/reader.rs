//! One way to read a room's events, whichever transport carries them.

use serde_json::Value;
use url::form_urlencoded;

use super::{DEADLINE, Server, poll::Poller, socket::Socket, sse, within};

/// The ways to read a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    Sse,
    LongPoll,
    WebSocket,
}

impl Transport {
    /// All of them: what holds for one holds for each.
    pub const ALL: [Self; 3] = [Self::Sse, Self::LongPoll, Self::WebSocket];
}

/// The query of a reader, the same on all transports.
#[derive(Debug, Clone, Default)]
pub struct Query {
    /// Resume after this cursor.
    pub since: Option<i64>,
    /// The number of messages in the history.
    pub history: Option<u32>,
    /// Only these types, comma-separated.
    pub types: Option<String>,
    /// The user who reads.
    pub username: Option<String>,
}

impl Query {
    /// A reader without a cursor, whom nobody sees.
    pub fn new() -> Self {
        Self::default()
    }

    /// A reader who resumes.
    pub fn since(id: i64) -> Self {
        Self { since: Some(id), ..Self::default() }
    }

    /// A reader whom others see.
    pub fn user(name: &str) -> Self {
        Self::default().username(name)
    }

    /// Resume after this cursor.
    pub fn after(mut self, id: i64) -> Self {
        self.since = Some(id);
        self
    }

    /// Sets the number of messages in the history.
    pub fn history(mut self, count: u32) -> Self {
        self.history = Some(count);
        self
    }

    /// Only these types, comma-separated.
    pub fn types(mut self, types: &str) -> Self {
        self.types = Some(types.into());
        self
    }

    /// Sets the user who reads.
    pub fn username(mut self, name: &str) -> Self {
        self.username = Some(name.into());
        self
    }

    /// As the query of a URL.
    pub fn encoded(&self) -> String {
        let since = self.since.map(|since| ("since", since.to_string()));
        let history = self.history.map(|history| ("history", history.to_string()));
        let types = self.types.clone().map(|types| ("types", types));
        let username = self.username.clone().map(|username| ("username", username));
        let pairs: Vec<_> = [since, history, types, username].into_iter().flatten().collect();
        form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
    }
}

enum Source {
    Sse(Box<sse::Stream>),
    LongPoll(Box<Poller>),
    WebSocket(Box<Socket>),
}

/// A subscriber of a room.
pub struct Reader {
    room: String,
    transport: Transport,
    source: Source,
    cursor: Option<i64>,
}

impl Reader {
    /// Opens a reader. A poller asks nothing before its first `next`.
    pub async fn open(server: &Server, transport: Transport, room: &str, query: Query) -> Self {
        let source = match transport {
            Transport::Sse => Source::Sse(Box::new(sse::Stream::open(server, room, &query).await)),
            Transport::LongPoll => Source::LongPoll(Box::new(Poller::new(server, room, &query))),
            Transport::WebSocket => Source::WebSocket(Box::new(Socket::open(server, room, &query).await)),
        };
        Self { room: room.into(), transport, source, cursor: query.since }
    }

    /// The next event as it came, also when none may come any more. None when the connection has
    /// ended: a stream's or a socket's last event was read, or a poll was cut.
    pub async fn next_text_or_end(&mut self) -> Option<String> {
        let what = format!("an event of room {} by {:?} past {:?}", self.room, self.transport, self.cursor);
        let text = within(DEADLINE, what, async {
            match &mut self.source {
                Source::Sse(stream) => stream.next().await.map(|frame| frame.data),
                Source::LongPoll(poller) => poller.next().await,
                Source::WebSocket(socket) => socket.next().await,
            }
        })
        .await?;
        let event: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
        // An ack's id is where the writer is, not the reader.
        if let Some(id) = event["id"].as_i64().filter(|_| kind(&event) != "ack") {
            self.cursor = Some(id);
        }
        if let Source::LongPoll(poller) = &self.source
            && poller.is_drained()
        {
            self.cursor = poller.since;
        }
        Some(text)
    }

    /// The next event; none when the connection has ended.
    pub async fn next_or_end(&mut self) -> Option<Value> {
        let text = self.next_text_or_end().await?;
        Some(serde_json::from_str(&text).expect("it was JSON a moment ago"))
    }

    /// The next event as it came.
    pub async fn next_text(&mut self) -> String {
        let (room, transport) = (self.room.clone(), self.transport);
        self.next_text_or_end().await.unwrap_or_else(|| panic!("the {transport:?} of room {room} ended"))
    }

    /// The next event.
    pub async fn next(&mut self) -> Value {
        serde_json::from_str(&self.next_text().await).expect("it was JSON a moment ago")
    }

    /// The next event of the log.
    pub async fn next_durable(&mut self) -> Value {
        self.until("an event of the log", is_durable).await
    }

    /// The first event a condition picks, within one deadline; says what was passed over if none is.
    pub async fn until(&mut self, what: &str, picks: impl Fn(&Value) -> bool) -> Value {
        let (transport, mut passed) = (self.transport, Vec::new());
        let search = async {
            loop {
                let event = self.next().await;
                if picks(&event) {
                    return event;
                }
                passed.push(event.to_string());
            }
        };
        let found = tokio::time::timeout(DEADLINE, search).await;
        found.unwrap_or_else(|_| panic!("{transport:?}: no {what} in {DEADLINE:?}, but:\n{}", passed.join("\n")))
    }

    /// The next event of a type.
    pub async fn until_type(&mut self, kind: &str) -> Value {
        self.until(kind, |event| event["type"] == kind).await
    }

    /// The last id seen: what to resume after.
    pub fn cursor(&self) -> i64 {
        self.cursor.expect("a reader has a cursor once it has read its history")
    }

    /// The transport.
    pub fn transport(&self) -> Transport {
        self.transport
    }

    /// Its socket, to write to.
    pub fn socket(&mut self) -> &mut Socket {
        match &mut self.source {
            Source::WebSocket(socket) => socket,
            _ => panic!("{:?} has no socket", self.transport),
        }
    }

    /// Hangs up.
    pub async fn close(self) {
        if let Source::WebSocket(socket) = self.source {
            socket.close().await;
        }
    }
}

/// An event's type.
pub fn kind(event: &Value) -> &str {
    event["type"].as_str().unwrap_or_default()
}

/// Returns true if an event is in the log.
pub fn is_durable(event: &Value) -> bool {
    event["id"].is_i64() && !matches!(kind(event), "message_history" | "ping" | "ack")
}
