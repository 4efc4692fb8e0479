//! Reactions of many people with long names to one message: the size of the message, and of a replay of its events.

use std::io;

use serde_json::json;

use super::{add, load::flood, megabytes};
use crate::{
    line::{Line, request},
    process::{Kind, Server, failed},
    report::Report,
};

const MESSAGE: &str = "/api/v1/rooms/bench/messages/1";
/// A message takes so many different emoji.
const EMOJI: u32 = 50;
/// Reactions of people with names of 400 bytes, the longest there are.
const LONG_NAMES: u64 = 500;
/// Reactions of people with short names, and those who add and take back theirs again and again.
const SHORT_NAMES: u64 = 5_000;
const CHANGES: u64 = 1_600;
/// The names shown are bounded to 2 KB, and each of 50 emoji has a count; the rest is for JSON.
const MOST_KILOBYTES: f64 = 8.0;
/// Each event carries the reactions as they were.
const MOST_REPLAYED_MEGABYTES: f64 = 64.0;

pub fn run(report: &mut Report) -> io::Result<()> {
    let server = Server::start(Kind::Parlor)?;
    let mut line = Line::connect(&server)?;
    let body = json!({"username": "Alice", "content": "x"});
    line.ask(&request(server.address, "POST", server.kind.messages_path(), Some(&body)))?;
    flood(&server, 16, LONG_NAMES, |n| react(&server, "PUT", n, &long_name(n)))?;
    let message = line.ask(&request(server.address, "GET", MESSAGE, None))?;
    add(report, "KB of a message with 500 reactions", message.len() as f64 / 1024.0, MOST_KILOBYTES);

    flood(&server, 64, SHORT_NAMES, |n| react(&server, "PUT", n, &format!("Bob{n}")))?;
    flood(&server, 16, CHANGES, |n| {
        let method = if n % 2 == 0 { "PUT" } else { "DELETE" };
        react(&server, method, n / 2, &format!("Eve{}", n / 100))
    })?;
    let (mut since, mut bytes, mut events) = (0, 0, 0);
    loop {
        let path = format!("/api/v1/rooms/bench/poll?since={since}&wait=0");
        let answer = line.ask(&request(server.address, "GET", &path, None))?;
        let page: serde_json::Value = serde_json::from_str(&answer)?;
        bytes += answer.len();
        events += page["events"].as_array().map_or(0, Vec::len);
        since = page["next"].as_u64().ok_or_else(|| failed(&answer))?;
        if page["has_more"] != true {
            break;
        }
    }
    let expected = 1 + LONG_NAMES + SHORT_NAMES + CHANGES;
    if since != expected {
        return Err(failed(&format!("{since} events were made instead of {expected}")));
    }
    add(report, format!("MB of a replay of its {events} events"), megabytes(bytes as f64), MOST_REPLAYED_MEGABYTES);
    Ok(())
}

fn react(server: &Server, method: &str, n: u64, username: &str) -> String {
    let emoji = char::from_u32(0x1_f600 + u32::try_from(n).unwrap_or_default() % EMOJI).unwrap_or('x').to_string();
    let [emoji, username] = [&emoji, username].map(encoded);
    request(server.address, method, &format!("{MESSAGE}/reactions/{emoji}?username={username}"), None)
}

fn encoded(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

/// A name of a hundred characters of four bytes each.
pub fn long_name(n: u64) -> String {
    let digits = [n / 400, n % 400]
        .map(|digit| char::from_u32(0x2_0000 + u32::try_from(digit).unwrap_or_default()).unwrap_or('x'));
    digits.iter().chain(&['\u{20000}'; 98]).collect()
}
