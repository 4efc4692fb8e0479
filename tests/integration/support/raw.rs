//! HTTP by hand: for what a proper client would never send, and for seeing every byte of an answer.

use std::net::SocketAddr;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use super::{DEADLINE, within};

/// An answer as it came.
#[derive(Debug)]
pub struct Answer {
    /// The version in its first line: `HTTP/1.1`.
    pub version: String,
    /// The status in its first line.
    pub status: u16,
    /// Its headers, names in lower case, in their order.
    pub headers: Vec<(String, String)>,
    /// Its body, chunks put together.
    pub body: Vec<u8>,
}

impl Answer {
    /// A header's first value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8(self.body.clone()).expect("a body in UTF-8")
    }
}

/// A connection that does as the test says.
pub struct Connection {
    stream: TcpStream,
    read: Vec<u8>,
}

impl Connection {
    /// Connects.
    pub async fn open(addr: SocketAddr) -> Self {
        let stream =
            within(DEADLINE, "a connection is accepted", TcpStream::connect(addr)).await.expect("a connection");
        Self { stream, read: Vec::new() }
    }

    /// Sends bytes. That the server has hung up already is for the next read to say.
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = within(DEADLINE, "bytes are sent", self.stream.write_all(bytes.as_ref())).await;
    }

    /// Returns true if bytes can be sent: the server has not reset the connection yet.
    pub async fn is_taken(&mut self, bytes: &[u8]) -> bool {
        within(DEADLINE, "bytes are sent", self.stream.write_all(bytes)).await.is_ok()
    }

    /// Ends the sending side only.
    pub async fn finish_sending(&mut self) {
        let _ = self.stream.shutdown().await;
    }

    /// Reads once; false at the end of the connection, also when it was reset.
    pub async fn read_some(&mut self) -> bool {
        let read = self.stream.read_buf(&mut self.read);
        matches!(within(DEADLINE, "the server sends more", read).await, Ok(count) if count > 0)
    }

    /// Returns true if the server ends the connection with nothing more to read, and false if more comes or it is reset.
    pub async fn ends(&mut self) -> bool {
        let read = self.stream.read_buf(&mut self.read);
        matches!(within(DEADLINE, "the server ends the connection", read).await, Ok(0)) && self.read.is_empty()
    }

    /// Takes what comes up to and including a text; what came before the end if it never comes.
    pub async fn read_until(&mut self, text: &str) -> Vec<u8> {
        loop {
            if let Some(at) = self.read.windows(text.len()).position(|window| window == text.as_bytes()) {
                return self.read.drain(..at + text.len()).collect();
            }
            if !self.read_some().await {
                return std::mem::take(&mut self.read);
            }
        }
    }

    /// Takes so many bytes; fewer at the end.
    pub async fn read_exactly(&mut self, count: usize) -> Vec<u8> {
        while self.read.len() < count && self.read_some().await {}
        self.read.drain(..count.min(self.read.len())).collect()
    }

    /// Takes all that comes until the server hangs up.
    pub async fn read_to_end(&mut self) -> Vec<u8> {
        while self.read_some().await {}
        std::mem::take(&mut self.read)
    }

    /// Reads an answer's head; none when the server hangs up without one.
    pub async fn head(&mut self) -> Option<Answer> {
        let head = self.read_until("\r\n\r\n").await;
        let head = String::from_utf8_lossy(&head);
        let mut lines = head.lines();
        let (version, rest) = lines.next()?.split_once(' ')?;
        let (version, status) = (version.to_owned(), rest.get(..3)?.parse().ok()?);
        let headers = lines.filter_map(|line| line.split_once(':'));
        let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned())).collect();
        Some(Answer { version, status, headers, body: Vec::new() })
    }

    /// Reads an answer; none when the server hangs up without one.
    pub async fn answer(&mut self) -> Option<Answer> {
        let mut answer = self.head().await?;
        let empty = matches!(answer.status, 100..200 | 204 | 304);
        answer.body = match answer.header("content-length").map(|length| length.parse().expect("a length")) {
            _ if empty => Vec::new(),
            Some(length) => self.read_exactly(length).await,
            None if answer.header("transfer-encoding") == Some("chunked") => self.chunks().await,
            None => self.read_to_end().await,
        };
        Some(answer)
    }

    /// Takes one chunk of a body, empty if it is the last; none when the server hangs up before it is whole.
    pub async fn chunk(&mut self) -> Option<Vec<u8>> {
        let line = self.read_until("\r\n").await;
        let size = usize::from_str_radix(std::str::from_utf8(&line).ok()?.strip_suffix("\r\n")?, 16).ok()?;
        let chunk = self.read_exactly(size).await;
        let end = self.read_exactly(2).await;
        (chunk.len() == size && end == b"\r\n").then_some(chunk)
    }

    /// Takes chunks through the one that has a text, put together; all that come if none has it.
    pub async fn chunks_until(&mut self, text: &str) -> String {
        let mut body = String::new();
        while !body.contains(text) {
            let Some(chunk) = self.chunk().await.filter(|chunk| !chunk.is_empty()) else { break };
            body += std::str::from_utf8(&chunk).expect("a chunk of whole characters");
        }
        body
    }

    async fn chunks(&mut self) -> Vec<u8> {
        let mut body = Vec::new();
        while let Some(chunk) = self.chunk().await.filter(|chunk| !chunk.is_empty()) {
            body.extend(chunk);
        }
        body
    }
}

/// Sends one request on a connection of its own and reads its answer.
pub async fn send(addr: SocketAddr, request: impl AsRef<[u8]>) -> Option<Answer> {
    let mut connection = Connection::open(addr).await;
    connection.send(request).await;
    connection.answer().await
}
