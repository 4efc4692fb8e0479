//! Compression of answers in JSON: what is compressed, what never is, and that it stays the same.

use std::collections::BTreeSet;

use reqwest::{RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};

use super::pages::{text, unpacked};
use crate::support::{DEADLINE, Server, browser::Browser, sse::Stream, within};

const MESSAGES: &str = "/rooms/general/messages";

async fn sent(request: RequestBuilder) -> Response {
    request.header("accept-encoding", "gzip, br").send().await.expect("an answer")
}

/// A server with a room of some messages, and the answers that have them.
async fn spoken(args: &[&str]) -> Server {
    let server = args.iter().fold(Server::builder(), |builder, arg| builder.arg(*arg)).start().await;
    for number in 0..3 {
        server.post("general", "alice", &format!("{number} {}", "word ".repeat(200))).await;
    }
    server
}

#[tokio::test]
async fn a_long_answer_is_the_same_in_each_coding_and_under_a_weak_tag() {
    let server = spoken(&[]).await;
    let plain = server.get(MESSAGES).await;
    assert_eq!(text(plain.headers(), "content-encoding"), "");
    assert!(plain.headers().get_all("vary").iter().any(|value| value == "accept-encoding"));
    let plain = plain.bytes().await.expect("a body");
    let mut codings = BTreeSet::new();
    for accepted in ["gzip", "br", "gzip;q=0.1, br", "zstd, deflate"] {
        let answer = server.http().get(server.api(MESSAGES)).header("accept-encoding", accepted).send().await;
        let answer = answer.expect("an answer");
        assert_eq!(answer.status(), StatusCode::OK);
        let coding = text(answer.headers(), "content-encoding").to_owned();
        let body = answer.bytes().await.expect("a body");
        assert_eq!(unpacked(&coding, &body), plain, "{accepted}");
        assert!(coding.is_empty() || body.len() < plain.len() / 4, "{accepted}: {}", body.len());
        codings.insert(coding);
    }
    assert_eq!(codings, ["", "br", "gzip"].map(ToOwned::to_owned).into());

    let one = format!("{MESSAGES}/1");
    let strong = text(server.get(&one).await.headers(), "etag").to_owned();
    let packed = sent(server.http().get(server.api(&one))).await;
    let weak = text(packed.headers(), "etag").to_owned();
    assert_eq!((text(packed.headers(), "content-encoding"), &weak), ("br", &format!("W/{strong}")));
    // It is good for every condition, since it is the tag of the version.
    let known = server.http().get(server.api(&one)).header("if-none-match", &weak).send().await.expect("an answer");
    assert_eq!(known.status(), StatusCode::NOT_MODIFIED);
    let edit = server.http().patch(server.api(&one)).header("if-match", &weak);
    let edited = edit.json(&json!({"username": "alice", "content": "short"})).send().await.expect("an answer");
    assert_eq!(edited.status(), StatusCode::OK);
    // Too short now, and so is a problem.
    for path in [&*one, "/rooms/general/messages/99"] {
        assert_eq!(text(sent(server.http().get(server.api(path))).await.headers(), "content-encoding"), "", "{path}");
    }
}

#[tokio::test]
async fn what_is_followed_is_sent_as_it_comes() {
    let server = spoken(&[]).await;
    let get = |path: &str| server.http().get(server.api(path)).header("accept-encoding", "gzip, br");
    let poll = get("/rooms/general/poll?since=0").send().await.expect("an answer");
    assert_eq!((poll.status(), text(poll.headers(), "content-encoding")), (StatusCode::OK, ""));
    let events: Value = poll.json().await.expect("JSON");
    assert_eq!(events["events"].as_array().expect("a list").len(), 3);
    let mut stream = Stream::send(get("/rooms/general/stream?since=0")).await;
    for id in 1..=3 {
        let frame = within(DEADLINE, "an event comes", stream.next()).await.expect("an event");
        assert_eq!(serde_json::from_str::<Value>(&frame.data).expect("JSON")["id"], id);
    }
}

#[tokio::test]
async fn an_answer_that_hands_out_a_secret_is_never_compressed() {
    let args = ["--auth", "required", "--accounts", "open"];
    let server = args.iter().fold(Server::builder(), |builder, arg| builder.arg(*arg)).start().await;
    let browser = Browser::of(&server);
    browser.register("Alice").await;
    let rooms: Vec<_> = (0..60).map(|number| format!("a-room-with-a-long-name-{number}")).collect();
    let make = browser.request(reqwest::Method::POST, "/keys").json(&json!({"name": "reads", "rooms": rooms}));
    let made = sent(make).await;
    assert_eq!((made.status(), text(made.headers(), "content-encoding")), (StatusCode::CREATED, ""));
    assert!(made.text().await.expect("a body").len() > 1024, "long enough to be compressed");
    // The list of keys has the same, except for the secret.
    let listed = sent(browser.request(reqwest::Method::GET, "/keys")).await;
    assert_eq!(text(listed.headers(), "content-encoding"), "br");
}

#[tokio::test]
async fn nothing_is_compressed_if_that_is_turned_off() {
    let server = spoken(&["--compress", "off"]).await;
    let answer = sent(server.http().get(server.api(MESSAGES))).await;
    assert_eq!(text(answer.headers(), "content-encoding"), "");
    assert!(answer.headers().get_all("vary").iter().all(|value| value != "accept-encoding"));
}
