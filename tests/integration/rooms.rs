//! Rooms: made, changed, listed by name.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::{Server, server::json_of};

#[tokio::test]
async fn a_room_is_made_once_and_then_changed() {
    let server = Server::start().await;
    assert_eq!(server.get("/rooms/plans").await.status(), 404);
    let put =
        async |body: Value| server.http().put(server.api("/rooms/plans")).json(&body).send().await.expect("an answer");

    let made = json_of(put(json!({"title": "Plans", "topic": "t"})).await, StatusCode::CREATED).await;
    assert_eq!((&made["name"], &made["title"], &made["topic"]), (&json!("plans"), &json!("Plans"), &json!("t")));
    assert_eq!((&made["head"], &made["online"]), (&json!(0), &json!(0)));
    assert!(made["created_at"].is_string());
    assert_eq!(server.get_json("/rooms/plans").await, made);

    assert_eq!(json_of(put(json!({})).await, StatusCode::OK).await, made);
    let changed = json_of(put(json!({"title": "Holidays"})).await, StatusCode::OK).await;
    assert_eq!((&changed["title"], &changed["topic"], &changed["head"]), (&json!("Holidays"), &json!("t"), &json!(1)));
    assert_eq!(changed["created_at"], made["created_at"]);
    assert_eq!(server.get_json("/rooms/plans").await, changed);

    // As everywhere, the user who acts may be named here or there, but not two.
    assert_eq!(json_of(put(json!({"username": "Alice"})).await, StatusCode::OK).await, changed);
    let by = async |body: Value| {
        let put = server.http().put(server.api("/rooms/plans?username=Alice"));
        put.json(&body).send().await.expect("an answer").status()
    };
    assert_eq!(by(json!({})).await, StatusCode::OK);
    assert_eq!(by(json!({"username": "Bob"})).await, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(put(json!({"username": "\u{200b}"})).await.status(), StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn the_first_post_makes_the_room() {
    let server = Server::start().await;
    server.post("fresh", "Alice", "hi").await;
    let room = server.get_json("/rooms/fresh").await;
    assert_eq!((&room["name"], &room["title"], &room["head"]), (&json!("fresh"), &json!(""), &json!(1)));
}

#[tokio::test]
async fn a_room_says_when_something_was_last_said() {
    let server = Server::start().await;
    let last = |room: &Value| room["last_message_at"].clone();
    assert_eq!(last(&server.put_room("quiet", &json!({"title": "Quiet"})).await), Value::Null);
    assert_eq!(last(&server.get_json("/rooms/quiet").await), Value::Null);
    for room in ["busy", "other"] {
        server.post_many(room, "Alice", 3).await;
    }
    let newest = server.post("busy", "Alice", "the newest").await["timestamp"].clone();
    assert!(newest.is_string());
    // What is no message is nothing said.
    assert_eq!(last(&server.put_room("busy", &json!({"title": "Busy"})).await), newest);
    assert_eq!(last(&server.get_json("/rooms/busy").await), newest);
    let page = server.get_json("/rooms").await;
    let listed = page["rooms"].as_array().expect("rooms");
    let of = |name: &str| listed.iter().find(|room| room["name"] == name).expect("it is listed").clone();
    let others = server.messages("other").await;
    assert_eq!(last(&of("busy")), newest);
    assert_eq!(last(&of("other")), others[2]["timestamp"], "of its own room");
    assert_eq!(last(&of("quiet")), Value::Null);
    assert_eq!(of("busy"), server.get_json("/rooms/busy").await, "the same as by itself");

    let delete = server.http().delete(server.api("/rooms/busy/messages/4?username=Alice")).send().await;
    assert_eq!(delete.expect("an answer").status(), StatusCode::OK);
    assert_eq!(last(&server.get_json("/rooms/busy").await), newest, "it was said then, and stays in its place");
}

#[tokio::test]
async fn rooms_are_paged_by_name() {
    let server = Server::start().await;
    for room in ["b", "a", "d", "c", "B", "e"] {
        server.put_room(room, &json!({})).await;
    }
    let (mut names, mut after, mut pages) = (Vec::new(), String::new(), 0);
    loop {
        let page = server.get_json(&format!("/rooms?limit=4{after}")).await;
        let rooms = page["rooms"].as_array().expect("rooms");
        assert!(rooms.len() <= 4);
        names.extend(rooms.iter().map(|room| room["name"].as_str().expect("a name").to_owned()));
        pages += 1;
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => break,
        }
    }
    // `general` may be there from the start.
    names.retain(|name| name != "general");
    assert_eq!(names, ["B", "a", "b", "c", "d", "e"]);
    assert!(pages >= 2);
}
