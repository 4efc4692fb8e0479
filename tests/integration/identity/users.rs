//! Users over HTTP: who finds whom, and what admins take from them.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{
    Guarded,
    revocation::{Open, revoked, start},
    scene::Scene,
};
use crate::support::{
    DEADLINE, Server,
    browser::Browser,
    problem::expect_problem,
    server::json_of,
    statements::{logged, names, while_doing},
    users::Operator,
    within,
};

/// The names that somebody finds, and where to read on.
async fn found(scene: &Scene, user: &str, query: &str) -> (Vec<String>, Value) {
    let page = scene.ok(user, Method::GET, &format!("/users{query}"), None, 200).await;
    let names = page["users"].as_array().expect("users").iter().map(|user| user["username"].as_str().expect("a name"));
    (names.map(str::to_owned).collect(), page["next"].clone())
}

#[tokio::test]
async fn users_are_found_by_the_beginning_of_their_names() {
    let scene = Scene::with(&["Zoe", "anna", "Andy", "Bob", "Åsa", "Straße", "admin"]).await;
    Operator::of(&scene.guarded.server).add_user(&["andyroid", "--bot"]);
    let of = async |query: &str| found(&scene, "Bob", query).await.0;
    assert_eq!(of("").await, ["admin", "Andy", "andyroid", "anna", "Bob", "Straße", "Zoe", "Åsa"]);
    assert_eq!(of("?prefix=").await.len(), 8);
    assert_eq!(of("?prefix=AN").await, ["Andy", "andyroid", "anna"]);
    assert_eq!(of("?prefix=andy").await, ["Andy", "andyroid"]);
    assert_eq!(of("?prefix=STRASS").await, ["Straße"], "as names are compared");
    assert_eq!(of("?prefix=%C3%A5").await, ["Åsa"]);
    assert_eq!(of("?prefix=x").await, [""; 0]);
    // No pattern of any kind.
    for no_pattern in ["%25", "a%25", "_", "a*"] {
        assert_eq!(of(&format!("?prefix={no_pattern}")).await, [""; 0], "{no_pattern}");
    }
    let page = found(&scene, "Bob", "?prefix=an&limit=2").await;
    assert_eq!(page, (vec!["Andy".to_owned(), "andyroid".to_owned()], json!("andyroid")));
    assert_eq!(found(&scene, "Bob", "?prefix=an&limit=2&after=andyroid").await, (vec!["anna".to_owned()], json!(null)));
    assert_eq!(of("?prefix=an&after=a").await, ["Andy", "andyroid", "anna"], "after what is before all of them");
    assert_eq!(of("?prefix=an&after=z").await, [""; 0]);
    let page = scene.ok("Bob", Method::GET, "/users?prefix=andy", None, 200).await;
    let kinds = [json!({"username": "Andy", "kind": "person"}), json!({"username": "andyroid", "kind": "bot"})];
    assert_eq!(page["users"], json!(kinds));
    for query in ["?limit=0", "?limit=201", "?prefix=%E2%80%AE", "?after="] {
        expect_problem(scene.ask("Bob", Method::GET, &format!("/users{query}"), None).await, 400, "bad_query", &[])
            .await;
    }
    // Whoever is disabled is there for admins alone.
    scene.ok("admin", Method::PATCH, "/users/anna", Some(json!({"disabled": true})), 200).await;
    assert_eq!(of("?prefix=ann").await, [""; 0]);
    let page = scene.ok("admin", Method::GET, "/users?prefix=an", None, 200).await;
    let expected = [
        json!({"username": "Andy", "kind": "person", "disabled": false}),
        json!({"username": "andyroid", "kind": "bot", "disabled": false}),
        json!({"username": "anna", "kind": "person", "disabled": true}),
    ];
    assert_eq!(page["users"], json!(expected));
}

/// Rooms with members in them: who finds whom.
async fn with_rooms(guarded: Guarded) -> Scene {
    let scene = Scene::on(guarded, &["olga", "max", "eve", "rob", "sue", "tom", "admin"]).await;
    for (room, visibility, members) in [
        ("team-a", "private", &["max", "rob"][..]),
        ("team-b", "public", &["max", "sue"]),
        ("other", "public", &["eve"]),
    ] {
        scene.ok("olga", Method::PUT, &format!("/rooms/{room}"), Some(json!({})), 201).await;
        for member in members {
            // Not by the owner: without a directory nobody adds strangers but admins, who own public rooms.
            scene.put("admin", &format!("/rooms/{room}/members/{member}"), json!({"role": "reader"})).await;
        }
        scene.put("olga", &format!("/rooms/{room}"), json!({"visibility": visibility})).await;
    }
    scene.put("olga", "/rooms/team-b/bans/tom", json!({})).await;
    scene
}

