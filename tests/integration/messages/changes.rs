//! Edits, deletions and reactions by REST, and the events of them for readers of every transport: live, and from a
//! cursor.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{
    DEADLINE, Query, Reader, Server, Transport,
    command::Command,
    reader::kind,
    server::{Builder, json_of},
    within,
};

over_every_transport!(
    an_edit_is_an_event_and_replayed_as_the_message_is_now,
    a_deletion_leaves_a_tombstone_and_nothing_else,
    a_reaction_is_counted_once_a_user,
    a_reader_behind_a_deletion_gets_every_id_and_no_content,
);

/// Asks for a change of what is at a path of the API.
async fn ask(server: &Server, method: Method, path: &str, body: Option<Value>) -> reqwest::Response {
    let request = server.http().request(method, server.api(path));
    let request = if let Some(body) = body { request.json(&body) } else { request };
    within(DEADLINE, format!("{path} is answered"), request.send()).await.expect("an answer")
}

async fn edit(server: &Server, id: i64, user: &str, content: &str) -> reqwest::Response {
    server.ask("general", &Command::edit(user, id, content)).await
}

async fn delete(server: &Server, id: i64, user: &str) -> reqwest::Response {
    server.ask("general", &Command::delete(user, id)).await
}

async fn react(server: &Server, method: Method, id: i64, user: &str, emoji: &str) -> reqwest::Response {
    let (user, emoji) = (user.to_owned(), emoji.to_owned());
    server.ask("general", &Command::React { user, id, emoji, on: method == Method::PUT }).await
}

async fn ok(answer: reqwest::Response) -> Value {
    json_of(answer, StatusCode::OK).await
}

/// The code of a problem with this status.
async fn refused(answer: reqwest::Response, status: StatusCode) -> String {
    json_of(answer, status).await["code"].as_str().expect("a code").to_owned()
}

async fn an_edit_is_an_event_and_replayed_as_the_message_is_now(transport: Transport) {
    let mut server = Server::start().await;
    let mut live = Reader::open(&server, transport, "general", Query::since(0)).await;
    let posted = server.post("general", "Alice", "Helo").await;
    assert_eq!(live.next_durable().await["id"], 1);
    let edited = ok(edit(&server, 1, "alice", "Hello").await).await;
    assert_eq!((&edited["content"], &edited["timestamp"]), (&json!("Hello"), &posted["timestamp"]));
    let event = live.next_durable().await;
    let expected = json!({
        "type": "message_edited", "room": "general", "id": 2, "message_id": 1, "new_content": "Hello",
        "edited_at": edited["edited_at"], "message": edited,
    });
    assert_eq!(event, expected);

    assert_eq!(ok(edit(&server, 1, "Alice", "Hello").await).await, edited, "nothing changed");
    let again = ok(edit(&server, 1, "Alice", "Hello, all").await).await;
    assert_eq!(live.next_durable().await["id"], 3, "an edit that changes nothing takes no id");
    let revisions = server.get_json("/rooms/general/messages/1/revisions").await;
    let expected = json!([
        {"content": "Helo", "timestamp": posted["timestamp"]},
        {"content": "Hello", "timestamp": edited["edited_at"]},
    ]);
    assert_eq!((&revisions["revisions"], &revisions["next"]), (&expected, &Value::Null));
    let page = server.get_json("/rooms/general/messages/1/revisions?limit=1").await;
    assert_eq!(page["revisions"], json!([expected[0]]));
    let rest = format!("/rooms/general/messages/1/revisions?limit=1&after={}", page["next"]);
    assert_eq!(server.get_json(&rest).await, json!({"revisions": [expected[1]], "next": null}));

    // What is still in memory may be shown as it was; what comes from the store is as it is now.
    let mut replay = Reader::open(&server, transport, "general", Query::since(0)).await;
    let contents = [replay.next_durable().await, replay.next_durable().await, replay.next_durable().await]
        .map(|event| event["message"]["content"].clone());
    assert_eq!(contents[2], "Hello, all");
    server.restart().await;
    let mut replay = Reader::open(&server, transport, "general", Query::since(0)).await;
    for id in 1..=3 {
        let event = replay.next_durable().await;
        assert_eq!((&event["id"], &event["message"]), (&json!(id), &again), "as it is now");
    }
    let history = Reader::open(&server, transport, "general", Query::new()).await.next().await;
    assert_eq!((&history["messages"], &history["id"]), (&json!([again]), &json!(3)));
    assert_eq!(server.get_json("/rooms/general/messages/1").await, again);
}

