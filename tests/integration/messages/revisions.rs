//! The number of a message's earlier contents that are kept.

use serde_json::Value;

use crate::support::{Server, command::Command};

async fn revisions(server: &Server, id: i64) -> Vec<String> {
    let page = server.get_json(&format!("/rooms/general/messages/{id}/revisions")).await;
    let content = |revision: &Value| revision["content"].as_str().expect("a content").to_owned();
    page["revisions"].as_array().expect("revisions").iter().map(content).collect()
}

#[tokio::test]
async fn the_oldest_revisions_go_first() {
    let mut server = Server::builder().arg("--revisions").arg("3").start().await;
    for id in [1, 2] {
        server.post("general", "Alice", &format!("{id}: 0")).await;
    }
    for number in 1..=5 {
        for id in [1, 2].into_iter().filter(|id| *id == 1 || number < 3) {
            server.perform("general", &[Command::edit("Alice", id, &format!("{id}: {number}"))]).await;
        }
    }
    assert_eq!(revisions(&server, 1).await, ["1: 2", "1: 3", "1: 4"]);
    assert_eq!(revisions(&server, 2).await, ["2: 0", "2: 1"]);

    // As many at once share a transaction.
    let edits: Vec<_> = (0..40).map(|number| Command::edit("Alice", 2, &format!("at once {number}"))).collect();
    let all = edits.iter().map(|edit| server.ask("general", edit));
    assert!(futures_util::future::join_all(all).await.iter().all(|answer| answer.status().is_success()));
    let kept = revisions(&server, 2).await;
    assert!(kept.len() == 3 && kept.iter().all(|content| content.starts_with("at once")), "{kept:?}");
    let head = server.head("general").await;
    assert_eq!(head, 2 + 5 + 2 + 40, "what is forgotten leaves its events");

    server.terminate().await;
    let server = Server::builder().arg("--revisions").arg("0").database_url(&server.database_url()).start().await;
    server.perform("general", &[Command::edit("Alice", 1, "the last")]).await;
    assert_eq!(revisions(&server, 1).await, [""; 0]);
}
