//! Sockets that are open while a right to write is lost: reading goes on, and what is no longer allowed is refused.

use reqwest::Method;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;

use super::scene::Scene;
use crate::support::{reader::kind, socket::Socket};

const ROOM: &str = "/rooms/team";
const LATER: &str = "2999-01-01T00:00:00Z";

/// The socket of somebody who has written a message; its id.
async fn open(scene: &Scene, user: &str) -> (Socket, Value) {
    let url = format!("ws://{}/api/v1{ROOM}/ws?history=0", scene.guarded.server.addr());
    let mut request = url.into_client_request().expect("a request");
    request.headers_mut().insert("authorization", format!("Bearer {}", scene.token(user)).parse().expect("a header"));
    let mut socket = Socket::connect(request).await.expect("a socket opens");
    let posted = say(&mut socket, &json!({"type": "chat_message", "message": "hi"})).await;
    assert_eq!(posted["type"], "ack", "{posted}");
    (socket, posted["id"].clone())
}

async fn say(socket: &mut Socket, frame: &Value) -> Value {
    let mut frame = frame.clone();
    let reference = format!("{}", rand::random::<u64>());
    frame["ref"] = json!(reference);
    socket.send(&frame).await;
    socket.reply(&reference).await
}

/// The frames by which somebody writes. To delete what one has written is no writing.
fn writing(message: &Value) -> [Value; 4] {
    [
        json!({"type": "chat_message", "message": "more"}),
        json!({"type": "edit_message", "message_id": message, "new_content": "other"}),
        json!({"type": "react", "message_id": message, "emoji": "👍", "on": true}),
        json!({"type": "typing", "is_typing": true}),
    ]
}

#[tokio::test]
async fn who_is_muted_or_made_a_reader_writes_no_more_on_an_open_socket_and_reads_on() {
    let scene = Scene::with(&["olga", "max", "mike"]).await;
    for visibility in ["public", "private"] {
        scene
            .ok(
                "olga",
                Method::PUT,
                ROOM,
                Some(json!({"visibility": visibility})),
                if visibility == "public" { 201 } else { 200 },
            )
            .await;
        for (user, code, path, loss, undone) in [
            ("max", "muted", "mutes", json!({"until": LATER}), (Method::DELETE, None, 204)),
            (
                "mike",
                "forbidden",
                "members",
                json!({"role": "reader"}),
                (Method::PUT, Some(json!({"role": "member"})), 200),
            ),
        ] {
            scene.put("olga", &format!("{ROOM}/members/{user}"), json!({"role": "member"})).await;
            let (mut socket, message) = open(&scene, user).await;
            let path = format!("{ROOM}/{path}/{user}");
            scene.put("olga", &path, loss).await;
            // From the answer on, whichever frame comes.
            for frame in writing(&message) {
                let said = say(&mut socket, &frame).await;
                assert_eq!((&said["type"], &said["code"]), (&json!("error"), &json!(code)), "{user} {frame}: {said}");
            }
            let read = say(&mut socket, &json!({"type": "read", "last_read_id": message})).await;
            assert_eq!(read["type"], "ack", "{read}");
            let posts = format!("{ROOM}/messages");
            scene.ok("olga", Method::POST, &posts, Some(json!({"content": "still told"})), 201).await;
            let told = socket
                .until("a message", |frame| kind(frame) == "chat_message" && frame["message"]["username"] == "olga")
                .await;
            assert_eq!(told["message"]["content"], "still told");
            // And again what was allowed before, on the same socket.
            let (method, body, status) = undone;
            scene.ok("olga", method, &path, body, status).await;
            for frame in writing(&message) {
                let said = say(&mut socket, &frame).await;
                assert_eq!(said["type"], "ack", "{user} {frame}: {said}");
            }
            socket.close().await;
        }
    }
}
