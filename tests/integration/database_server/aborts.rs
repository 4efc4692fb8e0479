//! Clients that hang up leave no transaction open, wherever in one the server was.

use std::time::Duration;

use futures_util::future::join_all;
use rand::Rng as _;
use reqwest::StatusCode;
use serde_json::json;

use super::posters::ROOM;
use crate::support::{
    DEADLINE, Query, Reader, Server, Transport,
    cluster::{Cluster, Kind, ask},
    reader::is_durable,
    seeded, within,
};

/// Up to when a client hangs up, to begin with.
const FIRST_MOST: Duration = Duration::from_millis(20);
const AT_ONCE: usize = 16;
const ROUNDS: usize = 40;

#[tokio::test]
async fn clients_that_hang_up_leave_no_transaction_open() {
    let mut random = seeded();
    let cluster = Cluster::start(Kind::Postgres).await;
    let server = Server::builder().database_url(&cluster.url()).start().await;
    let mut reader = Reader::open(&server, Transport::Sse, ROOM, Query::since(0)).await;
    let path = format!("/rooms/{ROOM}/messages");
    let (mut answered, mut hung_up) = (0, 0);
    let mut most = FIRST_MOST;
    for round in 0..ROUNDS {
        let requests = (0..AT_ONCE).map(|number| {
            let patience = random.random_range(Duration::ZERO..most);
            // Those who read hang up too: a connection for reading must not stay in a transaction either.
            let request = if number % 4 == 0 {
                server.http().get(server.api(&format!("{path}?limit=200")))
            } else {
                let body = json!({"username": "Alice", "content": format!("{round}-{number}")});
                server.http().post(server.api(&path)).json(&body)
            };
            async move {
                match tokio::time::timeout(patience, request.send()).await {
                    Ok(answer) => answer.expect("an answer").status(),
                    Err(_) => StatusCode::REQUEST_TIMEOUT,
                }
            }
        });
        let statuses = join_all(requests).await;
        assert!(statuses.iter().all(|status| matches!(status.as_u16(), 200 | 201 | 408)), "{statuses:?}");
        let count = |wanted: StatusCode| statuses.iter().filter(|status| **status == wanted).count();
        let (now_answered, now_hung_up) = (count(StatusCode::CREATED), count(StatusCode::REQUEST_TIMEOUT));
        answered += now_answered;
        hung_up += now_hung_up;
        // About as long as a post takes now: then they hang up at every point of one.
        most = if now_hung_up > AT_ONCE / 2 { most * 2 } else { (most / 2).max(FIRST_MOST / 20) };
    }
    // All that was sent before is in the queue before this one.
    let last = server.post(ROOM, "Bob", "the last").await["id"].as_i64().expect("an id");
    assert!(answered > ROUNDS && hung_up > ROUNDS, "some hung up and some did not: {hung_up} and {answered}");

    let admin = cluster.connect().await;
    let open = "SELECT pid::bigint FROM pg_stat_activity \
                WHERE application_name = 'parlor' AND state LIKE 'idle in transaction%'";
    let none = async { while !ask::<i64>(&admin, open).await.is_empty() {} };
    within(DEADLINE, "no transaction is open", none).await;
    let locks = "SELECT count(*) FROM pg_locks WHERE locktype <> 'advisory' AND granted AND pid <> pg_backend_pid() \
                 AND mode LIKE 'Row%'";
    // The index of search may still be at work.
    let none = async { while ask::<i64>(&admin, locks).await != [0] {} };
    within(DEADLINE, "no row is locked", none).await;

    let mut seen = Vec::new();
    while seen.last() != Some(&last) {
        let event = reader.next().await;
        if is_durable(&event) {
            seen.push(event["id"].as_i64().expect("an id"));
        }
    }
    assert!(seen.iter().copied().eq(1..=last), "what is stored is delivered, without a gap");
    assert_eq!(server.messages(ROOM).await.len(), seen.len());
}
