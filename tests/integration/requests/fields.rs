//! The fields that come with a request: unknown ones are never lost in silence, and who acts may stand in the
//! body or in the query.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{Server, problem::expect_problem, server::json_of};

const MESSAGES: &str = "/rooms/general/messages";
const FORM: &str = "application/x-www-form-urlencoded";

async fn send(server: &Server, method: &Method, path: &str, body: &Value) -> reqwest::Response {
    server.http().request(method.clone(), server.api(path)).json(body).send().await.expect("an answer")
}

async fn send_form(server: &Server, form: &'static str) -> reqwest::Response {
    let request = server.http().post(server.api(MESSAGES)).header("Content-Type", FORM);
    request.body(form).send().await.expect("an answer")
}

#[tokio::test]
async fn a_field_that_no_operation_knows_is_refused_by_name_with_the_nearest_known() {
    let server = Server::start().await;
    server.post("general", "A", "x").await;
    let message = format!("{MESSAGES}/1");
    let reaction = format!("{message}/reactions/x");
    for (method, path, field, nearest, body) in [
        (Method::POST, MESSAGES, "clientId", "client_id", json!({"username": "A", "content": "y"})),
        (Method::POST, MESSAGES, "replyTo", "reply_to", json!({"username": "A", "content": "y"})),
        (Method::PUT, "/rooms/general", "titel", "title", json!({"topic": "y"})),
        (Method::PATCH, &message, "Content", "content", json!({"username": "A", "content": "y"})),
        (Method::DELETE, &message, "user_name", "username", json!({"username": "A"})),
        (Method::PUT, &reaction, "usernam", "username", json!({"username": "A"})),
        (Method::PUT, "/rooms/general/read", "lastReadId", "last_read_id", json!({"username": "A", "last_read_id": 1})),
        (Method::POST, "/rooms/general/typing", "isTyping", "is_typing", json!({"username": "A", "is_typing": true})),
    ] {
        let mut with = body.clone();
        with[field] = json!("z");
        let problem = expect_problem(send(&server, &method, path, &with).await, 422, "invalid", &[field]).await;
        assert_eq!(problem["detail"], format!("{field}: no such field; did you mean `{nearest}`?"), "{path}");
    }
    assert_eq!(server.head("general").await, 1, "nothing was done by half");
    for form in
        ["username=ci&content=tests passed & deployed", "username=ci&content=a&b=c", "username=ci&content=a&&=x"]
    {
        let problem = expect_problem(send_form(&server, form).await, 422, "invalid", &[]).await;
        assert!(problem["detail"].as_str().is_some_and(|detail| detail.contains("no such field")), "{problem}");
    }
    assert_eq!(server.head("general").await, 1);
}

#[tokio::test]
async fn a_parameter_is_refused_if_it_is_a_slip_and_passed_over_if_it_is_not() {
    let server = Server::start().await;
    server.post("general", "A", "x").await;
    for (path, slip, nearest) in [
        (MESSAGES, "limt", "limit"),
        (MESSAGES, "Limit", "limit"),
        (MESSAGES, "befor", "before"),
        ("/rooms", "aftre", "after"),
        ("/rooms/general/search", "Q", "q"),
        ("/rooms/general/poll", "Since", "since"),
        ("/rooms/general/stream", "user_name", "username"),
        ("/rooms/general/stream", "type", "types"),
        ("/stream", "room", "rooms"),
        ("/rooms/general/unread", "usename", "username"),
    ] {
        let answer = server.get(&format!("{path}?{slip}=1")).await;
        let problem = expect_problem(answer, 400, "bad_query", &[slip]).await;
        assert_eq!(problem["detail"], format!("{slip}: no such field; did you mean `{nearest}`?"));
    }
    let answer = send(&server, &Method::POST, &format!("{MESSAGES}?userName=A"), &json!({"content": "y"})).await;
    expect_problem(answer, 400, "bad_query", &["userName"]).await;

    for other in ["_=1764345600", "t=1", "v", "cachebuster=x", "utm_source=mail", "=", "%F0%9F%91%8D=1"] {
        for path in [MESSAGES, "/rooms", "/rooms/general/messages/1", "/rooms/general/poll?since=0&wait=0"] {
            let separator = if path.contains('?') { '&' } else { '?' };
            let answer = server.get(&format!("{path}{separator}{other}")).await;
            assert_eq!(answer.status(), 200, "{path} with {other}");
        }
        let stream = server.get(&format!("/rooms/general/stream?{other}")).await;
        assert_eq!(
            (stream.status().as_u16(), &stream.headers()["content-type"]),
            (200, &"text/event-stream; charset=utf-8".parse().expect("text")),
            "{other}"
        );
    }
}

