//! Memory of the server for each connection that is open and says nothing: of streams, and of sockets that were told much.

use std::{io, thread::sleep, time::Duration};

use crate::{
    PAIRS,
    bar::Bar,
    posters::Posters,
    process::{Kind, Server},
    readers::Readers,
    report::{Report, Row},
};

const CONNECTIONS: u64 = 5_000;
/// Connections that open and close first, so that what is allocated once is not counted.
const WARM_UP: u64 = 50;
const BAR: Bar = Bar::AtMost(13.0);

/// Sockets of each server, and what their history is: as much as there can be.
const SOCKETS: u64 = 500;
const MESSAGES: u64 = 200;
const MESSAGE_BYTES: usize = 9_990;
/// The time after its history at which a socket is looked at.
const LATER: Duration = Duration::from_mins(1);
const SOCKET_BAR: Bar = Bar::AtMost(12.0);

pub fn run(report: &mut Report) -> io::Result<()> {
    streams(report)?;
    sockets(report)
}

fn streams(report: &mut Report) -> io::Result<()> {
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

/// All servers at once, so that the minute passes once.
fn sockets(report: &mut Report) -> io::Result<()> {
    let servers = (0..PAIRS).map(|_| Server::start(Kind::Parlor)).collect::<io::Result<Vec<_>>>()?;
    for server in &servers {
        Posters::saying(server, 1, &"w".repeat(MESSAGE_BYTES))?.flat_out(|sent| sent < MESSAGES)?;
        drop(Readers::connect_sockets(server, WARM_UP)?);
    }
    sleep(LATER / 2);
    let before = servers.iter().map(Server::resident_bytes).collect::<io::Result<Vec<_>>>()?;
    let readers =
        servers.iter().map(|server| Readers::connect_sockets(server, SOCKETS)).collect::<io::Result<Vec<_>>>()?;
    sleep(LATER);
    let after = servers.iter().map(Server::resident_bytes).collect::<io::Result<Vec<_>>>()?;
    drop(servers);
    drop(readers);
    let kilobytes: Vec<_> =
        before.iter().zip(after).map(|(before, after)| (after - before) / SOCKETS as f64 / 1024.0).collect();
    report.add(Row {
        what: "KB a socket, a minute after its history".into(),
        figures: vec![("parlor", kilobytes.clone())],
        unit: " KB",
        judged: kilobytes,
        bar: SOCKET_BAR,
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
