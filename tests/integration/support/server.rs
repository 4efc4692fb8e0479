//! A `parlor serve` of the test's own: a real process, in a directory of its own, on a free port.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::ExitStatus,
    time::Duration,
};

use futures_util::StreamExt as _;
use reqwest::StatusCode;
use sea_orm::ConnectionTrait as _;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::{TcpStream, UnixStream};

use super::{
    DEADLINE,
    database::TestDatabase,
    secrets,
    tls::{self, Line as AnyLine, Pair},
    within,
};

mod builder;
mod process;

pub use builder::{Builder, Line};
use process::Running;
pub use process::{PARLOR, collect, complaint, failure, parlor, parlor_command};

/// The time that an end may take: a drain is cut after 10 s.
const END_DEADLINE: Duration = Duration::from_secs(20);

/// A running server, killed when dropped.
pub struct Server {
    builder: Builder,
    dir: PathBuf,
    _owned: Option<TempDir>,
    http: reqwest::Client,
    running: Running,
    /// Given up only once the process is gone.
    database: TestDatabase,
}

impl Server {
    /// Starts a server with the settings most tests want.
    pub async fn start() -> Self {
        Self::builder().start().await
    }

    /// Settings to start a server with.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// The address it listens on.
    pub fn addr(&self) -> SocketAddr {
        self.running.addr
    }

    /// The places that it listens on, as it says.
    pub fn places(&self) -> &[String] {
        &self.running.places
    }

    /// The address it listens on with TLS.
    pub fn tls_addr(&self) -> SocketAddr {
        let address = self.places().iter().find_map(|place| place.strip_prefix("https://"));
        address.expect("it listens with TLS").parse().expect("an address")
    }

    /// The certificate it shows where it is reached by TLS, unless the test has given it another.
    pub fn pair(&self) -> Pair {
        Builder::pair(&self.dir)
    }

    /// Scheme and host of the way to it.
    fn base(&self) -> String {
        match self.builder.line_in_force() {
            Line::Tcp => format!("http://{}", self.addr()),
            Line::Tls => format!("https://{}", self.tls_addr()),
            Line::Unix => "http://localhost".to_owned(),
        }
    }

    /// A connection for a `WebSocket`, and the URL of a path on it.
    pub async fn connect(&self, path: &str) -> (Box<dyn AnyLine>, String) {
        match self.builder.line_in_force() {
            Line::Tcp => {
                let stream = TcpStream::connect(self.addr()).await.expect("a connection");
                (Box::new(stream), format!("ws://{}{path}", self.addr()))
            }
            Line::Tls => {
                let config = Pair::trusted(&[&self.pair()], &["http/1.1"]);
                let stream = tls::connect(self, "127.0.0.1", config).await.expect("a connection");
                (Box::new(stream), format!("wss://{}{path}", self.tls_addr()))
            }
            Line::Unix => {
                let stream = UnixStream::connect(self.dir.join("parlor.sock")).await.expect("a connection");
                (Box::new(stream), format!("ws://localhost{path}"))
            }
        }
    }

    /// The id of the server's process, also when it runs under a wrapper.
    pub fn pid(&self) -> u32 {
        self.running.pid
    }

