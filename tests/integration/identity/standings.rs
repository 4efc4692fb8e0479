//! Standings of users in rooms, and what credentials stand for: read once, and again only after something has changed.

use futures_util::future::join_all;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::Guarded;
use crate::support::{
    statements::{logged, names, while_doing},
    users::Operator,
};

async fn ask(guarded: &Guarded, token: &str, method: Method, path: &str, body: Value) -> StatusCode {
    let request = guarded.request(method, &format!("/api/v1/rooms/team-a{path}"), token).json(&body);
    request.send().await.expect("an answer").status()
}

async fn post(guarded: &Guarded, token: &str) -> StatusCode {
    ask(guarded, token, Method::POST, "/messages", json!({"content": "hi"})).await
}

async fn read(guarded: &Guarded, token: &str) -> StatusCode {
    guarded.request(Method::GET, "/api/v1/rooms/team-a/messages", token).send().await.expect("an answer").status()
}

#[tokio::test]
async fn a_standing_is_read_again_only_after_a_change_in_the_room() {
    let guarded = Guarded::on(logged(), &[]).await;
    guarded.make_room("team-a").await;
    let [owner, ann, bob] = ["root", "ann", "bob"].map(|user| guarded.token(user, &[]));
    for token in [&ann, &bob] {
        assert_eq!(post(&guarded, token).await, StatusCode::CREATED);
        assert_eq!(read(&guarded, token).await, StatusCode::OK);
    }
    let goes_on = async |expected: StatusCode| {
        let (statements, ()) = while_doing(&guarded.server, async {
            for _ in 0..3 {
                assert_eq!(post(&guarded, &ann).await, expected);
                assert_eq!(read(&guarded, &ann).await, StatusCode::OK);
            }
        })
        .await;
        statements.into_iter().filter(|statement| names(statement, "membership")).collect::<Vec<_>>()
    };
    assert_eq!(goes_on(StatusCode::CREATED).await, Vec::<String>::new(), "nothing has changed since");

    // Somebody else's membership is of the same room.
    let to = json!({"role": "reader"});
    assert_eq!(ask(&guarded, &owner, Method::PUT, "/members/bob", to.clone()).await, StatusCode::OK);
    assert_eq!(post(&guarded, &bob).await, StatusCode::FORBIDDEN);
    assert_eq!(goes_on(StatusCode::CREATED).await.len(), 1);
    assert_eq!(goes_on(StatusCode::CREATED).await, Vec::<String>::new());

    assert_eq!(ask(&guarded, &owner, Method::PUT, "/members/ann", to).await, StatusCode::OK);
    assert_eq!(goes_on(StatusCode::FORBIDDEN).await.len(), 1);
    assert_eq!(ask(&guarded, &owner, Method::DELETE, "/members/ann", json!({})).await, StatusCode::NO_CONTENT);
    assert_eq!(goes_on(StatusCode::CREATED).await.len(), 1);
}

#[tokio::test]
async fn a_change_by_another_process_is_heeded_by_the_next_post() {
    let guarded = Guarded::start().await;
    guarded.make_room("team-a").await;
    let (owner, ann) = (guarded.token("root", &[]), guarded.token("ann", &[]));
    // Who asks for the first time is a user from then on.
    assert_eq!(read(&guarded, &ann).await, StatusCode::OK);
    assert_eq!(ask(&guarded, &owner, Method::PUT, "/members/ann", json!({"role": "member"})).await, StatusCode::OK);
    assert_eq!((post(&guarded, &ann).await, read(&guarded, &ann).await), (StatusCode::CREATED, StatusCode::OK));
    // What the journal of another node writes for a ban, in one transaction.
    for statement in [
        "UPDATE membership SET is_banned = TRUE, banned_at = 1, banned_by = 'root', role = NULL WHERE user_key = 'ann'",
        "UPDATE room SET membership_version = membership_version + 1 WHERE name = 'team-a'",
    ] {
        guarded.server.sql_beside(statement).await;
    }
    assert_eq!(
        (post(&guarded, &ann).await, read(&guarded, &ann).await),
        (StatusCode::FORBIDDEN, StatusCode::FORBIDDEN)
    );
}

#[tokio::test]
async fn a_token_and_a_key_are_looked_up_once_while_nobody_loses_a_right() {
    let guarded = Guarded::on(logged(), &[]).await;
    guarded.make_room("team-a").await;
    let operator = Operator::of(&guarded.server);
    operator.add_user(&["ci", "--bot"]);
    for credential in [guarded.token("ann", &[]), operator.key("ci", &[])] {
        let again = async || {
            let (statements, ()) = while_doing(&guarded.server, async {
                for _ in 0..5 {
                    assert_eq!(read(&guarded, &credential).await, StatusCode::OK);
                    assert_eq!(post(&guarded, &credential).await, StatusCode::CREATED);
                }
            })
            .await;
            let is_of_credentials = |text: &String| ["account", "api_key"].iter().any(|table| names(text, table));
            statements.into_iter().filter(is_of_credentials).collect::<Vec<_>>()
        };
        again().await;
        assert_eq!(again().await, Vec::<String>::new(), "nothing has changed since");
        operator.done(&["user", "sign-out", "root"]);
        assert!(!again().await.is_empty(), "somebody has lost a right");
        assert_eq!(again().await, Vec::<String>::new());
    }
}

#[tokio::test]
async fn a_batch_asks_once_whether_somebody_has_lost_a_right() {
    const POSTS: usize = 200;
    let guarded = Guarded::on(logged(), &[]).await;
    guarded.make_room("team-a").await;
    let [ann, bob] = ["ann", "bob"].map(|user| guarded.token(user, &[]));
    let many = async || {
        let posts = (0..POSTS).map(|number| post(&guarded, if number % 2 == 0 { &ann } else { &bob }));
        for status in join_all(posts).await {
            assert_eq!(status, StatusCode::CREATED);
        }
    };
    many().await;
    let (statements, ()) = while_doing(&guarded.server, many()).await;
    let asked = |table: &str| statements.iter().filter(|statement| names(statement, table)).count();
    // Each batch locks the row of the room once.
    let batches = asked("room");
    assert!((1..POSTS / 4).contains(&batches), "{batches} batches of {POSTS} posts");
    assert!(asked("auth_version") <= batches + 10, "{} of {batches}", asked("auth_version"));
    assert_eq!(asked("membership"), 0, "what is known is right");
}
