//! Several rooms read on one stream, as a page would, with all that an id says checked at every event.

use std::collections::BTreeMap;

use reqwest::StatusCode;
use serde_json::Value;

use super::{
    DEADLINE, Server,
    reader::{is_durable, kind},
    sse::{Frame, Stream},
    within,
};

/// A reader of several rooms.
pub struct RoomsReader {
    /// The connection.
    pub stream: Stream,
    rooms: Vec<String>,
    /// The last id that was told in each room, or where it was resumed.
    cursors: BTreeMap<String, i64>,
    /// The id that a browser would come back with.
    pub id: Option<String>,
    /// True if the query filters types, so that ids may have gaps.
    is_filtered: bool,
}

impl RoomsReader {
    /// Follows rooms; `query` has the parameters besides `rooms`.
    pub async fn open(server: &Server, rooms: &[&str], query: &str) -> Self {
        Self::resume(server, rooms, query, None).await
    }

    /// Follows rooms from the id that a browser would come back with.
    pub async fn resume(server: &Server, rooms: &[&str], query: &str, id: Option<&str>) -> Self {
        let url = server.api(&format!("/stream?rooms={}&{query}", rooms.join(",")));
        let request = server.http().get(url).header("Accept", "text/event-stream");
        let request = id.into_iter().fold(request, |request, id| request.header("Last-Event-ID", id));
        let stream = Stream::send(request).await;
        assert_eq!(stream.status, StatusCode::OK, "a stream opens");
        Self {
            stream,
            rooms: rooms.iter().map(|&room| room.to_owned()).collect(),
            cursors: BTreeMap::new(),
            id: id.map(str::to_owned),
            is_filtered: query.contains("types="),
        }
    }

    /// Sets the cursor known of a room before it begins: the next event of its log is the one after.
    pub fn knows(mut self, room: &str, cursor: i64) -> Self {
        self.cursors.insert(room.into(), cursor);
        self
    }

    /// The next event and its frame; none when the stream has ended.
    pub async fn next_or_end(&mut self) -> Option<(Value, Frame)> {
        let what = format!("an event of {:?} past {:?}", self.rooms, self.id);
        let frame = within(DEADLINE, what, self.stream.next()).await?;
        let event: Value = serde_json::from_str(&frame.data).unwrap_or_else(|error| panic!("{error}: {}", frame.data));
        self.check(&event, &frame);
        Some((event, frame))
    }

    /// The next event.
    pub async fn next(&mut self) -> Value {
        self.next_or_end().await.expect("the stream goes on").0
    }

    /// The first event a condition picks.
    pub async fn until(&mut self, what: &str, picks: impl Fn(&Value) -> bool) -> Value {
        within(DEADLINE, what, async {
            loop {
                let event = self.next().await;
                if picks(&event) {
                    return event;
                }
            }
        })
        .await
    }

    /// The next event that is not of the moment.
    pub async fn next_told(&mut self) -> Value {
        self.until("an event with an id, or a reset", |event| event["id"].is_i64() || kind(event) == "reset").await
    }

    /// The next event of a room's log.
    pub async fn next_durable(&mut self) -> Value {
        self.until("an event of the log", is_durable).await
    }

    /// Hangs up, and comes back as a browser does.
    pub async fn again(self, server: &Server, query: &str) -> Self {
        let rooms: Vec<&str> = self.rooms.iter().map(String::as_str).collect();
        let Self { cursors, id, stream, .. } = self;
        drop(stream);
        Self { cursors, ..Self::resume(server, &rooms, query, id.as_deref()).await }
    }

    /// The cursors that a browser would come back with, without the word of their list.
    pub fn cursors(&self) -> Option<&str> {
        self.id.as_deref().map(|id| id.split('~').next().unwrap_or_default())
    }

    /// Returns true if it is at this id in every room.
    pub fn is_at(&self, id: i64) -> bool {
        self.rooms.iter().all(|room| self.cursors.get(room) == Some(&id))
    }

    /// The cursor in a room.
    pub fn cursor(&self, room: &str) -> i64 {
        self.cursors.get(room).copied().unwrap_or_else(|| panic!("nothing was told of {room}"))
    }

    /// Reads on until a room's cursor is at an id or past it.
    pub async fn reach(&mut self, room: &str, id: i64) {
        while self.cursors.get(room).is_none_or(|cursor| *cursor < id) {
            self.next().await;
        }
    }

    fn check(&mut self, event: &Value, frame: &Frame) {
        let room = event["room"].as_str().expect("an event names its room");
        assert!(self.rooms.iter().any(|each| each == room), "{event}");
        if kind(event) == "reset" {
            self.cursors.remove(room);
        }
        assert_eq!(frame.id.is_some(), event["id"].is_i64(), "{event}: an id line if it moves a cursor: {frame:?}");
        let Some(id) = event["id"].as_i64() else { return };
        if is_durable(event)
            && let Some(cursor) = self.cursors.get(room)
        {
            let follows = if self.is_filtered { id > *cursor } else { id == cursor + 1 };
            assert!(follows, "{event} after {cursor}");
        }
        self.cursors.insert(room.into(), id);
        let line = frame.id.as_deref().expect("an id line");
        let (cursors, word) = line.split_once('~').expect("a word for the list of rooms");
        assert!(word.len() == 4 && word.bytes().all(|digit| digit.is_ascii_alphanumeric()), "{line}");
        let positions: Vec<i64> = cursors.split(',').map(|id| id.parse().expect("a cursor")).collect();
        assert_eq!(positions.len(), self.rooms.len(), "a cursor for each room: {line}");
        for (room, position) in self.rooms.iter().zip(positions) {
            // A ping tells all of them.
            if kind(event) == "ping" && self.cursors.contains_key(room) {
                assert!(position >= self.cursors[room], "{room} in {line}");
                self.cursors.insert(room.clone(), position);
            } else if let Some(cursor) = self.cursors.get(room) {
                assert_eq!(position, *cursor, "{room} in {line}, at {event}");
            }
        }
        self.id = Some(line.into());
    }
}
