//! Limits of rate: each is reached, told in headers, and met by frames, streams and polls too.

mod at_once;
mod users;

use std::time::{Duration, Instant};

use reqwest::{Response, StatusCode, header};
use serde_json::{Value, json};

use crate::support::{
    DEADLINE, Server,
    problem::expect_problem,
    reader::Query,
    server::{Builder, json_of},
    socket::Socket,
    sse::Stream,
    within,
};

/// A server that counts requests from this machine too.
fn limited(limits: &[&str]) -> Builder {
    let builder = Server::builder().arg("--limits-exempt=none");
    limits.iter().fold(builder, Builder::arg)
}

/// The header `RateLimit` of an answer: how many are left, and the seconds until all are there or the next is.
fn left(answer: &Response, name: &str) -> (u64, u64) {
    let header = |name: &str| answer.headers()[name].to_str().expect("text").to_owned();
    let state = header("ratelimit");
    let state = state.strip_prefix(&format!("\"{name}\";r=")).unwrap_or_else(|| panic!("{name}: {state}"));
    let (left, wait) = state.split_once(";t=").expect("two values");
    assert_eq!(header("x-ratelimit-remaining"), left);
    assert!(header("ratelimit-policy").starts_with(&format!("\"{name}\";q={};w=", header("x-ratelimit-limit"))));
    (left.parse().expect("a number"), wait.parse().expect("a number"))
}

async fn post(server: &Server, user: &str) -> Response {
    server.try_post("general", user, "hi").await.expect("an answer")
}

#[tokio::test]
async fn posts_are_counted_by_name_and_told_in_headers() {
    let server = limited(&["--limit-posts=2/h"]).start().await;
    for (expected, wait) in [(1, 1_800), (0, 1_800)] {
        let answer = post(&server, "Alice").await;
        assert_eq!(answer.status(), StatusCode::CREATED);
        let (is, until) = left(&answer, "posts");
        assert_eq!(is, expected);
        assert!((wait - 5..=wait).contains(&until), "{until}");
    }
    let refused = post(&server, "ALICE").await;
    assert_eq!(left(&refused, "posts").0, 0);
    let wait: u64 = refused.headers()[header::RETRY_AFTER].to_str().expect("text").parse().expect("seconds");
    assert!((1_795..=1_800).contains(&wait), "{wait}");
    let problem = expect_problem(refused, 429, "rate_limited", &[]).await;
    assert_eq!(problem["detail"], format!("Too many messages posted: wait {wait} s."));
    // Others are not, and neither is what is read.
    assert_eq!(post(&server, "Bob").await.status(), StatusCode::CREATED);
    let read = server.get("/rooms/general/messages").await;
    assert_eq!(read.headers()["ratelimit-policy"], "\"requests\";q=2000;w=20");
    assert!((1_900..2_000).contains(&left(&read, "requests").0));
    assert_eq!(server.messages("general").await.len(), 3, "what was refused is not there");
}

/// Told to wait, a client might believe that the message is not there.
#[tokio::test]
async fn a_post_that_is_stored_is_answered_when_it_is_repeated_over_the_limit() {
    let server = limited(&["--limit-posts=1/h"]).start().await;
    let post = async |client_id: &str, content: &str| {
        let body = json!({"username": "Alice", "content": content, "client_id": client_id});
        server.http().post(server.api("/rooms/general/messages")).json(&body).send().await.expect("an answer")
    };
    let first = json_of(post("a", "hi").await, StatusCode::CREATED).await;
    for _ in 0..3 {
        let again = post("a", "hi").await;
        assert_eq!(again.headers()["idempotent-replayed"], "true");
        assert_eq!(json_of(again, StatusCode::OK).await, first);
    }
    expect_problem(post("b", "hi").await, 429, "rate_limited", &[]).await;
    assert_eq!(server.messages("general").await.len(), 1);
    // The same by a socket.
    let mut socket = Socket::open(&server, "general", &Query::default()).await;
    for (client_id, kind) in [("a", "ack"), ("b", "error")] {
        let frame = json!({"type": "chat_message", "username": "Alice", "message": "hi", "client_id": client_id, "ref": client_id});
        socket.send(&frame).await;
        assert_eq!(socket.reply(client_id).await["type"], kind);
    }
}

