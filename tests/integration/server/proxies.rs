//! Behind nginx, Caddy and `HAProxy`, set up as the document says, nothing is held back, everything passes, and clients have
//! their own addresses.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::support::{
    DEADLINE, Server,
    browser::PASSWORD,
    problem::expect_problem,
    proxy::{Program, Proxy, SITE, api},
    server::json_of,
    sse::{Frame, Stream},
    within,
};

/// At once, to a busy machine; and before the ping that would push out what a proxy holds back.
const AT_ONCE: Duration = Duration::from_secs(10);

/// A server told of the site, as the document says.
async fn server() -> Server {
    start(&["--trusted-proxies", "127.0.0.1"]).await
}

async fn start(settings: &[&str]) -> Server {
    let builder = Server::builder().arg("--public-url").arg(format!("https://{SITE}"));
    settings.iter().fold(builder, |builder, setting| builder.arg(*setting)).start().await
}

/// Posts as a page of this origin does.
async fn post(proxy: &Proxy, origin: &str, text: &str) -> reqwest::Response {
    let request = proxy.http.post(api("/rooms/general/messages")).header("Origin", origin);
    let sent = request.json(&json!({"username": "Alice", "content": text})).send();
    within(DEADLINE, "a post is answered", sent).await.expect("an answer")
}

async fn post_from_site(proxy: &Proxy, text: &str) -> Value {
    json_of(post(proxy, &format!("https://{SITE}"), text).await, StatusCode::CREATED).await
}

async fn next(stream: &mut Stream, what: &str) -> Frame {
    within(AT_ONCE, what, stream.next()).await.expect("the stream goes on")
}

/// A stream: each event as it happens, and on from a cursor.
async fn each_event_comes_as_it_happens(proxy: &Proxy) {
    let open = |since: &str| {
        let request = proxy.http.get(api("/rooms/general/stream?username=Bob"));
        Stream::send(request.header("Accept", "text/event-stream").header("Last-Event-ID", since))
    };
    let mut stream = open("0").await;
    let frame = next(&mut stream, "what was before").await;
    assert_eq!((frame.event.as_deref(), frame.id.as_deref()), (Some("chat_message"), Some("1")));
    for (number, text) in ["second", "third"].into_iter().enumerate() {
        let event = async {
            loop {
                let frame = next(&mut stream, text).await;
                if frame.event.as_deref() == Some("chat_message") {
                    return frame;
                }
            }
        };
        // Posted only once the last has come: what comes is not pushed out by what follows.
        let (_, frame) = tokio::join!(post_from_site(proxy, text), event);
        assert!(frame.data.contains(text), "{frame:?}");
        assert_eq!(frame.id, Some((number + 2).to_string()));
    }
    drop(stream);
    assert_eq!(next(&mut open("2").await, "what came since").await.id.as_deref(), Some("3"));
}

/// A stream through the proxy, and what its client sees of the server's end.
async fn the_end_of_a_stream_passes(proxy: &Proxy, mut server: Server) {
    let request = proxy.http.get(api("/rooms/general/stream"));
    let mut stream = Stream::send(request.header("Accept", "text/event-stream")).await;
    while next(&mut stream, "who is here").await.event.as_deref() != Some("presence_state") {}
    server.signal("TERM");
    while next(&mut stream, "a goodbye").await.event.as_deref() != Some("server_shutdown") {}
    assert!(within(AT_ONCE, "the end", stream.next()).await.is_none());
    assert!(!stream.was_cut, "it ends as a whole answer does");
    server.wait_for_exit().await;
}

async fn everything_passes(proxy: &Proxy) {
    let page = within(DEADLINE, "the page", proxy.http.get(format!("http://{SITE}/")).send()).await.expect("a page");
    assert_eq!(page.status(), StatusCode::OK);
    post_from_site(proxy, "first").await;
    let foreign = post(proxy, "https://elsewhere.example", "foreign").await;
    assert_eq!(foreign.status(), StatusCode::FORBIDDEN, "a page of another site is still kept out");

    each_event_comes_as_it_happens(proxy).await;

    // A poll that waits.
    let poll = proxy.http.get(api("/rooms/general/poll?since=3&wait=50")).send();
    let (answer, _) = tokio::join!(within(AT_ONCE, "a poll", poll), post_from_site(proxy, "fourth"));
    let answer = json_of(answer.expect("an answer"), StatusCode::OK).await;
    assert_eq!(answer["events"][0]["message"]["content"], "fourth");

    // A socket.
    let mut socket = proxy.socket("/rooms/general/ws?since=4").await;
    let frame = json!({"type": "chat_message", "username": "Carol", "message": "fifth", "ref": "r"});
    socket.send(Message::text(frame.to_string())).await.expect("a frame is sent");
    let mut types = Vec::new();
    while !["ack", "chat_message"].iter().all(|kind| types.iter().any(|had| had == kind)) {
        let message = within(AT_ONCE, "a frame comes back", socket.next()).await.expect("it stays open");
        let Message::Text(text) = message.expect("a frame") else { continue };
        let frame: Value = serde_json::from_str(&text).expect("a frame is JSON");
        types.push(frame["type"].as_str().expect("a type").to_owned());
    }
}

#[tokio::test]
async fn nginx_set_up_as_the_document_says() {
    let server = server().await;
    let proxy = Proxy::nginx(&server).await;
    everything_passes(&proxy).await;
    the_end_of_a_stream_passes(&proxy, server).await;
}

