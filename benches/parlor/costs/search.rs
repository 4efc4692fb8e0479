//! Searches that read much and find little: how long they take, and how long others wait for the sign of life.

use std::{io, time::Instant};

use serde_json::{Value, json};

use super::{
    add,
    load::{Others, flood, wait_for_calm},
};
use crate::{
    line::{Line, request},
    process::{Kind, Server, failed},
    report::Report,
};

/// Messages whose pairs of characters make up the run that is searched for, though none has the run itself.
const PAIRS: (u64, &str, &str) = (5_000, "甲乙 乙丙 丙丁 ", "%E7%94%B2%E4%B9%99%E4%B8%99");
/// Messages of a character that is eighteen once it is folded, and a query of many of them, which finds all.
const FOLDED: (u64, &str, &str) = (500, "\u{fdfa}", "%EF%B7%BA");
const CONTENT_BYTES: usize = 9_900;
/// Searches one after the other, and the number of people who search at the same time.
const TIMES: usize = 5;
const AT_ONCE: usize = 16;
/// A search works for 0.2 s, of which others' work may take as much again.
const MOST_ALONE_MS: f64 = 400.0;
/// Beyond that it waits for 1 s for its turn.
const MOST_AT_ONCE_MS: f64 = 1_500.0;
const MOST_HEALTH_MS: f64 = 100.0;

pub fn run(report: &mut Report) -> io::Result<()> {
    let server = Server::start(Kind::Parlor)?;
    for (room, (count, text, _)) in [("pairs", PAIRS), ("folded", FOLDED)] {
        let body = json!({"username": "Alice", "content": text.repeat(CONTENT_BYTES / text.len())});
        let post = request(server.address, "POST", &format!("/api/v1/rooms/{room}/messages"), Some(&body));
        flood(&server, 16, count, |_| post.clone())?;
    }
    wait_for_calm(&server)?;
    let pairs = format!("/api/v1/rooms/pairs/search?q={}", PAIRS.2);
    let folded = format!("/api/v1/rooms/folded/search?q={}&limit=200", FOLDED.2.repeat(14));

    let others = Others::checking_health(&server)?;
    let longest = [&pairs, &folded].map(|path| in_turn(&server, path));
    let [pairs_ms, folded_ms] = longest;
    add(report, "ms of a search for pairs of CJK", pairs_ms?, MOST_ALONE_MS);
    add(report, "ms of a search of characters that fold to many", folded_ms?, MOST_ALONE_MS);
    add(report, "ms of /healthz meanwhile", others.end()?.longest(), MOST_HEALTH_MS);

    let others = Others::checking_health(&server)?;
    let (longest, refused) = at_once(&server, &[pairs, folded])?;
    add(report, format!("ms of a search, {AT_ONCE} at once"), longest, MOST_AT_ONCE_MS);
    add(report, "ms of /healthz meanwhile", others.end()?.longest(), MOST_HEALTH_MS);
    report.note(format!("{AT_ONCE} searches at once: {refused} of {} refused", AT_ONCE * TIMES));
    Ok(())
}

/// The longest of some searches, in milliseconds.
fn in_turn(server: &Server, path: &str) -> io::Result<f64> {
    let mut line = Line::connect(server)?;
    let mut longest = 0.0;
    for _ in 0..TIMES {
        let (ms, status) = search(server, &mut line, path)?;
        if status != 200 {
            return Err(failed(&format!("a search alone was refused: {status}")));
        }
        longest = ms.max(longest);
    }
    Ok(longest)
}

/// The longest of many searches at the same time in milliseconds, and how many were refused.
fn at_once(server: &Server, paths: &[String]) -> io::Result<(f64, usize)> {
    let searches = |path: &str| {
        let mut line = Line::connect(server)?;
        (0..TIMES).map(|_| search(server, &mut line, path)).collect::<io::Result<Vec<_>>>()
    };
    let outcomes = std::thread::scope(|scope| {
        let searching: Vec<_> =
            paths.iter().cycle().take(AT_ONCE).map(|path| scope.spawn(move || searches(path))).collect();
        let ended = searching.into_iter().map(|thread| thread.join().map_err(|_| failed("a thread failed"))?);
        ended.collect::<io::Result<Vec<_>>>()
    })?
    .concat();
    let refused = outcomes.iter().filter(|(_, status)| *status == 503).count();
    Ok((outcomes.iter().map(|(ms, _)| *ms).fold(0.0, f64::max), refused))
}

/// The milliseconds that a search took, and its status: done, or refused since too many search.
fn search(server: &Server, line: &mut Line, path: &str) -> io::Result<(f64, u16)> {
    let started = Instant::now();
    line.send(&request(server.address, "GET", path, None))?;
    let (status, text) = line.answer()?;
    let took = started.elapsed();
    let page: Value = serde_json::from_str(&text)?;
    match (status, page["messages"].is_array()) {
        (200, true) | (503, false) => Ok((took.as_secs_f64() * 1e3, status)),
        _ => Err(failed(&format!("{status} after {took:?}: {}", &text[..text.len().min(200)]))),
    }
}
