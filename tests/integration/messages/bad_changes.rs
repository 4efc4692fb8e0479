//! Edits, deletions, reactions and cursors that can't be honoured: each is told why, and nothing changes.

use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::support::{Server, command::Command, problem::expect_problem};

const MESSAGE: &str = "/rooms/general/messages/1";
const REACTION: &str = "/rooms/general/messages/1/reactions/x";
const READ: &str = "/rooms/general/read";

/// A server with a message that everything below leaves as it is.
async fn start() -> (Server, Value) {
    let server = Server::start().await;
    server.perform("general", &[Command::post("A", "hi"), Command::react("A", 1, "👍"), Command::read("A", 1)]).await;
    let message = server.get_json(MESSAGE).await;
    (server, message)
}

async fn is_unchanged(server: &Server, message: &Value) {
    assert_eq!(&server.get_json(MESSAGE).await, message);
    assert_eq!(server.head("general").await, 2, "nothing took an id");
    let read = server.get_json(READ).await;
    assert_eq!((read["cursors"].as_array().map(Vec::len), &read["cursors"][0]["last_read_id"]), (Some(1), &json!(1)));
}

async fn send(server: &Server, method: &Method, path: &str, kind: &str, body: &str) -> Response {
    let request = server.http().request(method.clone(), server.api(path)).header("Content-Type", kind);
    request.body(body.to_owned()).send().await.expect("an answer")
}

#[tokio::test]
async fn a_body_of_the_wrong_shape_is_invalid() {
    let (server, message) = start().await;
    let (patch, put, long) = (Method::PATCH, Method::PUT, "x".repeat(10_001));
    for (method, path, body, fields) in [
        (&patch, MESSAGE, json!([]), &[][..]),
        (&patch, MESSAGE, json!(null), &[]),
        (&patch, MESSAGE, json!({}), &["username", "content"]),
        (&patch, MESSAGE, json!({"username": "A"}), &["content"]),
        (&patch, MESSAGE, json!({"content": "x"}), &["username"]),
        (&patch, MESSAGE, json!({"username": null, "content": null}), &["username", "content"]),
        (&patch, MESSAGE, json!({"username": 5, "content": "x"}), &["username"]),
        (&patch, MESSAGE, json!({"username": "\u{202e}", "content": "x"}), &["username"]),
        (&patch, MESSAGE, json!({"username": "A", "content": ["x"]}), &["content"]),
        (&patch, MESSAGE, json!({"username": "A", "content": " \n"}), &["content"]),
        (&patch, MESSAGE, json!({"username": "A", "content": "a\u{0}b"}), &["content"]),
        (&patch, MESSAGE, json!({"username": "A", "content": long}), &["content"]),
        (&put, READ, json!([]), &[]),
        (&put, READ, json!({}), &["username", "last_read_id"]),
        (&put, READ, json!({"username": "A"}), &["last_read_id"]),
        (&put, READ, json!({"last_read_id": 1}), &["username"]),
        (&put, READ, json!({"username": "", "last_read_id": -1}), &["username", "last_read_id"]),
        (&put, READ, json!({"username": "A", "last_read_id": "1"}), &["last_read_id"]),
        (&put, READ, json!({"username": "A", "last_read_id": 1.5}), &["last_read_id"]),
        (&put, READ, json!({"username": "A", "last_read_id": -1}), &["last_read_id"]),
        (&put, READ, json!({"username": "A", "last_read_id": 3}), &["last_read_id"]),
        (&put, READ, json!({"username": "A", "last_read_id": i64::MAX}), &["last_read_id"]),
    ] {
        let answer = send(&server, method, path, "application/json", &body.to_string()).await;
        expect_problem(answer, 422, "invalid", fields).await;
    }
    for (method, path, form, fields) in [
        (&patch, MESSAGE, "", &["username", "content"][..]),
        (&patch, MESSAGE, "username=A&content=a%00b", &["content"]),
        (&put, READ, "username=A", &["last_read_id"]),
        (&put, READ, "username=A&last_read_id=one", &["last_read_id"]),
    ] {
        let answer = send(&server, method, path, "application/x-www-form-urlencoded", form).await;
        expect_problem(answer, 422, "invalid", fields).await;
    }
    is_unchanged(&server, &message).await;
}

