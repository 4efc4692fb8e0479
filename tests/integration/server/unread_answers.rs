//! Clients that ask for pages and do not read them: the memory for that is bounded, and others are served.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
};

use crate::{
    server::get,
    support::{DEADLINE, Server, server::Builder, within},
};

/// One page has about 240 KB as JSON, of which the kernels take about half.
const PAGE: &str = "/api/v1/rooms/general/messages?limit=200";
const STREAM: &str = "/api/v1/rooms/general/stream";
const SOCKET: &str = "/api/v1/rooms/general/ws";
/// The key is the one of RFC 6455, 1.3.
const UPGRADE: &str = "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
                       Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
/// Sixteen pages.
const LIMIT: &str = "4MiB";
const HOLDERS: usize = 16;
const WAIT: Duration = Duration::from_millis(300);
const LONG: Duration = Duration::from_mins(5);

fn builder(stall: Duration) -> Builder {
    Server::builder().arg("--unsent-limit").arg(LIMIT).time("unsent-wait", WAIT).time("unsent-stall", stall)
}

async fn fill(server: &Server) {
    let content = "\u{1}".repeat(9_900);
    for number in 0..4 {
        server.post("general", "Alice", &format!("{number}{content}")).await;
    }
}

/// A request from an address of this machine, whose answer nobody reads yet.
async fn ask(server: &Server, from: &str, request: &str) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(4_096).expect("a small buffer");
    socket.bind(format!("{from}:0").parse().expect("an address")).expect("an address of this machine");
    let mut stream = within(DEADLINE, "a connection", socket.connect(server.addr())).await.expect("a connection");
    stream.write_all(request.as_bytes()).await.expect("a request is sent");
    stream
}

/// Reads an answer to its end, and gives back its head and its body.
async fn read(mut stream: TcpStream) -> (String, String) {
    let mut bytes = Vec::new();
    within(DEADLINE, "an answer", stream.read_to_end(&mut bytes)).await.expect("an answer to its end");
    let text = String::from_utf8(bytes).expect("UTF-8");
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {text:?}"));
    (head.to_owned(), body.to_owned())
}

fn closing(request: &str) -> String {
    request.replacen("\r\n", "\r\nConnection: close\r\n", 1)
}

/// Clients that ask for a page or a history each and take nothing.
async fn holders(server: &Server, target: &str) -> Vec<TcpStream> {
    let request = match target {
        SOCKET => get(server, target).replacen("\r\n", UPGRADE, 1),
        _ => closing(&get(server, target)),
    };
    let held = join_all((0..HOLDERS).map(|_| ask(server, "127.0.0.1", &request))).await;
    // They have been answered: the first bytes are there.
    join_all(held.iter().map(|stream| within(DEADLINE, "an answer begins", stream.readable()))).await;
    held
}

#[tokio::test]
async fn an_address_that_holds_too_much_is_told_to_come_back_and_served_once_it_reads() {
    let server = builder(LONG).start().await;
    fill(&server).await;
    let held = holders(&server, PAGE).await;
    let begun = Instant::now();
    let (head, body) = read(ask(&server, "127.0.0.1", &closing(&get(&server, PAGE))).await).await;
    assert!(begun.elapsed() >= WAIT, "after a short wait");
    assert!(head.starts_with("HTTP/1.1 503 ") && head.contains("retry-after: "), "{head}");
    let problem: Value = serde_json::from_str(&body).expect("a problem");
    assert_eq!(problem["code"], "unavailable");
    // A browser's `EventSource` would not come back after a 503.
    let request = get(&server, STREAM).replacen("\r\n", "\r\nAccept: text/event-stream\r\n", 1);
    let (head, body) = read(ask(&server, "127.0.0.1", &request).await).await;
    assert!(head.starts_with("HTTP/1.1 200 ") && body.contains("event: error\n"), "{head}\n{body}");
    // What lists nothing goes on.
    assert_eq!(server.post("other", "Alice", "hi").await["id"], 1);

    // Whoever reads what is open is served.
    for (head, body) in join_all(held.into_iter().map(read)).await {
        let page: Value = serde_json::from_str(&body).unwrap_or_else(|error| panic!("{error}: {head}"));
        assert_eq!(page["messages"].as_array().map(Vec::len), Some(4), "it was not cut");
    }
    let (head, _) = read(ask(&server, "127.0.0.1", &closing(&get(&server, PAGE))).await).await;
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
}

#[tokio::test]
async fn who_takes_nothing_is_cut_for_others_and_who_takes_little_is_not() {
    const STALL: Duration = Duration::from_secs(3);
    for target in [PAGE, STREAM, SOCKET] {
        let server = builder(STALL).start().await;
        fill(&server).await;
        let mut slow = ask(&server, "127.0.0.1", &get(&server, PAGE)).await;
        let held = holders(&server, target).await;
        let reading = async {
            // Slow and honest: less than a tenth of the page by the time when others are cut.
            let (mut taken, mut buffer) = (0, vec![0; 4_096]);
            while taken < 200_000 {
                taken += within(DEADLINE, "the slow one goes on", slow.read(&mut buffer)).await.expect("it is not cut");
                if taken < 64 * 1024 {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        };
        let asking = async {
            // From another address, which holds nothing: it waits until there is room.
            let (head, _) = read(ask(&server, "127.0.0.2", &closing(&get(&server, PAGE))).await).await;
            assert!(head.starts_with("HTTP/1.1 200 "), "{target}: {head}");
            server.wait_for_log("others need its memory", DEADLINE).await;
        };
        tokio::join!(reading, asking);
        let log = server.log();
        let cut = log.iter().filter(|line| line.contains("others need its memory")).count();
        assert!(cut < HOLDERS / 2, "{target}: only as many as it takes, not {cut}");
        drop(held);
    }
}

#[tokio::test]
async fn a_crowd_that_reads_nothing_holds_little_more_than_the_budget() {
    /// Their pages are 61 MB.
    const CROWD: usize = 256;
    /// The budget of 4 MiB, what comes of it in buffers of rendering, and the connections.
    const MOST: i64 = 24 << 20;
    let server = builder(LONG).start().await;
    fill(&server).await;
    let request = closing(&get(&server, PAGE));
    drop(read(ask(&server, "127.0.0.1", &request).await).await);
    let before = server.resident_bytes();
    let held = join_all((0..CROWD).map(|_| ask(&server, "127.0.0.1", &request))).await;
    join_all(held.iter().map(|stream| within(DEADLINE, "an answer begins", stream.readable()))).await;
    let taken = server.resident_bytes() - before;
    assert!(taken < MOST, "{taken} bytes");
    let answers = join_all(held.into_iter().map(read)).await;
    let pages = answers.iter().filter(|(head, _)| head.starts_with("HTTP/1.1 200 ")).count();
    let refused = answers.iter().filter(|(head, _)| head.starts_with("HTTP/1.1 503 ")).count();
    assert!(pages > 0 && refused > 0 && pages + refused == CROWD, "{pages} pages, {refused} refused");
}
