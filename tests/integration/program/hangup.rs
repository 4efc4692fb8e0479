//! `SIGHUP`: a terminal that closes ends the server, and otherwise it goes on.

use std::fs;

use crate::support::{DEADLINE, Server, sse::Stream, within};

/// The fields of a process: its name, and that of its parent.
fn name_and_parent(pid: u32) -> (String, u32) {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("a process");
    let (name, fields) = stat.split_once('(').and_then(|(_, rest)| rest.rsplit_once(") ")).expect("its fields");
    (name.to_owned(), fields.split(' ').nth(1).and_then(|parent| parent.parse().ok()).expect("its parent"))
}

#[tokio::test]
async fn a_hangup_without_a_terminal_ends_nothing() {
    let server = Server::start().await;
    server.signal("HUP");
    server.wait_for_log("nothing to read again", DEADLINE).await;
    server.post("general", "Alice", "still here").await;
}

#[tokio::test]
async fn a_terminal_that_closes_ends_the_server_in_order() {
    // The server in a terminal of its own, which is there for as long as the process that made it.
    let words = ["sh", "-c", "exec script -qefc \"exec $*\" /dev/null", "sh"];
    let mut server = Server::builder().wrapper(words).start().await;
    let mut stream = Stream::send(server.http().get(server.api("/rooms/general/stream"))).await;
    let (_, terminal) = name_and_parent(server.pid());
    assert_eq!(name_and_parent(terminal).0, "script");
    let killed = std::process::Command::new("kill").args(["-KILL", &terminal.to_string()]).status();
    assert!(killed.expect("kill runs").success());
    let told = async {
        while let Some(frame) = stream.next().await {
            if frame.data.contains("server_shutdown") {
                return true;
            }
        }
        false
    };
    assert!(within(DEADLINE, "the stream ends", told).await, "it is told why");
    server.wait_for_exit().await;
}