#[tokio::test]
async fn an_address_has_ten_times_as_much_whatever_names_it_gives() {
    let server = limited(&["--limit-posts=1/h"]).start().await;
    for number in 0..10 {
        assert_eq!(post(&server, &format!("user-{number}")).await.status(), StatusCode::CREATED);
    }
    let refused = post(&server, "somebody-else").await;
    assert_eq!(refused.headers()["x-ratelimit-limit"], "10");
    expect_problem(refused, 429, "rate_limited", &[]).await;
}

#[tokio::test]
async fn each_limit_is_reached_by_what_it_counts_and_frames_meet_the_same_buckets() {
    let limits =
        ["posts", "edits", "reactions", "typing", "reads", "searches"].map(|name| format!("--limit-{name}=1/h"));
    let server = limited(&limits.each_ref().map(String::as_str)).start().await;
    let send = async |method: reqwest::Method, path: &str, body: Value| {
        let request = server.http().request(method, server.api(&format!("/rooms/general{path}"))).json(&body);
        request.send().await.expect("an answer")
    };
    let by_alice = |mut body: Value| {
        body["username"] = "Alice".into();
        body
    };
    let (patch, put, post, get) =
        (reqwest::Method::PATCH, reqwest::Method::PUT, reqwest::Method::POST, reqwest::Method::GET);
    let all = [
        ("posts", post.clone(), "/messages", by_alice(json!({"content": "hi"}))),
        ("edits", patch, "/messages/1", by_alice(json!({"content": "ho"}))),
        ("reactions", put.clone(), "/messages/1/reactions/👍?username=Alice", Value::Null),
        ("typing", post, "/typing", by_alice(json!({"is_typing": true}))),
        ("reads", put, "/read", by_alice(json!({"last_read_id": 1}))),
        ("searches", get, "/search?q=ho", Value::Null),
    ];
    let mut socket = Socket::open(&server, "general", &Query::default()).await;
    let frames = [
        json!({"type": "chat_message", "message": "again"}),
        json!({"type": "edit_message", "message_id": 1, "new_content": "hey"}),
        json!({"type": "react", "message_id": 1, "emoji": "👎", "on": true}),
        json!({"type": "typing", "is_typing": true}),
        json!({"type": "read", "last_read_id": 1}),
    ];
    for (name, method, path, body) in &all {
        let first = send(method.clone(), path, body.clone()).await;
        assert!(first.status().is_success(), "{name}: {}", first.status());
        assert_eq!(left(&first, name).0, if *name == "searches" { 9 } else { 0 }, "{name}");
    }
    for ((name, ..), mut frame) in all.iter().zip(frames) {
        frame["username"] = "Alice".into();
        frame["ref"] = (*name).into();
        socket.send(&frame).await;
        let refused = socket.reply(name).await;
        assert_eq!(
            (&refused["type"], &refused["code"]),
            (&json!("error"), &json!("rate_limited")),
            "{name}: {refused}"
        );
    }
    let limits = server.get_json("/limits?username=Alice").await;
    let remaining = |name: &str| {
        let limits = limits["limits"].as_array().expect("limits");
        limits.iter().find(|limit| limit["name"] == name).expect("a limit")["remaining"].clone()
    };
    assert_eq!((remaining("edits"), remaining("posts"), remaining("streams")), (json!(0), json!(0), json!(30)));
}

#[tokio::test]
async fn a_stream_too_many_is_refused_in_a_way_that_an_event_source_understands() {
    let server = limited(&["--limit-streams=1/h:1"]).start().await;
    // An address opens a thousand at once, and a name one.
    let open = || server.http().get(server.api("/rooms/general/stream?username=Alice"));
    let stream = Stream::send(open()).await;
    assert_eq!(stream.status, StatusCode::OK);
    let refused = open().header("accept", "text/event-stream").send().await.expect("an answer");
    assert_eq!(refused.status(), StatusCode::OK, "a browser would give up after an error");
    assert!(refused.text().await.expect("a body").contains("rate_limited"));
    let refused = open().send().await.expect("an answer");
    expect_problem(refused, 429, "rate_limited", &[]).await;
}

