//! A private room can't be told from one that nobody has made: not by an answer, its size or its time, whatever is asked,
//! and by whomever.

mod times;

use std::time::Duration;

use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{Guarded, scene::Scene};
use crate::support::{browser::Browser, problem::expect_problem, server::json_of, sse::Stream, users::Operator};

/// Names as long as each other, so that they add nothing to a size.
const ROOMS: [&str; 2] = ["hidden", "vacant"];
/// The time before which nobody is told that a room is not there.
const FLOOR: Duration = Duration::from_millis(20);
/// The headers of a handshake, as RFC 6455 has them.
const HANDSHAKE: [(&str, &str); 4] = [
    ("connection", "upgrade"),
    ("upgrade", "websocket"),
    ("sec-websocket-version", "13"),
    ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
];

/// A private room with a message in it, and somebody who may not know of it. Only admins make rooms, so that a name that
/// is taken is told to nobody else.
async fn with_hidden() -> Scene {
    // What is logged takes time, too, and nobody logs all.
    let args = ["--log", "info", "--accounts", "open", "--guests", "on", "--room-creation", "admins"];
    let scene = Scene::on(Guarded::with(&args).await, &["olga", "eve", "bert", "root"]).await;
    scene.ok("admin", Method::PUT, "/rooms/hidden", Some(json!({"visibility": "private"})), 201).await;
    for (user, role) in [("olga", "owner"), ("bert", "member")] {
        scene.put("admin", &format!("/rooms/hidden/members/{user}"), json!({"role": role})).await;
    }
    scene.ok("admin", Method::DELETE, "/rooms/hidden/members/admin", None, 204).await;
    scene.put("olga", "/rooms/hidden/bans/bert", json!({})).await;
    scene.ok("olga", Method::POST, "/rooms/hidden/messages", Some(json!({"content": "secret"})), 201).await;
    scene.ok("admin", Method::PUT, "/rooms/open", Some(json!({})), 201).await;
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

/// The requests about both rooms: the path below that of the room, unless it is a whole one, and the body.
fn asked() -> Vec<(Method, &'static str, Option<Value>)> {
    let content = || Some(json!({"content": "hi"}));
    vec![
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
        (Method::GET, "/poll?since=0&wait=20", None),
        (Method::GET, "/messages?after=1&wait=20", None),
        (Method::GET, "/ws", None),
        (Method::GET, "/ws/chat/ROOM/", None),
        (Method::POST, "/messages", content()),
        (Method::POST, "/messages", Some(json!({"content": "hi", "reply_to": 1}))),
        (Method::PATCH, "/messages/1", content()),
        (Method::DELETE, "/messages/1", None),
        (Method::PUT, "/messages/1/reactions/x", None),
        (Method::DELETE, "/messages/1/reactions/x", None),
        (Method::PUT, "/read", Some(json!({"last_read_id": 1}))),
        (Method::POST, "/typing", Some(json!({"is_typing": true}))),
        (Method::POST, "/join", None),
        (Method::PUT, "/members/eve", Some(json!({"role": "owner"}))),
        (Method::PUT, "/members/nobody", Some(json!({"role": "owner"}))),
        (Method::DELETE, "/members/eve", None),
        (Method::PUT, "/bans/root", Some(json!({}))),
        (Method::DELETE, "/bans/bert", None),
        (Method::PUT, "/mutes/root", Some(json!({"until": "2999-01-01T00:00:00Z"}))),
        (Method::DELETE, "/mutes/root", None),
    ]
}

/// Requests that are wrong by themselves, as is said of any room.
fn asked_wrongly() -> Vec<(Method, &'static str, Option<Value>)> {
    vec![
        (Method::GET, "/messages?limit=0", None),
        (Method::GET, "/messages/x", None),
        (Method::GET, "/search?q=", None),
        (Method::GET, "/stream?since=x", None),
        (Method::GET, "/ws?history=x", None),
        (Method::GET, "/members?limit=x", None),
        (Method::GET, "/bans?limit=x", None),
        (Method::POST, "/messages", Some(json!({"content": 5}))),
        (Method::POST, "/messages", Some(json!({"content": ""}))),
        (Method::PATCH, "/messages/1", Some(json!({}))),
        (Method::PUT, "/read", Some(json!({"last_read_id": "x"}))),
        (Method::POST, "/typing", Some(json!({"is_typing": "x"}))),
        (Method::PUT, "/members/eve", Some(json!({"role": "king"}))),
        (Method::PUT, "/bans/olga", Some(json!({"until": "x"}))),
        (Method::PUT, "/mutes/olga", Some(json!({}))),
    ]
}

/// Somebody who may not know of the room, by the credential that is sent.
enum Outsider<'a> {
    Bearer(String),
    Page(Browser<'a>),
    Guest,
}

impl Outsider<'_> {
    fn request(
        &self,
        scene: &Scene,
        (method, path, body): &(Method, &str, Option<Value>),
        room: &str,
    ) -> RequestBuilder {
        let server = &scene.guarded.server;
        let path =
            if path.contains("ROOM") { path.replace("ROOM", room) } else { format!("/api/v1/rooms/{room}{path}") };
        let request = server.http().request(method.clone(), server.url(&path));
        let is_socket = path.starts_with("/ws/") || path.split('?').next().is_some_and(|path| path.ends_with("/ws"));
        let headers: &[(&str, &str)] = if is_socket { &HANDSHAKE } else { &[] };
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let request = if let Some(body) = body { request.json(body) } else { request };
        match self {
            Self::Bearer(token) => request.bearer_auth(token),
            Self::Page(browser) => {
                let cookie = browser.cookie().expect("a cookie");
                request.header("cookie", cookie).header("origin", server.url(""))
            }
            Self::Guest => request,
        }
    }
}

