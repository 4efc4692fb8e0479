//! Bodies that are not read: what is no JSON, too large, of another type or compressed.

use reqwest::Method;
use serde_json::json;

use super::{FORM, JSON, MESSAGES, padded, send, still_works};
use crate::support::{Server, problem::expect_problem, raw};

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
    for coding in ["gzip, chunked", "x, chunked"] {
        let (mut raw, addr, length) = (raw::Connection::open(server.addr()).await, server.addr(), body.len());
        let head = format!("POST /api/v1{MESSAGES} HTTP/1.1\r\nHost: {addr}\r\nContent-Type: {JSON}\r\n");
        raw.send(format!("{head}Transfer-Encoding: {coding}\r\n\r\n{length:x}\r\n{body}\r\n0\r\n\r\n")).await;
        assert_eq!(raw.answer().await.expect("an answer").status, 415, "{coding}");
    }
    assert_eq!(server.head("general").await, 1);
    let request = server.http().post(server.api(MESSAGES)).header("Content-Encoding", "Identity");
    let answer = request.header("Content-Type", JSON).body(body).send().await.expect("an answer");
    assert_eq!(answer.status(), 201);
}
