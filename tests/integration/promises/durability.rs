//! An answered post survives `kill -9` the next instant, has its id for good, and is never there twice.

use std::{collections::BTreeMap, time::Duration};

use futures_util::future::join_all;
use rand::Rng as _;
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::support::{DEADLINE, Query, Reader, Server, Transport, reader::is_durable, seeded, within};

const WRITERS: usize = 16;
const ROUNDS: usize = 20;
const ROOM: &str = "durable";
/// After how many answers of a round the server is killed at most, and how long after the last of them: counted in
/// answers, so that on a slow machine as much happens before.
const MOST_ANSWERS: usize = 4 * WRITERS;
const MOST_MILLIS: u64 = 40;

/// Somebody who posts one message after the other, and asks again with the same key when no answer came.
struct Writer {
    name: String,
    /// The number of the message that is to be posted next, or again.
    next: usize,
    /// True if it has posted that one and got no answer.
    was_cut: bool,
    /// The id that each key was answered with.
    answered: BTreeMap<String, i64>,
}

impl Writer {
    fn new(number: usize) -> Self {
        Self { name: format!("writer{number}"), next: 0, was_cut: false, answered: BTreeMap::new() }
    }

    fn key(&self, number: usize) -> String {
        format!("{}-{number}", self.name)
    }

    /// Posts until an answer fails to come; the first post of a round may have been stored before.
    async fn post_until_cut(&mut self, http: &reqwest::Client, url: &str, answers: &watch::Sender<usize>) {
        while let Some((status, message)) = self.post(http, url).await {
            let key = self.key(self.next);
            match status {
                StatusCode::CREATED => {}
                StatusCode::OK if self.was_cut => {}
                _ => panic!("{key} is answered with {status}: {message}"),
            }
            assert_eq!(message["client_id"], key.as_str(), "{message}");
            assert_eq!(message["content"], content(&key), "{message}");
            self.answered.insert(key, message["id"].as_i64().expect("an id"));
            self.next += 1;
            self.was_cut = false;
            answers.send_modify(|count| *count += 1);
        }
        self.was_cut = true;
    }

    /// One post: its status and its message, if a whole answer came.
    async fn post(&self, http: &reqwest::Client, url: &str) -> Option<(StatusCode, Value)> {
        let key = self.key(self.next);
        let body = json!({"username": self.name, "content": content(&key), "client_id": key});
        let sent = within(DEADLINE, "a post ends", http.post(url).json(&body).send()).await.ok()?;
        let status = sent.status();
        Some((status, within(DEADLINE, "an answer ends", sent.json()).await.ok()?))
    }
}

fn content(key: &str) -> String {
    format!("the message {key}")
}

/// Reads until it is cut; what it saw, and its cursor.
async fn read_until_cut(mut reader: Reader, mut seen: Vec<(i64, String)>) -> Vec<(i64, String)> {
    while let Some(event) = reader.next_or_end().await {
        if is_durable(&event) {
            assert_eq!(event["type"], "chat_message", "{event}");
            seen.push((event["id"].as_i64().expect("an id"), client_id(&event["message"])));
        }
    }
    seen
}

fn client_id(message: &Value) -> String {
    message["client_id"].as_str().expect("every message has a key").into()
}

#[tokio::test]
async fn what_is_answered_survives_kill_9() {
    let mut random = seeded();
    let mut server = Server::start().await;
    let mut writers: Vec<Writer> = (0..WRITERS).map(Writer::new).collect();
    let mut seen: Vec<(i64, String)> = Vec::new();
    for round in 0..ROUNDS {
        let transport = Transport::ALL[round % Transport::ALL.len()];
        let cursor = seen.last().map_or(0, |(id, _)| *id);
        let reader = Reader::open(&server, transport, ROOM, Query::since(cursor)).await;
        let (http, url) = (server.http().clone(), server.api(&format!("/rooms/{ROOM}/messages")));
        let answers = watch::Sender::new(0);
        let posting = join_all(writers.iter_mut().map(|writer| writer.post_until_cut(&http, &url, &answers)));
        let most = random.random_range(0..=MOST_ANSWERS);
        let moment = Duration::from_millis(random.random_range(1..=MOST_MILLIS));
        let killing = async {
            within(DEADLINE, "posts are answered", answers.subscribe().wait_for(|count| *count >= most))
                .await
                .expect("posts go on");
            // The scenario: the power goes at a moment nobody chose.
            tokio::time::sleep(moment).await;
            server.kill9().await;
        };
        ((), _, seen) = tokio::join!(killing, posting, read_until_cut(reader, seen));
        server.restart().await;
        check(&server, &writers, round).await;
    }

    // Nobody was heard in the end: the last retries find what is stored, once.
    for writer in &mut writers {
        let url = server.api(&format!("/rooms/{ROOM}/messages"));
        let (status, message) = writer.post(&server.http().clone(), &url).await.expect("an answer");
        assert!(matches!(status, StatusCode::OK | StatusCode::CREATED), "{status}: {message}");
        writer.answered.insert(writer.key(writer.next), message["id"].as_i64().expect("an id"));
    }
    let stored = check(&server, &writers, ROUNDS).await;
    assert!(stored.len() > WRITERS * ROUNDS, "the writers were cut before they had posted: {}", stored.len());

    // The reader resumed after every crash: its view is the log.
    let cursor = seen.last().map_or(0, |(id, _)| *id);
    let mut reader = Reader::open(&server, Transport::Sse, ROOM, Query::since(cursor)).await;
    while seen.len() < stored.len() {
        let event = reader.next_durable().await;
        seen.push((event["id"].as_i64().expect("an id"), client_id(&event["message"])));
    }
    assert!(seen == stored, "a reader that resumes sees exactly the log");
}

/// Checks that the log has no gap and holds every answered post once; returns it.
async fn check(server: &Server, writers: &[Writer], round: usize) -> Vec<(i64, String)> {
    let messages = server.messages(ROOM).await;
    let stored: Vec<(i64, String)> =
        messages.iter().map(|message| (message["id"].as_i64().expect("an id"), client_id(message))).collect();
    for (expected, (id, key)) in (1..).zip(&stored) {
        assert_eq!(*id, expected, "round {round}: the ids have a gap before {key}");
    }
    let by_key: BTreeMap<&str, i64> = stored.iter().map(|(id, key)| (key.as_str(), *id)).collect();
    assert_eq!(by_key.len(), stored.len(), "round {round}: a message is there twice");
    for (key, id) in writers.iter().flat_map(|writer| &writer.answered) {
        assert_eq!(by_key.get(key.as_str()), Some(id), "round {round}: {key} was answered with {id}");
    }
    for message in &messages {
        assert_eq!(message["content"], content(&client_id(message)), "round {round}");
    }
    stored
}
