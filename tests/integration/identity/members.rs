//! Members of rooms: roles, private rooms, mutes, bans, direct messages, and what others see of it.

use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};

use super::{Guarded, scene::Scene};
use crate::support::{Server, browser::Browser, problem::expect_problem, server::json_of, sse::Stream};

const ROOM: &str = "/rooms/team";

#[tokio::test]
async fn a_private_room_is_there_for_its_members_only() {
    let scene = Scene::with(&["olga", "max", "eve"]).await;
    let made = scene.ok("olga", Method::PUT, ROOM, Some(json!({"visibility": "private"})), 201).await;
    assert_eq!((&made["visibility"], &made["role"], &made["members"]), (&json!("private"), &json!("owner"), &json!(1)));
    scene.put("olga", "/rooms/team/members/max", json!({"role": "member"})).await;
    let rooms = async |user: &str, query: &str| {
        let listed = scene.ok(user, Method::GET, &format!("/rooms{query}"), None, 200).await;
        let rooms = listed["rooms"].as_array().expect("rooms").clone();
        rooms.into_iter().map(|room| (room["name"].clone(), room["role"].clone())).collect::<Vec<_>>()
    };
    let general = (json!("general"), json!(null));
    assert_eq!(rooms("olga", "?mine=true").await, [(json!("team"), json!("owner"))]);
    assert_eq!(rooms("max", "").await, [general.clone(), (json!("team"), json!("member"))]);
    assert_eq!(rooms("eve", "").await, std::slice::from_ref(&general));
    assert_eq!(rooms("eve", "?mine=true").await, []);
    assert_eq!(rooms("admin", "").await, [general], "admins see a private room once they are members");
    for (method, path, body) in [
        (Method::GET, "", None),
        (Method::GET, "/messages", None),
        (Method::GET, "/members", None),
        (Method::GET, "/search?q=x", None),
        (Method::GET, "/unread", None),
        (Method::POST, "/messages", Some(json!({"content": "hi"}))),
        (Method::POST, "/join", None),
        (Method::PUT, "/members/eve", Some(json!({"role": "owner"}))),
        (Method::PUT, "/typing", Some(json!({"is_typing": true}))),
    ] {
        for user in ["eve", "admin"] {
            let method = if path == "/typing" { Method::POST } else { method.clone() };
            let answer = scene.ask(user, method, &format!("{ROOM}{path}"), body.clone()).await;
            let mut hidden = expect_problem(answer, 404, "not_found", &[]).await;
            hidden["request_id"] = Value::Null;
            assert_eq!(hidden["detail"], "There is no such room.", "{user} {path}");
        }
    }
    // That the name is taken is all that who wants it learns; what the server names tells nothing.
    scene.refused("eve", Method::PUT, ROOM, Some(json!({})), 409, "name_taken").await;
    scene.refused("eve", Method::PUT, "/rooms/r-mine", Some(json!({})), 422, "invalid").await;
    scene.refused("eve", Method::PUT, "/rooms/dm-mine", Some(json!({})), 422, "invalid").await;
    let direct = scene.ok("olga", Method::PUT, "/dms/max", None, 201).await;
    let direct = format!("/rooms/{}", direct["name"].as_str().expect("a name"));
    for body in [json!({}), json!({"title": "x"}), json!({"visibility": "public"})] {
        for path in ["/rooms/dm-mine", direct.as_str()] {
            for user in ["eve", "admin"] {
                scene.refused(user, Method::PUT, path, Some(body.clone()), 422, "invalid").await;
            }
        }
    }
    let drawn = json!({"title": "Plans", "visibility": "private"});
    let drawn = scene.ok("eve", Method::POST, "/rooms", Some(drawn), 201).await;
    let name = drawn["name"].as_str().expect("a name");
    assert!(name.starts_with("r-") && name.len() == 28, "{name}");
    scene.refused("olga", Method::GET, &format!("/rooms/{name}"), None, 404, "not_found").await;
    scene.refused("olga", Method::PUT, &format!("/rooms/{name}"), Some(json!({})), 422, "invalid").await;
    scene.put("eve", &format!("/rooms/{name}"), json!({"title": "Other plans"})).await;
    // Whoever goes sees it no more.
    scene.ok("max", Method::DELETE, "/rooms/team/members/max", None, 204).await;
    scene.refused("max", Method::GET, ROOM, None, 404, "not_found").await;
}

