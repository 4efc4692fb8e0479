//! HTTP/2: streams on one connection, what ends them, and what a hostile client tries.

use std::time::{Duration, Instant};

use h2::{RecvStream, client::SendRequest};
use reqwest::{Method, StatusCode};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    task::JoinSet,
};

use crate::support::{
    DEADLINE, Server,
    server::{Builder, Line},
    tls::{Pair, connect},
    within,
};

/// Before the first frame of a client (RFC 9113, 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// A frame of settings that sets none.
const SETTINGS: [u8; 9] = [0, 0, 0, 4, 0, 0, 0, 0, 0];
const STALL: Duration = Duration::from_secs(2);

fn builder() -> Builder {
    Server::builder().line(Line::Tls)
}

/// One connection, whose client makes room only for what the test takes.
struct Connection {
    send: SendRequest<bytes::Bytes>,
    server: String,
    driver: JoinSet<Result<(), h2::Error>>,
}

impl Connection {
    async fn open(server: &Server) -> Self {
        let config = Pair::trusted(&[&server.pair()], &["h2"]);
        let stream = connect(server, "127.0.0.1", config).await.expect("a connection");
        let mut builder = h2::client::Builder::new();
        builder.initial_window_size(64 * 1024).initial_connection_window_size(64 * 1024 * 1024);
        let (send, connection) = builder.handshake(stream).await.expect("a connection");
        let mut driver = JoinSet::new();
        driver.spawn(connection);
        Self { send, server: server.tls_addr().to_string(), driver }
    }

    async fn request(&self, method: Method, path: &str) -> http::Response<RecvStream> {
        let uri = format!("https://{}{path}", self.server);
        let request = http::Request::builder().method(method).uri(uri).body(()).expect("a request");
        let mut send =
            within(DEADLINE, "a stream may be opened", self.send.clone().ready()).await.expect("a connection");
        let (answer, _) = send.send_request(request, true).expect("a request is sent");
        within(DEADLINE, "an answer", answer).await.expect("an answer")
    }
}

/// Reads a body through a text, making room for what was read.
async fn read_through(body: &mut RecvStream, text: &str) {
    let mut read = Vec::new();
    while !String::from_utf8_lossy(&read).contains(text) {
        let data = within(DEADLINE, text, body.data()).await.expect("it goes on").expect("it is not reset");
        body.flow_control().release_capacity(data.len()).expect("room");
        read.extend_from_slice(&data);
    }
}

#[tokio::test]
async fn a_stalled_stream_is_cut_alone() {
    let server = builder().arg("--stall-timeout").arg(format!("{}s", STALL.as_secs())).start().await;
    let connection = Connection::open(&server).await;
    let mut neighbour = connection.request(Method::GET, "/api/v1/rooms/slow/stream?since=0").await.into_body();
    let mut stalled = connection.request(Method::GET, "/api/v1/rooms/slow/stream?since=0").await.into_body();
    let silent = connection.request(Method::GET, "/api/v1/rooms/silent/stream?since=0").await;
    let text = "x".repeat(9_000);
    for number in 0..40 {
        server.post("slow", "Alice", &format!("{text} {number}.")).await;
        read_through(&mut neighbour, &format!(" {number}.")).await;
    }
    server.wait_for_log("a stalled reader is cut", DEADLINE).await;
    let ended = async {
        loop {
            match stalled.data().await {
                Some(Ok(_)) => {}
                Some(Err(error)) => break error.reason(),
                None => panic!("it is reset, and not ended"),
            }
        }
    };
    assert_eq!(within(DEADLINE, "the stream is reset", ended).await, Some(h2::Reason::CANCEL));
    server.post("slow", "Alice", "still here").await;
    read_through(&mut neighbour, "still here").await;
    assert!(!silent.body().is_end_stream(), "who waits for events is not cut");
    assert_eq!(server.log().iter().filter(|line| line.contains("stalled")).count(), 1);
}

