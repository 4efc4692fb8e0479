//! Tokens and their users on the wire: what is refused, and how.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::Guarded;
use crate::support::{DEADLINE, server::json_of, within};

const MESSAGES: &str = "/api/v1/rooms/general/messages";

async fn refused(answer: reqwest::Response, status: u16, code: &str) -> Value {
    let challenge = answer.headers().get("www-authenticate").cloned();
    let problem = json_of(answer, StatusCode::from_u16(status).expect("a status")).await;
    assert_eq!(problem["code"], code, "{problem}");
    assert_eq!(challenge.is_some(), status == 401, "{challenge:?}");
    problem
}

#[tokio::test]
async fn a_message_is_by_the_user_of_the_token_and_by_nobody_else() {
    let guarded = Guarded::start().await;
    guarded.make_room("general").await;
    let alice = guarded.token("alice", &[]);
    let post = |body: Value| guarded.request(Method::POST, MESSAGES, &alice).json(&body).send();
    let posted = json_of(post(json!({"content": "hi"})).await.expect("an answer"), StatusCode::CREATED).await;
    assert_eq!(posted["username"], "alice");
    let named = post(json!({"content": "hi", "username": "ALICE"})).await.expect("an answer");
    assert_eq!(json_of(named, StatusCode::CREATED).await["username"], "alice");
    let other = post(json!({"content": "hi", "username": "bob"})).await.expect("an answer");
    refused(other, 403, "forbidden").await;
}

#[tokio::test]
async fn what_is_no_credential_is_refused_before_anything_else_is_said() {
    let guarded = Guarded::start().await;
    let send = |header: &str| {
        let request = guarded.server.http().post(guarded.server.url(MESSAGES)).body("not JSON");
        request.header("authorization", header).send()
    };
    for header in ["Bearer nonsense", "Bearer a.b.c", "Bearer plr_short", "Basic !!!", "Digest x", "Bearer"] {
        refused(send(header).await.expect("an answer"), 401, "invalid_token").await;
    }
    let none = guarded.server.http().post(guarded.server.url(MESSAGES)).body("not JSON").send().await;
    refused(none.expect("an answer"), 401, "unauthenticated").await;
    let expired = guarded.token("alice", &["--for", "1s"]);
    let over = async {
        loop {
            let answer = guarded.request(Method::GET, MESSAGES, &expired).send().await.expect("an answer");
            if answer.status() == StatusCode::UNAUTHORIZED {
                break answer;
            }
        }
    };
    refused(within(DEADLINE, "the token is over", over).await, 401, "token_expired").await;
}

#[tokio::test]
async fn a_credential_in_a_url_is_refused_and_in_no_log() {
    let guarded = Guarded::with(&["--log", "trace"]).await;
    let token = guarded.token("alice", &[]);
    for name in ["token", "access_token", "Api_Key"] {
        let url = guarded.server.url(&format!("{MESSAGES}?{name}={token}"));
        refused(guarded.server.http().get(url).send().await.expect("an answer"), 400, "bad_query").await;
    }
    let last = guarded.request(Method::GET, "/api/v1/me", &token);
    let last = last.send().await.expect("an answer");
    assert_eq!(last.status(), StatusCode::OK);
    let id = last.headers()["x-request-id"].to_str().expect("text");
    guarded.server.wait_for_log(id, DEADLINE).await;
    assert!(!guarded.server.log().join("\n").contains(&token), "a token is in the log");
}

#[tokio::test]
async fn a_room_that_is_out_of_reach_is_as_one_that_is_not_there() {
    let guarded = Guarded::start().await;
    guarded.make_room("hidden").await;
    let narrow = guarded.token("nora", &["--rooms", "team-*"]);
    let mut answers = Vec::new();
    for room in ["hidden", "nowhere"] {
        for path in ["", "/messages", "/stream", "/poll?since=0", "/presence", "/read", "/search?q=x", "/messages/1"] {
            let answer = guarded.request(Method::GET, &format!("/api/v1/rooms/{room}{path}"), &narrow).send().await;
            let mut problem = refused(answer.expect("an answer"), 404, "not_found").await;
            problem["request_id"] = Value::Null;
            answers.push(problem);
        }
        let post = guarded.request(Method::POST, &format!("/api/v1/rooms/{room}/messages"), &narrow);
        let mut problem =
            refused(post.json(&json!({"content": "x"})).send().await.expect("an answer"), 404, "not_found").await;
        problem["request_id"] = Value::Null;
        answers.push(problem);
    }
    assert!(answers.windows(2).all(|two| two[0] == two[1]), "{answers:#?}");
    let listed = guarded.request(Method::GET, "/api/v1/rooms", &narrow).send().await.expect("an answer");
    assert_eq!(json_of(listed, StatusCode::OK).await["rooms"], json!([]));
}

#[tokio::test]
async fn a_subject_that_looks_like_another_users_name_is_not_that_user() {
    let guarded = Guarded::start().await;
    guarded.make_room("general").await;
    let get = |token: String| {
        let request = guarded.request(Method::GET, MESSAGES, &token);
        async move { request.send().await.expect("an answer") }
    };
    assert_eq!(get(guarded.token("Alice", &[])).await.status(), StatusCode::OK);
    refused(get(guarded.token("alice", &[])).await, 403, "name_taken").await;
    assert_eq!(get(guarded.token("Alice", &["--for", "2h"])).await.status(), StatusCode::OK, "the same user again");
}
