//! Whoever is banned or removed, or is no member of a room that is made private: what they read ends with the event
//! that says so, and nothing of theirs comes after it.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use rand::Rng as _;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_util::task::TaskTracker;

use super::Guarded;
use crate::support::{DEADLINE, seeded, server::json_of, socket::Socket, sse::Stream, users::Operator, within};

const ROUNDS: usize = 200;
const POSTERS: usize = 16;

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
        let mut one = Stream::send(get(&format!("{path}/stream?since=0"), &eve)).await;
        let mut two = Stream::send(get(&format!("/stream?rooms={room},other&since={room}:0"), &eve)).await;
        let mut of_max = Stream::send(get(&format!("{path}/stream?since=0"), &max)).await;
        let address = format!("ws://{}/api/v1{path}/ws?since=0", guarded.server.addr());
        let mut request = address.into_client_request().expect("an address");
        request.headers_mut().insert("authorization", format!("Bearer {eve}").parse().expect("a header"));
        let mut socket = Socket::connect(request).await.expect("a socket opens");

        done(&guarded, &owner, Method::POST, &format!("{path}/messages"), json!({"content": "before"})).await;
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

/// The ways to take from eve what she posts by.
const WAYS: [&str; 5] = ["ban", "remove", "mute", "delete the key", "disable"];

#[tokio::test]
async fn nothing_of_whoever_is_shut_out_comes_after_it() {
    let guarded = Arc::new(Guarded::start().await);
    let operator = Operator::of(&guarded.server);
    let mut random = seeded();
    let [owner, eve] = ["owner", "eve"].map(|user| guarded.token(user, &[]));
    let admin = guarded.token("root", &["--can", "read,post,moderate,admin"]);
    let me = guarded.request(Method::GET, "/api/v1/me", &eve).send().await.expect("an answer");
    assert_eq!(me.status(), StatusCode::OK);
    done(&guarded, &owner, Method::PUT, "/rooms/team", json!({"visibility": "private"})).await;
    for round in 0..ROUNDS {
        let way = WAYS[round % WAYS.len()];
        done(&guarded, &owner, Method::PUT, "/rooms/team/members/eve", json!({"role": "member"})).await;
        let credential = if way == "delete the key" { operator.key("eve", &[]) } else { eve.clone() };
        let (posted, is_shut) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let posters = TaskTracker::new();
        let running: Vec<_> = (0..POSTERS)
            .map(|_| {
                let (guarded, credential) = (guarded.clone(), credential.clone());
                let (posted, is_shut) = (posted.clone(), is_shut.clone());
                posters.spawn(async move {
                    let mut ids = Vec::new();
                    loop {
                        let was_shut = is_shut.load(Ordering::SeqCst);
                        let post = guarded.request(Method::POST, "/api/v1/rooms/team/messages", &credential);
                        let answer = post.json(&json!({"content": "hi"})).send().await.expect("an answer");
                        if answer.status() != StatusCode::CREATED {
                            assert!(matches!(answer.status().as_u16(), 401 | 403 | 404), "{answer:?}");
                            return ids;
                        }
                        assert!(!was_shut, "a post that was sent after the answer");
                        ids.push(json_of(answer, StatusCode::CREATED).await["id"].as_i64().expect("an id"));
                        posted.fetch_add(1, Ordering::SeqCst);
                    }
                })
            })
            .collect();
        let enough = random.random_range(0..20);
        within(DEADLINE, "some posts", async {
            while posted.load(Ordering::SeqCst) < enough {
                tokio::task::yield_now().await;
            }
        })
        .await;
        let shut = match way {
            "ban" => done(&guarded, &owner, Method::PUT, "/rooms/team/bans/eve", json!({})).await,
            "remove" => done(&guarded, &owner, Method::DELETE, "/rooms/team/members/eve", json!({})).await,
            "mute" => {
                let until = json!({"until": "2999-01-01T00:00:00Z"});
                done(&guarded, &owner, Method::PUT, "/rooms/team/mutes/eve", until).await
            }
            "disable" => done(&guarded, &admin, Method::PATCH, "/users/eve", json!({"disabled": true})).await,
            _ => {
                let keys = operator.list(&["key", "list", "--user", "eve"]);
                let id = keys[0]["id"].to_string();
                let (operator, delete) = (operator.clone(), move |it: &Operator| {
                    it.done(&["key", "delete", &id, "--user", "eve"]);
                });
                // It has a process of its own: the posters go on meanwhile.
                tokio::task::spawn_blocking(move || delete(&operator)).await.expect("it is deleted");
                None
            }
        };
        is_shut.store(true, Ordering::SeqCst);
        // What is taken beside the room is no event of it: the next one comes after all that was posted.
        let shut = match shut {
            Some(shut) => shut,
            None => done(&guarded, &owner, Method::PUT, "/rooms/team", json!({"topic": format!("{round}")}))
                .await
                .expect("an event"),
        };
        let mut ids = Vec::new();
        for poster in running {
            ids.extend(within(DEADLINE, "a poster ends", poster).await.expect("a poster"));
        }
        assert!(ids.iter().all(|id| *id < shut), "round {round}, {way}: {ids:?} after {shut}");
        done(&guarded, &admin, Method::PATCH, "/users/eve", json!({"disabled": false})).await;
        for path in ["bans", "mutes"] {
            done(&guarded, &owner, Method::DELETE, &format!("/rooms/team/{path}/eve"), json!({})).await;
        }
    }
}
