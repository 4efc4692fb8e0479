//! A log into a pipe that nobody reads: how long requests wait once it is full.

use std::{
    io::{self, Read, pipe},
    time::{Duration, Instant},
};

use super::{add, load::flood};
use crate::{
    line::{Line, request},
    process::{Server, failed},
    report::Report,
};

/// More requests than the pipe and the server have room for their lines, each of some 200 bytes.
const BEFORE: u64 = 10_000;
const AFTER: usize = 1_000;
/// The least that a pipe holds when it takes no more: lines come to it by the page or more at once.
const FULL: usize = 32_000;
const MOST_MS: f64 = 100.0;

pub fn run(report: &mut Report) -> io::Result<()> {
    let (mut reader, writer) = pipe()?;
    let server = Server::logging_to(writer)?;
    flood(&server, 4, BEFORE, |_| request(server.address, "GET", "/healthz", None))?;
    let mut line = Line::connect(&server)?;
    let mut longest = Duration::ZERO;
    for _ in 0..AFTER {
        let started = Instant::now();
        line.ask(&request(server.address, "GET", "/healthz", None))?;
        longest = started.elapsed().max(longest);
    }
    drop(server);
    let mut logged = Vec::new();
    reader.read_to_end(&mut logged)?;
    if logged.len() < FULL {
        return Err(failed(&format!("the pipe was not full: it held {} bytes", logged.len())));
    }
    add(report, "ms of a request while the log's pipe is full", longest.as_secs_f64() * 1e3, MOST_MS);
    Ok(())
}
