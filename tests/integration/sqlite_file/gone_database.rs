//! A database whose file is moved away: posts are refused instead of being written to where nobody looks.

use std::{path::Path, time::Duration};

use reqwest::StatusCode;

use crate::support::{Query, Reader, Server, Transport, problem::expect_problem};

const ROOM: &str = "gone";
/// The time between two looks for the database, and longer than it takes to look several times.
const PROBE: Duration = Duration::from_millis(200);
const SEVERAL_PROBES: Duration = Duration::from_secs(1);

/// Moves the database's files.
fn move_files(from: &Path, to: &Path) {
    for name in ["parlor.db", "parlor.db-wal", "parlor.db-shm"] {
        std::fs::rename(from.join(name), to.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

async fn is_ready(server: &Server) -> bool {
    server.http().get(server.url("/readyz")).send().await.expect("an answer").status() == StatusCode::OK
}

#[tokio::test]
async fn a_database_that_is_gone_refuses_posts_and_heals_when_it_is_back() {
    let mut server = Server::builder().time("probe-interval", PROBE).start().await;
    let first = server.post(ROOM, "Alice", "first").await;
    let mut reader = Reader::open(&server, Transport::Sse, ROOM, Query::since(0)).await;
    assert_eq!(reader.next_durable().await["message"], first);

    let away = server.dir().join("away");
    std::fs::create_dir(&away).expect("a directory");
    move_files(server.dir(), &away);
    for _ in 0..3 {
        let refusal = server.try_post(ROOM, "Alice", "into the void").await.expect("an answer");
        expect_problem(refusal, 503, "unavailable", &[]).await;
        assert!(!is_ready(&server).await);
        let alive = server.http().get(server.url("/healthz")).send().await.expect("an answer");
        assert_eq!(alive.status(), StatusCode::OK, "a restart would mend nothing");
    }
    assert_eq!(reader.until_type("service_status").await["status"], "degraded");
    let back = tokio::time::timeout(SEVERAL_PROBES, reader.until_type("service_status")).await;
    assert!(back.is_err(), "it says {back:?} of a database that is gone");
    assert!(!server.dir().join("parlor.db").exists(), "no file is made in its place");
    // Something else in its place is not the database.
    std::fs::write(server.dir().join("parlor.db"), "").expect("a file is written");
    let refusal = server.try_post(ROOM, "Alice", "into the void").await.expect("an answer");
    expect_problem(refusal, 503, "unavailable", &[]).await;

    move_files(&away, server.dir());
    assert_eq!(reader.until_type("service_status").await["status"], "ok", "nobody posts, and yet it heals");
    let second = server.post(ROOM, "Alice", "second").await;
    assert_eq!(second["id"], 2);
    assert_eq!(reader.next_durable().await["message"], second);
    server.restart().await;
    assert_eq!(server.messages(ROOM).await, [first, second]);
}
