//! Posts per second over HTTP against what HTTP without storing and storing without HTTP could reach together.

use std::{
    io,
    time::{Duration, Instant},
};

use crate::{
    PAIRS,
    bar::Bar,
    journal::Journal,
    posters::Posters,
    process::{Kind, Server},
    report::{Report, Row},
};

const CONNECTIONS: [usize; 3] = [1, 64, 256];
const WINDOW: Duration = Duration::from_millis(800);
/// With A the tutorial's posts/s and B the journal's, a post that pays both costs is `1/A + 1/B`.
const BAR: Bar = Bar::AtLeast(0.7);

pub fn run(report: &mut Report) -> io::Result<()> {
    let servers = [Server::start(Kind::Tutorial)?, Server::start(Kind::Parlor)?];
    let journal = Journal::open()?;
    for connections in CONNECTIONS {
        let [mut tutorial, mut parlor] =
            [Posters::connect(&servers[0], connections)?, Posters::connect(&servers[1], connections)?];
        let (mut a, mut b, mut p) = (Vec::new(), Vec::new(), Vec::new());
        // The first round warms up and does not count.
        for round in 0..=PAIRS {
            let mut measured = [0.0; 3];
            // Alternating order, so that a drift of the machine favours none.
            for step in 0..3 {
                let which = if round % 2 == 0 { step } else { 2 - step };
                measured[which] = match which {
                    0 => per_second(&mut tutorial)?,
                    1 => journal.posts_per_second(connections, WINDOW)?,
                    _ => per_second(&mut parlor)?,
                };
            }
            if round > 0 {
                a.push(measured[0]);
                b.push(measured[1]);
                p.push(measured[2]);
            }
        }
        let judged = a.iter().zip(&b).zip(&p).map(|((a, b), p)| p * (1.0 / a + 1.0 / b)).collect();
        report.add(Row {
            what: format!("posts/s by {connections} connections: P (1/A + 1/B)"),
            figures: vec![("A tutorial", a), ("B journal", b), ("P parlor", p)],
            unit: "/s",
            judged,
            bar: BAR,
        });
    }
    Ok(())
}

fn per_second(posters: &mut Posters) -> io::Result<f64> {
    let started = Instant::now();
    let posted = posters.flat_out(|_| started.elapsed() < WINDOW)?;
    Ok(posted as f64 / started.elapsed().as_secs_f64())
}
