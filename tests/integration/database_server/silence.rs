//! A database server that falls silent without closing a connection, as one whose machine went away: its
//! askers don't wait for ever, and all heals once it speaks again.

use std::{
    fs,
    path::PathBuf,
    time::{Duration, Instant},
};

use reqwest::StatusCode;

use super::posters::until_ready;
use crate::support::{
    DEADLINE, Server,
    cluster::{Cluster, Kind, ask, signal},
    within,
};

/// The longest wait for an answer: the database's answer is awaited, and then it is asked again.
const LONGEST: Duration = Duration::from_secs(12);

/// Returns true if every thread of a process is stopped.
fn is_stopped(pid: u32) -> bool {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).expect("its threads");
    let state = |path: PathBuf| {
        let stat = fs::read_to_string(path.join("stat")).ok()?;
        // The name in parentheses may hold anything.
        stat.rsplit_once(") ").map(|(_, fields)| fields.starts_with('T'))
    };
    threads.filter_map(Result::ok).filter_map(|thread| state(thread.path())).all(|stopped| stopped)
}

async fn a_silent_server_holds_nobody_up(kind: Kind) {
    let cluster = Cluster::start(kind).await;
    let server = Server::builder().database_url(&cluster.url()).start().await;
    server.post("general", "Alice", "before").await;
    // PostgreSQL has a process a connection; the main one would accept new ones.
    let mut processes = vec![cluster.pid()];
    if kind == Kind::Postgres {
        let admin = cluster.connect().await;
        let theirs = "SELECT pid::bigint FROM pg_stat_activity WHERE application_name = 'parlor'";
        processes.extend(ask::<i64>(&admin, theirs).await.iter().map(|pid| u32::try_from(*pid).expect("a pid")));
        admin.close().await.expect("the connection ends");
    }
    for pid in &processes {
        signal(*pid, "STOP");
    }
    // A thread stops when it is scheduled next, and until then may answer.
    let all_stopped = async {
        while !processes.iter().all(|pid| is_stopped(*pid)) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    within(DEADLINE, "every thread stops", all_stopped).await;

    let began = Instant::now();
    let post = server.try_post("general", "Alice", "during");
    let page = server.get("/rooms/general/messages?after=0");
    let (post, page) = tokio::join!(post, page);
    assert!(began.elapsed() < LONGEST, "the answers took {:?}", began.elapsed());
    assert_eq!(post.expect("an answer").status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(page.status(), StatusCode::SERVICE_UNAVAILABLE);
    until_ready(&server, false).await;
    for pid in &processes {
        signal(*pid, "CONT");
    }

    until_ready(&server, true).await;
    // The refused post may be there or not: it was not known to be stored.
    let after = server.post("general", "Alice", "after").await["id"].as_i64().expect("an id");
    let read = within(DEADLINE, "all is read", server.messages("general")).await;
    let contents: Vec<_> = read.iter().map(|message| message["content"].as_str().expect("a content")).collect();
    let expected: &[&str] = if after == 2 { &["before", "after"] } else { &["before", "during", "after"] };
    assert_eq!(contents, expected);
}

on_every_server!(a_silent_server_holds_nobody_up);
