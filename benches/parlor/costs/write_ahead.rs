//! The length of the write-ahead log while large messages of ever new words come and people read all the time.

use std::{
    io,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread::{ScopedJoinHandle, scope, sleep},
    time::{Duration, Instant},
};

use serde_json::json;

use super::{add, megabytes};
use crate::{
    line::{Line, request},
    process::{Kind, Server, failed},
    report::Report,
};

const POSTERS: usize = 16;
const FOR: Duration = Duration::from_secs(20);
const EVERY: Duration = Duration::from_millis(20);
/// The number of words of eight letters in a message of 9,900 bytes.
const WORDS: usize = 1_100;
const MOST_MEGABYTES: f64 = 256.0;
/// Each is read all the time, by somebody of their own.
const READ: [&str; 4] = ["messages?limit=50", "messages?limit=50&after=0", "poll?since=0&wait=0", "search?q=nosuch"];

pub fn run(report: &mut Report) -> io::Result<()> {
    let server = &Server::start(Kind::Parlor)?;
    let (is_over, posted) = (&AtomicBool::new(false), &AtomicU64::new(0));
    let longest = scope(|scope| {
        let posting = (0..POSTERS).map(|_| scope.spawn(move || post(server, is_over, posted)));
        let reading = READ.map(|what| scope.spawn(move || read(server, what, is_over)));
        let threads: Vec<_> = posting.chain(reading).collect();
        let (started, mut longest) = (Instant::now(), 0);
        // A thread that ends before failed.
        while started.elapsed() < FOR && !threads.iter().any(ScopedJoinHandle::is_finished) {
            longest = server.log_bytes()?.max(longest);
            sleep(EVERY);
        }
        is_over.store(true, Ordering::Relaxed);
        for thread in threads {
            thread.join().map_err(|_| failed("a thread failed"))??;
        }
        io::Result::Ok(longest)
    })?;
    add(report, "MB of the write-ahead log beside readers", megabytes(longest as f64), MOST_MEGABYTES);
    let posted = megabytes(posted.load(Ordering::Relaxed) as f64);
    report.note(format!("write-ahead log: {posted:.0} MB of messages in {FOR:?}, {} readers", READ.len()));
    Ok(())
}

fn post(server: &Server, is_over: &AtomicBool, posted: &AtomicU64) -> io::Result<()> {
    let mut line = Line::connect(server)?;
    while !is_over.load(Ordering::Relaxed) {
        let words: Vec<_> = (0..WORDS).map(|_| format!("{:08x}", rand::random::<u32>())).collect();
        let content = words.join(" ");
        let body = json!({"username": "Alice", "content": content});
        line.ask(&request(server.address, "POST", server.kind.messages_path(), Some(&body)))?;
        posted.fetch_add(content.len() as u64, Ordering::Relaxed);
    }
    Ok(())
}

fn read(server: &Server, what: &str, is_over: &AtomicBool) -> io::Result<()> {
    let mut line = Line::connect(server)?;
    while !is_over.load(Ordering::Relaxed) {
        line.ask(&request(server.address, "GET", &format!("/api/v1/rooms/bench/{what}"), None))?;
    }
    Ok(())
}
