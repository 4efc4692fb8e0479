//! A browser, as far as signing in goes: it keeps a cookie, and says which page asks.

use std::sync::Mutex;

use reqwest::{Method, RequestBuilder, Response, StatusCode, header};
use serde_json::{Value, json};

use super::{Server, secrets, server::json_of};

/// A browser with a page of the server.
pub struct Browser<'a> {
    server: &'a Server,
    /// The pair of name and value, as it is sent.
    cookie: Mutex<Option<String>>,
}

/// A password that is good enough.
pub const PASSWORD: &str = "correct horse battery staple";

impl<'a> Browser<'a> {
    pub fn of(server: &'a Server) -> Self {
        Self { server, cookie: Mutex::default() }
    }

    /// The cookie that it has.
    pub fn cookie(&self) -> Option<String> {
        self.cookie.lock().expect("no panic").clone()
    }

    /// Has it a cookie that was set otherwise.
    pub fn set_cookie(&self, cookie: Option<String>) {
        *self.cookie.lock().expect("no panic") = cookie;
    }

    /// A request by no page in particular, with the cookie.
    pub fn bare(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.server.http().request(method, self.server.api(path));
        match self.cookie() {
            Some(cookie) => request.header(header::COOKIE, cookie),
            None => request,
        }
    }

    /// A request by the server's own page.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.bare(method, path).header(header::ORIGIN, format!("http://{}", self.server.addr()))
    }

    /// Sends a request, and keeps the cookie that is set.
    pub async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> Response {
        let request = self.request(method, path);
        let request = if let Some(body) = body {
            secrets::keep_those_in(&body);
            request.json(&body)
        } else {
            request
        };
        let answer = request.send().await.expect("an answer");
        if let Some(set) = answer.headers().get(header::SET_COOKIE) {
            let pair = set.to_str().expect("text").split(';').next().expect("a pair").to_owned();
            self.set_cookie(Some(pair).filter(|pair| !pair.ends_with('=')));
        }
        answer
    }

    /// The answer, which has this status; null for one without a body.
    pub async fn ok(&self, method: Method, path: &str, body: Option<Value>, status: u16) -> Value {
        let answer = self.ask(method, path, body).await;
        let (is, text) = (answer.status(), answer.text().await.expect("a body"));
        assert_eq!(is.as_u16(), status, "{path}: {text}");
        serde_json::from_str(&text).unwrap_or(Value::Null)
    }

    /// Registers, which must succeed.
    pub async fn register(&self, username: &str) -> Value {
        self.ok(Method::POST, "/accounts", Some(json!({"username": username, "password": PASSWORD})), 201).await
    }

    /// Signs in with a password, which must succeed.
    pub async fn sign_in(&self, username: &str, password: &str) -> Value {
        self.ok(Method::POST, "/session", Some(json!({"username": username, "password": password})), 201).await
    }

    /// The name that it is signed in by; null if it is not.
    pub async fn username(&self) -> Value {
        let me = self.ask(Method::GET, "/me", None).await;
        if me.status() == StatusCode::UNAUTHORIZED {
            Value::Null
        } else {
            json_of(me, StatusCode::OK).await["username"].clone()
        }
    }
}
