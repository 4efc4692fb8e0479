//! The README's lines work as they stand, in their order.

use std::process::Stdio;

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, BufReader},
    process::{Child, Command},
};

use crate::support::{DEADLINE, Server, within};

const README: &str = include_str!("../../../README.md");

/// A line of the README, as it is run against another address, failing on every status that is an error.
fn run(line: &str, server: &Server) -> Child {
    let line = line.replace("http://127.0.0.1:3000", &server.url(""));
    let line = line.replacen("curl ", "curl -sS --fail-with-body ", 1);
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("exec {line}")]).stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
    shell.spawn().expect("a shell")
}

/// Reads a stream until it has given an event of the type.
async fn until_event(curl: &mut Child, kind: &str) {
    let mut lines = BufReader::new(curl.stdout.take().expect("a pipe")).lines();
    let wanted = format!("event: {kind}");
    while lines.next_line().await.expect("a stream").expect("no end before the event") != wanted {}
}

#[tokio::test]
async fn every_curl_line_works_as_pasted() {
    let server = Server::start().await;
    let lines: Vec<_> = README.lines().filter(|line| line.starts_with("curl ")).collect();
    assert_eq!(lines.len(), 10, "the lines were found: {lines:?}");
    for line in lines {
        let mut curl = run(line, &server);
        if line.contains(" -N ") {
            // A stream has no end. Resumed, it begins with what came since.
            let kind = if line.contains("Last-Event-ID") { "chat_message" } else { "message_history" };
            within(DEADLINE, line, until_event(&mut curl, kind)).await;
            continue;
        }
        let mut answer = String::new();
        let mut pipe = curl.stdout.take().expect("a pipe");
        within(DEADLINE, line, pipe.read_to_string(&mut answer)).await.expect("an answer");
        let status = within(DEADLINE, line, curl.wait()).await.expect("an end");
        assert!(status.success(), "{line}: {status}: {answer}");
        assert!(!answer.contains("\"code\""), "{line}: {answer}");
    }
    let said: Vec<_> = server.messages("general").await.iter().map(|message| message["content"].clone()).collect();
    assert_eq!(said, ["Hello", "Hi Alice"]);
}
