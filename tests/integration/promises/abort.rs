//! Clients that hang up in the middle of a post: it is stored and delivered, or it never was.

use std::time::Duration;

use serde_json::{Value, json};
use socket2::SockRef;
use tokio::{io::AsyncWriteExt as _, net::TcpStream};

use crate::support::{DEADLINE, Query, Reader, Server, Transport, reader::is_durable, within};

const ROOM: &str = "abort";
/// The time a post may take right after another was cut: a transaction left open would block it.
const NEXT_POST: Duration = Duration::from_secs(5);
/// The least number of times that the connection is cut right after the request is complete.
const COMPLETE: usize = 100;

/// The ways in which a client leaves.
#[derive(Debug, Clone, Copy)]
enum Cut {
    /// It closes, and what it sent arrives before.
    Close,
    /// It resets the connection, which throws away what the server has not read yet.
    Reset,
}

/// Sends so many bytes of a post and hangs up without reading.
async fn abort(server: &Server, text: &str, bytes: Option<usize>, cut: Cut) {
    let request = request(server, text);
    let bytes = bytes.unwrap_or(request.len());
    let mut stream = within(DEADLINE, "a connection", TcpStream::connect(server.addr())).await.expect("a connection");
    within(DEADLINE, "bytes are sent", stream.write_all(&request.as_bytes()[..bytes])).await.expect("bytes are sent");
    if matches!(cut, Cut::Reset) {
        SockRef::from(&stream).set_linger(Some(Duration::ZERO)).expect("the connection can be reset");
    }
}

fn request(server: &Server, text: &str) -> String {
    let body = json!({"username": "Alice", "content": text}).to_string();
    format!(
        "POST /api/v1/rooms/{ROOM}/messages HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        server.addr(),
        body.len(),
    )
}

/// A post that must work soon, whatever was cut before.
async fn next_post(server: &Server, text: &str) {
    within(NEXT_POST, "a post works after others were cut", server.post(ROOM, "Bob", text)).await;
}

/// The messages that a reader saw up to and including one, and those that are stored: each `(id, content)`.
async fn compare(server: &Server, mut reader: Reader, last: &str) -> Vec<String> {
    let mut seen = Vec::new();
    loop {
        let event = reader.next().await;
        if !is_durable(&event) {
            continue;
        }
        seen.push((event["id"].clone(), event["message"]["content"].clone()));
        if event["message"]["content"] == last {
            break;
        }
    }
    let stored = server.messages(ROOM).await;
    let stored: Vec<_> = stored.iter().map(|message| (message["id"].clone(), message["content"].clone())).collect();
    assert_eq!(seen, stored, "what a reader saw is what is stored");
    stored.into_iter().map(|(_, content)| content.as_str().expect("a content").to_owned()).collect()
}

#[tokio::test]
async fn a_post_cut_before_its_end_was_never_made() {
    let server = Server::start().await;
    let reader = Reader::open(&server, Transport::Sse, ROOM, Query::since(0)).await;
    let length = request(&server, "cut 000").len();
    for bytes in 0..length {
        let text = format!("cut {bytes:03}");
        let cut = if bytes % 2 == 0 { Cut::Close } else { Cut::Reset };
        abort(&server, &text, Some(bytes), cut).await;
        if bytes % 20 == 0 {
            next_post(&server, &format!("after {bytes}")).await;
        }
    }
    next_post(&server, "the last").await;
    let contents = compare(&server, reader, "the last").await;
    let cut: Vec<_> = contents.iter().filter(|content| content.starts_with("cut")).collect();
    assert!(cut.is_empty(), "posted without their end: {cut:?}");
}

#[tokio::test]
async fn a_complete_post_whose_client_is_gone_is_made_for_everybody_or_nobody() {
    let server = Server::start().await;
    let reader = Reader::open(&server, Transport::Sse, ROOM, Query::since(0)).await;
    let is_gone = |content: &str| content.starts_with("gone");
    // On a busy machine it may be that of the first ones none is made.
    within(Duration::from_mins(1), "one is made", async {
        for number in 0.. {
            if number % 20 == 0 {
                next_post(&server, &format!("after {number}")).await;
                let messages = server.messages(ROOM).await;
                let content = |message: &Value| message["content"].as_str().is_some_and(is_gone);
                if number >= COMPLETE && messages.iter().any(content) {
                    break;
                }
            }
            let cut = if number % 2 == 0 { Cut::Close } else { Cut::Reset };
            abort(&server, &format!("gone {number}"), None, cut).await;
        }
    })
    .await;
    // A post that was read before its client had gone may still be on its way: those that follow on
    // the same queue come after it.
    next_post(&server, "the last but one").await;
    wait_until_idle(&server).await;
    next_post(&server, "the last").await;
    let contents = compare(&server, reader, "the last").await;
    let gone = contents.iter().filter(|content| is_gone(content)).count();
    println!("{gone} posts were made although their clients had gone");
}

/// Waits until the server has no connection left but those of the test's own client.
async fn wait_until_idle(server: &Server) {
    let sockets = || {
        let files = std::fs::read_dir(format!("/proc/{}/fd", server.pid())).expect("the server's files");
        files
            .filter_map(Result::ok)
            .filter_map(|file| std::fs::read_link(file.path()).ok())
            .filter(|target| target.to_string_lossy().starts_with("socket:"))
            .count()
    };
    // The listener, the stream, and at most a few kept alive by the client that posts.
    within(DEADLINE, "the server notices who has gone", async {
        while sockets() > 12 {
            tokio::task::yield_now().await;
        }
    })
    .await;
}
