//! The paths around the API, and what every answer has.

use reqwest::{Method, StatusCode};

use serde_json::Value;

use crate::support::{
    Server,
    problem::{any_problem, expect_problem},
    server::json_of,
};

#[tokio::test]
async fn the_paths_around_the_api_answer() {
    let server = Server::start().await;
    for path in ["/healthz", "/readyz"] {
        assert_eq!(server.http().get(server.url(path)).send().await.expect("an answer").status(), 200, "{path}");
    }
    let page = server.http().get(server.url("/")).send().await.expect("an answer");
    assert_eq!(page.status(), 200);
    assert!(page.headers()["content-type"].to_str().expect("a type").starts_with("text/html"));
}

#[tokio::test]
async fn head_answers_as_get_without_the_body() {
    let server = Server::start().await;
    server.post("general", "Alice", "hi").await;
    let api =
        ["/rooms", "/rooms/general", "/rooms/general/messages", "/rooms/general/messages/1"].map(|p| server.api(p));
    for url in api.into_iter().chain(["/", "/healthz", "/openapi.json"].map(|path| server.url(path))) {
        let get = server.http().get(&url).send().await.expect("an answer");
        let head = server.http().head(&url).send().await.expect("an answer");
        assert_eq!(head.status(), get.status(), "{url}");
        assert_eq!(head.headers().get("content-type"), get.headers().get("content-type"), "{url}");
        assert_eq!(head.bytes().await.expect("a body").len(), 0, "{url}");
    }
}

#[tokio::test]
async fn every_answer_has_a_request_id_of_its_own() {
    let server = Server::start().await;
    let mut seen = std::collections::BTreeSet::new();
    for (method, path) in [
        (Method::GET, "/"),
        (Method::GET, "/healthz"),
        (Method::GET, "/openapi.json"),
        (Method::GET, "/nowhere"),
        (Method::DELETE, "/healthz"),
        (Method::GET, "/api/v1/rooms"),
        (Method::GET, "/api/v1/rooms/void"),
        (Method::GET, "/api/v1/rooms/general/stream"),
        (Method::GET, "/api/v1/rooms/general/poll"),
        (Method::GET, "/api/v1/rooms/general/ws"),
        (Method::POST, "/api/v1/rooms/general/messages"),
    ] {
        let answer = server.http().request(method.clone(), server.url(path)).send().await.expect("an answer");
        let id = answer.headers().get("x-request-id").unwrap_or_else(|| panic!("{method} {path} has no request id"));
        assert!(seen.insert(id.clone()), "{method} {path}: {id:?} twice");
    }
}

#[tokio::test]
async fn the_openapi_document_has_every_route() {
    let server = Server::start().await;
    let answer = server.http().get(server.url("/openapi.json")).send().await.expect("an answer");
    let document = json_of(answer, StatusCode::OK).await;
    assert!(document["openapi"].as_str().expect("a version").starts_with("3.1"), "{}", document["openapi"]);
    for (path, methods) in [
        ("/api/v1/rooms", &["get"][..]),
        ("/api/v1/rooms/{room}", &["get", "put"]),
        ("/api/v1/rooms/{room}/messages", &["get", "post"]),
        ("/api/v1/rooms/{room}/messages/{id}", &["get"]),
        ("/api/v1/rooms/{room}/typing", &["post"]),
        ("/api/v1/rooms/{room}/presence", &["get"]),
        ("/api/v1/rooms/{room}/stream", &["get"]),
        ("/api/v1/rooms/{room}/poll", &["get"]),
        ("/api/v1/rooms/{room}/ws", &["get"]),
        ("/healthz", &["get"]),
        ("/readyz", &["get"]),
    ] {
        for method in methods {
            assert!(document["paths"][path][method].is_object(), "{method} {path}");
        }
    }
}

#[tokio::test]
async fn the_type_of_every_problem_is_a_page_and_its_title_the_name_of_its_status() {
    let server = Server::start().await;
    let document: Value =
        json_of(server.http().get(server.url("/openapi.json")).send().await.unwrap(), StatusCode::OK).await;
    let codes = document["components"]["schemas"]["ProblemCode"]["enum"].as_array().expect("an enum");
    assert!(codes.len() > 15, "{codes:?}");
    let list = server.http().get(server.url("/problems/")).send().await.unwrap().text().await.unwrap();
    for code in codes {
        let code = code.as_str().expect("a word");
        let page = server.http().get(server.url(&format!("/problems/{code}"))).send().await.unwrap();
        assert_eq!(
            (page.status().as_u16(), &page.headers()["content-type"]),
            (200, &"text/html; charset=utf-8".parse().unwrap()),
            "{code}"
        );
        assert!(page.headers().contains_key("content-security-policy"));
        assert!(page.text().await.unwrap().contains(code) && list.contains(code), "{code}");
    }
    expect_problem(server.http().get(server.url("/problems/nonsense")).send().await.unwrap(), 404, "not_found", &[])
        .await;
    for (path, title) in
        [("/rooms/a.b", "Unprocessable content"), ("/rooms/void", "Not found"), ("/rooms?limit=x", "Bad request")]
    {
        let problem = any_problem(server.get(path).await).await;
        assert_eq!(problem["title"], title);
        let page = server.http().get(server.url(problem["type"].as_str().unwrap())).send().await.unwrap();
        assert_eq!(page.status(), 200, "{problem}");
    }
    let answer = server.http().delete(server.api("/rooms")).send().await.unwrap();
    assert_eq!(expect_problem(answer, 405, "method_not_allowed", &[]).await["title"], "Method not allowed");
}
