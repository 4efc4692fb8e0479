//! A post is answered only after the disk has it: the system calls of the process show it.

mod trace;

use std::{path::Path, time::Duration};

use crate::support::{Server, within};

/// The command that traces system calls, with enough of each buffer to see a message within a page of the log.
const STRACE: [&str; 6] = ["strace", "-f", "-y", "-s", "8192", "-e"];
const CALLS: &str = "trace=write,writev,pwrite64,pwritev,sendto,sendmsg,fsync,fdatasync";
const ALONE: usize = 10;
const TOGETHER: usize = 64;
/// Tracing makes every call slow.
const TRACED_END: Duration = Duration::from_mins(1);

/// The content of each message, so that it is found in the trace.
fn alone() -> Vec<String> {
    (0..ALONE).map(|number| format!("posted-alone-{number:03}.")).collect()
}

fn together() -> Vec<String> {
    (0..TOGETHER).map(|number| format!("posted-together-{number:03}.")).collect()
}

/// Posts one by one and then many at once, under `strace`; returns its trace.
async fn traced_run(synchronous: &str) -> String {
    let version = std::process::Command::new("strace").arg("-V").output();
    assert!(version.is_ok_and(|out| out.status.success()), "this test needs strace: apt-get install strace");
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("trace");
    let words = STRACE.iter().map(ToString::to_string);
    let words = words.chain([CALLS.into(), "-o".into(), path(&file)]);
    let builder = Server::builder().wrapper(words).arg("--sqlite-synchronous").arg(synchronous);
    let mut server = builder.start().await;
    for text in alone() {
        server.post("general", "Alice", &text).await;
    }
    let texts = together();
    let posts = texts.iter().map(|text| server.post("general", "Alice", text));
    within(TRACED_END, "all posts are answered", futures_util::future::join_all(posts)).await;
    let status = server.terminate().await;
    assert!(status.success(), "{status}");
    // Its contents are bytes of the database; only what is text matters here.
    String::from_utf8_lossy(&std::fs::read(&file).expect("a trace")).into_owned()
}

fn path(file: &Path) -> String {
    file.to_str().expect("a path in UTF-8").into()
}

#[tokio::test]
async fn a_post_is_on_disk_before_it_is_answered() {
    let trace = traced_run("full").await;
    if let Err(fault) = trace::check(&trace, &alone(), &together()) {
        panic!("{fault}");
    }
}

/// The control: the check finds it when the disk is not waited for.
#[tokio::test]
async fn the_check_notices_a_server_that_does_not_wait_for_the_disk() {
    let trace = traced_run("off").await;
    let fault = trace::check(&trace, &alone(), &together()).expect_err("nothing was synced");
    assert!(fault.contains("no fsync"), "{fault}");
}
