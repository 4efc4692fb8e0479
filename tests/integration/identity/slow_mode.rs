//! Slow mode: the pause between two posts of a user that a room may ask for.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;

use super::{Guarded, scene::Scene};
use crate::support::{
    DEADLINE,
    problem::expect_problem,
    reader::kind,
    socket::Socket,
    sse::Stream,
    statements::{logged, names, while_doing},
    within,
};

const ROOM: &str = "/rooms/team";
const MESSAGES: &str = "/rooms/team/messages";

fn hi() -> Value {
    json!({"content": "hi"})
}

/// A post that comes too soon; the seconds that are left.
async fn too_soon(scene: &Scene, user: &str) -> u64 {
    let answer = scene.ask(user, Method::POST, MESSAGES, Some(hi())).await;
    let left = answer.headers().get("retry-after").map(|left| left.to_str().expect("text").to_owned());
    let problem = expect_problem(answer, 429, "slow_mode", &[]).await;
    let left = left.expect("the header Retry-After").parse().expect("seconds");
    assert!(problem["detail"].as_str().is_some_and(|detail| detail.contains(&format!("{left} s"))), "{problem}");
    left
}

#[tokio::test]
async fn who_posts_too_soon_waits_and_moderators_do_not() {
    let mut scene = Scene::with(&["olga", "mona", "max", "rob"]).await;
    scene.ok("olga", Method::PUT, ROOM, Some(json!({})), 201).await;
    scene.put("olga", "/rooms/team/members/mona", json!({"role": "moderator"})).await;
    scene.put("olga", "/rooms/team/members/max", json!({"role": "member"})).await;
    let first = json!({"content": "first", "client_id": "first"});
    let first = scene.ok("max", Method::POST, MESSAGES, Some(first), 201).await;
    let mut stream = Stream::send(scene.guarded.request(
        Method::GET,
        "/api/v1/rooms/team/stream?since=0&types=room_updated",
        &scene.token("max"),
    ))
    .await;
    assert_eq!(scene.put("mona", ROOM, json!({"slow_mode": 600})).await["slow_mode"], 600);
    let told = within(DEADLINE, "the change", async {
        loop {
            let event: Value = serde_json::from_str(&stream.next().await.expect("a frame").data).expect("JSON");
            if kind(&event) == "room_updated" {
                return event;
            }
        }
    });
    assert_eq!(told.await["slow_mode"], 600);

    // What was said before the room was slow counts as well.
    for _ in 0..2 {
        let left = too_soon(&scene, "max").await;
        assert!((590..=600).contains(&left), "{left}");
    }
    // Asked again is no post.
    let again = json!({"content": "first", "client_id": "first"});
    assert_eq!(scene.ok("max", Method::POST, MESSAGES, Some(again), 200).await["id"], first["id"]);
    for user in ["mona", "olga", "admin"] {
        for _ in 0..2 {
            scene.ok(user, Method::POST, MESSAGES, Some(hi()), 201).await;
        }
    }
    // Whoever has said nothing yet may, once; be they a member or not.
    scene.ok("rob", Method::POST, MESSAGES, Some(hi()), 201).await;
    too_soon(&scene, "rob").await;
    // Deleting the last post is no way round it.
    let path = format!("{MESSAGES}/{}", first["id"]);
    scene.ok("max", Method::DELETE, &path, None, 200).await;
    too_soon(&scene, "max").await;
    // Another room knows nothing of it.
    scene.ok("olga", Method::PUT, "/rooms/other", Some(json!({})), 201).await;
    scene.ok("max", Method::POST, "/rooms/other/messages", Some(hi()), 201).await;
    scene.ok("max", Method::POST, "/rooms/other/messages", Some(hi()), 201).await;

    scene.guarded.server.restart().await;
    too_soon(&scene, "max").await;
    too_soon(&scene, "rob").await;
    scene.put("olga", ROOM, json!({"slow_mode": 0})).await;
    scene.ok("max", Method::POST, MESSAGES, Some(hi()), 201).await;
    scene.ok("max", Method::POST, MESSAGES, Some(hi()), 201).await;
    scene.put("olga", ROOM, json!({"slow_mode": 600})).await;
    too_soon(&scene, "max").await;
    let audit = scene.ok("olga", Method::GET, "/rooms/team/audit?limit=1", None, 200).await;
    assert_eq!(audit["entries"][0]["act"], "change_room");
}