/// To HTTP/1.0 a stream is not chunked, and its end is the connection's.
#[tokio::test]
async fn nginx_that_speaks_http_1_0_to_the_server() {
    let server = server().await;
    let proxy = Proxy::nginx_1_0(&server).await;
    post_from_site(&proxy, "first").await;
    each_event_comes_as_it_happens(&proxy).await;
    the_end_of_a_stream_passes(&proxy, server).await;
}

#[tokio::test]
async fn caddy_set_up_as_the_document_says() {
    let server = server().await;
    let proxy = Proxy::caddy(&server).await;
    everything_passes(&proxy).await;
    the_end_of_a_stream_passes(&proxy, server).await;
}

#[tokio::test]
async fn haproxy_set_up_as_the_document_says() {
    let server = server().await;
    let proxy = Proxy::haproxy(&server).await;
    everything_passes(&proxy).await;
    the_end_of_a_stream_passes(&proxy, server).await;
}

/// Limits and the log see the client, whatever it says of itself; a proxy that is not trusted is one address for all.
#[tokio::test]
async fn behind_each_proxy_clients_have_their_own_addresses() {
    for program in [Program::Nginx, Program::Caddy, Program::Haproxy] {
        let settings = ["--log-format", "json", "--limit-posts", "1/h", "--trusted-proxies"];
        let server = start(&[&settings[..], &["127.0.0.1"]].concat()).await;
        let proxy = Proxy::of(program, &server).await;
        let post = async |from: &str, made_up: Option<&str>| {
            let request = proxy.client_from(from).request(Method::POST, "/rooms/general/messages");
            let request = request.header("Origin", format!("https://{SITE}"));
            let request = ["X-Forwarded-For", "Forwarded"].into_iter().fold(request, |request, header| match made_up {
                Some(made_up) => request.header(header, made_up),
                None => request,
            });
            let body = json!({"username": "Alice", "content": "hi"});
            within(DEADLINE, "a post is answered", request.json(&body).send()).await.expect("an answer")
        };
        // Each address has a post, and what is made up does not give another.
        for from in ["127.0.0.5", "127.0.0.6"] {
            let posted = post(from, None).await;
            let id = posted.headers()["x-request-id"].to_str().expect("text").to_owned();
            assert_eq!(posted.status(), StatusCode::CREATED, "{program:?}");
            let line: Value = serde_json::from_str(&server.wait_for_log(&id, DEADLINE).await).expect("a line is JSON");
            assert_eq!(line["client.address"], from, "{program:?}");
            for made_up in
                [None, Some("203.0.113.7"), Some("127.0.0.1"), Some("for=203.0.113.7"), Some("\"203.0.113.7")]
            {
                expect_problem(post(from, made_up).await, 429, "rate_limited", &[]).await;
            }
        }

        // Of one that is not trusted nothing is believed, and the log says so.
        let server = start(&[&settings[..], &["192.0.2.1"]].concat()).await;
        let proxy = Proxy::of(program, &server).await;
        let post = async |from: &str| {
            let request = proxy.client_from(from).request(Method::POST, "/rooms/general/messages");
            let request = request.header("Origin", format!("https://{SITE}"));
            let body = json!({"username": "Alice", "content": "hi"});
            within(DEADLINE, "a post is answered", request.json(&body).send()).await.expect("an answer")
        };
        assert_eq!(post("127.0.0.5").await.status(), StatusCode::CREATED, "{program:?}");
        expect_problem(post("127.0.0.6").await, 429, "rate_limited", &[]).await;
        server.wait_for_log("is not believed", DEADLINE).await;
    }
}

/// A page of another port of the site's machine, or without TLS, is another site, whatever the proxy passes on.
#[tokio::test]
async fn behind_nginx_a_session_is_for_pages_of_the_site_alone() {
    let public = format!("https://{SITE}");
    let accounts = ["--public-url", &public, "--auth", "required", "--accounts", "open"];
    let server = accounts.iter().fold(Server::builder(), |builder, arg| builder.arg(*arg)).start().await;
    let proxy = Proxy::nginx(&server).await;
    let send = |path: &str, origin: &str, cookie: &str, body: &Value| {
        let request = proxy.http.post(api(path)).header("Origin", origin).header("Cookie", cookie).json(body);
        async move { within(DEADLINE, "an answer", request.send()).await.expect("an answer") }
    };
    let registration = json!({"username": "Alice", "password": PASSWORD});
    let others =
        [format!("https://{SITE}:8443"), format!("http://{SITE}"), "http://127.0.0.1:3000".into(), "null".into()];
    for other in &others {
        expect_problem(send("/accounts", other, "", &registration).await, 403, "cross_site", &[]).await;
    }
    let registered = send("/accounts", &public, "", &registration).await;
    let set = registered.headers()["set-cookie"].to_str().expect("text").to_owned();
    assert!(set.starts_with("__Host-parlor=") && set.contains("; Secure"), "{set}");
    let (cookie, _) = set.split_once(';').expect("a pair");
    let message = json!({"content": "hi"});
    for other in &others {
        expect_problem(send("/rooms/general/messages", other, cookie, &message).await, 403, "cross_site", &[]).await;
    }
    let posted = json_of(send("/rooms/general/messages", &public, cookie, &message).await, StatusCode::CREATED).await;
    assert_eq!(posted["username"], "Alice");
}
