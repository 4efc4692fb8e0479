//! Limits of what there is: connections of an address, readers of a user, events of a message, rooms made in a day.

use std::net::IpAddr;

use reqwest::{Client, Method, Response, StatusCode};
use serde_json::json;
use tokio::net::TcpStream;

use super::limited;
use crate::support::{DEADLINE, Server, problem::expect_problem, server::parlor, sse::Stream, within};

/// A client that connects from an address of this machine.
fn client(from: &str) -> Client {
    let from: IpAddr = from.parse().expect("an address");
    Client::builder().local_address(from).build().expect("a client")
}

async fn rooms(server: &Server, client: &Client) -> Response {
    client.get(server.api("/rooms")).send().await.expect("an answer")
}

#[tokio::test]
async fn an_address_has_a_quarter_of_all_connections_and_others_are_served() {
    let server = limited(&["--max-connections=40"]).start().await;
    let mut open = Vec::new();
    for _ in 0..10 {
        open.push(TcpStream::connect(server.addr()).await.expect("a connection"));
    }
    // Accepted in their order, so that the others have their places by now.
    let problem = expect_problem(rooms(&server, &client("127.0.0.1")).await, 503, "unavailable", &[]).await;
    assert!(problem["detail"].as_str().expect("text").starts_with("Your address"), "{problem}");
    let alive = client("127.0.0.1").get(server.url("/healthz")).send().await.expect("an answer");
    assert_eq!(alive.status(), StatusCode::OK);
    assert_eq!(rooms(&server, &client("127.0.0.2")).await.status(), StatusCode::OK);
    open.clear();
    let served = async { while rooms(&server, &client("127.0.0.1")).await.status() != StatusCode::OK {} };
    within(DEADLINE, "places come back", served).await;
}

#[tokio::test]
async fn a_trusted_proxy_has_all_connections() {
    let server = limited(&["--max-connections=40", "--trusted-proxies=127.0.0.1"]).start().await;
    let mut open = Vec::new();
    for _ in 0..30 {
        open.push(TcpStream::connect(server.addr()).await.expect("a connection"));
    }
    assert_eq!(rooms(&server, &client("127.0.0.1")).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_user_has_fifty_readers_and_who_ends_one_may_begin_another() {
    let server = limited(&["--limit-streams=1000/min"]).start().await;
    let open = |user: &str| server.http().get(server.api(&format!("/rooms/general/stream?username={user}")));
    let mut streams = Vec::new();
    for _ in 0..50 {
        let stream = Stream::send(open("Alice")).await;
        assert_eq!(stream.status, StatusCode::OK);
        streams.push(stream);
    }
    let refused = open("Alice").send().await.expect("an answer");
    expect_problem(refused, 429, "rate_limited", &[]).await;
    let poll = server.get("/rooms/general/poll?username=Alice&since=0&wait=0").await;
    expect_problem(poll, 429, "rate_limited", &[]).await;
    assert_eq!(Stream::send(open("Bob")).await.status, StatusCode::OK);
    streams.pop();
    let begins = async { while Stream::send(open("Alice")).await.status != StatusCode::OK {} };
    within(DEADLINE, "a place comes back", begins).await;
}

#[tokio::test]
async fn rooms_are_counted_however_they_are_made() {
    let server = limited(&["--limit-rooms=3/h"]).start().await;
    let put = async |room: &str| {
        let request = server.http().put(server.api(&format!("/rooms/{room}")));
        request.json(&json!({"title": "a title", "username": "Alice"})).send().await.expect("an answer")
    };
    let post = async |room: &str| server.try_post(room, "Alice", "hi").await.expect("an answer");
    assert_eq!(post("first").await.status(), StatusCode::CREATED);
    assert_eq!(post("second").await.status(), StatusCode::CREATED);
    // What fails has made nothing, and of many who post to a new room at once one makes it.
    let bad = server.try_post("never", "Alice", "").await.expect("an answer");
    assert_eq!(bad.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let at_once = futures_util::future::join_all((0..8).map(|_| server.try_post("crowded", "Carol", "hi"))).await;
    assert!(at_once.into_iter().all(|answer| answer.expect("an answer").status() == StatusCode::CREATED));
    assert_eq!(put("third").await.status(), StatusCode::CREATED);
    expect_problem(put("fourth").await, 429, "rate_limited", &[]).await;
    expect_problem(post("fourth").await, 429, "rate_limited", &[]).await;
    assert_eq!(post("first").await.status(), StatusCode::CREATED, "rooms that are there are posted to");
    assert_eq!(server.try_post("fourth", "Bob", "hi").await.expect("an answer").status(), StatusCode::CREATED);
    assert_eq!(post("fourth").await.status(), StatusCode::CREATED);
    assert_eq!(put("fourth").await.status(), StatusCode::OK);
}

/// Whoever reacts and takes it back by turns would make it grow without end.
#[tokio::test]
async fn a_message_gathers_ten_thousand_events_and_can_then_only_be_deleted() {
    let mut server = Server::start().await;
    assert!(server.terminate().await.success());
    let url = server.database_url();
    let made = parlor(server.dir(), &["seed", "--database-url", &url, "--messages", "6000", "--room", "general"]);
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    for past in [1_000_000, 2_000_000] {
        let rows = format!(
            "INSERT INTO event (room_id, id, kind, data, created_at, message_id, username) \
             SELECT room_id, id + {past}, 'message_edited', '{{}}', 1, 1, 'Alice' FROM message"
        );
        server.sql(&rows).await;
    }
    server.restart().await;
    let author = server.get_json("/rooms/general/messages/1").await["username"].as_str().expect("a name").to_owned();
    let ask = async |method: Method, path: &str| {
        let url = server.api(&format!("/rooms/general/messages/{path}"));
        let request = server.http().request(method.clone(), url);
        let body = json!({"username": author, "content": "edited"});
        let request = if method == Method::PATCH { request.json(&body) } else { request };
        request.send().await.expect("an answer")
    };
    let react = |id: u32| format!("{id}/reactions/%F0%9F%91%8D?username=Alice");
    expect_problem(ask(Method::PUT, &react(1)).await, 422, "invalid", &["id"]).await;
    assert_eq!(ask(Method::PUT, &react(2)).await.status(), StatusCode::OK);
    assert!(ask(Method::DELETE, &format!("1?username={}", author.replace(' ', "%20"))).await.status().is_success());
    expect_problem(ask(Method::PUT, &react(1)).await, 410, "deleted", &[]).await;
}
