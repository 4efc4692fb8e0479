//! The statements of a server that requires credentials.

use parlor::domain::{name::Username, stream_id::StreamId};
use reqwest::StatusCode;
use serde_json::json;

use super::ROOM;
use crate::support::{Server, server::json_of, statements::logged, users::Operator};

/// Does everything that only a server does which requires credentials, and gives its log.
pub(super) async fn moderate(server: &Server, url: &str) -> Vec<String> {
    let operator = Operator::new(server.dir(), url);
    operator.add_user(&["root", "--admin"]);
    operator.add_user(&["Zoe"]);
    operator.add_user(&["ci", "--bot"]);
    let key = operator.key("root", &[]);
    for rows in [
        "INSERT INTO account (user_key, username, kind, origin, is_admin, created_at) \
         SELECT CONCAT('filler ', id), CONCAT('Filler ', id), 'person', 'claimed', FALSE, 1 FROM message WHERE id < 20000",
        "INSERT INTO membership (room_id, user_key, username, role, since) \
         SELECT room_id, CONCAT('filler ', id), CONCAT('Filler ', id), 'member', 1 FROM message",
        "INSERT INTO api_key (hash, account_id, name, created_at) \
         SELECT CONCAT('hash ', id), id, 'filler', 1 FROM account WHERE user_key LIKE 'filler %'",
        "INSERT INTO audit (room_id, at, actor, act) SELECT room_id, 1, 'root', 'ban' FROM message WHERE id < 20000",
        "INSERT INTO last_post (room_id, user_key, posted_at) SELECT room_id, CONCAT('filler ', id), 1 FROM message",
        "INSERT INTO ticket (hash, user_key, credential, transport, rooms, expires_at) \
         SELECT CONCAT('hash ', id), CONCAT('filler ', id), '{}', 'sse', '[]', 9000000000000000 FROM message WHERE id < 20000",
        "INSERT INTO renewal (stream, credential, expires_at) \
         SELECT CONCAT('stream ', id), '{}', 9000000000000000 FROM message WHERE id < 20000",
        "INSERT INTO direct (one, other, room) SELECT id + 100000, id + 100001, 'dm-x' FROM message WHERE id < 20000",
    ] {
        server.sql(rows).await;
    }
    let mut server = logged().database_url(url).arg("--auth").arg("required").start().await;
    let private = "/rooms/private".to_owned();
    let user = format!("/rooms/{ROOM}/members/Zoe");
    for (method, path, body) in [
        ("GET", "/me".to_owned(), None),
        ("GET", "/rooms?limit=5".into(), None),
        ("GET", "/rooms?mine=true".into(), None),
        ("POST", "/rooms".into(), Some(json!({"title": "Plans"}))),
        ("GET", format!("/rooms/{ROOM}"), None),
        ("PUT", user.clone(), Some(json!({"role": "member"}))),
        ("GET", format!("/rooms/{ROOM}/members"), None),
        ("GET", format!("/rooms/{ROOM}/members?after=filler+5&limit=7"), None),
        ("DELETE", user, None),
        ("POST", format!("/rooms/{ROOM}/join"), None),
        ("POST", format!("/rooms/{ROOM}/messages"), Some(json!({"content": "hi"}))),
        ("PUT", format!("/rooms/{ROOM}"), Some(json!({"slow_mode": 60}))),
        ("POST", format!("/rooms/{ROOM}/messages"), Some(json!({"content": "hi"}))),
        ("PUT", format!("/rooms/{ROOM}/bans/Zoe"), Some(json!({"reason": "spam"}))),
        ("GET", format!("/rooms/{ROOM}/bans"), None),
        ("DELETE", format!("/rooms/{ROOM}/bans/Zoe"), None),
        ("PUT", format!("/rooms/{ROOM}/mutes/Zoe"), Some(json!({"until": "2999-01-01T00:00:00Z"}))),
        ("DELETE", format!("/rooms/{ROOM}/mutes/Zoe"), None),
        ("GET", format!("/rooms/{ROOM}/audit?before=100"), None),
        ("GET", "/audit".into(), None),
        ("PUT", "/dms/Zoe".into(), None),
        ("PUT", "/dms/Zoe".into(), None),
        ("PUT", private.clone(), Some(json!({"visibility": "private"}))),
        ("GET", private.clone(), None),
        ("PUT", format!("{private}/members/root"), Some(json!({"role": "owner"}))),
        ("GET", "/users".into(), None),
        ("GET", "/users?prefix=fill&after=filler+5&limit=7".into(), None),
        ("PATCH", "/users/Zoe".into(), Some(json!({"disabled": true, "sign_out": true}))),
        ("PATCH", "/users/Zoe".into(), Some(json!({"disabled": false}))),
        ("GET", "/keys?bot=ci".into(), None),
        ("GET", "/keys?bot=ci&after=1&limit=2".into(), None),
        ("POST", "/tickets".into(), Some(json!({"rooms": [ROOM], "transport": "sse"}))),
    ] {
        let method = method.parse().expect("a method");
        let request = server.http().request(method, server.api(&path)).bearer_auth(&key);
        let request = if let Some(body) = body { request.json(&body) } else { request };
        let answer = request.send().await.expect("an answer");
        assert!(answer.status().is_success(), "{path}: {}", answer.text().await.unwrap_or_default());
    }
    let made = server.http().post(server.api("/keys")).bearer_auth(&key).json(&json!({"name": "k", "bot": "ci"}));
    let made = json_of(made.send().await.expect("an answer"), StatusCode::CREATED).await;
    let delete = server.http().delete(server.api(&format!("/keys/{}", made["id"]))).bearer_auth(&key).send().await;
    assert_eq!(delete.expect("an answer").status(), StatusCode::NO_CONTENT);
    let made = server.http().post(server.api("/tickets")).bearer_auth(&key);
    let made = made.json(&json!({"rooms": [ROOM], "transport": "sse"})).send().await.expect("an answer");
    let made = json_of(made, StatusCode::CREATED).await;
    let ticket = made["ticket"].as_str().expect("a ticket");
    let stream = StreamId::draw(Username::parse("root").expect("a name").key());
    let path = format!("/streams/{stream}/token");
    let extended = server.http().post(server.api(&path)).bearer_auth(&key).send().await.expect("an answer");
    assert_eq!(extended.status(), StatusCode::OK);
    let opened = server.http().get(server.api(&format!("/rooms/{ROOM}/stream?ticket={ticket}"))).send().await;
    assert_eq!(opened.expect("an answer").status(), StatusCode::OK);
    server.terminate().await;
    // The names that were only claimed are looked for once in all there is.
    server.log().into_iter().filter(|line| !line.contains("INSERT INTO account")).collect()
}
