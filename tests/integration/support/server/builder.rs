//! Settings to start a `parlor serve` with.

use std::{
    ffi::OsString,
    fs::File,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    process::{Output, Stdio},
    sync::Arc,
    time::Duration,
};

use command_fds::{CommandFdExt as _, FdMapping};
use tokio::process::Command;

use super::{
    Server,
    process::{PARLOR, Running, START_DEADLINE},
};
use crate::support::{
    database::{TestDatabase, sqlite_url},
    secrets,
    tls::Pair,
    within,
};

/// The time that a connection is kept for the next request: less than the server lets it be idle, or a request may
/// meet its end.
const REUSED: Duration = Duration::from_secs(5);
/// Times that nearly every test would only wait for. The others are the product's, unless a test sets them.
const SHORTER: [(&str, &str); 2] = [("PARLOR_POLL_EPHEMERAL_WAIT", "200ms"), ("PARLOR_DRAIN_SPREAD", "300ms")];

/// The way that the conveniences of [`Server`] reach it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Line {
    /// TCP, HTTP/1.1.
    #[default]
    Tcp,
    /// TLS, HTTP/2; `WebSocket`s by HTTP/1.1.
    Tls,
    /// A Unix socket, HTTP/1.1.
    Unix,
}

impl Line {
    /// The one that `TEST_LINE` names, for tests that don't care.
    fn of_environment() -> Self {
        match std::env::var("TEST_LINE").as_deref() {
            Err(_) | Ok("tcp") => Self::Tcp,
            Ok("tls") => Self::Tls,
            Ok("unix") => Self::Unix,
            Ok(other) => panic!("TEST_LINE is tcp, tls or unix, and not {other}"),
        }
    }
}

/// The settings of a server to be started.
#[derive(Clone, Default)]
pub struct Builder {
    args: Vec<OsString>,
    env: Vec<(String, String)>,
    wrapper: Vec<String>,
    dir: Option<PathBuf>,
    database_url: Option<String>,
    listen: Vec<String>,
    no_listen: bool,
    log: Option<Arc<File>>,
    sockets: Vec<Arc<OwnedFd>>,
    line: Option<Line>,
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

    /// One more place to listen on; otherwise loopback.
    pub fn listen(mut self, place: impl Into<String>) -> Self {
        self.listen.push(place.into());
        self
    }

    /// The way to it; otherwise the one of the environment.
    pub fn line(mut self, line: Line) -> Self {
        self.line = Some(line);
        self
    }

    /// The way to it that is in force. A test that says where to listen has its own.
    pub(super) fn line_in_force(&self) -> Line {
        let is_said = self.no_listen || !self.listen.is_empty();
        self.line.unwrap_or_else(|| if is_said { Line::Tcp } else { Line::of_environment() })
    }

    /// The certificate of a server that is reached by TLS, in its directory.
    pub(super) fn pair(dir: &Path) -> Pair {
        let pair = Pair { cert: dir.join("tls.pem"), key: dir.join("tls.key") };
        if pair.cert.exists() { pair } else { Pair::make(dir, "tls", &["localhost", "127.0.0.1"]) }
    }

    /// One more socket that it is given as the service manager gives them (`sd_listen_fds(3)`).
    pub fn socket(mut self, socket: impl Into<OwnedFd>) -> Self {
        self.sockets.push(Arc::new(socket.into()));
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
        let http = match self.line_in_force() {
            Line::Tcp => reqwest::Client::builder().no_proxy(),
            Line::Tls => Self::pair(&dir).client(&["h2"]),
            Line::Unix => reqwest::Client::builder().no_proxy().unix_socket(dir.join("parlor.sock")),
        };
        let http = http.pool_idle_timeout(REUSED).build().expect("an HTTP client");
        let database = self.database(&dir).await;
        let running = self.run(&dir, &database).await;
        Server { builder: self, dir, _owned: owned, http, running, database }
    }

