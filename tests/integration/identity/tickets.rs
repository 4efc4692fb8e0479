//! Tickets: a stream or a socket opened without a header, once, as whoever made the ticket.

mod urls;

use parlor::{
    config::StoreConfig,
    identity::secret::{Secret, SecretKind},
    store::Store,
};
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::{self, client::IntoClientRequest as _, http::Request};
use tokio_util::task::TaskTracker;

use super::Guarded;
use crate::support::{
    DEADLINE, Server, problem::expect_problem, server::json_of, socket::Socket, sse::Stream, users::Operator, within,
};

const SSE: &str = "sse";
const WEBSOCKET: &str = "websocket";

fn make(guarded: &Guarded, credential: &str, rooms: &[&str], transport: &str) -> RequestBuilder {
    let body = json!({"rooms": rooms, "transport": transport});
    guarded.request(Method::POST, "/api/v1/tickets", credential).json(&body)
}

/// A ticket for these rooms.
async fn ticket(guarded: &Guarded, credential: &str, rooms: &[&str], transport: &str) -> String {
    let answer = make(guarded, credential, rooms, transport).send().await.expect("an answer");
    let made = json_of(answer, StatusCode::CREATED).await;
    assert_eq!(made["expires_in"], 30);
    made["ticket"].as_str().expect("a ticket").to_owned()
}

/// A request without a header, as of an `EventSource`.
fn get(guarded: &Guarded, path: &str, ticket: &str) -> RequestBuilder {
    let and = if path.contains('?') { '&' } else { '?' };
    let url = guarded.server.url(&format!("{path}{and}ticket={ticket}"));
    guarded.server.http().get(url).header("accept", "text/event-stream")
}

async fn refused(request: RequestBuilder, status: u16, code: &str) {
    let answer = within(DEADLINE, "it is refused", request.send()).await.expect("an answer");
    expect_problem(answer, status, code, &[]).await;
}

fn upgrade(server: &Server, path: &str, ticket: &str) -> Request<()> {
    let url = format!("ws://{}{path}?ticket={ticket}", server.addr());
    url.into_client_request().expect("a request")
}

/// The status of a socket that is refused, and the code.
async fn refused_socket(request: Request<()>) -> (u16, Value) {
    match Socket::connect(request).await {
        Err(tungstenite::Error::Http(answer)) => {
            let body = answer.body().as_deref().unwrap_or_default();
            let problem: Value = serde_json::from_slice(body).expect("a problem");
            (answer.status().as_u16(), problem["code"].clone())
        }
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("it opens"),
    }
}

fn data(frame: &crate::support::sse::Frame) -> Value {
    serde_json::from_str(&frame.data).expect("JSON")
}

async fn next_of(stream: &mut Stream, wanted: &str) -> Value {
    let search = async {
        loop {
            let event = data(&stream.next().await.expect("the stream goes on"));
            if event["type"] == wanted {
                return event;
            }
        }
    };
    within(DEADLINE, wanted, search).await
}

#[tokio::test]
async fn a_ticket_opens_a_stream_or_a_socket_as_whoever_made_it() {
    let guarded = Guarded::with_rooms(&[]).await;
    let (alice, bob) = (guarded.token("alice", &[]), guarded.token("bob", &[]));
    let both = ["general", "team-a"];
    let one = ticket(&guarded, &alice, &both, SSE).await;
    let mut stream = Stream::send(get(&guarded, "/api/v1/rooms/general/stream?username=alice", &one)).await;
    assert_eq!(stream.status, StatusCode::OK);
    next_of(&mut stream, "message_history").await;
    let several = ticket(&guarded, &alice, &both, SSE).await;
    let mut rooms = Stream::send(get(&guarded, "/api/v1/stream?rooms=team-a,general", &several)).await;
    next_of(&mut rooms, "message_history").await;
    guarded.post("general", &bob, "by bob").await;
    for stream in [&mut stream, &mut rooms] {
        assert_eq!(next_of(stream, "chat_message").await["message"]["username"], "bob");
    }
    for path in ["/api/v1/rooms/general/ws", "/ws/chat/general/", "/ws/chat/"] {
        let socket = ticket(&guarded, &alice, &both, WEBSOCKET).await;
        let mut socket = Socket::connect(upgrade(&guarded.server, path, &socket)).await.expect("a socket opens");
        socket.send(&json!({"type": "chat_message", "message": path, "ref": "said"})).await;
        assert_eq!(socket.reply("said").await["type"], "ack", "{path}");
        let said = next_of(&mut stream, "chat_message").await;
        assert_eq!((&said["message"]["username"], &said["message"]["content"]), (&json!("alice"), &json!(path)));
        socket.close().await;
    }
    // Whoever is named besides is not spoken for.
    let named = ticket(&guarded, &alice, &both, SSE).await;
    refused(get(&guarded, "/api/v1/rooms/general/stream?username=bob", &named), 403, "forbidden").await;
}

