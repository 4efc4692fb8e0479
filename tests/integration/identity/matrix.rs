//! Every operation of the document by every kind of actor: allowed exactly what the policy's table says.

use std::sync::Arc;

use parlor::{
    domain::{
        name::{RoomName, Username},
        policy::{Act, Actor, Credential, Denied, Grant, Standing, may},
        rights::Rights,
        room_scope::RoomScope,
        user::UserKind,
    },
    http::operations,
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::Guarded;
use crate::support::server::json_of;

/// An actor of the matrix: its credential, and what the policy knows of it.
struct Tried {
    name: &'static str,
    credential: Option<String>,
    actor: Actor,
}

fn proven(user: &str, can: &str, rooms: &[&str]) -> Actor {
    let grant = Grant {
        credential: Credential::ApiKey(0),
        kind: UserKind::Person,
        makes_rooms: true,
        expires_at: None,
        rights: Rights::parse(can.split(',')).expect("rights"),
        rooms: RoomScope::parse(rooms.iter().copied()).expect("rooms"),
        version: 0,
    };
    Actor::proven(Username::parse(user).expect("a name"), Arc::new(grant))
}

fn actors(guarded: &Guarded) -> Vec<Tried> {
    let tried = |name, user: &str, can: &str, rooms: &str| {
        let credential = Some(guarded.token(user, &["--can", can, "--rooms", rooms]));
        let rooms: Vec<_> = rooms.split(',').filter(|room| !room.is_empty()).collect();
        Tried { name, credential, actor: proven(user, can, &rooms) }
    };
    vec![
        Tried { name: "guest", credential: None, actor: Actor::guest(0) },
        tried("user", "alice", "read,post", "*"),
        tried("author", "author", "read,post", "*"),
        tried("reader", "rita", "read", "*"),
        tried("admin", "root", "read,post,moderate,admin", "*"),
        tried("narrow", "nora", "read,post", "team-*"),
        tried("elsewhere", "emil", "read,post", "other"),
    ]
}

/// Every operation of the document that is not everybody's, with its act.
async fn operations(guarded: &Guarded) -> Vec<(Method, String, Act)> {
    let answer = guarded.server.http().get(guarded.server.url("/openapi.json")).send().await.expect("an answer");
    let document = json_of(answer, StatusCode::OK).await;
    let mut found = Vec::new();
    for (path, methods) in document["paths"].as_object().expect("paths") {
        for method in methods.as_object().expect("methods").keys() {
            // Beside its methods a path has what they have in common.
            if ["parameters", "summary", "description", "servers"].contains(&method.as_str()) {
                continue;
            }
            let method = Method::from_bytes(method.to_ascii_uppercase().as_bytes()).expect("a method");
            match operations::act(&method, path) {
                Some(act) => found.push((method, path.clone(), act)),
                None => assert!(["/healthz", "/readyz"].contains(&path.as_str()), "{method} {path} has no act"),
            }
        }
    }
    assert!(found.len() > 20, "{found:?}");
    found
}

/// A request's body, where the operation needs one.
fn body(act: Act) -> Option<Value> {
    match act {
        Act::Post => Some(json!({"content": "hello"})),
        Act::Edit => Some(json!({"content": "changed"})),
        Act::PutRoom => Some(json!({"topic": "a topic"})),
        Act::MarkRead => Some(json!({"last_read_id": 0})),
        Act::Type => Some(json!({"is_typing": true})),
        _ => None,
    }
}

#[tokio::test]
async fn each_operation_is_allowed_to_each_actor_exactly_as_the_table_says() {
    for guests in ["on", "off"] {
        let guarded = Guarded::with(&["--guests", guests]).await;
        guarded.make_room("team-a").await;
        guarded.make_room("general").await;
        let author = guarded.token("author", &[]);
        let operations = operations(&guarded).await;
        for tried in actors(&guarded) {
            for (method, path, act) in &operations {
                let room = if path.contains("{room}") || path.ends_with("/stream") { "team-a" } else { "general" };
                // A message of its own for each that changes one.
                let post = guarded.request(Method::POST, &format!("/api/v1/rooms/{room}/messages"), &author);
                let posted = post.json(&json!({"content": "by the author"})).send().await.expect("an answer");
                let id = json_of(posted, StatusCode::CREATED).await["id"].as_i64().expect("an id");
                let url =
                    path.replace("{room}", room).replace("{id}", &id.to_string()).replace("{emoji}", "%F0%9F%91%8D");
                let query = match path.as_str() {
                    "/api/v1/stream" => "?rooms=team-a",
                    path if path.ends_with("/search") => "?q=author",
                    path if path.ends_with("/poll") => "?since=0",
                    _ => "",
                };
                let mut request = guarded.server.http().request(method.clone(), guarded.server.url(&url) + query);
                if let Some(credential) = &tried.credential {
                    request = request.bearer_auth(credential);
                }
                if let Some(body) = body(*act) {
                    request = request.json(&body);
                }
                let status = request.send().await.expect("an answer").status().as_u16();

                let name = RoomName::parse(room).expect("a name");
                let by = Username::parse("author").expect("a name");
                let is_about_a_room = path.contains("room") && *act != Act::ListRooms
                    || path.contains("/ws/")
                    || path.ends_with("/stream");
                let standing = if is_about_a_room { Standing::in_room(&name, true) } else { Standing::default() };
                let standing = Standing { author: Some(by.key()), ..standing };
                let is_let_in = tried.credential.is_some() || guests == "on" || *act == Act::SeeOneself;
                let decided = if is_let_in { may(&tried.actor, *act, &standing) } else { Err(Denied::Guest) };
                let what = format!("{} {method} {path} with guests {guests}: {status}, {decided:?}", tried.name);
                match decided {
                    // A socket is asked for without an upgrade here.
                    Ok(()) if path.ends_with("/ws") || path.starts_with("/ws/") => assert_eq!(status, 426, "{what}"),
                    Ok(()) => assert!((200..300).contains(&status), "{what}"),
                    Err(Denied::Guest) => assert_eq!(status, 401, "{what}"),
                    Err(Denied::NoSuchRoom) if path.starts_with("/ws/chat/") || path.ends_with("/ws") => {
                        assert!(status == 404 || status == 426, "{what}");
                    }
                    Err(Denied::NoSuchRoom) => assert_eq!(status, 404, "{what}"),
                    Err(_) => assert_eq!(status, 403, "{what}"),
                }
            }
        }
    }
}