#[tokio::test]
async fn who_makes_no_rooms_learns_of_none_by_its_name() {
    let scene = Scene::on(Guarded::with(&["--room-creation", "admins"]).await, &["olga", "eve"]).await;
    scene.ok("admin", Method::PUT, ROOM, Some(json!({"visibility": "private"})), 201).await;
    let [reading, moderating] = ["read", "read,moderate"].map(|can| scene.guarded.token("eve", &["--can", can]));
    let refusal = async |credential: &str, room: &str| {
        let request = scene.guarded.request(Method::PUT, &format!("/api/v1/rooms/{room}"), credential);
        let answer = request.json(&json!({"title": "x"})).send().await.expect("an answer");
        let mut problem = expect_problem(answer, 403, "forbidden", &[]).await;
        problem["request_id"] = Value::Null;
        problem
    };
    for credential in [&reading, &moderating, &scene.token("eve")] {
        assert_eq!(refusal(credential, "team").await, refusal(credential, "nowhere").await);
    }
    // Whoever may make rooms has to be told.
    let other = scene.guarded.token("root", &["--can", "read,post,moderate,admin"]);
    let put = scene.guarded.request(Method::PUT, "/api/v1/rooms/team", &other).json(&json!({}));
    expect_problem(put.send().await.expect("an answer"), 409, "name_taken", &[]).await;
}

#[tokio::test]
async fn who_is_deleted_or_disabled_is_as_one_who_is_not_there() {
    let guarded = Guarded::with(&["--accounts", "open"]).await;
    let scene = Scene::on(guarded, &["olga", "vic", "kept", "admin"]).await;
    scene.ok("olga", Method::PUT, ROOM, Some(json!({})), 201).await;
    let browser = Browser::of(&scene.guarded.server);
    for name in ["Gone", "Barred"] {
        browser.set_cookie(None);
        browser.register(name).await;
        if name == "Barred" {
            scene.put("olga", "/rooms/team/bans/Barred", json!({})).await;
        }
        browser.ok(Method::DELETE, "/me", None, 204).await;
    }
    scene.put("olga", "/rooms/team/members/kept", json!({"role": "member"})).await;
    for user in ["vic", "kept"] {
        scene.ok("admin", Method::PATCH, &format!("/users/{user}"), Some(json!({"disabled": true})), 200).await;
    }
    let ask = async |by: &str, user: &str, path: &str| {
        let (method, body) = match path {
            "members" => (Method::PUT, Some(json!({"role": "member"}))),
            "bans" => (Method::PUT, Some(json!({}))),
            "mutes" => (Method::PUT, Some(json!({"until": "2999-01-01T00:00:00Z"}))),
            _ => (Method::DELETE, None),
        };
        let path = path.trim_start_matches("un-");
        let answer = scene.ask(by, method, &format!("{ROOM}/{path}/{user}"), body).await;
        let mut problem = expect_problem(answer, 404, "not_found", &[]).await;
        problem["request_id"] = Value::Null;
        problem
    };
    for path in ["members", "bans", "mutes", "un-members", "un-bans", "un-mutes"] {
        let unknown = ask("olga", "nobody", path).await;
        for (by, user) in [("olga", "Gone"), ("admin", "Gone"), ("olga", "vic")] {
            assert_eq!(ask(by, user, path).await, unknown, "{by} {user} {path}");
        }
    }
    // Admins are told.
    let member = || Some(json!({"role": "member"}));
    let answer = scene.ask("admin", Method::PUT, "/rooms/team/members/vic", member()).await;
    expect_problem(answer, 422, "invalid", &["username"]).await;
    scene.ok("admin", Method::PUT, "/rooms/team/bans/vic", Some(json!({})), 200).await;
    // What the room knows of them can be changed, and ended.
    scene.put("olga", "/rooms/team/members/kept", json!({"role": "reader"})).await;
    scene.put("olga", "/rooms/team/members/kept", json!({"role": "owner"})).await;
    scene.refused("olga", Method::DELETE, "/rooms/team/members/olga", None, 409, "last_owner").await;
    scene.ok("olga", Method::DELETE, "/rooms/team/members/kept", None, 204).await;
    scene.ok("olga", Method::DELETE, "/rooms/team/bans/vic", None, 204).await;
    scene.ok("olga", Method::DELETE, "/rooms/team/bans/Barred", None, 204).await;
    assert_eq!(scene.ok("olga", Method::GET, "/rooms/team/bans", None, 200).await["bans"], json!([]));
}

