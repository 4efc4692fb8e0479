//! A disk that neither fails nor answers, and a database that another program holds: a post is answered in
//! time that it is not known to be stored, and all goes on when the disk does.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use reqwest::StatusCode;
use sea_orm::{ConnectOptions, ConnectionTrait as _, Database};
use serde_json::{Value, json};

use crate::support::{DEADLINE, Query, Reader, Server, Transport, problem::expect_problem, within};

const ROOM: &str = "hangs";
/// The time a post waits for its answer, and that after which the disk counts as one that hangs.
const WRITE_TIMEOUT: Duration = Duration::from_secs(4);
const HANG_TIMEOUT: Duration = Duration::from_millis(2_500);
/// The time that the end may take, and the time by which a server that is told to end has done so: it lets the disk
/// finish for two seconds more, and a busy machine adds to it.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(3);
const END: Duration = Duration::from_secs(3 + 2 + 3);
/// Which fsync of the thread that writes hangs; a start on tables that are there has fewer.
const HANGING_FSYNC: u32 = 12;
/// For how long: past the answer to a post, and not past that to the next one.
const HANG: Duration = Duration::from_secs(6);
/// More posts than there are fsyncs before.
const MOST_POSTS: usize = 30;

/// Posts with the content as the key, whatever comes of it.
async fn post(server: &Server, content: &str) -> reqwest::Response {
    let body = json!({"username": "Alice", "content": content, "client_id": content});
    let request = server.http().post(server.api(&format!("/rooms/{ROOM}/messages"))).json(&body);
    within(DEADLINE, "a post is answered", request.send()).await.expect("an answer, whatever the disk does")
}

async fn is_ready(server: &Server) -> bool {
    server.http().get(server.url("/readyz")).send().await.expect("an answer").status() == StatusCode::OK
}

/// A server whose disk will hang for so long.
async fn hanging(dir: &Path, time: Duration) -> Server {
    // The tables are made first, without any delay.
    Server::builder().dir(dir).start().await.kill9().await;
    let hanging = format!("inject=fsync,fdatasync:delay_enter={}:when={HANGING_FSYNC}", time.as_micros());
    let strace = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=fsync,fdatasync", "-e", &hanging];
    let builder = Server::builder().dir(dir).wrapper(strace).time("write-timeout", WRITE_TIMEOUT);
    builder.time("hang-timeout", HANG_TIMEOUT).time("drain-timeout", DRAIN_TIMEOUT).start().await
}

#[tokio::test]
async fn a_post_is_answered_while_the_disk_hangs_and_stored_when_it_goes_on() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = hanging(dir.path(), HANG).await;
    let mut reader = Reader::open(&server, Transport::Sse, ROOM, Query::since(0)).await;

    let mut stored = 0;
    let refusal = loop {
        let answer = post(&server, &format!("message {stored}")).await;
        if answer.status() != StatusCode::CREATED {
            break answer;
        }
        stored += 1;
        assert!(stored < MOST_POSTS, "no fsync hangs");
    };
    assert!(refusal.headers().contains_key("retry-after"), "{:?}", refusal.headers());
    expect_problem(refusal, 503, "unavailable", &[]).await;

    // It hangs still: it says so, and what is stored can be read.
    assert!(!is_ready(&server).await);
    assert_eq!(reader.until_type("service_status").await["status"], "degraded");
    assert_eq!(server.messages(ROOM).await.len(), stored);

    // Who was refused asks again, and gets what was stored when the disk went on.
    let again = post(&server, &format!("message {stored}")).await;
    assert_eq!(again.status(), StatusCode::OK, "nothing is posted twice");
    let message: Value = again.json().await.expect("a message");
    assert_eq!(message["id"], stored + 1);
    assert_eq!(reader.next_durable().await["message"], message);
    assert_eq!(reader.until_type("service_status").await["status"], "ok");
    assert!(is_ready(&server).await);
    assert_eq!(server.post(ROOM, "Bob", "it goes on").await["id"], stored + 2);
    assert_eq!(reader.next_durable().await["id"], stored + 2);
}

#[tokio::test]
async fn a_disk_that_hangs_does_not_hold_the_end() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = hanging(dir.path(), Duration::from_mins(5)).await;
    let posting = async {
        let mut posted = 0;
        while post(&server, &format!("message {posted}")).await.status() == StatusCode::CREATED {
            posted += 1;
            assert!(posted < MOST_POSTS, "no fsync hangs");
        }
    };
    let ending = async {
        server.wait_for_log("the store hangs", DEADLINE).await;
        server.signal("TERM");
        Instant::now()
    };
    let ((), told) = tokio::join!(posting, ending);
    server.wait_for_log("what is under way is left to it", END).await;
    // `strace` does not let go of the thread that hangs; what is seen is that the program has exited.
    let exited = async {
        loop {
            let stat = std::fs::read_to_string(format!("/proc/{}/stat", server.pid())).expect("its state");
            let (_, fields) = stat.rsplit_once(") ").expect("fields");
            if fields.starts_with('Z') {
                return fields.trim().rsplit_once(' ').expect("fields").1.to_owned();
            }
            tokio::task::yield_now().await;
        }
    };
    assert_eq!(within(DEADLINE, "the process exits", exited).await, "0", "its status");
    assert!(told.elapsed() < END, "it took {:?}", told.elapsed());
}

#[tokio::test]
async fn a_post_is_answered_while_another_program_holds_the_database() {
    let server = Server::start().await;
    server.post(ROOM, "Alice", "first").await;
    let mut reader = Reader::open(&server, Transport::Sse, ROOM, Query::since(1)).await;

    let mut options = ConnectOptions::new(format!("sqlite://{}", server.dir().join("parlor.db").display()));
    options.max_connections(1);
    let other = Database::connect(options).await.expect("the database opens");
    other.execute_unprepared("BEGIN IMMEDIATE").await.expect("the database is free");
    expect_problem(post(&server, "second").await, 503, "unavailable", &[]).await;
    assert!(!is_ready(&server).await);
    assert_eq!(reader.until_type("service_status").await["status"], "degraded");
    // Out for long already, and a post is no longer waited for than before.
    expect_problem(post(&server, "third").await, 503, "unavailable", &[]).await;

    other.execute_unprepared("ROLLBACK").await.expect("the database is let go");
    assert_eq!(reader.until_type("service_status").await["status"], "ok", "it heals by itself");
    let message: Value = post(&server, "second").await.json().await.expect("a message");
    assert_eq!(message["content"], "second");
    assert_eq!(reader.next_durable().await["message"], message);
    other.close().await.expect("the database closes");
}
