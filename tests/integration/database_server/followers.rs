//! Another process that follows the same log: what it has at hand is left to it, and nobody waits for it.

use sea_orm::{ConnectionTrait as _, TransactionTrait as _};

use crate::support::{
    DEADLINE, Server,
    cluster::{Cluster, Kind, ask},
    index::indexed,
    within,
};

/// The index's cursor in the room `held`.
const THROUGH: &str = "SELECT through FROM follower_cursor WHERE follower = 'search' AND room_id =
    (SELECT id FROM room WHERE name = 'held')";

async fn a_room_that_another_process_follows_is_left_to_it(kind: Kind) {
    let cluster = Cluster::start(kind).await;
    let server = Server::builder().database_url(&cluster.url()).start().await;
    server.post("held", "Alice", "one").await;
    indexed(&server).await;
    let (other, beside) = (cluster.connect().await, cluster.connect().await);
    let held = other.begin().await.expect("a transaction begins");
    held.execute_unprepared(&format!("{THROUGH} FOR UPDATE")).await.expect("the cursor's row is held");

    server.post("held", "Alice", "two").await;
    // Told of both at once, the follower comes to this one after the other: its wait would show here.
    server.post("other", "Alice", "free").await;
    let free = "SELECT COUNT(*) FROM message_search WHERE room_id = (SELECT id FROM room WHERE name = 'other')";
    within(DEADLINE, "the other room is indexed", async { while ask::<i64>(&beside, free).await == [0] {} }).await;
    assert_eq!(ask::<i64>(&beside, THROUGH).await, [1], "the room is left to whoever holds it");
    let found = server.get_json("/rooms/held/search?q=two").await;
    assert_eq!(found["messages"][0]["id"], 2, "and all is found as ever");

    // It goes on from where it was, and once it is gone the next events are indexed here.
    held.execute_unprepared("UPDATE follower_cursor SET through = 2 WHERE through = 1").await.expect("it moves");
    held.commit().await.expect("it ends");
    server.post("held", "Alice", "three").await;
    indexed(&server).await;
    let rows = "SELECT COUNT(*) FROM message_search WHERE message_id IN (2, 3)";
    assert_eq!(ask::<i64>(&beside, rows).await, [1], "what the other has done is not done again");
    let log = server.log();
    assert!(!log.iter().any(|line| line.contains("a follower of the log failed")), "{log:#?}");
    for connection in [other, beside] {
        within(DEADLINE, "the connection ends", connection.close()).await.expect("it ends");
    }
}

on_every_server!(a_room_that_another_process_follows_is_left_to_it);
