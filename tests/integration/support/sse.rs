//! Server-sent events, read by the rules of the WHATWG's standard and not by those of the server.

use std::collections::VecDeque;

use reqwest::{RequestBuilder, StatusCode, header::HeaderMap};

use super::{DEADLINE, Server, reader::Query, secrets, within};

/// One event, as a browser would dispatch it, and the lines that made it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Frame {
    /// The value of its `event:` field.
    pub event: Option<String>,
    /// The value of its `id:` field.
    pub id: Option<String>,
    /// Its data.
    pub data: String,
    /// Its lines as they came.
    pub lines: Vec<String>,
}

/// Turns bytes into events: lines end with CR, LF or CRLF, an empty line ends an event.
#[derive(Default)]
pub struct Parser {
    /// The lines that start with a colon.
    pub comments: Vec<String>,
    /// The last `retry:` field.
    pub retry: Option<u64>,
    line: Vec<u8>,
    after_cr: bool,
    started: bool,
    frame: Frame,
    has_data: bool,
}

impl Parser {
    /// The events that end within these bytes.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<Frame> {
        let mut frames = Vec::new();
        for &byte in bytes {
            let second_of_pair = byte == b'\n' && self.after_cr;
            self.after_cr = byte == b'\r';
            match byte {
                b'\n' if second_of_pair => {}
                b'\r' | b'\n' => frames.extend(self.end_line()),
                _ => self.line.push(byte),
            }
        }
        frames
    }

    fn end_line(&mut self) -> Option<Frame> {
        let line = String::from_utf8(std::mem::take(&mut self.line)).expect("a stream is UTF-8");
        let line = if self.started { line.as_str() } else { line.trim_start_matches('\u{feff}') };
        self.started = true;
        if line.is_empty() {
            let frame = std::mem::take(&mut self.frame);
            return std::mem::take(&mut self.has_data).then_some(frame);
        }
        if let Some(comment) = line.strip_prefix(':') {
            self.comments.push(comment.into());
            return None;
        }
        // The stream's own, whichever event it comes with.
        if !line.starts_with("retry:") {
            self.frame.lines.push(line.into());
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => self.frame.event = Some(value.into()),
            "id" if !value.contains('\0') => self.frame.id = Some(value.into()),
            "retry" => self.retry = value.parse().ok().or(self.retry),
            "data" => {
                if std::mem::replace(&mut self.has_data, true) {
                    self.frame.data.push('\n');
                }
                self.frame.data.push_str(value);
            }
            _ => {}
        }
        None
    }
}

/// One open stream.
pub struct Stream {
    /// The answer's status.
    pub status: StatusCode,
    /// The answer's headers.
    pub headers: HeaderMap,
    /// The parser, for what came beside the events.
    pub parser: Parser,
    /// True if it has ended before its end.
    pub was_cut: bool,
    response: reqwest::Response,
    ready: VecDeque<Frame>,
}

impl Stream {
    /// Opens a room's stream as a browser would.
    pub async fn open(server: &Server, room: &str, query: &Query) -> Self {
        let url = server.api(&format!("/rooms/{room}/stream?{}", query.encoded()));
        let stream = Self::send(server.http().get(url).header("Accept", "text/event-stream")).await;
        assert_eq!(stream.status, StatusCode::OK, "a stream opens");
        stream
    }

    /// Opens a stream by any request, whatever its answer's status.
    pub async fn send(request: RequestBuilder) -> Self {
        let response = within(DEADLINE, "a stream is answered", request.send()).await.expect("an answer to a stream");
        Self {
            status: response.status(),
            headers: response.headers().clone(),
            parser: Parser::default(),
            was_cut: false,
            response,
            ready: VecDeque::new(),
        }
    }

    /// The next event; none when the stream has ended or was cut.
    pub async fn next(&mut self) -> Option<Frame> {
        loop {
            if let Some(frame) = self.ready.pop_front() {
                return Some(frame);
            }
            match self.response.chunk().await {
                Ok(Some(bytes)) => {
                    secrets::expect_unsaid(&String::from_utf8_lossy(&bytes));
                    self.ready.extend(self.parser.push(&bytes));
                }
                Ok(None) => return None,
                Err(_) => {
                    self.was_cut = true;
                    return None;
                }
            }
        }
    }
}
