//! Moderation, as the room and its audit tell of it: who deleted what, who may post, and an audit that only grows.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::scene::Scene;
use crate::support::problem::expect_problem;

const ROOM: &str = "/rooms/team";
const LATER: &str = "2999-01-01T00:00:00Z";

/// A room with an owner, a moderator, a member and a reader.
async fn with_room() -> Scene {
    let scene = Scene::with(&["olga", "mona", "max", "rita", "eve"]).await;
    scene.ok("olga", Method::PUT, ROOM, Some(json!({})), 201).await;
    for (user, role) in [("mona", "moderator"), ("max", "member"), ("rita", "reader")] {
        scene.put("olga", &format!("{ROOM}/members/{user}"), json!({"role": role})).await;
    }
    scene
}

fn content() -> Value {
    json!({"content": "hi"})
}

#[tokio::test]
async fn a_message_that_a_moderator_deletes_says_so_and_the_audit_does() {
    let scene = with_room().await;
    let posted = scene.ok("max", Method::POST, &format!("{ROOM}/messages"), Some(content()), 201).await;
    let own = scene.ok("max", Method::POST, &format!("{ROOM}/messages"), Some(content()), 201).await;
    let path = |message: &Value| format!("{ROOM}/messages/{}", message["id"]);
    let deleted = scene.ok("mona", Method::DELETE, &path(&posted), None, 200).await;
    assert_eq!((&deleted["username"], &deleted["content"]), (&json!("max"), &json!("")), "{deleted}");
    scene.ok("max", Method::DELETE, &path(&own), None, 200).await;
    // Again is no second time.
    scene.ok("olga", Method::DELETE, &path(&posted), None, 200).await;

    let polled = scene.ok("eve", Method::GET, &format!("{ROOM}/poll?since=0&types=message_deleted"), None, 200).await;
    let told: Vec<_> = polled["events"]
        .as_array()
        .expect("events")
        .iter()
        .map(|event| (event["message_id"].clone(), event["username"].clone()))
        .collect();
    assert_eq!(told, [(posted["id"].clone(), json!("mona")), (own["id"].clone(), json!("max"))]);
    // What one does to one's own messages is no act of a moderator.
    let audit = scene.ok("mona", Method::GET, &format!("{ROOM}/audit"), None, 200).await;
    let entries = audit["entries"].as_array().expect("entries");
    let of_messages: Vec<_> = entries.iter().filter(|entry| !entry["message_id"].is_null()).collect();
    assert_eq!(of_messages.len(), 1, "{audit}");
    let entry = of_messages[0];
    assert_eq!(
        (&entry["by"], &entry["act"], &entry["username"], &entry["message_id"], &entry["reason"]),
        (&json!("mona"), &json!("delete_message"), &json!("max"), &posted["id"], &Value::Null)
    );
    assert!(!audit.to_string().contains("hi\""), "of what was said there is nothing");
}

#[tokio::test]
async fn where_only_moderators_post_others_read() {
    let scene = with_room().await;
    let posted = scene.ok("max", Method::POST, &format!("{ROOM}/messages"), Some(content()), 201).await;
    scene.put("olga", ROOM, json!({"posting": "moderators"})).await;
    for user in ["max", "rita", "eve"] {
        scene.refused(user, Method::POST, &format!("{ROOM}/messages"), Some(content()), 403, "forbidden").await;
        let reply = Some(json!({"content": "hi", "reply_to": posted["id"]}));
        scene.refused(user, Method::POST, &format!("{ROOM}/messages"), reply, 403, "forbidden").await;
        scene.ok(user, Method::GET, &format!("{ROOM}/messages"), None, 200).await;
    }
    for user in ["mona", "olga", "admin"] {
        scene.ok(user, Method::POST, &format!("{ROOM}/messages"), Some(content()), 201).await;
    }
    scene.put("olga", ROOM, json!({"posting": "everyone"})).await;
    scene.ok("eve", Method::POST, &format!("{ROOM}/messages"), Some(content()), 201).await;
}

/// All of a list, page by page, each of which says where the next begins.
async fn paged(scene: &Scene, path: &str, list: &str, parameter: &str) -> Vec<Value> {
    let (mut all, mut query) = (Vec::new(), String::new());
    loop {
        let page = scene.ok("olga", Method::GET, &format!("{path}?limit=2{query}"), None, 200).await;
        let entries = page[list].as_array().expect("a list");
        assert!(entries.len() <= 2 && (!entries.is_empty() || page["next"].is_null()), "{page}");
        all.extend(entries.iter().cloned());
        let next = page["next"].as_str().map_or_else(|| page["next"].to_string(), str::to_owned);
        if page["next"].is_null() {
            return all;
        }
        query = format!("&{parameter}={next}");
    }
}

#[tokio::test]
async fn the_audit_only_grows_and_is_read_page_by_page_from_the_newest() {
    let scene = with_room().await;
    let mute = async |user: &str| {
        scene.put("mona", &format!("{ROOM}/mutes/{user}"), json!({"until": LATER})).await;
        scene.ok("mona", Method::DELETE, &format!("{ROOM}/mutes/{user}"), None, 204).await;
    };
    mute("max").await;
    mute("rita").await;
    let audit = format!("{ROOM}/audit");
    let before = paged(&scene, &audit, "entries", "before").await;
    assert_eq!(before.len(), 3 + 4, "{before:?}");
    let ids: Vec<_> = before.iter().map(|entry| entry["id"].as_i64().expect("an id")).collect();
    assert!(ids.windows(2).all(|two| two[0] > two[1]), "{ids:?}");
    let whole = scene.ok("olga", Method::GET, &audit, None, 200).await;
    assert_eq!((&whole["entries"], &whole["next"]), (&json!(before), &Value::Null));

    // More of it, whoever is gone since: what was there stays as it was.
    mute("max").await;
    scene.ok("olga", Method::DELETE, &format!("{ROOM}/members/mona"), None, 204).await;
    scene.ok("admin", Method::PATCH, "/users/mona", Some(json!({"disabled": true})), 200).await;
    let after = paged(&scene, &audit, "entries", "before").await;
    assert_eq!(after[after.len() - before.len()..], before);
    assert_eq!(after.len(), before.len() + 3);
    // Nobody changes it.
    for method in [Method::PUT, Method::POST, Method::PATCH, Method::DELETE] {
        for path in [&*audit, "/audit"] {
            for user in ["olga", "admin"] {
                let asked = scene.ask(user, method.clone(), path, None).await;
                expect_problem(asked, 405, "method_not_allowed", &[]).await;
            }
        }
    }
    assert_eq!(scene.ask("eve", Method::GET, &audit, None).await.status(), StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn the_bans_of_a_room_are_read_page_by_page_by_name() {
    let scene = with_room().await;
    assert_eq!(paged(&scene, &format!("{ROOM}/bans"), "bans", "after").await, Vec::<Value>::new());
    for user in ["rita", "eve", "max"] {
        scene.put("mona", &format!("{ROOM}/bans/{user}"), json!({"reason": user})).await;
    }
    let bans = paged(&scene, &format!("{ROOM}/bans"), "bans", "after").await;
    let told: Vec<_> = bans.iter().map(|ban| (&ban["username"], &ban["by"], &ban["reason"])).collect();
    let (mona, users) = (json!("mona"), ["eve", "max", "rita"].map(Value::from));
    assert_eq!(told, users.iter().map(|user| (user, &mona, user)).collect::<Vec<_>>());
}
