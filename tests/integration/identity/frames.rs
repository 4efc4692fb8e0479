//! Every frame of a socket by every kind of actor: allowed exactly what the policy's table says.

use parlor::{domain::denied::Denied, http::operations};
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::{self, client::IntoClientRequest as _};

use super::{
    Guarded,
    matrix::{ROOMS, Tried, actors, decide, posted},
};
use crate::support::{server::json_of, socket::Socket};

/// A sample of each frame that a client may send, from the document.
async fn frames(guarded: &Guarded) -> Vec<Value> {
    let answer = guarded.server.http().get(guarded.server.url("/openapi.json")).send().await.expect("an answer");
    let document = json_of(answer, StatusCode::OK).await;
    let mapping = document["components"]["schemas"]["ClientFrame"]["discriminator"]["mapping"].clone();
    let places = mapping.as_object().expect("a mapping").values();
    let sample = |place: &Value| {
        let schema = document.pointer(place.as_str().expect("a place").trim_start_matches('#')).expect("a schema");
        schema["examples"][0].clone()
    };
    places.map(sample).collect()
}

/// The socket of a room; the status of the refusal if there is none.
async fn open(guarded: &Guarded, tried: &Tried, room: &str) -> Result<Socket, u16> {
    let url = format!("ws://{}/api/v1/rooms/{room}/ws", guarded.server.addr());
    let mut request = url.into_client_request().expect("a request");
    if let Some(cookie) = tried.credential.as_ref().filter(|_| tried.is_signed_in()) {
        request.headers_mut().insert("cookie", cookie.parse().expect("a header"));
        let own = format!("http://{}", guarded.server.addr()).parse().expect("a header");
        request.headers_mut().insert("origin", own);
    } else if let Some(credential) = &tried.credential {
        let value = format!("Bearer {credential}").parse().expect("a header");
        request.headers_mut().insert("authorization", value);
    }
    Socket::connect(request).await.map_err(|error| match error {
        tungstenite::Error::Http(answer) => answer.status().as_u16(),
        error => panic!("{}: {error}", tried.name),
    })
}

#[tokio::test]
async fn each_frame_is_allowed_to_each_actor_exactly_as_the_table_says() {
    use parlor::domain::policy::Act;

    let guarded = Guarded::with(&["--guests", "on", "--accounts", "open"]).await;
    let all = actors(&guarded).await;
    let author = guarded.token("author", &[]);
    let frames = frames(&guarded).await;
    assert!(frames.len() >= 7, "{frames:?}");
    for tried in &all {
        for (room, visibility) in ROOMS {
            let decided = |act| {
                let decided = decide(tried, act, Some((room, visibility)), tried.membership.as_ref());
                if tried.is_refused { Err(Denied::Revoked) } else { decided }
            };
            let mut socket = match (open(&guarded, tried, room).await, decided(Act::ReadRoom)) {
                (Ok(socket), Ok(())) => socket,
                (Err(status), Err(denied)) => {
                    assert_eq!(status, denied.words().0, "{} in {room}", tried.name);
                    continue;
                }
                (opened, decided) => panic!("{} in {room}: {:?}, {decided:?}", tried.name, opened.err()),
            };
            for frame in &frames {
                let kind = frame["type"].as_str().expect("a type");
                let act = operations::frame_act(kind).unwrap_or_else(|| panic!("the frame {kind} has no act"));
                let mut frame = frame.clone();
                frame["ref"] = json!("this");
                if frame.get("username").is_some() {
                    frame["username"] = json!(tried.name);
                }
                if frame.get("message_id").is_some() {
                    frame["message_id"] = json!(posted(&guarded, &author, room).await);
                }
                if kind == "read" {
                    frame["last_read_id"] = json!(0);
                }
                socket.send(&frame).await;
                let reply = socket.reply("this").await;
                let what = format!("{} in {room}: {frame} {reply}", tried.name);
                match decided(act) {
                    Ok(()) => assert_eq!(reply["type"], "ack", "{what}"),
                    Err(denied) => assert_eq!(reply["code"], denied.words().1, "{what}"),
                }
            }
            socket.close().await;
        }
    }
}
