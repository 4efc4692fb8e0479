//! A log that nobody reads, that is full or gone: nothing waits for it, and what it lost is counted.

use std::{
    fs::{File, OpenOptions},
    io::{BufRead as _, BufReader, PipeReader, PipeWriter, Read as _, pipe},
    os::fd::OwnedFd,
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};

use reqwest::StatusCode;
use rlimit::Resource;
use serde_json::Value;
use tokio::net::unix::pipe::Sender;

use crate::support::{
    DEADLINE, Server,
    database::{TestDatabase, sqlite_url},
    raw::Connection,
    server::{Builder, parlor_command},
    within,
};

const FORMATS: [&str; 2] = ["text", "json"];
/// More requests than there is room for their lines: a pipe holds 64 KiB, the server 1 MiB.
const MANY: usize = 7_000;
/// By when the process ends when it has nothing to wait for.
const END: Duration = Duration::from_secs(5);

fn serve(format: &str, log: impl Into<OwnedFd>) -> Builder {
    Server::builder().arg("--trusted-proxies=127.0.0.1").arg("--log-format").arg(format).log_to(log)
}

/// Has requests answered, each of which is a line of the log.
async fn request(server: &Server, count: usize) {
    const AT_ONCE: usize = 100;
    let request = format!("GET /healthz HTTP/1.1\r\nHost: {}\r\nX-Request-Id: {:a<64}\r\n\r\n", server.addr(), "");
    let mut connection = Connection::open(server.addr()).await;
    for _ in 0..count / AT_ONCE {
        connection.send(request.repeat(AT_ONCE)).await;
        for _ in 0..AT_ONCE {
            assert_eq!(connection.answer().await.expect("an answer, whatever the log does").status, 200);
        }
    }
}

async fn ends_in_time(mut server: Server) {
    let start = Instant::now();
    assert_eq!(server.terminate().await.code(), Some(0));
    assert!(start.elapsed() < END, "it took {:?}", start.elapsed());
}

fn is_request(line: &str) -> bool {
    line.contains("/healthz")
}

/// The number of dropped lines that a line tells of.
fn dropped(format: &str, line: &str) -> Option<usize> {
    if format == "json" {
        let line: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        return line["dropped"].as_u64().map(|count| count.try_into().expect("a few"));
    }
    let level = line.split_whitespace().nth(1).unwrap_or_default();
    assert!(line.starts_with("20") && ["INFO", "WARN", "ERROR"].contains(&level), "a line is whole: {line}");
    line.rsplit_once("dropped=").map(|(_, count)| count.trim().parse().expect("a number"))
}

/// Lines of the log, without those that tell people what to try.
fn log_lines(format: &str, text: &str) -> Vec<String> {
    let starts = if format == "json" { "{" } else { "20" };
    let lines = text.lines().skip_while(|line| !line.starts_with(starts));
    let hints = |line: &&str| !(line.is_empty() || line.starts_with("  "));
    lines.filter(hints).map(ToOwned::to_owned).collect()
}

#[tokio::test]
async fn a_log_whose_reader_has_gone_stops_nothing() {
    for format in FORMATS {
        let (reader, writer) = pipe().expect("a pipe");
        let server = serve(format, writer).start().await;
        request(&server, 100).await;
        drop(reader);
        request(&server, 200).await;
        server.post("general", "Alice", "hi").await;
        ends_in_time(server).await;
    }
}

#[tokio::test]
async fn a_log_that_nobody_reads_stops_nothing_and_what_is_dropped_is_counted() {
    for format in FORMATS {
        let (reader, writer) = pipe().expect("a pipe");
        let server = serve(format, writer).start().await;
        request(&server, MANY).await;
        server.post("general", "Alice", "hi").await;

        // Its reader wakes up, and finds all that there was room for, and how much is missing.
        let counting = tokio::task::spawn_blocking({
            let format = format.to_owned();
            move || count(&format, reader)
        });
        let (logged, dropped, reader) = within(DEADLINE, "the log says what is missing", counting).await.expect("it");
        assert!(logged > 1_000 && dropped > 500, "{logged} and {dropped}");
        assert_eq!(logged + dropped, MANY + 1, "each request is a line, written or counted");
        // And then it sleeps again.
        request(&server, 1_000).await;
        ends_in_time(server).await;
        drop(reader);
    }
}

/// Reads until the log says that lines were dropped; returns the requests it has, and the lines it lacks.
fn count(format: &str, reader: PipeReader) -> (usize, usize, BufReader<PipeReader>) {
    let (mut logged, mut lines) = (0, BufReader::new(reader));
    loop {
        let mut line = String::new();
        lines.read_line(&mut line).expect("a line");
        let line = line.trim_end();
        if !log_lines(format, line).is_empty() {
            if let Some(dropped) = dropped(format, line) {
                return (logged, dropped, lines);
            }
            logged += usize::from(is_request(line) || line.contains("/messages"));
        }
    }
}

