//! Memory of the server for each SSE connection that is open and says nothing.

use std::io;

use crate::{
    PAIRS,
    bar::Bar,
    process::{Kind, Server},
    readers::Readers,
    report::{Report, Row},
};

const CONNECTIONS: u64 = 5_000;
/// Connections that open and close first, so that what is allocated once is not counted.
const WARM_UP: u64 = 50;
const BAR: Bar = Bar::AtMost(13.0);

pub fn run(report: &mut Report) -> io::Result<()> {
    let mut kilobytes = [Vec::new(), Vec::new()];
    for pair in 0..PAIRS {
        for step in 0..2 {
            let which = (pair + step) % 2;
            kilobytes[which].push(kilobytes_per_connection(Kind::BOTH[which])?);
        }
    }
    let [tutorial, parlor] = kilobytes;
    report.add(Row {
        what: format!("KB an idle SSE connection, {CONNECTIONS} open"),
        figures: vec![("tutorial", tutorial), ("parlor", parlor.clone())],
        unit: " KB",
        judged: parlor,
        bar: BAR,
    });
    Ok(())
}

fn kilobytes_per_connection(kind: Kind) -> io::Result<f64> {
    let server = Server::start(kind)?;
    drop(Readers::connect(&server, WARM_UP)?);
    let before = server.resident_bytes()?;
    let readers = Readers::connect(&server, CONNECTIONS)?;
    let bytes = server.resident_bytes()? - before;
    // The server goes first: its end of the connections is then the one that lingers in the kernel.
    drop(server);
    drop(readers);
    Ok(bytes / CONNECTIONS as f64 / 1024.0)
}
