//! Bans and mutes of admins, whom nobody below them shuts out, and bans that are over.

use parlor::domain::timestamp::Timestamp;
use reqwest::{Method, Response};
use sea_orm::{ConnectionTrait as _, Statement};
use serde_json::{Value, json};

use super::{Guarded, scene::Scene};
use crate::support::{DEADLINE, problem::expect_problem, users::Operator, within};

const ROOM: &str = "/rooms/team";
const LATER: &str = "2999-01-01T00:00:00Z";

/// Users who are admins by themselves, and not by a token.
struct Admins<'a> {
    guarded: &'a Guarded,
    operator: Operator,
}

impl<'a> Admins<'a> {
    fn of(guarded: &'a Guarded) -> Self {
        Self { guarded, operator: Operator::of(&guarded.server) }
    }

    /// A user, and a key of theirs.
    fn add(&self, flags: &[&str]) -> String {
        self.operator.add_user(flags);
        self.operator.key(flags[0], &[])
    }

    async fn ask(&self, key: &str, method: Method, path: &str, body: Option<Value>) -> Response {
        let request = self.guarded.request(method, &format!("/api/v1{path}"), key);
        let request = if let Some(body) = body { request.json(&body) } else { request };
        request.send().await.expect("an answer")
    }

    async fn ok(&self, key: &str, method: Method, path: &str, body: Option<Value>) -> Value {
        let answer = self.ask(key, method, path, body).await;
        let (status, text) = (answer.status(), answer.text().await.expect("a body"));
        assert!(status.is_success(), "{path}: {status} {text}");
        serde_json::from_str(&text).unwrap_or(Value::Null)
    }
}

async fn acts(scene: &Scene, limit: usize) -> Vec<(Value, Value, Value)> {
    let audit = scene.ok("olga", Method::GET, &format!("{ROOM}/audit?limit={limit}"), None, 200).await;
    let entries = audit["entries"].as_array().expect("entries").clone();
    entries.into_iter().map(|it| (it["by"].clone(), it["act"].clone(), it["username"].clone())).collect()
}

#[tokio::test]
async fn only_an_admin_bans_or_mutes_an_admin_where_admins_are_owners() {
    let scene = Scene::with(&["olga", "mona", "max"]).await;
    let admins = Admins::of(&scene.guarded);
    let (root, _) = (admins.add(&["root", "--admin"]), admins.add(&["vera", "--admin"]));
    scene.ok("olga", Method::PUT, ROOM, Some(json!({})), 201).await;
    scene.put("olga", "/rooms/team/members/mona", json!({"role": "moderator"})).await;
    // Whatever they are in the room, or if they are nothing there.
    for role in [None, Some("reader"), Some("owner")] {
        if let Some(role) = role {
            scene.put("olga", "/rooms/team/members/vera", json!({"role": role})).await;
        }
        for user in ["mona", "olga"] {
            for (path, body) in [("bans", json!({})), ("mutes", json!({"until": LATER}))] {
                let asked = scene.ask(user, Method::PUT, &format!("{ROOM}/{path}/VERA"), Some(body)).await;
                let problem = expect_problem(asked, 403, "forbidden", &[]).await;
                // A moderator is told of the role, if that is enough to refuse it.
                assert!(problem["detail"].as_str().is_some_and(|detail| detail.contains("admin")), "{problem}");
            }
        }
    }
    for (path, body) in [("bans", json!({})), ("mutes", json!({"until": LATER}))] {
        admins.ok(&root, Method::PUT, &format!("{ROOM}/{path}/vera"), Some(body)).await;
    }
    // In a private room that has an owner they are what their role is.
    scene.put("olga", ROOM, json!({"visibility": "private"})).await;
    admins.ok(&root, Method::PUT, "/rooms/team/members/root", Some(json!({"role": "member"}))).await;
    scene.put("mona", "/rooms/team/bans/root", json!({})).await;
}