#[tokio::test]
async fn caches_keep_a_room_for_nobody_else() {
    let scene = Scene::with(&["olga"]).await;
    scene.ok("olga", Method::PUT, ROOM, Some(json!({})), 201).await;
    scene.ok("olga", Method::POST, "/rooms/team/messages", Some(json!({"content": "hi"})), 201).await;
    for path in ["/rooms/team", "/rooms/team/messages/1"] {
        let answer = scene.ask("olga", Method::GET, path, None).await;
        assert_eq!(answer.headers()["cache-control"], "private, no-cache", "{path}");
        let request = scene.guarded.request(Method::GET, &format!("/api/v1{path}"), &scene.token("olga"));
        let known = request.header("if-none-match", answer.headers()["etag"].clone()).send().await.expect("an answer");
        assert_eq!(
            (known.status().as_u16(), &known.headers()["cache-control"]),
            (304, &"private, no-cache".parse().expect("a value"))
        );
    }
    // In open mode all are told the same.
    let open = Server::start().await;
    open.post("team", "Alice", "hi").await;
    for path in ["/rooms/team", "/rooms/team/messages/1"] {
        assert_eq!(open.get(path).await.headers()["cache-control"], "no-cache", "{path}");
    }
}

#[tokio::test]
async fn moderators_act_on_lower_roles_and_a_room_keeps_an_owner() {
    let scene = Scene::with(&["olga", "mona", "mike", "rita", "max"]).await;
    scene.ok("olga", Method::PUT, ROOM, Some(json!({})), 201).await;
    for (user, role) in [("mona", "moderator"), ("mike", "moderator"), ("rita", "reader")] {
        scene.put("olga", &format!("/rooms/team/members/{user}"), json!({"role": role})).await;
    }
    let role = |role: &str| Some(json!({"role": role}));
    scene.put("mona", "/rooms/team/members/max", json!({"role": "member"})).await;
    scene.put("mona", "/rooms/team/members/rita", json!({"role": "member"})).await;
    for (user, to) in [("mike", "member"), ("olga", "member"), ("max", "moderator"), ("max", "owner")] {
        scene.refused("mona", Method::PUT, &format!("/rooms/team/members/{user}"), role(to), 403, "forbidden").await;
    }
    for user in ["mike", "olga"] {
        for path in ["members", "bans", "mutes"] {
            let (method, body) = match path {
                "members" => (Method::DELETE, None),
                "bans" => (Method::PUT, Some(json!({}))),
                _ => (Method::PUT, Some(json!({"until": "2999-01-01T00:00:00Z"}))),
            };
            scene.refused("mona", method, &format!("/rooms/team/{path}/{user}"), body, 403, "forbidden").await;
        }
    }
    scene.refused("max", Method::PUT, "/rooms/team/members/rita", role("reader"), 403, "forbidden").await;
    scene.refused("olga", Method::PUT, "/rooms/team/members/nobody", role("member"), 404, "not_found").await;
    scene.refused("olga", Method::PUT, "/rooms/team/members/max", role("king"), 422, "invalid").await;
    scene.refused("olga", Method::PUT, "/rooms/team/members/olga", role("member"), 409, "last_owner").await;
    scene.refused("olga", Method::DELETE, "/rooms/team/members/olga", None, 409, "last_owner").await;
    scene.put("olga", "/rooms/team/members/max", json!({"role": "owner"})).await;
    scene.put("olga", "/rooms/team/members/mike", json!({"role": "owner"})).await;
    scene.put("olga", "/rooms/team/bans/mike", json!({})).await;
    scene.ok("olga", Method::DELETE, "/rooms/team/members/olga", None, 204).await;
    let members = scene.ok("max", Method::GET, "/rooms/team/members?limit=2", None, 200).await;
    assert_eq!((&members["members"][0]["username"], &members["next"]), (&json!("max"), &json!("mona")));
    assert_eq!(scene.ok("max", Method::GET, ROOM, None, 200).await["members"], 3);
}

