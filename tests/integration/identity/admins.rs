//! Admins and private rooms: those without an able owner are theirs, others they see once they have added themselves,
//! direct ones never.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{Guarded, scene::Scene};
use crate::support::{
    DEADLINE, Server, browser::Browser, problem::expect_problem, sse::Stream, users::Operator, within,
};

const ROOM: &str = "/rooms/team";

/// A server that looks often at who has lost a right, with a private room of olga's that max is a member of.
async fn with_room() -> Scene {
    let guarded = Guarded::with(&["--revocation-interval=100ms"]).await;
    let scene = Scene::on(guarded, &["olga", "otto", "max", "admin"]).await;
    scene.ok("olga", Method::PUT, ROOM, Some(json!({"visibility": "private"})), 201).await;
    scene.put("olga", "/rooms/team/members/max", json!({"role": "member"})).await;
    scene
}

async fn stream(scene: &Scene, user: &str) -> Stream {
    let request = scene.guarded.request(Method::GET, "/api/v1/rooms/team/stream?since=0", &scene.token(user));
    let stream = Stream::send(request).await;
    assert_eq!(stream.status, StatusCode::OK);
    stream
}

/// The first event of a type; or the end of the stream.
async fn next_of(stream: &mut Stream, wanted: &str) -> Value {
    let search = async {
        while let Some(frame) = stream.next().await {
            let event: Value = serde_json::from_str(&frame.data).expect("JSON");
            if event["type"] == wanted {
                return event;
            }
        }
        panic!("the stream ended");
    };
    within(DEADLINE, wanted, search).await
}

async fn hidden(scene: &Scene, user: &str, path: &str) {
    expect_problem(scene.ask(user, Method::GET, path, None).await, 404, "not_found", &[]).await;
}

#[tokio::test]
async fn an_admin_sees_a_private_room_after_adding_themselves_which_its_members_are_told() {
    let scene = with_room().await;
    let mut of_max = stream(&scene, "max").await;
    hidden(&scene, "admin", ROOM).await;
    let member = Some(json!({"role": "member"}));
    // Neither others, nor somebody else's admin, nor a credential of theirs without the right.
    for user in ["otto", "max"] {
        let answer = scene.ask("admin", Method::PUT, &format!("{ROOM}/members/{user}"), member.clone()).await;
        expect_problem(answer, 404, "not_found", &[]).await;
    }
    let plain = scene.guarded.token("admin", &["--can", "read,post,moderate"]);
    let add =
        scene.guarded.request(Method::PUT, "/api/v1/rooms/team/members/admin", &plain).json(&json!({"role": "owner"}));
    expect_problem(add.send().await.expect("an answer"), 404, "not_found", &[]).await;
    let nowhere = scene.ask("admin", Method::PUT, "/rooms/nowhere/members/admin", member.clone()).await;
    expect_problem(nowhere, 404, "not_found", &[]).await;

    let added = scene.put("admin", "/rooms/team/members/ADMIN", json!({"role": "reader"})).await;
    assert_eq!((&added["username"], &added["role"]), (&json!("admin"), &json!("reader")));
    loop {
        let told = next_of(&mut of_max, "member_joined").await;
        if told["username"] == "admin" {
            assert_eq!((&told["by"], &told["role"]), (&json!("admin"), &json!("reader")));
            break;
        }
    }
    scene.ok("admin", Method::GET, ROOM, None, 200).await;
    let audit = scene.ok("olga", Method::GET, "/rooms/team/audit?limit=1", None, 200).await;
    let entry = &audit["entries"][0];
    assert_eq!(
        (&entry["by"], &entry["act"], &entry["username"]),
        (&json!("admin"), &json!("set_member"), &json!("admin"))
    );
    // As what they added themselves, until they make more of it.
    let post = Some(json!({"content": "hi"}));
    scene.refused("admin", Method::POST, "/rooms/team/messages", post.clone(), 403, "forbidden").await;
    scene.put("admin", "/rooms/team/members/admin", json!({"role": "owner"})).await;
    scene.ok("admin", Method::POST, "/rooms/team/messages", post, 201).await;
    scene.ok("admin", Method::DELETE, "/rooms/team/members/admin", None, 204).await;
    hidden(&scene, "admin", ROOM).await;
    // The audit of all rooms tells admins which there are.
    assert_eq!(scene.ok("admin", Method::GET, "/audit?limit=1", None, 200).await["entries"][0]["room"], "team");
}

