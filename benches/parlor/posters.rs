//! The load: keep-alive connections that post over raw TCP, lean enough not to be what is measured.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    time::{Duration, Instant},
};

use crate::{
    line::whole_answer,
    process::{Server, failed},
};

/// Longer than any answer takes; a server that hangs ends the bench instead of hanging it.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);

pub struct Posters {
    posters: Vec<Poster>,
}

impl Posters {
    pub fn connect(server: &Server, connections: usize) -> io::Result<Self> {
        Self::saying(server, connections, &crate::content())
    }

    pub fn saying(server: &Server, connections: usize, content: &str) -> io::Result<Self> {
        let body = serde_json::json!({"username": "Alice", "content": content}).to_string();
        let request = format!(
            "POST {} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\n\
             {}Content-Length: {}\r\n\r\n{body}",
            server.kind.messages_path(),
            server.address,
            server.authorization,
            body.len(),
        );
        let posters =
            (0..connections).map(|_| Poster::connect(server.address, request.as_bytes())).collect::<io::Result<_>>()?;
        Ok(Self { posters })
    }

    /// Posts in a closed loop as long as `more` agrees with the number sent so far; returns it.
    ///
    /// The connections are served in turn by one thread with blocking calls: a write and a read a
    /// post and no poll between them. While it works on one, all others have a post under way.
    pub fn flat_out(&mut self, mut more: impl FnMut(u64) -> bool) -> io::Result<u64> {
        let mut sent = 0;
        let mut under_way = std::collections::VecDeque::with_capacity(self.posters.len());
        for (index, poster) in self.posters.iter_mut().enumerate() {
            if more(sent) {
                poster.send()?;
                sent += 1;
                under_way.push_back(index);
            }
        }
        while let Some(index) = under_way.pop_front() {
            let poster = &mut self.posters[index];
            poster.answer()?;
            if more(sent) {
                poster.send()?;
                sent += 1;
                under_way.push_back(index);
            }
        }
        Ok(sent)
    }

    /// Posts `count` messages at an even pace, whatever the answers take.
    pub fn paced(&mut self, count: u64, every: Duration) -> io::Result<u64> {
        let started = Instant::now();
        for (n, index) in (0..count).zip((0..self.posters.len()).cycle()) {
            let due = every * u32::try_from(n).unwrap_or(u32::MAX);
            std::thread::sleep(due.saturating_sub(started.elapsed()));
            self.posters[index].send()?;
            self.posters[index].answer()?;
        }
        Ok(count)
    }
}

/// The most bytes of an answer: a message of the largest size, and its head.
const MAX_ANSWER: usize = 16 * 1024;

struct Poster {
    stream: TcpStream,
    request: Vec<u8>,
    buffer: Vec<u8>,
}

impl Poster {
    fn connect(address: SocketAddr, request: &[u8]) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(ANSWER_TIMEOUT))?;
        stream.set_write_timeout(Some(ANSWER_TIMEOUT))?;
        Ok(Self { stream, request: request.to_vec(), buffer: vec![0; MAX_ANSWER] })
    }

    fn send(&mut self) -> io::Result<()> {
        self.stream.write_all(&self.request)
    }

    fn answer(&mut self) -> io::Result<()> {
        let mut filled = 0;
        loop {
            let read = self.stream.read(&mut self.buffer[filled..])?;
            if read == 0 {
                return Err(failed("the server closed a connection, or its answer is too long"));
            }
            filled += read;
            match whole_answer(&self.buffer[..filled]) {
                None => {}
                Some((201, _)) => return Ok(()),
                Some(_) => {
                    let answer = String::from_utf8_lossy(&self.buffer[..filled]);
                    return Err(failed(&format!("a post was refused: {answer}")));
                }
            }
        }
    }
}
