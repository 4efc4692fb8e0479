//! Texts are stored the same on every database: to the last byte, with names and keys that differ by no more than case,
//! an accent or a blank, the order of names, and times to the microsecond.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{DEADLINE, Query, Reader, Server, Transport, problem::expect_problem, server::json_of, within};

/// The most bytes of a content.
const MOST: usize = 10_000;

async fn ask(server: &Server, method: Method, path: &str, body: &Value) -> reqwest::Response {
    let request = server.http().request(method, server.api(path)).json(body);
    within(DEADLINE, format!("{path} is answered"), request.send()).await.expect("an answer")
}

fn contents() -> Vec<String> {
    let filled = |text: &str| text.repeat(MOST / text.len());
    vec![
        filled("x"),
        filled("😀"),
        filled("ﷺ"),
        // Two bytes for one in JSON, and six.
        filled("\\"),
        filled("\u{1}").replacen('\u{1}', "x", 1),
        filled("\""),
        "trailing blanks   ".into(),
        " \n\tleading ones".into(),
        "👩🏽‍🚀🏴󠁧󠁢󠁳󠁣󠁴󠁿 𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𠜎𠜱 e\u{301} \u{e9} \u{feff}".into(),
        "'; DROP TABLE message; -- \\' %_ ?$1".into(),
    ]
}

#[tokio::test]
async fn long_and_odd_contents_survive_a_restart_to_the_byte() {
    let mut server = Server::start().await;
    let mut before = Vec::new();
    for content in contents() {
        before.push(server.post("general", "Alice", &content).await);
    }
    // What was replaced is kept as it was, too.
    for id in 1..=before.len() {
        let path = format!("/rooms/general/messages/{id}");
        let edited =
            ask(&server, Method::PATCH, &path, &json!({"username": "Alice", "content": format!("{id}")})).await;
        json_of(edited, StatusCode::OK).await;
        let back = json!({"username": "Alice", "content": before[id - 1]["content"]});
        before[id - 1] = json_of(ask(&server, Method::PATCH, &path, &back).await, StatusCode::OK).await;
    }
    server.restart().await;

    let after = server.messages("general").await;
    assert_eq!(after, before);
    let said: Vec<_> = after.iter().map(|message| message["content"].as_str().expect("a content")).collect();
    assert_eq!(said, contents());
    for (id, content) in (1..).zip(contents()) {
        let page = server.get_json(&format!("/rooms/general/messages/{id}/revisions")).await;
        let revisions = page["revisions"].as_array().expect("revisions");
        let said: Vec<_> = revisions.iter().map(|revision| revision["content"].as_str().expect("a content")).collect();
        assert_eq!(said, [content, format!("{id}")]);
    }
    let mut reader = Reader::open(&server, Transport::Sse, "general", Query::since(0)).await;
    for message in &after {
        assert_eq!(reader.next_durable().await["message"], *message);
    }
}

#[tokio::test]
async fn times_survive_a_restart_to_the_microsecond() {
    let mut server = Server::start().await;
    server.post_many("general", "Alice", 20).await;
    for id in 1..=20 {
        let path = format!("/rooms/general/messages/{id}");
        let edited = ask(&server, Method::PATCH, &path, &json!({"username": "Alice", "content": "edited"})).await;
        json_of(edited, StatusCode::OK).await;
    }
    let room = server.get_json("/rooms/general").await;
    let before = server.messages("general").await;
    server.restart().await;
    assert_eq!(server.messages("general").await, before);
    assert_eq!(server.get_json("/rooms/general").await["created_at"], room["created_at"]);
    for field in ["timestamp", "edited_at"] {
        let micros = before.iter().map(|message| {
            let text = message[field].as_str().expect("a time");
            let (_, fraction) = text.trim_end_matches('Z').split_once('.').expect("a fraction");
            assert_eq!(fraction.len(), 6, "{text}");
            fraction.parse::<u32>().expect("digits")
        });
        assert!(micros.collect::<Vec<_>>().iter().any(|micros| micros % 1_000 != 0), "{field}: more than milliseconds");
    }
}

/// Names differ by an accent and not by case, and a key by everything.
#[tokio::test]
async fn authors_and_keys_are_told_apart_by_their_bytes() {
    let mut server = Server::start().await;
    // Who is another person than all before is posted, the others ask again.
    let posts = [
        ("Zoe", "key", StatusCode::CREATED),
        ("zOE", "key", StatusCode::OK),
        ("Zoé", "key", StatusCode::CREATED),
        ("ZOÉ", "key", StatusCode::OK),
        ("Zoe\u{301}", "key", StatusCode::OK),
        ("Zoë", "key", StatusCode::CREATED),
        ("Zœ", "key", StatusCode::CREATED),
        ("Straße", "key", StatusCode::CREATED),
        ("STRASSE", "key", StatusCode::OK),
        ("Ｚoe", "key", StatusCode::CREATED),
        ("Zoe 𝟙", "key", StatusCode::CREATED),
        ("Zoe 𝟚", "key", StatusCode::CREATED),
        ("Zoe", "KEY", StatusCode::CREATED),
        ("Zoe", "key ", StatusCode::CREATED),
        ("Zoe", "key  ", StatusCode::CREATED),
        ("Zoe", " key", StatusCode::CREATED),
    ];
    for round in ["at first", "after a restart"] {
        let mut id = 0;
        for (user, key, status) in posts {
            let body = json!({"username": user, "content": "hi", "client_id": key});
            let answer = ask(&server, Method::POST, "/rooms/general/messages", &body).await;
            let expected = if round == "at first" { status } else { StatusCode::OK };
            assert_eq!(answer.status(), expected, "{round}: {user} with {key:?}");
            let message: Value = answer.json().await.expect("a message");
            if status == StatusCode::CREATED {
                id += 1;
                assert_eq!((&message["id"], &message["client_id"]), (&json!(id), &json!(key)), "{round}: {user}");
            }
        }
        server.restart().await;
    }
}

