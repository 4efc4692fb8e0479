//! Many readers on one thread, of streams or of sockets, that count what arrives and keep nothing.

use std::{
    cell::RefCell,
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::{
    io::AsyncWriteExt,
    net::TcpStream,
    runtime::{Builder, Handle, Runtime},
};

use crate::process::{Server, failed};

/// The time without a byte after which the readers count as quiet.
const QUIET: Duration = Duration::from_millis(300);
const DEADLINE: Duration = Duration::from_mins(1);

pub struct Readers {
    counts: Arc<Counts>,
    runtime: Option<Runtime>,
}

#[derive(Default)]
struct Counts {
    open: AtomicU64,
    messages: AtomicU64,
    bytes: AtomicU64,
    ended: AtomicU64,
}

impl Readers {
    /// Opens `count` streams and returns when each has been answered and all are quiet.
    pub fn connect(server: &Server, count: u64) -> io::Result<Self> {
        Self::ask(server, count, server.kind.stream_path(), "Accept: text/event-stream\r\n")
    }

    /// The same of Parlor's sockets; each gets the history first.
    pub fn connect_sockets(server: &Server, count: u64) -> io::Result<Self> {
        let upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                       Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
        Self::ask(server, count, "/api/v1/rooms/bench/ws?history=200", upgrade)
    }

    fn ask(server: &Server, count: u64, path: &str, headers: &str) -> io::Result<Self> {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let counts = Arc::new(Counts::default());
        let request: Arc<str> =
            format!("GET {path} HTTP/1.1\r\nHost: {}\r\n{}{headers}\r\n", server.address, server.authorization).into();
        let (address, shared) = (server.address, Arc::clone(&counts));
        runtime.block_on(async move {
            for _ in 0..count {
                let stream = open(address, &request).await?;
                Handle::current().spawn(read(stream, Arc::clone(&shared)));
            }
            io::Result::Ok(())
        })?;
        let readers = Self { counts, runtime: Some(runtime) };
        readers.wait("every reader to be answered", |counts| counts.open.load(Ordering::Relaxed) == count)?;
        readers.quiet()?;
        Ok(readers)
    }

    /// Messages that have arrived, summed over all readers.
    pub fn messages(&self) -> u64 {
        self.counts.messages.load(Ordering::Relaxed)
    }

    pub fn wait_for_messages(&self, count: u64) -> io::Result<()> {
        self.wait("every reader to have every message", |counts| counts.messages.load(Ordering::Relaxed) >= count)
    }

    /// Returns once nothing has arrived for a while.
    pub fn quiet(&self) -> io::Result<()> {
        let mut last = (self.counts.bytes.load(Ordering::Relaxed), Instant::now());
        self.wait("the readers to be quiet", |counts| {
            let bytes = counts.bytes.load(Ordering::Relaxed);
            if bytes != last.0 {
                last = (bytes, Instant::now());
            }
            last.1.elapsed() >= QUIET
        })
    }

    fn wait(&self, what: &str, mut done: impl FnMut(&Counts) -> bool) -> io::Result<()> {
        let started = Instant::now();
        while !done(&self.counts) {
            if self.counts.ended.load(Ordering::Relaxed) > 0 {
                return Err(failed("the server ended or refused a stream"));
            }
            if started.elapsed() > DEADLINE {
                let messages = self.messages();
                return Err(failed(&format!("waited {DEADLINE:?} for {what}; {messages} arrived")));
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        Ok(())
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn open(address: SocketAddr, request: &str) -> io::Result<TcpStream> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(request.as_bytes()).await?;
    Ok(stream)
}

thread_local! {
    /// One buffer for all readers: they are many, and each keeps nothing.
    static BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; 256 * 1024]);
}

async fn read(stream: TcpStream, counts: Arc<Counts>) {
    let mut answered = false;
    while stream.readable().await.is_ok() {
        let more = BUFFER.with_borrow_mut(|buffer| match stream.try_read(buffer) {
            Ok(0) => false,
            Ok(read) => {
                let bytes = &buffer[..read];
                if !answered {
                    answered = bytes.starts_with(b"HTTP/1.1 200") || bytes.starts_with(b"HTTP/1.1 101");
                    counts.open.fetch_add(u64::from(answered), Ordering::Relaxed);
                }
                counts.messages.fetch_add(marks(bytes), Ordering::Relaxed);
                counts.bytes.fetch_add(read as u64, Ordering::Relaxed);
                answered
            }
            Err(error) => error.kind() == io::ErrorKind::WouldBlock,
        });
        if !more {
            break;
        }
    }
    counts.ended.fetch_add(1, Ordering::Relaxed);
}

#[expect(clippy::naive_bytecount, reason = "compiled to vector instructions, it is no part of the cost")]
fn marks(bytes: &[u8]) -> u64 {
    bytes.iter().filter(|byte| **byte == crate::MARK).count() as u64
}
