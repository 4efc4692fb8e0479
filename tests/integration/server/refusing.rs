//! Connections that are one too many: each is told so, and the server is known to live.

use serde_json::{Value, json};

use super::{get, post};
use crate::support::{
    DEADLINE, Server,
    raw::{Answer, Connection, send},
    within,
};

const BUDGET: usize = 8;
/// More than are refused in words at once.
const CROWD: usize = 300;

/// A server whose connections are all taken, by streams.
async fn full() -> (Server, Vec<Connection>) {
    let server = Server::builder().arg("--max-connections").arg(BUDGET.to_string()).start().await;
    let mut held = Vec::new();
    for _ in 0..BUDGET {
        let mut connection = Connection::open(server.addr()).await;
        connection.send(get(&server, "/api/v1/rooms/general/stream")).await;
        assert_eq!(connection.head().await.expect("a stream").status, 200);
        held.push(connection);
    }
    (server, held)
}

/// The answer to a health check on a connection of its own.
async fn check(server: &Server, path: &str) -> Answer {
    send(server.addr(), get(server, path)).await.unwrap_or_else(|| panic!("{path} is answered"))
}

fn expect_full(answer: &Answer) {
    assert_eq!(answer.status, 503);
    let problem: Value = serde_json::from_str(&answer.text()).expect("a problem");
    assert_eq!(problem["code"], "unavailable");
    assert!(problem["detail"].as_str().expect("words").contains("as many connections as it takes"), "{problem}");
}

/// A server that is full is none that has to be restarted.
#[tokio::test]
async fn a_full_server_is_alive_and_not_ready() {
    let (server, mut held) = full().await;
    for _ in 0..10 {
        let alive = check(&server, "/healthz").await;
        assert_eq!((alive.status, alive.text()), (200, r#"{"status":"ok"}"#.to_owned()));
        expect_full(&check(&server, "/readyz").await);
    }
    held.truncate(BUDGET - 2);
    within(DEADLINE, "it is ready again", async { while check(&server, "/readyz").await.status != 200 {} }).await;
}

#[tokio::test]
async fn health_checks_are_answered_past_a_crowd_that_says_nothing() {
    let (server, _held) = full().await;
    let mut crowd = Vec::new();
    for _ in 0..CROWD {
        crowd.push(Connection::open(server.addr()).await);
    }
    for _ in 0..10 {
        assert_eq!(check(&server, "/healthz").await.status, 200);
        expect_full(&check(&server, "/readyz").await);
        crowd.push(Connection::open(server.addr()).await);
    }
    // Nobody stays for long who has no place.
    for mut connection in crowd {
        assert!(connection.read_to_end().await.is_empty());
    }
}

/// A check may keep its connection, which then has a place when others have none.
#[tokio::test]
async fn a_check_with_a_place_learns_that_others_have_none() {
    let (server, mut held) = full().await;
    drop(held.pop());
    let mut kept = within(DEADLINE, "there is a place", async {
        loop {
            let mut kept = Connection::open(server.addr()).await;
            kept.send(get(&server, "/healthz")).await;
            // Who is refused is told that the connection ends.
            if kept.answer().await.is_some_and(|answer| answer.header("connection") != Some("close")) {
                break kept;
            }
        }
    })
    .await;
    kept.send(get(&server, "/readyz")).await;
    expect_full(&kept.answer().await.expect("an answer"));
    drop(held);
    within(DEADLINE, "others have places again", async {
        loop {
            kept.send(get(&server, "/readyz")).await;
            if kept.answer().await.expect("an answer").status == 200 {
                break;
            }
        }
    })
    .await;
}

#[tokio::test]
async fn connections_over_the_budget_are_refused_until_others_leave() {
    let (server, mut held) = full().await;
    for request in [get(&server, "/readyz"), get(&server, "/api/v1/rooms/general/stream"), post(&server)] {
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
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("text/event-stream; charset=utf-8")));
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
