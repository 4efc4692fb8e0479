//! The end of the server on `SIGTERM`: everybody is told, nothing that was accepted is lost.

use std::time::{Duration, Instant};

use futures_util::{StreamExt as _, future::join_all};
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::{
    DEADLINE, Query, Reader, Server, Transport, poll::Poller, raw::Connection, socket::Socket, within,
};

const ROOM: &str = "drain";
/// By when the process has ended.
const END: Duration = Duration::from_secs(10);
/// Over how long streams are sent away, where a test looks at that, and what a busy machine adds.
const SPREAD: Duration = Duration::from_secs(1);
const SLACK: Duration = Duration::from_secs(2);

/// Waits until a user is seen in the room: its reader is registered then.
async fn wait_for_presence(server: &Server, user: &str) {
    within(DEADLINE, format!("{user} is present"), async {
        loop {
            let presence = server.get_json(&format!("/rooms/{ROOM}/presence")).await;
            let users = presence["users"].as_array().expect("users");
            if users.iter().any(|present| present["username"] == user) {
                return;
            }
        }
    })
    .await;
}

#[tokio::test]
async fn everybody_is_told_and_the_process_ends_with_success() {
    let mut server = Server::start().await;
    server.post_many(ROOM, "Alice", 3).await;
    let mut stream = Reader::open(&server, Transport::Sse, ROOM, Query::new()).await;
    stream.until_type("message_history").await;
    let mut socket = Socket::open(&server, ROOM, &Query::new()).await;
    socket.until("the history", |frame| frame["type"] == "message_history").await;
    let mut poller = Poller::new(&server, ROOM, &Query::since(3).username("Poller"));
    // The first answer brings who is here; the next has to wait.
    poller.poll(0).await.expect("an answer");
    let parked = async { (poller.poll(50).await.expect("a parked poll is answered"), Instant::now()) };
    let stopping = async {
        wait_for_presence(&server, "Poller").await;
        let start = Instant::now();
        server.signal("TERM");
        start
    };
    let (((body, events), polled), start) = tokio::join!(parked, stopping);
    assert_eq!((body["next"].as_i64(), events.len()), (Some(3), 0), "{body}");
    assert!(polled - start < SLACK, "a parked poll is answered at once, not after {:?}", polled - start);

    let goodbye = stream.until_type("server_shutdown").await;
    assert!(goodbye["reconnect_after_ms"].is_u64(), "{goodbye}");
    assert_eq!(stream.next_or_end().await, None, "the stream ends after its goodbye");
    let goodbye = socket.until("a goodbye", |frame| frame["type"] == "server_shutdown").await;
    assert!(goodbye["reconnect_after_ms"].is_u64(), "{goodbye}");
    assert_eq!(within(DEADLINE, "the socket ends", socket.next()).await, None);
    assert!(matches!(socket.close_code, Some(1001 | 1012)), "{:?}", socket.close_code);

    let status = server.wait_for_exit().await;
    assert_eq!(status.code(), Some(0), "{status}");
    assert!(start.elapsed() < END, "it took {:?}", start.elapsed());
}

#[tokio::test]
async fn interrupting_is_as_good_as_terminating() {
    let mut server = Server::start().await;
    server.post(ROOM, "Alice", "hi").await;
    server.signal("INT");
    let status = server.wait_for_exit().await;
    assert_eq!(status.code(), Some(0), "{status}");
}

/// Readers that all left in the same moment would all come back in the same moment.
#[tokio::test]
async fn streams_are_sent_away_one_after_the_other() {
    let mut server = Server::builder().time("drain-spread", SPREAD).start().await;
    let mut readers = Vec::new();
    for number in 0..40 {
        let transport = if number % 2 == 0 { Transport::Sse } else { Transport::WebSocket };
        let mut reader = Reader::open(&server, transport, ROOM, Query::new()).await;
        reader.until_type("message_history").await;
        readers.push(reader);
    }
    let start = Instant::now();
    server.signal("TERM");
    let ends = readers.into_iter().map(|mut reader| async move {
        reader.until_type("server_shutdown").await;
        while reader.next_or_end().await.is_some() {}
        start.elapsed()
    });
    let ends = join_all(ends).await;
    let (first, last) = (ends.iter().min().expect("ends"), ends.iter().max().expect("ends"));
    assert!(*last < SPREAD + SLACK, "the last stream ends after {last:?}");
    assert!(*last > *first + SPREAD / 4, "all streams end between {first:?} and {last:?}");
    assert_eq!(server.wait_for_exit().await.code(), Some(0));
}

