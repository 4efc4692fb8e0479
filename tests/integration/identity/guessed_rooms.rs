//! A private room can't be told from one that nobody has made: not by an answer, its size or its time, whatever is asked.

use std::time::Duration;

use futures_util::future::join_all;
use rand::{Rng as _, seq::SliceRandom as _};
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::scene::Scene;
use crate::support::{seeded, server::json_of};

/// The answers of each kind of room whose times are compared.
const ANSWERS: usize = 500;
/// The requests that are asked side by side: the answers wait, and so need not be waited for one by one.
const SIDE_BY_SIDE: usize = 10;
/// Names as long as each other, so that they add nothing to a size.
const ROOMS: [&str; 2] = ["hidden", "vacant"];

/// A private room with a message in it, and somebody who may not know of it.
async fn with_hidden() -> Scene {
    let scene = Scene::with(&["olga", "eve"]).await;
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

/// The deviation of the rank sum of the first from what it would be if both were drawn from one distribution
/// (Mann and Whitney), in standard deviations; equal times share their ranks.
fn rank_deviation([first, second]: &[Vec<Duration>; 2]) -> f64 {
    let mut all: Vec<_> =
        first.iter().map(|time| (*time, true)).chain(second.iter().map(|time| (*time, false))).collect();
    all.sort_unstable();
    let (n, m) = (count(first.len()), count(second.len()));
    let (mut rank_sum, mut ties, mut before) = (0.0, 0.0, 0.0);
    for equal in all.chunk_by(|one, other| one.0 == other.0) {
        let size = count(equal.len());
        let rank = f64::midpoint(before + 1.0, before + size);
        rank_sum += rank * count(equal.iter().filter(|(_, is_first)| *is_first).count());
        ties += size.powi(3) - size;
        before += size;
    }
    let u = rank_sum - n * (n + 1.0) / 2.0;
    let variance = n * m / 12.0 * ((n + m + 1.0) - ties / ((n + m) * (n + m - 1.0)));
    (u - n * m / 2.0) / variance.sqrt()
}

fn count(count: usize) -> f64 {
    f64::from(u32::try_from(count).expect("a small count"))
}

/// The deviation that one in a hundred draws from one distribution exceeds.
const AT_ONE_PERCENT: f64 = 2.576;

#[test]
fn the_rank_test_tells_what_differs_from_what_does_not() {
    let mut rng = seeded();
    let mut drawn = |shift: u64| -> Vec<Duration> {
        (0..ANSWERS).map(|_| Duration::from_micros(20_000 + rng.random_range(0..2_000) + shift)).collect()
    };
    let same: Vec<_> = (0..3).map(|_| rank_deviation(&[drawn(0), drawn(0)]).abs()).collect();
    assert!(same.iter().any(|deviation| *deviation < AT_ONE_PERCENT), "{same:?}");
    // A tenth of what the times vary by.
    assert!(rank_deviation(&[drawn(0), drawn(200)]) < -AT_ONE_PERCENT);
    assert!(rank_deviation(&[drawn(200), drawn(0)]) > AT_ONE_PERCENT);
}

/// One in a hundred tests of equal times says that they differ: only what three in a row say, and the same way, counts,
/// which by chance happens once in some four million runs.
#[tokio::test]
async fn the_times_of_the_answers_are_the_same() {
    let scene = with_hidden().await;
    let mut rng = seeded();
    times(&scene, &mut rng).await;
    let mut deviations = Vec::new();
    while deviations.len() < 3 {
        let deviation = rank_deviation(&times(&scene, &mut rng).await);
        if deviation.abs() < AT_ONE_PERCENT {
            return;
        }
        deviations.push(deviation);
    }
    let is_one_way = deviations.iter().all(|it| *it > 0.0) || deviations.iter().all(|it| *it < 0.0);
    assert!(!is_one_way, "the times differ: {deviations:?}");
}