#[tokio::test]
async fn who_is_banned_does_nothing_and_who_is_muted_says_nothing() {
    let scene = Scene::with(&["olga", "max"]).await;
    scene.ok("olga", Method::PUT, ROOM, Some(json!({})), 201).await;
    let post = || Some(json!({"content": "hi"}));
    scene.ok("max", Method::POST, "/rooms/team/messages", post(), 201).await;
    scene.put("olga", "/rooms/team/mutes/max", json!({"until": "2999-01-01T00:00:00Z"})).await;
    scene.refused("max", Method::POST, "/rooms/team/messages", post(), 403, "muted").await;
    let edit = Some(json!({"content": "changed"}));
    scene.refused("max", Method::PATCH, "/rooms/team/messages/1", edit, 403, "muted").await;
    scene.ok("max", Method::GET, "/rooms/team/messages", None, 200).await;
    scene.ok("olga", Method::DELETE, "/rooms/team/mutes/max", None, 204).await;
    scene.ok("max", Method::POST, "/rooms/team/messages", post(), 201).await;

    let past = Some(json!({"until": "2020-01-01T00:00:00Z"}));
    scene.refused("olga", Method::PUT, "/rooms/team/bans/max", past, 422, "invalid").await;
    let ban = scene.put("olga", "/rooms/team/bans/max", json!({"reason": "spam"})).await;
    assert_eq!((&ban["by"], &ban["reason"], &ban["until"]), (&json!("olga"), &json!("spam"), &json!(null)));
    scene.refused("max", Method::POST, "/rooms/team/messages", post(), 403, "banned").await;
    scene.refused("max", Method::GET, "/rooms/team/messages", None, 403, "banned").await;
    scene.refused("max", Method::POST, "/rooms/team/join", None, 403, "banned").await;
    let member = Some(json!({"role": "member"}));
    scene.refused("olga", Method::PUT, "/rooms/team/members/max", member, 409, "banned").await;
    for (user, until) in [("olga", "2999-01-01T00:00:00Z"), ("max", "9999-12-31T23:59:59-14:00")] {
        let ban = json!({"until": until});
        let fields: &[&str] = if user == "olga" { &["username"] } else { &["until"] };
        let answer = scene.ask("olga", Method::PUT, &format!("/rooms/team/bans/{user}"), Some(ban)).await;
        expect_problem(answer, 422, "invalid", fields).await;
    }
    let bans = scene.ok("olga", Method::GET, "/rooms/team/bans", None, 200).await;
    assert_eq!(bans["bans"][0]["username"], "max");
    scene.ok("olga", Method::DELETE, "/rooms/team/bans/max", None, 204).await;
    scene.ok("max", Method::POST, "/rooms/team/messages", post(), 201).await;

    let audit = scene.ok("olga", Method::GET, "/rooms/team/audit", None, 200).await;
    let acts: Vec<_> = audit["entries"].as_array().expect("entries").iter().map(|entry| &entry["act"]).collect();
    assert_eq!(acts, ["unban", "ban", "unmute", "mute"], "newest first");
    assert_eq!(audit["entries"][1]["reason"], "spam");
    assert_eq!(scene.ok("admin", Method::GET, "/audit?limit=1", None, 200).await["entries"][0]["room"], "team");
}

