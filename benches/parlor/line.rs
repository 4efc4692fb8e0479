//! A connection that asks one thing after the other, and reads each answer whole.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    ops::Range,
    time::Duration,
};

use serde_json::Value;

use crate::process::{Server, failed};

/// Longer than any answer takes; a server that hangs ends the bench instead of hanging it.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);

pub struct Line {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// The text of a request, with a body of JSON if there is one.
pub fn request(address: SocketAddr, method: &str, path: &str, body: Option<&Value>) -> String {
    let head = format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\n");
    match body.map(Value::to_string) {
        Some(body) => {
            format!("{head}Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}", body.len())
        }
        None if method == "GET" => format!("{head}\r\n"),
        None => format!("{head}Content-Length: 0\r\n\r\n"),
    }
}

impl Line {
    pub fn connect(server: &Server) -> io::Result<Self> {
        let stream = TcpStream::connect(server.address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(ANSWER_TIMEOUT))?;
        stream.set_write_timeout(Some(ANSWER_TIMEOUT))?;
        Ok(Self { stream, buffer: Vec::new() })
    }

    /// The body of the answer, which must be a good one.
    pub fn ask(&mut self, request: &str) -> io::Result<String> {
        self.send(request)?;
        self.good_answer()
    }

    /// Sends a request, or several at once.
    pub fn send(&mut self, requests: &str) -> io::Result<()> {
        self.stream.write_all(requests.as_bytes())
    }

    /// The body of the next answer, which must be a good one.
    pub fn good_answer(&mut self) -> io::Result<String> {
        let (status, text) = self.answer()?;
        if (200..300).contains(&status) { Ok(text) } else { Err(failed(&format!("{status}: {text}"))) }
    }

    /// The status and the body of the next answer.
    pub fn answer(&mut self) -> io::Result<(u16, String)> {
        let (status, body) = match whole_answer(&self.buffer) {
            Some(whole) => whole,
            None => self.read_until(|bytes, _| whole_answer(bytes))?,
        };
        let text = String::from_utf8_lossy(&self.buffer[body.clone()]).into_owned();
        self.buffer.drain(..body.end);
        Ok((status, text))
    }

    /// Reads until what has come makes something; it is told from where on it is new.
    pub fn read_until<T>(&mut self, mut make: impl FnMut(&[u8], usize) -> Option<T>) -> io::Result<T> {
        let mut chunk = [0; 16 * 1024];
        loop {
            let read = self.stream.read(&mut chunk)?;
            if read == 0 {
                return Err(failed("the server closed a connection"));
            }
            let fresh = self.buffer.len();
            self.buffer.extend_from_slice(&chunk[..read]);
            if let Some(made) = make(&self.buffer, fresh) {
                return Ok(made);
            }
        }
    }
}

/// The status and the place of the body, once all of it has arrived.
pub fn whole_answer(bytes: &[u8]) -> Option<(u16, Range<usize>)> {
    let body = bytes.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let head = std::str::from_utf8(&bytes[..body]).ok()?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let length: Option<usize> = head
        .split("\r\n")
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .and_then(|(_, value)| value.trim().parse().ok());
    // An answer without content has no length either.
    let end = body + if status == 204 { 0 } else { length? };
    (bytes.len() >= end).then_some((status, body..end))
}
