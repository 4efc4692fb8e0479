//! Names that look like another user's, or were one's: nobody gets them, whichever way that user came and by whichever
//! door it is tried.

use futures_util::future::join_all;
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};

use super::Guarded;
use crate::support::{
    Server,
    browser::{Browser, PASSWORD},
    problem::expect_problem,
    server::json_of,
    users::Operator,
};

/// Small letters of two scripts that look the same.
const LATIN: &str = "o";
const CYRILLIC: &str = "\u{43e}";

async fn register(server: &Server, name: &str) -> Response {
    let body = json!({"username": name, "password": PASSWORD});
    Browser::of(server).ask(Method::POST, "/accounts", Some(body)).await
}

async fn expect_taken(server: &Server, name: &str) {
    expect_problem(register(server, name).await, 409, "name_taken", &[]).await;
}

/// Users of each origin, who came without registering; none of their looks is known to whoever compares names only.
async fn come(guarded: &Guarded, number: usize) -> Vec<String> {
    let operator = Operator::of(&guarded.server);
    let names = ["token", "person", "robot", "claim"].map(|origin| format!("{origin}-o-{number}"));
    let by_claim = guarded.token(&format!("sub {number}"), &["--username", &names[3]]);
    for token in [guarded.token(&names[0], &[]), by_claim] {
        let me = guarded.request(Method::GET, "/api/v1/me", &token).send().await.expect("an answer");
        assert_eq!(me.status(), StatusCode::OK);
    }
    operator.add_user(&[&names[1]]);
    operator.add_user(&[&names[2], "--bot"]);
    names.into()
}

#[tokio::test]
async fn nobody_registers_a_name_that_looks_like_one_that_came_otherwise() {
    let mut open = Server::start().await;
    open.post("lobby", "oldtimer", "hi").await;
    assert!(open.terminate().await.success());
    let builder = || Server::builder().dir(open.dir()).database_url(&open.database_url());
    // First while nobody registers, and nobody needs to know what names look like.
    let mut guarded = Guarded::on(builder(), &[]).await;
    let mut names = come(&guarded, 1).await;
    names.push("oldtimer".to_owned());
    // More than are looked at together.
    let row = |number: usize| format!("('many-o-{number}', 'many-o-{number}', 'person', 'claimed', (1 = 0), 1)");
    let rows: Vec<_> = (0..2_100).map(row).collect();
    let columns = "user_key, username, kind, origin, is_admin, created_at";
    let sql = format!("INSERT INTO account ({columns}) VALUES {}", rows.join(", "));
    guarded.server.sql_beside(&sql).await;
    names.extend([0, 999, 1_000, 2_099].map(|number| format!("many-o-{number}")));
    assert!(guarded.server.terminate().await.success());

    let mut guarded = Guarded::on(builder(), &["--accounts", "open"]).await;
    for name in &names {
        expect_taken(&guarded.server, &name.replace(LATIN, CYRILLIC)).await;
        expect_taken(&guarded.server, name).await;
    }
    // And those who come while people register.
    for name in come(&guarded, 2).await {
        expect_taken(&guarded.server, &name.replace(LATIN, CYRILLIC)).await;
    }
    let mine = format!("mine-{CYRILLIC}");
    assert_eq!(register(&guarded.server, &mine).await.status(), StatusCode::CREATED);
    expect_taken(&guarded.server, "mine-o").await;
    // An invitation for a name hands that one over, and none that looks like it.
    let operator = Operator::of(&guarded.server);
    operator.add_user(&["root", "--admin"]);
    let key = operator.key("root", &[]);
    let invite = guarded.request(Method::POST, "/api/v1/invitations", &key).json(&json!({"username": "oldtimer"}));
    let made = json_of(invite.send().await.expect("an answer"), StatusCode::CREATED).await;
    let by_invitation = async |name: &str| {
        let body = json!({"username": name, "password": PASSWORD, "invitation": made["invitation"]});
        Browser::of(&guarded.server).ask(Method::POST, "/accounts", Some(body)).await
    };
    let other = by_invitation(&"oldtimer".replace(LATIN, CYRILLIC)).await;
    expect_problem(other, 403, "invitation_invalid", &[]).await;
    assert_eq!(by_invitation("oldtimer").await.status(), StatusCode::CREATED);
    assert!(guarded.server.terminate().await.success());
}