#[tokio::test]
async fn the_log_tells_who_came_who_left_and_whose_role_changed() {
    let scene = Scene::with(&["olga", "max", "eve"]).await;
    scene.ok("olga", Method::PUT, ROOM, Some(json!({})), 201).await;
    let token = scene.guarded.token("olga", &[]);
    let mut stream =
        Stream::send(scene.guarded.request(Method::GET, "/api/v1/rooms/team/stream?since=0", &token)).await;
    let event = async |answer: Response| {
        let id = answer.headers().get("event-id").map(|id| id.to_str().expect("text").to_owned());
        assert!(answer.status().is_success(), "{answer:?}");
        id
    };
    let mut ids = Vec::new();
    for (user, method, path, body) in [
        ("max", Method::POST, "/join", None),
        ("max", Method::POST, "/join", None),
        ("olga", Method::PUT, "/members/max", Some(json!({"role": "moderator"}))),
        ("max", Method::DELETE, "/members/max", None),
        ("olga", Method::PUT, "/members/max", Some(json!({"role": "reader"}))),
        ("olga", Method::DELETE, "/members/max", None),
        ("olga", Method::PUT, "/bans/eve", Some(json!({}))),
        ("olga", Method::PUT, "", Some(json!({"posting": "moderators", "visibility": "private"}))),
    ] {
        ids.push(event(scene.ask(user, method, &format!("{ROOM}{path}"), body).await).await);
    }
    let expected: Vec<_> =
        ["1", "", "2", "3", "4", "5", "6", "7"].into_iter().map(|id| (!id.is_empty()).then(|| id.to_owned())).collect();
    assert_eq!(ids, expected, "what changes nothing makes no event");
    let mut told = Vec::new();
    while told.len() < 7 {
        let frame = stream.next().await.expect("a frame");
        let event: Value = serde_json::from_str(&frame.data).expect("JSON");
        if event["type"].as_str().is_some_and(|kind| kind.starts_with("member_") || kind == "room_updated") {
            told.push(event);
        }
    }
    assert_eq!(
        told,
        [
            json!({"type": "member_joined", "room": "team", "id": 1, "username": "max", "role": "member", "by": "max"}),
            json!({"type": "member_changed", "room": "team", "id": 2, "username": "max", "role": "moderator", "by": "olga"}),
            json!({"type": "member_left", "room": "team", "id": 3, "username": "max", "by": "max", "reason": "left"}),
            json!({"type": "member_joined", "room": "team", "id": 4, "username": "max", "role": "reader", "by": "olga"}),
            json!({"type": "member_left", "room": "team", "id": 5, "username": "max", "by": "olga", "reason": "removed"}),
            json!({"type": "member_left", "room": "team", "id": 6, "username": "eve", "by": "olga", "reason": "banned"}),
            json!({"type": "room_updated", "room": "team", "id": 7, "title": "", "topic": "", "visibility": "private",
                   "posting": "moderators", "slow_mode": 0}),
        ]
    );
}