#[tokio::test]
async fn a_ticket_is_good_once() {
    let guarded = Guarded::with_rooms(&[]).await;
    let alice = guarded.token("alice", &[]);
    let spent = ticket(&guarded, &alice, &["general"], SSE).await;
    assert_eq!(Stream::send(get(&guarded, "/api/v1/rooms/general/stream", &spent)).await.status, StatusCode::OK);
    for path in ["/api/v1/rooms/general/stream", "/api/v1/stream?rooms=general"] {
        refused(get(&guarded, path, &spent), 401, "ticket_invalid").await;
    }
    let spent = ticket(&guarded, &alice, &["general"], WEBSOCKET).await;
    let path = "/api/v1/rooms/general/ws";
    Socket::connect(upgrade(&guarded.server, path, &spent)).await.expect("a socket opens").close().await;
    let again = refused_socket(upgrade(&guarded.server, path, &spent)).await;
    assert_eq!(again, (401, json!("ticket_invalid")));

    // However many come at once.
    let raced = ticket(&guarded, &alice, &["general"], SSE).await;
    let tasks = TaskTracker::new();
    let opened: Vec<_> = (0..16)
        .map(|_| {
            let request = get(&guarded, "/api/v1/rooms/general/stream", &raced);
            tasks.spawn(async move { request.send().await.expect("an answer").status() })
        })
        .collect();
    let mut statuses = Vec::new();
    for status in opened {
        statuses.push(status.await.expect("a status"));
    }
    let count = |status| statuses.iter().filter(|one| **one == status).count();
    assert_eq!((count(StatusCode::OK), count(StatusCode::UNAUTHORIZED)), (1, 15), "{statuses:?}");
}

#[tokio::test]
async fn a_ticket_for_something_else_opens_nothing_and_is_spent() {
    let guarded = Guarded::with_rooms(&[]).await;
    let alice = guarded.token("alice", &[]);
    for (rooms, path) in [
        (&["general"][..], "/api/v1/rooms/team-a/stream"),
        (&["general"], "/api/v1/rooms/General/stream"),
        (&["general"], "/api/v1/rooms/a.b/stream"),
        (&["general"], "/api/v1/stream?rooms=general,team-a"),
        (&["general"], "/api/v1/stream?rooms=general&rooms=team-a"),
        (&["general", "team-a"], "/api/v1/stream?rooms=general,team-a,nowhere"),
    ] {
        let other = ticket(&guarded, &alice, rooms, SSE).await;
        refused(get(&guarded, path, &other), 401, "ticket_invalid").await;
        refused(get(&guarded, "/api/v1/rooms/general/stream", &other), 401, "ticket_invalid").await;
    }
    let of_socket = ticket(&guarded, &alice, &["general"], WEBSOCKET).await;
    refused(get(&guarded, "/api/v1/rooms/general/stream", &of_socket), 401, "ticket_invalid").await;
    for path in ["/api/v1/rooms/general/ws", "/ws/chat/"] {
        let of_stream = ticket(&guarded, &alice, &["general"], SSE).await;
        let answer = refused_socket(upgrade(&guarded.server, path, &of_stream)).await;
        assert_eq!(answer, (401, json!("ticket_invalid")), "{path}");
    }
    for path in ["/api/v1/rooms/general/ws", "/ws/chat/general/", "/ws/chat/"] {
        let of_other = ticket(&guarded, &alice, &["team-a"], WEBSOCKET).await;
        let answer = refused_socket(upgrade(&guarded.server, path, &of_other)).await;
        assert_eq!(answer, (401, json!("ticket_invalid")), "{path}");
    }
    let none = format!("plt_{}", "0".repeat(43));
    for nonsense in ["", "x", &none, &none[..46]] {
        refused(get(&guarded, "/api/v1/rooms/general/stream", nonsense), 401, "ticket_invalid").await;
    }
}

