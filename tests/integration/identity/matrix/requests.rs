//! Requests of the matrix: the operations, and what each is sent with.

use std::sync::atomic::{AtomicU32, Ordering};

use parlor::{domain::policy::Act, http::operations};
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};

use super::{super::Guarded, LATER};
use crate::support::{Server, browser::PASSWORD, server::json_of};

/// Every operation of the document that is not everybody's, with its act.
pub(in crate::identity) async fn operations(server: &Server) -> Vec<(Method, String, Act)> {
    let answer = server.http().get(server.url("/openapi.json")).send().await.expect("an answer");
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
pub(in crate::identity) fn body(act: Act, method: &Method) -> Option<Value> {
    if *method == Method::DELETE {
        return None;
    }
    match act {
        Act::Post => Some(json!({"content": "hello"})),
        Act::Edit => Some(json!({"content": "changed"})),
        Act::ChangeRoom | Act::MakeRoom => Some(json!({"topic": "a topic"})),
        Act::MarkRead => Some(json!({"last_read_id": 0})),
        Act::Type => Some(json!({"is_typing": true})),
        Act::SetMember => Some(json!({"role": "reader"})),
        Act::Ban => Some(json!({"reason": "a reason"})),
        Act::Mute => Some(json!({"until": LATER})),
        Act::Register => Some(json!({"username": unique_name(), "password": PASSWORD})),
        Act::Invite if *method == Method::POST => Some(json!({})),
        Act::KeepAccount if *method == Method::PUT => {
            Some(json!({"current": PASSWORD, "new": "another horse, another staple"}))
        }
        Act::ChangeUser => Some(json!({"disabled": false})),
        Act::KeepKeys if *method == Method::POST => Some(json!({"name": "a key"})),
        Act::MakeTicket => Some(json!({"rooms": ["team-open"], "transport": "sse"})),
        _ => None,
    }
}

/// A name that nobody has.
pub(super) fn unique_name() -> String {
    static NAMES: AtomicU32 = AtomicU32::new(0);
    format!("newcomer {}", NAMES.fetch_add(1, Ordering::Relaxed))
}

/// The user that such an act is done to.
pub(super) fn target(act: Act) -> String {
    format!("target of {act:?}").to_lowercase().replace(' ', "-")
}

/// The number of something at a path that is in no room: of one's own, if one has a cookie; a key is else a bot's.
pub(super) async fn numbered(guarded: &Guarded, path: &str, cookie: Option<&str>, keeper: &str) -> String {
    let server = &guarded.server;
    let by_cookie =
        |request: RequestBuilder| request.header("cookie", cookie.unwrap_or_default()).header("origin", server.url(""));
    let (request, status) = match path {
        "/api/v1/invitations/{id}" => {
            (guarded.request(Method::POST, "/api/v1/invitations", keeper).json(&json!({})), StatusCode::CREATED)
        }
        "/api/v1/keys/{id}" if cookie.is_none() => {
            let body = json!({"name": "a key", "bot": "robot"});
            (guarded.request(Method::POST, "/api/v1/keys", keeper).json(&body), StatusCode::CREATED)
        }
        _ if cookie.is_none() => return "1".to_owned(),
        "/api/v1/keys/{id}" => {
            let make = server.http().post(server.api("/keys")).json(&json!({"name": "a key"}));
            (by_cookie(make), StatusCode::CREATED)
        }
        _ => (by_cookie(server.http().get(server.api("/sessions"))), StatusCode::OK),
    };
    let answer = json_of(request.send().await.expect("an answer"), status).await;
    answer.get("id").unwrap_or(&answer["sessions"][0]["id"]).to_string()
}
