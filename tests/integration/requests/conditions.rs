//! Conditions (`If-Match`, `If-None-Match`) on everything that has a tag, and the event that a change says it made.

use reqwest::{Method, RequestBuilder, Response, StatusCode, header};
use serde_json::{Value, json};

use crate::support::{DEADLINE, Server, problem::expect_problem, server::json_of, within};

const MESSAGE: &str = "/rooms/general/messages/1";

async fn sent(request: RequestBuilder) -> Response {
    within(DEADLINE, "the request is answered", request.send()).await.expect("an answer")
}

fn tag(answer: &Response) -> String {
    answer.headers()[header::ETAG].to_str().expect("a tag").to_owned()
}

fn event_id(answer: &Response) -> Option<i64> {
    let id = answer.headers().get("event-id")?;
    Some(id.to_str().expect("text").parse().expect("an id"))
}

/// Every operation that changes something with a tag, on a message by Alice.
fn changes(server: &Server) -> Vec<(&'static str, RequestBuilder)> {
    let ask = |method, path: &str| server.http().request(method, server.api(path));
    let reaction = format!("{MESSAGE}/reactions/%F0%9F%91%8D?username=Alice");
    vec![
        ("edit", ask(Method::PATCH, MESSAGE).json(&json!({"username": "Alice", "content": "new"}))),
        ("react", ask(Method::PUT, &reaction)),
        ("take back", ask(Method::DELETE, &reaction)),
        ("put", ask(Method::PUT, "/rooms/general").json(&json!({"title": "new"}))),
        ("delete", ask(Method::DELETE, &format!("{MESSAGE}?username=Alice"))),
    ]
}

#[tokio::test]
async fn a_condition_that_fails_changes_nothing_whatever_is_asked() {
    let server = Server::start().await;
    server.post("general", "Alice", "Hello").await;
    let message = server.get_json(MESSAGE).await;
    for (name, value) in [
        (header::IF_MATCH, "\"wrong\""),
        (header::IF_MATCH, "\"wro.ng\", W/\"al.so\""),
        (header::IF_MATCH, "nonsense"),
        (header::IF_MATCH, ""),
        (header::IF_NONE_MATCH, "*"),
    ] {
        for (what, request) in changes(&server) {
            let answer = sent(request.header(&name, value)).await;
            assert_eq!(event_id(&answer), None, "{what} {name}: {value}");
            expect_problem(answer, 412, "precondition_failed", &[]).await;
        }
    }
    assert_eq!(server.get_json(MESSAGE).await, message);
    assert_eq!(server.head("general").await, 1);
}

#[tokio::test]
async fn a_tag_that_a_proxy_has_changed_still_matches() {
    for form in ["{}", "W/{}", "\"x.y\", {}", "gzip", "br", "zstd"] {
        let server = Server::start().await;
        server.post("general", "Alice", "Hello").await;
        for (what, request) in changes(&server) {
            let path = if what == "put" { "/rooms/general" } else { MESSAGE };
            let tag = tag(&server.get(path).await);
            let seen = if form.contains("{}") {
                form.replace("{}", &tag)
            } else {
                format!("W/\"{}-{form}\"", tag.trim_matches('"'))
            };
            let answer = sent(request.header(header::IF_MATCH, &seen)).await;
            assert_eq!(answer.status(), StatusCode::OK, "{what} {seen}");
            assert!(event_id(&answer).is_some(), "{what}");
        }
    }
}

