//! Properties of every request.

mod bad_bodies;
mod bad_input;
mod bad_targets;
mod compression;
mod conditions;
mod cross_site;
mod fields;
mod internal_fault;
mod pages;
mod paths;
mod plain_words;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::Server;

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";
const MESSAGES: &str = "/rooms/general/messages";

/// Sends a body of a type to a path of the API.
async fn send(
    server: &Server,
    method: Method,
    path: &str,
    kind: &str,
    body: impl Into<reqwest::Body>,
) -> reqwest::Response {
    let request = server.http().request(method, server.api(path)).header("Content-Type", kind).body(body);
    request.send().await.expect("an answer")
}

async fn post_json(server: &Server, body: &Value) -> reqwest::Response {
    send(server, Method::POST, MESSAGES, JSON, body.to_string()).await
}

/// A sound post of so many bytes, most of them spaces after the JSON.
fn padded(length: usize) -> String {
    let post = json!({"username": "A", "content": "x"}).to_string();
    let rest = " ".repeat(length - post.len());
    post + &rest
}

async fn still_works(server: &Server) {
    let answer = server.http().get(server.url("/healthz")).send().await.expect("an answer");
    assert_eq!(answer.status(), 200);
}
