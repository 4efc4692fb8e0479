//! Deleting a message with a long history: how long others wait for their posts until all of it has gone.

use std::{io, thread::sleep, time::Duration};

use serde_json::json;

use super::{
    add_posts,
    load::{Others, flood, wait_for_calm},
};
use crate::{
    line::{Line, request},
    process::Server,
    report::Report,
};

const MESSAGE: &str = "/api/v1/rooms/bench/messages/1";
/// Earlier contents of 9,900 bytes: as many as a server may be set to keep.
const EDITS: u64 = 10_000;
const REACTIONS: u64 = 50_000;
const CONTENT_BYTES: usize = 9_900;
/// From the deletion on, the time that others are looked at: some seconds more than all of it takes.
const AFTER: Duration = Duration::from_secs(10);

pub fn run(report: &mut Report) -> io::Result<()> {
    let server = Server::with(&["--revisions", "10000"])?;
    let mut line = Line::connect(&server)?;
    let content = |n: u64| json!({"username": "Alice", "content": format!("{n} {}", "z".repeat(CONTENT_BYTES))});
    line.ask(&request(server.address, "POST", server.kind.messages_path(), Some(&content(0))))?;
    flood(&server, 64, EDITS, |n| request(server.address, "PATCH", MESSAGE, Some(&content(n + 1))))?;
    flood(&server, 64, REACTIONS, |n| {
        request(server.address, "PUT", &format!("{MESSAGE}/reactions/%F0%9F%91%8D?username=Bob{n}"), None)
    })?;
    wait_for_calm(&server)?;

    let others = Others::posting(&server)?;
    line = Line::connect(&server)?;
    line.ask(&request(server.address, "DELETE", &format!("{MESSAGE}?username=Alice"), None))?;
    sleep(AFTER);
    add_posts(report, "while much is deleted", &others.end()?);
    report.note(format!("deletion: {EDITS} revisions of {CONTENT_BYTES} bytes, {REACTIONS} reactions"));
    Ok(())
}
