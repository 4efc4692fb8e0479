//! Posting messages, and reading them page by page.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::{Server, server::json_of};

fn ids(page: &Value) -> Vec<i64> {
    let messages = page["messages"].as_array().unwrap_or_else(|| panic!("no messages in {page}"));
    messages.iter().map(|message| message["id"].as_i64().expect("an id")).collect()
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
