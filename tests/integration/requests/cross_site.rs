//! Same-site checks: the server listens neither to other sites, nor under foreign names, nor to garbage.

use std::{net::SocketAddr, time::Duration};

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::{self, client::IntoClientRequest as _};

use crate::support::{
    DEADLINE, Query, Reader, Server, Transport, command::Command, problem::expect_problem, raw, socket::Socket,
};

fn post(server: &Server) -> RequestBuilder {
    let body = json!({"username": "Alice", "content": "hi"});
    server.http().post(server.api("/rooms/general/messages")).json(&body)
}

/// One of each request that changes something.
fn changes(server: &Server) -> Vec<RequestBuilder> {
    let typing = server.http().post(server.api("/rooms/general/typing"));
    let commands = [
        Command::rename("Title"),
        Command::edit("Alice", 1, "hello"),
        Command::react("Bob", 1, "👍"),
        Command::unreact("Alice", 1, "👍"),
        Command::read("Alice", 1),
        Command::delete("Alice", 1),
    ];
    let commands = commands.iter().map(|command| command.request(server.http(), &server.url(""), "general"));
    let others = [post(server), typing.json(&json!({"username": "Alice", "is_typing": true}))];
    commands.chain(others).collect()
}

/// The status that an upgrade with this `Origin` is answered with.
async fn upgrade(server: &Server, origin: &str) -> u16 {
    let url = format!("ws://{}/api/v1/rooms/general/ws", server.addr());
    let mut request = url.into_client_request().expect("a request");
    request.headers_mut().insert("Origin", origin.parse().expect("a header"));
    match Socket::connect(request).await {
        Ok(socket) => {
            socket.close().await;
            101
        }
        Err(tungstenite::Error::Http(answer)) => answer.status().as_u16(),
        Err(error) => panic!("{error}"),
    }
}

const FOREIGN: [&str; 6] = [
    "https://evil.example",
    "http://evil.example:3000",
    "null",
    "http://localhost.evil.example",
    "http://127.0.0.1.evil.example",
    "http://evil.example#127.0.0.1",
];

#[tokio::test]
async fn a_change_from_another_site_is_refused() {
    let server = Server::start().await;
    server.post("general", "Alice", "hi").await;
    server.perform("general", &[Command::react("Alice", 1, "👍")]).await;
    for origin in FOREIGN {
        for request in changes(&server) {
            let answer = request.header("Origin", origin).send().await.expect("an answer");
            expect_problem(answer, 403, "cross_site", &[]).await;
        }
        assert_eq!(upgrade(&server, origin).await, 403, "{origin}");
    }
    for request in changes(&server) {
        let answer = request.header("Sec-Fetch-Site", "cross-site").send().await.expect("an answer");
        expect_problem(answer, 403, "cross_site", &[]).await;
    }
    assert_eq!(server.head("general").await, 2);
    assert_eq!(server.get_json("/rooms/general/read").await["cursors"], json!([]));
    for request in changes(&server) {
        let answer = request.header("Sec-Fetch-Site", "same-origin").send().await.expect("an answer");
        assert!(answer.status().is_success(), "{}: each would have changed something", answer.url());
    }
}

#[tokio::test]
async fn a_form_from_another_site_is_refused_as_well() {
    let server = Server::start().await;
    let form = [("username", "Alice"), ("content", "hi")];
    let request = server.http().post(server.api("/rooms/general/messages")).form(&form);
    let answer = request.header("Origin", "https://evil.example").send().await.expect("an answer");
    expect_problem(answer, 403, "cross_site", &[]).await;
}

#[tokio::test]
async fn another_site_may_not_read_what_it_gets() {
    let server = Server::start().await;
    for path in ["/rooms", "/rooms/general/messages", "/rooms/general/poll", "/rooms/general/stream"] {
        let request = server.http().get(server.api(path)).header("Origin", "https://evil.example");
        let answer = request.send().await.expect("an answer");
        assert!(answer.headers().get("access-control-allow-origin").is_none(), "{path}");
    }
}

