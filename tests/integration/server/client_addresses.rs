//! The address of a client behind proxies, in the log, in the list of sessions, and where passwords are tried.

use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};

use crate::support::{
    DEADLINE, Server,
    browser::{Browser, PASSWORD},
    server::{Builder, json_of},
};

/// A server with accounts, and these settings.
async fn start(args: &[&str]) -> Server {
    let builder = Server::builder().arg("--auth=required").arg("--accounts=open").arg("--log-format=json");
    args.iter().fold(builder, Builder::arg).start().await
}

/// Signs in through a proxy that adds this header.
async fn sign_in(server: &Server, (header, value): (&str, &str), password: &str) -> Response {
    let request = Browser::of(server).request(Method::POST, "/session").header(header, value);
    let body = json!({"username": "Alice", "password": password});
    request.json(&body).send().await.expect("an answer")
}

/// The line of the log about a request.
async fn line_of(server: &Server, answer: &Response) -> Value {
    let id = answer.headers()["x-request-id"].to_str().expect("text");
    serde_json::from_str(&server.wait_for_log(id, DEADLINE).await).expect("a line is JSON")
}

/// The addresses of the user's sessions, the newest first.
async fn addresses(browser: &Browser<'_>) -> Vec<String> {
    let page = browser.ok(Method::GET, "/sessions", None, 200).await;
    let sessions = page["sessions"].as_array().expect("a list").iter();
    sessions.map(|session| session["address"].as_str().expect("an address").to_owned()).collect()
}

#[tokio::test]
async fn what_a_trusted_proxy_says_is_the_address_everywhere() {
    for (settings, header, value) in [
        (&["--trusted-proxies=127.0.0.1"][..], "X-Forwarded-For", "198.51.100.9, 203.0.113.7"),
        (&["--trusted-proxies=127.0.0.0/8,10.0.0.0/8"], "x-forwarded-for", "203.0.113.7:1234, 10.1.1.1"),
        (
            &["--trusted-proxies=127.0.0.1", "--client-header=forwarded"],
            "Forwarded",
            "for=198.51.100.9, for=\"203.0.113.7:80\"",
        ),
    ] {
        let server = start(settings).await;
        let browser = Browser::of(&server);
        browser.register("Alice").await;
        let answer = sign_in(&server, (header, value), PASSWORD).await;
        assert_eq!(answer.status(), StatusCode::CREATED);
        assert_eq!(line_of(&server, &answer).await["client.address"], "203.0.113.7", "{value}");
        assert_eq!(addresses(&browser).await, ["203.0.113.7", "127.0.0.1"], "{value}");
        // The proxy is one address for all whom it says nothing of, and each client another.
        for _ in 0..10 {
            let tried = sign_in(&server, (header, value), "not the password").await;
            assert_eq!(tried.status(), StatusCode::UNAUTHORIZED);
        }
        let tried = sign_in(&server, (header, value), PASSWORD).await;
        assert_eq!(tried.status(), StatusCode::TOO_MANY_REQUESTS);
        let elsewhere = value.replace("203.0.113.7", "192.0.2.1");
        assert_eq!(sign_in(&server, (header, &elsewhere), PASSWORD).await.status(), StatusCode::CREATED);
        assert!(!server.log().join("\n").contains("is not believed"));
    }
}

#[tokio::test]
async fn nobody_else_is_believed_and_the_log_warns_once() {
    for settings in [&[][..], &["--trusted-proxies=192.0.2.1"], &["--trusted-proxies=10.0.0.0/8"]] {
        let server = start(settings).await;
        let browser = Browser::of(&server);
        browser.register("Alice").await;
        for header in ["X-Forwarded-For", "Forwarded", "X-Forwarded-Host"] {
            let answer = sign_in(&server, (header, "203.0.113.7"), PASSWORD).await;
            assert_eq!(line_of(&server, &answer).await["client.address"], "127.0.0.1");
        }
        assert_eq!(addresses(&browser).await, ["127.0.0.1"; 4]);
        let log = server.log();
        let warnings: Vec<_> = log.iter().filter(|line| line.contains("is not believed")).collect();
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        assert!(warnings[0].contains("127.0.0.1") && warnings[0].contains("--trusted-proxies"), "{warnings:?}");
    }
    // Of a trusted proxy the other header may be a client's own.
    for (settings, header) in
        [("x-forwarded-for", "Forwarded"), ("forwarded", "X-Forwarded-For"), ("none", "X-Forwarded-For")]
    {
        let server = start(&["--trusted-proxies=127.0.0.1", "--client-header", settings]).await;
        let request = server.http().get(server.api("/me")).header(header, "for=203.0.113.7, 203.0.113.7");
        let answer = request.send().await.expect("an answer");
        assert_eq!(line_of(&server, &answer).await["client.address"], "127.0.0.1", "{settings}");
    }
}

#[tokio::test]
async fn the_id_of_a_request_is_kept_from_trusted_proxies_alone() {
    for (proxies, is_kept) in [("127.0.0.1", true), ("10.0.0.1", false)] {
        let server = start(&["--trusted-proxies", proxies]).await;
        let request = server.http().get(server.api("/me")).header("X-Request-Id", "an-id-of-a-proxy");
        let answer = request.send().await.expect("an answer");
        assert_eq!(answer.headers()["x-request-id"] == "an-id-of-a-proxy", is_kept, "{proxies}");
        json_of(answer, StatusCode::OK).await;
    }
}
