//! Readers that come, go and change transport while others write: no gap, no duplicate, one order.

use std::{sync::Arc, time::Duration};

use rand::{Rng as _, rngs::StdRng};
use serde_json::Value;
use tokio::{sync::watch, task::JoinSet};

use crate::support::{DEADLINE, Query, Reader, Server, Transport, reader::kind, seeded, within};

over_every_transport!(readers_who_join_while_a_writer_posts_miss_nothing);

/// A writer that posts as fast as it can, and says after each post how far it is.
fn write(tasks: &mut JoinSet<()>, server: &Arc<Server>, count: i64) -> watch::Receiver<i64> {
    let (progress, written) = watch::channel(0);
    let server = Arc::clone(server);
    tasks.spawn(async move {
        for number in 1..=count {
            server.post("general", "Alice", &format!("message {number}")).await;
            progress.send_replace(number);
        }
    });
    written
}

/// Waits as long as the writer gets on.
async fn written(progress: &mut watch::Receiver<i64>, count: i64) {
    while *progress.borrow_and_update() < count {
        within(DEADLINE, format!("the writer gets on to {count}"), progress.changed()).await.expect("the writer lives");
    }
}

/// Reads on until the last id; every event of the log is the one after the one before.
async fn read_on(reader: &mut Reader, last: i64, seen: &mut Vec<Value>) {
    while reader.cursor() < last {
        let before = reader.cursor();
        let event = reader.next_durable().await;
        assert_eq!(event["id"], before + 1, "{:?}", reader.transport());
        seen.push(event);
    }
}

/// The cursor a reader without one starts at, once its history is checked and kept.
async fn read_history(reader: &mut Reader, seen: &mut Vec<Value>) -> i64 {
    let history = reader.next().await;
    assert_eq!(kind(&history), "message_history");
    let messages = history["messages"].as_array().expect("messages");
    let head = history["id"].as_i64().expect("a cursor");
    let first = head - i64::try_from(messages.len()).expect("a few") + 1;
    for (id, message) in (first..).zip(messages) {
        assert_eq!(message["id"], id, "the history is contiguous up to its cursor");
        seen.push(serde_json::json!({"id": id, "message": message}));
    }
    head
}

/// Checks that readers saw what the store has.
async fn as_stored(server: &Server, count: i64, views: Vec<Vec<Value>>) {
    let stored = server.messages("general").await;
    assert_eq!(stored.len(), usize::try_from(count).expect("a count"));
    for view in views {
        for event in view {
            let index = usize::try_from(event["id"].as_i64().expect("an id") - 1).expect("an index");
            assert_eq!(event["message"], stored[index]);
        }
    }
}

async fn readers_who_join_while_a_writer_posts_miss_nothing(transport: Transport) {
    const READERS: i64 = 30;
    const MESSAGES: i64 = 600;
    let server = Arc::new(Server::start().await);
    let mut tasks = JoinSet::new();
    let progress = write(&mut tasks, &server, MESSAGES);
    let mut readers: JoinSet<Vec<Value>> = JoinSet::new();
    for number in 0..READERS {
        let (server, mut progress) = (Arc::clone(&server), progress.clone());
        readers.spawn(async move {
            // Spread over the whole run, so that each joins while a post is under way.
            let start = number * MESSAGES / READERS;
            written(&mut progress, start).await;
            // A third each: without a cursor, from the beginning, and from just where the writer is.
            let query = [Query::new(), Query::since(0), Query::since(start)];
            let query = query[usize::try_from(number % 3).expect("a third")].clone();
            let resumes = query.since.is_some();
            let mut reader = Reader::open(&server, transport, "general", query).await;
            let mut seen = Vec::new();
            if !resumes {
                read_history(&mut reader, &mut seen).await;
            }
            read_on(&mut reader, MESSAGES, &mut seen).await;
            seen
        });
    }
    let views = readers.join_all().await;
    tasks.join_all().await;
    as_stored(&server, MESSAGES, views).await;
}

#[tokio::test]
async fn readers_who_hop_between_transports_miss_nothing() {
    const MESSAGES: i64 = 600;
    let mut random = seeded();
    let server = Arc::new(Server::start().await);
    let mut tasks = JoinSet::new();
    let _progress = write(&mut tasks, &server, MESSAGES);
    let mut hoppers: JoinSet<Vec<Value>> = JoinSet::new();
    for first in Transport::ALL.into_iter().cycle().take(6) {
        let hops: Vec<(Transport, i64)> =
            (0..MESSAGES).map(|_| (Transport::ALL[random.random_range(0..3)], random.random_range(1..20))).collect();
        let server = Arc::clone(&server);
        hoppers.spawn(async move {
            let mut seen = Vec::new();
            let mut reader = Reader::open(&server, first, "general", Query::new()).await;
            let mut cursor = read_history(&mut reader, &mut seen).await;
            for (transport, length) in hops {
                read_on(&mut reader, (cursor + length).min(MESSAGES), &mut seen).await;
                cursor = reader.cursor().min(MESSAGES);
                if cursor == MESSAGES {
                    break;
                }
                // Dropped without a goodbye, as a network does it.
                drop(reader);
                reader = Reader::open(&server, transport, "general", Query::since(cursor)).await;
            }
            assert_eq!(cursor, MESSAGES, "hopped through all of it");
            seen
        });
    }
    let views = hoppers.join_all().await;
    tasks.join_all().await;
    as_stored(&server, MESSAGES, views).await;
}

