//! Requests that can't be honoured: each is told why, in one form, and the server goes on.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{
    Server,
    problem::{any_problem, expect_problem},
    raw,
};

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";
const MESSAGES: &str = "/rooms/general/messages";

/// Sends a body of a type to a path of the API.
async fn send(
    server: &Server,
    method: Method,
    path: &str,
    kind: &str,
    body: impl Into<reqwest::Body>,
) -> reqwest::Response {
    let request = server.http().request(method, server.api(path)).header("Content-Type", kind).body(body);
    request.send().await.expect("an answer")
}

async fn post_json(server: &Server, body: &Value) -> reqwest::Response {
    send(server, Method::POST, MESSAGES, JSON, body.to_string()).await
}

/// A sound post of so many bytes, most of them spaces after the JSON.
fn padded(length: usize) -> String {
    let post = json!({"username": "A", "content": "x"}).to_string();
    let rest = " ".repeat(length - post.len());
    post + &rest
}

async fn still_works(server: &Server) {
    let answer = server.http().get(server.url("/healthz")).send().await.expect("an answer");
    assert_eq!(answer.status(), 200);
}

#[tokio::test]
async fn a_body_that_is_not_json_is_bad() {
    let server = Server::start().await;
    for (method, path) in [
        (Method::POST, MESSAGES),
        (Method::PUT, "/rooms/general"),
        (Method::POST, "/rooms/general/typing"),
        (Method::PATCH, "/rooms/general/messages/1"),
        (Method::PUT, "/rooms/general/read"),
    ] {
        for body in [&b""[..], b"nope", b"{", br#"{"username":"A","content":"x""#, b"{'a':1}", b"\xff\xfe", b"{}{}"] {
            let answer = send(&server, method.clone(), path, JSON, body.to_vec()).await;
            expect_problem(answer, 400, "invalid_json", &[]).await;
            still_works(&server).await;
        }
    }
    assert_eq!(server.head("general").await, 0);
}

#[tokio::test]
async fn json_of_the_wrong_shape_is_invalid() {
    let server = Server::start().await;
    for (body, fields) in [
        (json!([]), &[][..]),
        (json!("text"), &[]),
        (json!(null), &[]),
        (json!({}), &["username", "content"]),
        (json!({"content": "x"}), &["username"]),
        (json!({"username": "A"}), &["content"]),
        (json!({"username": null, "content": null}), &["username", "content"]),
        (json!({"username": 5, "content": "x"}), &["username"]),
        (json!({"username": "A", "content": ["x"]}), &["content"]),
        (json!({"username": "A", "content": {"text": "x"}}), &["content"]),
        (json!({"username": "A", "content": "x", "reply_to": "1st"}), &["reply_to"]),
        (json!({"username": "A", "content": "x", "reply_to": 1.5}), &["reply_to"]),
        (json!({"username": "A", "content": "x", "reply_to": 1e30}), &["reply_to"]),
        (json!({"username": "A", "content": "x", "client_id": 7}), &["client_id"]),
    ] {
        expect_problem(post_json(&server, &body).await, 422, "invalid", fields).await;
        still_works(&server).await;
    }
    assert_eq!(server.head("general").await, 0);
}

#[tokio::test]
async fn a_message_that_breaks_a_rule_is_invalid() {
    let server = Server::start().await;
    server.put_room("general", &json!({})).await;
    server.put_room("general", &json!({"title": "an event that is no message"})).await;
    let long = "x".repeat(101);
    let names =
        ["", "   ", "a\u{7}b", "a\nb", "a\u{0}b", "a\u{202e}b", "a\u{2066}b", "a\u{200b}b", "a\u{feff}b", &long];
    for name in names {
        let body = json!({"username": name, "content": "x"});
        expect_problem(post_json(&server, &body).await, 422, "invalid", &["username"]).await;
    }
    for content in ["", " ", " \t\r\n\u{3000}", "a\u{0}b", &"x".repeat(10_001), &("€".repeat(3_333) + "ab")] {
        let body = json!({"username": "A", "content": content});
        expect_problem(post_json(&server, &body).await, 422, "invalid", &["content"]).await;
    }
    for client_id in ["", &"k".repeat(65), "é", "a\nb", "a\u{7f}", "👩"] {
        let body = json!({"username": "A", "content": "x", "client_id": client_id});
        expect_problem(post_json(&server, &body).await, 422, "invalid", &["client_id"]).await;
    }
    for reply_to in [-1, 0, 1, 2, 99, i64::MAX] {
        let body = json!({"username": "A", "content": "x", "reply_to": reply_to});
        expect_problem(post_json(&server, &body).await, 422, "invalid", &["reply_to"]).await;
    }
    let all = json!({"username": "", "content": "", "client_id": "", "reply_to": 99});
    expect_problem(post_json(&server, &all).await, 422, "invalid", &["username", "content", "client_id"]).await;
    assert_eq!(server.head("general").await, 1, "what is refused takes no id");
    assert_eq!(server.post("general", "A", "x").await["id"], 2);
}

