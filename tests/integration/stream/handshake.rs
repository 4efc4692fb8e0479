//! The request that opens a socket: which are taken, and what the others are told.

use serde_json::Value;

use crate::support::{
    Server,
    raw::{Answer, Connection, send},
    wire::{CLOSE, UPGRADE, Wire, frame},
};

/// The answer to a request to open a socket with these headers.
async fn asked(server: &Server, request: &str, headers: &str) -> Answer {
    let host = server.addr();
    let mut connection = Connection::open(host).await;
    connection.send(format!("{request}\r\nHost: {host}\r\n{headers}\r\n")).await;
    connection.answer().await.expect("an answer")
}

const GET: &str = "GET /api/v1/rooms/general/ws HTTP/1.1";
const KEY: &str = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
const VERSION: &str = "Sec-WebSocket-Version: 13\r\n";

#[tokio::test]
async fn the_answer_proves_that_the_key_was_read() {
    let server = Server::start().await;
    for path in ["/api/v1/rooms/general/ws", "/ws/chat/general/", "/ws/chat/"] {
        let answer = asked(&server, &format!("GET {path} HTTP/1.1"), UPGRADE).await;
        assert_eq!(answer.status, 101);
        // The example of RFC 6455, 1.3.
        assert_eq!(answer.header("sec-websocket-accept"), Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
        assert_eq!(answer.header("upgrade"), Some("websocket"));
        assert!(answer.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("upgrade")));
        assert_eq!(answer.header("sec-websocket-extensions"), None);
    }
}

#[tokio::test]
async fn lists_may_stand_on_several_lines_and_in_any_case() {
    let server = Server::start().await;
    for lists in [
        "Connection: keep-alive\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n",
        "Connection: Upgrade\r\nConnection: keep-alive\r\nUpgrade: websocket\r\n",
        "Connection: keep-alive , UPGRADE\r\nUpgrade: WebSocket\r\n",
        "Connection: upgrade\r\nUpgrade: h2c\r\nUpgrade: websocket\r\n",
        "Connection: upgrade\r\nUpgrade: h2c,websocket\r\n",
        // Empty elements of a list count for nothing (RFC 9110, 5.6.1).
        "Connection: , upgrade,\r\nUpgrade: , websocket\r\n",
    ] {
        assert_eq!(asked(&server, GET, &format!("{lists}{VERSION}{KEY}")).await.status, 101, "{lists}");
    }
}

#[tokio::test]
async fn another_version_is_told_which_one_is_spoken() {
    let server = Server::start().await;
    for version in [
        "",
        "Sec-WebSocket-Version: 8\r\n",
        "Sec-WebSocket-Version: 14\r\n",
        "Sec-WebSocket-Version: 1\r\nSec-WebSocket-Version: 3\r\n",
    ] {
        let headers = format!("Connection: Upgrade\r\nUpgrade: websocket\r\n{KEY}{version}");
        let answer = asked(&server, GET, &headers).await;
        assert_eq!((answer.status, answer.header("sec-websocket-version")), (426, Some("13")), "{version}");
        let problem: Value = serde_json::from_slice(&answer.body).expect("a problem");
        assert_eq!(problem["code"], "upgrade_required");
        assert!(problem["detail"].as_str().is_some_and(|detail| detail.contains("Sec-WebSocket-Version")), "{problem}");
    }
}

#[tokio::test]
async fn what_asks_for_no_socket_is_told_to() {
    let server = Server::start().await;
    let both = format!("{VERSION}{KEY}");
    for (request, headers, word) in [
        (GET, String::new(), "WebSocket client"),
        (GET, format!("Connection: Upgrade\r\n{both}"), "header Upgrade"),
        (GET, format!("Connection: Upgrade\r\nUpgrade: websockets\r\n{both}"), "header Upgrade"),
        (GET, format!("Upgrade: websocket\r\n{both}"), "header Connection"),
        (GET, format!("Connection: close\r\nUpgrade: websocket\r\n{both}"), "header Connection"),
        ("GET /api/v1/rooms/general/ws HTTP/1.0", UPGRADE.to_owned(), "HTTP/1.1"),
    ] {
        let answer = asked(&server, request, &headers).await;
        assert_eq!((answer.status, answer.header("upgrade")), (426, Some("websocket")), "{headers}");
        // RFC 9110, 7.8: whoever sends Upgrade says so in Connection.
        let connection = answer.headers.iter().filter(|(name, _)| name == "connection");
        let is_said =
            connection.flat_map(|(_, value)| value.split(',')).any(|word| word.trim().eq_ignore_ascii_case("upgrade"));
        assert!(is_said, "{:?}", answer.headers);
        let problem: Value = serde_json::from_slice(&answer.body).expect("a problem");
        assert!(problem["detail"].as_str().is_some_and(|detail| detail.contains(word)), "{problem}");
    }
    let posted = asked(&server, "POST /api/v1/rooms/general/ws HTTP/1.1", UPGRADE).await;
    assert_eq!(posted.status, 405);
}

#[tokio::test]
async fn a_key_that_is_none_is_told_what_one_is() {
    let server = Server::start().await;
    for key in [
        "",
        "Sec-WebSocket-Key:\r\n",
        "Sec-WebSocket-Key: c2hvcnQ=\r\n",
        "Sec-WebSocket-Key: no base64 at all!!\r\n",
        &KEY.repeat(2),
    ] {
        let answer = asked(&server, GET, &format!("Connection: Upgrade\r\nUpgrade: websocket\r\n{VERSION}{key}")).await;
        let problem: Value = serde_json::from_slice(&answer.body).expect("a problem");
        assert_eq!((answer.status, &problem["code"]), (400, &"bad_request".into()), "{key}");
        assert!(problem["detail"].as_str().is_some_and(|detail| detail.contains("16")), "{problem}");
    }
    let other = format!(
        "Connection: Upgrade\r\nUpgrade: websocket\r\n{VERSION}Sec-WebSocket-Key: abcdefghijklmnopqrstuv==\r\n"
    );
    assert_eq!(asked(&server, GET, &other).await.status, 101, "a key made by hand");
}

#[tokio::test]
async fn frames_that_come_with_the_request_are_read() {
    let server = Server::start().await;
    let host = server.addr();
    let mut connection = Connection::open(host).await;
    let head = format!("{GET}\r\nHost: {host}\r\n{UPGRADE}\r\n");
    connection.send([head.as_bytes(), &frame(CLOSE, &[])].concat()).await;
    assert_eq!(connection.head().await.expect("an answer").status, 101);
    assert_eq!(Wire(connection).code().await, None);
}

#[tokio::test]
async fn a_request_that_breaks_off_after_the_head_harms_nobody() {
    let server = Server::start().await;
    for _ in 0..20 {
        let host = server.addr();
        let mut connection = Connection::open(host).await;
        connection.send(format!("{GET}\r\nHost: {host}\r\n{UPGRADE}\r\n")).await;
    }
    let answer =
        send(server.addr(), format!("GET /healthz HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", server.addr()))
            .await;
    assert_eq!(answer.expect("an answer").status, 200);
    Wire::open(server.addr()).await;
}
