//! A stream's body: chunks of whole events to HTTP/1.1, and to HTTP/1.0 what comes until the connection ends.

use serde_json::{Value, json};

use crate::support::{Server, raw::Connection};

const STREAM: &str = "/api/v1/rooms/general/stream";
/// The last event to a reader that the server sends away.
const GOODBYE: &str = "event: server_shutdown\n";

fn request(server: &Server, method: &str, target: &str, version: &str) -> String {
    format!("{method} {target} {version}\r\nHost: {}\r\n\r\n", server.addr())
}

/// Opens a stream, and takes what comes first: the head, and the lines that belong to no event.
async fn open(server: &Server, target: &str) -> Connection {
    let mut stream = Connection::open(server.addr()).await;
    stream.send(request(server, "GET", target, "HTTP/1.1")).await;
    let head = stream.head().await.expect("an answer");
    assert_eq!((head.version.as_str(), head.status), ("HTTP/1.1", 200));
    assert_eq!(head.header("transfer-encoding"), Some("chunked"));
    assert_eq!(head.header("connection"), Some("close"));
    let opening = text(stream.chunk().await.expect("a chunk"));
    assert!(opening.starts_with(": ") && opening.ends_with('\n') && !opening.contains("data:"), "{opening:?}");
    stream
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).expect("UTF-8")
}

/// The next chunk, which has whole events. Only a large one of several rooms comes in two: its lines, and its data.
async fn events(stream: &mut Connection) -> String {
    let mut chunk = text(stream.chunk().await.expect("a chunk"));
    assert!(["event: ", "id: ", "data: "].iter().any(|field| chunk.starts_with(field)), "{chunk:?}");
    if chunk.lines().all(|line| !line.starts_with("data: ")) {
        let data = text(stream.chunk().await.expect("a chunk"));
        assert!(chunk.contains(',') && data.starts_with("data: ") && data.len() > 4_000, "{chunk:?} {data:?}");
        chunk += &data;
    }
    assert!(chunk.ends_with("\n\n"), "a chunk ends where an event ends: {chunk:?}");
    chunk
}

/// Takes chunks through the one that has a text.
async fn through(stream: &mut Connection, what: &str) -> String {
    loop {
        let chunk = events(stream).await;
        if chunk.contains(what) {
            return chunk;
        }
    }
}

#[tokio::test]
async fn a_chunk_ends_where_an_event_ends() {
    let server = Server::start().await;
    for target in [
        STREAM.into(),
        format!("{STREAM}?named=false"),
        format!("{STREAM}?since=0"),
        "/api/v1/stream?rooms=general,other".into(),
    ] {
        let mut stream = open(&server, &target).await;
        // Each is posted only once the one before has come, so nothing that follows can have pushed it out.
        for number in 1..=3 {
            let content = format!("{target} {number}");
            server.post("general", "Alice", &content).await;
            through(&mut stream, &content).await;
        }
        // What is ready together comes in chunks of whole events as well, small and large.
        for size in [10, 5_000, 10, 10_000, 10] {
            server.post("other", "Alice", &"x".repeat(size)).await;
            server.post("general", "Alice", &"x".repeat(size)).await;
        }
        server.post("general", "Alice", "the last").await;
        through(&mut stream, "the last").await;
    }
}

#[tokio::test]
async fn a_history_comes_in_whole_chunks() {
    let server = Server::start().await;
    for number in 0..20 {
        server.post("general", "Alice", &format!("{number} {}", "é\n".repeat(3_000))).await;
    }
    for target in [STREAM.into(), format!("{STREAM}?since=0"), format!("{STREAM}?history=2&named=false")] {
        let mut stream = open(&server, &target).await;
        let chunk = through(&mut stream, "\"19 é").await;
        let data = chunk.lines().find_map(|line| line.strip_prefix("data: ")).expect("data");
        serde_json::from_str::<Value>(data).expect("a line is a whole event");
        through(&mut stream, "presence_state").await;
    }
}

/// The last chunk tells a client that all came, whether the server ends or nobody is served.
#[tokio::test]
async fn a_stream_that_ends_says_so() {
    let mut server = Server::start().await;
    let mut streams = Vec::new();
    for target in [STREAM, "/api/v1/stream?rooms=general,other"] {
        for _ in 0..8 {
            let mut stream = open(&server, target).await;
            events(&mut stream).await;
            streams.push(stream);
        }
    }
    server.signal("TERM");
    for stream in &mut streams {
        through(stream, GOODBYE).await;
        // Nothing follows the goodbye but the end of the body, and that of the connection.
        assert_eq!(stream.chunk().await.as_deref(), Some(&b""[..]), "the last chunk");
        assert!(stream.read_to_end().await.is_empty());
    }
    assert_eq!(server.wait_for_exit().await.code(), Some(0));
}