#[tokio::test]
async fn the_same_site_and_no_site_are_welcome() {
    let server = Server::start().await;
    for site in ["same-origin", "none"] {
        assert_eq!(post(&server).header("Sec-Fetch-Site", site).send().await.expect("an answer").status(), 201);
    }
    let own = server.url("");
    assert_eq!(post(&server).header("Origin", &own).send().await.expect("an answer").status(), 201);
    assert_eq!(upgrade(&server, &own).await, 101);
    assert_eq!(post(&server).send().await.expect("an answer").status(), 201);
}

#[tokio::test]
async fn a_front_end_under_development_on_loopback_is_welcome() {
    let server = Server::start().await;
    for origin in ["http://localhost:5173", "http://127.0.0.1:8080", "http://[::1]:9000"] {
        // To a browser, localhost and 127.0.0.1 are different sites.
        let request = post(&server).header("Origin", origin).header("Sec-Fetch-Site", "cross-site");
        let answer = request.send().await.expect("an answer");
        assert_eq!(answer.status(), 201, "{origin}");
        assert_eq!(answer.headers()["access-control-allow-origin"], origin);
        let stream = server.http().get(server.api("/rooms/general/stream")).header("Origin", origin);
        assert_eq!(stream.send().await.expect("an answer").headers()["access-control-allow-origin"], origin);
        assert_eq!(upgrade(&server, origin).await, 101, "{origin}");
    }
}

#[tokio::test]
async fn a_preflight_says_what_is_allowed() {
    let server = Server::start().await;
    let preflight = async |origin: &str, method: &str| {
        let request = server.http().request(Method::OPTIONS, server.api("/rooms/general/messages"));
        let request = request.header("Origin", origin).header("Access-Control-Request-Method", method);
        let request = request.header("Access-Control-Request-Headers", "content-type,idempotency-key");
        request.send().await.expect("an answer")
    };
    let answer = preflight("http://localhost:5173", "POST").await;
    assert!(answer.status().is_success());
    let header = |name: &str| answer.headers()[name].to_str().expect("text").to_ascii_lowercase();
    assert_eq!(header("access-control-allow-origin"), "http://localhost:5173");
    for method in ["post", "put", "patch", "delete"] {
        assert!(header("access-control-allow-methods").contains(method), "{method}");
    }
    assert!(header("access-control-allow-headers").contains("content-type"));
    assert!(header("access-control-allow-headers").contains("idempotency-key"));
    assert!(header("access-control-allow-headers").contains("if-match"));
    let answer = preflight("https://evil.example", "POST").await;
    assert!(answer.headers().get("access-control-allow-origin").is_none());
}

#[tokio::test]
async fn other_sites_can_be_allowed_by_name() {
    let server = Server::builder().arg("--allow-origin").arg("https://chat.example").start().await;
    let request = post(&server).header("Origin", "https://chat.example").header("Sec-Fetch-Site", "cross-site");
    let answer = request.send().await.expect("an answer");
    assert_eq!(answer.status(), 201);
    assert_eq!(answer.headers()["access-control-allow-origin"], "https://chat.example");
    assert_eq!(upgrade(&server, "https://chat.example").await, 101);
    for origin in ["https://chat.example.evil.example", "https://evil.example", "http://chat.example:81"] {
        let answer = post(&server).header("Origin", origin).send().await.expect("an answer");
        expect_problem(answer, 403, "cross_site", &[]).await;
        assert_eq!(upgrade(&server, origin).await, 403, "{origin}");
    }
}

#[tokio::test]
async fn a_foreign_host_name_is_misdirected() {
    let server = Server::start().await;
    for host in ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "localhost.evil.example", "10.0.0.1"] {
        for path in ["/rooms", "/rooms/general/stream", "/rooms/general/poll"] {
            let answer = server.http().get(server.api(path)).header("Host", host).send().await.expect("an answer");
            expect_problem(answer, 421, "misdirected", &[]).await;
        }
        let answer = post(&server).header("Host", host).send().await.expect("an answer");
        expect_problem(answer, 421, "misdirected", &[]).await;
    }
    let port = server.addr().port();
    for host in [format!("localhost:{port}"), format!("127.0.0.1:{port}"), format!("[::1]:{port}"), "localhost".into()]
    {
        let answer = server.http().get(server.api("/rooms")).header("Host", &host).send().await.expect("an answer");
        assert_eq!(answer.status(), 200, "{host}");
    }
}