#[tokio::test]
async fn a_ban_binds_no_admin_in_a_public_room() {
    let scene = Scene::with(&["olga", "max"]).await;
    let admins = Admins::of(&scene.guarded);
    let late = admins.add(&["late"]);
    scene.ok("olga", Method::PUT, ROOM, Some(json!({})), 201).await;
    // By a token one is an admin for a request, which nobody knows who bans.
    for user in ["late", "max"] {
        scene.put("olga", &format!("/rooms/team/bans/{user}"), json!({})).await;
    }
    let read = admins.ask(&late, Method::GET, "/rooms/team/messages", None).await;
    expect_problem(read, 403, "banned", &[]).await;
    admins.operator.done(&["user", "admin", "late"]);
    let by_token = scene.guarded.token("max", &["--can", "read,post,moderate,admin"]);
    for (admin, name) in [(&late, "late"), (&by_token, "max")] {
        admins.ok(admin, Method::PUT, ROOM, Some(json!({"title": name}))).await;
        let posted = admins.ok(admin, Method::POST, "/rooms/team/messages", Some(json!({"content": "hi"}))).await;
        scene.ok("olga", Method::DELETE, &format!("/rooms/team/messages/{}", posted["id"]), None, 200).await;
        admins.ok(admin, Method::DELETE, &format!("{ROOM}/bans/{name}"), None).await;
        assert_eq!(acts(&scene, 1).await, [(json!(name), json!("unban"), json!(name))]);
    }
    // Without the right the ban counts.
    scene.put("olga", "/rooms/team/bans/max", json!({})).await;
    scene.refused("max", Method::GET, ROOM, None, 403, "banned").await;
    // Who joins in spite of a ban ends it.
    admins.ok(&by_token, Method::POST, "/rooms/team/join", None).await;
    assert_eq!(acts(&scene, 1).await, [(json!("max"), json!("unban"), json!("max"))]);
    scene.ok("max", Method::GET, ROOM, None, 200).await;
}

#[tokio::test]
async fn an_admin_who_is_banned_from_a_private_room_ends_that_by_adding_themselves() {
    let scene = Scene::with(&["olga"]).await;
    let admins = Admins::of(&scene.guarded);
    let root = admins.add(&["root", "--admin"]);
    scene.ok("olga", Method::PUT, ROOM, Some(json!({"visibility": "private"})), 201).await;
    let member = || Some(json!({"role": "member"}));
    admins.ok(&root, Method::PUT, "/rooms/team/members/root", member()).await;
    scene.put("olga", "/rooms/team/bans/root", json!({"reason": "look elsewhere"})).await;
    for (method, path) in [(Method::GET, ROOM), (Method::DELETE, "/rooms/team/bans/root")] {
        expect_problem(admins.ask(&root, method, path, None).await, 404, "not_found", &[]).await;
    }
    // Of somebody else the ban has to be ended first.
    scene.refused("olga", Method::PUT, "/rooms/team/members/root", member(), 409, "banned").await;
    let added = admins.ok(&root, Method::PUT, "/rooms/team/members/root", member()).await;
    assert_eq!(added["role"], "member");
    admins.ok(&root, Method::GET, "/rooms/team/messages", None).await;
    let root = json!("root");
    assert_eq!(
        acts(&scene, 2).await,
        [(root.clone(), json!("set_member"), root.clone()), (root.clone(), json!("unban"), root)]
    );
    assert_eq!(scene.ok("olga", Method::GET, "/rooms/team/bans", None, 200).await["bans"], json!([]));
}

