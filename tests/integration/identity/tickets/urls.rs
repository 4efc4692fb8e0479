//! Tickets in URLs, and what else may come there or beside it: other credentials, pages of other sites, the log.

use parlor::identity::secret::{Secret, SecretKind};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{SSE, WEBSOCKET, get, refused, refused_socket, ticket, upgrade};
use crate::{
    identity::Guarded,
    support::{DEADLINE, Server, browser::Browser, socket::Socket, sse::Stream, within},
};

#[tokio::test]
async fn a_header_decides_before_a_ticket_which_stays_good() {
    let guarded = Guarded::with_rooms(&[]).await;
    let alice = guarded.token("alice", &[]);
    let bob = guarded.token("bob", &[]);
    let kept = ticket(&guarded, &alice, &["general"], SSE).await;
    let path = "/api/v1/rooms/general/stream";
    refused(get(&guarded, path, &kept).bearer_auth("nonsense"), 401, "invalid_token").await;
    let spoken = get(&guarded, &format!("{path}?username=alice"), &kept).bearer_auth(&bob);
    refused(spoken, 403, "forbidden").await;
    let opened = Stream::send(get(&guarded, &format!("{path}?username=alice"), &kept)).await;
    assert_eq!(opened.status, StatusCode::OK);
}

/// The way of the server's own page, whose browser sends the cookie in any case.
#[tokio::test]
async fn a_ticket_decides_before_a_cookie_and_ends_with_the_session_that_made_it() {
    let guarded = Guarded::with(&["--accounts", "open", "--revocation-interval=100ms"]).await;
    let (alice, bob) = (Browser::of(&guarded.server), Browser::of(&guarded.server));
    alice.register("Alice").await;
    bob.register("Bob").await;
    let make = async |browser: &Browser<'_>| {
        let wanted = Some(json!({"rooms": ["general"], "transport": SSE}));
        let made = browser.ok(Method::POST, "/tickets", wanted, 201).await;
        made["ticket"].as_str().expect("a ticket").to_owned()
    };
    let path = "/api/v1/rooms/general/stream";
    let cookie = |browser: &Browser<'_>| browser.cookie().expect("a cookie");
    // Bob's browser with a ticket of Alice's reads as Alice.
    let of_alice = make(&alice).await;
    let as_bob = get(&guarded, &format!("{path}?username=Bob"), &of_alice).header("cookie", cookie(&bob));
    refused(as_bob, 403, "forbidden").await;
    let of_alice = make(&alice).await;
    let as_alice = get(&guarded, &format!("{path}?username=Alice"), &of_alice).header("cookie", cookie(&bob));
    let mut stream = Stream::send(as_alice).await;
    assert_eq!(stream.status, StatusCode::OK);
    // A ticket that is spent is not made up for by a good cookie.
    refused(get(&guarded, path, &of_alice).header("cookie", cookie(&bob)), 401, "ticket_invalid").await;

    let unused = make(&alice).await;
    alice.ok(Method::DELETE, "/session", None, 204).await;
    let last = within(DEADLINE, "the stream ends", async {
        let mut last = Value::Null;
        while let Some(frame) = stream.next().await {
            last = serde_json::from_str(&frame.data).expect("JSON");
        }
        last
    });
    assert_eq!(last.await["code"], "invalid_token");
    refused(get(&guarded, path, &unused).header("cookie", cookie(&bob)), 401, "ticket_invalid").await;
    let of_bob = make(&bob).await;
    assert_eq!(Stream::send(get(&guarded, path, &of_bob)).await.status, StatusCode::OK, "nobody else's");
}

#[tokio::test]
async fn a_page_of_another_site_opens_no_socket_by_a_ticket() {
    let guarded = Guarded::with_rooms(&[]).await;
    let alice = guarded.token("alice", &[]);
    let kept = ticket(&guarded, &alice, &["general"], WEBSOCKET).await;
    let path = "/api/v1/rooms/general/ws";
    for (name, value) in [
        ("origin", "https://evil.example"),
        ("origin", "http://127.0.0.1:1"),
        ("origin", "null"),
        ("sec-fetch-site", "cross-site"),
    ] {
        let mut request = upgrade(&guarded.server, path, &kept);
        request.headers_mut().insert(name, value.parse().expect("a header"));
        assert_eq!(refused_socket(request).await, (403, json!("cross_site")), "{name}: {value}");
    }
    let mut request = upgrade(&guarded.server, path, &kept);
    request.headers_mut().insert("origin", guarded.server.url("").parse().expect("a header"));
    Socket::connect(request).await.expect("the page of this server opens it").close().await;
}

#[tokio::test]
async fn a_credential_in_a_url_is_refused_but_for_a_ticket_where_something_opens() {
    let guarded = Guarded::with_rooms(&[]).await;
    let alice = guarded.token("alice", &[]);
    let kept = ticket(&guarded, &alice, &["general"], SSE).await;
    for path in ["/api/v1/me", "/api/v1/rooms", "/api/v1/rooms/general/messages", "/api/v1/rooms/general/poll?since=0"]
    {
        refused(get(&guarded, path, &kept), 400, "bad_query").await;
        refused(get(&guarded, path, &kept).bearer_auth(&alice), 400, "bad_query").await;
    }
    let post = guarded.request(Method::POST, &format!("/api/v1/tickets?ticket={kept}"), &alice);
    refused(post.json(&json!({"rooms": ["general"], "transport": SSE})), 400, "bad_query").await;
    let path = "/api/v1/rooms/general/stream";
    refused(get(&guarded, &format!("{path}?ticket={kept}"), &kept), 400, "bad_query").await;
    let secret = |kind| Secret::generate(kind).reveal().to_owned();
    let [key, session, reset] = [SecretKind::ApiKey, SecretKind::Session, SecretKind::Reset].map(secret);
    for credential in [&alice, &key, &session, &reset] {
        refused(get(&guarded, path, credential), 400, "bad_query").await;
    }
    for query in [format!("token={alice}"), format!("x={kept}"), format!("x={alice}"), "access_token=x".to_owned()] {
        refused(get(&guarded, &format!("{path}?{query}"), &kept), 400, "bad_query").await;
    }
    assert_eq!(Stream::send(get(&guarded, path, &kept)).await.status, StatusCode::OK, "nobody has taken it");
}

#[tokio::test]
async fn a_ticket_is_in_no_line_of_the_log() {
    let mut guarded = Guarded::on(Server::builder().arg("--log").arg("trace"), &[]).await;
    guarded.make_room("general").await;
    let alice = guarded.token("alice", &[]);
    let used = ticket(&guarded, &alice, &["general"], SSE).await;
    drop(Stream::send(get(&guarded, "/api/v1/rooms/general/stream", &used)).await);
    let refused_one = ticket(&guarded, &alice, &["general"], WEBSOCKET).await;
    refused(get(&guarded, "/api/v1/rooms/general/stream", &refused_one), 401, "ticket_invalid").await;
    guarded.server.terminate().await;
    let log = guarded.server.log();
    assert!(log.len() > 20, "{}", log.len());
    for secret in [&used, &refused_one, &alice] {
        assert!(log.iter().all(|line| !line.contains(secret.as_str())), "{secret} is in the log");
    }
}
