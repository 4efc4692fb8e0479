//! Streams of several rooms of which some may not be read.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::Guarded;
use crate::support::{problem::expect_problem, sse::Stream};

fn data(frame: &crate::support::sse::Frame) -> Value {
    serde_json::from_str(&frame.data).expect("JSON")
}

#[tokio::test]
async fn a_room_that_may_not_be_read_is_told_as_such_and_the_others_go_on() {
    let guarded = Guarded::start().await;
    for room in ["team-a", "hidden"] {
        guarded.make_room(room).await;
    }
    let author = guarded.token("author", &[]);
    let post = async |room: &str, text: &str| {
        let post = guarded.request(Method::POST, &format!("/api/v1/rooms/{room}/messages"), &author);
        let posted = post.json(&json!({"content": text})).send().await.expect("an answer");
        assert_eq!(posted.status(), StatusCode::CREATED);
    };
    post("hidden", "secret").await;
    let narrow = guarded.token("nora", &["--rooms", "team-*"]);
    let request = guarded.request(Method::GET, "/api/v1/stream?rooms=hidden,team-a,nowhere&since=hidden:7", &narrow);
    let mut stream = Stream::send(request).await;
    let mut told = Vec::new();
    while told.len() < 2 {
        let frame = stream.next().await.expect("a frame");
        let event = data(&frame);
        assert!(event["type"] == "error" || event["room"] == "team-a", "{event}");
        if event["type"] == "error" {
            assert_eq!(frame.event.as_deref(), Some("error"));
            assert_eq!(frame.id, None, "it moves no cursor");
            told.push(event);
        }
    }
    let error = |room| json!({"type": "error", "room": room, "status": 404, "code": "not_found", "detail": "There is no such room."});
    assert_eq!(told, [error("hidden"), error("nowhere")]);
    post("hidden", "more").await;
    post("team-a", "hello").await;
    let message = loop {
        let frame = stream.next().await.expect("a frame");
        let event = data(&frame);
        assert_eq!(event["room"], "team-a", "{event}");
        if event["type"] == "chat_message" {
            break frame;
        }
    };
    let id = message.id.expect("an id");
    assert!(id.starts_with("7,1,"), "the cursor of a room that may not be read stays where it was: {id}");
}

#[tokio::test]
async fn a_stream_of_which_no_room_may_be_read_is_refused() {
    let guarded = Guarded::start().await;
    guarded.make_room("hidden").await;
    let narrow = guarded.token("nora", &["--rooms", "team-*"]);
    let asked = guarded.request(Method::GET, "/api/v1/stream?rooms=hidden,nowhere", &narrow).send().await;
    expect_problem(asked.expect("an answer"), 404, "not_found", &[]).await;
}
