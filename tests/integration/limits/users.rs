//! Limits of users wherever they are, of bots, of addresses behind a proxy; and networks that are exempt.

use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};

use super::left;
use crate::support::{
    Server,
    browser::{Browser, PASSWORD},
    problem::expect_problem,
    server::Builder,
    users::Operator,
};

/// A server that requires credentials, behind a proxy on this machine.
async fn required(settings: &[&str]) -> Server {
    let builder = Server::builder().arg("--auth=required").arg("--accounts=open").arg("--trusted-proxies=127.0.0.1");
    settings.iter().fold(builder, Builder::arg).start().await
}

/// The answer to a request that the proxy passes on from an address.
async fn ask(server: &Server, from: &str, key: &str, (method, path, body): (Method, &str, Value)) -> Response {
    let request = server.http().request(method, server.api(path)).bearer_auth(key).header("X-Forwarded-For", from);
    request.json(&body).send().await.expect("an answer")
}

async fn post(server: &Server, from: &str, key: &str) -> Response {
    ask(server, from, key, (Method::POST, "/rooms/general/messages", json!({"content": "hi"}))).await
}

#[tokio::test]
async fn a_user_is_counted_wherever_they_are_and_a_bot_has_five_times_as_much() {
    let server = required(&["--limit-posts=2/h"]).await;
    let operator = Operator::of(&server);
    operator.add_user(&["alice"]);
    operator.add_user(&["bob"]);
    operator.add_user(&["builds", "--bot"]);
    let key = |user: &str| operator.key(user, &[]);
    let (alice, again, bob, builds) = (key("alice"), key("alice"), key("bob"), key("builds"));
    assert_eq!(left(&post(&server, "192.0.2.1", &alice).await, "posts").0, 1);
    assert_eq!(left(&post(&server, "192.0.2.2", &again).await, "posts").0, 0);
    expect_problem(post(&server, "192.0.2.3", &alice).await, 429, "rate_limited", &[]).await;
    // Others at the same address have their own.
    assert_eq!(left(&post(&server, "192.0.2.1", &bob).await, "posts").0, 1);
    for n in (0..10).rev() {
        assert_eq!(left(&post(&server, "192.0.2.1", &builds).await, "posts").0, n);
    }
    expect_problem(post(&server, "192.0.2.1", &builds).await, 429, "rate_limited", &[]).await;
}

#[tokio::test]
async fn credentials_that_are_not_good_are_counted_by_the_address_that_tries_them() {
    let server = required(&["--limit-requests=1/h:1"]).await;
    let try_one = async |from: &str| ask(&server, from, "plr_no_key", (Method::GET, "/me", Value::Null)).await;
    for n in (0..10).rev() {
        let refused = try_one("192.0.2.1").await;
        assert_eq!((refused.status(), left(&refused, "requests").0), (StatusCode::UNAUTHORIZED, n));
    }
    expect_problem(try_one("192.0.2.1").await, 429, "rate_limited", &[]).await;
    assert_eq!(try_one("192.0.2.2").await.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn registrations_are_counted_by_address_except_for_those_who_are_invited() {
    let server = required(&["--limit-registrations=2/h"]).await;
    let operator = Operator::of(&server);
    operator.add_user(&["admin", "--admin"]);
    let admin = operator.key("admin", &["--can", "read,post,moderate,admin"]);
    let register = async |from: &str, name: &str, invitation: Option<&str>| {
        let request = Browser::of(&server).request(Method::POST, "/accounts").header("X-Forwarded-For", from);
        let mut body = json!({"username": name, "password": PASSWORD});
        if let Some(invitation) = invitation {
            body["invitation"] = invitation.into();
        }
        request.json(&body).send().await.expect("an answer")
    };
    assert_eq!(left(&register("192.0.2.1", "first", None).await, "registrations").0, 1);
    assert_eq!(left(&register("192.0.2.1", "second", None).await, "registrations").0, 0);
    let refused = register("192.0.2.1", "third", None).await;
    assert_eq!(refused.headers()["retry-after"], "1800");
    expect_problem(refused, 429, "rate_limited", &[]).await;
    assert_eq!(register("192.0.2.2", "third", None).await.status(), StatusCode::CREATED);
    let invited = ask(&server, "192.0.2.9", &admin, (Method::POST, "/invitations", json!({}))).await;
    let invitation: Value = invited.json().await.expect("an invitation");
    let secret = invitation["invitation"].as_str().unwrap_or_else(|| panic!("{invitation}"));
    assert_eq!(register("192.0.2.1", "fourth", Some(secret)).await.status(), StatusCode::CREATED);
}

#[tokio::test]
async fn clients_of_a_trusted_proxy_are_told_apart_and_networks_can_be_exempt() {
    let server = Server::builder().arg("--trusted-proxies=127.0.0.1").arg("--limit-posts=1/h");
    let server = server.arg("--limits-exempt=127.0.0.0/8,203.0.113.0/24").start().await;
    let post = async |from: Option<&str>, name: &str| {
        let body = json!({"username": name, "content": "hi"});
        let request = server.http().post(server.api("/rooms/general/messages")).json(&body);
        let request = if let Some(from) = from { request.header("X-Forwarded-For", from) } else { request };
        request.send().await.expect("an answer")
    };
    for from in ["192.0.2.1", "192.0.2.2", "203.0.113.7, 192.0.2.3"] {
        assert_eq!(left(&post(Some(from), "Alice").await, "posts").0, 0, "{from}");
        expect_problem(post(Some(from), "Alice").await, 429, "rate_limited", &[]).await;
    }
    for _ in 0..3 {
        let answer = post(Some("192.0.2.1, 203.0.113.7"), "Alice").await;
        assert_eq!(answer.status(), StatusCode::CREATED);
        assert!(!answer.headers().contains_key("ratelimit"));
    }
    // Without the header all are the proxy, which is not exempt though this machine is.
    assert_eq!(left(&post(None, "Alice").await, "posts").0, 0);
    expect_problem(post(None, "Alice").await, 429, "rate_limited", &[]).await;
}
