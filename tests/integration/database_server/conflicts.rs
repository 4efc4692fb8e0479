//! Somebody else who locks the rooms' rows, in an order that leads to deadlocks: a batch that is undone
//! for it is tried again, and whoever posted notices nothing.

use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::future::join_all;
use reqwest::StatusCode;
use sea_orm::{ConnectionTrait as _, TransactionTrait as _};

use super::posters::until_ready;
use crate::support::{
    DEADLINE, Server,
    cluster::{Cluster, Kind},
    within,
};

const ROOMS: [&str; 4] = ["a", "b", "c", "d"];
const POSTERS: usize = 16;

async fn a_batch_that_is_in_a_deadlock_is_tried_again(kind: Kind) {
    let cluster = Cluster::start(kind).await;
    if kind == Kind::Postgres {
        // It looks for a deadlock before anybody gives up waiting, so that it is the first who waits.
        cluster.sql("ALTER DATABASE parlor SET deadlock_timeout = '10ms'").await;
    }
    let server = Server::builder().database_url(&cluster.url()).start().await;
    for room in ROOMS {
        server.post(room, "Alice", "first").await;
    }
    let stranger = cluster.connect().await;
    let done = AtomicBool::new(false);
    let post = async |number: usize| {
        let mut posted = 0;
        while !done.load(Ordering::Relaxed) {
            server.post(ROOMS[(number + posted) % ROOMS.len()], "Alice", &format!("{number}-{posted}")).await;
            posted += 1;
        }
        posted
    };
    let locking = async {
        let tried_again = async { server.wait_for_log("a batch is tried again", DEADLINE).await };
        let lock = async {
            loop {
                let tx = stranger.begin().await.expect("a transaction begins");
                for room in ROOMS.iter().rev() {
                    let lock = format!("UPDATE room SET topic = topic WHERE name = '{room}'");
                    // The database may choose either of the two to give way.
                    if tx.execute_unprepared(&lock).await.is_err() {
                        break;
                    }
                }
                let _ = tx.rollback().await;
            }
        };
        tokio::select! {
            _ = tried_again => {}
            () = lock => {}
        }
        done.store(true, Ordering::Relaxed);
    };
    let (posted, ()) = tokio::join!(join_all((0..POSTERS).map(post)), locking);
    let mut stored = 0;
    for room in ROOMS {
        let ids: Vec<_> = server.messages(room).await.iter().map(|m| m["id"].as_i64().expect("an id")).collect();
        assert!(ids.iter().copied().eq(1..=server.head(room).await), "{room}: {ids:?}");
        stored += ids.len();
    }
    assert_eq!(stored, ROOMS.len() + posted.iter().sum::<usize>(), "each post is there once");
    within(DEADLINE, "the stranger leaves", stranger.close()).await.expect("the connection ends");
}

/// Somebody holds a room's row: whoever posts to it waits, is refused if that lasts, and is taken once the
/// row is free.
async fn a_row_that_is_held_is_waited_for(kind: Kind) {
    let cluster = Cluster::start(kind).await;
    let server = Server::builder().database_url(&cluster.url()).start().await;
    server.post("general", "Alice", "one").await;
    let stranger = cluster.connect().await;
    let hold = async || {
        let tx = stranger.begin().await.expect("a transaction begins");
        tx.execute_unprepared("UPDATE room SET topic = topic").await.expect("the row is held");
        tx
    };

    let held = hold().await;
    let free = async {
        server.wait_for_log("a batch is tried again", DEADLINE).await;
        held.rollback().await.expect("the row is free");
    };
    let (posted, ()) = tokio::join!(server.post("general", "Alice", "two"), free);
    assert_eq!(posted["id"], 2);

    let held = hold().await;
    let refused = within(DEADLINE, "a post is refused", server.try_post("general", "Alice", "three")).await;
    assert_eq!(refused.expect("an answer").status(), StatusCode::SERVICE_UNAVAILABLE);
    held.rollback().await.expect("the row is free");
    until_ready(&server, true).await;
    assert_eq!(server.post("general", "Alice", "four").await["id"], 3);
}

on_every_server!(a_batch_that_is_in_a_deadlock_is_tried_again, a_row_that_is_held_is_waited_for);
