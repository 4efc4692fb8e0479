//! A full disk: posts are refused, reading goes on, and all heals by itself once there is room.

use std::{path::Path, time::Duration};

use futures_util::future::join_all;
use reqwest::StatusCode;
use rlimit::Resource;
use serde_json::{Value, json};

use crate::support::{DEADLINE, Query, Reader, Server, Transport, problem::expect_problem, within};

const ROOM: &str = "full";
const CONTENT_BYTES: usize = 8_000;
/// The room that the write-ahead log is left with.
const ROOM_LEFT: u64 = 256 * 1024;
/// The time between two looks for room, and longer than it takes to look several times.
const PROBE: Duration = Duration::from_millis(200);
const SEVERAL_PROBES: Duration = Duration::from_millis(1_500);
/// More posts than fit, by far.
const MOST_POSTS: usize = 1_000;

/// Bounds the size of every file the server writes: to it, that is a full disk.
fn limit_files(server: &Server, bytes: u64) {
    let pid = server.pid().try_into().expect("a process id");
    rlimit::prlimit(pid, Resource::FSIZE, Some((bytes, rlimit::INFINITY)), None).expect("a limit is set");
}

fn wal_bytes(server: &Server) -> u64 {
    let file: &Path = &server.dir().join("parlor.db-wal");
    std::fs::metadata(file).map_or(0, |data| data.len())
}

/// Posts until a post is refused; the ids that were answered, and the refusal.
async fn fill(server: &Server, from: usize) -> (Vec<i64>, reqwest::Response) {
    let mut ids = Vec::new();
    for number in from..from + MOST_POSTS {
        let text = content(number);
        let sent = server.try_post(ROOM, "Alice", &text);
        let answer = within(DEADLINE, "a post is answered", sent).await.expect("an answer, whatever the disk does");
        if answer.status() != StatusCode::CREATED {
            return (ids, answer);
        }
        let message: Value = answer.json().await.expect("a message");
        ids.push(message["id"].as_i64().expect("an id"));
    }
    panic!("{MOST_POSTS} posts fit into {ROOM_LEFT} bytes");
}

fn content(number: usize) -> String {
    format!("{number:0>CONTENT_BYTES$}")
}

#[tokio::test]
async fn a_full_disk_refuses_posts_and_heals_by_itself() {
    let mut server = Server::builder().time("probe-interval", PROBE).start().await;
    let mut answered = Vec::new();
    for number in 0..3 {
        answered.push(server.post(ROOM, "Alice", &content(number)).await["id"].as_i64().expect("an id"));
    }
    let mut readers = Vec::new();
    for transport in [Transport::Sse, Transport::WebSocket] {
        let mut reader = Reader::open(&server, transport, ROOM, Query::new()).await;
        reader.until_type("message_history").await;
        readers.push(reader);
    }

    limit_files(&server, wal_bytes(&server) + ROOM_LEFT);
    let (ids, refusal) = fill(&server, answered.len()).await;
    answered.extend(ids);
    assert!(refusal.headers().contains_key("retry-after"), "{:?}", refusal.headers());
    expect_problem(refusal, 503, "unavailable", &[]).await;

    // Out: it says so, to who asks and to who listens; what is stored can still be read.
    assert!(!is_ready(&server).await);
    for reader in &mut readers {
        let status = reader.until_type("service_status").await;
        assert_eq!(status["status"], "degraded", "{status}");
        assert_eq!(reader.cursor(), *answered.last().expect("posts were answered"), "all that was answered was read");
    }
    assert_eq!(ids_of(&server.messages(ROOM).await), answered);
    let mut late = Reader::open(&server, Transport::Sse, ROOM, Query::new()).await;
    late.until_type("message_history").await;
    let again = server.try_post(ROOM, "Alice", &content(0)).await.expect("an answer");
    assert_eq!(again.status(), StatusCode::SERVICE_UNAVAILABLE);
    // What is left would hold a small write: it does not say that it is back for that, however often it looks.
    let back = late.until_type("service_status");
    assert_eq!(back.await["status"], "degraded", "as it joined");
    let back = tokio::time::timeout(SEVERAL_PROBES, late.until_type("service_status")).await;
    assert!(back.is_err(), "it says {back:?} on a disk that is still full");
    assert!(!is_ready(&server).await);

    // Back: nobody posts, and yet everybody learns of it, on the streams that were open all along.
    limit_files(&server, rlimit::INFINITY);
    for reader in &mut readers {
        let status = reader.until_type("service_status").await;
        assert_eq!(status["status"], "ok", "{status}");
    }
    assert!(is_ready(&server).await);
    let message = server.post(ROOM, "Alice", "there is room again").await;
    answered.push(message["id"].as_i64().expect("an id"));
    for reader in &mut readers {
        assert_eq!(reader.next_durable().await["message"], message);
    }

    server.restart().await;
    let stored = ids_of(&server.messages(ROOM).await);
    assert_eq!(stored, answered, "every answered post and nothing else is there");
    assert!(
        stored.iter().copied().eq(1..=i64::try_from(stored.len()).expect("a few")),
        "the ids have a gap: {stored:?}"
    );
}

fn ids_of(messages: &[Value]) -> Vec<i64> {
    messages.iter().map(|message| message["id"].as_i64().expect("an id")).collect()
}

/// Posts many at once with keys of their own, each again and again until it is answered; the ids.
async fn post_until_taken(server: &Server, keys: std::ops::Range<usize>) -> Vec<i64> {
    let url = server.api(&format!("/rooms/{ROOM}/messages"));
    let posts = keys.map(|key| {
        let body = json!({"username": "Alice", "content": content(key), "client_id": format!("key-{key}")});
        let request = server.http().post(&url).json(&body);
        async move {
            loop {
                let sent = request.try_clone().expect("a plain body").send();
                let answer = within(DEADLINE, "a post is answered", sent).await.expect("an answer");
                match answer.status() {
                    StatusCode::CREATED | StatusCode::OK => {
                        return answer.json::<Value>().await.expect("a message")["id"].as_i64().expect("an id");
                    }
                    StatusCode::SERVICE_UNAVAILABLE => {}
                    status => panic!("{status}"),
                }
            }
        }
    });
    within(DEADLINE, "all posts are taken", join_all(posts)).await
}

/// It fills up again and again, each time at another place of a transaction of many posts. Whoever
/// is refused asks again with the same key, and no post is made twice.
#[tokio::test]
async fn it_heals_as_often_as_it_fills_up() {
    const AT_ONCE: usize = 48;
    let mut server = Server::builder().time("probe-interval", PROBE).start().await;
    let mut answered = Vec::new();
    for round in 0..5 {
        limit_files(&server, wal_bytes(&server) + ROOM_LEFT / 2 + 1_234 * round);
        let from = answered.len();
        let posting = post_until_taken(&server, from..from + AT_ONCE);
        let healing = async {
            within(DEADLINE, "the disk is full", async { while is_ready(&server).await {} }).await;
            limit_files(&server, rlimit::INFINITY);
        };
        let (ids, ()) = tokio::join!(posting, healing);
        answered.extend(ids);
        within(DEADLINE, "the server is ready again", async { while !is_ready(&server).await {} }).await;
    }
    server.restart().await;
    answered.sort_unstable();
    assert_eq!(ids_of(&server.messages(ROOM).await), answered);
    assert!(answered.iter().copied().eq(1..=i64::try_from(answered.len()).expect("a few")), "{answered:?}");
}

async fn is_ready(server: &Server) -> bool {
    server.http().get(server.url("/readyz")).send().await.expect("an answer").status() == StatusCode::OK
}