#[tokio::test]
async fn a_device_that_is_always_full_stops_nothing() {
    for format in FORMATS {
        let full = OpenOptions::new().write(true).open("/dev/full").expect("a device");
        let server = serve(format, full).start().await;
        request(&server, 1_000).await;
        server.post("general", "Alice", "hi").await;
        ends_in_time(server).await;
    }
}

/// Bounds the size of every file the server writes: to it, that is a full disk, for the user root too.
fn limit_files(server: &Server, bytes: u64) {
    let pid = server.pid().try_into().expect("a process id");
    rlimit::prlimit(pid, Resource::FSIZE, Some((bytes, rlimit::INFINITY)), None).expect("a limit is set");
}

fn append(path: &Path) -> File {
    OpenOptions::new().create(true).append(true).open(path).expect("a file")
}

/// Waits until the disk is full of the log.
async fn until_full(path: &Path, bytes: u64) {
    within(DEADLINE, "the log meets the end of the disk", async {
        while std::fs::metadata(path).expect("the log").len() < bytes {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

/// Waits until the log has a line for each of so many requests: it is written behind them.
async fn until_written(path: &Path, requests: usize) {
    within(DEADLINE, "the requests are logged", async {
        while std::fs::read_to_string(path).expect("the log").lines().filter(|line| is_request(line)).count() < requests
        {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

/// A server whose log has 100 requests, and no room for all of so many others.
async fn on_a_full_disk(format: &str, path: &Path, others: usize) -> Server {
    let server = serve(format, append(path)).start().await;
    request(&server, 100).await;
    until_written(path, 100).await;
    // Not a whole number of lines.
    let full = std::fs::metadata(path).expect("the log").len() + 4_321;
    limit_files(&server, full);
    request(&server, others).await;
    until_full(path, full).await;
    server
}

#[tokio::test]
async fn a_log_on_a_full_disk_stops_nothing_and_is_whole_once_there_is_room() {
    for format in FORMATS {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("parlor.log");
        let server = on_a_full_disk(format, &path, 200).await;
        request(&server, 200).await;
        limit_files(&server, rlimit::INFINITY);
        request(&server, 100).await;
        ends_in_time(server).await;

        let text = std::fs::read_to_string(&path).expect("the log");
        let lines = log_lines(format, &text);
        assert!(lines.iter().all(|line| dropped(format, line).is_none()), "there was room for all of them");
        assert_eq!(lines.iter().filter(|line| is_request(line)).count(), 600, "each request is a line");
    }
}

/// The usual way to make room, which takes away the first half of the line that did not fit.
#[tokio::test]
async fn a_log_that_was_emptied_begins_with_a_whole_line() {
    for format in FORMATS {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("parlor.log");
        let server = on_a_full_disk(format, &path, 100).await;
        let kept = std::fs::read_to_string(&path).expect("the log");
        append(&path).set_len(0).expect("it is emptied");
        ends_in_time(server).await;

        let text = std::fs::read_to_string(&path).expect("the log");
        let lines = log_lines(format, &text);
        assert!(text.starts_with(&lines[0]), "{text}");
        assert!(lines.iter().all(|line| dropped(format, line).is_none()), "there was room for all of them");
        // Without the line that was cut: it is there again, as a whole.
        let (before, _) = kept.rsplit_once('\n').expect("lines");
        let before = before.lines().filter(|line| is_request(line)).count();
        let after = lines.iter().filter(|line| is_request(line)).count();
        assert_eq!(before + after, 200, "each request is a line");
    }
}

/// Nobody reads the log, and the disk that has it and the database is full.
#[tokio::test]
async fn a_full_disk_with_the_log_and_the_database_refuses_posts_alone() {
    const ROOM: u64 = 200_000;
    for format in FORMATS {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("parlor.log");
        let server =
            serve(format, append(&path)).database_url(&sqlite_url(&dir.path().join("parlor.db"))).start().await;
        limit_files(&server, ROOM);
        let text = "x".repeat(9_000);
        within(DEADLINE, "posts are refused", async {
            while server.try_post("general", "Alice", &text).await.expect("an answer").status() == StatusCode::CREATED {
            }
        })
        .await;
        request(&server, 1_000).await;
        until_full(&path, ROOM).await;
        request(&server, 1_000).await;
        assert_eq!(server.get("/rooms/general/messages").await.status(), StatusCode::OK);
        limit_files(&server, rlimit::INFINITY);
        within(DEADLINE, "posts are taken again", async {
            while server.try_post("general", "Alice", "hi").await.expect("an answer").status() != StatusCode::CREATED {}
        })
        .await;
        ends_in_time(server).await;
        let text = std::fs::read_to_string(&path).expect("the log");
        for line in log_lines(format, &text) {
            assert_eq!(dropped(format, &line), None, "there was room for all of them");
        }
    }
}

/// A pipe that is full, and whose reader does not read.
async fn full_pipe() -> (PipeReader, OwnedFd) {
    let (reader, writer) = pipe().expect("a pipe");
    let filling = Sender::from_owned_fd(writer.into()).expect("a pipe");
    filling.writable().await.expect("a pipe");
    while filling.try_write(&[b'x'; 4_096]).is_ok() {}
    // Whoever gets it blocks again, as with any pipe.
    (reader, filling.into_blocking_fd().expect("a pipe"))
}

fn gone_pipe() -> OwnedFd {
    let (_, writer): (_, PipeWriter) = pipe().expect("a pipe");
    writer.into()
}

fn full_device() -> OwnedFd {
    OpenOptions::new().write(true).open("/dev/full").expect("a device").into()
}

/// The exit code of a command whose both outputs go there.
async fn exit_code(dir: &Path, args: &[&str], out: OwnedFd) -> Option<i32> {
    let mut command = parlor_command(dir, args);
    command.stdin(Stdio::null()).stdout(out.try_clone().expect("a descriptor")).stderr(out);
    let mut child = tokio::process::Command::from(command).kill_on_drop(true).spawn().expect("parlor runs");
    within(DEADLINE, format!("parlor {args:?} ends"), child.wait()).await.expect("its status").code()
}

#[tokio::test]
async fn every_command_ends_as_it_should_though_nobody_takes_what_it_says() {
    let dir = tempfile::tempdir().expect("a directory");
    let dir = dir.path();
    let database = TestDatabase::fresh(dir).await;
    let url = database.url();
    let missing = sqlite_url(&dir.join("no/such/folder/parlor.db"));
    let (reader, full) = full_pipe().await;
    for out in [&full, &gone_pipe(), &full_device()] {
        for (args, code) in [
            (&["migrate", "--database-url", url][..], 0),
            (&["migrate", "--database-url", &missing], 1),
            (&["migrate", "--database-url", "nonsense"], 2),
            (&["seed", "--database-url", url, "--messages", "20"], 0),
            (&["seed", "--database-url", &missing, "--messages", "1"], 1),
            (&["seed", "--database-url", url, "--messages", "0"], 2),
            (&["serve", "--database-url", &missing, "--listen", "127.0.0.1:0"], 1),
            (&["serve", "--listen", "nonsense"], 2),
            (&["serve", "--log", "a=b=c"], 2),
            (&[], 2),
        ] {
            let out = out.try_clone().expect("a descriptor");
            assert_eq!(exit_code(dir, args, out).await, Some(code), "{args:?}");
        }
    }
    drop(reader);
}

/// As a supervisor would start it again on the pipe that nobody read before either.
#[tokio::test]
async fn a_server_starts_on_a_pipe_that_is_full_already() {
    let dir = tempfile::tempdir().expect("a directory");
    let database = TestDatabase::fresh(dir.path()).await;
    for format in FORMATS {
        let (mut reader, full) = full_pipe().await;
        let args = ["serve", "--listen", "127.0.0.1:0", "--database-url", database.url(), "--log-format", format];
        let mut command = parlor_command(dir.path(), &args);
        command.stdin(Stdio::null()).stdout(full.try_clone().expect("a descriptor")).stderr(full);
        let mut child = tokio::process::Command::from(command).kill_on_drop(true).spawn().expect("parlor runs");
        let pid = child.id().expect("it runs");
        // It can't say where it listens; the kernel can.
        let listening = async {
            loop {
                let sockets = std::fs::read_to_string(format!("/proc/{pid}/net/tcp")).expect("sockets");
                if let Some(port) = port_of(pid, &sockets) {
                    return port;
                }
                tokio::task::yield_now().await;
            }
        };
        let port: u16 = within(DEADLINE, "it listens", listening).await;
        let url = format!("http://127.0.0.1:{port}/healthz");
        let client = reqwest::Client::builder().no_proxy().build().expect("a client");
        let answer = within(DEADLINE, "it serves", client.get(url).send()).await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::OK);
        let sent = std::process::Command::new("kill").args(["-TERM", &pid.to_string()]).status();
        assert!(sent.expect("kill runs").success());
        let status = within(END, "it ends", child.wait()).await.expect("its status");
        assert_eq!(status.code(), Some(0));
        drop(child);
        let mut rest = Vec::new();
        reader.read_to_end(&mut rest).expect("what was in the pipe");
    }
}

/// The port on which a process listens, from the kernel's table of sockets.
fn port_of(pid: u32, sockets: &str) -> Option<u16> {
    let files = std::fs::read_dir(format!("/proc/{pid}/fd")).ok()?;
    let own: Vec<_> = files.filter_map(|file| std::fs::read_link(file.ok()?.path()).ok()).collect();
    sockets.lines().skip(1).find_map(|line| {
        let words: Vec<_> = line.split_whitespace().collect();
        // The fourth column is the state, 0A for listening, and the tenth the inode (proc(5)).
        let is_own = own.iter().any(|file| file.as_os_str() == format!("socket:[{}]", words[9]).as_str());
        let port = words[1].rsplit_once(':')?.1;
        (words[3] == "0A" && is_own).then(|| u16::from_str_radix(port, 16).expect("a port"))
    })
}