    pub(super) async fn run(&self, dir: &Path, database: &TestDatabase) -> Running {
        let more = usize::from(self.line_in_force() != Line::Tcp);
        Running::start(self.command(dir, database), self.listen.len().max(self.sockets.len()).max(1) + more).await
    }

    /// Runs the server to its end and returns what it wrote: for a start that must fail.
    pub async fn output(self) -> Output {
        let owned = tempfile::tempdir().expect("a directory for the server");
        let dir = self.dir.clone().unwrap_or_else(|| owned.path().to_owned());
        let database = self.database(&dir).await;
        let child = self.command_to_fail(&dir, &database).spawn().expect("the server starts");
        let output = within(START_DEADLINE, "the server ends by itself", child.wait_with_output()).await;
        let output = output.expect("its output");
        secrets::expect_none(&String::from_utf8_lossy(&output.stderr), &[]);
        output
    }

    async fn database(&self, dir: &Path) -> TestDatabase {
        match &self.database_url {
            Some(url) => TestDatabase::given(url.clone()),
            None if self.no_listen => TestDatabase::given(String::new()),
            None => TestDatabase::fresh(dir).await,
        }
    }

    /// The command of a server that is to listen. Unless the test says what is logged, or where to, `TEST_LOG` does: the
    /// more it is, the more is looked through for secrets.
    fn command(&self, dir: &Path, database: &TestDatabase) -> Command {
        let mut command = self.command_to_fail(dir, database);
        let is_said = self.no_listen
            || self.log.is_some()
            || self.args.iter().any(|arg| arg == "--log")
            || self.env.iter().any(|(name, _)| name == "PARLOR_LOG");
        if let Some(log) = std::env::var_os("TEST_LOG").filter(|_| !is_said) {
            command.env("PARLOR_LOG", log);
        }
        command
    }

    fn command_to_fail(&self, dir: &Path, database: &TestDatabase) -> Command {
        let mut words: Vec<OsString> = self.wrapper.iter().map(Into::into).collect();
        words.extend([PARLOR.into(), "serve".into()]);
        let mut shorter = None;
        if !self.no_listen {
            // A flag wins over the environment, so a test can set these too.
            shorter = Some(SHORTER);
            let url = database.url();
            // Beside a certificate, too, for what is not about the way.
            let loopback = ["127.0.0.1:0,tls=off".to_owned()];
            let listen = if self.listen.is_empty() { &loopback[..] } else { &self.listen };
            words.extend(listen.iter().flat_map(|place| ["--listen".into(), place.into()]));
            match self.line_in_force() {
                Line::Tcp => {}
                Line::Tls => {
                    let pair = Self::pair(dir);
                    words.extend(["--listen", "127.0.0.1:0,tls=on", "--tls-cert"].map(Into::into));
                    words.extend([pair.cert.into(), "--tls-key".into(), pair.key.into()]);
                }
                Line::Unix => {
                    let place = format!("unix:{}", dir.join("parlor.sock").display());
                    words.extend(["--listen".into(), place.into()]);
                    // Whoever comes by a socket is never exempt: a proxy may be behind it.
                    words.extend(["--limits", "off"].map(Into::into));
                }
            }
            words.extend(["--database-url".into(), url.into()]);
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
        if !self.sockets.is_empty() {
            let sockets = self.sockets.iter().map(|socket| socket.try_clone().expect("one more descriptor"));
            let mappings = sockets.zip(3..).map(|(parent_fd, child_fd)| FdMapping { parent_fd, child_fd });
            command.fd_mappings(mappings.collect()).expect("numbers for all of them");
            command.env("LISTEN_FDS", self.sockets.len().to_string());
        }
        let log = self.log.as_ref().map(|log| log.try_clone().expect("one more descriptor of the log"));
        let log = log.map_or_else(Stdio::piped, Stdio::from);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log).kill_on_drop(true);
        command
    }
}
