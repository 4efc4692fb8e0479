//! Whoever is banned or removed, or is no member of a room that is made private: what they read ends with the event
//! that says so, and nothing of theirs comes after it.

mod order;

use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_util::task::TaskTracker;

use super::Guarded;
use crate::support::{DEADLINE, socket::Socket, sse::Stream, within};

/// Asks in somebody's name; it must succeed. Returns the id of the event that was made.
async fn done(guarded: &Guarded, token: &str, method: Method, path: &str, body: Value) -> Option<i64> {
    let request = guarded.request(method, &format!("/api/v1{path}"), token).json(&body);
    let answer = request.send().await.expect("an answer");
    let id = answer.headers().get("event-id").map(|id| id.to_str().expect("text").parse().expect("an id"));
    assert!(answer.status().is_success(), "{path}: {}", answer.text().await.unwrap_or_default());
    id
}

/// The events of a stream until its room is left, by an `error`; or until it ends.
async fn until_error(stream: &mut Stream, room: &str) -> Vec<Value> {
    let mut events = Vec::new();
    while let Some(frame) = stream.next().await {
        let event: Value = serde_json::from_str(&frame.data).expect("JSON");
        let is_over = event["type"] == "error" && event["room"] == room;
        events.push(event);
        if is_over {
            break;
        }
    }
    events
}

fn expect_end(events: &[Value], room: &str, last: i64, status: u16, code: &str) {
    let of_room: Vec<_> = events.iter().filter(|event| event["room"] == room).collect();
    let (error, before) = of_room.split_last().expect("events");
    assert_eq!((&error["type"], &error["status"], &error["code"]), (&json!("error"), &json!(status), &json!(code)));
    let ids: Vec<_> =
        before.iter().filter(|event| event["type"] != "ping").filter_map(|event| event["id"].as_i64()).collect();
    assert_eq!(ids.last(), Some(&last), "all up to the event that shuts out, and no later one: {of_room:#?}");
}

#[tokio::test]
async fn what_is_read_ends_with_the_event_that_shuts_out() {
    let guarded = Guarded::with(&["--presence-grace=50ms"]).await;
    let [owner, eve, max] = ["owner", "eve", "max"].map(|user| guarded.token(user, &[]));
    for token in [&eve, &max] {
        let me = guarded.request(Method::GET, "/api/v1/me", token).send().await.expect("an answer");
        assert_eq!(me.status(), StatusCode::OK);
    }
    done(&guarded, &owner, Method::PUT, "/rooms/other", json!({})).await;
    for (room, visibility, how, status, code) in [
        ("banned-open", "public", "ban", 403, "banned"),
        ("banned-closed", "private", "ban", 404, "not_found"),
        ("removed-closed", "private", "remove", 404, "not_found"),
        ("made-private", "public", "private", 404, "not_found"),
    ] {
        let path = format!("/rooms/{room}");
        done(&guarded, &owner, Method::PUT, &path, json!({"visibility": visibility})).await;
        done(&guarded, &owner, Method::PUT, &format!("{path}/members/max"), json!({"role": "member"})).await;
        if visibility == "private" {
            done(&guarded, &owner, Method::PUT, &format!("{path}/members/eve"), json!({"role": "member"})).await;
        }
        let get = |path: &str, token: &str| guarded.request(Method::GET, &format!("/api/v1{path}"), token);
        let before =
            done(&guarded, &owner, Method::POST, &format!("{path}/messages"), json!({"content": "before"})).await;
        let before = before.expect("an event");
        // First, and blind to all that comes: they wait by the time that all else is open.
        let answered = async |request: RequestBuilder| {
            let answer = request.send().await.expect("an answer");
            (answer.status(), answer.json::<Value>().await.expect("JSON"))
        };
        let tasks = TaskTracker::new();
        let poll = tasks.spawn(answered(get(&format!("{path}/poll?since=0&wait=50&types=message_edited"), &eve)));
        let waiting = tasks.spawn(answered(get(&format!("{path}/messages?after={before}&wait=50"), &eve)));
        let mut one = Stream::send(get(&format!("{path}/stream?since=0"), &eve)).await;
        let mut two = Stream::send(get(&format!("/stream?rooms={room},other&since={room}:0"), &eve)).await;
        let mut of_max = Stream::send(get(&format!("{path}/stream?since=0"), &max)).await;
        let address = format!("ws://{}/api/v1{path}/ws?since=0", guarded.server.addr());
        let mut request = address.into_client_request().expect("an address");
        request.headers_mut().insert("authorization", format!("Bearer {eve}").parse().expect("a header"));
        let mut socket = Socket::connect(request).await.expect("a socket opens");

        let shut = match how {
            "ban" => done(&guarded, &owner, Method::PUT, &format!("{path}/bans/eve"), json!({})).await,
            "remove" => done(&guarded, &owner, Method::DELETE, &format!("{path}/members/eve"), json!({})).await,
            _ => done(&guarded, &owner, Method::PUT, &path, json!({"visibility": "private"})).await,
        };
        let shut = shut.expect("an event");
        let work = async {
            for _ in 0..5 {
                let path = format!("{path}/messages");
                done(&guarded, &owner, Method::POST, &path, json!({"content": "after"})).await;
            }
            expect_end(&until_error(&mut one, room).await, room, shut, status, code);
            assert!(one.next().await.is_none(), "{how}: the only room of the stream");
            expect_end(&until_error(&mut two, room).await, room, shut, status, code);
            let mut told = Vec::new();
            while let Some(text) = socket.next().await {
                told.push(serde_json::from_str(&text).expect("JSON"));
            }
            expect_end(&told, room, shut, status, code);
            assert_eq!(socket.close_code, Some(4403), "{how}");
            let (answer, told) = poll.await.expect("a poll");
            // It has what it waited for, which is nothing; one that came too late is refused.
            if answer == StatusCode::OK {
                assert_eq!((&told["events"], &told["has_more"]), (&json!([]), &json!(false)), "{how}: {told}");
            } else {
                assert_eq!((answer.as_u16(), &told["code"]), (status, &json!(code)), "{how}: {told}");
            }
            let (answer, told) = waiting.await.expect("an answer");
            assert_eq!((answer.as_u16(), &told["code"]), (status, &json!(code)), "{how}: {told}");
            // Another room of the same stream goes on, and so do the room's other readers.
            done(&guarded, &owner, Method::POST, "/rooms/other/messages", json!({"content": how})).await;
            while two.next().await.expect("the stream goes on").event.as_deref() != Some("chat_message") {}
            done(&guarded, &owner, Method::POST, &format!("{path}/messages"), json!({"content": "the last"})).await;
            loop {
                let frame = of_max.next().await.expect("the stream goes on");
                if frame.data.contains("the last") {
                    break;
                }
            }
        };
        within(DEADLINE, how, work).await;
    }
}
