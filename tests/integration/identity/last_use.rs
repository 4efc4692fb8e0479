//! The last use of sessions and keys, as lists show it: to the minute, and an open stream is use.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::Guarded;
use crate::support::{DEADLINE, browser::Browser, sse::Stream, within};

const STREAM: &str = "/rooms/general/stream";

/// The time that something was last used, by its number, as its owner is shown it.
async fn last_use(browser: &Browser<'_>, list: &str, id: &Value) -> Value {
    let listed = browser.ok(Method::GET, &format!("/{list}"), None, 200).await;
    let entries = listed[list].as_array().expect("a list");
    entries.iter().find(|entry| entry["id"] == *id).expect("it is listed")["last_used_at"].clone()
}

async fn is_used(browser: &Browser<'_>, list: &str, id: &Value, since: &Value) {
    let used = async { while last_use(browser, list, id).await.as_str() <= since.as_str() {} };
    within(DEADLINE, "its use is shown", used).await;
}

/// The number of the session that a browser has.
async fn session(browser: &Browser<'_>) -> Value {
    let listed = browser.ok(Method::GET, "/sessions", None, 200).await;
    let mut sessions = listed["sessions"].as_array().expect("sessions").iter();
    sessions.find(|session| session["current"] == true).expect("its own")["id"].clone()
}

#[tokio::test]
async fn an_open_stream_is_use() {
    let guarded = Guarded::with(&["--accounts", "open", "--last-use-interval=200ms"]).await;
    let server = &guarded.server;
    let (watcher, reader, left) = (Browser::of(server), Browser::of(server), Browser::of(server));
    watcher.register("Alice").await;
    for browser in [&reader, &left] {
        browser.sign_in("Alice", crate::support::browser::PASSWORD).await;
    }
    let made = watcher.ok(Method::POST, "/keys", Some(json!({"name": "reads"})), 201).await;
    let key = made["key"].as_str().expect("a key");
    let [by_reader, by_left] = [session(&reader).await, session(&left).await];
    let mut streams = Vec::new();
    for request in [
        reader.request(Method::GET, STREAM),
        guarded.request(Method::GET, "/api/v1/rooms/general/stream", key),
        left.request(Method::GET, STREAM),
    ] {
        let stream = Stream::send(request).await;
        assert_eq!(stream.status, StatusCode::OK);
        streams.push(stream);
    }
    // One of the three ends, and the server knows it once nobody is connected by that session.
    drop(streams.pop());
    let set_back = async || {
        for table in ["session", "api_key"] {
            server.sql_beside(&format!("UPDATE {table} SET last_used_at = 1000000")).await;
        }
    };
    let long_ago = json!("1970-01-01T00:00:01Z");
    let others_are_used = async || {
        set_back().await;
        is_used(&watcher, "sessions", &by_reader, &long_ago).await;
        is_used(&watcher, "keys", &made["id"], &long_ago).await;
    };
    // The first time it may be the stream's beginning that is noted.
    others_are_used().await;
    let left_is_not = async {
        loop {
            others_are_used().await;
            let of_left = last_use(&watcher, "sessions", &by_left).await;
            if of_left.as_str().expect("a time").starts_with("1970-01-01T00:00:01") {
                break;
            }
        }
    };
    within(DEADLINE, "a stream that has ended is no use", left_is_not).await;
}

#[tokio::test]
async fn the_last_use_is_shown_to_the_minute() {
    let guarded = Guarded::with(&["--accounts", "open"]).await;
    let alice = Browser::of(&guarded.server);
    alice.register("Alice").await;
    let mut keys = Vec::new();
    for name in ["one", "other"] {
        keys.push(alice.ok(Method::POST, "/keys", Some(json!({"name": name})), 201).await);
    }
    let session = session(&alice).await;
    let of_session = last_use(&alice, "sessions", &session).await;
    let me = async |made: &Value| {
        let answer = guarded.request(Method::GET, "/api/v1/me", made["key"].as_str().expect("a key")).send().await;
        assert_eq!(answer.expect("an answer").status(), StatusCode::OK);
    };
    assert_eq!(last_use(&alice, "keys", &keys[0]["id"]).await, Value::Null);
    me(&keys[0]).await;
    is_used(&alice, "keys", &keys[0]["id"], &Value::Null).await;
    let first = last_use(&alice, "keys", &keys[0]["id"]).await;
    assert!(first.as_str() >= keys[0]["created_at"].as_str(), "{first}");
    for _ in 0..20 {
        me(&keys[0]).await;
    }
    // Uses are written in their order.
    me(&keys[1]).await;
    is_used(&alice, "keys", &keys[1]["id"], &Value::Null).await;
    assert_eq!(last_use(&alice, "keys", &keys[0]["id"]).await, first);
    assert_eq!(last_use(&alice, "sessions", &session).await, of_session);
}
