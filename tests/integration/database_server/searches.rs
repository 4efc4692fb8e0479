//! An index of search that does not answer: it is given up soon, and the messages themselves are read.

use sea_orm::{ConnectionTrait as _, TransactionTrait as _};

use crate::support::{
    DEADLINE, Server,
    cluster::{Cluster, Kind},
    index::indexed,
    within,
};

async fn an_index_that_hangs_is_done_without(kind: Kind) {
    let cluster = Cluster::start(kind).await;
    let server = Server::builder().database_url(&cluster.url()).start().await;
    for number in 1..=150 {
        server.post("general", "Alice", if number % 50 == 0 { "needle" } else { "hay" }).await;
    }
    indexed(&server).await;
    let stranger = cluster.connect().await;
    // Whoever asks the index waits for longer than a search does.
    let held = stranger.begin().await.expect("a transaction begins");
    let lock = match kind {
        Kind::Postgres => "LOCK TABLE message_search IN ACCESS EXCLUSIVE MODE",
        Kind::MariaDb => "LOCK TABLES message_search WRITE",
    };
    held.execute_unprepared(lock).await.expect("the index is held");
    let page = server.get_json("/rooms/general/search?q=needle").await;
    let ids: Vec<_> = page["messages"].as_array().expect("messages").iter().map(|message| &message["id"]).collect();
    assert_eq!(ids, [150, 100, 50], "{page}");
    assert_eq!(page["next"], serde_json::Value::Null);
    if kind == Kind::MariaDb {
        held.execute_unprepared("UNLOCK TABLES").await.expect("it is free");
    }
    held.rollback().await.expect("it is free");
    // The session is as good as before.
    let page = server.get_json("/rooms/general/search?q=needle&limit=1").await;
    assert_eq!(page["messages"][0]["id"], 150);
    within(DEADLINE, "the connection ends", stranger.close()).await.expect("it ends");
}

on_every_server!(an_index_that_hangs_is_done_without);