/// An answer that is ready as a whole is cut too, although nothing of it is left to ask for.
#[tokio::test]
async fn an_answer_that_is_not_taken_is_cut() {
    let server = builder().arg("--stall-timeout").arg(format!("{}s", STALL.as_secs())).start().await;
    for _ in 0..8 {
        server.post("slow", "Alice", &"x".repeat(10_000)).await;
    }
    let connection = Connection::open(&server).await;
    let page = connection.request(Method::GET, "/api/v1/rooms/slow/messages").await;
    assert_eq!(page.status(), StatusCode::OK);
    server.wait_for_log("a stalled reader is cut", DEADLINE).await;
    // Taken in time, it is whole.
    let mut page = connection.request(Method::GET, "/api/v1/rooms/slow/messages").await.into_body();
    let mut length = 0;
    while let Some(data) = within(DEADLINE, "more", page.data()).await {
        let data = data.expect("it is not reset");
        page.flow_control().release_capacity(data.len()).expect("room");
        length += data.len();
    }
    assert!(length > 80_000, "{length}");
}

#[tokio::test]
async fn a_connection_without_streams_is_told_to_go() {
    let server = builder().time("http2-idle-time", Duration::from_millis(300)).start().await;
    let mut connection = Connection::open(&server).await;
    let stream = connection.request(Method::GET, "/api/v1/rooms/general/stream").await;
    // Longer than that: it has a stream.
    server.post("general", "Alice", "hi").await;
    read_through(&mut stream.into_body(), "hi").await;
    // The body was dropped, which resets the stream.
    let ended = within(DEADLINE, "the connection ends", connection.driver.join_next()).await;
    ended.expect("it runs").expect("it does not panic").expect("it ends in order, with GOAWAY");
}

#[tokio::test]
async fn the_streams_of_a_connection_count() {
    let server = builder().arg("--max-connections=20").start().await;
    let connection = Connection::open(&server).await;
    let mut open = Vec::new();
    loop {
        let stream = connection.request(Method::GET, "/api/v1/rooms/general/stream").await;
        if stream.status() == StatusCode::SERVICE_UNAVAILABLE {
            break;
        }
        assert_eq!(stream.status(), StatusCode::OK);
        open.push(stream);
    }
    assert!((15..20).contains(&open.len()), "{} streams, and connections", open.len());
    assert_eq!(connection.request(Method::GET, "/healthz").await.status(), StatusCode::OK);
    open.clear();
    let again = async {
        while connection.request(Method::GET, "/api/v1/rooms/general").await.status() != StatusCode::NOT_FOUND {
            tokio::task::yield_now().await;
        }
    };
    within(DEADLINE, "there is room again", again).await;
}

#[tokio::test]
async fn a_drain_ends_streams_and_then_the_connection() {
    let mut server = builder().start().await;
    let mut connection = Connection::open(&server).await;
    let stream = connection.request(Method::GET, "/api/v1/rooms/general/stream").await;
    server.signal("TERM");
    let mut body = stream.into_body();
    let ended = async {
        while let Some(data) = body.data().await.transpose().expect("it ends in order") {
            body.flow_control().release_capacity(data.len()).expect("room");
        }
    };
    within(DEADLINE, "the stream ends", ended).await;
    let ended = within(DEADLINE, "the connection ends", connection.driver.join_next()).await;
    // The client may be about to say that there is room for more of the stream, which nobody reads any more.
    let ended = ended.expect("it runs").expect("it does not panic");
    let is_in_order = ended.as_ref().map_or_else(h2::Error::is_io, |()| true);
    assert!(is_in_order, "it ends with GOAWAY: {ended:?}");
    assert!(server.wait_for_exit().await.success());
}