#[tokio::test]
async fn a_form_is_held_to_the_same_rules() {
    let server = Server::start().await;
    for (form, fields) in [
        ("", &["username", "content"][..]),
        ("username=A", &["content"]),
        ("username=A&content=", &["content"]),
        ("username=A&content=x&reply_to=first", &["reply_to"]),
        ("username=A&content=a%00b", &["content"]),
    ] {
        let answer = send(&server, Method::POST, MESSAGES, FORM, form).await;
        expect_problem(answer, 422, "invalid", fields).await;
    }
    for form in ["username=A&content=%ff%fe", "username=A&username=B&content=x", "&&&=&=", "%"] {
        let answer = send(&server, Method::POST, MESSAGES, FORM, form).await;
        if !answer.status().is_success() {
            assert!(answer.status().is_client_error(), "{form}");
            any_problem(answer).await;
        }
    }
    still_works(&server).await;
}

#[tokio::test]
async fn what_is_just_within_the_limits_is_taken() {
    let server = Server::start().await;
    let user = "é".repeat(100);
    for content in ["x".repeat(10_000), "€".repeat(3_333) + "x", "👩".repeat(2_500)] {
        assert_eq!(server.post("general", &user, &content).await["content"], content);
    }
    let room = "r".repeat(100);
    server.put_room(&room, &json!({"title": "é".repeat(200), "topic": "é".repeat(1_000)})).await;
    let body = json!({"username": "A", "content": "x", "client_id": "~ ".repeat(31) + "~!"});
    assert_eq!(post_json(&server, &body).await.status(), 201);
    let body = padded(64 * 1024);
    assert_eq!(send(&server, Method::POST, MESSAGES, JSON, body).await.status(), 201);
}

#[tokio::test]
async fn a_key_must_be_one_and_be_used_for_one_message() {
    let server = Server::start().await;
    let post = async |header: Option<&str>, body: Value| {
        let request = server.http().post(server.api(MESSAGES)).json(&body);
        let request = header.iter().fold(request, |request, key| request.header("Idempotency-Key", *key));
        request.send().await.expect("an answer")
    };
    let both = json!({"username": "A", "content": "x", "client_id": "one"});
    expect_problem(post(Some("two"), both.clone()).await, 422, "invalid", &["client_id"]).await;
    assert_eq!(post(Some("one"), both).await.status(), 201, "the same in both places");
    let plain = json!({"username": "A", "content": "x"});
    expect_problem(post(Some(&"k".repeat(65)), plain.clone()).await, 422, "invalid", &["client_id"]).await;
    for other in [
        json!({"username": "A", "content": "y", "client_id": "one"}),
        json!({"username": "a", "content": "x", "client_id": "one", "reply_to": 1}),
    ] {
        expect_problem(post(None, other).await, 422, "idempotency_key_reused", &[]).await;
    }
    let again = post(Some("one"), plain).await;
    assert_eq!(
        (again.status().as_u16(), &again.headers()["idempotent-replayed"]),
        (200, &"true".parse().expect("text"))
    );
    assert_eq!(server.head("general").await, 1);
}

#[tokio::test]
async fn a_room_that_breaks_a_rule_is_invalid() {
    let server = Server::start().await;
    for (body, field) in [
        (json!({"title": "x".repeat(201)}), "title"),
        (json!({"topic": "x".repeat(1_001)}), "topic"),
        (json!({"title": "a\u{0}b"}), "title"),
        (json!({"title": 5}), "title"),
        (json!({"topic": []}), "topic"),
    ] {
        let answer = send(&server, Method::PUT, "/rooms/general", JSON, body.to_string()).await;
        expect_problem(answer, 422, "invalid", &[field]).await;
    }
    assert_eq!(server.get("/rooms/general").await.status(), 404);
}