#[tokio::test]
async fn a_head_that_cannot_be_read_is_a_bare_refusal() {
    let server = Server::start().await;
    let host = server.addr();
    for head in [
        "GARBAGE\r\n\r\n".to_owned(),
        "\0\0\0\0\r\n\r\n".into(),
        format!("GET /healthz HTTP/1.1\r\nHost: {host}\r\nBad Header: x\r\n\r\n"),
        format!("GET /healthz HTTP/1.1\r\nHost: {host}\r\nX: a\0b\r\n\r\n"),
        format!("GET /health z HTTP/1.1\r\nHost: {host}\r\n\r\n"),
        format!("POST /healthz HTTP/1.1\r\nHost: {host}\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!"),
        format!("POST /healthz HTTP/1.1\r\nHost: {host}\r\nContent-Length: many\r\n\r\n"),
        format!("GET /healthz HTTP/1.1\r\nHost: {host}\r\nX: {}\r\n\r\n", "x".repeat(1 << 20)),
        format!("GET /{} HTTP/1.1\r\nHost: {host}\r\n\r\n", "x".repeat(1 << 20)),
        format!("GET /healthz HTTP/1.1\r\nHost: {host}\r\n{}\r\n", "X: y\r\n".repeat(10_000)),
        "GET /healthz HTTP/1.1\r\n\r\n".into(),
    ] {
        let answer = raw::send(host, &head).await;
        // What is still unread when the server hangs up may make the connection reset, and the answer with it.
        if let Some(answer) = answer.as_ref().map(|answer| answer.status) {
            assert!(matches!(answer, 400 | 414 | 431), "{answer} to {:?}", &head[..head.len().min(80)]);
        } else {
            assert!(head.len() > 4_096, "no answer to {head:?}");
        }
        let next = server.http().get(server.url("/healthz")).send().await.expect("an answer");
        assert_eq!(next.status(), 200, "the next connection works");
    }
}

/// The headers of a request that a page of another site makes a browser send: without a word on its origin, as an image
/// or a link does, or with it.
const ASKED_BY_OTHERS: [(&str, &str); 4] = [
    ("Sec-Fetch-Site", "cross-site"),
    ("Sec-Fetch-Site", "same-site"),
    ("Origin", "https://evil.example"),
    ("Origin", "null"),
];

/// The names of those who are present in a room.
async fn present(server: &Server, room: &str) -> Value {
    let presence = server.get_json(&format!("/rooms/{room}/presence")).await;
    presence["users"].as_array().expect("users").iter().map(|user| user["username"].clone()).collect()
}

#[tokio::test]
async fn a_read_from_another_site_makes_nobody_present() {
    let server = Server::builder().time("presence-grace", Duration::from_mins(10)).start().await;
    server.post("general", "Alice", "hi").await;
    let mut watcher = Reader::open(&server, Transport::Sse, "general", Query::since(1)).await;
    watcher.until_type("presence_state").await;
    let paths = [
        "/rooms/general/poll?username=Mallory&since=0&wait=0",
        "/rooms/general/stream?username=Mallory",
        "/stream?rooms=general&username=Mallory",
        "/rooms/general/messages?username=Mallory",
    ];
    for path in paths {
        for (header, value) in ASKED_BY_OTHERS {
            let request = server.http().get(server.api(path)).header(header, value);
            let mut answer = request.send().await.expect("an answer");
            assert_eq!(answer.status(), 200, "{path}");
            // The stream is open, and the poll answered: whoever they make present is so now.
            assert!(answer.chunk().await.expect("a body").is_some(), "{path}");
            assert_eq!(present(&server, "general").await, json!([]), "{path}, {header}: {value}");
        }
    }
    // The same of this site, of one that may, and of no browser, is a presence.
    let own = server.url("");
    let welcome = [("Sec-Fetch-Site", "same-origin"), ("Origin", &own), ("Origin", "http://localhost:5173")];
    for (number, (header, value)) in welcome.into_iter().enumerate() {
        for (index, path) in paths[..3].iter().enumerate() {
            let path = path.replace("Mallory", &format!("Olive{number}{index}"));
            let request = server.http().get(server.api(&path)).header(header, value);
            let mut answer = request.send().await.expect("an answer");
            assert!(answer.chunk().await.expect("a body").is_some(), "{path}");
        }
    }
    let names: Vec<_> = (0..9).map(|number| format!("Olive{}{}", number / 3, number % 3)).collect();
    assert_eq!(present(&server, "general").await, json!(names));
    let told = watcher.until_type("user_status").await;
    assert_eq!(told["username"], "Olive00", "nobody was told of Mallory: {told}");
}

