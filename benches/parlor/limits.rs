//! The cost of limits: Parlor that counts what everybody does beside Parlor that counts nothing.

use std::{
    io,
    time::{Duration, Instant},
};

use crate::{
    bar::Bar,
    keys::{add, in_turns},
    posters::Posters,
    process::Server,
    report::Report,
};

const CONNECTIONS: [usize; 2] = [64, 256];
const WINDOW: Duration = Duration::from_millis(800);
const POSTS: Bar = Bar::AtLeast(0.9);
/// Counted, and never reached.
const ON: [&str; 6] = ["--limits-exempt", "none", "--limit-posts", "1000000/s", "--limit-requests", "1000000/s"];

pub fn run(report: &mut Report) -> io::Result<()> {
    let servers = [Server::with(&["--limits", "off"])?, Server::with(&ON)?];
    for connections in CONNECTIONS {
        let mut posters = [Posters::connect(&servers[0], connections)?, Posters::connect(&servers[1], connections)?];
        let measured = in_turns(|which| {
            let started = Instant::now();
            let posted = posters[which].flat_out(|_| started.elapsed() < WINDOW)?;
            Ok(posted as f64 / started.elapsed().as_secs_f64())
        })?;
        let what = format!("posts/s by {connections} connections, with limits");
        add(report, what, "/s", ["off", "on"], measured, POSTS);
    }
    Ok(())
}
