//! Tokens and their users on the wire: what is refused, and how.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use parlor::{
    clock::Clock,
    identity::secret::{Secret, SecretKind},
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{AUDIENCE, Guarded};
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
    // Wherever it stands, whatever is there, and also beside a good one.
    let key = Secret::generate(SecretKind::ApiKey).reveal().to_owned();
    for secret in [&token, &key] {
        for path in [
            format!("/api/v1/rooms/{secret}"),
            format!("/api/v1/rooms/{secret}/messages"),
            format!("/api/v1/rooms/x{}{secret}/messages", "%20"),
            format!("/api/v1/users/{secret}/reset"),
            format!("/api/v1/{secret}"),
            format!("/ws/chat/{secret}/"),
            format!("{MESSAGES}?{secret}"),
            format!("{MESSAGES}?{secret}=1"),
            format!("{MESSAGES}?limit=1&x=Bearer%20{secret}"),
            format!("{MESSAGES}?limit=1&x=Bearer+{secret}"),
            format!("{MESSAGES}?client_id=a%2C{secret}"),
        ] {
            for request in [
                guarded.server.http().get(guarded.server.url(&path)),
                guarded.request(Method::GET, &path, &token),
                guarded.request(Method::PUT, &path, &token).json(&json!({})),
            ] {
                let refused = refused(request.send().await.expect("an answer"), 400, "bad_query").await;
                assert!(!refused.to_string().contains(secret.as_str()), "it is said again");
            }
        }
    }
    // What only begins so is a name like others.
    let found = guarded.request(Method::GET, "/api/v1/rooms/plr_short", &token).send().await;
    refused(found.expect("an answer"), 404, "not_found").await;
    let last = guarded.request(Method::GET, "/api/v1/me", &token).send().await.expect("an answer");
    assert_eq!(last.status(), StatusCode::OK);
    let id = last.headers()["x-request-id"].to_str().expect("text");
    guarded.server.wait_for_log(id, DEADLINE).await;
    let log = guarded.server.log().join("\n");
    for secret in [&token, &key] {
        assert!(!log.contains(secret.as_str()), "a credential is in the log");
    }
}

/// `parlor token` says when it makes one; other systems may not.
#[tokio::test]
async fn a_token_that_does_not_say_how_old_it_is_is_good_until_its_user_is_signed_out() {
    let guarded = Guarded::start().await;
    let pem = std::fs::read_to_string(guarded.keys.path().join("chat.pem")).expect("a key");
    let der = STANDARD.decode(pem.lines().nth(1).expect("its content")).expect("base64");
    let exp = Clock::system().now().micros() / 1_000_000 + 3_600;
    let claims = json!({"sub": "alice", "aud": AUDIENCE, "exp": exp});
    let token = encode(&Header::new(Algorithm::EdDSA), &claims, &EncodingKey::from_ed_der(&der)).expect("a token");
    let me = async || guarded.request(Method::GET, "/api/v1/me", &token).send().await.expect("an answer");
    assert_eq!(json_of(me().await, StatusCode::OK).await["username"], "alice");
    let admin = guarded.token("root", &["--can", "admin"]);
    let out = guarded.request(Method::PATCH, "/api/v1/users/alice", &admin).json(&json!({"sign_out": true}));
    json_of(out.send().await.expect("an answer"), StatusCode::OK).await;
    for _ in 0..2 {
        refused(me().await, 401, "invalid_token").await;
    }
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
