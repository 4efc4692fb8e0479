//! A server with some users, and asking it in the name of each.

use std::{collections::HashMap, sync::Mutex};

use reqwest::{Method, Response};
use serde_json::Value;

use super::Guarded;
use crate::support::problem::expect_problem;

/// A server, and the tokens of its users.
pub(super) struct Scene {
    pub(super) guarded: Guarded,
    tokens: Mutex<HashMap<String, String>>,
}

impl Scene {
    /// With these users, each of whom has been there once.
    pub(super) async fn with(users: &[&str]) -> Self {
        Self::on(Guarded::start().await, users).await
    }

    /// The same on a server that is started.
    pub(super) async fn on(guarded: Guarded, users: &[&str]) -> Self {
        let scene = Self { guarded, tokens: Mutex::default() };
        for user in users {
            scene.ok(user, Method::GET, "/me", None, 200).await;
        }
        scene
    }

    /// The token of a user, who may do all that a user may; an admin's for `admin`.
    pub(super) fn token(&self, user: &str) -> String {
        let can = if user == "admin" { "read,post,moderate,admin" } else { "read,post,moderate" };
        let make = || self.guarded.token(user, &["--can", can]);
        self.tokens.lock().expect("no panic").entry(user.to_owned()).or_insert_with(make).clone()
    }

    /// The answer to a request of somebody.
    pub(super) async fn ask(&self, user: &str, method: Method, path: &str, body: Option<Value>) -> Response {
        let request = self.guarded.request(method, &format!("/api/v1{path}"), &self.token(user));
        let request = if let Some(body) = body { request.json(&body) } else { request };
        request.send().await.expect("an answer")
    }

    /// The answer, which has this status; null for one without a body.
    pub(super) async fn ok(&self, user: &str, method: Method, path: &str, body: Option<Value>, status: u16) -> Value {
        let answer = self.ask(user, method, path, body).await;
        let (is, text) = (answer.status(), answer.text().await.expect("a body"));
        assert_eq!(is.as_u16(), status, "{user} {path}: {text}");
        serde_json::from_str(&text).unwrap_or(Value::Null)
    }

    /// Puts something, which takes effect.
    pub(super) async fn put(&self, user: &str, path: &str, body: Value) -> Value {
        self.ok(user, Method::PUT, path, Some(body), 200).await
    }

    /// Asks for something that is refused like this.
    pub(super) async fn refused(
        &self,
        user: &str,
        method: Method,
        path: &str,
        body: Option<Value>,
        status: u16,
        code: &str,
    ) {
        let fields: &[&str] = match (status, path) {
            (422, path) if path.contains("/bans/") => &["until"],
            (422, path) if path.contains("/dms/") => &["username"],
            (422, path) if path.contains("/members/") => &["role"],
            (422, _) => &["room"],
            _ => &[],
        };
        expect_problem(self.ask(user, method, path, body).await, status, code, fields).await;
    }
}