/// One waiting request: the ids it was answered with.
async fn wait_for_more(server: &Server, by_messages: bool, head: i64) -> Vec<i64> {
    let path = if by_messages {
        format!("/rooms/general/messages?after={head}&wait=20")
    } else {
        format!("/rooms/general/poll?since={head}&wait=20")
    };
    let answer = within(Duration::from_secs(8), format!("{path}: woken"), server.get_json(&path)).await;
    let events = if by_messages { &answer["messages"] } else { &answer["events"] };
    events.as_array().expect("a list").iter().map(|event| event["id"].as_i64().expect("an id")).collect()
}

#[tokio::test]
async fn no_wake_is_lost() {
    const ROUNDS: i64 = 400;
    let mut random = seeded();
    let server = Server::start().await;
    server.put_room("general", &serde_json::json!({})).await;
    for head in 0..ROUNDS {
        // The requests and the post meet in ever another order.
        let mut pause = || Duration::from_micros(random.random_range(0..3_000));
        let (before_post, pauses) = (pause(), [pause(), pause(), pause(), pause()]);
        let post = async {
            tokio::time::sleep(before_post).await;
            server.post("general", "Alice", "hi").await;
        };
        let waits = pauses.into_iter().enumerate().map(|(index, pause)| {
            let server = &server;
            async move {
                tokio::time::sleep(pause).await;
                wait_for_more(server, index % 2 == 0, head).await
            }
        });
        let ((), answers) = tokio::join!(post, futures_util::future::join_all(waits));
        for answer in answers {
            assert_eq!(answer, [head + 1], "round {head}");
        }
    }
}

#[tokio::test]
async fn a_wait_that_nothing_ends_is_answered_with_the_cursor_given() {
    let server = Server::start().await;
    server.post_many("general", "Alice", 3).await;
    for (path, list) in [("messages?after=3&wait=1", "messages"), ("poll?since=3&wait=1", "events")] {
        let started = std::time::Instant::now();
        let answer = server.get_json(&format!("/rooms/general/{path}")).await;
        assert!(started.elapsed() > Duration::from_millis(900), "{path}");
        assert_eq!((&answer[list], &answer["next"]), (&serde_json::json!([]), &serde_json::json!(3)), "{path}");
    }
}

/// Pages through a room by polls that don't wait, until the writers are done and all is read.
async fn page_through(server: Arc<Server>, last: i64) -> Vec<(i64, String)> {
    let (mut since, mut log) = (0, Vec::new());
    while since < last {
        let answer = server.get_json(&format!("/rooms/general/poll?since={since}&wait=1")).await;
        for event in answer["events"].as_array().expect("events") {
            if let Some(id) = event["id"].as_i64() {
                assert_eq!(id, since + 1, "a page skips nothing");
                log.push((id, kind(event).to_owned()));
                since = id;
            }
        }
        assert_eq!(answer["next"], since, "next is the last event's id");
    }
    log
}

/// Resumes by SSE again and again, a few events at a time.
async fn resume_through(server: Arc<Server>, last: i64, mut random: StdRng) -> Vec<(i64, String)> {
    let (mut since, mut log) = (0, Vec::new());
    while since < last {
        let mut reader = Reader::open(&server, Transport::Sse, "general", Query::since(since)).await;
        for _ in 0..random.random_range(1..80) {
            let event = reader.next_durable().await;
            assert_eq!(event["id"], since + 1, "a stream skips nothing");
            since += 1;
            log.push((since, kind(&event).to_owned()));
            if since == last {
                break;
            }
        }
    }
    log
}

#[tokio::test]
async fn a_page_merged_of_messages_and_other_events_never_skips_one() {
    const EACH: i64 = 150;
    const LAST: i64 = 4 * EACH;
    let server = Arc::new(Server::start().await);
    server.put_room("general", &serde_json::json!({})).await;
    let mut writers = JoinSet::new();
    for writer in 0..2 {
        let here = Arc::clone(&server);
        writers.spawn(async move { here.post_many("general", "Alice", usize::try_from(EACH).expect("a count")).await });
        let here = Arc::clone(&server);
        writers.spawn(async move {
            for number in 0..EACH {
                let title = format!("title {writer} {number}");
                here.put_room("general", &serde_json::json!({"title": title})).await;
            }
        });
    }
    let mut readers = JoinSet::new();
    for _ in 0..3 {
        readers.spawn(page_through(Arc::clone(&server), LAST));
        readers.spawn(resume_through(Arc::clone(&server), LAST, seeded()));
    }
    let logs = readers.join_all().await;
    writers.join_all().await;

    let messages: Vec<i64> =
        server.messages("general").await.iter().map(|message| message["id"].as_i64().expect("an id")).collect();
    assert_eq!(i64::try_from(messages.len()), Ok(2 * EACH));
    let stored: Vec<(i64, String)> = (1..=LAST)
        .map(|id| (id, if messages.contains(&id) { "chat_message" } else { "room_updated" }.to_owned()))
        .collect();
    for log in logs {
        assert_eq!(log, stored);
    }
}
