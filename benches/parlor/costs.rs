//! The most that one client may cost: the size of what it makes others read, the memory it takes, and for how long
//! others wait meanwhile. Each figure is the worst of one run.

use std::io;

use crate::{
    bar::Bar,
    report::{Report, Row},
};
use load::Waits;

mod deletion;
mod load;
mod log;
mod presence;
mod reactions;
mod rooms;
mod search;
mod write_ahead;

const PARTS: [fn(&mut Report) -> io::Result<()>; 7] =
    [reactions::run, search::run, write_ahead::run, deletion::run, presence::run, rooms::run, log::run];

/// The time in which 99 of 100 posts of others are answered, whatever one client does.
const MOST_POST_MS: f64 = 100.0;

pub fn run(report: &mut Report) -> io::Result<()> {
    PARTS.iter().try_for_each(|part| part(report))
}

/// Adds a figure, with what it may be at most.
fn add(report: &mut Report, what: impl Into<String>, worst: f64, most: f64) {
    report.add(Row { what: what.into(), figures: Vec::new(), unit: "", judged: vec![worst], bar: Bar::Never(most) });
}

/// For how long others waited for their posts. The longest wait is told, but a disk shared with others makes one too.
fn add_posts(report: &mut Report, meanwhile: &str, waits: &Waits) {
    add(report, format!("ms of others' posts {meanwhile}, p99"), waits.p99(), MOST_POST_MS);
    report.add(Row {
        what: "  the longest".into(),
        figures: Vec::new(),
        unit: "",
        judged: vec![waits.longest()],
        bar: Bar::None,
    });
}

const fn megabytes(bytes: f64) -> f64 {
    bytes / (1024.0 * 1024.0)
}