#[tokio::test]
async fn after_the_pause_the_next_post_is_taken_and_of_many_at_once_one_is() {
    let scene = Scene::with(&["olga", "max"]).await;
    scene.ok("olga", Method::PUT, ROOM, Some(json!({"slow_mode": 1})), 201).await;
    for round in 0..3 {
        let taken = async {
            loop {
                let posts = (0..8).map(|_| scene.ask("max", Method::POST, MESSAGES, Some(hi())));
                let answers = futures_util::future::join_all(posts).await;
                let taken = answers.iter().filter(|answer| answer.status() == StatusCode::CREATED).count();
                let slowed = answers.iter().filter(|answer| answer.status() == StatusCode::TOO_MANY_REQUESTS).count();
                assert!(taken <= 1 && taken + slowed == 8, "{round}: {taken} and {slowed}");
                if taken == 1 {
                    return;
                }
                let wait =
                    answers[0].headers().get("retry-after").expect("a header").to_str().expect("text").to_owned();
                assert_eq!(wait, "1");
            }
        };
        within(DEADLINE, "the pause is over", taken).await;
    }
}

#[tokio::test]
async fn a_frame_that_comes_too_soon_is_answered_with_the_wait() {
    let scene = Scene::with(&["olga", "max"]).await;
    scene.ok("olga", Method::PUT, ROOM, Some(json!({"slow_mode": 3600})), 201).await;
    let url = format!("ws://{}/api/v1{ROOM}/ws", scene.guarded.server.addr());
    let mut request = url.into_client_request().expect("a request");
    let value = format!("Bearer {}", scene.token("max")).parse().expect("a header");
    request.headers_mut().insert("authorization", value);
    let mut socket = Socket::connect(request).await.expect("a socket opens");
    let frame = |reference: &str| json!({"type": "chat_message", "message": "hi", "client_id": "k", "ref": reference});
    socket.send(&frame("first")).await;
    assert_eq!(socket.reply("first").await["type"], "ack");
    socket.send(&frame("again")).await;
    assert_eq!(socket.reply("again").await["type"], "ack", "the same post");
    socket.send(&json!({"type": "chat_message", "message": "more", "ref": "more"})).await;
    let reply = socket.reply("more").await;
    assert_eq!((&reply["type"], &reply["code"]), (&json!("error"), &json!("slow_mode")), "{reply}");
    assert!(reply["retry_after"].as_u64().is_some_and(|left| (3_590..=3_600).contains(&left)), "{reply}");
    // It is no fault of the socket's.
    socket.send(&json!({"type": "typing", "is_typing": true, "ref": "typing"})).await;
    assert_eq!(socket.reply("typing").await["type"], "ack");
    socket.close().await;
}

#[tokio::test]
async fn only_a_pause_that_can_be_is_taken_and_only_from_moderators() {
    let scene = Scene::with(&["olga", "max"]).await;
    scene.ok("olga", Method::PUT, ROOM, Some(json!({})), 201).await;
    for bad in [json!(3_601), json!(-1), json!(1.5), json!("60"), json!(true)] {
        let answer = scene.ask("olga", Method::PUT, ROOM, Some(json!({"slow_mode": bad}))).await;
        expect_problem(answer, 422, "invalid", &["slow_mode"]).await;
    }
    let answer = scene.ask("max", Method::PUT, ROOM, Some(json!({"slow_mode": 1}))).await;
    expect_problem(answer, 403, "forbidden", &[]).await;
    assert_eq!(scene.ok("max", Method::GET, ROOM, None, 200).await["slow_mode"], 0);
    assert_eq!(scene.put("olga", ROOM, json!({"slow_mode": 3_600})).await["slow_mode"], 3_600);
}

#[tokio::test]
async fn a_room_without_slow_mode_asks_for_nobodys_last_post() {
    let guarded = Guarded::on(logged(), &[]).await;
    let scene = Scene::on(guarded, &["olga", "max"]).await;
    scene.ok("olga", Method::PUT, ROOM, Some(json!({"slow_mode": 1})), 201).await;
    let asks = async |posts: usize| {
        let work = async {
            for _ in 0..posts {
                scene.ask("max", Method::POST, MESSAGES, Some(hi())).await;
            }
        };
        let (statements, ()) = while_doing(&scene.guarded.server, work).await;
        statements.iter().filter(|statement| names(statement, "last_post")).count()
    };
    assert_eq!(asks(3).await, 3, "one for each batch");
    scene.put("olga", ROOM, json!({"slow_mode": 0})).await;
    assert_eq!(asks(3).await, 0);
}
