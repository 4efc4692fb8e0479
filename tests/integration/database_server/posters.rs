//! Many who post at once, whatever becomes of the database, and what has to hold of what they posted.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::support::{DEADLINE, Reader, Server, reader::is_durable, within};

/// The number of posters.
pub(super) const POSTERS: usize = 16;
/// The room they post to.
pub(super) const ROOM: &str = "outage";

/// Posters, and the answers they have had so far.
pub(super) struct Posters {
    /// The key of each message that was taken, and its id.
    answered: Mutex<BTreeMap<String, i64>>,
    taken: watch::Sender<usize>,
    refused: watch::Sender<usize>,
    ended: AtomicBool,
    slowest: Mutex<Duration>,
    next: AtomicUsize,
}

impl Posters {
    pub(super) fn new() -> Self {
        Self {
            answered: Mutex::default(),
            taken: watch::Sender::new(0),
            refused: watch::Sender::new(0),
            ended: AtomicBool::new(false),
            slowest: Mutex::default(),
            next: AtomicUsize::new(0),
        }
    }

    /// Posts until told to end. Who is refused asks again, with the same key, until it is taken.
    pub(super) async fn run(&self, server: &Server) {
        let post = async |_| {
            while !self.ended.load(Ordering::Relaxed) {
                let key = format!("key-{}", self.next.fetch_add(1, Ordering::Relaxed));
                while !self.post(server, &key).await {}
            }
        };
        join_all((0..POSTERS).map(post)).await;
    }

    async fn post(&self, server: &Server, key: &str) -> bool {
        let body = json!({"username": "Alice", "content": content(key), "client_id": key});
        let began = Instant::now();
        let request = server.http().post(server.api(&format!("/rooms/{ROOM}/messages"))).json(&body);
        let answer = within(DEADLINE, "a post is answered", request.send()).await.expect("an answer");
        {
            let mut slowest = self.slowest.lock().unwrap_or_else(PoisonError::into_inner);
            *slowest = began.elapsed().max(*slowest);
        }
        match answer.status() {
            StatusCode::CREATED | StatusCode::OK => {
                let message: Value = answer.json().await.expect("a message");
                assert_eq!(message["content"], content(key));
                let id = message["id"].as_i64().expect("an id");
                self.answered.lock().unwrap_or_else(PoisonError::into_inner).insert(key.to_owned(), id);
                self.taken.send_modify(|taken| *taken += 1);
                true
            }
            StatusCode::SERVICE_UNAVAILABLE => {
                assert!(answer.headers().contains_key("retry-after"), "it says when to ask again");
                self.refused.send_modify(|refused| *refused += 1);
                false
            }
            status => panic!("{key}: {status}: {}", answer.text().await.expect("a body")),
        }
    }

    /// Waits until so many more posts were taken.
    pub(super) async fn take(&self, more: usize) {
        let goal = *self.taken.borrow() + more;
        let done = async { self.taken.subscribe().wait_for(|taken| *taken >= goal).await.map(|_| ()) };
        within(DEADLINE, "posts are taken", done).await.expect("it lives");
    }

    /// Waits until so many more posts were refused.
    pub(super) async fn refuse(&self, more: usize) {
        let goal = *self.refused.borrow() + more;
        let done = async { self.refused.subscribe().wait_for(|refused| *refused >= goal).await.map(|_| ()) };
        within(DEADLINE, "posts are refused", done).await.expect("it lives");
    }

    /// Has each post once more, and then no more.
    pub(super) fn end(&self) {
        self.ended.store(true, Ordering::Relaxed);
    }

    /// The time of the slowest answer.
    pub(super) fn slowest(&self) -> Duration {
        *self.slowest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Once they have ended: every answered message is there with its id, the ids have no gap, no message
    /// is there twice, and the reader, on one connection since the beginning, got each once and in order.
    pub(super) async fn check(&self, server: &Server, mut reader: Reader) {
        let stored = server.messages(ROOM).await;
        let pairs: Vec<(String, i64)> = stored.iter().map(key_and_id).collect();
        let keys: BTreeMap<String, i64> = pairs.iter().cloned().collect();
        assert_eq!(keys.len(), stored.len(), "no message is there twice");
        assert!(pairs.iter().map(|(_, id)| *id).eq(1..=server.head(ROOM).await), "the ids have no gap: {pairs:?}");
        // Each was asked for until it was answered, so there is no other.
        assert_eq!(keys, *self.answered.lock().unwrap_or_else(PoisonError::into_inner));
        let mut seen = Vec::new();
        while seen.len() < pairs.len() {
            let event = reader.next().await;
            if is_durable(&event) {
                seen.push(key_and_id(&event["message"]));
            }
        }
        assert_eq!(seen, pairs, "what the reader got is what is stored");
    }
}

fn content(key: &str) -> String {
    format!("the message {key}")
}

fn key_and_id(message: &Value) -> (String, i64) {
    let key = message["client_id"].as_str().expect("every message has a key");
    assert_eq!(message["content"], content(key));
    (key.to_owned(), message["id"].as_i64().expect("an id"))
}

/// Waits until `/readyz` says so.
pub(super) async fn until_ready(server: &Server, ready: bool) {
    let expected = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let asked = async {
        while server.http().get(server.url("/readyz")).send().await.expect("an answer").status() != expected {}
    };
    within(DEADLINE, format!("/readyz answers {expected}"), asked).await;
}
