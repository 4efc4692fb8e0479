//! Secrets stand nowhere but where they are handed out: in no log, database file, URL, event, or other answer.

use std::{fs, path::Path};

use reqwest::{Method, RequestBuilder, StatusCode, header};
use serde_json::{Value, json};

use super::Guarded;
use crate::support::{
    browser::{Browser, PASSWORD},
    server::{Builder, json_of},
    users::Operator,
};

/// Everything that a server has said and kept, and each secret that it was given or has made.
#[derive(Default)]
struct Found {
    secrets: Vec<(&'static str, String)>,
    answers: Vec<String>,
}

impl Found {
    /// Sends a request; its answer hands out no secret.
    async fn ask(&mut self, request: RequestBuilder) -> StatusCode {
        let answer = request.send().await.expect("an answer");
        let (status, url, headers) = (answer.status(), answer.url().clone(), answer.headers().clone());
        let headers: Vec<_> = headers.iter().filter(|(name, _)| *name != header::SET_COOKIE).collect();
        let said = format!("{url} {status} {headers:?}");
        self.answers.push(said + &answer.text().await.expect("a body"));
        status
    }

    /// Keeps a secret.
    fn keep(&mut self, what: &'static str, secret: impl Into<String>) -> String {
        let secret = secret.into();
        assert!(secret.len() >= 10, "{what}: {secret}");
        self.secrets.push((what, secret.clone()));
        secret
    }

    fn cookie(&mut self, browser: &Browser<'_>) {
        let cookie = browser.cookie().expect("a cookie");
        self.keep("a session", cookie.split_once('=').expect("a pair").1);
    }

    /// No text has any of the secrets.
    fn is_free_of_secrets(&self, place: &str, bytes: &[u8]) {
        let text = String::from_utf8_lossy(bytes);
        for (what, secret) in &self.secrets {
            assert!(!text.contains(secret), "{place} has {what}");
        }
    }
}

fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    let files = entries.filter(|path| path.is_file());
    files.map(|path| (path.display().to_string(), fs::read(&path).expect("it is read"))).collect()
}

#[tokio::test]
async fn no_secret_is_anywhere_but_where_it_is_handed_out() {
    let builder = crate::support::Server::builder();
    let settings = ["--accounts", "open", "--log", "trace"];
    let mut guarded = Guarded::on(settings.iter().fold(builder, Builder::arg), &[]).await;
    let mut found = Found::default();
    {
        let server = &guarded.server;
        let operator = Operator::of(server);
        operator.add_user(&["root", "--admin"]);
        let key = found.keep("an API key", operator.key("root", &[]));
        let token = found.keep("a token", guarded.token("stranger", &[]));
        found.keep("a password", PASSWORD);
        let new = found.keep("a new password", "a password that was changed");
        let wrong = found.keep("a wrong password", "a password that is wrong");
        let last = found.keep("a password that was reset", "a password by a reset");

        let browser = Browser::of(server);
        browser.register("Alice").await;
        found.cookie(&browser);
        let sign_in = |body: Value| browser.request(Method::POST, "/session").json(&body);
        found.ask(sign_in(json!({"username": "Alice", "password": wrong}))).await;
        found.ask(sign_in(json!({"username": "Alice", "passwort": wrong}))).await;
        found.ask(sign_in(json!({"token": token.clone() + "x"}))).await;
        let change =
            |current: &str| browser.request(Method::PUT, "/me/password").json(&json!({"current": current, "new": new}));
        found.ask(change(&wrong)).await;
        assert_eq!(found.ask(change(PASSWORD)).await, StatusCode::NO_CONTENT);
        browser.sign_in("Alice", &new).await;
        found.cookie(&browser);
        let by_admin = |path: &str| server.http().post(server.api(path)).bearer_auth(&key).json(&json!({}));
        for (path, field, what) in
            [("/invitations", "invitation", "an invitation"), ("/users/Alice/reset", "reset", "a reset")]
        {
            let made = json_of(by_admin(path).send().await.expect("an answer"), StatusCode::CREATED).await;
            found.keep(what, made[field].as_str().expect("a secret"));
        }
        let reset = found.secrets.last().expect("the reset").1.clone();
        let body = json!({"username": "Alice", "reset": reset, "new": last});
        browser.ok(Method::POST, "/session", Some(body), 201).await;
        found.cookie(&browser);
        browser.ok(Method::POST, "/session", Some(json!({"token": token})), 201).await;
        found.cookie(&browser);

        // What is sent where it does not belong.
        let secrets: Vec<_> = found.secrets.iter().map(|(_, secret)| secret.clone()).collect();
        for secret in secrets {
            for path in ["/me?token=", "/rooms/general/poll?since=", "/rooms?after=", "/rooms/general/search?q="] {
                let encoded: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
                let answer = browser.request(Method::GET, &format!("{path}{encoded}")).send().await;
                // Only the log: the answer may say what is wrong with it.
                drop(answer.expect("an answer"));
            }
            found.ask(server.http().get(server.api("/me")).header("authorization", format!("Bearer {secret}!"))).await;
            found.ask(server.http().get(server.api("/me")).basic_auth("x", Some(format!("{secret}!")))).await;
            found.ask(server.http().get(server.api("/me")).header("cookie", format!("parlor={secret}!"))).await;
        }
        for path in ["/me", "/rooms", "/rooms/general/messages", "/sessions", "/invitations", "/audit"] {
            found.ask(browser.request(Method::GET, path)).await;
            found.ask(server.http().get(server.api(path)).bearer_auth(&key)).await;
        }
        let (listed, _) = operator.done(&["key", "list", "--user", "root", "--json"]);
        found.answers.push(listed);
    }
    for (place, bytes) in files(guarded.server.dir()) {
        found.is_free_of_secrets(&place, &bytes);
    }
    guarded.server.terminate().await;
    for (place, bytes) in files(guarded.server.dir()) {
        found.is_free_of_secrets(&place, &bytes);
    }
    for line in guarded.server.log() {
        found.is_free_of_secrets(&format!("the log's line {line}"), line.as_bytes());
    }
    for answer in &found.answers {
        found.is_free_of_secrets(&format!("the answer {answer}"), answer.as_bytes());
    }
    assert!(guarded.server.log().len() > 100, "all was logged");
    // A server's files are its own.
    let is_file = guarded.server.database_url().starts_with("sqlite");
    let has_database = files(guarded.server.dir()).iter().any(|(name, _)| name.contains(".db"));
    assert_eq!(has_database, is_file, "the database was looked at");
}
