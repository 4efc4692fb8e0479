//! Opening a file: one process at a time has it, and one that can't be opened says why.

use std::process::Command;

use crate::support::{
    Server,
    server::{PARLOR, failure},
};

#[tokio::test]
async fn a_second_process_on_the_same_file_is_told_who_has_it() {
    let mut first = Server::start().await;
    let file = first.dir().join("parlor.db");
    let error = failure(Server::builder().db(&file), 1).await;
    assert!(error.contains(&first.pid().to_string()), "the holder's pid is named: {error}");
    assert!(error.contains("parlor.db"), "{error}");

    // Whichever way the first one ends, the file is free.
    first.kill9().await;
    let second = Server::builder().db(&file).start().await;
    second.post("general", "Alice", "hi").await;
}

#[tokio::test]
async fn a_file_that_cannot_be_opened_is_named_and_left_alone() {
    let error = failure(Server::builder().database_url("sqlite:///no/such/directory/parlor.db?mode=rwc"), 1).await;
    assert!(error.contains("/no/such/directory"), "{error}");

    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("parlor.db");
    std::fs::write(&file, "this is no database, and has to stay as it is").expect("a file is written");
    let error = failure(Server::builder().db(&file), 1).await;
    assert!(error.contains("parlor.db"), "{error}");
    let left = std::fs::read_to_string(&file).expect("the file");
    assert_eq!(left, "this is no database, and has to stay as it is");
}

/// No machine has to have the one that the tests were run with.
#[test]
fn sqlite_is_in_the_binary() {
    let linked = Command::new("ldd").arg(PARLOR).output().expect("ldd runs");
    let libraries = String::from_utf8_lossy(&linked.stdout).into_owned();
    assert!(linked.status.success() && libraries.contains("libc.so"), "{libraries}");
    assert!(!libraries.contains("sqlite"), "{libraries}");
}
