//! A room's log, as those see it who come later: by being added, or by the room going public.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{Guarded, scene::Scene};
use crate::support::server::json_of;

const ROOM: &str = "/rooms/team";

/// The events and the messages of the room, from its first on, and the messages that a search finds.
async fn whole(scene: &Scene, user: &str) -> (Value, Value, Value) {
    let get = async |path: &str| scene.ok(user, Method::GET, &format!("{ROOM}{path}"), None, 200).await;
    let (events, messages) = (get("/poll?since=0").await, get("/messages?after=0").await);
    (events["events"].clone(), messages["messages"].clone(), get("/search?q=plan").await["messages"].clone())
}

#[tokio::test]
async fn who_comes_later_sees_all_that_was_said_before_and_so_does_everybody_once_it_is_public() {
    let scene = Scene::on(Guarded::with(&["--guests", "on"]).await, &["olga", "max", "nora", "eve"]).await;
    scene.ok("olga", Method::PUT, ROOM, Some(json!({"visibility": "private"})), 201).await;
    let post = async |user: &str, text: &str| {
        scene.ok(user, Method::POST, &format!("{ROOM}/messages"), Some(json!({"content": text})), 201).await["id"]
            .clone()
    };
    let first = post("olga", "the first plan").await;
    scene.put("olga", &format!("{ROOM}/members/max"), json!({"role": "member"})).await;
    post("max", "a better plan").await;
    let change = Some(json!({"content": "the first plan, changed"}));
    scene.ok("olga", Method::PATCH, &format!("{ROOM}/messages/{first}"), change, 200).await;
    scene.ok("max", Method::DELETE, &format!("{ROOM}/members/max"), None, 204).await;
    post("olga", "no plan").await;
    let of_olga = whole(&scene, "olga").await;
    assert_eq!(of_olga.0.as_array().map(Vec::len), Some(6), "{}", of_olga.0);
    assert_eq!(of_olga.2.as_array().map(Vec::len), Some(3), "{}", of_olga.2);

    scene.refused("nora", Method::GET, &format!("{ROOM}/messages"), None, 404, "not_found").await;
    scene.put("olga", &format!("{ROOM}/members/nora"), json!({"role": "reader"})).await;
    assert_eq!(whole(&scene, "nora").await, whole(&scene, "olga").await);
    let revisions = format!("{ROOM}/messages/{first}/revisions");
    let before = scene.ok("olga", Method::GET, &revisions, None, 200).await;
    assert_eq!(scene.ok("nora", Method::GET, &revisions, None, 200).await, before);

    for outsider in ["eve", "max", "admin"] {
        scene.refused(outsider, Method::GET, ROOM, None, 404, "not_found").await;
    }
    scene.put("olga", ROOM, json!({"visibility": "public"})).await;
    let of_olga = whole(&scene, "olga").await;
    for anybody in ["eve", "max", "admin"] {
        assert_eq!(whole(&scene, anybody).await, of_olga, "{anybody}");
        assert_eq!(scene.ok(anybody, Method::GET, &revisions, None, 200).await, before);
        let listed = scene.ok(anybody, Method::GET, "/rooms", None, 200).await;
        assert!(listed.to_string().contains("\"team\""), "{listed}");
    }
    let server = &scene.guarded.server;
    let by_guest = json_of(server.get(&format!("{ROOM}/messages?after=0")).await, StatusCode::OK).await;
    assert_eq!(by_guest["messages"], of_olga.1);
    // And nobody else does once it is private again.
    scene.put("olga", ROOM, json!({"visibility": "private"})).await;
    for outsider in ["eve", "max", "admin"] {
        scene.refused(outsider, Method::GET, ROOM, None, 404, "not_found").await;
    }
    assert_eq!(server.get(&format!("{ROOM}/messages")).await.status(), StatusCode::NOT_FOUND);
    assert_eq!(whole(&scene, "nora").await, whole(&scene, "olga").await);
}
