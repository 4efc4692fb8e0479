//! The line is cut after the server has committed and before its answer arrives: whoever asks again finds what
//! was done, done once.

use futures_util::future::join;
use reqwest::{RequestBuilder, Response, StatusCode, header};
use serde_json::{Value, json};

use crate::support::{
    DEADLINE, Query, Reader, Server, Transport, command::Command, lossy_line::LossyLine, server::json_of, within,
};

/// A client that uses each connection once, so that none is cut between two requests.
fn client() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().pool_max_idle_per_host(0).build().expect("an HTTP client")
}

/// Asks, and gets no answer.
async fn lose(line: &LossyLine, request: RequestBuilder) {
    line.lose(1);
    let answer = within(DEADLINE, "the line is cut", request.send()).await;
    assert!(answer.is_err(), "no answer comes through");
    assert_eq!(line.left_to_lose(), 0, "there was one");
}

/// Asks, and is answered.
async fn ask(request: RequestBuilder) -> Response {
    within(DEADLINE, "it is answered", request.send()).await.expect("an answer")
}

fn post(http: &reqwest::Client, base: &str, content: &str, key: &str) -> RequestBuilder {
    let body = json!({"username": "Alice", "content": content, "client_id": key});
    http.post(format!("{base}/api/v1/rooms/general/messages")).json(&body)
}

#[tokio::test]
async fn a_post_whose_answer_is_lost_is_answered_with_the_first_message() {
    let server = Server::start().await;
    let (http, line) = (client(), LossyLine::before(&server).await);
    let mut reader = Reader::open(&server, Transport::Sse, "general", Query::since(0)).await;
    for key in ["in the body", "in the header"] {
        let message = |base: &str| {
            if key == "in the body" {
                return post(&http, base, "hi", key);
            }
            let body = json!({"username": "Alice", "content": "hi"});
            let request = http.post(format!("{base}/api/v1/rooms/general/messages")).json(&body);
            request.header("Idempotency-Key", key)
        };
        lose(&line, message(&line.url())).await;
        // Twice more it is lost, by another line it is answered.
        lose(&line, message(&line.url())).await;
        lose(&line, message(&line.url())).await;
        let first = reader.next_durable().await;
        for base in [line.url(), server.url("")] {
            let again = ask(message(&base)).await;
            assert_eq!(again.headers()["idempotent-replayed"], "true");
            assert_eq!(json_of(again, StatusCode::OK).await, first["message"]);
        }
    }
    assert_eq!(server.head("general").await, 2, "one message each");
}

#[tokio::test]
async fn a_post_whose_answer_is_lost_outlives_a_crash() {
    let mut server = Server::start().await;
    let (http, line) = (client(), LossyLine::before(&server).await);
    lose(&line, post(&http, &line.url(), "hi", "key")).await;
    server.restart().await;
    let again = json_of(ask(post(&http, &server.url(""), "hi", "key")).await, StatusCode::OK).await;
    assert_eq!((&again["id"], &again["content"]), (&json!(1), &json!("hi")));
    assert_eq!(server.messages("general").await, [again]);
}

#[tokio::test]
async fn the_same_post_from_two_connections_at_once_is_one_message() {
    const TIMES: i64 = 40;
    let server = Server::start().await;
    let (http, line) = (client(), LossyLine::before(&server).await);
    for number in 1..=TIMES {
        let (key, base) = (format!("key-{number}"), server.url(""));
        let one = || ask(post(&http, &base, "hi", &key));
        let (one, other) = join(one(), one()).await;
        let mut statuses = [one.status(), other.status()];
        statuses.sort();
        assert_eq!(statuses, [StatusCode::OK, StatusCode::CREATED]);
        let (one, other): (Value, Value) = (one.json().await.expect("a message"), other.json().await.expect("one"));
        assert_eq!((&one, &one["id"]), (&other, &json!(number)));
    }
    // The same when neither of the two hears of it.
    for number in TIMES + 1..=TIMES + 5 {
        let key = format!("key-{number}");
        line.lose(2);
        let (one, other) =
            join(post(&http, &line.url(), "hi", &key).send(), post(&http, &line.url(), "hi", &key).send()).await;
        assert!(one.is_err() && other.is_err());
        assert_eq!(line.left_to_lose(), 0);
        let again = json_of(ask(post(&http, &line.url(), "hi", &key)).await, StatusCode::OK).await;
        assert_eq!(again["id"], number);
    }
    assert_eq!(server.head("general").await, TIMES + 5);
}

#[tokio::test]
async fn a_change_whose_answer_is_lost_is_done_once() {
    let server = Server::start().await;
    let (http, line) = (client(), LossyLine::before(&server).await);
    server.perform("general", &[Command::post("Alice", "hi"), Command::react("Eve", 1, ":tada:")]).await;
    let mut reader = Reader::open(&server, Transport::Sse, "general", Query::since(2)).await;
    for (command, kind) in [
        (Command::edit("Alice", 1, "hello"), Some("message_edited")),
        (Command::react("Bob", 1, "👍"), Some("reaction_added")),
        (Command::unreact("Eve", 1, ":tada:"), Some("reaction_removed")),
        (Command::rename("Greetings"), Some("room_updated")),
        (Command::read("Bob", 1), None),
        (Command::delete("Alice", 1), Some("message_deleted")),
    ] {
        let head = server.head("general").await;
        lose(&line, command.request(&http, &line.url(), "general")).await;
        if let Some(kind) = kind {
            let event = reader.next_durable().await;
            assert_eq!((&event["type"], &event["id"]), (&json!(kind), &json!(head + 1)));
        }
        let message = server.get_json("/rooms/general/messages/1").await;
        let again = json_of(ask(command.request(&http, &line.url(), "general")).await, StatusCode::OK).await;
        match command {
            Command::Rename { .. } => assert_eq!(again["title"], "Greetings"),
            Command::Read { .. } => assert_eq!(again["last_read_id"], 1),
            _ => assert_eq!(again, message, "{command:?}"),
        }
        assert_eq!(server.get_json("/rooms/general/messages/1").await, message, "{command:?}");
        assert_eq!(server.head("general").await, head + i64::from(kind.is_some()), "{command:?}");
    }
    let read = server.get_json("/rooms/general/read").await;
    assert_eq!(read["cursors"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn a_guarded_edit_whose_answer_is_lost_is_done_once() {
    let server = Server::start().await;
    let (http, line) = (client(), LossyLine::before(&server).await);
    server.post("general", "Alice", "hi").await;
    let version = server.get("/rooms/general/messages/1").await.headers()[header::ETAG].clone();
    let edit = || {
        let command = Command::edit("Alice", 1, "hello");
        command.request(&http, &line.url(), "general").header(header::IF_MATCH, &version)
    };
    lose(&line, edit()).await;
    // The message is no longer what the editor takes it to be: it looks, and finds what it wanted to say.
    assert_eq!(ask(edit()).await.status(), StatusCode::PRECONDITION_FAILED);
    assert_eq!(server.get_json("/rooms/general/messages/1").await["content"], "hello");
    let revisions = server.get_json("/rooms/general/messages/1/revisions").await;
    assert_eq!(revisions["revisions"].as_array().map(Vec::len), Some(1));
    assert_eq!(server.head("general").await, 2);
}