#[tokio::test]
async fn http_1_0_is_answered_until_the_connection_ends() {
    let mut server = Server::start().await;
    server.post("general", "Alice", "before").await;
    for keep_alive in ["", "Connection: keep-alive\r\n"] {
        let mut stream = Connection::open(server.addr()).await;
        let host = server.addr();
        stream.send(format!("GET {STREAM} HTTP/1.0\r\nHost: {host}\r\n{keep_alive}\r\n")).await;
        let head = stream.head().await.expect("an answer");
        assert_eq!((head.version.as_str(), head.status), ("HTTP/1.0", 200));
        assert_eq!(head.header("transfer-encoding"), None);
        assert_eq!(head.header("content-length"), None);
        assert_eq!(head.header("connection"), Some("close"));
        assert_eq!(head.header("content-type"), Some("text/event-stream; charset=utf-8"));
        let opening = text(stream.read_until("\n\n").await);
        assert!(
            opening.starts_with(": general\nretry: ") && opening.contains("\nevent: message_history\n"),
            "{opening}"
        );
        for content in ["one", "two"] {
            server.post("general", "Alice", content).await;
            let event = text(stream.read_until(&format!("\"content\":\"{content}\"")).await);
            assert!(event.contains("event: chat_message\n"), "{event}");
        }
    }
    let mut stream = Connection::open(server.addr()).await;
    stream.send(request(&server, "GET", STREAM, "HTTP/1.0")).await;
    stream.read_until("presence_state").await;
    server.signal("TERM");
    let rest = text(stream.read_to_end().await);
    assert!(rest.contains(GOODBYE) && rest.ends_with("}\n\n"), "{rest}");
    server.wait_for_exit().await;
}

#[tokio::test]
async fn a_head_has_the_headers_and_no_body() {
    let server = Server::start().await;
    for (version, encoding) in [("HTTP/1.1", "chunked"), ("HTTP/1.0", "none")] {
        let mut stream = Connection::open(server.addr()).await;
        stream.send(request(&server, "HEAD", STREAM, version)).await;
        let head = stream.head().await.expect("an answer");
        assert_eq!((head.version.as_str(), head.status), (version, 200));
        assert_eq!(head.header("content-type"), Some("text/event-stream; charset=utf-8"));
        assert_eq!(head.header("connection"), Some("close"));
        // A server may leave out what it only knows while it writes (RFC 9110, 9.3.2).
        assert!(head.header("transfer-encoding").is_none_or(|value| value == encoding), "{head:?}");
        assert_eq!(head.header("content-length"), None);
        assert!(stream.read_to_end().await.is_empty(), "no body, and the end");
    }
}

/// A stream is the last answer of its connection. What a client sends behind it on the same one is not taken: a post
/// would have an effect, and no answer.
#[tokio::test]
async fn a_stream_is_the_last_answer_of_its_connection() {
    let mut server = Server::start().await;
    let body = json!({"username": "Alice", "content": "pipelined"}).to_string();
    let post = format!(
        "POST /api/v1/rooms/general/messages HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        server.addr(),
        body.len(),
    );
    let mut connection = Connection::open(server.addr()).await;
    // Its connection was kept for it.
    for _ in 0..2 {
        connection.send(request(&server, "GET", "/healthz", "HTTP/1.1")).await;
        assert_eq!(connection.answer().await.expect("an answer").status, 200);
    }
    connection.send(request(&server, "GET", STREAM, "HTTP/1.1") + &post).await;
    let head = connection.head().await.expect("an answer");
    assert_eq!((head.status, head.header("connection")), (200, Some("close")));
    connection.chunk().await.expect("the opening");
    through(&mut connection, "presence_state").await;
    server.signal("TERM");
    through(&mut connection, GOODBYE).await;
    assert_eq!(connection.chunk().await.as_deref(), Some(&b""[..]), "the last chunk");
    assert!(connection.read_to_end().await.is_empty(), "no second answer");
    server.wait_for_exit().await;
    server.restart().await;
    assert_eq!(server.head("general").await, 0, "nothing was posted");
}
