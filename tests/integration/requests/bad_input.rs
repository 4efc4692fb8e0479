//! Fields that break a rule, each refused by name, and those just within the limits.

use reqwest::Method;
use serde_json::{Value, json};

use super::{FORM, JSON, MESSAGES, padded, post_json, send, still_works};
use crate::support::{
    Server,
    problem::{any_problem, expect_problem},
};

#[tokio::test]
async fn json_of_the_wrong_shape_is_invalid() {
    let server = Server::start().await;
    for (body, fields) in [
        (json!([]), &[][..]),
        (json!("text"), &[]),
        (json!(null), &[]),
        (json!({}), &["username", "content"]),
        (json!({"content": "x"}), &["username"]),
        (json!({"username": "A"}), &["content"]),
        (json!({"username": null, "content": null}), &["username", "content"]),
        (json!({"username": 5, "content": "x"}), &["username"]),
        (json!({"username": "A", "content": ["x"]}), &["content"]),
        (json!({"username": "A", "content": {"text": "x"}}), &["content"]),
        (json!({"username": "A", "content": "x", "reply_to": "1st"}), &["reply_to"]),
        (json!({"username": "A", "content": "x", "reply_to": 1.5}), &["reply_to"]),
        (json!({"username": "A", "content": "x", "reply_to": 1e30}), &["reply_to"]),
        (json!({"username": "A", "content": "x", "client_id": 7}), &["client_id"]),
    ] {
        expect_problem(post_json(&server, &body).await, 422, "invalid", fields).await;
        still_works(&server).await;
    }
    assert_eq!(server.head("general").await, 0);
}

#[tokio::test]
async fn a_message_that_breaks_a_rule_is_invalid() {
    let server = Server::start().await;
    server.put_room("general", &json!({})).await;
    server.put_room("general", &json!({"title": "an event that is no message"})).await;
    let long = "x".repeat(101);
    let names =
        ["", "   ", "a\u{7}b", "a\nb", "a\u{0}b", "a\u{202e}b", "a\u{2066}b", "a\u{200b}b", "a\u{feff}b", &long];
    for name in names {
        let body = json!({"username": name, "content": "x"});
        expect_problem(post_json(&server, &body).await, 422, "invalid", &["username"]).await;
    }
    for content in ["", " ", " \t\r\n\u{3000}", "a\u{0}b", &"x".repeat(10_001), &("€".repeat(3_333) + "ab")] {
        let body = json!({"username": "A", "content": content});
        expect_problem(post_json(&server, &body).await, 422, "invalid", &["content"]).await;
    }
    for client_id in ["", &"k".repeat(65), "é", "a\nb", "a\u{7f}", "👩"] {
        let body = json!({"username": "A", "content": "x", "client_id": client_id});
        expect_problem(post_json(&server, &body).await, 422, "invalid", &["client_id"]).await;
    }
    for reply_to in [-1, 0, 1, 2, 99, i64::MAX] {
        let body = json!({"username": "A", "content": "x", "reply_to": reply_to});
        expect_problem(post_json(&server, &body).await, 422, "invalid", &["reply_to"]).await;
    }
    let all = json!({"username": "", "content": "", "client_id": "", "reply_to": 99});
    expect_problem(post_json(&server, &all).await, 422, "invalid", &["username", "content", "client_id"]).await;
    assert_eq!(server.head("general").await, 1, "what is refused takes no id");
    assert_eq!(server.post("general", "A", "x").await["id"], 2);
}

#[tokio::test]
async fn a_form_is_held_to_the_same_rules() {
    let server = Server::start().await;
    for (form, fields) in [
        ("", &["username", "content"][..]),
        ("username=A", &["content"]),
        ("username=A&content=", &["content"]),
        ("username=A&content=x&reply_to=first", &["reply_to"]),
        ("username=A&content=a%00b", &["content"]),
    ] {
        let answer = send(&server, Method::POST, MESSAGES, FORM, form).await;
        expect_problem(answer, 422, "invalid", fields).await;
    }
    for (form, field) in
        [("username=A&content=%ff%fe", "content"), ("username=%e2%28&content=x", "username"), ("%ff=1", "\u{fffd}")]
    {
        let answer = send(&server, Method::POST, MESSAGES, FORM, form).await;
        let problem = expect_problem(answer, 422, "invalid", &[field]).await;
        assert!(problem["detail"].as_str().is_some_and(|detail| detail.contains("UTF-8")), "{form}");
    }
    for form in ["username=A&username=B&content=x", "&&&=&=", "%"] {
        let answer = send(&server, Method::POST, MESSAGES, FORM, form).await;
        if !answer.status().is_success() {
            assert!(answer.status().is_client_error(), "{form}");
            any_problem(answer).await;
        }
    }
    still_works(&server).await;
}