#[tokio::test]
async fn the_answers_are_the_same_byte_for_byte_to_whoever_may_not_know() {
    let scene = with_hidden().await;
    let browser = Browser::of(&scene.guarded.server);
    browser.register("Sally").await;
    let narrow = scene.guarded.token("olga", &["--rooms", "open"]);
    let key = Operator::of(&scene.guarded.server).key("Sally", &[]);
    for (who, outsider) in [
        ("a user", Outsider::Bearer(scene.token("eve"))),
        ("who is banned", Outsider::Bearer(scene.token("bert"))),
        ("an admin", Outsider::Bearer(scene.token("admin"))),
        ("an owner by a token for other rooms", Outsider::Bearer(narrow)),
        ("an API key", Outsider::Bearer(key)),
        ("a page by its cookie", Outsider::Page(browser)),
        ("a guest", Outsider::Guest),
    ] {
        let (right, wrong) = (asked(), asked_wrongly());
        let all = right.iter().map(|asked| (asked, true)).chain(wrong.iter().map(|asked| (asked, false)));
        for (asked, is_right) in all {
            let (method, path, _) = asked;
            let mut answers = Vec::new();
            for room in ROOMS {
                let sent = Instant::now();
                let answer = outsider.request(&scene, asked, room).send().await.expect("an answer");
                let time = sent.elapsed();
                assert!(answer.status() != 404 || time >= FLOOR, "{who}: {method} {path} after {time:?}");
                answers.push(seen(answer, room).await);
            }
            let status = answers[0].0.as_u16();
            let expected: &[u16] = match (is_right, &outsider) {
                (_, Outsider::Guest) => &[400, 401, 404, 422],
                (true, _) => &[404],
                // No message has such a number, wherever.
                (false, _) if *path == "/messages/x" => &[404],
                (false, _) => &[400, 422],
            };
            assert!(expected.contains(&status), "{who}: {method} {path}: {}", answers[0].2);
            assert_eq!(answers[0], answers[1], "{who}: {method} {path}");
        }
    }
}

#[tokio::test]
async fn among_other_rooms_it_is_an_error_of_the_same_words_and_no_sooner() {
    let scene = with_hidden().await;
    let mut told = Vec::new();
    for room in ROOMS {
        for list in [format!("open,{room}"), format!("{room},open")] {
            let path = format!("/api/v1/stream?rooms={list}");
            let sent = Instant::now();
            let mut stream = Stream::send(scene.guarded.request(Method::GET, &path, &scene.token("eve"))).await;
            assert!(sent.elapsed() >= FLOOR, "{path} after {:?}", sent.elapsed());
            loop {
                let frame = stream.next().await.expect("a frame");
                if frame.data.contains("\"error\"") {
                    told.push(frame.data.replace(room, "ROOM"));
                    break;
                }
            }
        }
    }
    assert!(told.iter().all(|error| *error == told[0]), "{told:?}");
    let listed = scene.ok("eve", Method::GET, "/rooms", None, 200).await;
    assert!(!listed.to_string().contains("hidden"), "{listed}");
}

#[tokio::test]
async fn by_a_ticket_it_is_told_as_little() {
    let scene = with_hidden().await;
    for (path, transport) in [("stream", "sse"), ("ws", "websocket")] {
        let mut answers = Vec::new();
        for room in ROOMS {
            let wanted = Some(json!({"rooms": [room], "transport": transport}));
            let made = scene.ok("eve", Method::POST, "/tickets", wanted, 201).await;
            let ticket = made["ticket"].as_str().expect("a ticket");
            let asked = (Method::GET, &*format!("/{path}?ticket={ticket}"), None);
            let sent = Instant::now();
            let answer = Outsider::Guest.request(&scene, &asked, room).send().await.expect("an answer");
            assert!(sent.elapsed() >= FLOOR, "{path} after {:?}", sent.elapsed());
            answers.push(seen(answer, room).await);
        }
        assert_eq!((answers[0].0, &answers[0]), (StatusCode::NOT_FOUND, &answers[1]), "{path}");
    }
}

#[tokio::test]
async fn of_what_was_tried_no_room_is_left_and_none_can_be_named() {
    let scene = with_hidden().await;
    let eve = Outsider::Bearer(scene.token("eve"));
    for asked in asked() {
        eve.request(&scene, &asked, "vacant").send().await.expect("an answer");
    }
    json_of(scene.ask("olga", Method::GET, "/rooms/vacant", None).await, StatusCode::NOT_FOUND).await;
    // Who may make no room is refused the name, at the same time, whether or not it is taken.
    for body in [json!({}), json!({"title": "mine"}), json!({"visibility": "private"})] {
        let mut answers = Vec::new();
        for room in ROOMS {
            let asked = (Method::PUT, "", Some(body.clone()));
            let sent = Instant::now();
            let answer = eve.request(&scene, &asked, room).send().await.expect("an answer");
            assert!(sent.elapsed() >= FLOOR, "{body} after {:?}", sent.elapsed());
            answers.push(seen(answer, room).await);
        }
        assert_eq!((answers[0].0, &answers[0]), (StatusCode::FORBIDDEN, &answers[1]), "{body}");
    }
    let drawn = scene.ask("eve", Method::POST, "/rooms", Some(json!({"title": "mine"}))).await;
    expect_problem(drawn, 403, "forbidden", &[]).await;
}
