//! Frames that can't be honoured: each is told why, and the socket goes on unless the protocol is broken.

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::{
    Message,
    protocol::frame::{
        Frame,
        coding::{Data, OpCode},
    },
};

use crate::support::{DEADLINE, Query, Server, reader::kind, socket::Socket, within};

async fn open(server: &Server) -> Socket {
    let mut socket = Socket::open(server, "general", &Query::user("Wendy")).await;
    socket.until("the history", |frame| kind(frame) == "message_history").await;
    socket
}

async fn error(socket: &mut Socket) -> Value {
    let frame = socket.until("an answer", |frame| matches!(kind(frame), "error" | "ack")).await;
    assert_eq!(kind(&frame), "error", "{frame}");
    assert!(frame["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{frame}");
    frame
}

/// The socket takes the next good frame, in spite of the one before.
async fn goes_on(server: &Server, socket: &mut Socket) {
    let before = server.head("general").await;
    socket.send(&json!({"type": "chat_message", "message": "still here", "ref": "good"})).await;
    let answer = socket.until("an answer", |frame| matches!(kind(frame), "error" | "ack")).await;
    assert_eq!(answer, json!({"type": "ack", "ref": "good", "id": before + 1}));
}

#[tokio::test]
async fn a_frame_that_is_not_json_is_told_so() {
    let server = Server::start().await;
    let mut socket = open(&server).await;
    for text in ["", "nope", "{", r#"{"type":"chat_message""#, "{'type':1}", "\0", "{}{}"] {
        socket.send_message(Message::text(text)).await;
        assert_eq!(error(&mut socket).await["code"], "invalid_json", "{text:?}");
        goes_on(&server, &mut socket).await;
    }
}

#[tokio::test]
async fn a_frame_that_is_no_object_with_a_type_is_told_so() {
    let server = Server::start().await;
    let mut socket = open(&server).await;
    for frame in [json!([]), json!("text"), json!(5), json!(null), json!({}), json!({"type": 5}), json!({"type": null})]
    {
        socket.send(&frame).await;
        let code = error(&mut socket).await["code"].clone();
        assert!(code == "invalid" || code == "unknown_type" || code == "invalid_json", "{frame}: {code}");
        goes_on(&server, &mut socket).await;
    }
}

#[tokio::test]
async fn a_type_that_is_not_known_is_told_so_and_its_ref_comes_back() {
    let server = Server::start().await;
    server.post("general", "Wendy", "hi").await;
    let mut socket = open(&server).await;
    for frame in [
        json!({"type": "nonsense"}),
        json!({"type": ""}),
        json!({"type": "message_history"}),
        // What the server says, or what another one would take.
        json!({"type": "message_edited", "message_id": 1, "new_content": "x"}),
        json!({"type": "message_deleted", "message_id": 1}),
        json!({"type": "reaction_added", "message_id": 1, "emoji": "👍"}),
        json!({"type": "read_receipt", "last_read_id": 1}),
        json!({"type": "Read", "last_read_id": 1}),
    ] {
        for reference in [None, Some("r-7 é")] {
            let mut frame = frame.clone();
            if let Some(reference) = reference {
                frame["ref"] = json!(reference);
            }
            socket.send(&frame).await;
            let error = error(&mut socket).await;
            assert_eq!(error["code"], "unknown_type", "{frame}");
            assert_eq!(error["ref"].as_str(), reference, "{frame}");
            goes_on(&server, &mut socket).await;
        }
    }
}

#[tokio::test]
async fn a_frame_that_breaks_a_rule_is_told_so_and_its_ref_comes_back() {
    let server = Server::start().await;
    let mut socket = open(&server).await;
    goes_on(&server, &mut socket).await;
    let long = "x".repeat(101);
    let edit = |id: Value, content: Value| json!({"type": "edit_message", "message_id": id, "new_content": content});
    let react =
        |id: Value, emoji: Value, on: Value| json!({"type": "react", "message_id": id, "emoji": emoji, "on": on});
    for (frame, field) in [
        (json!({"type": "chat_message"}), "message"),
        (json!({"type": "chat_message", "message": 5}), "message"),
        (json!({"type": "chat_message", "message": null}), "message"),
        (json!({"type": "chat_message", "message": " \n"}), "message"),
        (json!({"type": "chat_message", "message": "a\u{0}b"}), "message"),
        (json!({"type": "chat_message", "message": "x".repeat(10_001)}), "message"),
        (json!({"type": "chat_message", "message": "x", "username": 5}), "username"),
        (json!({"type": "chat_message", "message": "x", "username": ""}), "username"),
        (json!({"type": "chat_message", "message": "x", "username": "a\u{202e}b"}), "username"),
        (json!({"type": "chat_message", "message": "x", "username": long}), "username"),
        (json!({"type": "chat_message", "message": "x", "client_id": "é"}), "client_id"),
        (json!({"type": "chat_message", "message": "x", "client_id": "k".repeat(65)}), "client_id"),
        (json!({"type": "chat_message", "message": "x", "reply_to": 999}), "reply_to"),
        (json!({"type": "chat_message", "message": "x", "reply_to": "first"}), "reply_to"),
        (json!({"type": "typing"}), "is_typing"),
        (json!({"type": "typing", "is_typing": "yes"}), "is_typing"),
        (json!({"type": "typing", "is_typing": true, "username": "\u{200b}"}), "username"),
        (json!({"type": "user_join"}), "username"),
        (json!({"type": "user_join", "username": long}), "username"),
        (json!({"type": "user_join", "username": 5}), "username"),
        (json!({"type": "edit_message", "new_content": "x"}), "message_id"),
        (edit(json!("1"), json!("x")), "message_id"),
        (edit(json!(1.5), json!("x")), "message_id"),
        (json!({"type": "edit_message", "message_id": 1}), "new_content"),
        (edit(json!(1), json!(5)), "new_content"),
        (edit(json!(1), json!(null)), "new_content"),
        (edit(json!(1), json!(" \n")), "new_content"),
        (edit(json!(1), json!("a\u{0}b")), "new_content"),
        (edit(json!(1), json!("x".repeat(10_001))), "new_content"),
        (json!({"type": "edit_message", "message_id": 1, "new_content": "x", "username": ""}), "username"),
        (json!({"type": "delete_message"}), "message_id"),
        (json!({"type": "delete_message", "message_id": [1]}), "message_id"),
        (json!({"type": "delete_message", "message_id": 1, "username": "\u{202e}"}), "username"),
        (json!({"type": "react", "emoji": "👍", "on": true}), "message_id"),
        (react(json!(null), json!("👍"), json!(true)), "message_id"),
        (json!({"type": "react", "message_id": 1, "on": true}), "emoji"),
        (react(json!(1), json!(5), json!(true)), "emoji"),
        (react(json!(1), json!(""), json!(true)), "emoji"),
        (react(json!(1), json!("ab"), json!(true)), "emoji"),
        (react(json!(1), json!(":a b:"), json!(false)), "emoji"),
        (json!({"type": "react", "message_id": 1, "emoji": "👍"}), "on"),
        (react(json!(1), json!("👍"), json!("yes")), "on"),
        (json!({"type": "read"}), "last_read_id"),
        (json!({"type": "read", "last_read_id": "1"}), "last_read_id"),
        (json!({"type": "read", "last_read_id": -1}), "last_read_id"),
        (json!({"type": "chat_message", "message": "x", "clientId": "k"}), "clientId"),
        (json!({"type": "chat_message", "content": "x", "message": "x"}), "content"),
        (json!({"type": "user_join", "username": "Wendy", "room": "general"}), "room"),
        (json!({"type": "typing", "isTyping": true}), "isTyping"),
        (json!({"type": "read", "last_read_id": 9_999}), "last_read_id"),
        (json!({"type": "read", "last_read_id": 1, "username": long}), "username"),
    ] {
        let mut frame = frame;
        frame["ref"] = json!("r");
        socket.send(&frame).await;
        let error = error(&mut socket).await;
        assert_eq!((&error["code"], &error["ref"]), (&json!("invalid"), &json!("r")), "{frame}: {error}");
        assert_eq!(error["errors"][0]["field"], field, "{frame}: {error}");
        goes_on(&server, &mut socket).await;
    }
    let first = server.get_json("/rooms/general/messages/1").await;
    assert_eq!((&first["content"], &first["reactions"]), (&json!("still here"), &json!([])), "nothing changed it");
}

#[tokio::test]
async fn a_ref_that_breaks_a_rule_is_told_so() {
    let server = Server::start().await;
    let mut socket = open(&server).await;
    for reference in [json!("x".repeat(129)), json!("é".repeat(65)), json!({}), json!(["r"]), json!(true)] {
        socket.send(&json!({"type": "chat_message", "message": "x", "ref": reference})).await;
        assert_eq!(error(&mut socket).await["code"], "invalid", "{reference}");
        goes_on(&server, &mut socket).await;
    }
    let long = format!(r#"{{"type":"typing","is_typing":false,"ref":{}}}"#, "1".repeat(129));
    socket.send_message(Message::text(long)).await;
    assert_eq!(error(&mut socket).await["errors"][0]["field"], "ref");
    let reference = "é".repeat(64);
    socket.send(&json!({"type": "typing", "is_typing": false, "ref": reference})).await;
    assert_eq!(kind(&socket.reply(&reference).await), "ack", "128 bytes are fine");
}

#[tokio::test]
async fn whatever_is_json_at_all_has_its_ref_come_back_with_the_error() {
    let server = Server::start().await;
    let mut socket = open(&server).await;
    for (frame, code, field) in [
        (r#"{"ref":"r","type":"chat_message","message":1e400}"#, "invalid", "message"),
        (r#"{"ref":"r","type":"chat_message","message":"\ud800"}"#, "invalid", "message"),
        (r#"{"ref":"r","type":"edit_message","message_id":1e400,"new_content":"x"}"#, "invalid", "message_id"),
        (r#"{"ref":"r","type":"edit_message","message_id":123456789012345678901234567890}"#, "invalid", "message_id"),
        (r#"{"type":"chat_message","message":"x","message":"y","ref":"r"}"#, "invalid", "message"),
        (r#"{"type":"chat_message","type":"typing","ref":"r"}"#, "invalid", "type"),
        (r#"{"type":"\udfff","ref":"r"}"#, "invalid", "type"),
        (r#"{"ref":"r"}"#, "invalid", "type"),
        (r#"{"ref":"r","type":"typing","is_typing":true,"\ud800":1}"#, "invalid", "\\ud800"),
        (r#"{"\udc00x":1,"type":"chat_message","message":"x","ref":"r"}"#, "invalid", "\\udc00x"),
        (r#"{"ref":"r","ref":"r","type":"typing","is_typing":false}"#, "invalid", "ref"),
        (r#"{"ref":"one","ref":"r","type":"typing","is_typing":false}"#, "invalid", "ref"),
        (r#"{"ref":"r","type":"nonsense"}"#, "unknown_type", ""),
    ] {
        socket.send_message(Message::text(frame)).await;
        let error = error(&mut socket).await;
        assert_eq!((&error["code"], &error["ref"]), (&json!(code), &json!("r")), "{frame}: {error}");
        if !field.is_empty() {
            assert_eq!(error["errors"][0]["field"], field, "{frame}: {error}");
        }
        goes_on(&server, &mut socket).await;
    }
    let deep =
        format!(r#"{{"ref":"r","type":"chat_message","message":{}1{}}}"#, "[".repeat(20_000), "]".repeat(20_000));
    socket.send_message(Message::text(deep)).await;
    assert_eq!(error(&mut socket).await["ref"], "r");
    socket.send_message(Message::text(r#"{"ref":"one","ref":{},"type":"typing","is_typing":false}"#)).await;
    let error = error(&mut socket).await;
    assert_eq!((&error["errors"][0]["field"], &error["ref"]), (&json!("ref"), &Value::Null), "{error}");
    goes_on(&server, &mut socket).await;
}

#[tokio::test]
async fn a_binary_frame_is_told_off_and_the_socket_goes_on() {
    let server = Server::start().await;
    let mut socket = open(&server).await;
    socket.send_message(Message::binary(br#"{"type":"chat_message","message":"x","ref":"r"}"#.to_vec())).await;
    assert_eq!(error(&mut socket).await["ref"], "r");
    socket.send_message(Message::binary(vec![0xff])).await;
    assert_eq!(error(&mut socket).await["ref"], Value::Null);
    goes_on(&server, &mut socket).await;
}

#[tokio::test]
async fn pings_of_a_client_are_answered_and_nothing_else() {
    let server = Server::start().await;
    let mut socket = open(&server).await;
    socket.send_message(Message::Ping("x".into())).await;
    socket.send_message(Message::Pong("unasked".into())).await;
    goes_on(&server, &mut socket).await;
}

/// Reads until the server has closed; the code it closed with.
async fn closed(socket: &mut Socket) -> Option<u16> {
    within(DEADLINE, "the server closes", async { while socket.next().await.is_some() {} }).await;
    socket.close_code
}

#[tokio::test]
async fn a_frame_that_is_too_big_closes_the_socket() {
    let server = Server::start().await;
    let mut socket = open(&server).await;
    let text = json!({"type": "chat_message", "message": "x".repeat(64 * 1024)}).to_string();
    socket.send_message(Message::text(text)).await;
    assert_eq!(closed(&mut socket).await, Some(1009));

    // The same in pieces, of which none is too big by itself.
    let mut socket = open(&server).await;
    for (number, opcode) in [Data::Text, Data::Continue, Data::Continue, Data::Continue].into_iter().enumerate() {
        let piece = Frame::message("x".repeat(20_000), OpCode::Data(opcode), number == 3);
        socket.send_message(Message::Frame(piece)).await;
    }
    assert_eq!(closed(&mut socket).await, Some(1009));

    let mut socket = open(&server).await;
    goes_on(&server, &mut socket).await;
}

#[tokio::test]
async fn a_socket_dropped_in_the_middle_of_a_frame_harms_nobody() {
    use crate::support::raw::Connection;
    let server = Server::start().await;
    let mut other = open(&server).await;
    let host = server.addr();
    let mut connection = Connection::open(host).await;
    let upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
    connection.send(format!("GET /api/v1/rooms/general/ws HTTP/1.1\r\nHost: {host}\r\n{upgrade}\r\n\r\n")).await;
    assert_eq!(connection.head().await.expect("an answer").status, 101);
    // A masked text frame that promises 100 bytes and brings three.
    connection.send([0x81, 0x80 | 0x64, 1, 2, 3, 4, b'a', b'b', b'c']).await;
    drop(connection);
    goes_on(&server, &mut other).await;
}