/// The status of a request that asks for this `Host`.
async fn asked_by(server: &Server, host: &str, path: &str) -> u16 {
    let head = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    raw::send(loopback(server), head).await.expect("an answer").status
}

/// The loopback address of a server that listens on every address.
fn loopback(server: &Server) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], server.addr().port()))
}

/// A server that others can reach.
async fn reachable(settings: &[&str]) -> Server {
    let builder = Server::builder().listen("0.0.0.0:0").arg("--allow-open");
    settings.iter().fold(builder, |builder, arg| builder.arg(*arg)).start().await
}

const REBINDING: &str = "DNS rebinding";
/// Names that only look like one of this machine.
const ALIKE: [&str; 7] = [
    "localhost:1.evil.example",
    "127.0.0.1:1.evil.example",
    "[::1].evil.example",
    "[::1]evil.example:80",
    "localhost.evil.example",
    "user@localhost",
    "localhost:80:80",
];

#[tokio::test]
async fn where_others_can_reach_it_only_its_own_names_are_answered() {
    let server =
        reachable(&["--public-url", "https://chat.example", "--allowed-hosts", "Chat.internal,b.example"]).await;
    for host in [
        "chat.example",
        "CHAT.example:443",
        "chat.internal:3000",
        "b.example.",
        "localhost",
        "a.localhost:3000",
        "127.0.0.1",
        "10.1.2.3:3000",
        "[2001:db8::1]:3000",
    ] {
        assert_eq!(asked_by(&server, host, "/api/v1/rooms").await, 200, "{host}");
    }
    let foreign = ["evil.example", "chat.example.evil.example", "a.b.example", "10.1.2.3.evil.example", ""];
    for host in foreign.into_iter().chain(ALIKE) {
        assert_eq!(asked_by(&server, host, "/api/v1/rooms").await, 421, "{host}");
        // An orchestrator asks by whatever name it has.
        assert_eq!(asked_by(&server, host, "/healthz").await, 200, "{host}");
        assert_eq!(asked_by(&server, host, "/readyz?from=probe").await, 200, "{host}");
    }
    // The pages of the public URL are the server's own, also behind a proxy that asks by another name.
    let body = json!({"username": "Alice", "content": "hi"});
    for (origin, status) in [("https://chat.example", 201), ("http://chat.example", 403), ("https://evil.example", 403)]
    {
        let url = format!("http://{}/api/v1/rooms/general/messages", loopback(&server));
        let answer = server.http().post(url).header("Origin", origin).json(&body).send().await.expect("an answer");
        assert_eq!(answer.status(), status, "{origin}");
    }
    assert!(!server.log().iter().any(|line| line.contains(REBINDING)), "its names are known");
}

#[tokio::test]
async fn where_others_can_reach_it_and_its_names_are_not_known_the_start_warns() {
    let server = reachable(&[]).await;
    let warning = server.wait_for_log(REBINDING, DEADLINE).await;
    assert!(warning.contains("WARN") && warning.contains("--public-url"), "{warning}");
    assert_eq!(asked_by(&server, "evil.example", "/api/v1/rooms").await, 200);
    assert!(!Server::start().await.log().iter().any(|line| line.contains(REBINDING)), "not on loopback");
}

#[tokio::test]
async fn on_loopback_names_that_only_look_like_it_are_misdirected() {
    let server = Server::builder().arg("--public-url=http://chat.example:8080").start().await;
    for host in ALIKE {
        assert_eq!(asked_by(&server, host, "/api/v1/rooms").await, 421, "{host}");
        assert_eq!(asked_by(&server, host, "/healthz").await, 200, "{host}");
    }
    for host in ["chat.example:8080", "chat.example", "localhost", "[::1]:3000"] {
        assert_eq!(asked_by(&server, host, "/api/v1/rooms").await, 200, "{host}");
    }
    let twice = format!("127.0.0.1\r\nHost: {}", server.addr());
    assert_eq!(asked_by(&server, &twice, "/api/v1/rooms").await, 400, "two lines of Host");
}
