//! Connections that are slow or broken: they end, and cost the others nothing.

use std::time::{Duration, Instant};

use futures_util::future::join_all;

use super::get;
use crate::support::{
    Server,
    raw::{Connection, send},
    within,
};

/// The time that the head of a request may take, and the time for its body, where a test waits for it; and what a busy
/// machine adds. Together they are less than the default, 15 s.
const SHORT: Duration = Duration::from_secs(3);
const SLACK: Duration = Duration::from_secs(9);
/// The longest head of a request that is taken.
const HEAD_BYTES: usize = 16 * 1024;

#[tokio::test]
async fn silent_half_and_idle_connections_are_closed_while_others_are_served() {
    let server = Server::builder().time("head-timeout", SHORT).start().await;
    let half = "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ";
    let mut connections = Vec::new();
    for number in 0..60 {
        let mut connection = Connection::open(server.addr()).await;
        match number % 3 {
            0 => {}
            1 => connection.send(half).await,
            // An idle connection is one whose next head does not come.
            _ => {
                connection.send(get(&server, "/healthz")).await;
                assert_eq!(connection.answer().await.expect("an answer").status, 200);
            }
        }
        connections.push(connection);
    }
    let closing = join_all(connections.into_iter().map(|mut connection| async move {
        let answer = connection.read_to_end().await;
        let answer = String::from_utf8_lossy(&answer).into_owned();
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 408"), "{answer}");
    }));
    let mut closing = std::pin::pin!(within(SHORT + SLACK, "slow connections are closed", closing));
    let mut served = 0;
    loop {
        tokio::select! {
            _ = &mut closing => break,
            _ = server.post("general", "Alice", "hi") => served += 1,
        }
    }
    assert!(served > 20, "only {served} posts were made meanwhile");
}

#[tokio::test]
async fn a_head_that_is_too_long_is_answered_431() {
    let server = Server::start().await;
    let head = |bytes: usize| {
        let start = format!("GET /healthz HTTP/1.1\r\nHost: {}\r\nX-Long: ", server.addr());
        format!("{start}{:x<1$}\r\n\r\n", "", bytes - start.len() - 4)
    };
    let fits = send(server.addr(), head(HEAD_BYTES - 1_024)).await.expect("an answer");
    assert_eq!(fits.status, 200);
    let too_long = send(server.addr(), head(2 * HEAD_BYTES)).await.expect("an answer");
    assert_eq!(too_long.status, 431);
}

#[tokio::test]
async fn a_head_that_is_none_is_answered_400() {
    let server = Server::start().await;
    for garbage in
        ["GARBAGE\r\n\r\n", "GET\r\n\r\n", "\u{16}\u{3}\u{1}\0\r\n\r\n", "GET / HTTP/1.1\r\nno colon\r\n\r\n"]
    {
        let answer = send(server.addr(), garbage).await.unwrap_or_else(|| panic!("{garbage:?} is not answered"));
        assert_eq!(answer.status, 400, "{garbage:?}");
    }
    server.post("general", "Alice", "hi").await;
}

#[tokio::test]
async fn a_body_that_trickles_is_not_waited_for() {
    let server = Server::builder().time("body-timeout", SHORT).start().await;
    let mut connection = Connection::open(server.addr()).await;
    let head = format!(
        "POST /api/v1/rooms/general/messages HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\n\
         Content-Length: 10000\r\n\r\n",
        server.addr()
    );
    connection.send(head).await;
    // The scenario: a byte now and then, so that there is never silence for long.
    let started = Instant::now();
    let mut ticks = tokio::time::interval(SHORT / 15);
    let answer = within(SHORT + SLACK, "a trickled body is refused", async {
        loop {
            tokio::select! {
                answer = connection.read_some() => break answer,
                _ = ticks.tick() => {}
            }
            connection.send("{").await;
        }
    })
    .await;
    assert!(started.elapsed() > SHORT * 14 / 15, "{:?}", started.elapsed());
    if answer {
        let answer = connection.answer().await.expect("an answer");
        assert_eq!(answer.status, 408);
    }
}