async fn a_deletion_leaves_a_tombstone_and_nothing_else(transport: Transport) {
    let server = Server::start().await;
    server.post("general", "Alice", "a secret").await;
    ok(edit(&server, 1, "Alice", "another secret").await).await;
    ok(react(&server, Method::PUT, 1, "Bob", ":secret:").await).await;
    let mut live = Reader::open(&server, transport, "general", Query::new()).await;
    live.until_type("message_history").await;
    let tombstone = ok(delete(&server, 1, "Alice").await).await;
    assert_eq!((&tombstone["content"], &tombstone["reactions"]), (&json!(""), &json!([])));
    let event = live.next_durable().await;
    let expected = json!({
        "type": "message_deleted", "room": "general", "id": 4, "message_id": 1,
        "deleted_at": tombstone["deleted_at"], "username": "Alice",
    });
    assert_eq!(event, expected);
    assert_eq!(ok(delete(&server, 1, "Alice").await).await, tombstone, "again is no change");

    for change in [edit(&server, 1, "Alice", "x").await, react(&server, Method::PUT, 1, "Bob", "👍").await] {
        assert_eq!(refused(change, StatusCode::GONE).await, "deleted");
    }
    assert_eq!(server.head("general").await, 4);
    let mut answers = vec![
        server.get_json("/rooms/general/messages").await.to_string(),
        server.get_json("/rooms/general/messages/1").await.to_string(),
        server.get_json("/rooms/general/messages/1/revisions").await.to_string(),
        server.get_json("/rooms/general/messages/1/reactions/:secret:").await.to_string(),
    ];
    let mut replay = Reader::open(&server, transport, "general", Query::since(0)).await;
    for id in 1..=4 {
        let event = replay.next_durable().await;
        assert_eq!(event["id"], id);
        match id {
            1 => assert_eq!(event["message"], tombstone),
            2 => assert_eq!((&event["new_content"], &event["message"]), (&json!(""), &tombstone)),
            3 => assert_eq!((&event["emoji"], &event["reactions"]), (&json!(""), &json!([]))),
            _ => assert_eq!(event, expected),
        }
        answers.push(event.to_string());
    }
    answers.push(Reader::open(&server, transport, "general", Query::new()).await.next_text().await);
    for answer in answers {
        assert!(!answer.contains("secret"), "{answer}");
    }
}

async fn a_reader_behind_a_deletion_gets_every_id_and_no_content(transport: Transport) {
    let server = Server::start().await;
    // All of it is in the ring, and a slot in its midst is let go.
    for number in 1..=9 {
        server.post("general", "Alice", &format!("secret {number}")).await;
    }
    ok(delete(&server, 4, "Alice").await).await;
    server.post("general", "Alice", "after").await;
    let mut reader = Reader::open(&server, transport, "general", Query::since(2)).await;
    for id in 3..=11 {
        let event = reader.next_durable().await;
        assert_eq!(event["id"], id);
        let content = &event["message"]["content"];
        match id {
            4 => assert_eq!((content, event["message"]["deleted_at"].is_string()), (&json!(""), true)),
            10 => assert_eq!(kind(&event), "message_deleted"),
            11 => assert_eq!(content, "after"),
            _ => assert_eq!(content, &json!(format!("secret {id}"))),
        }
    }
}

