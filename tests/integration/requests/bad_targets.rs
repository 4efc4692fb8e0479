//! Paths, methods, queries and hosts that name nothing.

use reqwest::Method;
use serde_json::{Value, json};

use super::{JSON, MESSAGES, send, still_works};
use crate::support::{
    Server,
    problem::{any_problem, expect_problem},
    raw,
};

#[tokio::test]
async fn a_request_with_two_hosts_is_bad() {
    let server = Server::start().await;
    let host = server.addr();
    for hosts in [format!("Host: {host}\r\nHost: {host}"), format!("Host: {host}\r\nHost: evil.example")] {
        let request = format!("GET /api/v1/rooms HTTP/1.1\r\n{hosts}\r\n\r\n");
        let answer = raw::send(host, request).await.expect("an answer");
        let problem: Value = serde_json::from_str(&answer.text()).expect("a problem");
        assert_eq!((answer.status, &problem["code"]), (400, &json!("bad_request")));
    }
}

#[tokio::test]
async fn a_path_that_is_nothing_is_not_found_and_a_wrong_method_not_allowed() {
    let server = Server::start().await;
    for path in [
        "/nowhere",
        "/api",
        "/api/v1",
        "/api/v1/nowhere",
        "/api/v2/rooms",
        "/api/v1/rooms/general/nowhere",
        "/ws/other",
    ] {
        let answer = server.http().get(server.url(path)).send().await.expect("an answer");
        expect_problem(answer, 404, "not_found", &[]).await;
    }
    for path in ["/rooms/void", "/rooms/void/messages/1"] {
        expect_problem(server.get(path).await, 404, "not_found", &[]).await;
    }
    for (method, path) in [
        (Method::DELETE, "/api/v1/rooms"),
        (Method::POST, "/api/v1/rooms/general"),
        (Method::PUT, "/api/v1/rooms/general/messages"),
        (Method::POST, "/api/v1/rooms/general/poll"),
        (Method::POST, "/api/v1/rooms/general/stream"),
        (Method::POST, "/api/v1/rooms/general/presence"),
        (Method::GET, "/api/v1/rooms/general/typing"),
        (Method::PUT, "/api/v1/rooms/general/messages/1"),
        (Method::POST, "/api/v1/rooms/general/messages/1"),
        (Method::DELETE, "/api/v1/rooms/general/messages/1/revisions"),
        (Method::POST, "/api/v1/rooms/general/messages/1/reactions/x"),
        (Method::POST, "/api/v1/rooms/general/read"),
        (Method::PUT, "/api/v1/rooms/general/unread"),
        (Method::PUT, "/healthz"),
        (Method::POST, "/"),
    ] {
        let answer = server.http().request(method.clone(), server.url(path)).send().await.expect("an answer");
        assert!(answer.headers().get("allow").is_some(), "{method} {path}: what is allowed is said");
        expect_problem(answer, 405, "method_not_allowed", &[]).await;
    }
}

#[tokio::test]
async fn a_room_name_that_is_none_is_invalid_on_every_path() {
    let server = Server::start().await;
    let long = "x".repeat(101);
    for room in ["a.b", "a%20b", "%C3%A9", "a%0Ab", "a%2Fb", "%00", "a~", &long] {
        for path in [
            "",
            "/messages",
            "/messages/1",
            "/messages/1/revisions",
            "/messages/1/reactions/x",
            "/read",
            "/unread?username=A",
            "/stream",
            "/poll",
            "/presence",
        ] {
            let answer = server.get(&format!("/rooms/{room}{path}")).await;
            expect_problem(answer, 422, "invalid", &["room"]).await;
        }
        let body = json!({"username": "A", "content": "x", "is_typing": true, "last_read_id": 1}).to_string();
        for (method, path) in [
            (Method::PUT, ""),
            (Method::POST, "/messages"),
            (Method::PATCH, "/messages/1"),
            (Method::DELETE, "/messages/1?username=A"),
            (Method::PUT, "/messages/1/reactions/x?username=A"),
            (Method::DELETE, "/messages/1/reactions/x?username=A"),
            (Method::PUT, "/read"),
            (Method::POST, "/typing"),
        ] {
            let answer = send(&server, method, &format!("/rooms/{room}{path}"), JSON, body.clone()).await;
            expect_problem(answer, 422, "invalid", &["room"]).await;
        }
    }
    assert_eq!(server.get_json("/rooms").await["rooms"].as_array().map(Vec::len), Some(0));
}

