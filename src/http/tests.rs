//! The layers around all routes, tested.

use axum::{
    body::{Body, to_bytes},
    http::{Request, StatusCode},
    routing::get,
};
use serde_json::Value;
use tower::ServiceExt;

use super::*;
use crate::app::tests::TestApp;

const STREAMS: [&str; 2] = ["/api/v1/rooms/general/stream", "/api/v1/stream?rooms=general,random"];

/// The origin of a page under development.
const ORIGIN: &str = "http://localhost:5173";

/// The answer to a GET of such a page, and its body.
async fn ask(router: &Router, path: &str, accept: &str) -> (Response<()>, String) {
    let request = Request::get(path).header("host", "127.0.0.1").header("accept", accept).header("origin", ORIGIN);
    let answer = router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let (head, body) = answer.into_parts();
    let body = to_bytes(body, 1024 * 1024).await.unwrap();
    (Response::from_parts(head, ()), String::from_utf8(body.to_vec()).unwrap())
}

async fn panics() -> StatusCode {
    panic!("a text for the log only")
}

#[tokio::test]
async fn a_panic_is_a_500_that_says_nothing_and_the_next_request_is_served() {
    let app = TestApp::new().await;
    let routes = Router::new().route("/panics", get(panics)).route("/lives", get(async || "on"));
    let router = layered(routes, app.app());
    for _ in 0..3 {
        let (head, body) = ask(&router, "/panics", "*/*").await;
        let problem: Value = serde_json::from_str(&body).unwrap();
        assert_eq!((head.status(), &problem["code"]), (StatusCode::INTERNAL_SERVER_ERROR, &"internal".into()));
        assert_eq!(head.headers()[header::CONTENT_TYPE], "application/problem+json");
        assert_eq!(head.headers()["x-request-id"], problem["request_id"].as_str().unwrap());
        assert!(!body.contains("for the log"), "{body}");
        assert_eq!(ask(&router, "/lives", "*/*").await.1, "on");
    }
    app.end().await;
}

#[tokio::test]
async fn a_route_without_a_row_is_served_to_nobody_where_credentials_are_required() {
    let (app, key) = TestApp::required().await;
    let served = async || "a secret";
    let routes = Router::new()
        .route("/api/v1/rooms/{room}/secrets", get(served))
        .route("/api/v1/rooms", get(served).delete(served))
        .route("/page", get(served));
    let router = layered(routes, app.app());
    let ask = async |method: &str, path: &str, credential: Option<&str>| {
        let mut request = Request::builder().method(method).uri(path).header("host", "127.0.0.1");
        if let Some(credential) = credential {
            request = request.header("authorization", format!("Bearer {credential}"));
        }
        let answer = router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let allow = answer.headers().get(header::ALLOW).map(|allow| allow.to_str().unwrap().to_owned());
        (answer.status().as_u16(), allow)
    };
    let key = Some(key.as_str());
    assert_eq!(ask("GET", "/api/v1/rooms", key).await, (200, None));
    assert_eq!(ask("GET", "/page", None).await, (200, None));
    assert_eq!(ask("GET", "/api/v1/rooms/general/secrets", None).await, (401, None));
    assert_eq!(ask("GET", "/api/v1/rooms/general/secrets", key).await, (404, None));
    assert_eq!(ask("DELETE", "/api/v1/rooms", key).await, (405, Some("GET,HEAD,POST".to_owned())));
    app.end().await;
}

/// One request in which all is wrong at once, mended step by step: what is refused first is what tells the least.
#[tokio::test]
async fn refusals_come_in_the_order_of_what_they_tell() {
    let (app, key) = TestApp::required().await;
    let router = router(app.app());
    let ask = async |host: &str, site: &str, credential: &str, room: &str, body: &str| {
        let path = format!("/api/v1/rooms/{room}/messages");
        let request = Request::post(path)
            .header("host", host)
            .header("sec-fetch-site", site)
            .header("authorization", credential)
            .header("content-type", "application/json");
        let answer = router.clone().oneshot(request.body(Body::from(body.to_owned())).unwrap()).await.unwrap();
        let (head, body) = answer.into_parts();
        let body = to_bytes(body, 1024 * 1024).await.unwrap();
        let problem: Value = serde_json::from_slice(&body).unwrap();
        (head.status.as_u16(), problem["code"].as_str().map(str::to_owned))
    };
    let refusal = |status: u16, code: &str| (status, Some(code.to_owned()));
    let good = format!("Bearer {key}");
    assert_eq!(ask("elsewhere.example", "cross-site", "nonsense", "nowhere", "{").await, refusal(421, "misdirected"));
    assert_eq!(ask("127.0.0.1", "cross-site", "nonsense", "nowhere", "{").await, refusal(403, "cross_site"));
    assert_eq!(ask("127.0.0.1", "none", "nonsense", "nowhere", "{").await, refusal(401, "invalid_token"));
    assert_eq!(ask("127.0.0.1", "none", &good, "nowhere", "{").await, refusal(400, "invalid_json"));
    assert_eq!(ask("127.0.0.1", "none", &good, "nowhere", r#"{"content": 1}"#).await, refusal(422, "invalid"));
    let reply = r#"{"content": "hi", "reply_to": 7}"#;
    assert_eq!(ask("127.0.0.1", "none", &good, "nowhere", reply).await, refusal(404, "not_found"));
    app.shutdown.closing.cancel();
    assert_eq!(ask("127.0.0.1", "cross-site", "nonsense", "nowhere", "{").await, refusal(403, "cross_site"));
    assert_eq!(ask("127.0.0.1", "none", "nonsense", "nowhere", "{").await, refusal(503, "draining"));
    app.end().await;
}

#[tokio::test]
async fn who_follows_by_event_source_is_told_to_come_back_in_its_own_words() {
    let app = TestApp::new().await;
    app.shutdown.closing.cancel();
    let router = router(app.app());
    for stream in STREAMS {
        let (head, body) = ask(&router, stream, "text/event-stream").await;
        assert_eq!(
            (head.status(), &head.headers()[header::CONTENT_TYPE]),
            (StatusCode::OK, &"text/event-stream; charset=utf-8".parse().unwrap())
        );
        assert_eq!(head.headers()[header::ACCESS_CONTROL_ALLOW_ORIGIN], ORIGIN, "or the page's browser gives up");
        assert!(!head.headers().contains_key(header::RETRY_AFTER));
        let (retry, event) = body.split_once('\n').unwrap();
        assert!((5_000..=30_000).contains(&retry.strip_prefix("retry: ").unwrap().parse().unwrap()), "{retry}");
        let problem: Value = serde_json::from_str(event.strip_prefix("event: error\ndata: ").unwrap()).unwrap();
        assert_eq!(problem["code"], "draining");
    }

    // Others get the status: who does not read events, and who asks for something else.
    for (path, accept) in [(STREAMS[0], "*/*"), (STREAMS[1], "*/*"), ("/api/v1/rooms", "text/event-stream")] {
        let (head, body) = ask(&router, path, accept).await;
        assert_eq!(head.status(), StatusCode::SERVICE_UNAVAILABLE, "{path}");
        assert!(head.headers().contains_key(header::RETRY_AFTER), "{path}");
        assert_eq!(serde_json::from_str::<Value>(&body).unwrap()["code"], "draining", "{path}");
    }
    app.end().await;
}
