//! The load of one client on several connections, and somebody else's requests beside it.

use std::{
    io,
    ops::Range,
    sync::{Arc, OnceLock},
    thread::{JoinHandle, scope, sleep, spawn},
    time::{Duration, Instant},
};

use crate::{
    line::{Line, request},
    process::{Server, failed},
};

/// The number of requests that a connection sends at once.
const AT_ONCE: usize = 50;
/// The time from one request of somebody else to the next.
const EVERY: Duration = Duration::from_millis(10);

/// Sends so many requests, numbered, in order on each connection; all have to succeed.
pub fn flood(server: &Server, connections: u64, count: u64, request: impl Fn(u64) -> String + Sync) -> io::Result<()> {
    let send = |numbers: Range<u64>| {
        let mut line = Line::connect(server)?;
        for first in numbers.clone().step_by(AT_ONCE) {
            let some = first..numbers.end.min(first + AT_ONCE as u64);
            line.send(&some.clone().map(&request).collect::<String>())?;
            some.into_iter().try_for_each(|_| line.good_answer().map(drop))?;
        }
        Ok(())
    };
    scope(|scope| {
        let share = |part: u64| count * part / connections;
        let threads: Vec<_> =
            (0..connections).map(|part| scope.spawn(move || send(share(part)..share(part + 1)))).collect();
        threads.into_iter().try_for_each(|thread| thread.join().map_err(|_| failed("a thread of the load failed"))?)
    })
}

/// Waits until the server has nothing to do any more.
pub fn wait_for_calm(server: &Server) -> io::Result<()> {
    let deadline = Instant::now() + Duration::from_mins(1);
    let mut last = f64::NEG_INFINITY;
    while server.cpu_seconds()? - last > 0.02 {
        if Instant::now() > deadline {
            return Err(failed("the server is still busy a minute later"));
        }
        last = server.cpu_seconds()?;
        sleep(Duration::from_millis(500));
    }
    Ok(())
}

/// Somebody else, who asks at an even pace on a connection of their own.
///
/// A request that is late because the one before took long counts from when it was due, so that a stall is as long
/// here as for everybody who came during it.
pub struct Others {
    ended: Arc<OnceLock<Instant>>,
    thread: JoinHandle<io::Result<Vec<f64>>>,
}

impl Others {
    /// They ask how the server does.
    pub fn checking_health(server: &Server) -> io::Result<Self> {
        Self::asking(server, request(server.address, "GET", "/healthz", None))
    }

    /// They post to a room of their own.
    pub fn posting(server: &Server) -> io::Result<Self> {
        let body = serde_json::json!({"username": "Other", "content": "hello"});
        Self::asking(server, request(server.address, "POST", "/api/v1/rooms/others/messages", Some(&body)))
    }

    fn asking(server: &Server, request: String) -> io::Result<Self> {
        let mut line = Line::connect(server)?;
        let ended = Arc::new(OnceLock::<Instant>::new());
        let end = Arc::clone(&ended);
        let thread = spawn(move || {
            let (mut due, mut times) = (Instant::now(), Vec::new());
            while end.get().is_none_or(|end| due < *end) {
                sleep(due.saturating_duration_since(Instant::now()));
                line.ask(&request)?;
                times.push(due.elapsed().as_secs_f64() * 1e3);
                due += EVERY;
            }
            Ok(times)
        });
        Ok(Self { ended, thread })
    }

    /// The times that they waited, in milliseconds.
    pub fn end(self) -> io::Result<Waits> {
        self.ended.get_or_init(Instant::now);
        let mut times = self.thread.join().map_err(|_| failed("a thread of the others failed"))??;
        times.sort_by(f64::total_cmp);
        Ok(Waits(times))
    }
}

/// Times of answers, the shortest first.
pub struct Waits(Vec<f64>);

impl Waits {
    pub fn longest(&self) -> f64 {
        self.0.last().copied().unwrap_or(f64::NAN)
    }

    /// The time that 99 of 100 were answered in.
    pub fn p99(&self) -> f64 {
        self.0.get(self.0.len() * 99 / 100).copied().unwrap_or(f64::NAN)
    }
}
