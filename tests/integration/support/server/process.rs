//! A `parlor` process: its output, its id, its end.

use std::{net::SocketAddr, path::Path, process::Output, time::Duration};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, BufReader},
    process::{Child, Command},
    sync::watch,
    task::JoinSet,
};

use super::Builder;
use crate::support::within;

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
    pub addr: SocketAddr,
    pub pid: u32,
    pub stderr: watch::Receiver<Vec<String>>,
    pub tasks: JoinSet<()>,
    pub ended: bool,
}

impl Running {
    /// Starts it, and waits until it says where it listens.
    pub async fn start(mut command: Command) -> Self {
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
