//! A server that can't be asked who has lost a right: nothing is delivered to anybody with a credential until it can.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::posters::until_ready;
use crate::{
    identity::Guarded,
    support::{
        DEADLINE, Server,
        cluster::{Cluster, Kind},
        sse::Stream,
        within,
    },
};

const TIMES: [&str; 4] =
    ["--revocation-interval=100ms", "--revocation-patience=500ms", "--ping-interval=200ms", "--presence-grace=50ms"];

async fn open(guarded: &Guarded, user: &str) -> Stream {
    let path = format!("/api/v1/rooms/general/stream?username={user}");
    let mut stream = Stream::send(guarded.request(Method::GET, &path, &guarded.token(user, &[]))).await;
    until(&mut stream, |event| event["type"] == "presence_state").await;
    stream
}

/// Everything up to an event that a condition picks, which is the last.
async fn until(stream: &mut Stream, picks: impl Fn(&Value) -> bool) -> Vec<Value> {
    let search = async {
        let mut events = Vec::new();
        loop {
            let frame = stream.next().await.expect("the stream goes on");
            events.push(serde_json::from_str(&frame.data).expect("JSON"));
            if events.last().is_some_and(&picks) {
                return events;
            }
        }
    };
    within(DEADLINE, "an event", search).await
}

/// So many pings, each after a silence; returns all that came with them.
async fn pings(stream: &mut Stream, count: usize) -> Vec<Value> {
    let mut events = Vec::new();
    for _ in 0..count {
        events.extend(until(stream, |event| event["type"] == "ping").await);
    }
    events
}

async fn deliveries_wait_until_revocations_can_be_read(kind: Kind) {
    let mut cluster = Cluster::start(kind).await;
    let guarded = Guarded::on(Server::builder().database_url(&cluster.url()), &TIMES).await;
    guarded.make_room("general").await;
    let mut alice = open(&guarded, "alice").await;
    let bob = open(&guarded, "bob").await;
    let of_bob = |event: &Value| event["type"] == "user_status" && event["username"] == "bob";
    until(&mut alice, of_bob).await;

    cluster.stop("KILL").await;
    guarded.server.wait_for_log("soon nothing is delivered", DEADLINE).await;
    // Longer than the patience.
    pings(&mut alice, 5).await;
    drop(bob);
    // Longer than the grace by far: without the outage it would have been told.
    let meanwhile = pings(&mut alice, 5).await;
    assert!(meanwhile.iter().all(|event| event["type"] == "ping"), "{meanwhile:?}");

    cluster.resume().await;
    let told = until(&mut alice, of_bob).await;
    assert_eq!(told.last().map(|event| &event["status"]), Some(&json!("offline")));
    until_ready(&guarded.server, true).await;
    let post = guarded.request(Method::POST, "/api/v1/rooms/general/messages", &guarded.token("bob", &[]));
    let posted = post.json(&json!({"content": "after"})).send().await.expect("an answer");
    assert_eq!(posted.status(), StatusCode::CREATED);
    until(&mut alice, |event| event["type"] == "chat_message" && event["message"]["content"] == "after").await;
}

on_every_server!(deliveries_wait_until_revocations_can_be_read);
