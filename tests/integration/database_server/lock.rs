//! One process a database: a second is told so, and one that lost its place to another writes nothing.

use std::time::Duration;

use futures_util::future::join;
use reqwest::StatusCode;
use sea_orm::ConnectionTrait as _;

use super::posters::until_ready;
use crate::support::{
    DEADLINE, Server,
    cluster::{Cluster, Kind, PASSWORD, ask},
    server::failure,
    within,
};

async fn a_second_process_is_told_what_it_would_take(kind: Kind) {
    let cluster = Cluster::start(kind).await;
    let mut first = Server::builder().database_url(&cluster.url()).start().await;
    let error = failure(Server::builder().database_url(&cluster.url()), 1).await;
    assert!(error.contains("another parlor has this database") && error.contains("need a broker"), "{error}");
    assert!(error.contains("--database-url") && !error.contains(PASSWORD), "{error}");
    first.post("general", "Alice", "one").await;

    // Whichever way the first one ends, the database is free.
    first.kill9().await;
    let mut second = Server::builder().database_url(&cluster.url()).start().await;
    second.post("general", "Alice", "two").await;
    assert!(second.terminate().await.success());
    let third = Server::builder().database_url(&cluster.url()).start().await;
    assert_eq!(third.post("general", "Alice", "three").await["id"], 3);
}

/// Both find an empty database: one makes the tables and serves, the other is told.
async fn of_two_that_start_together_one_serves(kind: Kind) {
    let cluster = Cluster::start(kind).await;
    let url = cluster.url();
    // One as a start that must end, the other as one that may: whichever is first stays.
    let start = |listen: &'static str| {
        let builder = Server::builder().bare().arg("--listen").arg(listen).arg("--database-url").arg(&url);
        async move { tokio::time::timeout(Duration::from_secs(15), builder.output()).await }
    };
    let (one, other) = join(start("127.0.0.1:0"), start("127.0.0.1:0")).await;
    // The one that serves does not end; the test ends it.
    let ended: Vec<_> = [one, other].into_iter().flatten().collect();
    assert_eq!(ended.len(), 1, "one of them ended: {ended:?}");
    assert_eq!(ended[0].status.code(), Some(1));
    let error = String::from_utf8_lossy(&ended[0].stderr);
    assert!(error.contains("another parlor has this database"), "{error}");
    let server = Server::builder().database_url(&url).arg("--migrate=false").start().await;
    server.post("general", "Alice", "the tables are whole").await;
}

on_every_server!(a_second_process_is_told_what_it_would_take, of_two_that_start_together_one_serves);

/// Somebody cuts the line and takes the lock before the server has it again.
#[tokio::test]
async fn who_lost_the_lock_writes_nothing_until_it_is_free() {
    let cluster = Cluster::start(Kind::Postgres).await;
    let server = Server::builder().database_url(&cluster.url()).start().await;
    server.post("general", "Alice", "one").await;

    let (waiting, cutting) = (cluster.connect().await, cluster.connect().await);
    // It has another of its own name, whose key is one number.
    let lock = "FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 2";
    let key: Vec<i64> = ask(&cutting, &format!("SELECT (classid::bigint << 32) | objid::bigint {lock}")).await;
    assert_eq!(key.len(), 1, "the server has the start lock");
    // Two numbers of 32 bits, with a sign as the server takes them.
    let signed = |number: i64| number << 32 >> 32;
    let key = format!("({}, {})", signed(key[0] >> 32), signed(key[0]));
    let take = format!("SELECT pg_advisory_lock{key}");
    let taking = waiting.execute_unprepared(&take);
    let cut = async {
        let waits = "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted";
        within(DEADLINE, "the lock is waited for", async { while ask::<i32>(&cutting, waits).await.is_empty() {} })
            .await;
        ask::<bool>(&cutting, &format!("SELECT pg_terminate_backend(pid) {lock}")).await
    };
    let (taken, _) = join(within(DEADLINE, "the lock is taken", taking), cut).await;
    taken.expect("the lock is taken");

    let refused = server.try_post("general", "Alice", "two").await.expect("an answer");
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    until_ready(&server, false).await;
    server.wait_for_log("another parlor has this database", DEADLINE).await;
    // Meanwhile the other process writes, and what it wrote is no fault when this one is back.
    let written = "INSERT INTO message (room_id, id, username, user_key, content, created_at) \
                   SELECT id, 2, 'Eve', 'eve', 'by another', 1 FROM room";
    waiting.execute_unprepared(written).await.expect("a row is written");
    waiting.execute_unprepared("UPDATE room SET head = 2").await.expect("the head is moved");
    waiting.execute_unprepared(&format!("SELECT pg_advisory_unlock{key}")).await.expect("the lock is let go");
    until_ready(&server, true).await;
    assert_eq!(server.post("general", "Alice", "three").await["id"], 3);
    let contents: Vec<_> = server.messages("general").await.iter().map(|m| m["content"].clone()).collect();
    assert_eq!(contents, ["one", "by another", "three"]);
}