#[tokio::test]
async fn nobody_is_added_to_a_direct_room() {
    let scene = with_room().await;
    let direct = scene.ok("olga", Method::PUT, "/dms/max", None, 201).await;
    let own = scene.ok("admin", Method::PUT, "/dms/max", None, 201).await;
    let path = |room: &Value| format!("/rooms/{}/members/admin", room["name"].as_str().expect("a name"));
    let member = Some(json!({"role": "owner"}));
    scene.refused("admin", Method::PUT, &path(&direct), member.clone(), 404, "not_found").await;
    let answer = scene.ask("admin", Method::PUT, &path(&own), member).await;
    let problem = expect_problem(answer, 403, "forbidden", &[]).await;
    assert!(problem["detail"].as_str().is_some_and(|detail| detail.contains("two people")), "{problem}");
    // Also when neither of the two is able to see to it.
    for user in ["olga", "max"] {
        scene.ok("admin", Method::PATCH, &format!("/users/{user}"), Some(json!({"disabled": true})), 200).await;
    }
    hidden(&scene, "admin", &format!("/rooms/{}", direct["name"].as_str().expect("a name"))).await;
    let audit = scene.ok("admin", Method::GET, "/audit", None, 200).await;
    assert!(!audit.to_string().contains("dm-"), "{audit}");
}

#[tokio::test]
async fn a_room_whose_owners_are_all_disabled_is_the_admins_until_one_is_back() {
    let scene = with_room().await;
    scene.put("olga", "/rooms/team/members/otto", json!({"role": "owner"})).await;
    let disable = async |user: &str, disabled: bool| {
        scene.ok("admin", Method::PATCH, &format!("/users/{user}"), Some(json!({"disabled": disabled})), 200).await;
    };
    disable("olga", true).await;
    hidden(&scene, "admin", ROOM).await;
    // Otto is the last who is able, whoever else is called an owner.
    scene.refused("otto", Method::DELETE, "/rooms/team/members/otto", None, 409, "last_owner").await;
    let member = Some(json!({"role": "member"}));
    scene.refused("otto", Method::PUT, "/rooms/team/members/otto", member.clone(), 409, "last_owner").await;
    disable("otto", true).await;
    assert_eq!(scene.ok("admin", Method::GET, ROOM, None, 200).await["role"], json!(null));
    scene.refused("max", Method::PUT, "/rooms/team/members/admin", member.clone(), 403, "forbidden").await;
    scene.put("admin", "/rooms/team/members/max", json!({"role": "moderator"})).await;
    let mut of_admin = stream(&scene, "admin").await;
    let mut of_max = stream(&scene, "max").await;

    disable("olga", false).await;
    let told = next_of(&mut of_admin, "error").await;
    assert_eq!((&told["room"], &told["status"]), (&json!("team"), &json!(404)));
    assert!(within(DEADLINE, "the end", of_admin.next()).await.is_none());
    hidden(&scene, "admin", ROOM).await;
    let promote = Some(json!({"role": "owner"}));
    scene.refused("admin", Method::PUT, "/rooms/team/members/max", promote.clone(), 404, "not_found").await;

    // An owner whom the admin makes is one to leave the room to.
    disable("olga", true).await;
    let mut of_admin = stream(&scene, "admin").await;
    scene.put("admin", "/rooms/team/members/max", json!({"role": "owner"})).await;
    let (mut last, mut has_ended) = (Value::Null, false);
    while let Some(frame) = within(DEADLINE, "the end", of_admin.next()).await {
        assert!(!has_ended, "nothing after the end");
        let event: Value = serde_json::from_str(&frame.data).expect("JSON");
        has_ended = event["type"] == "error";
        if event["type"] != "error" && event["type"] != "ping" && event["id"].is_i64() {
            last = event;
        }
    }
    assert!(has_ended && last["type"] == "member_changed" && last["role"] == "owner", "{last}");
    hidden(&scene, "admin", ROOM).await;
    // The others go on.
    scene.ok("max", Method::POST, "/rooms/team/messages", Some(json!({"content": "still here"})), 201).await;
    next_of(&mut of_max, "chat_message").await;
}

