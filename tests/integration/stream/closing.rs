//! The end of a socket: each side says goodbye, the server ends the connection, and nothing that was sent is lost.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{
    DEADLINE, Server,
    wire::{BINARY, CLOSE, PING, PONG, TEXT, Wire},
};

/// The first byte of text that goes on in another frame.
const TEXT_BEGINS: u8 = 0x01;
/// The first byte of a frame of a message that goes on.
const GOES_ON: u8 = 0x00;
/// The first byte of the last frame of a message.
const ENDS: u8 = 0x80;

/// The payload of a close.
fn reason(code: u16, reason: &str) -> Vec<u8> {
    [&code.to_be_bytes(), reason.as_bytes()].concat()
}

#[tokio::test]
async fn a_close_is_answered_with_its_code_and_the_connection_ends() {
    let server = Server::start().await;
    for (sent, answered) in [
        (vec![], vec![]),
        (reason(1000, ""), reason(1000, "")),
        (reason(1001, "the page is left"), reason(1001, "")),
        (reason(3000, ""), reason(3000, "")),
        (reason(4999, &"x".repeat(123)), reason(4999, "")),
    ] {
        let mut socket = Wire::open(server.addr()).await;
        socket.send(CLOSE, &sent).await;
        assert_eq!(socket.close().await, answered, "{sent:?}");
    }
}

#[tokio::test]
async fn what_was_said_before_a_close_is_done_and_answered_first() {
    let server = Server::start().await;
    let mut socket = Wire::open(server.addr()).await;
    socket.send(TEXT, json!({"type": "chat_message", "message": "last words", "ref": "r"}).to_string()).await;
    socket.send(CLOSE, reason(1000, "")).await;
    loop {
        let event: Value = serde_json::from_slice(&socket.until(TEXT).await).expect("JSON");
        if event["type"] == "ack" {
            assert_eq!(event, json!({"type": "ack", "ref": "r", "id": 1}));
            break;
        }
    }
    assert_eq!(socket.code().await, Some(1000));
    assert_eq!(server.get_json("/rooms/general/messages/1").await["content"], "last words");
}

#[tokio::test]
async fn whoever_closed_is_gone() {
    // Her side of the connection stays open all the time.
    let (grace, goodbye) = (Duration::from_millis(10), Duration::from_mins(10));
    let server = Server::builder().time("presence-grace", grace).time("socket-close-timeout", goodbye).start().await;
    let mut socket = Wire::open(server.addr()).await;
    socket.send(TEXT, json!({"type": "user_join", "username": "Wendy", "ref": 1}).to_string()).await;
    let deadline = Instant::now() + DEADLINE;
    while server.get_json("/rooms/general/presence").await["online"] != 1 {
        assert!(Instant::now() < deadline, "she is here");
    }
    socket.send(CLOSE, []).await;
    socket.close().await;
    while server.get_json("/rooms/general/presence").await["online"] != 0 {
        assert!(Instant::now() < deadline, "she is gone");
    }
}

#[tokio::test]
async fn a_close_that_is_none_is_a_breach() {
    let server = Server::start().await;
    for code in [0_u16, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65_535] {
        let mut socket = Wire::open(server.addr()).await;
        socket.send(CLOSE, reason(code, "")).await;
        assert_eq!(socket.code().await, Some(1002), "{code}");
    }
    let mut socket = Wire::open(server.addr()).await;
    socket.send(CLOSE, [3]).await;
    assert_eq!(socket.code().await, Some(1002), "half a code");
    let mut socket = Wire::open(server.addr()).await;
    socket.send(CLOSE, [3, 0xe8, 0xff]).await;
    assert_eq!(socket.code().await, Some(1007), "a reason is text");
}

#[tokio::test]
async fn text_that_is_not_utf8_is_told_so_as_soon_as_it_is_there() {
    let server = Server::start().await;
    for text in [
        &b"\xff"[..],
        b"{\"type\":\"\xc0\x80",
        b"\xed\xa0\x80",
        b"\xf4\x90\x80\x80",
        "né".as_bytes().split_last().unwrap().1,
    ] {
        let mut socket = Wire::open(server.addr()).await;
        socket.send(TEXT, text).await;
        assert_eq!(socket.code().await, Some(1007), "{text:x?}");
    }
    // A character may be cut between frames, a wrong one is told without the end of the message.
    let mut socket = Wire::open(server.addr()).await;
    socket.send(TEXT_BEGINS, b"{\"type\":\"\xc3").await;
    socket.send(PING, "still here").await;
    socket.send(GOES_ON, b"\xa9\"").await;
    assert_eq!(socket.until(PONG).await, b"still here");
    socket.send(GOES_ON, b"\xa9").await;
    assert_eq!(socket.code().await, Some(1007));
}

