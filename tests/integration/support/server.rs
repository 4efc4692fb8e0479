//! A `parlor serve` of the test's own: a real process, in a directory of its own, on a free port.

use std::{
    ffi::OsString,
    fs::File,
    net::SocketAddr,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    process::{ExitStatus, Output, Stdio},
    sync::Arc,
    time::Duration,
};

use futures_util::StreamExt as _;
use reqwest::StatusCode;
use sea_orm::ConnectionTrait as _;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, BufReader},
    process::{Child, Command},
    sync::watch,
    task::JoinSet,
};

use super::{
    DEADLINE,
    database::{TestDatabase, sqlite_url},
    within,
};

/// The binary under test.
pub const PARLOR: &str = env!("CARGO_BIN_EXE_parlor");

/// How long a start may take: a debug build on a busy machine, migrations included.
const START_DEADLINE: Duration = Duration::from_secs(30);
/// How long an end may take: a drain is cut after 10 s.
const END_DEADLINE: Duration = Duration::from_secs(20);
/// How long a connection is kept for the next request: less than the server lets it be idle, or a request may
/// meet its end.
const REUSED: Duration = Duration::from_secs(5);

/// Times that nearly every test would only wait for. The others are the product's, unless a test sets them.
const SHORTER: [(&str, &str); 2] = [("PARLOR_POLL_EPHEMERAL_WAIT", "200ms"), ("PARLOR_DRAIN_SPREAD", "300ms")];

/// How a server is to be started.
#[derive(Clone, Default)]
pub struct Builder {
    args: Vec<OsString>,
    env: Vec<(String, String)>,
    wrapper: Vec<String>,
    dir: Option<PathBuf>,
    database_url: Option<String>,
    listen: Option<String>,
    no_listen: bool,
    log: Option<Arc<File>>,
}

impl Builder {
    /// One more argument after `serve`.
    pub fn arg(mut self, arg: impl Into<OsString>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// A time of the product by the name of its flag: `time("presence-grace", SHORT)`.
    pub fn time(self, name: &str, time: Duration) -> Self {
        self.arg(format!("--{name}={}ms", time.as_millis()))
    }

    /// One more environment variable.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.into(), value.into()));
        self
    }

    /// The command the server runs under: `["strace", "-f"]`, `["prlimit", "--nofile=64"]`.
    pub fn wrapper<S: Into<String>>(mut self, words: impl IntoIterator<Item = S>) -> Self {
        self.wrapper = words.into_iter().map(Into::into).collect();
        self
    }

    /// The working directory; otherwise a new one that goes with the server.
    pub fn dir(mut self, dir: impl Into<PathBuf>) -> Self {
        self.dir = Some(dir.into());
        self
    }

    /// The database file.
    pub fn db(mut self, path: impl AsRef<Path>) -> Self {
        self.database_url = Some(sqlite_url(path.as_ref()));
        self
    }

    /// The database; otherwise a fresh one.
    pub fn database_url(mut self, url: &str) -> Self {
        self.database_url = Some(url.into());
        self
    }

    /// The destination of its standard error; otherwise [`Server::log`].
    pub fn log_to(mut self, log: impl Into<OwnedFd>) -> Self {
        self.log = Some(Arc::new(log.into().into()));
        self
    }

    /// Where to listen; otherwise on loopback.
    pub fn listen(mut self, address: &str) -> Self {
        self.listen = Some(address.into());
        self
    }

    /// Leaves `--listen` and `--database-url` to the test, for settings from elsewhere.
    pub fn bare(mut self) -> Self {
        self.no_listen = true;
        self
    }

    /// Starts the server and waits until it says that it listens.
    pub async fn start(self) -> Server {
        let owned = self.dir.is_none().then(|| tempfile::tempdir().expect("a directory for the server"));
        let dir = owned.as_ref().map(|owned| owned.path().to_owned()).or_else(|| self.dir.clone());
        let dir = dir.expect("one of the two");
        let http = reqwest::Client::builder().no_proxy().pool_idle_timeout(REUSED).build().expect("an HTTP client");
        let database = self.database(&dir).await;
        let running = Running::start(self.command(&dir, &database)).await;
        Server { builder: self, dir, _owned: owned, http, running, database }
    }

    /// Runs the server to its end and returns what it wrote: for a start that must fail.
    pub async fn output(self) -> Output {
        let owned = tempfile::tempdir().expect("a directory for the server");
        let dir = self.dir.clone().unwrap_or_else(|| owned.path().to_owned());
        let database = self.database(&dir).await;
        let child = self.command(&dir, &database).spawn().expect("the server starts");
        within(START_DEADLINE, "the server ends by itself", child.wait_with_output()).await.expect("its output")
    }

    async fn database(&self, dir: &Path) -> TestDatabase {
        match &self.database_url {
            Some(url) => TestDatabase::given(url.clone()),
            None if self.no_listen => TestDatabase::given(String::new()),
            None => TestDatabase::fresh(dir).await,
        }
    }

    fn command(&self, dir: &Path, database: &TestDatabase) -> Command {
        let mut words: Vec<OsString> = self.wrapper.iter().map(Into::into).collect();
        words.extend([PARLOR.into(), "serve".into()]);
        let mut shorter = None;
        if !self.no_listen {
            // A flag wins over the environment, so a test can set these too.
            shorter = Some(SHORTER);
            let (listen, url) = (self.listen.as_deref().unwrap_or("127.0.0.1:0"), database.url());
            words.extend(["--listen".into(), listen.into(), "--database-url".into(), url.into()]);
        }
        words.extend(self.args.iter().cloned());
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).current_dir(dir);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("PARLOR_") {
                command.env_remove(name);
            }
        }
        command.envs(shorter.into_iter().flatten());
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        let log = self.log.as_ref().map(|log| log.try_clone().expect("one more descriptor of the log"));
        let log = log.map_or_else(Stdio::piped, Stdio::from);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log).kill_on_drop(true);
        command
    }
}