#[tokio::test]
async fn without_a_directory_one_finds_whom_one_shares_a_room_with() {
    let scene = with_rooms(Guarded::with(&["--directory", "off"]).await).await;
    for (user, expected) in [
        ("max", &["max", "olga", "rob", "sue"][..]),
        ("olga", &["eve", "max", "olga", "rob", "sue"]),
        ("eve", &["eve", "olga"]),
        ("tom", &[]),
        ("admin", &[]),
    ] {
        assert_eq!(found(&scene, user, "").await.0, expected, "{user}");
    }
    assert_eq!(found(&scene, "olga", "?limit=2&after=eve").await, (vec!["max".into(), "olga".into()], json!("olga")));
    assert_eq!(found(&scene, "olga", "?prefix=R").await.0, ["rob"]);
    // Nor does one open a room with anybody else, who is as one who is not there.
    let refusal = async |user: &str, other: &str| {
        let answer = scene.ask(user, Method::PUT, &format!("/dms/{other}"), None).await;
        let mut problem = expect_problem(answer, 404, "not_found", &[]).await;
        problem["request_id"] = Value::Null;
        problem
    };
    for (user, other) in [("max", "eve"), ("eve", "max"), ("tom", "olga"), ("max", "su"), ("admin", "olga")] {
        assert_eq!(refusal(user, other).await, refusal(user, "nobody").await, "{user} {other}");
    }
    scene.ok("max", Method::PUT, "/dms/SUE", None, 201).await;
    scene.ok("sue", Method::DELETE, "/rooms/team-b/members/sue", None, 204).await;
    scene.ok("max", Method::PUT, "/dms/sue", None, 200).await;
    scene.ok("sue", Method::POST, "/rooms/team-b/join", None, 200).await;
    // Whoever is disabled is in no page, and cuts none short.
    scene.ok("admin", Method::PATCH, "/users/max", Some(json!({"disabled": true})), 200).await;
    assert_eq!(
        found(&scene, "olga", "?limit=3").await,
        (vec!["eve".into(), "olga".into(), "rob".into()], json!("rob"))
    );
    scene.ok("rob", Method::DELETE, "/rooms/team-a/members/rob", None, 204).await;
    assert_eq!(found(&scene, "olga", "?prefix=r").await.0, [""; 0]);
}

