//! A write-ahead log that is removed or replaced under the running server: no post is acknowledged that nobody would
//! find again, and none that was acknowledged before is lost.

use std::{path::Path, time::Duration};

use reqwest::StatusCode;

use crate::support::{DEADLINE, Server, problem::expect_problem, within};

const ROOM: &str = "gone";
/// The time of each fsync where one is caught in the middle of a post.
const SLOW_FSYNC: Duration = Duration::from_secs(1);

/// Removes the log, or puts another file into its place.
fn lose(log: &Path, is_replaced: bool) {
    if is_replaced {
        let other = log.with_file_name("other");
        std::fs::write(&other, "").expect("a file is written");
        std::fs::rename(other, log).expect("it takes the place");
    } else {
        std::fs::remove_file(log).expect("it is there");
    }
}

async fn contents(server: &Server) -> Vec<String> {
    let text = |message: &serde_json::Value| message["content"].as_str().expect("a content").to_owned();
    server.messages(ROOM).await.iter().map(text).collect()
}

#[tokio::test]
async fn a_log_that_is_gone_ends_the_process_and_loses_nothing_answered() {
    for is_replaced in [false, true] {
        let mut server = Server::start().await;
        for number in 0..3 {
            server.post(ROOM, "Alice", &format!("message {number}")).await;
        }
        lose(&server.dir().join("parlor.db-wal"), is_replaced);
        let refusal = server.try_post(ROOM, "Alice", "into the void").await.expect("an answer");
        expect_problem(refusal, 503, "unavailable", &[]).await;
        // However it ends now: what was answered is in the database itself.
        server.kill9().await;
        std::fs::remove_file(server.dir().join("parlor.db-shm")).expect("it is there");
        server.restart().await;
        assert_eq!(contents(&server).await, ["message 0", "message 1", "message 2"]);

        lose(&server.dir().join("parlor.db-wal"), is_replaced);
        let refusal = server.try_post(ROOM, "Alice", "into the void").await.expect("an answer");
        assert_eq!(refusal.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(server.wait_for_exit().await.code(), Some(70), "a supervisor starts it again");
        assert!(server.log().iter().any(|line| line.contains("write-ahead log is gone")), "{:?}", server.log());
        server.restart().await;
        server.post(ROOM, "Alice", "message 3").await;
        assert_eq!(contents(&server).await, ["message 0", "message 1", "message 2", "message 3"]);
    }
}

#[tokio::test]
async fn a_log_that_goes_while_a_post_is_written_is_noticed_before_the_answer() {
    let dir = tempfile::tempdir().expect("a directory");
    // The tables are made first, without any delay.
    Server::builder().dir(dir.path()).start().await.kill9().await;
    let slow = format!("inject=fsync,fdatasync:delay_enter={}", SLOW_FSYNC.as_micros());
    let strace = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=fsync,fdatasync", "-e", &slow];
    let mut server = Server::builder().dir(dir.path()).wrapper(strace).start().await;
    server.post(ROOM, "Alice", "first").await;
    let log = dir.path().join("parlor.db-wal");
    let written = || log.metadata().expect("it is there").len();

    let before = written();
    let posting = server.try_post(ROOM, "Alice", "second");
    let losing = async {
        within(DEADLINE, "the post is written", async {
            while written() == before {
                tokio::task::yield_now().await;
            }
        })
        .await;
        // It waits for its fsync.
        lose(&log, false);
    };
    let (answer, ()) = tokio::join!(posting, losing);
    expect_problem(answer.expect("an answer"), 503, "unavailable", &[]).await;
    server.wait_for_exit().await;
    let server = Server::builder().dir(dir.path()).start().await;
    // Not known to be stored: here it was, as what the log held was moved.
    assert_eq!(contents(&server).await, ["first", "second"]);
}
