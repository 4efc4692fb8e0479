//! Deleting a message with a very long history: nobody who posts waits for it, nothing of it is shown from then on, and
//! a crash in the middle leaves nothing of it either.

use std::time::{Duration, Instant};

use reqwest::StatusCode;
use sea_orm::{ConnectionTrait as _, DatabaseConnection, DbBackend, Statement};
use serde_json::{Value, json};

use crate::support::{Server, command::Command, server::json_of, within};

const ROOM: &str = "long";
/// Of each: revisions and reactions.
const ROWS: i64 = 20_000;
const EVENTS: i64 = 200_000;
const SECRET: &str = "secret";
/// So many posts at least are answered while all is erased. If it were erased at once, it would be one.
const POSTS: usize = 20;
/// By when all is erased, on a busy machine.
const ERASED: Duration = Duration::from_mins(2);

/// Gives message 1 a history. Its events follow those of the room.
async fn fill(server: &Server, head: i64) {
    let rows = |many: i64, columns: &str| {
        format!(
            "WITH RECURSIVE n (i) AS (SELECT {head} + 1 UNION ALL SELECT i + 1 FROM n WHERE i < {head} + {many}) \
             SELECT {columns} FROM n, room WHERE room.name = '{ROOM}'"
        )
    };
    let content = SECRET.repeat(50);
    for statement in [
        format!("INSERT INTO revision {}", rows(ROWS, &format!("room.id, 1, i, '{content}', 1"))),
        format!("INSERT INTO reaction {}", rows(ROWS, &format!("room.id, 1, ':{SECRET}:', 'u' || i, 'U' || i, i, 1"))),
        format!(
            "INSERT INTO event (room_id, id, kind, data, created_at, message_id, username) {}",
            rows(EVENTS, &format!("room.id, i, 'reaction_added', '{{\"emoji\":\":{SECRET}:\"}}', 1, 1, 'U' || i"))
        ),
        format!("UPDATE room SET head = {head} + {EVENTS} WHERE name = '{ROOM}'"),
    ] {
        server.sql(&statement).await;
    }
}

async fn count(database: &DatabaseConnection, of: &str) -> i64 {
    let sql = format!("SELECT count(*) FROM {of}");
    let row = database.query_one_raw(Statement::from_string(DbBackend::Sqlite, sql)).await.expect("an answer");
    row.expect("a row").try_get_by_index(0).expect("a number")
}

/// Fails if anything of the message is shown.
async fn expect_hidden(server: &Server, head: i64) {
    let message = format!("/rooms/{ROOM}/messages/1");
    assert_eq!(server.get_json(&format!("{message}/revisions")).await["revisions"], json!([]));
    assert_eq!(server.get_json(&format!("{message}/reactions/:{SECRET}:")).await["users"], json!([]));
    for since in [head, head + EVENTS - 100] {
        let page = server.get_json(&format!("/rooms/{ROOM}/poll?since={since}&wait=0")).await;
        let events = page["events"].as_array().expect("events");
        assert!(events.len() >= 100, "{}", events.len());
        assert!(!page.to_string().contains(SECRET), "after {since}");
    }
    let found = server.get_json(&format!("/rooms/{ROOM}/search?q={SECRET}")).await;
    assert_eq!(found["messages"], json!([]));
}

/// The posts to another room, one after the other, that are answered before `work` is done; the slowest of them; and
/// the result.
async fn posting_while<T>(server: &Server, work: impl Future<Output = T>) -> (usize, Duration, T) {
    let (mut posts, mut slowest) = (0, Duration::ZERO);
    let mut work = std::pin::pin!(work);
    loop {
        let begun = Instant::now();
        server.post("other", "Bob", "hi").await;
        if let Some(done) = futures_util::FutureExt::now_or_never(&mut work) {
            return (posts, slowest, done);
        }
        posts += 1;
        slowest = slowest.max(begun.elapsed());
    }
}

#[tokio::test]
async fn a_long_history_is_hidden_at_once_and_erased_while_others_post() {
    let mut server = Server::builder().arg("--revisions").arg("10000").start().await;
    server.post(ROOM, "Alice", &format!("{SECRET} at last")).await;
    let head = server.head(ROOM).await;
    assert!(server.terminate().await.success());
    fill(&server, head).await;
    server.restart().await;

    let begun = Instant::now();
    let answer = server.ask(ROOM, &Command::delete("Alice", 1)).await;
    let tombstone: Value = json_of(answer, StatusCode::OK).await;
    println!("the deletion took {:?}", begun.elapsed());
    assert_eq!(tombstone["content"], "");
    expect_hidden(&server, head).await;

    server.kill9().await;
    let database = Box::pin(sea_orm::Database::connect(server.database_url())).await.expect("the database opens");
    assert_eq!(count(&database, "erasure").await, 1, "the crash came before the end");
    server.restart().await;
    expect_hidden(&server, head).await;
    let erased = async { while count(&database, "erasure").await > 0 {} };
    let begun = Instant::now();
    let (posts, slowest, ()) = within(ERASED, "all is erased", posting_while(&server, erased)).await;
    println!("erasing took {:?}, {posts} posts meanwhile, {slowest:?} at most", begun.elapsed());
    assert!(posts >= POSTS, "{posts}");
    for of in ["revision", "reaction", "event WHERE data <> '{}'"] {
        assert_eq!(count(&database, of).await, 0, "{of}");
    }
    expect_hidden(&server, head).await;
    database.close().await.expect("the database closes");
}