    /// Resident memory of its process.
    pub fn resident_bytes(&self) -> i64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).expect("the process runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a size");
        let kilobytes: i64 = line.trim().trim_end_matches("kB").trim().parse().expect("a number");
        kilobytes * 1024
    }

    /// Its working directory, where its database lies if that is a file.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The address of a path: `/healthz`.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base())
    }

    /// The address of a path of the API: `/rooms/general`.
    pub fn api(&self, path: &str) -> String {
        format!("{}/api/v1{path}", self.base())
    }

    /// The client that the conveniences below use.
    pub fn http(&self) -> &reqwest::Client {
        &self.http
    }

    /// Every line of standard error so far.
    pub fn log(&self) -> Vec<String> {
        self.running.stderr.borrow().clone()
    }

    /// The first line of standard error that contains the text.
    pub async fn wait_for_log(&self, text: &str, deadline: Duration) -> String {
        let mut lines = self.running.stderr.clone();
        let found = lines.wait_for(|lines| lines.iter().any(|line| line.contains(text)));
        let lines = within(deadline, format!("the server logs {text:?}"), found).await;
        let lines = lines.unwrap_or_else(|_| panic!("the server ended without logging {text:?}"));
        lines.iter().find(|line| line.contains(text)).expect("it was just found").clone()
    }

    /// Kills it as a power cut would, and waits until it is gone.
    pub async fn kill9(&mut self) {
        self.signal("KILL");
        self.wait_for_exit().await;
    }

    /// Asks it to end and waits until it has.
    pub async fn terminate(&mut self) -> ExitStatus {
        self.signal("TERM");
        self.wait_for_exit().await
    }

    /// Sends it a signal by name: `TERM`, `INT`, `STOP`, `CONT`.
    pub fn signal(&self, name: &str) {
        let sent = std::process::Command::new("kill").args([format!("-{name}"), self.pid().to_string()]).status();
        assert!(sent.expect("kill runs").success(), "SIG{name} is sent");
    }

    /// Waits until it has ended by itself, and until all it wrote is in the log.
    pub async fn wait_for_exit(&mut self) -> ExitStatus {
        within(END_DEADLINE, "the server ends", self.running.wait()).await
    }

    /// Starts it again on the same directory and database, on a new port; killed first if it runs.
    pub async fn restart(&mut self) {
        if !self.running.ended {
            self.kill9().await;
        }
        self.expect_no_secrets();
        self.running = self.builder.run(&self.dir, &self.database).await;
    }

    /// Fails if a secret is in its log, or in the file of its database.
    fn expect_no_secrets(&self) {
        let file = self.database.file(&self.dir);
        let files = file.map(|file| ["", "-wal", "-journal"].map(|end| format!("{}{end}", file.display()).into()));
        secrets::expect_none(&self.log().join("\n"), files.as_ref().map_or(&[], |files| files));
    }

    /// The address of its database.
    pub fn database_url(&self) -> String {
        self.database.url().to_owned()
    }

    /// Runs SQL on the database: only while the server is down.
    pub async fn sql(&self, statement: &str) {
        assert!(self.running.ended, "the database belongs to the server while it runs");
        self.sql_beside(statement).await;
    }

    /// Runs SQL on the tables that the command line writes beside a running server.
    pub async fn sql_beside(&self, statement: &str) {
        let database = Box::pin(sea_orm::Database::connect(self.database.url())).await.expect("the database opens");
        database.execute_unprepared(statement).await.expect("the statement runs");
        database.close().await.expect("the database closes");
    }

    /// Posts a message, whatever comes of it.
    pub async fn try_post(&self, room: &str, user: &str, text: &str) -> reqwest::Result<reqwest::Response> {
        let body = json!({"username": user, "content": text});
        self.http.post(self.api(&format!("/rooms/{room}/messages"))).json(&body).send().await
    }

    /// Posts a message that must be taken; returns it.
    pub async fn post(&self, room: &str, user: &str, text: &str) -> Value {
        let sent = within(DEADLINE, "a post is answered", self.try_post(room, user, text)).await;
        json_of(sent.expect("an answer to a post"), StatusCode::CREATED).await
    }

    /// Posts `count` messages, one after the other.
    pub async fn post_many(&self, room: &str, user: &str, count: usize) {
        for number in 0..count {
            self.post(room, user, &format!("message {number}")).await;
        }
    }

    /// Posts `count` messages without waiting for one before the next.
    pub async fn post_at_once(&self, room: &str, user: &str, count: usize) {
        let post = |number| async move { self.post(room, user, &format!("message {number}")).await };
        futures_util::stream::iter((0..count).map(post)).buffer_unordered(32).for_each(async |_| {}).await;
    }

    /// Makes or changes a room; returns it.
    pub async fn put_room(&self, room: &str, change: &Value) -> Value {
        let request = self.http.put(self.api(&format!("/rooms/{room}"))).json(change);
        let answer = within(DEADLINE, "a PUT is answered", request.send()).await.expect("an answer to a PUT");
        assert!(answer.status().is_success(), "PUT {room}: {}", answer.status());
        answer.json().await.expect("a room")
    }

    /// Says that a user types or no longer does.
    pub async fn typing(&self, room: &str, user: &str, is_typing: bool) {
        let body = json!({"username": user, "is_typing": is_typing});
        let request = self.http.post(self.api(&format!("/rooms/{room}/typing"))).json(&body);
        let answer = within(DEADLINE, "typing is answered", request.send()).await.expect("an answer to typing");
        assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    }

    /// The answer to a GET of a path of the API.
    pub async fn get(&self, path: &str) -> reqwest::Response {
        let request = self.http.get(self.api(path)).send();
        within(DEADLINE, format!("GET {path} is answered"), request).await.expect("an answer to a GET")
    }

    /// The JSON that a path of the API answers with `200`.
    pub async fn get_json(&self, path: &str) -> Value {
        json_of(self.get(path).await, StatusCode::OK).await
    }

    /// Every message of a room, oldest first, read page by page.
    pub async fn messages(&self, room: &str) -> Vec<Value> {
        let (mut messages, mut after) = (Vec::new(), 0);
        loop {
            let page = self.get_json(&format!("/rooms/{room}/messages?after={after}&limit=200")).await;
            messages.extend(page["messages"].as_array().expect("messages").iter().cloned());
            after = page["next"].as_i64().expect("next is a number");
            if page["has_more"] == false {
                return messages;
            }
        }
    }

    /// The cursor of the room's newest event; 0 for a room that nobody has made.
    pub async fn head(&self, room: &str) -> i64 {
        let answer = self.get(&format!("/rooms/{room}")).await;
        if answer.status() == StatusCode::NOT_FOUND {
            return 0;
        }
        json_of(answer, StatusCode::OK).await["head"].as_i64().expect("head is a number")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.running.end();
        if !std::thread::panicking() {
            self.expect_no_secrets();
            secrets::expect_none(&self.database.contents().unwrap_or_default(), &[]);
        }
    }
}

/// The JSON of an answer that must have this status.
pub async fn json_of(answer: reqwest::Response, status: StatusCode) -> Value {
    let (is, url) = (answer.status(), answer.url().clone());
    let body = answer.text().await.expect("a body");
    assert_eq!(is, status, "{url}: {body}");
    let answer = serde_json::from_str(&body).unwrap_or_else(|error| panic!("{url}: {error}: {body}"));
    // The document shows what each looks like.
    if !url.path().ends_with("/openapi.json") {
        secrets::expect_handed_out(&answer);
    }
    answer
}