#[tokio::test]
async fn a_ticket_is_good_for_30_seconds() {
    let guarded = Guarded::with_rooms(&[]).await;
    let alice = guarded.token("alice", &[]);
    // As if so much of its time had passed.
    let aged = async |seconds: u32| {
        let ticket = ticket(&guarded, &alice, &["general"], SSE).await;
        let sql = format!("UPDATE ticket SET expires_at = expires_at - {seconds}000000");
        guarded.server.sql_beside(&sql).await;
        ticket
    };
    let path = "/api/v1/rooms/general/stream";
    refused(get(&guarded, path, &aged(31).await), 401, "ticket_invalid").await;
    let young = aged(10).await;
    assert_eq!(Stream::send(get(&guarded, path, &young)).await.status, StatusCode::OK);

    // What is over goes when the next one is made.
    let (store, _writer) = beside(&guarded.server).await;
    let hash = |ticket: &str| *Secret::parse(SecretKind::Ticket, ticket).expect("a ticket").hash().as_bytes();
    let over = hash(&aged(31).await);
    assert!(store.ticket(&over).await.expect("a store").is_some());
    let next = hash(&ticket(&guarded, &alice, &["general"], SSE).await);
    assert!(store.ticket(&over).await.expect("a store").is_none());
    assert!(store.ticket(&next).await.expect("a store").is_some());
}

/// A store of its own, as another node has it.
async fn beside(server: &Server) -> (Store, parlor::store::identity::IdentityWriter) {
    let config = StoreConfig { url: server.database_url().into(), fsync: true, migrate: false, revisions: 0 };
    Store::open_beside(&config).await.unwrap_or_else(|error| panic!("{error}"))
}

#[tokio::test]
async fn of_two_nodes_that_take_a_ticket_at_once_one_has_it() {
    let guarded = Guarded::with_rooms(&[]).await;
    let alice = guarded.token("alice", &[]);
    let ((_, one), (_, other)) = (beside(&guarded.server).await, beside(&guarded.server).await);
    for _ in 0..30 {
        let ticket = ticket(&guarded, &alice, &["general"], SSE).await;
        let hash = *Secret::parse(SecretKind::Ticket, &ticket).expect("a ticket").hash().as_bytes();
        let takes = async {
            let (one, other) = tokio::join!(one.take_ticket(&hash), other.take_ticket(&hash));
            [one.expect("a store"), other.expect("a store")]
        };
        let took = within(DEADLINE, "both have tried", takes).await;
        assert_eq!(took.iter().filter(|took| **took).count(), 1, "{took:?}");
        refused(get(&guarded, "/api/v1/rooms/general/stream", &ticket), 401, "ticket_invalid").await;
    }
}