#[tokio::test]
async fn a_ban_that_is_over_is_not_listed() {
    let scene = Scene::with(&["olga", "max", "mike"]).await;
    let room = scene.ok("olga", Method::PUT, ROOM, Some(json!({})), 201).await;
    let made = Timestamp::parse("created_at", room["created_at"].as_str().expect("a time")).expect("a time");
    let until = Timestamp::from_micros(made.micros() + 2_000_000);
    scene.put("olga", "/rooms/team/bans/max", json!({"until": until})).await;
    scene.put("olga", "/rooms/team/mutes/mike", json!({"until": until})).await;
    scene.put("olga", "/rooms/team/members/mike", json!({"role": "member"})).await;
    let lasts = async || {
        let bans = scene.ok("olga", Method::GET, "/rooms/team/bans", None, 200).await;
        let members = scene.ok("olga", Method::GET, "/rooms/team/members", None, 200).await;
        (bans["bans"].as_array().map_or(0, Vec::len), !members["members"][0]["muted_until"].is_null())
    };
    assert_eq!(lasts().await, (1, true));
    within(DEADLINE, "both are over", async { while lasts().await != (0, false) {} }).await;
    scene.ok("max", Method::GET, "/rooms/team/messages", None, 200).await;
    // Nothing is left of it once the user comes.
    scene.ok("max", Method::POST, "/rooms/team/join", None, 200).await;
    let (left, audit) = (acts(&scene, 10).await, ["set_member", "mute", "ban"]);
    assert_eq!(left.iter().map(|(_, act, _)| act).collect::<Vec<_>>(), audit, "nobody has ended it");
    let url = scene.guarded.server.database_url();
    let database = Box::pin(sea_orm::Database::connect(&url)).await.expect("the database opens");
    let count = Statement::from_string(
        database.get_database_backend(),
        "SELECT COUNT(*) FROM membership WHERE is_banned = TRUE",
    );
    let row = database.query_one_raw(count).await.expect("an answer").expect("a row");
    assert_eq!(row.try_get_by_index::<i64>(0).expect("a number"), 0);
    database.close().await.expect("the database closes");
}

#[tokio::test]
async fn a_room_that_one_is_banned_from_is_not_listed_until_the_ban_is_over() {
    let scene = Scene::with(&["olga", "max", "eve", "admin"]).await;
    let room = scene.ok("olga", Method::PUT, ROOM, Some(json!({})), 201).await;
    let listed = async |user: &str, query: &str| {
        let page = scene.ok(user, Method::GET, &format!("/rooms{query}"), None, 200).await;
        let rooms = page["rooms"].as_array().expect("rooms").iter();
        rooms.map(|room| room["name"].as_str().expect("a name").to_owned()).collect::<Vec<_>>()
    };
    let (both, general) = (["general", "team"], ["general"]);
    assert_eq!(listed("max", "").await, both);
    for user in ["max", "admin"] {
        scene.put("olga", &format!("{ROOM}/members/{user}"), json!({"role": "member"})).await;
        scene.put("olga", &format!("{ROOM}/bans/{user}"), json!({"reason": "spam"})).await;
    }
    assert_eq!(listed("max", "").await, general);
    assert_eq!(listed("max", "?mine=true").await, [""; 0]);
    assert_eq!(listed("max", "?after=general").await, [""; 0]);
    assert_eq!(listed("eve", "").await, both, "nobody else's");
    assert_eq!(listed("admin", "").await, both, "whom the ban doesn't bind");
    scene.ok("olga", Method::DELETE, "/rooms/team/bans/max", None, 204).await;
    assert_eq!(listed("max", "").await, both);
    // A ban that ends by itself.
    let made = Timestamp::parse("created_at", room["created_at"].as_str().expect("a time")).expect("a time");
    let until = async |seconds: i64| {
        let until = Timestamp::from_micros(made.micros() + seconds * 1_000_000);
        scene.ask("olga", Method::PUT, "/rooms/team/bans/max", Some(json!({"until": until}))).await.status()
    };
    let mut seconds = 2;
    within(DEADLINE, "it is in the future", async {
        while until(seconds).await != 200 {
            seconds += 1;
        }
    })
    .await;
    assert_eq!(listed("max", "").await, general);
    within(DEADLINE, "it is over", async { while listed("max", "").await != both {} }).await;
}