#[tokio::test]
async fn a_message_in_pieces_is_one_whatever_comes_between_them() {
    let server = Server::start().await;
    let mut socket = Wire::open(server.addr()).await;
    let text = json!({"type": "chat_message", "username": "Wendy", "message": "é€😀", "ref": "r"}).to_string();
    let bytes: Vec<_> = text.bytes().collect();
    socket.send(TEXT_BEGINS, &bytes[..1]).await;
    for byte in &bytes[1..bytes.len() - 1] {
        socket.send(GOES_ON, [*byte]).await;
        socket.send(PING, [*byte]).await;
        socket.send(GOES_ON, []).await;
    }
    socket.send(ENDS, &bytes[bytes.len() - 1..]).await;
    for byte in &bytes[1..bytes.len() - 1] {
        assert_eq!(socket.until(PONG).await, [*byte]);
    }
    let mut ack = Value::Null;
    while ack["type"] != "ack" {
        ack = serde_json::from_slice(&socket.until(TEXT).await).expect("JSON");
    }
    assert_eq!(server.get_json("/rooms/general/messages/1").await["content"], "é€😀");
}

#[tokio::test]
async fn frames_that_are_none_are_a_breach() {
    let server = Server::start().await;
    let masked = crate::support::wire::frame;
    let breaches = [
        ("not masked", b"\x81\x01x".to_vec()),
        ("a continuation of nothing", masked(ENDS, b"x")),
        ("a message within a message", [masked(TEXT_BEGINS, b"x"), masked(TEXT, b"x")].concat()),
        ("an opcode that is not used", masked(0x83, b"")),
        ("a control opcode that is not used", masked(0x8b, b"")),
        ("a bit of an extension that was not agreed", masked(0xc1, b"x")),
        ("a ping in pieces", masked(0x09, b"x")),
        ("a ping of 126 bytes", masked(PING, &[0; 126])),
        ("a length that is not written in the shortest way", vec![0x81, 0xfe, 0, 1, 0, 0, 0, 0, b'x']),
    ];
    for (what, bytes) in breaches {
        let mut socket = Wire::open(server.addr()).await;
        socket.0.send(bytes).await;
        assert_eq!(socket.code().await, Some(1002), "{what}");
    }
}

#[tokio::test]
async fn whoever_sends_too_much_gets_to_read_why_it_is_closed() {
    const MUCH: usize = 4 * 1024 * 1024;
    let server = Server::start().await;
    for first in [TEXT, BINARY] {
        let mut socket = Wire::open(server.addr()).await;
        // All of it is sent before the first byte of the answer is read.
        socket.send(first, vec![b'x'; MUCH]).await;
        assert_eq!(socket.code().await, Some(1009));
    }
    let mut socket = Wire::open(server.addr()).await;
    socket.send(TEXT_BEGINS, vec![b'x'; 64 * 1024]).await;
    socket.send(ENDS, "x").await;
    assert_eq!(socket.code().await, Some(1009), "in pieces");
}

#[tokio::test]
async fn whoever_does_not_hang_up_is_cut() {
    const PATIENCE: Duration = Duration::from_millis(300);
    let server = Server::builder().time("socket-close-timeout", PATIENCE).start().await;
    let mut socket = Wire::open(server.addr()).await;
    let start = Instant::now();
    socket.send(CLOSE, reason(1000, "")).await;
    assert_eq!(socket.code().await, Some(1000));
    // Nobody reads any more: at the latest the second byte is answered by a reset, which fails the next write.
    while socket.0.is_taken(b"x").await {
        assert!(start.elapsed() < DEADLINE, "a connection is held for ever");
        tokio::task::yield_now().await;
    }
    assert!(start.elapsed() >= PATIENCE, "{:?}", start.elapsed());
}

#[tokio::test]
async fn a_client_that_keeps_silent_does_not_hold_up_the_end_of_the_server() {
    let mut server = Server::builder()
        .time("socket-close-timeout", Duration::from_millis(300))
        .time("drain-spread", Duration::from_millis(10))
        .start()
        .await;
    let mut socket = Wire::open(server.addr()).await;
    let start = Instant::now();
    assert!(server.terminate().await.success());
    assert!(start.elapsed() < Duration::from_secs(8), "before it is cut: {:?}", start.elapsed());
    assert_eq!(socket.until(CLOSE).await[..2], 1012_u16.to_be_bytes());
}

#[tokio::test]
async fn what_was_taken_before_the_server_ends_is_answered() {
    let mut server = Server::builder().time("drain-spread", Duration::from_millis(10)).start().await;
    let mut socket = Wire::open(server.addr()).await;
    for number in 0..500 {
        let text = json!({"type": "chat_message", "message": format!("{number}"), "ref": number}).to_string();
        socket.send(TEXT, text).await;
    }
    socket.until(TEXT).await;
    server.signal("TERM");
    let mut acked = 0;
    loop {
        match socket.next().await.expect("a close before the end") {
            (TEXT, text) => {
                let event: Value = serde_json::from_slice(&text).expect("JSON");
                acked += i64::from(event["type"] == "ack");
            }
            (CLOSE, _) => break,
            _ => {}
        }
    }
    socket.send(CLOSE, reason(1012, "")).await;
    assert!(server.wait_for_exit().await.success());
    server.restart().await;
    assert_eq!(server.head("general").await, acked, "whatever is stored was answered");
}
