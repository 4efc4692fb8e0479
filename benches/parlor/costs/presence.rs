//! A crowd in one room that came by polls: what a page of it costs, and how long posts wait when all of it leaves.

use std::{
    io,
    thread::sleep,
    time::{Duration, Instant},
};

use serde_json::Value;

use super::{
    add, add_posts,
    load::{Others, flood},
    reactions::long_name,
};
use crate::{
    line::{Line, request},
    process::{Server, failed},
    report::Report,
};

const PEOPLE: u64 = 20_000;
const PAGES: usize = 50;
/// A crowd stays as long as this after its last poll, rather than the 35 s of the defaults.
const STAY: [&str; 4] = ["--presence-lease", "10s", "--presence-grace", "1s"];
const LEAVING: Duration = Duration::from_secs(30);
const MOST_PAGE_MS: f64 = 20.0;
const MOST_LEAVING_CPU: f64 = 2.0;

pub fn run(report: &mut Report) -> io::Result<()> {
    let server = Server::with(&STAY)?;
    flood(&server, 4, PEOPLE, |n| {
        let name = percent_encoding::utf8_percent_encode(&long_name(n), percent_encoding::NON_ALPHANUMERIC).to_string();
        request(server.address, "GET", &format!("/api/v1/rooms/bench/poll?since=0&wait=0&username={name}"), None)
    })?;
    let mut line = Line::connect(&server)?;
    let mut longest = 0.0;
    for _ in 0..PAGES {
        let started = Instant::now();
        let online = online(&server, &mut line)?;
        longest = f64::max(longest, started.elapsed().as_secs_f64() * 1e3);
        if online != PEOPLE {
            return Err(failed(&format!("{online} people are online instead of {PEOPLE}")));
        }
    }
    add(report, format!("ms of presence?limit=1 of {PEOPLE} people"), longest, MOST_PAGE_MS);

    let (others, cpu, started) = (Others::posting(&server)?, server.cpu_seconds()?, Instant::now());
    while online(&server, &mut line)? > 0 {
        if started.elapsed() > LEAVING {
            return Err(failed("the crowd has not left"));
        }
        sleep(Duration::from_millis(100));
    }
    // Of which the others' posts and these looks have their part.
    add(report, "s of CPU until all have left", server.cpu_seconds()? - cpu, MOST_LEAVING_CPU);
    add_posts(report, "while a crowd leaves", &others.end()?);
    Ok(())
}

fn online(server: &Server, line: &mut Line) -> io::Result<u64> {
    let answer = line.ask(&request(server.address, "GET", "/api/v1/rooms/bench/presence?limit=1", None))?;
    let page: Value = serde_json::from_str(&answer)?;
    page["online"].as_u64().ok_or_else(|| failed(&answer))
}