#[tokio::test]
async fn a_reaction_defeats_no_edit_and_an_edit_defeats_every_later_change() {
    let server = Server::start().await;
    let posted = sent(
        server.http().post(server.api("/rooms/general/messages")).json(&json!({"username": "Alice", "content": "a"})),
    )
    .await;
    let first = tag(&posted);
    assert_eq!(tag(&server.get(MESSAGE).await), first, "a post's answer has the message's tag");
    let reaction = |user: &str| {
        let path = format!("{MESSAGE}/reactions/%F0%9F%91%8D?username={user}");
        server.http().put(server.api(&path))
    };
    let edit = |content: &str| {
        server.http().patch(server.api(MESSAGE)).json(&json!({"username": "Alice", "content": content}))
    };
    let second = tag(&sent(reaction("Bob").header(header::IF_MATCH, &first)).await);
    assert_ne!(first, second);
    let stale = sent(reaction("Eve").header(header::IF_MATCH, &first)).await;
    assert_eq!(stale.status(), StatusCode::PRECONDITION_FAILED, "a reaction is about all that the message shows");
    let third = sent(edit("b").header(header::IF_MATCH, &first)).await;
    assert_eq!(third.status(), StatusCode::OK);
    let third = tag(&third);
    assert_eq!(tag(&server.get(MESSAGE).await), third);
    for (what, request) in changes(&server).into_iter().filter(|(what, _)| *what != "put") {
        let answer = sent(request.header(header::IF_MATCH, &second)).await;
        assert_eq!(answer.status(), StatusCode::PRECONDITION_FAILED, "{what}");
    }
    let deleted = changes(&server).pop().expect("the deletion").1;
    assert_eq!(sent(deleted.header(header::IF_MATCH, &third)).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn conditions_count_only_where_all_else_is_well() {
    let server = Server::start().await;
    server.post("general", "Alice", "Hello").await;
    let missing = server.http().delete(server.api("/rooms/general/messages/9?username=Alice"));
    expect_problem(sent(missing.header(header::IF_MATCH, "\"wrong\"")).await, 404, "not_found", &[]).await;
    let not_hers = server.http().delete(server.api(&format!("{MESSAGE}?username=Eve")));
    expect_problem(sent(not_hers.header(header::IF_MATCH, "\"wrong\"")).await, 403, "not_the_author", &[]).await;
    let blank = server.http().patch(server.api(MESSAGE)).json(&json!({"username": "Alice", "content": " "}));
    expect_problem(sent(blank.header(header::IF_MATCH, "\"wrong\"")).await, 422, "invalid", &["content"]).await;
}

#[tokio::test]
async fn what_is_known_already_is_not_sent_again() {
    let server = Server::start().await;
    server.post("general", "Alice", "Hello").await;
    for path in [MESSAGE, "/rooms/general"] {
        let get = |name: header::HeaderName, value: &str| sent(server.http().get(server.api(path)).header(name, value));
        let current = tag(&server.get(path).await);
        for known in [&current, "*", &format!("W/{current}"), &format!("\"x.y\",{current}")] {
            let answer = get(header::IF_NONE_MATCH, known).await;
            assert_eq!(answer.status(), StatusCode::NOT_MODIFIED, "{path} {known}");
            assert_eq!(tag(&answer), current);
            assert!(answer.bytes().await.expect("a body").is_empty());
        }
        assert_eq!(get(header::IF_NONE_MATCH, "\"x.y\"").await.status(), StatusCode::OK);
        assert_eq!(get(header::IF_MATCH, &current).await.status(), StatusCode::OK);
        expect_problem(get(header::IF_MATCH, "\"x.y\"").await, 412, "precondition_failed", &[]).await;
    }
    // Of a room all that it shows counts: its head has moved.
    let before = tag(&server.get("/rooms/general").await);
    server.post("general", "Alice", "again").await;
    let get = server.http().get(server.api("/rooms/general")).header(header::IF_NONE_MATCH, &before);
    assert_eq!(sent(get).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_room_is_made_only_if_it_is_not_there_yet() {
    let server = Server::start().await;
    let put = |name: header::HeaderName, value: &str, title: &str| {
        let request = server.http().put(server.api("/rooms/new")).json(&json!({"title": title}));
        sent(request.header(name, value))
    };
    expect_problem(put(header::IF_MATCH, "*", "a").await, 412, "precondition_failed", &[]).await;
    assert_eq!(server.get("/rooms/new").await.status(), StatusCode::NOT_FOUND, "a refusal makes no room");
    let made = put(header::IF_NONE_MATCH, "*", "a").await;
    assert_eq!((made.status(), event_id(&made)), (StatusCode::CREATED, None), "making a room takes no id");
    let seen = tag(&made);
    expect_problem(put(header::IF_NONE_MATCH, "*", "b").await, 412, "precondition_failed", &[]).await;
    // A message moves the head, which is none of what is set.
    server.post("new", "Alice", "Hello").await;
    assert_eq!(event_id(&put(header::IF_MATCH, &seen, "b").await), Some(2));
    assert_eq!(put(header::IF_MATCH, &seen, "c").await.status(), StatusCode::PRECONDITION_FAILED);
}

#[tokio::test]
async fn every_change_names_the_event_it_made_and_none_if_nothing_changed() {
    let server = Server::start().await;
    let post = || {
        let body = json!({"username": "Alice", "content": "Hello", "client_id": "k"});
        server.http().post(server.api("/rooms/general/messages")).json(&body)
    };
    let posted = sent(post()).await;
    assert_eq!(event_id(&posted), Some(1));
    let replayed = sent(post()).await;
    assert_eq!((event_id(&replayed), tag(&replayed)), (None, tag(&posted)));
    let mut expected = 1;
    // Taking the reaction back again would be a change: it is on again by then.
    for (what, request) in changes(&server) {
        let again = request.try_clone().expect("a request without a stream");
        expected += 1;
        let first = sent(request).await;
        assert_eq!(event_id(&first), Some(expected), "{what}");
        assert!(first.headers().contains_key(header::ETAG), "{what}");
        let second = sent(again).await;
        assert_eq!((second.status(), event_id(&second)), (StatusCode::OK, None), "{what} again");
        assert!(second.headers().contains_key(header::ETAG), "{what} again");
    }
    let read = server.http().put(server.api("/rooms/general/read"));
    let read = sent(read.json(&json!({"username": "Bob", "last_read_id": 1}))).await;
    assert_eq!((read.status(), event_id(&read)), (StatusCode::OK, None), "a read cursor is no event");
}

#[tokio::test]
async fn a_key_that_was_used_names_its_message_and_finds_it() {
    let server = Server::start().await;
    server.post("general", "Bob", "before").await;
    let post = |content: &str| {
        let body = json!({"username": "Alice", "content": content, "client_id": "k"});
        sent(server.http().post(server.api("/rooms/general/messages")).json(&body))
    };
    let message = json_of(post("Hello").await, StatusCode::CREATED).await;
    let reused = expect_problem(post("other").await, 422, "idempotency_key_reused", &[]).await;
    assert_eq!(reused["message_id"], 2);

    let find = "/rooms/general/messages?client_id=k&username=";
    let found = server.get_json(&format!("{find}ALICE")).await;
    assert_eq!(found, json!({"messages": [message], "has_more": false, "next": 2, "prev": 2}));
    let nothing = json!({"messages": [], "has_more": false, "next": 0, "prev": 0});
    for path in [format!("{find}Bob"), find.replace("general", "unmade") + "Alice"] {
        let found: Value = server.get_json(&path).await;
        assert_eq!(found, nothing, "{path}");
    }
    for (query, field) in [
        ("client_id=k", "username"),
        ("client_id=k&username=Alice&before=3", "client_id"),
        ("client_id=%C3%A9&username=Alice", "client_id"),
    ] {
        let answer = server.get(&format!("/rooms/general/messages?{query}")).await;
        expect_problem(answer, 400, "bad_query", &[field]).await;
    }
}
