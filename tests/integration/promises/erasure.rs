//! Deleted texts are gone from every table, on every database; only their place stays.

use crate::support::{Server, cluster::ask, command::Command, index::indexed, server::json_of};

const ROOM: &str = "general";

#[tokio::test]
async fn a_deletion_leaves_nothing_in_any_table() {
    let mut server = Server::start().await;
    server.post(ROOM, "Bob", "stays").await;
    let body = serde_json::json!({"username": "Alice", "content": "secret word", "client_id": "key"});
    let post = server.http().post(server.api(&format!("/rooms/{ROOM}/messages"))).json(&body);
    json_of(post.send().await.expect("an answer"), reqwest::StatusCode::CREATED).await;
    let deeds =
        [Command::edit("Alice", 2, "another secret"), Command::react("Bob", 2, "👍"), Command::react("Bob", 1, "🎉")];
    server.perform(ROOM, &deeds).await;
    indexed(&server).await;
    let left = [
        "message WHERE id = 2 AND (content <> '' OR fingerprint IS NOT NULL OR reactions IS NOT NULL)",
        "revision WHERE message_id = 2",
        "reaction WHERE message_id = 2",
        "message_search WHERE message_id = 2",
        "event WHERE message_id = 2 AND data <> '{}'",
    ];
    let database = sea_orm::Database::connect(server.database_url()).await.expect("the database opens");
    let count = async |rows: &str| ask::<i64>(&database, &format!("SELECT COUNT(*) FROM {rows}")).await[0];
    for rows in left {
        assert_eq!(count(rows).await, 1, "{rows}: it is there before");
    }
    server.perform(ROOM, &[Command::delete("Alice", 2)]).await;
    for rows in left {
        assert_eq!(count(rows).await, 0, "{rows}");
    }
    assert_eq!(count("message_search WHERE message_id = 1").await, 1, "what is not deleted stays");
    assert_eq!(count("reaction WHERE message_id = 1").await, 1, "what is not deleted stays");
    database.close().await.expect("the database closes");
    assert!(server.terminate().await.success());
}