/// A post whose head was read before the signal: its body comes when the server drains already.
#[tokio::test]
async fn a_post_under_way_is_answered() {
    let mut server = Server::start().await;
    server.post(ROOM, "Alice", "before").await;
    let mut posts = Vec::new();
    for number in 0..16 {
        let body = json!({"username": "Alice", "content": format!("under way {number}")}).to_string();
        let mut connection = Connection::open(server.addr()).await;
        let head = format!(
            "POST /api/v1/rooms/{ROOM}/messages HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\n\
             Expect: 100-continue\r\nContent-Length: {}\r\n\r\n",
            server.addr(),
            body.len(),
        );
        connection.send(head).await;
        // The server says this when it wants the body: the request is being handled.
        let go_on = connection.head().await.expect("the server wants the body");
        assert_eq!(go_on.status, 100);
        posts.push((connection, body));
    }
    server.signal("TERM");
    server.wait_for_log("draining", DEADLINE).await;
    let late = tokio::net::TcpStream::connect(server.addr()).await;
    assert!(late.is_err(), "nobody listens any more: {late:?}");
    let mut made = Vec::new();
    for (mut connection, body) in posts {
        connection.send(body).await;
        let answer = connection.answer().await.expect("a post under way is answered");
        assert!(matches!(answer.status, 201 | 503), "{}", answer.status);
        if answer.status == 201 {
            let message: Value = serde_json::from_str(&answer.text()).expect("a message");
            made.push(message["content"].clone());
        }
    }
    assert_eq!(server.wait_for_exit().await.code(), Some(0));

    server.restart().await;
    let stored = server.messages(ROOM).await;
    for content in &made {
        let found = stored.iter().filter(|message| message["content"] == *content).count();
        assert_eq!(found, 1, "{content} was answered with 201");
    }
    assert!(!made.is_empty(), "posts whose head was read are made");
    assert_eq!(stored.len(), 1 + made.len(), "what was refused is not there");
}

/// Posts keep coming while it ends: each is made or refused, and what was made is there afterwards.
#[tokio::test]
async fn what_was_answered_while_it_ended_is_there_afterwards() {
    let mut server = Server::start().await;
    let (http, url) = (server.http().clone(), server.api(&format!("/rooms/{ROOM}/messages")));
    let posters = (0..16).map(|poster| {
        let (http, url) = (http.clone(), url.clone());
        async move {
            let mut made = Vec::new();
            for number in 0.. {
                let text = format!("{poster} says {number}");
                let post = http.post(&url).json(&json!({"username": "Alice", "content": text})).send();
                match within(DEADLINE, "a post is answered or cut", post).await {
                    Ok(answer) if answer.status() == StatusCode::CREATED => made.push(text),
                    Ok(answer) => {
                        assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
                        assert!(answer.headers().contains_key("retry-after"), "{:?}", answer.headers());
                        break;
                    }
                    // The listener has closed, or an idle connection was closed just then.
                    Err(_) => break,
                }
            }
            made
        }
    });
    let ending = async {
        within(DEADLINE, "posts are made", async { while server.head(ROOM).await < 50 {} }).await;
        server.signal("TERM");
    };
    let (made, ()) = tokio::join!(join_all(posters), ending);
    assert_eq!(server.wait_for_exit().await.code(), Some(0));
    server.restart().await;
    let stored = server.messages(ROOM).await;
    let stored: std::collections::HashSet<_> =
        stored.iter().map(|message| message["content"].as_str().expect("a content")).collect();
    for text in made.iter().flatten() {
        assert!(stored.contains(text.as_str()), "{text:?} was answered with 201");
    }
}

/// Readers that take nothing can't be told; they are cut when time is up.
#[tokio::test]
async fn readers_that_stopped_reading_do_not_hold_the_end() {
    let time = Duration::from_secs(2);
    let mut server = Server::builder().time("drain-timeout", time).start().await;
    let mut stopped = Vec::new();
    for transport in [Transport::Sse, Transport::WebSocket] {
        stopped.push(Reader::open(&server, transport, ROOM, Query::since(0)).await);
    }
    // 8 MB: more than the kernel holds for a reader.
    let large = "x".repeat(8_000);
    let posts = (0..1_000).map(|_| server.post(ROOM, "Alice", &large));
    futures_util::stream::iter(posts).buffer_unordered(16).for_each(async |_| {}).await;
    let start = Instant::now();
    assert_eq!(server.terminate().await.code(), Some(0));
    let took = start.elapsed();
    assert!(took > time && took < END, "it took {took:?}");
}

#[tokio::test]
async fn during_the_drain_delay_it_serves_on_but_is_not_ready() {
    let delay = Duration::from_secs(2);
    let mut server = Server::builder().arg("--drain-delay").arg("2s").start().await;
    server.post(ROOM, "Alice", "before").await;
    let start = Instant::now();
    server.signal("TERM");
    within(delay, "/readyz says that the server ends", async {
        let ready = async || server.http().get(server.url("/readyz")).send().await.expect("an answer").status();
        while ready().await != StatusCode::SERVICE_UNAVAILABLE {}
    })
    .await;
    let alive = server.http().get(server.url("/healthz")).send().await.expect("an answer").status();
    assert_eq!(alive, StatusCode::OK);
    server.post(ROOM, "Alice", "during").await;
    assert!(start.elapsed() < delay, "the machine is too slow for this test: {:?}", start.elapsed());

    assert_eq!(server.wait_for_exit().await.code(), Some(0));
    assert!(start.elapsed() >= delay, "it ended after {:?}", start.elapsed());
    assert!(start.elapsed() < delay + END, "it took {:?}", start.elapsed());
    server.restart().await;
    assert_eq!(server.messages(ROOM).await.len(), 2);
}
