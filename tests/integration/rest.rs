//! The rest of the API: rooms, pages of messages, posting, and the paths around it.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{Server, server::json_of};

fn ids(page: &Value) -> Vec<i64> {
    let messages = page["messages"].as_array().unwrap_or_else(|| panic!("no messages in {page}"));
    messages.iter().map(|message| message["id"].as_i64().expect("an id")).collect()
}

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

#[tokio::test]
async fn messages_are_paged_in_both_directions() {
    let server = Server::start().await;
    server.post_many("general", "Alice", 10).await;
    let page = async |query: &str| server.get_json(&format!("/rooms/general/messages?{query}")).await;
    for (query, expected, has_more, next, prev) in [
        ("", (1..=10).collect::<Vec<_>>(), false, 10, 1),
        ("limit=3", vec![8, 9, 10], true, 10, 8),
        ("before=8&limit=3", vec![5, 6, 7], true, 7, 5),
        ("before=4&limit=3", vec![1, 2, 3], false, 3, 1),
        ("before=3", vec![1, 2], false, 2, 1),
        ("before=1", vec![], false, 1, 1),
        ("after=0&limit=4", vec![1, 2, 3, 4], true, 4, 1),
        ("after=6&limit=4", vec![7, 8, 9, 10], false, 10, 7),
        ("after=10", vec![], false, 10, 10),
        ("before=1000&limit=2", vec![9, 10], true, 10, 9),
    ] {
        let page = page(query).await;
        assert_eq!(ids(&page), expected, "{query}");
        assert_eq!(page["has_more"], has_more, "{query}");
        assert_eq!((&page["next"], &page["prev"]), (&json!(next), &json!(prev)), "{query}");
    }
}

#[tokio::test]
async fn messages_of_a_room_nobody_has_made_are_an_empty_page() {
    let server = Server::start().await;
    let page = server.get_json("/rooms/void/messages").await;
    assert_eq!(page, json!({"messages": [], "has_more": false, "next": 0, "prev": 0}));
}

#[tokio::test]
async fn pages_pass_over_events_that_are_no_messages() {
    let server = Server::start().await;
    server.post("general", "Alice", "one").await;
    for round in 0..5 {
        server.put_room("general", &json!({"title": format!("round {round}")})).await;
    }
    server.post("general", "Alice", "seven").await;
    assert_eq!(ids(&server.get_json("/rooms/general/messages?after=1&limit=1").await), [7]);
    assert_eq!(ids(&server.get_json("/rooms/general/messages?before=7&limit=1").await), [1]);
    assert_eq!(ids(&server.get_json("/rooms/general/messages?limit=2").await), [1, 7]);
}

#[tokio::test]
async fn a_post_answers_the_message_and_where_it_is() {
    let server = Server::start().await;
    let body = json!({"username": "  Alice ", "content": " Hello "});
    let answer = server.http().post(server.api("/rooms/general/messages")).json(&body).send().await.expect("an answer");
    let location = answer.headers()["location"].to_str().expect("a location").to_owned();
    let message = json_of(answer, StatusCode::CREATED).await;
    assert_eq!(
        (&message["id"], &message["username"], &message["content"]),
        (&json!(1), &json!("Alice"), &json!(" Hello "))
    );
    let base = reqwest::Url::parse(&server.api("/rooms/general/messages")).expect("a URL");
    let followed = server.http().get(base.join(&location).expect("a location")).send().await.expect("an answer");
    assert_eq!(json_of(followed, StatusCode::OK).await, message);
}

#[tokio::test]
async fn a_form_posts_as_well_as_json() {
    let server = Server::start().await;
    let url = server.api("/rooms/general/messages");
    let form = [("username", "Alice"), ("content", "a+b & c=d é\nnew line")];
    let answer = server.http().post(&url).form(&form).send().await.expect("an answer");
    let message = json_of(answer, StatusCode::CREATED).await;
    assert_eq!((&message["username"], &message["content"]), (&json!("Alice"), &json!(form[1].1)));
    let form = [("username", "Bob"), ("content", "answer"), ("reply_to", "1"), ("client_id", "key")];
    let answer = server.http().post(&url).form(&form).send().await.expect("an answer");
    let message = json_of(answer, StatusCode::CREATED).await;
    assert_eq!((&message["reply_to"], &message["client_id"]), (&json!(1), &json!("key")));
}