#[tokio::test]
async fn what_is_just_within_the_limits_is_taken() {
    let server = Server::start().await;
    let user = "é".repeat(100);
    for content in ["x".repeat(10_000), "€".repeat(3_333) + "x", "👩".repeat(2_500)] {
        assert_eq!(server.post("general", &user, &content).await["content"], content);
    }
    let room = "r".repeat(100);
    server.put_room(&room, &json!({"title": "é".repeat(200), "topic": "é".repeat(1_000)})).await;
    let body = json!({"username": "A", "content": "x", "client_id": "~ ".repeat(31) + "~!"});
    assert_eq!(post_json(&server, &body).await.status(), 201);
    let body = padded(64 * 1024);
    assert_eq!(send(&server, Method::POST, MESSAGES, JSON, body).await.status(), 201);
}

#[tokio::test]
async fn a_key_must_be_one_and_be_used_for_one_message() {
    let server = Server::start().await;
    let post = async |header: Option<&str>, body: Value| {
        let request = server.http().post(server.api(MESSAGES)).json(&body);
        let request = header.iter().fold(request, |request, key| request.header("Idempotency-Key", *key));
        request.send().await.expect("an answer")
    };
    let both = json!({"username": "A", "content": "x", "client_id": "one"});
    expect_problem(post(Some("two"), both.clone()).await, 422, "invalid", &["client_id"]).await;
    assert_eq!(post(Some("one"), both).await.status(), 201, "the same in both places");
    let plain = json!({"username": "A", "content": "x"});
    let lines = async |keys: [&str; 2]| {
        let request = server.http().post(server.api(MESSAGES)).json(&plain);
        let request = keys.iter().fold(request, |request, key| request.header("Idempotency-Key", *key));
        request.send().await.expect("an answer")
    };
    let problem = expect_problem(lines(["one", "two"]).await, 422, "invalid", &["client_id"]).await;
    assert!(problem["detail"].as_str().is_some_and(|detail| detail.contains("Idempotency-Key")), "{problem}");
    assert_eq!(lines(["one", "one"]).await.status(), 200, "the same on both lines");
    expect_problem(post(Some(&"k".repeat(65)), plain.clone()).await, 422, "invalid", &["client_id"]).await;
    for other in [
        json!({"username": "A", "content": "y", "client_id": "one"}),
        json!({"username": "a", "content": "x", "client_id": "one", "reply_to": 1}),
    ] {
        expect_problem(post(None, other).await, 422, "idempotency_key_reused", &[]).await;
    }
    let again = post(Some("one"), plain).await;
    assert_eq!(
        (again.status().as_u16(), &again.headers()["idempotent-replayed"]),
        (200, &"true".parse().expect("text"))
    );
    assert_eq!(server.head("general").await, 1);
}

#[tokio::test]
async fn a_room_that_breaks_a_rule_is_invalid() {
    let server = Server::start().await;
    for (body, field) in [
        (json!({"title": "x".repeat(201)}), "title"),
        (json!({"topic": "x".repeat(1_001)}), "topic"),
        (json!({"title": "a\u{0}b"}), "title"),
        (json!({"title": 5}), "title"),
        (json!({"topic": []}), "topic"),
    ] {
        let answer = send(&server, Method::PUT, "/rooms/general", JSON, body.to_string()).await;
        expect_problem(answer, 422, "invalid", &[field]).await;
    }
    assert_eq!(server.get("/rooms/general").await.status(), 404);
}

#[tokio::test]
async fn typing_that_breaks_a_rule_is_invalid() {
    let server = Server::start().await;
    for (body, field) in [
        (json!({"is_typing": true}), "username"),
        (json!({"username": "A"}), "is_typing"),
        (json!({"username": "A", "is_typing": "yes"}), "is_typing"),
        (json!({"username": "\u{202e}", "is_typing": true}), "username"),
    ] {
        let answer = send(&server, Method::POST, "/rooms/general/typing", JSON, body.to_string()).await;
        expect_problem(answer, 422, "invalid", &[field]).await;
    }
}
