//! A database server that is restarted or killed under load: what was answered is there, posts fail fast
//! meanwhile, and all heals by itself.

use std::time::Duration;

use super::posters::{Posters, ROOM, until_ready};
use crate::support::{
    Query, Reader, Server, Transport,
    cluster::{Cluster, Kind},
};

/// The time a post may wait for its answer, including that it is not known to be stored.
const FAST: Duration = Duration::from_secs(5);

/// Stops the server three times with a signal, and starts it again.
async fn survives(kind: Kind, signal: &str) {
    let mut cluster = Cluster::start(kind).await;
    let server = Server::builder().database_url(&cluster.url()).start().await;
    let reader = Reader::open(&server, Transport::Sse, ROOM, Query::since(0)).await;
    let posters = Posters::new();
    let outages = async {
        for _ in 0..3 {
            posters.take(100).await;
            cluster.stop(signal).await;
            posters.refuse(50).await;
            until_ready(&server, false).await;
            cluster.resume().await;
            until_ready(&server, true).await;
        }
        posters.take(100).await;
        posters.end();
    };
    tokio::join!(posters.run(&server), outages);
    assert!(posters.slowest() < FAST, "the slowest answer took {:?}", posters.slowest());
    posters.check(&server, reader).await;
}

#[tokio::test]
async fn postgres_ended_in_order() {
    survives(Kind::Postgres, "INT").await;
}

#[tokio::test]
async fn postgres_ended_at_once() {
    survives(Kind::Postgres, "QUIT").await;
}

#[tokio::test]
async fn postgres_killed() {
    survives(Kind::Postgres, "KILL").await;
}

#[tokio::test]
async fn mariadb_ended_in_order() {
    survives(Kind::MariaDb, "TERM").await;
}

#[tokio::test]
async fn mariadb_killed() {
    survives(Kind::MariaDb, "KILL").await;
}

/// Nobody posts: `/readyz` notices all the same, and the first post after is taken.
async fn an_outage_while_nobody_posts_is_noticed(kind: Kind) {
    let mut cluster = Cluster::start(kind).await;
    let server = Server::builder().database_url(&cluster.url()).start().await;
    server.post("quiet", "Alice", "before").await;
    cluster.stop("KILL").await;
    until_ready(&server, false).await;
    cluster.resume().await;
    until_ready(&server, true).await;
    assert_eq!(server.post("quiet", "Alice", "after").await["id"], 2);
}

/// Over before anybody noticed: to the next who posts and to the next who reads there was no outage.
async fn a_restart_between_two_posts_is_no_outage(kind: Kind) {
    let mut cluster = Cluster::start(kind).await;
    let server = Server::builder().database_url(&cluster.url()).start().await;
    for round in 0..3 {
        let head = &server.post("quiet", "Alice", "hi").await["id"];
        // A connection that comes back from use as the server stands still would count as one that was just used. None
        // does: at the end of this poll nothing has been read for a second.
        server.get_json(&format!("/rooms/quiet/poll?since={head}&wait=1")).await;
        // While it stands still it notices nothing, however long the database needs to start.
        server.signal("STOP");
        cluster.stop("KILL").await;
        cluster.resume().await;
        server.signal("CONT");
        // Whoever comes first: the one finds a line that was cut, the other too.
        if round == 1 {
            assert_eq!(server.messages("quiet").await.len(), 2);
        }
    }
    assert_eq!(server.post("quiet", "Alice", "hi").await["id"], 4);
}

on_every_server!(an_outage_while_nobody_posts_is_noticed, a_restart_between_two_posts_is_no_outage);
