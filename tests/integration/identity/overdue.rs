//! Ends of what is handed out, a moment before and after: invitations, secrets for a new password, sessions that nobody uses,
//! tokens with their leeway.

use parlor::domain::timestamp::Timestamp;
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};

use super::Guarded;
use crate::support::{
    Server,
    browser::{Browser, PASSWORD},
    problem::expect_problem,
    users::Operator,
};

const SECOND: i64 = 1_000_000;
const DAY: i64 = 24 * 60 * 60 * SECOND;

async fn start() -> Server {
    Server::builder().arg("--auth").arg("required").arg("--accounts").arg("open").start().await
}

/// An admin by a page.
async fn admin(server: &Server) -> Browser<'_> {
    let root = Browser::of(server);
    root.register("Boss").await;
    Operator::of(server).done(&["user", "admin", "Boss"]);
    root
}

/// The microseconds since 1970, by the clock of the server and of this test.
fn now() -> i64 {
    parlor::clock::Clock::system().now().micros()
}

fn micros(time: &Value) -> i64 {
    Timestamp::parse("expires_at", time.as_str().expect("a time")).expect("a time").micros()
}

#[tokio::test]
async fn an_invitation_registers_nobody_once_it_is_over() {
    let server = start().await;
    let root = admin(&server).await;
    let register = async |invitation: &Value, name: &str| -> Response {
        let body = json!({"username": name, "password": PASSWORD, "invitation": invitation});
        Browser::of(&server).ask(Method::POST, "/accounts", Some(body)).await
    };
    let before = now();
    let made = root.ok(Method::POST, "/invitations", Some(json!({})), 201).await;
    // A week, unless it is said.
    let lasts = micros(&made["expires_at"]) - before;
    assert!((7 * DAY..7 * DAY + 20 * SECOND).contains(&lasts), "{made}");
    let short = root.ok(Method::POST, "/invitations", Some(json!({"expires_in": 60})), 201).await;
    let lasts = micros(&short["expires_at"]) - micros(&short["created_at"]);
    assert_eq!(lasts, 60 * SECOND, "{short}");

    let ends = async |at: i64| server.sql_beside(&format!("UPDATE invitation SET expires_at = {at}")).await;
    ends(now() - 1).await;
    for (name, invitation) in [("Bob", &made), ("Bob", &short), ("Boss", &made)] {
        let refused = register(&invitation["invitation"], name).await;
        expect_problem(refused, 403, "invitation_invalid", &[]).await;
    }
    ends(now() + 60 * SECOND).await;
    assert_eq!(register(&made["invitation"], "Bob").await.status(), StatusCode::CREATED);
}

#[tokio::test]
async fn a_secret_sets_no_password_once_its_hour_is_over() {
    let server = start().await;
    let root = admin(&server).await;
    let alice = Browser::of(&server);
    alice.register("Alice").await;
    let made = root.ok(Method::POST, "/users/Alice/reset", None, 201).await;
    assert_eq!(made["expires_in"], 60 * 60);
    let reset = async || {
        let body = json!({"username": "Alice", "reset": made["reset"], "new": "another long password"});
        Browser::of(&server).ask(Method::POST, "/session", Some(body)).await
    };
    let ends = async |at: i64| server.sql_beside(&format!("UPDATE password_reset SET expires_at = {at}")).await;
    ends(now() - 1).await;
    expect_problem(reset().await, 401, "bad_credentials", &[]).await;
    assert_eq!(alice.username().await, "Alice", "nothing of theirs has ended");
    Browser::of(&server).sign_in("Alice", PASSWORD).await;
    ends(now() + 60 * SECOND).await;
    assert_eq!(reset().await.status(), StatusCode::CREATED);
}

#[tokio::test]
async fn a_session_that_was_not_used_for_thirty_days_is_refused() {
    let server = start().await;
    let (alice, other) = (Browser::of(&server), Browser::of(&server));
    alice.register("Alice").await;
    other.sign_in("Alice", PASSWORD).await;
    let used = async |at: i64| {
        server.sql_beside(&format!("UPDATE session SET last_used_at = {at}")).await;
        // Or what is known of them would be looked up later.
        server.sql_beside("UPDATE auth_version SET version = version + 1").await;
    };
    used(now() - 30 * DAY + 60 * SECOND).await;
    assert_eq!(alice.username().await, "Alice");
    used(now() - 30 * DAY).await;
    let refused = other.ask(Method::GET, "/me", None).await;
    expect_problem(refused, 401, "invalid_token", &[]).await;
    // Whoever used it meanwhile, as the look at it once a minute notes, has it again.
    used(now()).await;
    assert_eq!(other.username().await, "Alice");
}

/// A stream that is open is use of what opened it, and so is a request by a token: it has an end of its own.
#[tokio::test]
async fn what_is_open_lives_on_through_the_leeway_and_no_longer() {
    let guarded = Guarded::with_rooms(&["--jwt-leeway", "4s"]).await;
    let made = now();
    let token = guarded.token("alice", &["--for", "1s"]);
    let get = |path: &str| guarded.request(Method::GET, &format!("/api/v1{path}"), &token);
    let me = get("/me").send().await.expect("an answer").json::<Value>().await.expect("JSON");
    let end = micros(&me["expires_at"]);
    // The end of a token is a whole second.
    assert!((4 * SECOND..7 * SECOND).contains(&(end - made)), "{me}");
    let mut stream = crate::support::sse::Stream::send(get("/rooms/general/stream")).await;
    let mut last = Value::Null;
    let ended = async {
        while let Some(frame) = stream.next().await {
            last = serde_json::from_str(&frame.data).expect("JSON");
        }
        now()
    };
    let ended = crate::support::within(crate::support::DEADLINE, "the end", ended).await;
    assert_eq!(last["code"], "token_expired", "{last}");
    assert!(ended >= end, "{} too soon", end - ended);
    expect_problem(get("/me").send().await.expect("an answer"), 401, "token_expired", &[]).await;
}