#[tokio::test]
async fn a_body_that_is_too_large_or_of_another_type_is_refused() {
    let (server, message) = start().await;
    let body = json!({"username": "A", "content": "x", "last_read_id": 2}).to_string();
    let padded = body.clone() + &" ".repeat(64 * 1024);
    for (method, path) in [(Method::PATCH, MESSAGE), (Method::PUT, READ)] {
        let answer = send(&server, &method, path, "application/json", &padded).await;
        expect_problem(answer, 413, "too_large", &[]).await;
        let answer = send(&server, &method, path, "text/plain", &body).await;
        expect_problem(answer, 415, "unsupported_media_type", &[]).await;
    }
    is_unchanged(&server, &message).await;
}

#[tokio::test]
async fn who_acts_has_to_be_named() {
    let (server, message) = start().await;
    let reaction = REACTION.replace('x', ":x:");
    for (method, path) in [(Method::DELETE, MESSAGE), (Method::PUT, &reaction), (Method::DELETE, &reaction)] {
        for query in
            ["", "?username=", "?username=%E2%80%AE", "?username=%ff", &format!("?username={}", "x".repeat(101))]
        {
            let answer = send(&server, &method, &format!("{path}{query}"), "text/plain", "").await;
            expect_problem(answer, 400, "bad_query", &[]).await;
        }
    }
    is_unchanged(&server, &message).await;
}

#[tokio::test]
async fn what_names_no_message_is_not_found() {
    let (server, message) = start().await;
    let body = json!({"username": "A", "content": "x"}).to_string();
    for id in ["0", "-1", "2", "3", "abc", "1.0", "99999999999999999999", "%31%30"] {
        let path = format!("/rooms/general/messages/{id}");
        for (method, path) in [
            (Method::GET, path.clone()),
            (Method::PATCH, path.clone()),
            (Method::DELETE, format!("{path}?username=A")),
            (Method::GET, format!("{path}/revisions")),
            (Method::GET, format!("{path}/reactions/x")),
            (Method::PUT, format!("{path}/reactions/x?username=A")),
            (Method::DELETE, format!("{path}/reactions/x?username=A")),
        ] {
            let body = if method == Method::PATCH { body.as_str() } else { "" };
            expect_problem(send(&server, &method, &path, "application/json", body).await, 404, "not_found", &[]).await;
        }
    }
    is_unchanged(&server, &message).await;
}

#[tokio::test]
async fn what_is_no_emoji_is_invalid() {
    let (server, message) = start().await;
    let (long, shortcode) = ("%CC%81".repeat(40), format!(":{}:", "x".repeat(63)));
    for emoji in
        ["ab", "%20", "%00", "%0A", ":a%20b:", "::", ":a", "%E2%80%8D", "%F0%9F%91%8D%F0%9F%91%8D", &long, &shortcode]
    {
        for method in [Method::PUT, Method::DELETE, Method::GET] {
            let path = format!("/rooms/general/messages/1/reactions/{emoji}?username=A");
            let answer = send(&server, &method, &path, "text/plain", "").await;
            expect_problem(answer, 422, "invalid", &["emoji"]).await;
        }
    }
    for (path, field) in [("general/messages/1/reactions/%ff", "emoji"), ("%ff/messages/1/reactions/x", "room")] {
        let answer = send(&server, &Method::PUT, &format!("/rooms/{path}?username=A"), "text/plain", "").await;
        expect_problem(answer, 422, "invalid", &[field]).await;
    }
    let answer = send(&server, &Method::PUT, "/rooms/general/messages/1/reactions/?username=A", "text/plain", "").await;
    expect_problem(answer, 404, "not_found", &[]).await;
    is_unchanged(&server, &message).await;
}