#[tokio::test]
async fn rooms_that_differ_by_case_are_different_and_listed_by_their_bytes() {
    let mut server = Server::start().await;
    let names =
        ["general", "General", "GENERAL", "generaL", "a", "B", "Z", "_", "-", "0", "a-b", "a_b", "aB", "ab", "z"];
    for (number, name) in names.iter().enumerate() {
        server.put_room(name, &json!({"title": name})).await;
        for _ in 0..=number {
            server.post(name, "Alice", name).await;
        }
    }
    let mut sorted = names.to_vec();
    sorted.sort_unstable();
    for _ in ["at first", "after a restart"] {
        for (number, name) in names.iter().enumerate() {
            let room = server.get_json(&format!("/rooms/{name}")).await;
            assert_eq!(
                (&room["name"], &room["title"], &room["head"]),
                (&json!(name), &json!(name), &json!(number + 1))
            );
            assert!(server.messages(name).await.iter().all(|message| message["content"] == *name), "{name}");
        }
        let (mut listed, mut after) = (Vec::new(), String::new());
        loop {
            let page = server.get_json(&format!("/rooms?limit=2{after}")).await;
            let rooms = page["rooms"].as_array().expect("rooms");
            listed.extend(rooms.iter().map(|room| room["name"].as_str().expect("a name").to_owned()));
            let Some(next) = page["next"].as_str() else { break };
            after = format!("&after={next}");
        }
        assert_eq!(listed, sorted);
        server.restart().await;
    }
}

#[tokio::test]
async fn reactions_that_look_different_are_told_apart() {
    let mut server = Server::start().await;
    server.post("general", "Alice", "hi").await;
    let emoji = ["👍", "👍🏽", "👍🏿", "😀", "😁", "❤", "🏴󠁧󠁢󠁳󠁣󠁴󠁿", "🇦🇹", ":party:", ":PARTY:"];
    let users = ["Zoe", "Zoé", "Zoë"];
    for emoji in emoji {
        for user in users {
            let name: String = url::form_urlencoded::byte_serialize(emoji.as_bytes()).collect();
            let path = format!("/rooms/general/messages/1/reactions/{name}?username={user}");
            json_of(ask(&server, Method::PUT, &path, &json!({})).await, StatusCode::OK).await;
        }
    }
    for _ in ["at first", "after a restart"] {
        let message = server.get_json("/rooms/general/messages/1").await;
        let reactions = message["reactions"].as_array().expect("reactions");
        let shown: Vec<_> = reactions.iter().map(|reaction| reaction["emoji"].as_str().expect("an emoji")).collect();
        assert_eq!(shown, emoji);
        assert!(reactions.iter().all(|reaction| reaction["usernames"] == json!(users)), "{message}");
        server.restart().await;
    }
    assert_eq!(server.head("general").await, 1 + i64::try_from(emoji.len() * users.len()).expect("a few"));
}

/// A database without NUL in its text must not be the one to say so.
#[tokio::test]
async fn nul_is_refused_everywhere() {
    let server = Server::start().await;
    for body in [
        json!({"username": "Alice", "content": "a\0b"}),
        json!({"username": "Al\0ice", "content": "hi"}),
        json!({"username": "Alice", "content": "hi", "client_id": "a\0b"}),
    ] {
        let answer = ask(&server, Method::POST, "/rooms/general/messages", &body).await;
        expect_problem(answer, 422, "invalid", &[]).await;
    }
    for body in [json!({"title": "a\0b"}), json!({"topic": "a\0b"})] {
        expect_problem(ask(&server, Method::PUT, "/rooms/general", &body).await, 422, "invalid", &[]).await;
    }
    server.post("general", "Alice", "hi").await;
    let edit = json!({"username": "Alice", "content": "a\0b"});
    expect_problem(ask(&server, Method::PATCH, "/rooms/general/messages/1", &edit).await, 422, "invalid", &[]).await;
    let path = "/rooms/general/messages/1/reactions/:a%00b:?username=Alice";
    expect_problem(ask(&server, Method::PUT, path, &json!({})).await, 422, "invalid", &[]).await;
    for path in [
        "/rooms/a%00b/messages",
        "/rooms/general/read?after=%00",
        "/rooms/general/unread?username=%00",
        "/rooms?after=%00",
    ] {
        let status = server.get(path).await.status();
        assert!(matches!(status.as_u16(), 400 | 404 | 422), "{path}: {status}");
    }
    assert_eq!(server.head("general").await, 1);
}
