//! Guests: they read what was said in public rooms, and are told nothing of people.

use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};

use super::Guarded;
use crate::support::{DEADLINE, reader::kind, server::json_of, socket::Socket, sse::Stream, within};

#[tokio::test]
async fn a_guest_is_told_what_was_said_and_nothing_of_people() {
    let guarded = Guarded::with(&["--guests", "on"]).await;
    let [owner, max] = ["owner", "max"].map(|user| guarded.token(user, &[]));
    let done = async |request: RequestBuilder| {
        let answer = request.send().await.expect("an answer");
        assert!(answer.status().is_success(), "{}", answer.text().await.unwrap_or_default());
    };
    let ask = |method: Method, path: &str, token: &str| guarded.request(method, &format!("/api/v1{path}"), token);
    done(ask(Method::PUT, "/rooms/team", &owner).json(&json!({}))).await;
    let guest = |path: &str| guarded.server.http().get(guarded.server.url(&format!("/api/v1{path}")));
    let mut one = Stream::send(guest("/rooms/team/stream?since=0")).await;
    let mut two = Stream::send(guest("/stream?rooms=team&since=team:0")).await;
    let socket = format!("ws://{}/api/v1/rooms/team/ws?since=0", guarded.server.addr());
    let mut socket = Socket::connect(socket).await.expect("a socket opens");
    // Somebody comes, joins, types, reads and says something.
    let _there = Stream::send(ask(Method::GET, "/rooms/team/stream?username=max", &max)).await;
    done(ask(Method::POST, "/rooms/team/join", &max)).await;
    done(ask(Method::POST, "/rooms/team/typing", &max).json(&json!({"is_typing": true}))).await;
    done(ask(Method::PUT, "/rooms/team/read", &max).json(&json!({"last_read_id": 1}))).await;
    done(ask(Method::POST, "/rooms/team/messages", &max).json(&json!({"content": "the last"}))).await;
    let is_last = |text: &str| {
        let event: Value = serde_json::from_str(text).expect("JSON");
        assert!(["message_history", "chat_message", "ping"].contains(&kind(&event)), "{event}");
        event["message"]["content"] == "the last"
    };
    let said = async {
        for stream in [&mut one, &mut two] {
            while !is_last(&stream.next().await.expect("the stream goes on").data) {}
        }
        while !is_last(&socket.next().await.expect("the socket goes on")) {}
    };
    within(DEADLINE, "the message", said).await;
    let page = json_of(guest("/rooms/team/poll?since=0").send().await.expect("an answer"), StatusCode::OK).await;
    let types: Vec<_> = page["events"].as_array().expect("events").iter().map(|event| &event["type"]).collect();
    assert_eq!(types, ["chat_message"], "{page}");
}
