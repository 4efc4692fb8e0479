//! From open to required: names that were only claimed are kept for whom they are given to.

use reqwest::{Method, StatusCode};
use serde_json::json;

use super::Guarded;
use crate::support::{
    DEADLINE, Server,
    command::Command,
    problem::expect_problem,
    server::{failure, json_of},
    users::Operator,
};

const MESSAGES: &str = "/api/v1/rooms/general/messages";

/// A server that takes tokens, on a database in which names were claimed: `Alice` posted, `Bob` reacted, `Carol` read.
async fn after_open_mode(open: &mut Server) -> Guarded {
    open.post("lobby", "Alice", "hi").await;
    open.perform("lobby", &[Command::react("Bob", 1, "👍"), Command::read("Carol", 1)]).await;
    assert!(open.terminate().await.success());
    Guarded::on(Server::builder().dir(open.dir()).database_url(&open.database_url()), &[]).await
}

async fn status(guarded: &Guarded, token: &str) -> StatusCode {
    let answer = guarded.request(Method::GET, MESSAGES, token).send().await.expect("an answer");
    answer.status()
}

#[tokio::test]
async fn the_first_start_makes_users_of_all_names_and_the_room_general() {
    let mut open = Server::start().await;
    let mut guarded = after_open_mode(&mut open).await;
    let operator = Operator::of(&guarded.server);
    let listed = || {
        let users = operator.list(&["user", "list"]);
        let of = |user: &serde_json::Value| (user["username"].clone(), user["origin"].clone(), user["admin"].clone());
        users.iter().map(of).collect::<Vec<_>>()
    };
    let claimed = ["Alice", "Bob", "Carol"].map(|name| (json!(name), json!("claimed"), json!(false)));
    assert_eq!(listed(), claimed);
    guarded.server.wait_for_log("users now, as whom nobody can sign in", DEADLINE).await;
    let dora = guarded.token("Dora", &[]);
    let rooms = guarded.request(Method::GET, "/api/v1/rooms", &dora).send().await.expect("an answer");
    let rooms = json_of(rooms, StatusCode::OK).await;
    let names: Vec<_> = rooms["rooms"].as_array().expect("rooms").iter().map(|room| room["name"].clone()).collect();
    assert_eq!(names, ["general", "lobby"]);
    assert_eq!(rooms["rooms"][0]["head"], 0);

    // Once for a database: a later start makes no more of them.
    guarded.server.restart().await;
    assert_eq!(listed().len(), 4);
}

#[tokio::test]
async fn a_claimed_name_is_taken_by_the_command_line_or_a_token_and_then_by_nobody_else() {
    let mut open = Server::start().await;
    let guarded = after_open_mode(&mut open).await;
    let operator = Operator::of(&guarded.server);
    for words in [&["key", "create", "--user", "Alice"][..], &["user", "admin", "Alice"]] {
        let error = operator.refused(words, 1);
        assert!(error.contains("only claimed") && error.contains("parlor user add"), "{error}");
    }

    // By the command line: as a person, with the spelling that the messages have.
    let (_, said) = operator.done(&["user", "add", "alice", "--admin"]);
    assert!(said.contains("Alice was only claimed, and is handed over"), "{said}");
    let alice = operator.user("Alice");
    assert_eq!((&alice["origin"], &alice["kind"], &alice["admin"]), (&json!("local"), &json!("person"), &json!(true)));
    operator.refused(&["user", "add", "Alice"], 1);
    let refused = guarded.request(Method::GET, MESSAGES, &guarded.token("Alice", &[])).send().await;
    expect_problem(refused.expect("an answer"), 403, "name_taken", &[]).await;
    let key = operator.key("Alice", &["--can", "read,post"]);
    let edited = guarded.request(Method::PATCH, "/api/v1/rooms/lobby/messages/1", &key);
    let edited = edited.json(&json!({"content": "by its author"})).send().await.expect("an answer");
    assert_eq!(json_of(edited, StatusCode::OK).await["username"], "Alice");

    // By a token.
    assert_eq!(status(&guarded, &guarded.token("Bob", &[])).await, StatusCode::OK);
    let bob = operator.user("Bob");
    assert_eq!((&bob["origin"], &bob["sub"]), (&json!("jwt"), &json!("Bob")));
    assert_eq!(status(&guarded, &guarded.token("bob", &[])).await, StatusCode::FORBIDDEN);
    let other = guarded.token("u-2", &["--username", "Bob"]);
    assert_eq!(status(&guarded, &other).await, StatusCode::FORBIDDEN);
    operator.refused(&["user", "add", "Bob"], 1);

    // As a bot, and by a link.
    operator.add_user(&["Carol", "--bot"]);
    let carol = operator.user("Carol");
    assert_eq!((&carol["origin"], &carol["kind"]), (&json!("bot"), &json!("bot")));
    assert_eq!(status(&guarded, &guarded.token("Carol", &[])).await, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_linked_user_is_signed_in_by_that_sub_and_no_longer_by_the_one_before() {
    let mut open = Server::start().await;
    let guarded = after_open_mode(&mut open).await;
    let operator = Operator::of(&guarded.server);
    let first = guarded.token("u|1", &["--username", "Unused"]);
    operator.done(&["user", "link", "Alice", "--sub", "u|1"]);
    assert_eq!(operator.user("Alice")["origin"], "jwt", "a link hands over, too");
    let me = guarded.request(Method::GET, "/api/v1/me", &first).send().await.expect("an answer");
    assert_eq!(json_of(me, StatusCode::OK).await["username"], "Alice");

    operator.done(&["user", "link", "Alice", "--sub", "u|2"]);
    // Whoever it was known for is signed out; asked for again, it is a user of its own.
    let me = guarded.request(Method::GET, "/api/v1/me", &first).send().await.expect("an answer");
    expect_problem(me, 401, "invalid_token", &[]).await;
    let me = guarded.request(Method::GET, "/api/v1/me", &first).send().await.expect("an answer");
    assert_eq!(json_of(me, StatusCode::OK).await["username"], "Unused");
    let again = guarded.token("u|3", &["--username", "Alice"]);
    let refused = guarded.request(Method::GET, "/api/v1/me", &again).send().await.expect("an answer");
    expect_problem(refused, 403, "name_taken", &[]).await;
}

#[tokio::test]
async fn what_was_said_in_private_is_not_shown_in_open_mode() {
    let mut open = Server::start().await;
    let mut guarded = after_open_mode(&mut open).await;
    let dora = guarded.token("Dora", &[]);
    let private = json!({"visibility": "private"});
    let made = guarded.request(Method::PUT, "/api/v1/rooms/secret", &dora).json(&private).send().await;
    assert_eq!(made.expect("an answer").status(), StatusCode::CREATED);
    assert!(guarded.server.terminate().await.success());
    let again = Server::builder().dir(open.dir()).database_url(&open.database_url()).arg("--allow-open");
    let error = failure(again, 2).await;
    assert!(error.contains("private rooms") && error.contains("--auth required"), "{error}");
}
