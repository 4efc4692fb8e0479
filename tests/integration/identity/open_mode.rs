//! Open mode knows nothing of identities: of all operations it has those alone that it had before there were any.

use parlor::domain::policy::Act;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::matrix::{body, operations};
use crate::support::{Server, browser::PASSWORD, problem::expect_problem, server::json_of};

/// The operations that are there in open mode, below `/api/v1`.
const OPEN: [(&str, &[&str]); 17] = [
    ("/me", &["GET"]),
    ("/limits", &["GET"]),
    ("/rooms", &["GET"]),
    ("/rooms/{room}", &["GET", "PUT"]),
    ("/rooms/{room}/messages", &["GET", "POST"]),
    ("/rooms/{room}/messages/{id}", &["GET", "PATCH", "DELETE"]),
    ("/rooms/{room}/messages/{id}/revisions", &["GET"]),
    ("/rooms/{room}/messages/{id}/reactions/{emoji}", &["GET", "PUT", "DELETE"]),
    ("/rooms/{room}/search", &["GET"]),
    ("/rooms/{room}/unread", &["GET"]),
    ("/rooms/{room}/read", &["GET", "PUT"]),
    ("/rooms/{room}/presence", &["GET"]),
    ("/rooms/{room}/typing", &["POST"]),
    ("/rooms/{room}/stream", &["GET"]),
    ("/rooms/{room}/poll", &["GET"]),
    ("/rooms/{room}/ws", &["GET"]),
    ("/stream", &["GET"]),
];

#[tokio::test]
async fn what_is_about_identities_is_not_there_in_open_mode() {
    let server = Server::start().await;
    server.post("general", "Alice", "hi").await;
    let (mut there, mut absent) = (0, 0);
    for (method, path, act) in operations(&server).await {
        let below = path.strip_prefix("/api/v1");
        let is_open = below.is_none_or(|below| {
            OPEN.iter().any(|(open, methods)| *open == below && methods.contains(&method.as_str()))
        });
        if is_open {
            there += 1;
            continue;
        }
        absent += 1;
        let url = path.replace("{room}", "general").replace("{username}", "Alice").replace("{id}", "1");
        let request = server.http().request(method.clone(), server.url(&url.replace("{stream}", "0")));
        let request = request.header("origin", server.url(""));
        let credentials = json!({"username": "Bob", "password": PASSWORD});
        let signing_in = (act == Act::SignIn).then_some(credentials);
        let request = if let Some(body) = body(act, &method).or(signing_in) { request.json(&body) } else { request };
        let problem = expect_problem(request.send().await.expect("an answer"), 404, "not_found", &[]).await;
        let unknown = expect_problem(server.get("/nothing").await, 404, "not_found", &[]).await;
        assert_eq!(problem["detail"], unknown["detail"], "{method} {path}: as where nothing ever was");
    }
    assert_eq!(there, OPEN.iter().map(|(_, methods)| methods.len()).sum::<usize>() + 2, "and the two old sockets");
    assert!(absent > 25, "{absent}");
}

#[tokio::test]
async fn fields_and_parameters_of_identities_are_unknown_in_open_mode_or_not_heeded() {
    let server = Server::start().await;
    server.post("general", "Alice", "hi").await;
    for change in [json!({"visibility": "private"}), json!({"posting": "moderators"}), json!({"slow_mode": 5})] {
        let field = change.as_object().and_then(|change| change.keys().next()).expect("a field");
        let put = server.http().put(server.api("/rooms/general")).json(&change).send().await.expect("an answer");
        expect_problem(put, 422, "invalid", &[field]).await;
    }
    let room = server.get_json("/rooms/general").await;
    for field in ["visibility", "posting", "slow_mode", "members", "role"] {
        assert!(room.get(field).is_none(), "{room}");
    }
    // All rooms are nobody's.
    let listed = server.get_json("/rooms?mine=true").await;
    assert_eq!(listed["rooms"], server.get_json("/rooms").await["rooms"]);
    assert_eq!(listed["rooms"].as_array().map(Vec::len), Some(1));
    // Credentials are not looked at, in whichever header, good or not.
    let names =
        [("authorization", "Bearer nonsense"), ("authorization", "Basic !!!"), ("cookie", "parlor=pls_nonsense")];
    for (name, value) in names {
        let post = server.http().post(server.api("/rooms/general/messages")).header(name, value);
        let post = post.json(&json!({"username": "Bob", "content": "hi"})).send().await.expect("an answer");
        let posted: Value = json_of(post, StatusCode::CREATED).await;
        assert_eq!(posted["username"], "Bob");
    }
    let method = Method::DELETE;
    let deleted = server.http().request(method, server.api("/rooms/general/messages/1?username=Alice")).send().await;
    json_of(deleted.expect("an answer"), StatusCode::OK).await;
}
