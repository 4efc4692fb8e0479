//! The cost of credentials: Parlor that requires an API key beside Parlor in open mode.

use std::{
    io,
    time::{Duration, Instant},
};

use crate::{
    PAIRS,
    bar::Bar,
    posters::Posters,
    process::Server,
    readers::Readers,
    report::{Report, Row},
};

const CONNECTIONS: [usize; 2] = [64, 256];
const WINDOW: Duration = Duration::from_millis(800);
const POSTS: Bar = Bar::AtLeast(0.9);
const READERS: u64 = 1_000;
/// 50 posts a second for three seconds.
const PACED: (u64, Duration) = (150, Duration::from_millis(20));
const DELIVERIES: Bar = Bar::AtMost(1.0);
const NAMES: [&str; 2] = ["open", "required"];

pub fn run(report: &mut Report) -> io::Result<()> {
    let servers = [Server::seeded(1)?, Server::with_key()?];
    for connections in CONNECTIONS {
        let mut posters = [Posters::connect(&servers[0], connections)?, Posters::connect(&servers[1], connections)?];
        let measured = in_turns(|which| {
            let started = Instant::now();
            let posted = posters[which].flat_out(|_| started.elapsed() < WINDOW)?;
            Ok(posted as f64 / started.elapsed().as_secs_f64())
        })?;
        add(report, format!("posts/s by {connections} connections, with a key"), "/s", NAMES, measured, POSTS);
    }
    let readers = [Readers::connect(&servers[0], READERS)?, Readers::connect(&servers[1], READERS)?];
    let measured = in_turns(|which| {
        let (server, readers) = (&servers[which], &readers[which]);
        let mut posters = Posters::connect(server, 1)?;
        let (cpu, before) = (server.cpu_seconds()?, readers.messages());
        let expected = posters.paced(PACED.0, PACED.1)? * READERS;
        readers.wait_for_messages(before + expected)?;
        readers.quiet()?;
        Ok((server.cpu_seconds()? - cpu) * 1e6 / expected as f64)
    })?;
    add(report, "CPU a delivery, 50 posts/s, with a key".into(), " us", NAMES, measured, DELIVERIES);
    Ok(())
}

/// Measures two servers in turns, in alternating order. The first round warms up and does not count.
pub fn in_turns(mut measure: impl FnMut(usize) -> io::Result<f64>) -> io::Result<[Vec<f64>; 2]> {
    let mut measured = [Vec::new(), Vec::new()];
    for round in 0..=PAIRS {
        let mut pair = [0.0; 2];
        for step in 0..2 {
            let which = (round + step) % 2;
            pair[which] = measure(which)?;
        }
        if round > 0 {
            measured[0].push(pair[0]);
            measured[1].push(pair[1]);
        }
    }
    Ok(measured)
}

/// Reports what was measured in turns: the second beside the first.
pub fn add(
    report: &mut Report,
    what: String,
    unit: &'static str,
    names: [&'static str; 2],
    [first, second]: [Vec<f64>; 2],
    bar: Bar,
) {
    let judged = first.iter().zip(&second).map(|(first, second)| second / first).collect();
    report.add(Row { what, figures: vec![(names[0], first), (names[1], second)], unit, judged, bar });
}
