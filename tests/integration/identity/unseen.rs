//! Readers who give no name: a credential says who they are, and yet nobody sees them.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;

use super::{Guarded, scene::Scene};
use crate::support::{DEADLINE, reader::kind, socket::Socket, sse::Stream, within};

const ROOM: &str = "/rooms/general";

async fn socket(scene: &Scene, user: &str, query: &str) -> Socket {
    let url = format!("ws://{}/api/v1{ROOM}/ws?{query}", scene.guarded.server.addr());
    let mut request = url.into_client_request().expect("a request");
    request.headers_mut().insert("authorization", format!("Bearer {}", scene.token(user)).parse().expect("a header"));
    Socket::connect(request).await.expect("a socket opens")
}

async fn present(scene: &Scene) -> Vec<Value> {
    let presence = scene.ok("olga", Method::GET, &format!("{ROOM}/presence"), None, 200).await;
    presence["users"].as_array().expect("users").iter().map(|user| user["username"].clone()).collect()
}

#[tokio::test]
async fn who_reads_without_giving_the_name_is_seen_by_nobody_until_it_is_given() {
    let scene = Scene::on(Guarded::with(&["--presence-grace=50ms"]).await, &["olga", "max"]).await;
    let get = |path: &str| scene.guarded.request(Method::GET, &format!("/api/v1{path}"), &scene.token("max"));
    let mut watching = socket(&scene, "olga", "types=user_status,chat_message&history=0").await;
    let mut one = Stream::send(get(&format!("{ROOM}/stream"))).await;
    let mut several = Stream::send(get("/stream?rooms=general")).await;
    for stream in [&mut one, &mut several] {
        assert_eq!(stream.status, StatusCode::OK);
        let first = within(DEADLINE, "a frame", stream.next()).await.expect("a frame");
        assert!(first.data.contains("message_history"), "{first:?}");
    }
    let poll = get(&format!("{ROOM}/poll?since=0&wait=0")).send().await.expect("an answer");
    assert_eq!(poll.status(), StatusCode::OK);
    let mut nameless = socket(&scene, "max", "history=0").await;
    // It speaks as its user, and is not there for that.
    nameless.send(&json!({"type": "chat_message", "message": "hi", "ref": "said"})).await;
    assert_eq!(nameless.reply("said").await["type"], "ack");
    let first = watching.until("anything new", |frame| kind(frame) != "message_history").await;
    assert_eq!((kind(&first), &first["message"]["username"]), ("chat_message", &json!("max")), "nobody came");
    assert_eq!(present(&scene).await, Vec::<Value>::new());
    // Under its own name it comes, and under no other.
    nameless.send(&json!({"type": "user_join", "username": "olga", "ref": "as another"})).await;
    assert_eq!(nameless.reply("as another").await["code"], "forbidden");
    assert_eq!(present(&scene).await, Vec::<Value>::new());
    nameless.send(&json!({"type": "user_join", "username": "MAX", "ref": "as oneself"})).await;
    assert_eq!(nameless.reply("as oneself").await["type"], "ack");
    let came = watching.until("somebody", |frame| kind(frame) == "user_status").await;
    assert_eq!((&came["username"], &came["status"]), (&json!("max"), &json!("online")));
    assert_eq!(present(&scene).await, [json!("max")]);
    nameless.close().await;
    let gone = watching.until("that they go", |frame| kind(frame) == "user_status").await;
    assert_eq!(gone["status"], "offline", "the other readers were not seen, and keep nobody here");
    let refused = get(&format!("{ROOM}/stream?username=olga")).send().await.expect("an answer");
    assert_eq!(refused.status(), StatusCode::FORBIDDEN);
}