#[tokio::test]
async fn a_query_that_cannot_be_read_is_bad() {
    let server = Server::start().await;
    let numbers = |field: &'static str| {
        ["x", "", "-1", "1.5", "1e3", "99999999999999999999"].map(|bad| (field, format!("{field}={bad}")))
    };
    let with =
        |field: &'static str, queries: &[&str]| queries.iter().map(|q| (field, (*q).to_owned())).collect::<Vec<_>>();
    let reader = [
        numbers("since").to_vec(),
        numbers("history").to_vec(),
        with("history", &["history=201"]),
        with("types", &["types=nonsense", "types=chat_message,nonsense"]),
    ]
    .concat();
    let page =
        [numbers("limit").to_vec(), numbers("after").to_vec(), with("limit", &["limit=0", "limit=201"])].concat();
    let bad_names =
        |field: &'static str| [format!("{field}="), format!("{field}=%E2%80%AE")].map(|query| (field, query)).to_vec();
    let table = [
        ("/rooms", [numbers("limit").to_vec(), with("limit", &["limit=0"])].concat()),
        (
            MESSAGES,
            [
                numbers("limit").to_vec(),
                numbers("before").to_vec(),
                numbers("after").to_vec(),
                with("limit", &["limit=0", "limit=201"]),
                with("wait", &["after=1&wait=51", "after=1&wait=-1", "after=1&wait=x"]),
            ]
            .concat(),
        ),
        ("/rooms/general/presence", [numbers("limit").to_vec(), with("limit", &["limit=0"])].concat()),
        ("/rooms/general/messages/1/revisions", page.clone()),
        ("/rooms/general/messages/1/reactions/x", page),
        (
            "/rooms/general/read",
            [numbers("limit").to_vec(), with("limit", &["limit=0", "limit=1001"]), bad_names("after")].concat(),
        ),
        ("/rooms/general/unread", [with("username", &[""]), bad_names("username")].concat()),
        ("/rooms/general/poll", [reader.clone(), numbers("wait").to_vec(), with("wait", &["wait=51"])].concat()),
        ("/rooms/general/stream", [reader.clone(), with("named", &["named=maybe"])].concat()),
        ("/rooms/general/ws", reader),
    ];
    for (path, queries) in table {
        for (field, query) in queries {
            let request = server.http().get(server.api(&format!("{path}?{query}")));
            // Only an upgrade is a request for a socket at all.
            let upgrade = [("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13")];
            let request = if path.ends_with("/ws") {
                let request = upgrade.into_iter().fold(request, |request, (name, value)| request.header(name, value));
                request.header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
            } else {
                request
            };
            expect_problem(request.send().await.expect("an answer"), 400, "bad_query", &[field]).await;
        }
    }
    for (query, words) in [("limit", "from 1 to 200"), ("after=0&wait", "from 0 to 50")] {
        for value in ["abc", "-1", "999", ""] {
            let answer = server.get(&format!("{MESSAGES}?{query}={value}")).await;
            let problem = expect_problem(answer, 400, "bad_query", &[]).await;
            assert!(problem["detail"].as_str().is_some_and(|detail| detail.contains(words)), "{value}: {problem}");
        }
    }
    expect_problem(server.get(&format!("{MESSAGES}?before=3&after=1")).await, 400, "bad_query", &[]).await;
    for path in ["poll", "stream"] {
        for name in ["%E2%80%AE", "", &"x".repeat(101)] {
            let answer = server.get(&format!("/rooms/general/{path}?username={name}")).await;
            assert!(matches!(answer.status().as_u16(), 400 | 422), "{path} as {name:?}: {}", answer.status());
            any_problem(answer).await;
        }
    }
    still_works(&server).await;
}

#[tokio::test]
async fn what_an_event_source_may_ask_again_is_told_apart_from_what_it_must_not() {
    let server = Server::start().await;
    let request = server.http().get(server.api("/rooms/general/stream?since=x")).header("Accept", "text/event-stream");
    expect_problem(request.send().await.expect("an answer"), 400, "bad_query", &["since"]).await;
    let request = server.http().get(server.api("/rooms/a.b/stream")).header("Accept", "text/event-stream");
    expect_problem(request.send().await.expect("an answer"), 422, "invalid", &["room"]).await;
}

#[tokio::test]
async fn the_oddest_requests_are_refused_and_nothing_breaks() {
    let server = Server::start().await;
    let host = server.addr();
    for target in [
        "/api/v1/rooms/%ff/messages",
        "/api/v1/rooms/..%2f..%2fetc/messages",
        "/api/v1/rooms//messages",
        "/api/v1/rooms/general/messages/abc",
        "/api/v1/rooms/general/messages/-1",
        "/api/v1/rooms/general/messages/99999999999999999999",
        "/api/v1/rooms/general/messages/1.0",
        "/api/v1/rooms/general/messages?limit=1&limit=2",
        "/api/v1/rooms/general/messages?limit=%ff",
        "/api/v1/rooms/general/ws",
        "/../../etc/passwd",
        "//",
        "/%",
        "/%00",
    ] {
        let answer =
            raw::send(host, format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n")).await.expect("an answer");
        assert!((400..500).contains(&answer.status), "{target}: {}", answer.status);
        let problem: Value =
            serde_json::from_str(&answer.text()).unwrap_or_else(|_| panic!("{target}: {}", answer.text()));
        assert_eq!(problem["status"], answer.status, "{target}");
        assert_eq!(problem["request_id"].as_str(), answer.header("x-request-id"), "{target}");
        still_works(&server).await;
    }
    for body in [r#"{"username":"A","content":"\ud800"}"#, r#"{"username":"A","username":"B","content":"x"}"#] {
        let answer = send(&server, Method::POST, MESSAGES, JSON, body).await;
        assert!(matches!(answer.status().as_u16(), 400 | 422), "{body}");
        any_problem(answer).await;
    }
    let deep = format!("{}{}", "[".repeat(30_000), "]".repeat(30_000));
    let answer = send(&server, Method::POST, MESSAGES, JSON, deep).await;
    assert!(matches!(answer.status().as_u16(), 400 | 422));
    any_problem(answer).await;
    still_works(&server).await;
}