#[tokio::test]
async fn a_poll_over_its_rate_is_parked_and_other_requests_are_refused() {
    let server = limited(&["--limit-requests=1/30s:1"]).start().await;
    let began = Instant::now();
    server.http().get(server.api("/rooms")).send().await.expect("an answer");
    // An address has ten times as much: one each three seconds, of which nine are left at once.
    let mut answers = Vec::new();
    for _ in 0..10 {
        answers.push(server.get("/rooms/general/poll?since=0&wait=0").await.status());
    }
    assert_eq!(answers, [StatusCode::OK; 10]);
    assert!(began.elapsed() >= Duration::from_secs(3), "the last one waited: {:?}", began.elapsed());
    expect_problem(server.get("/rooms").await, 429, "rate_limited", &[]).await;
    // Neither the pages nor the probes count.
    for path in ["/", "/healthz", "/readyz"] {
        let answer = server.http().get(server.url(path)).send().await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
        assert!(!answer.headers().contains_key("ratelimit"));
    }
}

#[tokio::test]
async fn a_socket_that_pushes_frames_is_read_more_slowly_and_loses_none() {
    let server = limited(&["--limit-requests=1/s:2"]).start().await;
    let mut socket = Socket::open(&server, "general", &Query::default()).await;
    // Twenty at once, and ten each second.
    let began = Instant::now();
    for number in 0..30 {
        socket.send(&json!({"type": "no such type", "ref": number.to_string()})).await;
    }
    for number in 0..30 {
        let answer = within(DEADLINE, "an answer", socket.reply(&number.to_string())).await;
        assert_eq!(answer["code"], "unknown_type", "{answer}");
    }
    assert!(began.elapsed() >= Duration::from_millis(900), "it took {:?}", began.elapsed());
}

#[tokio::test]
async fn this_machine_is_exempt_except_for_what_a_proxy_passes_on() {
    let server = Server::builder().arg("--limit-posts=1/h").start().await;
    for _ in 0..3 {
        let answer = post(&server, "Alice").await;
        assert_eq!(answer.status(), StatusCode::CREATED);
        assert!(!answer.headers().contains_key("ratelimit"));
    }
    assert_eq!(server.get_json("/limits?username=Alice").await, json!({"limits": []}));
    for name in ["forwarded", "via", "x-forwarded-for", "x-forwarded-proto"] {
        let body = json!({"username": format!("by-{name}"), "content": "hi"});
        let post = server.http().post(server.api("/rooms/general/messages")).header(name, "x").json(&body);
        let answer = post.send().await.expect("an answer");
        assert_eq!(left(&answer, "posts").0, 0, "{name}");
    }
    let off = limited(&["--limits=off", "--limit-posts=1/h"]).start().await;
    for _ in 0..3 {
        assert_eq!(post(&off, "Alice").await.status(), StatusCode::CREATED);
    }
}

#[tokio::test]
async fn a_request_that_is_answered_by_nothing_new_costs_nothing() {
    let server = limited(&["--limit-requests=1/h:1"]).start().await;
    server.post("general", "Alice", "hi").await;
    let first = server.get("/rooms/general").await;
    let tag = first.headers()[header::ETAG].clone();
    assert_eq!(left(&first, "requests").0, 8);
    for _ in 0..20 {
        let request = server.http().get(server.api("/rooms/general")).header(header::IF_NONE_MATCH, tag.clone());
        assert_eq!(request.send().await.expect("an answer").status(), StatusCode::NOT_MODIFIED);
    }
    let next = server.get("/rooms/general").await;
    assert_eq!(left(&next, "requests").0, 7);
    let _ = json_of(next, StatusCode::OK).await;
}