#[tokio::test]
async fn a_key_posts_once_by_body_or_header() {
    let server = Server::start().await;
    let post = async |user: &str, in_body: bool, key: &str| {
        let mut body = json!({"username": user, "content": "once"});
        let mut request = server.http().post(server.api("/rooms/general/messages"));
        if in_body {
            body["client_id"] = json!(key);
        } else {
            request = request.header("Idempotency-Key", key);
        }
        request.json(&body).send().await.expect("an answer")
    };
    let first = post("Alice", true, "key 1").await;
    assert!(first.headers().get("idempotent-replayed").is_none());
    let first = json_of(first, StatusCode::CREATED).await;
    assert_eq!(first["client_id"], "key 1");
    for (user, in_body) in [("Alice", true), ("Alice", false), ("ALICE", true)] {
        let again = post(user, in_body, "key 1").await;
        assert_eq!(again.headers()["idempotent-replayed"], "true");
        assert_eq!(json_of(again, StatusCode::OK).await, first);
    }
    assert_eq!(post("Bob", true, "key 1").await.status(), 201, "a key is its author's");
    assert_eq!(post("Alice", false, "key 2").await.status(), 201);
    assert_eq!(server.head("general").await, 3);
}

#[tokio::test]
async fn two_posts_at_once_with_one_key_are_one_message() {
    let server = Server::start().await;
    for round in 0..20 {
        let body = json!({"username": "Alice", "content": "once", "client_id": format!("round {round}")});
        let post = || server.http().post(server.api("/rooms/general/messages")).json(&body).send();
        let (one, two) = tokio::join!(post(), post());
        let mut statuses = [one.expect("an answer").status().as_u16(), two.expect("an answer").status().as_u16()];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 201]);
    }
    assert_eq!(server.head("general").await, 20);
}

#[tokio::test]
async fn one_message_has_a_tag_and_a_missing_one_is_not_found() {
    let server = Server::start().await;
    let posted = server.post("general", "Alice", "hi").await;
    server.put_room("general", &json!({"title": "Two"})).await;
    let answer = server.get("/rooms/general/messages/1").await;
    let tag = answer.headers()["etag"].to_str().expect("a tag").to_owned();
    assert!(tag.starts_with('"') && tag.ends_with('"'), "{tag}");
    assert_eq!(json_of(answer, StatusCode::OK).await, posted);
    assert_eq!(server.get("/rooms/general/messages/1").await.headers()["etag"], tag.as_str());
    for missing in ["general/messages/2", "general/messages/3", "general/messages/0", "void/messages/1"] {
        assert_eq!(server.get(&format!("/rooms/{missing}")).await.status(), 404, "{missing}");
    }
}

#[tokio::test]
async fn presence_is_paged_by_name() {
    use crate::support::{Query, Reader, Transport};
    let server = Server::start().await;
    server.put_room("general", &json!({})).await;
    let mut readers = Vec::new();
    for name in ["Dora", "Anna", "Carl", "Bert", "Emil"] {
        let mut reader = Reader::open(&server, Transport::Sse, "general", Query::user(name)).await;
        reader.until_type("presence_state").await;
        readers.push(reader);
    }
    let (mut names, mut after) = (Vec::new(), String::new());
    loop {
        let page = server.get_json(&format!("/rooms/general/presence?limit=2{after}")).await;
        assert_eq!(page["online"], 5);
        let users = page["users"].as_array().expect("users");
        assert!(users.len() <= 2);
        for user in users {
            assert_eq!(user["status"], "online");
            assert!(user["since"].is_string());
            names.push(user["username"].as_str().expect("a name").to_owned());
        }
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => break,
        }
    }
    assert_eq!(names, ["Anna", "Bert", "Carl", "Dora", "Emil"]);
    assert_eq!(server.get_json("/rooms/general").await["online"], 5);
    let empty = server.get_json("/rooms/void/presence").await;
    assert_eq!(empty, json!({"online": 0, "users": [], "next": null}));
}

