//! A private room can't be told from one that nobody has made: not by an answer, its size or its time, whatever is asked.

use std::time::Duration;

use futures_util::future::join_all;
use rand::seq::SliceRandom as _;
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{Guarded, scene::Scene};
use crate::support::{ranks::expect_alike, seeded, server::json_of};

/// The answers of each kind of room whose times are compared.
const ANSWERS: usize = 500;
/// The requests that are asked side by side: the answers wait, and so need not be waited for one by one.
const SIDE_BY_SIDE: usize = 10;
/// Names as long as each other, so that they add nothing to a size.
const ROOMS: [&str; 2] = ["hidden", "vacant"];

/// A private room with a message in it, and somebody who may not know of it.
async fn with_hidden() -> Scene {
    // What is logged takes time, too, and nobody logs all.
    let scene = Scene::on(Guarded::with(&["--log", "info"]).await, &["olga", "eve"]).await;
    scene.ok("olga", Method::PUT, "/rooms/hidden", Some(json!({"visibility": "private"})), 201).await;
    scene.ok("olga", Method::POST, "/rooms/hidden/messages", Some(json!({"content": "secret"})), 201).await;
    scene.ok("eve", Method::PUT, "/rooms/open", Some(json!({})), 201).await;
    scene
}

/// All that can be seen of an answer, except for the id and the name of the room that were sent.
async fn seen(answer: Response, room: &str) -> (StatusCode, Vec<(String, String)>, String) {
    let status = answer.status();
    let headers = answer.headers().iter().map(|(name, value)| {
        let value = value.to_str().expect("text");
        let length = value.len();
        (
            name.to_string(),
            if ["x-request-id", "date"].contains(&name.as_str()) { format!("{length}") } else { value.to_owned() },
        )
    });
    let headers = headers.collect();
    let body = answer.text().await.expect("a body").replace(room, "ROOM");
    let id = serde_json::from_str::<Value>(&body).ok().and_then(|body| Some(body["request_id"].as_str()?.to_owned()));
    (status, headers, id.map_or(body.clone(), |id| body.replace(&id, "ID")))
}

#[tokio::test]
async fn the_answers_are_the_same_byte_for_byte() {
    let scene = with_hidden().await;
    let content = || Some(json!({"content": "hi"}));
    let requests = [
        (Method::GET, "", None),
        (Method::GET, "/messages", None),
        (Method::GET, "/messages/1", None),
        (Method::GET, "/messages/1/revisions", None),
        (Method::GET, "/messages/1/reactions/x", None),
        (Method::GET, "/messages?client_id=k", None),
        (Method::GET, "/search?q=secret", None),
        (Method::GET, "/unread", None),
        (Method::GET, "/read", None),
        (Method::GET, "/presence", None),
        (Method::GET, "/members", None),
        (Method::GET, "/bans", None),
        (Method::GET, "/audit", None),
        (Method::GET, "/stream", None),
        (Method::GET, "/poll?since=0", None),
        (Method::POST, "/messages", content()),
        (Method::POST, "/messages", Some(json!({"content": "hi", "reply_to": 1}))),
        (Method::PATCH, "/messages/1", content()),
        (Method::DELETE, "/messages/1", None),
        (Method::PUT, "/messages/1/reactions/x", None),
        (Method::PUT, "/read", Some(json!({"last_read_id": 1}))),
        (Method::POST, "/typing", Some(json!({"is_typing": true}))),
        (Method::POST, "/join", None),
        (Method::PUT, "/members/eve", Some(json!({"role": "owner"}))),
        (Method::DELETE, "/members/eve", None),
        (Method::PUT, "/bans/olga", Some(json!({}))),
        (Method::PUT, "/mutes/olga", Some(json!({"until": "2999-01-01T00:00:00Z"}))),
    ];
    for (method, path, body) in requests {
        let mut all = Vec::new();
        for room in ROOMS {
            let answer = scene.ask("eve", method.clone(), &format!("/rooms/{room}{path}"), body.clone()).await;
            all.push(seen(answer, room).await);
        }
        assert_eq!(all[0].0, StatusCode::NOT_FOUND, "{method} {path}: {}", all[0].2);
        assert_eq!(all[0], all[1], "{method} {path}");
    }
    // Among others the room is an error of the same words.
    let mut told = Vec::new();
    for room in ROOMS {
        let path = format!("/api/v1/stream?rooms=open,{room}");
        let request = scene.guarded.request(Method::GET, &path, &scene.token("eve"));
        let mut stream = crate::support::sse::Stream::send(request).await;
        loop {
            let frame = stream.next().await.expect("a frame");
            if frame.data.contains("\"error\"") {
                told.push(frame.data.replace(room, "ROOM"));
                break;
            }
        }
    }
    assert_eq!(told[0], told[1]);
    let listed = scene.ok("eve", Method::GET, "/rooms", None, 200).await;
    assert!(!listed.to_string().contains("hidden"), "{listed}");
    // Of nothing that she tried anything is left: no room was made.
    let answer = scene.ask("olga", Method::GET, "/rooms/vacant", None).await;
    json_of(answer, StatusCode::NOT_FOUND).await;
}

/// The times of answers about both rooms, asked in an order drawn at random.
async fn times(scene: &Scene, rng: &mut impl rand::Rng) -> [Vec<Duration>; 2] {
    let mut order: Vec<usize> = (0..2 * ANSWERS).map(|number| number % 2).collect();
    order.shuffle(rng);
    let mut times = [Vec::new(), Vec::new()];
    for together in order.chunks(SIDE_BY_SIDE) {
        let asked = together.iter().map(async |which| {
            let path = format!("/api/v1/rooms/{}/messages", ROOMS[*which]);
            let request = scene.guarded.request(Method::GET, &path, &scene.token("eve"));
            let start = Instant::now();
            let answer = request.send().await.expect("an answer");
            let time = start.elapsed();
            assert_eq!(answer.status(), StatusCode::NOT_FOUND);
            answer.bytes().await.expect("a body");
            (*which, time)
        });
        for (which, time) in join_all(asked).await {
            times[which].push(time);
        }
    }
    times
}

#[tokio::test]
async fn the_times_of_the_answers_are_the_same() {
    let scene = with_hidden().await;
    let mut rng = seeded();
    times(&scene, &mut rng).await;
    expect_alike(async || times(&scene, &mut rng).await).await;
}