async fn a_reaction_is_counted_once_a_user(transport: Transport) {
    let mut server = Server::start().await;
    server.post("general", "Alice", "Hello").await;
    let mut live = Reader::open(&server, transport, "general", Query::since(1)).await;
    let reacted = ok(react(&server, Method::PUT, 1, "Bob", "👍").await).await;
    let shown = json!([{"emoji": "👍", "count": 1, "usernames": ["Bob"]}]);
    assert_eq!(reacted["reactions"], shown);
    let expected = json!({
        "type": "reaction_added", "room": "general", "id": 2, "message_id": 1, "username": "Bob", "emoji": "👍",
        "reactions": shown,
    });
    assert_eq!(live.next_durable().await, expected);
    assert_eq!(ok(react(&server, Method::PUT, 1, "BOB", "👍").await).await, reacted, "again is no change");
    ok(react(&server, Method::PUT, 1, "Eve", "👍").await).await;
    ok(react(&server, Method::PUT, 1, "Eve", ":+1:").await).await;
    let left = ok(react(&server, Method::DELETE, 1, "Bob", "👍").await).await;
    let shown = json!([
        {"emoji": "👍", "count": 1, "usernames": ["Eve"]}, {"emoji": ":+1:", "count": 1, "usernames": ["Eve"]},
    ]);
    assert_eq!(left["reactions"], shown);
    assert_eq!(ok(react(&server, Method::DELETE, 1, "Bob", "👍").await).await, left, "again is no change");
    for id in 3..=4 {
        assert_eq!(live.next_durable().await["id"], id);
    }
    let removed = live.next_durable().await;
    assert_eq!((kind(&removed), &removed["id"], &removed["reactions"]), ("reaction_removed", &json!(5), &shown));

    server.restart().await;
    let mut replay = Reader::open(&server, transport, "general", Query::since(1)).await;
    for (id, user, emoji) in [(2, "Bob", "👍"), (3, "Eve", "👍"), (4, "Eve", ":+1:"), (5, "Bob", "👍")] {
        let event = replay.next_durable().await;
        assert_eq!((&event["id"], &event["username"], &event["emoji"]), (&json!(id), &json!(user), &json!(emoji)));
        assert_eq!(event["reactions"], shown, "as they are now");
    }
}

#[tokio::test]
async fn the_first_ten_who_reacted_are_named_whoever_leaves() {
    let server = Server::start().await;
    server.post("general", "Alice", "Hello").await;
    for number in 1..=13 {
        ok(react(&server, Method::PUT, 1, &format!("user{number}"), "🎉").await).await;
    }
    let names = |range: std::ops::RangeInclusive<u32>| range.map(|n| format!("user{n}")).collect::<Vec<_>>();
    let message = server.get_json("/rooms/general/messages/1").await;
    assert_eq!(message["reactions"], json!([{"emoji": "🎉", "count": 13, "usernames": names(1..=10)}]));
    let page = server.get_json("/rooms/general/messages/1/reactions/🎉?limit=11").await;
    let users =
        |page: &Value| page["users"].as_array().unwrap().iter().map(|u| u["username"].clone()).collect::<Vec<_>>();
    assert_eq!(users(&page), names(1..=11));
    let rest = format!("/rooms/general/messages/1/reactions/🎉?limit=11&after={}", page["next"]);
    let rest = server.get_json(&rest).await;
    assert_eq!((users(&rest), &rest["next"]), (names(12..=13).into_iter().map(Value::from).collect(), &Value::Null));

    // One that is named, one that is not, one that comes back.
    for (method, user) in [(Method::DELETE, "user3"), (Method::DELETE, "user12"), (Method::PUT, "user3")] {
        ok(react(&server, method, 1, user, "🎉").await).await;
    }
    let message = server.get_json("/rooms/general/messages/1").await;
    let expected: Vec<_> = names(1..=11).into_iter().filter(|name| name != "user3").collect();
    assert_eq!(message["reactions"], json!([{"emoji": "🎉", "count": 12, "usernames": expected}]));
}

#[tokio::test]
async fn who_may_not_change_a_message_is_told_why() {
    let server = Server::start().await;
    server.post("general", "Alice", "Hello").await;
    assert_eq!(refused(edit(&server, 1, "Bob", "x").await, StatusCode::FORBIDDEN).await, "not_the_author");
    assert_eq!(refused(delete(&server, 1, "Bob").await, StatusCode::FORBIDDEN).await, "not_the_author");
    for missing in [
        edit(&server, 2, "Alice", "x").await,
        delete(&server, 2, "Alice").await,
        react(&server, Method::PUT, 2, "Bob", "👍").await,
        server.get("/rooms/general/messages/2/revisions").await,
        server.get("/rooms/general/messages/2/reactions/👍").await,
        server.get("/rooms/nowhere/messages/1/revisions").await,
    ] {
        assert_eq!(refused(missing, StatusCode::NOT_FOUND).await, "not_found");
    }
    let invalid = edit(&server, 1, "Alice", " ").await;
    assert_eq!(refused(invalid, StatusCode::UNPROCESSABLE_ENTITY).await, "invalid");
    let nobody = ask(&server, Method::DELETE, "/rooms/general/messages/1", None).await;
    assert_eq!(refused(nobody, StatusCode::BAD_REQUEST).await, "bad_query");
    for emoji in ["ab", " ", ":a b:", "\u{200d}"] {
        let answer = react(&server, Method::PUT, 1, "Bob", emoji).await;
        let problem = json_of(answer, StatusCode::UNPROCESSABLE_ENTITY).await;
        assert_eq!(problem["errors"][0]["field"], "emoji", "{emoji:?}");
    }
    assert_eq!(server.head("general").await, 1, "nothing took an id");
    assert!(server.get_json("/rooms").await["rooms"].as_array().unwrap().len() == 1, "and no room was made");
}