/// Sends bytes again and again until the server ends the connection; a normal client is served meanwhile.
async fn flood(server: &Server, first: &[u8], bytes: impl Fn(u32) -> Vec<u8>) {
    let config = Pair::trusted(&[&server.pair()], &["h2"]);
    let mut stream = connect(server, "127.0.0.1", config).await.expect("a connection");
    stream.write_all(&[PREFACE, &SETTINGS, first].concat()).await.expect("a preface is sent");
    let (mut reads, mut writes) = tokio::io::split(stream);
    let flooding = async {
        let mut buffer = vec![0; 16_384];
        let drain = async { while reads.read(&mut buffer).await.is_ok_and(|count| count > 0) {} };
        let pour = async {
            for number in 0.. {
                if writes.write_all(&bytes(number)).await.is_err() {
                    break;
                }
            }
        };
        tokio::select! {
            () = drain => {}
            () = pour => {}
        }
    };
    let normal = async {
        loop {
            let start = Instant::now();
            let answer = server.http().get(server.url("/healthz")).send().await.expect("an answer");
            assert_eq!(answer.status(), StatusCode::OK);
            assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
        }
    };
    tokio::select! {
        () = within(DEADLINE, "the flood is ended", flooding) => {}
        () = normal => {}
    }
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a length").to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// `GET /healthz` in the static table's and literal fields (RFC 7541).
fn get_healthz(stream: u32) -> Vec<u8> {
    let mut block = vec![0x82, 0x87, 0x04, 8];
    block.extend_from_slice(b"/healthz");
    block.extend_from_slice(&[0x01, 9]);
    block.extend_from_slice(b"localhost");
    frame(1, 0x5, stream, &block)
}

#[tokio::test]
async fn floods_end_the_connection_and_nothing_else() {
    let server = builder().start().await;
    // Settings, pings, and priorities.
    flood(&server, &[], |_| SETTINGS.repeat(100)).await;
    flood(&server, &[], |_| frame(6, 0, 0, b"12345678").repeat(100)).await;
    flood(&server, &[], |_| frame(2, 0, 1, &[0, 0, 0, 3, 1]).repeat(100)).await;
    // Window updates beyond all that was sent.
    flood(&server, &[], |_| frame(8, 0, 0, &[0, 0, 0, 0]).repeat(100)).await;
    // Requests that are reset at once: CVE-2023-44487.
    flood(&server, &[], |number| {
        let pairs = (number * 100..(number + 1) * 100).map(|pair| 2 * pair + 1);
        pairs.flat_map(|stream| [get_healthz(stream), frame(3, 0, stream, &[0, 0, 0, 8])].concat()).collect()
    })
    .await;
    // A head that never ends: CVE-2024-27316.
    flood(&server, &frame(1, 0x1, 1, &[0x82]), |_| frame(9, 0, 1, &[0x82; 100])).await;
    assert_eq!(server.post("general", "Alice", "hi").await["id"], 1, "it serves on");
}

#[tokio::test]
async fn half_a_preface_and_half_a_handshake_end_in_time() {
    let short = Duration::from_millis(500);
    let server = builder().time("handshake-timeout", short).start().await;
    let config = Pair::trusted(&[&server.pair()], &["h2"]);
    let mut half = connect(&server, "127.0.0.1", config).await.expect("a connection");
    half.write_all(&PREFACE[..10]).await.expect("half a preface is sent");
    let start = Instant::now();
    let ended = within(DEADLINE, "the connection ends", half.read_to_end(&mut Vec::new())).await;
    assert!(start.elapsed() >= short / 2, "{:?} {ended:?}", start.elapsed());

    // The head of a record of a handshake, and no more.
    let mut raw = tokio::net::TcpStream::connect(server.tls_addr()).await.expect("a connection");
    raw.write_all(&[22, 3, 1, 2, 0, 1]).await.expect("half a handshake is sent");
    let ended = within(DEADLINE, "the connection ends", raw.read_to_end(&mut Vec::new())).await;
    assert!(matches!(ended, Ok(0) | Err(_)), "{ended:?}");
}

/// As many as say nothing at all, before TLS, are gone in time, and a normal client is served meanwhile.
#[tokio::test]
async fn five_thousand_silent_connections_end_in_time() {
    const SILENT: usize = 5_000;
    rlimit::increase_nofile_limit(u64::MAX).expect("files for all of them");
    let server = builder().time("handshake-timeout", Duration::from_secs(5)).start().await;
    let mut silent = Vec::new();
    for _ in 0..SILENT {
        silent.push(tokio::net::TcpStream::connect(server.tls_addr()).await.expect("a connection"));
    }
    let start = Instant::now();
    server.post("general", "Alice", "hi").await;
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    let ends = futures_util::future::join_all(silent.iter_mut().map(|line| line.read_u8()));
    assert!(within(DEADLINE, "all are ended", ends).await.iter().all(Result::is_err));
}
