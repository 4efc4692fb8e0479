//! CPU of the server for each message delivered to each of a thousand SSE readers of one room.

use std::{
    io,
    time::{Duration, Instant},
};

use crate::{
    PAIRS,
    bar::Bar,
    posters::Posters,
    process::{Kind, Server, failed},
    readers::Readers,
    report::{Report, Row},
};

const READERS: u64 = 1_000;
const BAR: Bar = Bar::AtMost(1.0);
/// 50 posts a second for three seconds: messages come one by one, nothing can be sent together.
const PACED: (u64, Duration) = (150, Duration::from_millis(20));
/// As fast as 64 connections can: what piles up may be sent together.
const FLAT_OUT: (u64, usize) = (3_000, 64);

struct Side {
    server: Server,
    readers: Readers,
}

/// The outcome of one load on one server.
#[derive(Clone, Copy, Default)]
struct Outcome {
    us_per_delivery: f64,
    posts_per_second: f64,
    arrived: f64,
}

#[derive(Clone, Copy)]
enum Load {
    Paced,
    FlatOut,
}

impl Load {
    const fn connections(self) -> usize {
        match self {
            Self::Paced => 1,
            Self::FlatOut => FLAT_OUT.1,
        }
    }
}

pub fn run(report: &mut Report) -> io::Result<()> {
    let sides = [Side::open(Kind::Tutorial)?, Side::open(Kind::Parlor)?];
    for (load, name) in [(Load::Paced, "50 posts/s"), (Load::FlatOut, "flat out")] {
        let mut pairs = Vec::new();
        for round in 0..=PAIRS {
            let mut pair = [Outcome::default(); 2];
            // Alternating order, so that a drift of the machine favours neither.
            for step in 0..2 {
                let which = (round + step) % 2;
                pair[which] = sides[which].measure(load)?;
            }
            // The first round warms up and does not count.
            if round > 0 {
                pairs.push(pair);
            }
        }
        add(report, name, &pairs);
    }
    Ok(())
}

impl Side {
    fn open(kind: Kind) -> io::Result<Self> {
        let server = Server::start(kind)?;
        let readers = Readers::connect(&server, READERS)?;
        Ok(Self { server, readers })
    }

    fn measure(&self, load: Load) -> io::Result<Outcome> {
        // Connected again each time: a server closes what was idle during the other's turn.
        let mut posters = Posters::connect(&self.server, load.connections())?;
        let before = (self.server.cpu_seconds()?, self.readers.messages());
        let started = Instant::now();
        let posted = match load {
            Load::Paced => posters.paced(PACED.0, PACED.1)?,
            Load::FlatOut => posters.flat_out(|sent| sent < FLAT_OUT.0)?,
        };
        let posting = started.elapsed().as_secs_f64();
        let expected = posted * READERS;
        if self.server.kind == Kind::Parlor {
            self.readers.wait_for_messages(before.1 + expected)?;
        }
        // The tutorial drops what a reader is too slow for: it is done when nothing comes any more.
        self.readers.quiet()?;
        let delivered = self.readers.messages() - before.1;
        if self.server.kind == Kind::Parlor && delivered != expected {
            return Err(failed(&format!("{delivered} deliveries of {expected}")));
        }
        let cpu = self.server.cpu_seconds()? - before.0;
        Ok(Outcome {
            us_per_delivery: cpu * 1e6 / delivered as f64,
            posts_per_second: posted as f64 / posting,
            arrived: delivered as f64 / expected as f64,
        })
    }
}

fn add(report: &mut Report, name: &str, pairs: &[[Outcome; 2]]) {
    let column = |which: usize, field: fn(&Outcome) -> f64| -> Vec<f64> {
        pairs.iter().map(|pair| field(&pair[which])).collect()
    };
    let ratio = |field: fn(&Outcome) -> f64| -> Vec<f64> {
        pairs.iter().map(|[tutorial, parlor]| field(parlor) / field(tutorial)).collect()
    };
    let mut row = |what, unit, bar, field: fn(&Outcome) -> f64| {
        report.add(Row {
            what: format!("{what}, {name}"),
            figures: vec![("tutorial", column(0, field)), ("parlor", column(1, field))],
            unit,
            judged: ratio(field),
            bar,
        });
    };
    row("CPU a delivery", " us", BAR, |outcome| outcome.us_per_delivery);
    row("  posts/s meanwhile", "/s", Bar::None, |outcome| outcome.posts_per_second);
    let arrived = column(0, |outcome| outcome.arrived);
    let lost = 1.0 - arrived.iter().sum::<f64>() / arrived.len() as f64;
    report.note(format!(
        "{name}: {READERS} readers; parlor delivered everything, the tutorial lost {:.1} %",
        lost * 100.0
    ));
}