#[tokio::test]
async fn who_acts_may_stand_in_the_body_or_in_the_query() {
    let server = Server::start().await;
    server.post("general", "Alice", "x").await;
    let ask = async |method: Method, path: &str, body: Value| send(&server, &method, path, &body).await;
    for (body, query) in [(json!("Alice"), ""), (json!(null), "Alice"), (json!("ALICE"), "?alice")] {
        let with = |path: &str| match query.trim_start_matches('?') {
            "" => path.to_owned(),
            name => format!("{path}?username={name}"),
        };
        let fields = |mut fields: Value| {
            if !body.is_null() {
                fields["username"] = body.clone();
            }
            fields
        };
        let message =
            json_of(ask(Method::POST, &with(MESSAGES), fields(json!({"content": "y"}))).await, StatusCode::CREATED)
                .await;
        assert!(message["username"].as_str().is_some_and(|name| name.eq_ignore_ascii_case("alice")), "{message}");
        let path = format!("{MESSAGES}/{}", message["id"]);
        assert_eq!(ask(Method::PATCH, &with(&path), fields(json!({"content": "z"}))).await.status(), 200);
        let reaction = format!("{path}/reactions/x");
        for method in [Method::PUT, Method::DELETE] {
            assert_eq!(ask(method, &with(&reaction), fields(json!({}))).await.status(), 200);
        }
        assert_eq!(ask(Method::DELETE, &with(&path), fields(json!({}))).await.status(), 200);
        assert_eq!(
            ask(Method::PUT, &with("/rooms/general/read"), fields(json!({"last_read_id": 1}))).await.status(),
            200
        );
        assert_eq!(
            ask(Method::POST, &with("/rooms/general/typing"), fields(json!({"is_typing": false}))).await.status(),
            204
        );
    }
    let form = [("username", "Alice")];
    let deleted =
        server.http().delete(server.api(&format!("{MESSAGES}/1"))).form(&form).send().await.expect("an answer");
    assert_eq!(deleted.status(), 200);
}

#[tokio::test]
async fn two_names_that_differ_are_invalid() {
    let server = Server::start().await;
    server.post("general", "Alice", "x").await;
    let (message, reaction) = (format!("{MESSAGES}/1"), format!("{MESSAGES}/1/reactions/x"));
    for (method, path, body) in [
        (Method::POST, MESSAGES, json!({"content": "y"})),
        (Method::PATCH, message.as_str(), json!({"content": "y"})),
        (Method::DELETE, &message, json!({})),
        (Method::PUT, &reaction, json!({})),
        (Method::DELETE, &reaction, json!({})),
        (Method::PUT, "/rooms/general/read", json!({"last_read_id": 1})),
        (Method::POST, "/rooms/general/typing", json!({"is_typing": true})),
    ] {
        let mut body = body.clone();
        body["username"] = json!("Alice");
        let answer = send(&server, &method, &format!("{path}?username=Bob"), &body).await;
        expect_problem(answer, 422, "invalid", &["username"]).await;
        body["username"] = json!("\u{202e}");
        expect_problem(send(&server, &method, path, &body).await, 422, "invalid", &["username"]).await;
        body["username"] = json!(5);
        expect_problem(send(&server, &method, path, &body).await, 422, "invalid", &["username"]).await;
    }
    assert_eq!(server.head("general").await, 1);
}

#[tokio::test]
async fn an_empty_field_of_a_form_is_absent() {
    let server = Server::start().await;
    for n in 1..=2 {
        let answer = send_form(&server, "username=A&content=x&reply_to=&client_id=").await;
        let message = json_of(answer, StatusCode::CREATED).await;
        assert_eq!(
            (&message["id"], &message["reply_to"], &message["client_id"]),
            (&json!(n), &json!(null), &json!(null))
        );
    }
    server.put_room("general", &json!({"title": "Plans"})).await;
    let form = [("title", ""), ("topic", "Where to go")];
    let answer = server.http().put(server.api("/rooms/general")).form(&form).send().await.expect("an answer");
    let room = json_of(answer, StatusCode::OK).await;
    assert_eq!((&room["title"], &room["topic"]), (&json!("Plans"), &json!("Where to go")));
    server.put_room("general", &json!({"title": ""})).await;
    assert_eq!(server.get_json("/rooms/general").await["title"], "", "JSON can empty it");
}