#[tokio::test]
async fn without_a_directory_one_adds_to_a_room_whom_one_shares_another_with() {
    let scene = with_rooms(Guarded::with(&["--directory", "off"]).await).await;
    let made = scene.ok("max", Method::PUT, "/rooms/own", Some(json!({})), 201).await;
    let add = async |by: &str, user: &str| {
        let member = Some(json!({"role": "member"}));
        scene.ask(by, Method::PUT, &format!("/rooms/own/members/{user}"), member).await
    };
    let refusal = async |user: &str| {
        let mut problem = expect_problem(add("max", user).await, 404, "not_found", &[]).await;
        problem["request_id"] = Value::Null;
        problem
    };
    // Strangers, and who is known by a ban alone, are as one who is not there.
    let nobody = refusal("nobody").await;
    for stranger in ["eve", "EVE", "tom", "admin", "su"] {
        assert_eq!(refusal(stranger).await, nobody, "{stranger}");
    }
    let room = scene.ok("max", Method::GET, "/rooms/own", None, 200).await;
    assert_eq!((&room["head"], &room["members"]), (&made["head"], &json!(1)), "nothing was told of it");
    let audit = scene.ok("max", Method::GET, "/rooms/own/audit", None, 200).await;
    assert_eq!(audit["entries"], json!([]));
    for known in ["SUE", "rob", "olga", "max"] {
        let role = if known == "max" { "owner" } else { "member" };
        scene.put("max", &format!("/rooms/own/members/{known}"), json!({"role": role})).await;
    }
    // Whoever may not add anybody is told that, and of a room that is not there nothing else.
    expect_problem(add("sue", "eve").await, 403, "forbidden", &[]).await;
    let member = Some(json!({"role": "member"}));
    scene.refused("max", Method::PUT, "/rooms/nowhere/members/eve", member, 404, "not_found").await;
    // Admins know who there is.
    assert_eq!(add("admin", "eve").await.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_credential_for_some_rooms_finds_whom_they_have() {
    let scene = with_rooms(Guarded::start().await).await;
    assert_eq!(found(&scene, "max", "").await.0.len(), 7, "the whole directory");
    for (rooms, expected) in [
        ("team-*", &["max", "olga", "rob", "sue"][..]),
        ("team-a", &["max", "olga", "rob"]),
        ("team-b,other", &["max", "olga", "sue"]),
        ("", &[]),
    ] {
        let token = scene.guarded.token("max", &["--rooms", rooms]);
        let answer = scene.guarded.request(Method::GET, "/api/v1/users", &token).send().await.expect("an answer");
        let page = json_of(answer, StatusCode::OK).await;
        let names: Vec<_> = page["users"].as_array().expect("users").iter().map(|user| &user["username"]).collect();
        assert_eq!(names, expected, "{rooms}");
    }
}

#[tokio::test]
async fn guests_find_nobody_and_open_mode_has_no_users() {
    let guarded = Guarded::with(&["--guests", "on"]).await;
    let guest = guarded.server.http().get(guarded.server.url("/api/v1/users")).send().await.expect("an answer");
    expect_problem(guest, 401, "unauthenticated", &[]).await;
    let server = Server::start().await;
    expect_problem(server.get("/users").await, 404, "not_found", &[]).await;
    let patch = server.http().patch(server.api("/users/bob")).json(&json!({"disabled": true})).send().await;
    expect_problem(patch.expect("an answer"), 404, "not_found", &[]).await;
}

#[tokio::test]
async fn a_page_takes_as_many_statements_whoever_is_in_it() {
    let scene = with_rooms(Guarded::on(logged(), &["--directory", "off"]).await).await;
    let cost = async |query: &str, count: usize| {
        let (statements, (users, _)) = while_doing(&scene.guarded.server, found(&scene, "olga", query)).await;
        assert_eq!(users.len(), count, "{query}");
        // The server asks for more beside it: whether somebody has lost a right, and what the index of search has not yet.
        let is_about_users = |statement: &String| names(statement, "account") || names(statement, "membership");
        statements.into_iter().filter(is_about_users).collect::<Vec<_>>()
    };
    let (one, all) = (cost("?limit=1", 1).await, cost("", 5).await);
    assert!(!one.is_empty());
    assert_eq!(one.len(), all.len(), "{one:#?} {all:#?}");
}

#[tokio::test]
async fn an_admin_disables_and_signs_out_and_it_is_noted() {
    let scene = Scene::with(&["admin", "max", "eve"]).await;
    let patch =
        async |user: &str, body: Value| scene.ask("admin", Method::PATCH, &format!("/users/{user}"), Some(body)).await;
    for body in [json!({"disabled": true}), json!({})] {
        expect_problem(scene.ask("eve", Method::PATCH, "/users/max", Some(body)).await, 403, "forbidden", &[]).await;
    }
    let disabled = json_of(patch("MAX", json!({"disabled": true})).await, StatusCode::OK).await;
    assert_eq!(disabled, json!({"username": "max", "kind": "person", "disabled": true}));
    expect_problem(scene.ask("max", Method::GET, "/me", None).await, 401, "invalid_token", &[]).await;
    // Again is no change, and neither is nothing.
    for body in [json!({"disabled": true}), json!({}), json!({"sign_out": false}), json!({"disabled": null})] {
        assert_eq!(json_of(patch("max", body).await, StatusCode::OK).await["disabled"], true);
    }
    assert_eq!(json_of(patch("max", json!({"disabled": false})).await, StatusCode::OK).await["disabled"], false);
    scene.ok("max", Method::GET, "/me", None, 200).await;
    json_of(patch("max", json!({"sign_out": true})).await, StatusCode::OK).await;
    expect_problem(scene.ask("max", Method::GET, "/me", None).await, 401, "invalid_token", &[]).await;
    // A token of the same second may be older.
    let newer = async {
        loop {
            let newer = scene.guarded.token("max", &[]);
            let answer = scene.guarded.request(Method::GET, "/api/v1/me", &newer).send().await.expect("an answer");
            if answer.status() == StatusCode::OK {
                return;
            }
        }
    };
    within(DEADLINE, "a newer token is good", newer).await;

    expect_problem(patch("nobody", json!({"disabled": true})).await, 404, "not_found", &[]).await;
    for (body, field) in [
        (json!({"disabled": "yes"}), "disabled"),
        (json!({"sign_out": 1}), "sign_out"),
        (json!({"admin": true}), "admin"),
    ] {
        expect_problem(patch("max", body).await, 422, "invalid", &[field]).await;
    }
    let audit = scene.ok("admin", Method::GET, "/audit", None, 200).await;
    let noted: Vec<_> =
        audit["entries"].as_array().expect("entries").iter().map(|it| (&it["act"], &it["username"])).collect();
    let (act, max) = (["sign_out_user", "enable_user", "disable_user"].map(Value::from), json!("max"));
    assert_eq!(noted, act.iter().map(|act| (act, &max)).collect::<Vec<_>>());
    assert!(audit["entries"][0]["room"].is_null() && audit["entries"][0]["by"] == "admin", "{audit}");
}

#[tokio::test]
async fn the_last_admin_is_not_disabled() {
    let guarded = Guarded::start().await;
    let operator = Operator::of(&guarded.server);
    operator.add_user(&["ada", "--admin"]);
    operator.add_user(&["bea", "--admin"]);
    let keys = ["ada", "bea"].map(|user| operator.key(user, &[]));
    let patch = async |by: &str, user: &str, disabled: bool| {
        let request = guarded.request(Method::PATCH, &format!("/api/v1/users/{user}"), by);
        request.json(&json!({"disabled": disabled, "sign_out": true})).send().await.expect("an answer")
    };
    assert_eq!(patch(&keys[0], "bea", true).await.status(), StatusCode::OK);
    expect_problem(patch(&keys[0], "ada", true).await, 409, "last_admin", &[]).await;
    assert_eq!(operator.user("ada")["disabled_at"], Value::Null, "nothing of it was done");
    // Both at once: one of them is the last.
    assert_eq!(patch(&keys[0], "bea", false).await.status(), StatusCode::OK);
    let (ada, bea) = tokio::join!(patch(&keys[1], "ada", true), patch(&keys[0], "bea", true));
    let statuses = [ada.status(), bea.status()];
    assert!(
        statuses.contains(&StatusCode::OK) && statuses.iter().any(|status| *status != StatusCode::OK),
        "{statuses:?}"
    );
    assert!(["ada", "bea"].iter().any(|user| operator.user(user)["disabled_at"].is_null()));
    // Whoever runs the server may.
    operator.done(&["user", "disable", "ada"]);
    operator.done(&["user", "disable", "bea"]);
}

#[tokio::test]
async fn everything_that_a_disabled_user_has_open_ends() {
    for change in [json!({"disabled": true}), json!({"sign_out": true})] {
        let guarded = start().await;
        let admin = guarded.token("root", &["--can", "read,post,moderate,admin"]);
        let alice = guarded.token("alice", &[]);
        let open = Open::all(&guarded, "alice", &alice).await;
        let patch = guarded.request(Method::PATCH, "/api/v1/users/alice", &admin).json(&change);
        let patched = patch.send().await.expect("an answer");
        let since = tokio::time::Instant::now();
        assert_eq!(patched.status(), StatusCode::OK);
        open.all_end(since, &[revoked()], 4401).await;
    }
}

#[tokio::test]
async fn of_a_deleted_account_nobody_finds_anything() {
    for directory in ["on", "off"] {
        let guarded = Guarded::with(&["--accounts", "open", "--directory", directory]).await;
        let scene = Scene::on(guarded, &["olga", "admin"]).await;
        let browser = Browser::of(&scene.guarded.server);
        browser.register("Zed").await;
        scene.ok("olga", Method::PUT, "/rooms/team", Some(json!({})), 201).await;
        scene.put("admin", "/rooms/team/members/zed", json!({"role": "member"})).await;
        assert_eq!(found(&scene, "olga", "?prefix=z").await.0, ["Zed"], "{directory}");
        let gone = browser.ask(Method::DELETE, "/me", None).await;
        assert!(gone.status().is_success(), "{gone:?}");
        for user in ["olga", "admin"] {
            assert_eq!(found(&scene, user, "?prefix=z").await.0, [""; 0], "{directory}");
        }
        let enable = scene.ask("admin", Method::PATCH, "/users/zed", Some(json!({"disabled": false}))).await;
        expect_problem(enable, 404, "not_found", &[]).await;
    }
}
