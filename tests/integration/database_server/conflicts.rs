//! Somebody else who locks the rooms' rows, in whatever order: a batch waits for one room at most and holds none
//! meanwhile, so nobody else is held up and there is no deadlock.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use reqwest::StatusCode;
use sea_orm::{ConnectionTrait as _, IsolationLevel, TransactionTrait as _};

use tokio::join;

use crate::support::{
    DEADLINE, Server,
    cluster::{Cluster, Kind},
    within,
};

const ROOMS: [&str; 4] = ["a", "b", "c", "d"];
const POSTERS: usize = 16;
/// The number of times that somebody else locks all of them.
const ROUNDS: usize = 200;
/// The time a post waits here, which is longer than a statement waits for a lock.
const PATIENCE: Duration = Duration::from_secs(4);

async fn rooms_that_somebody_locks_in_another_order_are_no_deadlock(kind: Kind) {
    let cluster = Cluster::start(kind).await;
    if kind == Kind::Postgres {
        // It looks for a deadlock before anybody gives up waiting.
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
        for _ in 0..ROUNDS {
            let tx = stranger.begin_with_config(Some(IsolationLevel::ReadCommitted), None).await;
            let tx = tx.expect("a transaction begins");
            for room in ROOMS.iter().rev() {
                let lock = format!("UPDATE room SET topic = topic WHERE name = '{room}'");
                tx.execute_unprepared(&lock).await.expect("nobody waits for the stranger while it waits");
            }
            tx.rollback().await.expect("it ends");
        }
        done.store(true, Ordering::Relaxed);
    };
    let (posted, ()) = join!(join_all((0..POSTERS).map(post)), locking);
    let mut stored = 0;
    for room in ROOMS {
        let ids: Vec<_> = server.messages(room).await.iter().map(|m| m["id"].as_i64().expect("an id")).collect();
        assert!(ids.iter().copied().eq(1..=server.head(room).await), "{room}: {ids:?}");
        stored += ids.len();
    }
    assert_eq!(stored, ROOMS.len() + posted.iter().sum::<usize>(), "each post is there once");
    let log = server.log();
    assert!(!log.iter().any(|line| line.contains("a batch is tried again")), "{log:#?}");
    within(DEADLINE, "the stranger leaves", stranger.close()).await.expect("the connection ends");
}

/// Somebody holds a room's row: whoever posts there waits and is taken once it is free, or is refused when patience
/// ends. Nobody else waits, and it is no outage.
async fn a_room_that_is_held_holds_up_nobody_else(kind: Kind) {
    let cluster = Cluster::start(kind).await;
    let server = Server::builder().database_url(&cluster.url()).time("write-timeout", PATIENCE).start().await;
    for room in ["general", "other"] {
        server.post(room, "Alice", "one").await;
    }
    let stranger = cluster.connect().await;
    let hold = async || {
        let tx = stranger.begin().await.expect("a transaction begins");
        tx.execute_unprepared("UPDATE room SET topic = topic WHERE name = 'general'").await.expect("the row is held");
        tx
    };

    let held = hold().await;
    let free = async {
        server.wait_for_log("a batch is tried again", DEADLINE).await;
        for content in ["two", "three", "four"] {
            server.post("other", "Alice", content).await;
        }
        held.rollback().await.expect("the row is free");
    };
    let waiting = async { join!(server.post("general", "Alice", "two"), server.post("general", "Alice", "three")) };
    let ((two, three), ()) = join!(waiting, free);
    let mut ids = [two["id"].as_i64(), three["id"].as_i64()];
    ids.sort_unstable();
    assert_eq!(ids, [Some(2), Some(3)]);

    let held = hold().await;
    let refused = within(DEADLINE, "a post is refused", server.try_post("general", "Alice", "refused"));
    let ready = async {
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            assert_eq!(
                server.http().get(server.url("/readyz")).send().await.expect("an answer").status(),
                StatusCode::OK,
                "it is no outage"
            );
        }
    };
    let (refused, ()) = join!(refused, ready);
    assert_eq!(refused.expect("an answer").status(), StatusCode::SERVICE_UNAVAILABLE);
    held.rollback().await.expect("the row is free");
    // A batch that had begun by then may still have written it, as after any 503: once at most.
    let four = server.post("general", "Alice", "four").await["id"].as_i64();
    let written = server.get_json("/rooms/general/messages?limit=200").await;
    let written = written["messages"].as_array().expect("messages").iter();
    let refused: i64 = written.map(|message| i64::from(message["content"] == "refused")).sum();
    assert!(refused <= 1 && four == Some(4 + refused), "{refused} times, then {four:?}");
}

/// Somebody makes a room in a transaction that goes on: whoever posts there waits, and nobody else. Whether it is
/// made in the end or not, the post is taken.
async fn a_room_that_somebody_else_makes_holds_up_nobody_else(kind: Kind) {
    let cluster = Cluster::start(kind).await;
    let server = Server::builder().database_url(&cluster.url()).start().await;
    server.post("general", "Alice", "one").await;
    let stranger = cluster.connect().await;
    for (room, is_made) in [("made", true), ("unmade", false)] {
        let tx = stranger.begin().await.expect("a transaction begins");
        let columns = "name, title, topic, created_at, head, floor, floor_reason";
        let make = format!("INSERT INTO room ({columns}) VALUES ('{room}', 'by another', '', 1, 0, 0, 'pruned')");
        tx.execute_unprepared(&make).await.expect("a room is made");
        let end = async {
            server.wait_for_log("a batch is tried again", DEADLINE).await;
            for _ in 0..3 {
                server.post("general", "Alice", "meanwhile").await;
            }
            if is_made { tx.commit().await } else { tx.rollback().await }.expect("it ends");
        };
        let (posted, ()) = join!(server.post(room, "Alice", "hi"), end);
        assert_eq!(posted["id"], 1);
        let title = server.get_json(&format!("/rooms/{room}")).await["title"].clone();
        assert_eq!(title, if is_made { "by another" } else { "" });
    }
}

on_every_server!(
    rooms_that_somebody_locks_in_another_order_are_no_deadlock,
    a_room_that_is_held_holds_up_nobody_else,
    a_room_that_somebody_else_makes_holds_up_nobody_else,
);
