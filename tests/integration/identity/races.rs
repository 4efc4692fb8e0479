//! Rights that are lost while something is done by them: nothing that is made by a password, a token or a membership
//! outlives the loss of it.

use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::future::join_all;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{Guarded, scene::Scene};
use crate::support::{
    browser::{Browser, PASSWORD},
    server::json_of,
    users::Operator,
};

const ROUNDS: usize = 5;
const AT_ONCE: usize = 3;

/// Signs in again and again, at the same time, while something is done; gives the browsers that got in.
async fn signing_in<'a>(guarded: &'a Guarded, body: &Value, done: impl Future<Output = ()>) -> Vec<Browser<'a>> {
    let is_done = AtomicBool::new(false);
    let sign_in = async || {
        let mut signed_in = Vec::new();
        // Once more after it is done, so that some are under way whenever it is.
        while !is_done.load(Ordering::Relaxed) {
            let browser = Browser::of(&guarded.server);
            if browser.ask(Method::POST, "/session", Some(body.clone())).await.status() == StatusCode::CREATED {
                signed_in.push(browser);
            }
        }
        signed_in
    };
    let work = async {
        done.await;
        is_done.store(true, Ordering::Relaxed);
    };
    let (signed_in, ()) = tokio::join!(join_all((0..AT_ONCE).map(|_| sign_in())), work);
    signed_in.into_iter().flatten().collect()
}

async fn expect_out(browsers: &[Browser<'_>]) {
    for browser in browsers {
        assert_eq!(browser.username().await, Value::Null, "its session began by what is good no longer");
    }
}

#[tokio::test]
async fn no_session_outlives_the_password_that_it_began_by() {
    let guarded = Guarded::with(&["--accounts", "open"]).await;
    let own = Browser::of(&guarded.server);
    own.register("Alice").await;
    let mut password = PASSWORD.to_owned();
    for round in 0..ROUNDS {
        let new = format!("another good password {round}");
        let body = json!({"username": "Alice", "password": password});
        let change = json!({"current": password, "new": new});
        let changed = async {
            // No more than some may wait for a hash.
            let status = loop {
                let answer = own.ask(Method::PUT, "/me/password", Some(change.clone())).await;
                if answer.status() != StatusCode::SERVICE_UNAVAILABLE {
                    break answer.status();
                }
            };
            assert_eq!(status, StatusCode::NO_CONTENT);
        };
        expect_out(&signing_in(&guarded, &body, changed).await).await;
        assert_eq!(own.username().await, json!("Alice"), "except for the one that changed it");
        password = new;
    }
    let operator = Operator::of(&guarded.server);
    let by_operator = async {
        let words = ["user", "password", "Alice", "--password-stdin"];
        let run = move || operator.run_with_input(&words, "a password by the operator\n");
        let run = tokio::task::spawn_blocking(run).await.expect("it runs");
        assert!(run.status.success(), "{run:?}");
    };
    let body = json!({"username": "Alice", "password": password});
    expect_out(&signing_in(&guarded, &body, by_operator).await).await;
}

#[tokio::test]
async fn no_session_outlives_the_token_that_it_began_by() {
    let guarded = Guarded::with(&["--accounts", "open"]).await;
    let admin = guarded.token("root", &["--can", "read,post,moderate,admin"]);
    for round in 0..ROUNDS {
        let user = format!("max{round}");
        let token = guarded.token(&user, &[]);
        let sign_out = async {
            let path = &format!("/api/v1/users/{user}");
            let known = guarded.request(Method::GET, "/api/v1/me", &token).send().await.expect("an answer");
            assert_eq!(known.status(), StatusCode::OK);
            let out = guarded.request(Method::PATCH, path, &admin).json(&json!({"sign_out": true}));
            json_of(out.send().await.expect("an answer"), StatusCode::OK).await;
        };
        expect_out(&signing_in(&guarded, &json!({"token": token}), sign_out).await).await;
    }
}

#[tokio::test]
async fn who_deletes_the_account_is_in_no_room_after() {
    let guarded = Guarded::with(&["--accounts", "open"]).await;
    let owner = guarded.token("olga", &[]);
    let rooms: Vec<_> = (0..8).map(|number| format!("/api/v1/rooms/team-{number}")).collect();
    for room in &rooms {
        let made = guarded.request(Method::PUT, room, &owner).json(&json!({})).send().await.expect("an answer");
        assert_eq!(made.status(), StatusCode::CREATED);
    }
    for round in 0..ROUNDS {
        let name = format!("Leaver{round}");
        let leaver = Browser::of(&guarded.server);
        leaver.register(&name).await;
        let add = async |room: &str| {
            let path = format!("{room}/members/{name}");
            let added = guarded.request(Method::PUT, &path, &owner).json(&json!({"role": "owner"})).send();
            let status = added.await.expect("an answer").status();
            assert!([StatusCode::OK, StatusCode::NOT_FOUND].contains(&status), "{status}");
        };
        let leave = leaver.ok(Method::DELETE, "/me", None, 204);
        tokio::join!(leave, join_all(rooms.iter().map(|room| add(room))));
        for room in &rooms {
            let members = guarded.request(Method::GET, &format!("{room}/members"), &owner).send().await;
            let members = json_of(members.expect("an answer"), StatusCode::OK).await;
            let names: Vec<_> =
                members["members"].as_array().expect("a list").iter().map(|it| &it["username"]).collect();
            assert_eq!(names, ["olga"], "{room}");
        }
    }
}

#[tokio::test]
async fn an_admin_does_nothing_in_a_room_after_it_is_private() {
    let scene = Scene::with(&["olga"]).await;
    for round in 0..ROUNDS * 4 {
        let room = format!("/rooms/team-{round}");
        scene.ok("olga", Method::PUT, &room, Some(json!({})), 201).await;
        let posts = format!("{room}/messages");
        let post = async || {
            let answer = scene.ask("admin", Method::POST, &posts, Some(json!({"content": "hi"}))).await;
            (answer.status() == StatusCode::CREATED).then_some(())?;
            json_of(answer, StatusCode::CREATED).await["id"].as_i64()
        };
        let make_private = async {
            let body = json!({"visibility": "private"});
            let answer = scene.ask("olga", Method::PUT, &room, Some(body)).await;
            answer.headers()["event-id"].to_str().expect("text").parse::<i64>().expect("an id")
        };
        let (made_private, posted) = tokio::join!(make_private, join_all((0..12).map(|_| post())));
        let late: Vec<_> = posted.into_iter().flatten().filter(|id| *id > made_private).collect();
        assert_eq!(late, Vec::<i64>::new(), "after {made_private} in {room}");
    }
}