/// Runs `parlor` in a directory to its end, without the caller's settings.
pub fn parlor(dir: &Path, args: &[&str]) -> Output {
    parlor_command(dir, args).output().expect("parlor runs")
}

/// `parlor` in a directory, without the caller's settings.
pub fn parlor_command(dir: &Path, args: &[&str]) -> std::process::Command {
    let mut command = std::process::Command::new(PARLOR);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("PARLOR_") {
            command.env_remove(name);
        }
    }
    command.args(args).current_dir(dir);
    command
}

/// What a failed start says, which must be on standard error alone.
pub fn complaint(output: &Output, code: i32) -> String {
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{error}");
    assert!(output.stdout.is_empty(), "{}", String::from_utf8_lossy(&output.stdout));
    assert!(!error.contains("panicked"), "{error}");
    error
}

/// A start that must fail with this code, and what it says.
pub async fn failure(builder: Builder, code: i32) -> String {
    complaint(&builder.output().await, code)
}

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

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.running.addr
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
        format!("http://{}{path}", self.addr())
    }

    /// The address of a path of the API: `/rooms/general`.
    pub fn api(&self, path: &str) -> String {
        format!("http://{}/api/v1{path}", self.addr())
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
        let status = within(END_DEADLINE, "the server ends", self.running.child.wait()).await.expect("its status");
        self.running.ended = true;
        within(DEADLINE, "its output ends", async { while self.running.tasks.join_next().await.is_some() {} }).await;
        status
    }

    /// Starts it again on the same directory and database, on a new port; killed first if it runs.
    pub async fn restart(&mut self) {
        if !self.running.ended {
            self.kill9().await;
        }
        self.running = Running::start(self.builder.command(&self.dir, &self.database)).await;
    }

    /// The address of its database.
    pub fn database_url(&self) -> String {
        self.database.url().to_owned()
    }

    /// Runs SQL on the database: only while the server is down.
    pub async fn sql(&self, statement: &str) {
        assert!(self.running.ended, "the database belongs to the server while it runs");
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

/// The JSON of an answer that must have this status.
pub async fn json_of(answer: reqwest::Response, status: StatusCode) -> Value {
    let (is, url) = (answer.status(), answer.url().clone());
    let body = answer.text().await.expect("a body");
    assert_eq!(is, status, "{url}: {body}");
    serde_json::from_str(&body).unwrap_or_else(|error| panic!("{url}: {error}: {body}"))
}

/// One process, from its start to its end.
struct Running {
    child: Child,
    addr: SocketAddr,
    pid: u32,
    stderr: watch::Receiver<Vec<String>>,
    tasks: JoinSet<()>,
    ended: bool,
}

impl Running {
    async fn start(mut command: Command) -> Self {
        let mut child = command.spawn().expect("the server starts");
        let mut tasks = JoinSet::new();
        let mut stdout = collect(&mut tasks, child.stdout.take().expect("its standard output"));
        let stderr = match child.stderr.take() {
            Some(stderr) => collect(&mut tasks, stderr),
            None => watch::channel(Vec::new()).1,
        };
        let listening = stdout.wait_for(|lines| lines.iter().any(|line| port_line(line).is_some()));
        let listening = within(START_DEADLINE, "the server listens", listening).await;
        let Some(addr) = listening.ok().and_then(|lines| lines.iter().find_map(|line| port_line(line))) else {
            // Standard output has ended: so will the process and its standard error.
            while tasks.join_next().await.is_some() {}
            panic!("the server did not start:\n{}", stderr.borrow().join("\n"));
        };
        let pid = server_pid(child.id().expect("it runs"));
        Self { child, addr, pid, stderr, tasks, ended: false }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Killing a wrapper would leave the server behind it running.
        if !self.ended && self.child.id() != Some(self.pid) {
            let _ = std::process::Command::new("kill").args(["-KILL", &self.pid.to_string()]).status();
        }
    }
}

fn port_line(line: &str) -> Option<SocketAddr> {
    line.strip_prefix("listening on http://")?.trim_end().parse().ok()
}

/// Reads lines to the end, so that the process never waits for a full pipe.
pub fn collect(
    tasks: &mut JoinSet<()>,
    source: impl AsyncRead + Unpin + Send + 'static,
) -> watch::Receiver<Vec<String>> {
    let (sender, receiver) = watch::channel(Vec::new());
    tasks.spawn(async move {
        let mut lines = BufReader::new(source).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            sender.send_modify(|all| all.push(line));
        }
    });
    receiver
}

/// The process itself, or the descendant of a wrapper that runs the server.
fn server_pid(pid: u32) -> u32 {
    let runs_parlor =
        |pid: u32| std::fs::read_link(format!("/proc/{pid}/exe")).is_ok_and(|exe| exe == Path::new(PARLOR));
    let mut open = vec![pid];
    while let Some(pid) = open.pop() {
        if runs_parlor(pid) {
            return pid;
        }
        let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
        open.extend(children.split_whitespace().filter_map(|child| child.parse::<u32>().ok()));
    }
    pid
}
