//! A disk that refuses an fsync ends the process: what is on it is unknown, and asking again may lie.

use reqwest::StatusCode;

use crate::support::Server;

/// The process's fsyncs from this one on are refused; a start on tables that are there has fewer.
const FIRST_REFUSED: u32 = 12;
/// More posts than there are fsyncs before.
const POSTS: usize = 30;

#[tokio::test]
async fn a_refused_fsync_ends_the_process_and_loses_nothing_answered() {
    let dir = tempfile::tempdir().expect("a directory");
    // The tables are made first, without anything refused.
    Server::builder().dir(dir.path()).start().await.kill9().await;

    let refusing = format!("inject=fsync,fdatasync:error=EIO:when={FIRST_REFUSED}+");
    let strace = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=fsync,fdatasync", "-e", &refusing];
    let mut server = Server::builder().dir(dir.path()).wrapper(strace).start().await;
    let mut answered = Vec::new();
    for number in 0..POSTS {
        match server.try_post("general", "Alice", &format!("message {number}")).await {
            Ok(answer) if answer.status() == StatusCode::CREATED => answered.push(format!("message {number}")),
            // The post that met the refusal, or one that found nobody.
            Ok(answer) => assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE),
            Err(_) => break,
        }
    }
    assert!(!answered.is_empty() && answered.len() < POSTS, "some were stored, and then no more: {}", answered.len());
    assert_eq!(server.wait_for_exit().await.code(), Some(70));
    assert!(server.log().iter().any(|line| line.contains("refused an fsync")), "{:?}", server.log());

    let server = Server::builder().dir(dir.path()).start().await;
    let stored: Vec<_> = server.messages("general").await.iter().map(|message| message["content"].clone()).collect();
    assert!(stored.len() >= answered.len(), "{stored:?} after {answered:?}");
    assert_eq!(stored[..answered.len()], answered[..]);
}
