//! `auth_expiring`, and streams and sockets that go on by another credential.

use std::sync::Arc;

use parlor::{
    clock::Clock,
    config::{IdentityConfig, RoomCreation, StoreConfig},
    domain::{name::Username, stream_id::StreamId},
    identity::{authenticator::Authenticator, jwt_key::JwtKeys},
    store::Store,
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;

use super::Guarded;
use crate::support::{
    DEADLINE, Server, problem::expect_problem, server::json_of, socket::Socket, sse::Stream, users::Operator, within,
};

const STREAM: &str = "/api/v1/rooms/general/stream";

pub(super) async fn open(guarded: &Guarded, path: &str, credential: &str) -> Stream {
    let stream = Stream::send(guarded.request(Method::GET, path, credential)).await;
    assert_eq!(stream.status, StatusCode::OK, "{path}");
    stream
}

async fn socket(guarded: &Guarded, credential: &str) -> Socket {
    let url = format!("ws://{}/api/v1/rooms/general/ws?types=chat_message", guarded.server.addr());
    let mut request = url.into_client_request().expect("a request");
    request.headers_mut().insert("authorization", format!("Bearer {credential}").parse().expect("a header"));
    Socket::connect(request).await.expect("a socket opens")
}

pub(super) async fn next_of(stream: &mut Stream, wanted: &str) -> Value {
    let search = async {
        loop {
            let frame = stream.next().await.unwrap_or_else(|| panic!("the stream ends before {wanted}"));
            let event: Value = serde_json::from_str(&frame.data).expect("JSON");
            if event["type"] == wanted {
                assert!(wanted != "auth_expiring" || frame.id.is_none(), "it moves no cursor");
                return event;
            }
        }
    };
    within(DEADLINE, wanted, search).await
}

/// The types of all that comes until the end, and the last event.
async fn to_the_end(stream: &mut Stream) -> (Vec<Value>, Value) {
    let rest = async {
        let (mut types, mut last) = (Vec::new(), Value::Null);
        while let Some(frame) = stream.next().await {
            last = serde_json::from_str(&frame.data).expect("JSON");
            types.push(last["type"].clone());
        }
        (types, last)
    };
    within(DEADLINE, "the end", rest).await
}

/// The name in a warning.
fn name(warning: &Value) -> String {
    warning["stream"].as_str().expect("a name").to_owned()
}

async fn extend(guarded: &Guarded, stream: &str, credential: &str) -> Value {
    let path = format!("/api/v1/streams/{stream}/token");
    let answer = guarded.request(Method::POST, &path, credential).send().await.expect("an answer");
    json_of(answer, StatusCode::OK).await
}

#[tokio::test]
async fn who_is_told_of_the_end_goes_on_by_another_credential() {
    let guarded = Guarded::with_rooms(&[]).await;
    let (bob, short) = (guarded.token("bob", &[]), guarded.token("alice", &["--for", "6s"]));
    let mut stream = open(&guarded, &format!("{STREAM}?types=typing_indicator,chat_message"), &short).await;
    let mut rooms = open(&guarded, "/api/v1/stream?rooms=general,team-a", &short).await;
    let mut socket = socket(&guarded, &short).await;
    let mut left = open(&guarded, STREAM, &short).await;

    let me = guarded.request(Method::GET, "/api/v1/me", &short).send().await.expect("an answer");
    let expires_at = json_of(me, StatusCode::OK).await["expires_at"].clone();
    let mut names = Vec::new();
    for stream in [&mut stream, &mut rooms] {
        let told = next_of(stream, "auth_expiring").await;
        assert_eq!(told, json!({"type": "auth_expiring", "stream": name(&told), "expires_at": expires_at}));
        names.push(name(&told));
    }
    names.push(name(&socket.until("the news", |event| event["type"] == "auth_expiring").await));
    let long = guarded.token("alice", &[]);
    for name in &names {
        let extended = extend(&guarded, name, &long).await;
        assert_eq!(extended["stream"], **name);
        assert!(extended["expires_at"].as_str() > expires_at.as_str(), "{extended}");
    }

    // By now the first credential is over.
    let (types, last) = to_the_end(&mut left).await;
    assert_eq!(last["code"], "token_expired", "{last}");
    assert_eq!(types.iter().filter(|kind| **kind == "auth_expiring").count(), 1, "{types:?}");
    guarded.post("general", &bob, "still here").await;
    for stream in [&mut stream, &mut rooms] {
        assert_eq!(next_of(stream, "chat_message").await["message"]["content"], "still here");
    }
    socket.until("a message", |event| event["type"] == "chat_message").await;
    socket.send(&json!({"type": "chat_message", "message": "by alice", "ref": "said"})).await;
    assert_eq!(socket.reply("said").await["type"], "ack", "its frames are by the new one");
    guarded.post("team-a", &bob, "here as well").await;
    assert_eq!(next_of(&mut rooms, "chat_message").await["message"]["content"], "by alice");
    assert_eq!(next_of(&mut rooms, "chat_message").await["message"]["content"], "here as well");
}

#[tokio::test]
async fn a_stream_that_goes_on_ends_with_the_credential_that_followed() {
    let guarded = Guarded::with_rooms(&[]).await;
    let operator = Operator::of(&guarded.server);
    operator.add_user(&["alice"]);
    let first = operator.key("alice", &["--for", "50s"]);
    let second = operator.key("alice", &["--can", "read", "--rooms", "general"]);
    let mut stream = open(&guarded, STREAM, &first).await;
    let mut rooms = open(&guarded, "/api/v1/stream?rooms=general,team-a", &first).await;
    let mut socket = socket(&guarded, &first).await;
    let names = [
        name(&next_of(&mut stream, "auth_expiring").await),
        name(&next_of(&mut rooms, "auth_expiring").await),
        name(&socket.until("the news", |event| event["type"] == "auth_expiring").await),
    ];
    for name in &names {
        assert_eq!(extend(&guarded, name, &second).await["expires_at"], Value::Null);
    }
    // The second is not for the other room, and allows no post.
    let lost = next_of(&mut rooms, "error").await;
    assert_eq!((&lost["room"], &lost["code"]), (&json!("team-a"), &json!("not_found")));
    let followed = async {
        loop {
            socket.send(&json!({"type": "chat_message", "message": "by alice", "ref": "said"})).await;
            let reply = socket.reply("said").await;
            if reply["type"] == "error" {
                break reply;
            }
        }
    };
    assert_eq!(within(DEADLINE, "the second is in force", followed).await["code"], "forbidden");

    // Of the first one nothing depends on any more, of the second all.
    operator.done(&["key", "delete", "1", "--user", "alice"]);
    let probe = guarded.request(Method::GET, "/api/v1/me", &first).send().await.expect("an answer");
    assert_eq!(probe.status(), StatusCode::UNAUTHORIZED);
    guarded.post("general", &guarded.token("bob", &[]), "still here").await;
    for stream in [&mut stream, &mut rooms] {
        while next_of(stream, "chat_message").await["message"]["content"] != "still here" {}
    }
    operator.done(&["key", "delete", "2", "--user", "alice"]);
    for stream in [&mut stream, &mut rooms] {
        assert_eq!(to_the_end(stream).await.1["code"], "invalid_token");
    }
    let told = socket.until("the reason", |event| event["type"] == "error").await;
    assert_eq!(told["code"], "invalid_token");
    while within(DEADLINE, "the end", socket.next()).await.is_some() {}
    assert_eq!(socket.close_code, Some(4401));
}

#[tokio::test]
async fn a_stream_goes_on_by_a_credential_of_its_user_only() {
    let guarded = Guarded::with_rooms(&[]).await;
    let short = guarded.token("alice", &["--for", "50s"]);
    let mut stream = open(&guarded, STREAM, &short).await;
    let stream = name(&next_of(&mut stream, "auth_expiring").await);
    let (alice, bob) = (guarded.token("alice", &[]), guarded.token("bob", &[]));
    let ask = async |stream: &str, credential: Option<&str>, body: Option<Value>| {
        let url = guarded.server.url(&format!("/api/v1/streams/{stream}/token"));
        let mut request = guarded.server.http().post(url);
        if let Some(credential) = credential {
            request = request.bearer_auth(credential);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        request.send().await.expect("an answer")
    };
    let token = |token: &str| Some(json!({"token": token}));
    // Somebody else's is as one that is not there.
    let mut told = Vec::new();
    for (stream, credential, body) in [
        (stream.as_str(), Some(&bob), None),
        (&"a".repeat(32), Some(&bob), None),
        ("x", Some(&bob), None),
        (&stream, None, token(&bob)),
        (&stream, Some(&alice), token(&bob)),
        (&stream[..31], Some(&alice), None),
    ] {
        let refused = ask(stream, credential.map(String::as_str), body).await;
        let mut problem = expect_problem(refused, 404, "not_found", &[]).await;
        problem.as_object_mut().expect("an object").remove("request_id");
        told.push(problem);
    }
    told.dedup();
    assert_eq!(told.len(), 1, "{told:?}");

    expect_problem(ask(&stream, None, None).await, 401, "unauthenticated", &[]).await;
    expect_problem(ask(&stream, Some("nonsense"), token(&alice)).await, 401, "invalid_token", &[]).await;
    let ticket = format!("plt_{}", "0".repeat(43));
    for nonsense in ["", "nonsense", "plr_nonsense", &ticket] {
        expect_problem(ask(&stream, Some(&alice), token(nonsense)).await, 401, "invalid_token", &[]).await;
    }
    let blind = guarded.token("alice", &["--can", "post"]);
    expect_problem(ask(&stream, None, token(&blind)).await, 403, "forbidden", &[]).await;
    for (body, fields) in [(json!({"token": 5}), ["token"]), (json!({"jwt": alice}), ["jwt"])] {
        expect_problem(ask(&stream, Some(&alice), Some(body)).await, 422, "invalid", &fields).await;
    }
    // A page may send it with nothing but the new one.
    for (credential, body) in [(None, token(&alice)), (Some(&alice), None), (Some(&short), token(&alice))] {
        let taken = ask(&stream, credential.map(String::as_str), body).await;
        assert_eq!(taken.status(), StatusCode::OK, "{taken:?}");
    }
    let open = Server::start().await;
    let absent = open.http().post(open.api(&format!("/streams/{stream}/token"))).send().await.expect("an answer");
    expect_problem(absent, 404, "not_found", &[]).await;
}

#[tokio::test]
async fn a_credential_that_ends_sooner_changes_nothing_and_a_poll_is_not_told() {
    let guarded = Guarded::with_rooms(&[]).await;
    let short = guarded.token("alice", &["--for", "8s"]);
    let sooner = guarded.token("alice", &["--for", "6s"]);
    let poll = guarded.request(Method::GET, "/api/v1/rooms/general/poll?wait=20", &short).send();
    let page = json_of(poll.await.expect("an answer"), StatusCode::OK).await;
    let types: Vec<_> = page["events"].as_array().expect("events").iter().map(|event| &event["type"]).collect();
    assert!(!types.is_empty() && types.iter().all(|kind| **kind != "auth_expiring"), "{types:?}");
    let mut stream = open(&guarded, STREAM, &short).await;
    let mut first = open(&guarded, STREAM, &sooner).await;
    let told = next_of(&mut stream, "auth_expiring").await;
    extend(&guarded, &name(&told), &sooner).await;
    assert_eq!(to_the_end(&mut first).await.1["code"], "token_expired");
    guarded.post("general", &guarded.token("bob", &[]), "still here").await;
    assert_eq!(next_of(&mut stream, "chat_message").await["message"]["content"], "still here");
    assert_eq!(to_the_end(&mut stream).await.1["code"], "token_expired");
}

/// The same row as another node writes.
#[tokio::test]
async fn a_stream_goes_on_by_what_another_node_was_given() {
    let guarded = Guarded::with_rooms(&[]).await;
    let operator = Operator::of(&guarded.server);
    operator.add_user(&["alice"]);
    let (first, second) = (operator.key("alice", &["--for", "6s"]), operator.key("alice", &[]));
    let mut stream = open(&guarded, STREAM, &first).await;
    let mut left = open(&guarded, STREAM, &first).await;
    let told = name(&next_of(&mut stream, "auth_expiring").await);

    let url = guarded.server.database_url();
    let config = StoreConfig { url: url.into(), fsync: true, migrate: false, revisions: 0 };
    let (store, writer) = Store::open_beside(&config).await.unwrap_or_else(|error| panic!("{error}"));
    let keys = JwtKeys::load(&IdentityConfig::default().jwt).expect("no keys");
    let node = Authenticator::new(store, Arc::new(writer), keys, Clock::system(), RoomCreation::Everyone, DEADLINE);
    let actor = node.actor(&second).await.expect("a good key");
    let user = Username::parse("alice").expect("a name");
    let told = StreamId::parse(&told, user.key()).expect("a name of alice's");
    node.renew(&told, actor.grant().expect("a grant"), DEADLINE).await.expect("it is written");

    assert_eq!(to_the_end(&mut left).await.1["code"], "token_expired");
    guarded.post("general", &guarded.token("bob", &[]), "still here").await;
    assert_eq!(next_of(&mut stream, "chat_message").await["message"]["content"], "still here");
}