#[tokio::test]
async fn a_ticket_ends_with_the_credential_that_made_it() {
    let guarded = Guarded::with_rooms(&[]).await;
    let operator = Operator::of(&guarded.server);
    let path = "/api/v1/rooms/general/stream";
    for user in ["alice", "bob", "carol"] {
        operator.add_user(&[user]);
    }
    // Before it is used …
    let key = operator.key("alice", &[]);
    let of_key = ticket(&guarded, &key, &["general"], SSE).await;
    let used = ticket(&guarded, &key, &["general"], SSE).await;
    let mut stream = Stream::send(get(&guarded, path, &used)).await;
    let used = ticket(&guarded, &key, &["general"], WEBSOCKET).await;
    let request = upgrade(&guarded.server, "/api/v1/rooms/general/ws", &used);
    let mut socket = Socket::connect(request).await.expect("a socket opens");
    next_of(&mut stream, "message_history").await;
    operator.done(&["key", "delete", "1", "--user", "alice"]);
    refused(get(&guarded, path, &of_key), 401, "ticket_invalid").await;
    // … and after.
    assert_eq!(next_of(&mut stream, "error").await["code"], "invalid_token");
    let told = socket.until("the reason", |frame| frame["type"] == "error").await;
    assert_eq!(told["code"], "invalid_token");
    assert_eq!(within(DEADLINE, "the end", socket.next()).await, None);
    assert_eq!(socket.close_code, Some(4401));

    let of_disabled = ticket(&guarded, &operator.key("bob", &[]), &["general"], SSE).await;
    operator.done(&["user", "disable", "bob"]);
    refused(get(&guarded, path, &of_disabled), 401, "ticket_invalid").await;

    let token = guarded.token("dave", &["--for", "3s"]);
    let used = ticket(&guarded, &token, &["general"], SSE).await;
    let unused = ticket(&guarded, &token, &["general"], SSE).await;
    let mut stream = Stream::send(get(&guarded, path, &used)).await;
    assert_eq!(next_of(&mut stream, "error").await["code"], "token_expired");
    refused(get(&guarded, path, &unused), 401, "ticket_invalid").await;

    // What it may read is what the credential may.
    let narrow = operator.key("carol", &["--rooms", "team-*", "--can", "read"]);
    let elsewhere = ticket(&guarded, &narrow, &["general"], SSE).await;
    refused(get(&guarded, path, &elsewhere), 404, "not_found").await;
    let silent = ticket(&guarded, &narrow, &["team-a"], WEBSOCKET).await;
    let request = upgrade(&guarded.server, "/api/v1/rooms/team-a/ws", &silent);
    let mut socket = Socket::connect(request).await.expect("a socket opens");
    socket.send(&json!({"type": "chat_message", "message": "hi", "ref": "said"})).await;
    assert_eq!(socket.reply("said").await["code"], "forbidden");
}

#[tokio::test]
async fn a_ticket_is_made_for_rooms_that_nobody_looks_at() {
    let guarded = Guarded::with(&["--guests", "on"]).await;
    let (owner, alice) = (guarded.token("owner", &[]), guarded.token("alice", &[]));
    let private = guarded.request(Method::PUT, "/api/v1/rooms/hidden", &owner).json(&json!({"visibility": "private"}));
    assert_eq!(private.send().await.expect("an answer").status(), StatusCode::CREATED);
    for room in ["hidden", "nowhere"] {
        let made = ticket(&guarded, &alice, &[room], SSE).await;
        refused(get(&guarded, &format!("/api/v1/rooms/{room}/stream"), &made), 404, "not_found").await;
    }
    let body = json!({"rooms": ["general"], "transport": SSE});
    let guest = guarded.server.http().post(guarded.server.url("/api/v1/tickets")).json(&body);
    refused(guest, 401, "unauthenticated").await;
    let posting = guarded.token("alice", &["--can", "post"]);
    refused(make(&guarded, &posting, &["general"], SSE), 403, "forbidden").await;
    // As a form, too.
    let form = guarded.request(Method::POST, "/api/v1/tickets", &alice);
    let form = form.form(&[("rooms", "hidden,nowhere"), ("transport", SSE)]).send().await.expect("an answer");
    assert_eq!(form.status(), StatusCode::CREATED);
    for (body, fields) in [
        (json!({}), &["rooms", "transport"][..]),
        (json!({"rooms": "general", "transport": SSE}), &["rooms"]),
        (json!({"rooms": [], "transport": SSE}), &["rooms"]),
        (json!({"rooms": ["a b", 5], "transport": SSE}), &["rooms"]),
        (json!({"rooms": ["general"], "transport": "poll"}), &["transport"]),
        (json!({"rooms": ["general"], "transport": SSE, "for": "1h"}), &["for"]),
    ] {
        let bad = guarded.request(Method::POST, "/api/v1/tickets", &alice).json(&body).send().await;
        expect_problem(bad.expect("an answer"), 422, "invalid", fields).await;
    }
}

#[tokio::test]
async fn open_mode_has_no_tickets() {
    let server = Server::start().await;
    let body = json!({"rooms": ["general"], "transport": SSE});
    let asked = server.http().post(server.api("/tickets")).json(&body).send().await.expect("an answer");
    expect_problem(asked, 404, "not_found", &[]).await;
    // What is not known is passed over.
    let opened = server.http().get(server.api("/rooms/general/stream?ticket=x"));
    assert_eq!(Stream::send(opened).await.status, StatusCode::OK);
}
