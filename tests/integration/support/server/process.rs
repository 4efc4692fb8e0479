//! A `parlor` process: its output, its id, its end.

use std::{
    fs::File,
    io::BufRead as _,
    net::SocketAddr,
    path::Path,
    process::{ExitStatus, Output},
    sync::{
        Mutex, PoisonError,
        mpsc::{self, Receiver},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, BufReader},
    process::{Child, Command},
    sync::watch,
    task::JoinSet,
};

use super::Builder;
use crate::support::{DEADLINE, within};

/// The binary under test.
pub const PARLOR: &str = env!("CARGO_BIN_EXE_parlor");

/// The time that a start may take: a debug build on a busy machine, migrations included.
pub const START_DEADLINE: Duration = Duration::from_secs(30);

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

/// The error message of a failed start, which must be on standard error alone.
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

/// One process, from its start to its end.
pub struct Running {
    pub child: Child,
    /// The first TCP address without TLS; unspecified, if there is none.
    pub addr: SocketAddr,
    /// The places that it listens on, as it says.
    pub places: Vec<String>,
    pub pid: u32,
    pub stderr: watch::Receiver<Vec<String>>,
    /// Disconnected once all of standard error is read.
    is_read: Mutex<Receiver<()>>,
    pub tasks: JoinSet<()>,
    pub ended: bool,
}

impl Running {
    /// Starts it, and waits until it says where it listens, on as many places.
    pub async fn start(mut command: Command, count: usize) -> Self {
        let mut child = command.spawn().expect("the server starts");
        let mut tasks = JoinSet::new();
        let mut stdout = collect(&mut tasks, child.stdout.take().expect("its standard output"));
        let stderr = child.stderr.take().map(|stderr| stderr.into_owned_fd().expect("a pipe"));
        let (stderr, is_read) = read(stderr.map(File::from));
        let listening = stdout.wait_for(|lines| places(lines).count() >= count);
        let listening = within(START_DEADLINE, "the server listens", listening).await;
        let Ok(places) = listening.map(|lines| places(&lines).map(str::to_owned).collect::<Vec<_>>()) else {
            // Standard output has ended: so will the process and its standard error.
            while tasks.join_next().await.is_some() {}
            let _ = stderr.clone().wait_for(|_| false).await;
            panic!("the server did not start:\n{}", stderr.borrow().join("\n"));
        };
        let pid = server_pid(child.id().expect("it runs"));
        let addr = places.iter().find_map(|place| place.strip_prefix("http://")?.parse().ok());
        let addr = addr.unwrap_or_else(|| SocketAddr::from(([0, 0, 0, 0], 0)));
        Self { child, addr, places, pid, stderr, is_read: Mutex::new(is_read), tasks, ended: false }
    }
}

impl Running {
    /// Waits until it has ended by itself, and until all it wrote is read.
    pub async fn wait(&mut self) -> ExitStatus {
        let status = self.child.wait().await.expect("its status");
        self.ended = true;
        while self.tasks.join_next().await.is_some() {}
        // It never comes true: it ends with the output.
        let _ = self.stderr.wait_for(|_| false).await;
        status
    }

    /// Kills it if it runs, and waits until all it wrote is read, outside of any runtime.
    pub fn end(&mut self) {
        if !self.ended {
            // Killing a wrapper would leave the server behind it running.
            if self.child.id() != Some(self.pid) {
                let _ = std::process::Command::new("kill").args(["-KILL", &self.pid.to_string()]).status();
            }
            let _ = self.child.start_kill();
            self.ended = true;
        }
        let is_read = self.is_read.get_mut().unwrap_or_else(PoisonError::into_inner);
        let _ = is_read.recv_timeout(DEADLINE);
        let _ = self.child.try_wait();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
    }
}

/// Reads lines by a thread, which goes on to the end also when no runtime does; nothing, if there is nothing to read.
fn read(source: Option<File>) -> (watch::Receiver<Vec<String>>, Receiver<()>) {
    let (sender, receiver) = watch::channel(Vec::new());
    let (reads, is_read) = mpsc::channel();
    if let Some(source) = source {
        std::thread::spawn(move || {
            let _reads = reads;
            for line in std::io::BufReader::new(source).lines().map_while(Result::ok) {
                sender.send_modify(|all: &mut Vec<String>| all.push(line));
            }
        });
    }
    (receiver, is_read)
}

fn places(lines: &[String]) -> impl Iterator<Item = &str> {
    lines.iter().filter_map(|line| line.strip_prefix("listening on "))
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