#[tokio::test]
async fn typing_that_breaks_a_rule_is_invalid() {
    let server = Server::start().await;
    for (body, field) in [
        (json!({"is_typing": true}), "username"),
        (json!({"username": "A"}), "is_typing"),
        (json!({"username": "A", "is_typing": "yes"}), "is_typing"),
        (json!({"username": "\u{202e}", "is_typing": true}), "username"),
    ] {
        let answer = send(&server, Method::POST, "/rooms/general/typing", JSON, body.to_string()).await;
        expect_problem(answer, 422, "invalid", &[field]).await;
    }
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused_however_it_comes() {
    let server = Server::start().await;
    let body = padded(64 * 1024 + 1);
    for kind in [JSON, FORM] {
        expect_problem(send(&server, Method::POST, MESSAGES, kind, body.clone()).await, 413, "too_large", &[]).await;
    }
    let chunks =
        body.into_bytes().chunks(1_000).map(|chunk| Ok::<_, std::io::Error>(chunk.to_vec())).collect::<Vec<_>>();
    let chunked = reqwest::Body::wrap_stream(futures_util::stream::iter(chunks));
    expect_problem(send(&server, Method::POST, MESSAGES, JSON, chunked).await, 413, "too_large", &[]).await;

    let host = server.addr();
    let head = format!("POST /api/v1{MESSAGES} HTTP/1.1\r\nHost: {host}\r\nContent-Type: {JSON}\r\n");
    let answer = raw::send(host, format!("{head}Content-Length: 10000000000\r\n\r\n{{")).await.expect("an answer");
    assert_eq!(answer.status, 413, "without waiting for the body");
    still_works(&server).await;
}

#[tokio::test]
async fn a_type_the_server_does_not_read_is_refused() {
    let server = Server::start().await;
    let body = json!({"username": "A", "content": "x"}).to_string();
    for kind in ["text/plain", "application/xml", "multipart/form-data; boundary=x", "nonsense"] {
        let answer = send(&server, Method::POST, MESSAGES, kind, body.clone()).await;
        expect_problem(answer, 415, "unsupported_media_type", &[]).await;
    }
    for untyped in ["username=A&content=x", "[]", "\"x\"", " "] {
        let answer = server.http().post(server.api(MESSAGES)).body(untyped).send().await.expect("an answer");
        expect_problem(answer, 415, "unsupported_media_type", &[]).await;
    }
    let answer = server.http().post(server.api(MESSAGES)).body(body.clone()).send().await.expect("an answer");
    assert_eq!(answer.status(), 201, "an object of JSON is known without its type");
    for kind in ["application/json; charset=utf-8", "Application/JSON"] {
        assert_eq!(send(&server, Method::POST, MESSAGES, kind, body.clone()).await.status(), 201, "{kind}");
    }
}

#[tokio::test]
async fn a_compressed_body_is_refused_also_when_only_the_label_lies() {
    let server = Server::start().await;
    server.post("general", "A", "x").await;
    let body = json!({"username": "A", "content": "y"}).to_string();
    for (method, path) in [
        (Method::POST, MESSAGES),
        (Method::PATCH, "/rooms/general/messages/1"),
        (Method::DELETE, "/rooms/general/messages/1?username=A"),
    ] {
        for coding in ["gzip", "br", "identity, gzip", "nonsense"] {
            let request = server.http().request(method.clone(), server.api(path)).header("Content-Encoding", coding);
            let answer = request.header("Content-Type", JSON).body(body.clone()).send().await.expect("an answer");
            let problem = expect_problem(answer, 415, "unsupported_media_type", &[]).await;
            assert!(problem["detail"].as_str().is_some_and(|detail| detail.contains("Content-Encoding")), "{problem}");
        }
    }
    assert_eq!(server.head("general").await, 1);
    let request = server.http().post(server.api(MESSAGES)).header("Content-Encoding", "Identity");
    let answer = request.header("Content-Type", JSON).body(body).send().await.expect("an answer");
    assert_eq!(answer.status(), 201);
}

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
