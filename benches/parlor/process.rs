//! A server as a child process: started on a free port, its CPU and memory read from `/proc`, stopped with its handle.

use std::{
    ffi::OsStr,
    io::{self, BufRead, BufReader},
    net::SocketAddr,
    process::{Child, Command, Stdio},
};

use tempfile::TempDir;

/// `/proc/PID/stat` counts in hundredths of a second on every Linux.
const TICKS_PER_SECOND: f64 = 100.0;

const PARLOR: &str = env!("CARGO_BIN_EXE_parlor");

pub struct Server {
    child: Child,
    pub address: SocketAddr,
    pub kind: Kind,
    /// The header with the API key that requests have to bring, with its end of line; empty in open mode.
    pub authorization: String,
    /// The folder that it runs in and keeps its files in; removed with it.
    directory: TempDir,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Tutorial,
    Parlor,
}

impl Kind {
    pub const BOTH: [Self; 2] = [Self::Tutorial, Self::Parlor];

    pub const fn messages_path(self) -> &'static str {
        match self {
            Self::Tutorial => "/messages",
            Self::Parlor => "/api/v1/rooms/bench/messages",
        }
    }

    pub const fn stream_path(self) -> &'static str {
        match self {
            Self::Tutorial => "/stream",
            Self::Parlor => "/api/v1/rooms/bench/stream?history=0",
        }
    }
}

impl Server {
    pub fn start(kind: Kind) -> io::Result<Self> {
        Self::start_in(TempDir::new()?, kind, &[], Stdio::null())
    }

    /// Parlor, with settings that differ from the defaults.
    pub fn with(settings: &[&str]) -> io::Result<Self> {
        Self::start_in(TempDir::new()?, Kind::Parlor, settings, Stdio::null())
    }

    /// Parlor, with its log going somewhere.
    pub fn logging_to(log: impl Into<Stdio>) -> io::Result<Self> {
        Self::start_in(TempDir::new()?, Kind::Parlor, &[], log.into())
    }

    /// Parlor, with so many messages in its room.
    pub fn seeded(messages: u64) -> io::Result<Self> {
        let directory = seeded(messages)?;
        Self::start_in(directory, Kind::Parlor, &[], Stdio::null())
    }

    /// Parlor that requires credentials, with an API key of Alice's.
    pub fn with_key() -> io::Result<Self> {
        let directory = seeded(1)?;
        asked(&directory, &["user", "add", "Alice"])?;
        let key = asked(&directory, &["key", "create", "--user", "Alice"])?;
        let mut server = Self::start_in(directory, Kind::Parlor, &["--auth", "required"], Stdio::null())?;
        server.authorization = format!("Authorization: Bearer {}\r\n", key.trim());
        Ok(server)
    }

    fn start_in(directory: TempDir, kind: Kind, settings: &[&str], log: Stdio) -> io::Result<Self> {
        let mut command = match kind {
            Kind::Tutorial => {
                let mut command = command(&directory, std::env::current_exe()?);
                command.arg(crate::TUTORIAL);
                command
            }
            Kind::Parlor => {
                let mut command = command(&directory, PARLOR);
                command.args(["serve", "--listen", "127.0.0.1:0"]).args(settings);
                command
            }
        };
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log).spawn()?;
        let address = address(&mut child);
        if address.is_err() {
            child.kill()?;
            child.wait()?;
        }
        Ok(Self { child, address: address?, kind, authorization: String::new(), directory })
    }

    /// Seconds of CPU, in user space and in the kernel, since the process began.
    pub fn cpu_seconds(&self) -> io::Result<f64> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        // The name in parentheses may hold anything; the fields after it are numbered from 3.
        let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
        let ticks: f64 =
            fields.split_whitespace().skip(14 - 3).take(2).filter_map(|field| field.parse::<f64>().ok()).sum();
        Ok(ticks / TICKS_PER_SECOND)
    }

    /// The length of the write-ahead log in bytes.
    pub fn log_bytes(&self) -> io::Result<u64> {
        Ok(std::fs::metadata(self.directory.path().join("parlor.db-wal"))?.len())
    }

    /// Resident memory in bytes.
    pub fn resident_bytes(&self) -> io::Result<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kilobytes = line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse().ok());
        kilobytes.map(|kilobytes: f64| kilobytes * 1024.0).ok_or_else(|| failed("no VmRSS"))
    }
}

/// A folder with a database that has so many messages in its room.
fn seeded(messages: u64) -> io::Result<TempDir> {
    let directory = TempDir::new()?;
    asked(&directory, &["seed", "--room", "bench", "--messages", &messages.to_string()])?;
    Ok(directory)
}

/// The output of a command, which has to succeed.
fn asked(directory: &TempDir, words: &[&str]) -> io::Result<String> {
    let output = command(directory, PARLOR).args(words).output()?;
    if !output.status.success() {
        return Err(failed(&format!("{words:?}: {}", String::from_utf8_lossy(&output.stderr))));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// A program in a directory of its own and without the caller's settings: as it comes out of the box.
fn command(directory: &TempDir, program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("PARLOR_") {
            command.env_remove(name);
        }
    }
    command.current_dir(directory.path());
    command
}

impl Drop for Server {
    fn drop(&mut self) {
        // Already gone is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn address(child: &mut Child) -> io::Result<SocketAddr> {
    let stdout = child.stdout.take().ok_or_else(|| failed("no standard output"))?;
    let mut line = String::new();
    BufReader::new(stdout).read_line(&mut line)?;
    let address = line.trim().strip_prefix("listening on http://");
    address
        .and_then(|address| address.parse().ok())
        .ok_or_else(|| failed(&format!("the server said {line:?} instead of where it listens")))
}

pub fn failed(reason: &str) -> io::Error {
    io::Error::other(reason.to_owned())
}
