//! What a server does to connections that are slow, broken, or too many.

use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta};
use futures_util::future::join_all;
use rlimit::Resource;
use serde_json::{Value, json};

use crate::support::{
    DEADLINE, Server,
    raw::{Connection, send},
    within,
};

/// How long the head of a request may take and how long its body, where a test waits for it; and what a busy
/// machine adds. Together they are less than the default, 15 s.
const SHORT: Duration = Duration::from_secs(3);
const SLACK: Duration = Duration::from_secs(9);
/// What a request's head may be long.
const HEAD_BYTES: usize = 16 * 1024;

fn get(server: &Server, path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n", server.addr())
}

fn post(server: &Server) -> String {
    let body = json!({"username": "Alice", "content": "hi"}).to_string();
    format!(
        "POST /api/v1/rooms/general/messages HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        server.addr(),
        body.len(),
    )
}

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

#[tokio::test]
async fn connections_over_the_budget_are_refused_until_others_leave() {
    const BUDGET: usize = 8;
    let server = Server::builder().arg("--max-connections").arg(BUDGET.to_string()).start().await;
    let mut held = Vec::new();
    for _ in 0..BUDGET {
        let mut connection = Connection::open(server.addr()).await;
        connection.send(get(&server, "/api/v1/rooms/general/stream")).await;
        assert_eq!(connection.head().await.expect("a stream").status, 200);
        held.push(connection);
    }
    for request in [get(&server, "/healthz"), get(&server, "/api/v1/rooms/general/stream"), post(&server)] {
        let mut connection = Connection::open(server.addr()).await;
        connection.send(request).await;
        let answer = connection.answer().await.expect("one too many is told so");
        assert_eq!(answer.status, 503);
        assert!(answer.header("retry-after").is_some(), "{answer:?}");
        let problem: Value = serde_json::from_str(&answer.text()).expect("a problem");
        assert_eq!((&problem["code"], &problem["status"]), (&json!("unavailable"), &json!(503)));
        assert_eq!(problem["request_id"].as_str(), answer.header("x-request-id"));
        assert!(connection.read_to_end().await.is_empty(), "it is closed");
    }
    // A browser's `EventSource` would give up for good on any status but 200.
    let mut connection = Connection::open(server.addr()).await;
    let accept = "Accept: text/event-stream\r\nOrigin: http://localhost:5173\r\n\r\n";
    connection
        .send(get(&server, "/api/v1/rooms/general/stream").replacen("\r\n\r\n", &format!("\r\n{accept}"), 1))
        .await;
    let answer = connection.answer().await.expect("one too many is told so");
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("text/event-stream")));
    assert_eq!(answer.header("access-control-allow-origin"), Some("http://localhost:5173"));
    let text = answer.text();
    let (retry, event) = text.split_once('\n').expect("two lines");
    let retry: u64 = retry.strip_prefix("retry: ").and_then(|time| time.parse().ok()).expect("a time");
    assert!((5_000..=30_000).contains(&retry), "{retry}");
    let data = event.strip_prefix("event: error\ndata: ").expect("an error");
    assert_eq!(serde_json::from_str::<Value>(data.trim()).expect("a problem")["code"], "unavailable");

    held.truncate(BUDGET - 2);
    within(DEADLINE, "there is room again", async {
        while send(server.addr(), get(&server, "/healthz")).await.is_none_or(|answer| answer.status != 200) {}
    })
    .await;
    assert_eq!(send(server.addr(), post(&server)).await.expect("an answer").status, 201);
    for stream in &mut held {
        stream.read_until("\"content\":\"hi\"").await;
    }
}

/// Leaves the server no file descriptor beyond those it has.
fn forbid_files(server: &Server) {
    let files = std::fs::read_dir(format!("/proc/{}/fd", server.pid())).expect("the server's files");
    let open: Vec<u64> = files
        .map(|file| file.expect("a file").file_name().to_string_lossy().parse().expect("a descriptor is a number"))
        .collect();
    let free = (0..u64::MAX).find(|number| !open.contains(number)).expect("a number");
    let pid = server.pid().try_into().expect("a process id");
    rlimit::prlimit(pid, Resource::NOFILE, Some((free, free)), None).expect("a limit is set");
}

#[tokio::test]
async fn without_file_descriptors_a_connection_waits_while_others_are_served() {
    const REFUSED: &str = "a connection can't be accepted";
    /// A little less than the server pauses: the clock of its log may be adjusted meanwhile.
    const PAUSE: TimeDelta = TimeDelta::milliseconds(190);
    let server = Server::start().await;
    let mut held = Connection::open(server.addr()).await;
    held.send(post(&server)).await;
    assert_eq!(held.answer().await.expect("an answer").status, 201);
    let mut stream = Connection::open(server.addr()).await;
    stream.send(get(&server, "/api/v1/rooms/general/stream")).await;
    assert_eq!(stream.head().await.expect("a stream").status, 200);

    forbid_files(&server);
    let mut late = Connection::open(server.addr()).await;
    late.send(get(&server, "/healthz")).await;
    let refusals = || server.log().into_iter().filter(|line| line.contains(REFUSED)).collect::<Vec<_>>();
    within(DEADLINE, "it is tried several times", async {
        while refusals().len() < 4 {
            held.send(post(&server)).await;
            assert_eq!(held.answer().await.expect("an answer").status, 201);
        }
    })
    .await;
    // Each line begins with its time: there is a pause, and no loop that takes all of a core.
    let times: Vec<_> = refusals()
        .iter()
        .map(|line| DateTime::parse_from_rfc3339(line.split(' ').next().unwrap_or_default()).expect("a time"))
        .collect();
    assert!(times.windows(2).all(|pair| pair[1] - pair[0] >= PAUSE), "{times:?}");

    drop(stream);
    assert_eq!(late.answer().await.expect("it is served once one is free").status, 200);
}
