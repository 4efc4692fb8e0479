//! Typing in ever new rooms: the memory that they take, and how long posts wait while rooms are let go.

use std::{
    io,
    sync::atomic::{AtomicBool, Ordering},
    thread::{scope, sleep},
    time::Duration,
};

use serde_json::json;

use super::{
    add, add_posts,
    load::{Others, flood},
    megabytes,
};
use crate::{
    line::request,
    process::{Server, failed},
    report::Report,
};

const ROOMS: u64 = 400_000;
/// A room is let go sooner than by the defaults, so that it happens while the bench looks.
const SWEEP: [&str; 4] = ["--room-idle-time", "5s", "--room-sweep-interval", "1s"];
/// The time in which all are let go: they type for 6 s.
const LATER: Duration = Duration::from_secs(15);
const EVERY: Duration = Duration::from_millis(100);
/// The most that rooms may take in all.
const MOST_MEGABYTES: f64 = 256.0;
const MOST_LATER_MEGABYTES: f64 = 64.0;

pub fn run(report: &mut Report) -> io::Result<()> {
    let server = &Server::with(&SWEEP)?;
    let before = server.resident_bytes()?;
    let body = &json!({"username": "Alice", "is_typing": true});
    let others = Others::posting(server)?;
    let is_over = AtomicBool::new(false);
    let most = scope(|scope| {
        let flooding = scope.spawn(|| {
            let flooded = flood(server, 4, ROOMS, |n| {
                request(server.address, "POST", &format!("/api/v1/rooms/{n:080}/typing"), Some(body))
            });
            is_over.store(true, Ordering::Relaxed);
            flooded
        });
        let mut most = before;
        while !is_over.load(Ordering::Relaxed) {
            most = server.resident_bytes()?.max(most);
            sleep(EVERY);
        }
        flooding.join().map_err(|_| failed("the load failed"))??;
        io::Result::Ok(most)
    })?;
    sleep(LATER);
    add(report, format!("MB of {ROOMS} rooms touched by typing"), megabytes(most - before), MOST_MEGABYTES);
    let left = server.resident_bytes()? - before;
    add(report, format!("  MB of them {LATER:?} later"), megabytes(left), MOST_LATER_MEGABYTES);
    add_posts(report, "while rooms come and go", &others.end()?);
    Ok(())
}
