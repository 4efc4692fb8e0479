//! Connections on their way in: as many as come in one instant, and when no file is left for one.

use futures_util::future::join_all;
use rlimit::Resource;
use tokio::net::TcpStream;

use super::{get, post};
use crate::support::{
    DEADLINE, Server,
    raw::{Connection, send},
    within,
};

/// While the server can't run at all, only the kernel's queue of its listener takes connections: one that
/// did not fit would be tried again until the server accepts, and each try is a second later.
#[tokio::test]
async fn a_thousand_connect_in_the_same_instant() {
    const AT_ONCE: usize = 1_000;
    rlimit::increase_nofile_limit(u64::MAX).expect("files for all of them");
    let server = Server::start().await;
    server.signal("STOP");
    let connecting = join_all((0..AT_ONCE).map(|_| TcpStream::connect(server.addr())));
    let connected = within(DEADLINE, "all are connected", connecting).await;
    server.signal("CONT");
    assert!(connected.iter().all(Result::is_ok));
    drop(connected);
    within(DEADLINE, "it serves on", server.post("general", "Alice", "hi")).await;
}

/// The numbers of the server's open files.
fn open_files(server: &Server) -> Vec<u64> {
    let files = std::fs::read_dir(format!("/proc/{}/fd", server.pid())).expect("the server's files");
    let number =
        |file: std::io::Result<std::fs::DirEntry>| file.expect("a file").file_name().into_string().ok()?.parse().ok();
    files.map(|file| number(file).expect("a descriptor is a number")).collect()
}

/// Leaves the server no file beyond those it has. Connections fill the gaps between them first.
async fn forbid_files(server: &Server) -> Vec<Connection> {
    let mut fillers = Vec::new();
    loop {
        let open = open_files(server);
        let free = (0..u64::MAX).find(|number| !open.contains(number)).expect("a number");
        if open.iter().all(|number| *number < free) {
            let pid = server.pid().try_into().expect("a process id");
            rlimit::prlimit(pid, Resource::NOFILE, Some((free, free)), None).expect("a limit is set");
            return fillers;
        }
        fillers.push(held(server).await);
    }
}

/// A connection that was served and stays.
async fn held(server: &Server) -> Connection {
    let mut connection = Connection::open(server.addr()).await;
    connection.send(get(server, "/api/v1/rooms/general/stream")).await;
    assert_eq!(connection.head().await.expect("a stream").status, 200);
    connection
}

#[tokio::test]
async fn without_a_file_for_it_a_connection_is_closed_while_others_are_served() {
    const LATE: usize = 100;
    let server = Server::start().await;
    let mut poster = Connection::open(server.addr()).await;
    poster.send(post(&server)).await;
    assert_eq!(poster.answer().await.expect("an answer").status, 201);
    let stream = held(&server).await;
    let _fillers = forbid_files(&server).await;

    for _ in 0..LATE {
        let mut late = Connection::open(server.addr()).await;
        late.send(get(&server, "/healthz")).await;
        assert!(late.answer().await.is_none(), "it is closed at once, without an answer");
        poster.send(post(&server)).await;
        assert_eq!(poster.answer().await.expect("an answer").status, 201);
    }
    server.wait_for_log("no file is left for a connection", DEADLINE).await;
    let told = server.log().iter().filter(|line| line.contains("no file is left")).count();
    assert!(told < LATE / 2, "{told} lines for {LATE} connections");

    drop(stream);
    within(DEADLINE, "one is served once a file is free", async {
        while send(server.addr(), get(&server, "/healthz")).await.is_none_or(|answer| answer.status != 200) {}
    })
    .await;
}

/// Runs what follows in a network of its own, whose kernel lets 128 connect in one instant.
const IN_A_NARROW_NETWORK: &str = r#"echo 128 >/proc/sys/net/core/somaxconn && exec "$@""#;

#[tokio::test]
async fn a_kernel_that_leaves_less_room_than_is_asked_for_is_warned_of() {
    let words = ["unshare", "--user", "--map-root-user", "--net", "sh", "-c", IN_A_NARROW_NETWORK, "sh"];
    // No database server is in that network.
    let server = Server::builder().wrapper(words).database_url("sqlite://parlor.db?mode=rwc").start().await;
    let line = server.wait_for_log("net.core.somaxconn", DEADLINE).await;
    assert!(line.contains("WARN") && line.contains("128"), "{line}");
}