#[tokio::test]
async fn a_server_to_which_nobody_could_ever_invite_says_so_at_the_start() {
    const WARNED: &str = "there is no admin who could invite anybody";
    let builder = || Server::builder().arg("--auth").arg("required");
    let mut server = builder().arg("--accounts").arg("invite").start().await;
    server.wait_for_log(WARNED, DEADLINE).await;
    assert!(!server.log().join("\n").contains("hand one over"), "no name was used yet");
    Operator::of(&server).add_user(&["root", "--admin"]);
    assert!(server.terminate().await.success());
    server.restart().await;
    assert!(!server.log().join("\n").contains(WARNED));
    // Its tokens may come from admins.
    assert!(!Guarded::with(&["--accounts", "invite"]).await.server.log().join("\n").contains(WARNED));
}

#[tokio::test]
async fn what_admins_hand_out_is_in_the_audit() {
    let server = Server::builder().arg("--auth").arg("required").arg("--accounts").arg("open").start().await;
    let (root, alice) = (Browser::of(&server), Browser::of(&server));
    root.register("Boss").await;
    alice.register("Alice").await;
    Operator::of(&server).done(&["user", "admin", "Boss"]);
    let make = async |path: &str, body: Value| root.ok(Method::POST, path, Some(body), 201).await;
    make("/invitations", json!({})).await;
    let invited = make("/invitations", json!({"username": "Bob"})).await;
    root.ok(Method::DELETE, &format!("/invitations/{}", invited["id"]), None, 204).await;
    make("/users/alice/reset", Value::Null).await;
    make("/keys", json!({"name": "one", "bot": "ci"})).await;
    let second = make("/keys", json!({"name": "two", "bot": "CI"})).await;
    root.ok(Method::DELETE, &format!("/keys/{}", second["id"]), None, 204).await;
    // What is one's own, and what is refused.
    let own = make("/keys", json!({"name": "mine"})).await;
    root.ok(Method::DELETE, &format!("/keys/{}", own["id"]), None, 204).await;
    for (method, path, body) in [
        (Method::POST, "/users/nobody/reset", Value::Null),
        (Method::POST, "/users/ci/reset", Value::Null),
        (Method::POST, "/keys", json!({"name": "k", "bot": "Alice"})),
        (Method::POST, "/invitations", json!({"username": "Alice"})),
        (Method::DELETE, "/invitations/999999", Value::Null),
        (Method::DELETE, "/keys/999999", Value::Null),
    ] {
        let refused = root.ask(method, path, Some(body).filter(|body| !body.is_null())).await.status();
        assert!(refused.is_client_error(), "{path}: {refused}");
    }

    let audit = root.ok(Method::GET, "/audit", None, 200).await;
    let entries = audit["entries"].as_array().expect("entries").iter().rev();
    let told: Vec<_> = entries
        .map(|entry| {
            assert!(entry["by"] == "Boss" && entry["room"].is_null(), "{entry}");
            (entry["act"].as_str().expect("a word"), entry["username"].as_str())
        })
        .collect();
    let expected = [
        ("invite", None),
        ("invite", Some("Bob")),
        ("delete_invitation", Some("Bob")),
        ("offer_reset", Some("Alice")),
        ("make_bot", Some("ci")),
        ("make_key", Some("ci")),
        ("make_key", Some("ci")),
        ("delete_key", Some("ci")),
    ];
    assert_eq!(told, expected);
}