#[tokio::test]
async fn two_people_have_one_room_that_nobody_else_sees() {
    let scene = Scene::with(&["ann", "bert", "eve"]).await;
    let made = scene.ok("ann", Method::PUT, "/dms/bert", None, 201).await;
    let again = scene.ok("bert", Method::PUT, "/dms/ann", None, 200).await;
    assert_eq!(made["name"], again["name"]);
    let room = format!("/rooms/{}", made["name"].as_str().expect("a name"));
    assert!(room.starts_with("/rooms/dm-") && made["visibility"] == "private" && made["members"] == 2, "{made}");
    let hi = || Some(json!({"content": "hi"}));
    scene.ok("ann", Method::POST, &format!("{room}/messages"), hi(), 201).await;
    scene.ok("bert", Method::POST, &format!("{room}/messages"), hi(), 201).await;
    for user in ["eve", "admin"] {
        scene.refused(user, Method::GET, &format!("{room}/messages"), None, 404, "not_found").await;
        scene.refused(user, Method::POST, &format!("{room}/messages"), hi(), 404, "not_found").await;
    }
    scene.refused("ann", Method::DELETE, &format!("{room}/members/ann"), None, 403, "forbidden").await;
    let eve = Some(json!({"role": "member"}));
    scene.refused("ann", Method::PUT, &format!("{room}/members/eve"), eve, 403, "forbidden").await;
    scene.refused("ann", Method::PUT, "/dms/ANN", None, 422, "invalid").await;
    scene.refused("ann", Method::PUT, "/dms/nobody", None, 404, "not_found").await;
}

#[tokio::test]
async fn in_open_mode_there_are_no_members() {
    let server = Server::start().await;
    server.post("team", "Alice", "hi").await;
    for (method, path) in [
        (Method::GET, "/rooms/team/members"),
        (Method::PUT, "/rooms/team/members/bob"),
        (Method::DELETE, "/rooms/team/members/bob"),
        (Method::POST, "/rooms/team/join"),
        (Method::GET, "/rooms/team/bans"),
        (Method::PUT, "/rooms/team/bans/bob"),
        (Method::PUT, "/rooms/team/mutes/bob"),
        (Method::GET, "/rooms/team/audit"),
        (Method::GET, "/audit"),
        (Method::PUT, "/dms/bob"),
        (Method::POST, "/rooms"),
    ] {
        let body = json!({"role": "member", "until": "2999-01-01T00:00:00Z"});
        let body = if path.ends_with("/rooms") || path.contains("/bans/") { json!({}) } else { body };
        let body = if path.contains("/members/") { json!({"role": "member"}) } else { body };
        let body = if path.contains("/mutes/") { json!({"until": "2999-01-01T00:00:00Z"}) } else { body };
        let asked = server.http().request(method.clone(), server.api(path)).json(&body).send().await;
        expect_problem(asked.expect("an answer"), 404, "not_found", &[]).await;
    }
    let room = json_of(server.get("/rooms/team").await, StatusCode::OK).await;
    assert!(room.get("visibility").is_none() && room.get("role").is_none(), "{room}");
    let put = server.http().put(server.api("/rooms/team")).json(&json!({"visibility": "private"})).send().await;
    expect_problem(put.expect("an answer"), 422, "invalid", &["visibility"]).await;
}

#[tokio::test]
async fn the_condition_of_a_change_is_about_access_too() {
    let scene = Scene::with(&["olga"]).await;
    let put = async |body: Value, tag: Option<&str>| {
        let path = format!("/api/v1{ROOM}");
        let request = scene.guarded.request(Method::PUT, &path, &scene.token("olga")).json(&body);
        let answer = match tag {
            Some(tag) => request.header("if-match", tag),
            None => request,
        };
        let answer = answer.send().await.expect("an answer");
        let tag = answer.headers().get("etag").map(|tag| tag.to_str().expect("text").to_owned());
        (answer.status(), tag)
    };
    for change in [json!({"posting": "moderators"}), json!({"visibility": "private"}), json!({"slow_mode": 5})] {
        let (_, before) = put(json!({}), None).await;
        let before = before.as_deref();
        assert_eq!(put(json!({"topic": "t"}), before).await.0, StatusCode::OK);
        let (_, before) = put(json!({}), None).await;
        assert_eq!(put(change.clone(), before.as_deref()).await.0, StatusCode::OK, "{change}");
        let late = put(json!({"topic": "later"}), before.as_deref()).await.0;
        assert_eq!(late, StatusCode::PRECONDITION_FAILED, "{change}");
    }
}
