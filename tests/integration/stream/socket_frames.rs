//! Frames of a client on a socket, and their answers.

use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

use crate::support::{DEADLINE, Query, Server, reader::kind, socket::Socket, within};

async fn open(server: &Server) -> Socket {
    let mut socket = Socket::open(server, "general", &Query::new()).await;
    socket.until("the history", |frame| kind(frame) == "message_history").await;
    socket
}

#[tokio::test]
async fn a_message_by_a_frame_is_acked_and_seen() {
    let server = Server::start().await;
    let mut socket = open(&server).await;
    socket.send(&json!({"type": "chat_message", "username": "Wendy", "message": "hi", "ref": "r-1"})).await;
    assert_eq!(socket.reply("r-1").await, json!({"type": "ack", "ref": "r-1", "id": 1}));
    let message = server.get_json("/rooms/general/messages/1").await;
    assert_eq!((&message["username"], &message["content"]), (&json!("Wendy"), &json!("hi")));
}

#[tokio::test]
async fn the_author_of_a_frame_sees_its_own_event() {
    let server = Server::start().await;
    let mut socket = open(&server).await;
    socket.send(&json!({"type": "chat_message", "username": "Wendy", "message": "hi"})).await;
    let event = socket.until("its own event", |frame| kind(frame) == "chat_message").await;
    assert_eq!((&event["id"], &event["message"]["content"]), (&json!(1), &json!("hi")));
}

#[tokio::test]
async fn without_a_ref_there_is_no_ack() {
    let server = Server::start().await;
    let mut socket = open(&server).await;
    socket.send(&json!({"type": "chat_message", "username": "Wendy", "message": "one"})).await;
    socket.send(&json!({"type": "chat_message", "username": "Wendy", "message": "two", "ref": "2"})).await;
    let first = socket.until("an ack", |frame| kind(frame) == "ack").await;
    assert_eq!(first, json!({"type": "ack", "ref": "2", "id": 2}));
}