#[tokio::test]
async fn the_name_of_a_deleted_account_is_given_to_nobody_by_any_door() {
    let guarded = Guarded::with(&["--accounts", "open"]).await;
    let (leaver, root) = (Browser::of(&guarded.server), Browser::of(&guarded.server));
    leaver.register("Leaver").await;
    leaver.ok(Method::POST, "/rooms/general/messages", Some(json!({"content": "mine"})), 201).await;
    root.register("Boss").await;
    let operator = Operator::of(&guarded.server);
    operator.done(&["user", "admin", "Boss"]);
    leaver.ok(Method::DELETE, "/me", None, 204).await;

    // By a token, whose subject is that name or that claims it.
    for token in [
        guarded.token("Leaver", &[]),
        guarded.token("leaver", &[]),
        guarded.token("u-1", &["--username", "Leaver"]),
        guarded.token("u-2", &["--username", "LEAVER"]),
    ] {
        let asked = guarded.request(Method::GET, "/api/v1/me", &token).send().await;
        expect_problem(asked.expect("an answer"), 403, "name_taken", &[]).await;
        let signed_in = Browser::of(&guarded.server).ask(Method::POST, "/session", Some(json!({"token": token}))).await;
        expect_problem(signed_in, 403, "name_taken", &[]).await;
    }
    // As a bot, and by an invitation.
    for bot in ["Leaver", "leaver", "Leav\u{435}r"] {
        let asked = root.ask(Method::POST, "/keys", Some(json!({"name": "k", "bot": bot}))).await;
        expect_problem(asked, 409, "name_taken", &[]).await;
    }
    let invited = root.ask(Method::POST, "/invitations", Some(json!({"username": "leaver"}))).await;
    expect_problem(invited, 409, "name_taken", &[]).await;
    // By the command line.
    for words in [
        &["user", "add", "leaver"][..],
        &["user", "add", "Leaver", "--bot"],
        &["user", "link", "Leaver", "--sub", "u-3"],
        &["user", "enable", "Leaver"],
        &["user", "admin", "Leaver"],
        &["key", "create", "--user", "Leaver"],
    ] {
        operator.refused(words, 1);
    }
    let set = operator.run_with_input(&["user", "password", "Leaver", "--password-stdin"], PASSWORD);
    assert_eq!(set.status.code(), Some(1), "{set:?}");
    // By the doors of those who are there.
    for (method, path, body) in [
        (Method::POST, "/users/Leaver/reset", Value::Null),
        (Method::PATCH, "/users/Leaver", json!({"disabled": false})),
        (Method::PUT, "/dms/Leaver", Value::Null),
    ] {
        let asked = root.ask(method, path, Some(body).filter(|body| !body.is_null())).await;
        expect_problem(asked, 404, "not_found", &[]).await;
    }
    let messages = root.ok(Method::GET, "/rooms/general/messages", None, 200).await;
    assert_eq!(messages["messages"][0]["username"], "Leaver", "what was said stays theirs");
}

/// A page that has just been given a token asks for many things at once.
#[tokio::test]
async fn the_first_requests_of_a_user_may_come_together() {
    let guarded = Guarded::start().await;
    for round in 0..10 {
        let token = guarded.token(&format!("newcomer-{round}"), &[]);
        let ask = async || guarded.request(Method::GET, "/api/v1/me", &token).send().await.expect("an answer");
        for answer in join_all((0..100).map(|_| ask())).await {
            assert_eq!(json_of(answer, StatusCode::OK).await["username"], format!("newcomer-{round}"));
        }
    }
}

/// The name of a token's user is taken from its claim at the first request.
#[tokio::test]
async fn the_name_that_a_token_claims_counts_once() {
    let guarded = Guarded::start().await;
    let username = async |claimed: &[&str]| {
        let token = guarded.token("u-7", claimed);
        let me = guarded.request(Method::GET, "/api/v1/me", &token).send().await.expect("an answer");
        json_of(me, StatusCode::OK).await["username"].clone()
    };
    assert_eq!(username(&["--username", "Ann"]).await, "Ann");
    for later in [&["--username", "Bert"][..], &["--username", "ANN"], &[]] {
        assert_eq!(username(later).await, "Ann", "{later:?}");
    }
    let users = Operator::of(&guarded.server).list(&["user", "list"]);
    assert!(users.iter().all(|user| user["username"] != "Bert" && user["username"] != "u-7"), "{users:?}");
    // Who bears the other name is somebody else.
    let bert = guarded.token("Bert", &[]);
    let me = guarded.request(Method::GET, "/api/v1/me", &bert).send().await.expect("an answer");
    assert_eq!(json_of(me, StatusCode::OK).await["username"], "Bert");
}