#[tokio::test]
async fn a_message_has_at_most_fifty_different_emoji() {
    let server = Server::start().await;
    server.post("general", "Alice", "Hello").await;
    for number in 0..50 {
        ok(react(&server, Method::PUT, 1, "Bob", &format!(":e{number}:")).await).await;
    }
    let one_more = react(&server, Method::PUT, 1, "Bob", "👍").await;
    let problem = json_of(one_more, StatusCode::UNPROCESSABLE_ENTITY).await;
    assert_eq!(problem["errors"][0]["field"], "emoji");
    ok(react(&server, Method::PUT, 1, "Eve", ":e7:").await).await;
    ok(react(&server, Method::DELETE, 1, "Bob", ":e9:").await).await;
    ok(react(&server, Method::PUT, 1, "Bob", "👍").await).await;
}

#[tokio::test]
async fn the_edit_window_closes() {
    let short = Builder::default().arg("--edit-window").arg("1ms").start().await;
    short.post("general", "Alice", "Hello").await;
    // The window is over a millisecond after the post; how soon an edit arrives nobody knows, so the text
    // goes on changing until it is.
    let over = within(DEADLINE, "the window is over", async {
        for number in 0.. {
            let answer = edit(&short, 1, "Alice", &format!("edit {number}")).await;
            if answer.status() != StatusCode::OK {
                return answer;
            }
        }
        unreachable!("the numbers do not end")
    })
    .await;
    assert_eq!(refused(over, StatusCode::FORBIDDEN).await, "edit_window_over");
    ok(delete(&short, 1, "Alice").await).await;

    let open = Builder::default().arg("--edit-window=0").start().await;
    open.post("general", "Alice", "Hello").await;
    ok(edit(&open, 1, "Alice", "still").await).await;
}

#[tokio::test]
async fn a_reply_is_to_a_message_of_the_room() {
    let server = Server::start().await;
    server.post("general", "Alice", "Hello").await;
    ok(react(&server, Method::PUT, 1, "Bob", "👍").await).await;
    let reply = async |to: i64| {
        let body = json!({"username": "Bob", "content": "Hi", "reply_to": to});
        ask(&server, Method::POST, "/rooms/general/messages", Some(body)).await
    };
    assert_eq!(json_of(reply(1).await, StatusCode::CREATED).await["reply_to"], 1);
    for no_message in [2, 99] {
        let problem = json_of(reply(no_message).await, StatusCode::UNPROCESSABLE_ENTITY).await;
        assert_eq!(problem["errors"][0]["field"], "reply_to", "{no_message}");
    }
    ok(delete(&server, 1, "Alice").await).await;
    assert_eq!(json_of(reply(1).await, StatusCode::CREATED).await["reply_to"], 1, "a tombstone is in its place");
}

#[tokio::test]
async fn a_post_asked_again_is_answered_with_the_message_as_it_is_now() {
    let server = Server::start().await;
    let post = async |content: &str| {
        let body = json!({"username": "Alice", "content": content, "client_id": "k"});
        ask(&server, Method::POST, "/rooms/general/messages", Some(body)).await
    };
    json_of(post("first").await, StatusCode::CREATED).await;
    let edited = ok(edit(&server, 1, "Alice", "second").await).await;
    assert_eq!(ok(post("first").await).await, edited);
    json_of(post("second").await, StatusCode::UNPROCESSABLE_ENTITY).await;
    let tombstone = ok(delete(&server, 1, "Alice").await).await;
    for any in ["first", "second", "third"] {
        assert_eq!(ok(post(any).await).await, tombstone, "nobody can tell any more");
    }
}