#[tokio::test]
async fn the_paths_around_the_api_answer() {
    let server = Server::start().await;
    for path in ["/healthz", "/readyz"] {
        assert_eq!(server.http().get(server.url(path)).send().await.expect("an answer").status(), 200, "{path}");
    }
    let page = server.http().get(server.url("/")).send().await.expect("an answer");
    assert_eq!(page.status(), 200);
    assert!(page.headers()["content-type"].to_str().expect("a type").starts_with("text/html"));
}

#[tokio::test]
async fn head_answers_as_get_without_the_body() {
    let server = Server::start().await;
    server.post("general", "Alice", "hi").await;
    let api =
        ["/rooms", "/rooms/general", "/rooms/general/messages", "/rooms/general/messages/1"].map(|p| server.api(p));
    for url in api.into_iter().chain(["/", "/healthz", "/openapi.json"].map(|path| server.url(path))) {
        let get = server.http().get(&url).send().await.expect("an answer");
        let head = server.http().head(&url).send().await.expect("an answer");
        assert_eq!(head.status(), get.status(), "{url}");
        assert_eq!(head.headers().get("content-type"), get.headers().get("content-type"), "{url}");
        assert_eq!(head.bytes().await.expect("a body").len(), 0, "{url}");
    }
}

#[tokio::test]
async fn every_answer_has_a_request_id_of_its_own() {
    let server = Server::start().await;
    let mut seen = std::collections::BTreeSet::new();
    for (method, path) in [
        (Method::GET, "/"),
        (Method::GET, "/healthz"),
        (Method::GET, "/openapi.json"),
        (Method::GET, "/nowhere"),
        (Method::DELETE, "/healthz"),
        (Method::GET, "/api/v1/rooms"),
        (Method::GET, "/api/v1/rooms/void"),
        (Method::GET, "/api/v1/rooms/general/stream"),
        (Method::GET, "/api/v1/rooms/general/poll"),
        (Method::GET, "/api/v1/rooms/general/ws"),
        (Method::POST, "/api/v1/rooms/general/messages"),
    ] {
        let answer = server.http().request(method.clone(), server.url(path)).send().await.expect("an answer");
        let id = answer.headers().get("x-request-id").unwrap_or_else(|| panic!("{method} {path} has no request id"));
        assert!(seen.insert(id.clone()), "{method} {path}: {id:?} twice");
    }
}

#[tokio::test]
async fn the_openapi_document_has_every_route() {
    let server = Server::start().await;
    let answer = server.http().get(server.url("/openapi.json")).send().await.expect("an answer");
    let document = json_of(answer, StatusCode::OK).await;
    assert!(document["openapi"].as_str().expect("a version").starts_with("3.1"), "{}", document["openapi"]);
    for (path, methods) in [
        ("/api/v1/rooms", &["get"][..]),
        ("/api/v1/rooms/{room}", &["get", "put"]),
        ("/api/v1/rooms/{room}/messages", &["get", "post"]),
        ("/api/v1/rooms/{room}/messages/{id}", &["get"]),
        ("/api/v1/rooms/{room}/typing", &["post"]),
        ("/api/v1/rooms/{room}/presence", &["get"]),
        ("/api/v1/rooms/{room}/stream", &["get"]),
        ("/api/v1/rooms/{room}/poll", &["get"]),
        ("/api/v1/rooms/{room}/ws", &["get"]),
        ("/healthz", &["get"]),
        ("/readyz", &["get"]),
    ] {
        for method in methods {
            assert!(document["paths"][path][method].is_object(), "{method} {path}");
        }
    }
}