#[tokio::test]
async fn a_ref_comes_back_as_it_was_sent() {
    let server = Server::start().await;
    let mut socket = open(&server).await;
    let refs = [
        "1e400",
        "-1E-400",
        "12345678901234567890123",
        "1.0",
        "-0",
        "0.10000000000000000000000000000000000000001",
        "\"\"",
        r#""\u0072-1 \/ \n""#,
        "\"é😀\"",
        &"7".repeat(128),
    ];
    for sent in refs {
        for (frame, kind) in [(r#""type":"typing","is_typing":false"#, "ack"), (r#""type":"typing""#, "error")] {
            socket.send_message(Message::text(format!(r#"{{"ref" : {sent} ,{frame}}}"#))).await;
            let start = format!(r#"{{"type":"{kind}","ref":{sent}"#);
            let answer = async {
                loop {
                    let text = socket.next().await.expect("the socket stays open");
                    if text.starts_with(&format!(r#"{{"type":"{kind}""#)) {
                        return text;
                    }
                }
            };
            let answer = within(DEADLINE, "an answer", answer).await;
            assert!(answer.starts_with(&start), "{answer}");
        }
    }
    socket.send_message(Message::text(r#"{"ref":null,"type":"typing","is_typing":"x"}"#)).await;
    let error = socket.until("an error", |frame| kind(frame) == "error").await;
    assert!(error.get("ref").is_none(), "{error}");
}

#[tokio::test]
async fn the_name_is_remembered_from_the_first_frame_that_gave_it() {
    let server = Server::start().await;
    let mut socket = open(&server).await;
    for (number, frame) in [
        json!({"type": "chat_message", "message": "without a name"}),
        json!({"type": "chat_message", "username": "Wendy", "message": "with one"}),
        json!({"type": "chat_message", "message": "left out"}),
        json!({"type": "chat_message", "username": "Walter", "message": "another"}),
        json!({"type": "chat_message", "message": "left out again"}),
    ]
    .into_iter()
    .enumerate()
    {
        let mut frame = frame;
        frame["ref"] = json!(number.to_string());
        socket.send(&frame).await;
        assert_eq!(socket.reply(&number.to_string()).await["type"], "ack");
    }
    let names: Vec<_> = server.messages("general").await.iter().map(|message| message["username"].clone()).collect();
    assert_eq!(names, ["Anonymous", "Wendy", "Wendy", "Walter", "Wendy"]);
}

#[tokio::test]
async fn who_types_without_a_name_is_not_told_so() {
    let server = Server::start().await;
    let (mut socket, mut other) = (open(&server).await, open(&server).await);
    socket.send(&json!({"type": "typing", "is_typing": true})).await;
    let told = other.until("somebody types", |frame| kind(frame) == "typing_indicator").await;
    assert_eq!((&told["username"], &told["is_typing"]), (&json!("Anonymous"), &json!(true)));
    socket.send(&json!({"type": "chat_message", "username": "Wendy", "message": "hi"})).await;
    // All that came before, in the order it came.
    socket
        .until("the message", |frame| {
            assert_ne!(kind(frame), "typing_indicator", "{frame}");
            kind(frame) == "chat_message"
        })
        .await;
}

#[tokio::test]
async fn a_name_in_the_query_is_as_good_as_a_join() {
    let server = Server::start().await;
    let mut socket = Socket::open(&server, "general", &Query::user("Wendy")).await;
    socket.send(&json!({"type": "chat_message", "message": "hi", "ref": "1"})).await;
    assert_eq!(socket.reply("1").await["type"], "ack");
    assert_eq!(server.get_json("/rooms/general/messages/1").await["username"], "Wendy");
}

#[tokio::test]
async fn a_join_without_a_ref_is_answered_by_nothing_and_with_one_by_an_ack() {
    let server = Server::start().await;
    let mut socket = open(&server).await;
    socket.send(&json!({"type": "user_join", "username": "Wendy", "ref": "join"})).await;
    let ack = socket.reply("join").await;
    assert_eq!((kind(&ack), &ack["ref"]), ("ack", &json!("join")));
    socket.send(&json!({"type": "typing", "is_typing": true, "ref": "typing"})).await;
    assert_eq!(kind(&socket.reply("typing").await), "ack");
}

#[tokio::test]
async fn frames_take_effect_in_their_order() {
    let server = Server::start().await;
    let mut socket = open(&server).await;
    for number in 0..100 {
        let text = format!("message {number}");
        socket.send(&json!({"type": "chat_message", "username": "Wendy", "message": text, "ref": text})).await;
    }
    for number in 0..100 {
        let ack = socket.until("the next ack", |frame| kind(frame) == "ack").await;
        assert_eq!(ack, json!({"type": "ack", "ref": format!("message {number}"), "id": number + 1}));
    }
    let texts: Vec<_> = server.messages("general").await.iter().map(|message| message["content"].clone()).collect();
    assert_eq!(texts, (0..100).map(|number| format!("message {number}")).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_repeated_client_id_posts_once_and_is_acked_with_the_first_id() {
    let server = Server::start().await;
    let mut socket = open(&server).await;
    let mut frame = json!({"type": "chat_message", "username": "Wendy", "message": "hi", "client_id": "k", "ref": "1"});
    socket.send(&frame).await;
    assert_eq!(socket.reply("1").await["id"], 1);
    frame["ref"] = json!("2");
    socket.send(&frame).await;
    assert_eq!(socket.reply("2").await, json!({"type": "ack", "ref": "2", "id": 1}));

    let body = json!({"username": "wendy", "content": "hi", "client_id": "k"});
    let by_rest =
        server.http().post(server.api("/rooms/general/messages")).json(&body).send().await.expect("an answer");
    assert_eq!(by_rest.status(), 200, "the key is the author's, whichever way it comes");

    frame["message"] = json!("something else");
    frame["ref"] = json!("3");
    socket.send(&frame).await;
    let refusal = socket.reply("3").await;
    assert_eq!((kind(&refusal), &refusal["code"]), ("error", &json!("idempotency_key_reused")));
    assert_eq!(refusal["message_id"], 1, "it says which message has the key");
    assert_eq!(server.head("general").await, 1);
}

#[tokio::test]
async fn a_frame_may_answer_a_message() {
    let server = Server::start().await;
    server.post("general", "Alice", "question").await;
    let mut socket = open(&server).await;
    let frame = json!({"type": "chat_message", "username": "Wendy", "message": "answer", "reply_to": 1, "ref": "1"});
    socket.send(&frame).await;
    assert_eq!(socket.reply("1").await["id"], 2);
    assert_eq!(server.get_json("/rooms/general/messages/2").await["reply_to"], 1);
}
