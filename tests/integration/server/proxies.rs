//! Behind nginx and Caddy, set up as the document says, nothing is held back and everything passes.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::support::{
    DEADLINE, Server,
    proxy::{Proxy, SITE, api},
    server::json_of,
    sse::{Frame, Stream},
    within,
};

/// At once, to a busy machine; and before the ping that would push out what a proxy holds back.
const AT_ONCE: Duration = Duration::from_secs(10);

/// A server told of the site, as the document says.
async fn server() -> Server {
    Server::builder().arg("--public-url").arg(format!("https://{SITE}")).start().await
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

async fn everything_passes(proxy: &Proxy) {
    let page = within(DEADLINE, "the page", proxy.http.get(format!("http://{SITE}/")).send()).await.expect("a page");
    assert_eq!(page.status(), StatusCode::OK);
    post_from_site(proxy, "first").await;
    let foreign = post(proxy, "https://elsewhere.example", "foreign").await;
    assert_eq!(foreign.status(), StatusCode::FORBIDDEN, "a page of another site is still kept out");

    // A stream: each event as it happens, and on from a cursor.
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
    everything_passes(&Proxy::nginx(&server).await).await;
}

#[tokio::test]
async fn caddy_set_up_as_the_document_says() {
    let server = server().await;
    everything_passes(&Proxy::caddy(&server).await).await;
}
