//! Names, reactions and messages that look the same are the same, and invisible ones are refused.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{Server, command::Command, problem::expect_problem, raw, server::json_of};

/// Adds a reaction, or takes it back; returns the message's reactions.
async fn react(server: &Server, user: &str, emoji: &str, on: bool) -> Value {
    let answer = server.ask("general", &Command::React { user: user.into(), id: 1, emoji: emoji.into(), on }).await;
    json_of(answer, StatusCode::OK).await["reactions"].clone()
}

/// Those who reacted with an emoji.
async fn reactors(server: &Server, emoji: &str) -> Vec<Value> {
    let mut url = reqwest::Url::parse(&server.api("/rooms/general/messages/1/reactions")).expect("an address");
    url.path_segments_mut().expect("a path").push(emoji);
    let page = json_of(server.http().get(url).send().await.expect("an answer"), StatusCode::OK).await;
    page["users"].as_array().expect("users").iter().map(|user| user["username"].clone()).collect()
}

#[tokio::test]
async fn emoji_that_look_the_same_are_one_reaction_shown_as_first_given() {
    let server = Server::start().await;
    server.post("general", "Alice", "Hello").await;
    react(&server, "Bob", "👍", true).await;
    for same in ["👍\u{fe0f}", "👍\u{fe0e}", "👍\u{200d}"] {
        let expected = json!([{"emoji": "👍", "count": 1, "usernames": ["Bob"]}]);
        assert_eq!(react(&server, "Bob", same, true).await, expected, "again is no change");
    }
    assert_eq!(server.head("general").await, 2);
    let shown = react(&server, "Eve", "👍\u{fe0f}", true).await;
    assert_eq!(shown, json!([{"emoji": "👍", "count": 2, "usernames": ["Bob", "Eve"]}]));
    assert_eq!(reactors(&server, "👍\u{fe0f}").await, ["Bob", "Eve"]);
    assert_eq!(react(&server, "Bob", "👍\u{fe0f}", false).await[0]["count"], 1);
    assert_eq!(react(&server, "Eve", "👍\u{fe0f}", false).await, json!([]));

    assert_eq!(react(&server, "Eve", "❤\u{fe0f}", true).await[0]["emoji"], "❤\u{fe0f}");
    let shown = react(&server, "Bob", "❤", true).await;
    assert_eq!(shown, json!([{"emoji": "❤\u{fe0f}", "count": 2, "usernames": ["Eve", "Bob"]}]));
}

#[tokio::test]
async fn many_at_once_who_write_an_emoji_in_two_ways_make_one_reaction() {
    let server = Server::start().await;
    server.post("general", "Alice", "Hello").await;
    let asked = (0..24).map(|n| {
        let emoji = if n % 2 == 0 { "👍" } else { "👍\u{fe0f}" };
        Command::React { user: format!("U{n}"), id: 1, emoji: emoji.into(), on: true }
    });
    let asked: Vec<_> = asked.collect();
    let answers = futures_util::future::join_all(asked.iter().map(|command| server.ask("general", command))).await;
    assert!(answers.iter().all(|answer| answer.status() == 200));
    let shown = &server.messages("general").await[0]["reactions"];
    assert_eq!((shown.as_array().map(Vec::len), &shown[0]["count"]), (Some(1), &json!(24)), "{shown}");
    assert_eq!(reactors(&server, "👍").await.len(), 24);
}

#[tokio::test]
async fn a_message_that_has_both_from_an_earlier_version_keeps_both_until_they_are_taken_back() {
    let mut server = Server::start().await;
    server.post("general", "Alice", "Hello").await;
    react(&server, "Bob", "👍\u{fe0f}", true).await;
    server.terminate().await;
    let row = "INSERT INTO reaction (room_id, message_id, emoji, user_key, username, id, created_at) \
               SELECT room_id, message_id, '👍', 'eve', 'Eve', 100, created_at FROM reaction";
    server.sql(row).await;
    let both = json!([
        {"emoji": "👍\u{fe0f}", "count": 1, "usernames": ["Bob"]}, {"emoji": "👍", "count": 1, "usernames": ["Eve"]},
    ]);
    server.sql(&format!("UPDATE message SET reactions = '{both}'")).await;
    server.restart().await;

    assert_eq!(server.messages("general").await[0]["reactions"], both);
    assert_eq!(react(&server, "Eve", "👍", true).await, both, "each is known by its own spelling");
    assert_eq!(
        (reactors(&server, "👍").await, reactors(&server, "👍\u{fe0f}").await),
        (vec!["Eve".into()], vec!["Bob".into()])
    );
    assert_eq!(react(&server, "Eve", "👍", false).await, json!([both[0]]));
    assert_eq!(react(&server, "Eve", "👍", true).await[0]["count"], 2, "from now on they are one");
    assert_eq!(
        react(&server, "Bob", "👍", false).await,
        json!([{"emoji": "👍\u{fe0f}", "count": 1, "usernames": ["Eve"]}])
    );
}

#[tokio::test]
async fn a_keycap_is_the_same_encoded_or_not() {
    let server = Server::start().await;
    server.post("general", "Alice", "Hello").await;
    let host = server.addr();
    for (n, emoji) in ["1\u{fe0f}\u{20e3}", "1%EF%B8%8F%E2%83%A3", "%31%EF%B8%8F%E2%83%A3", "1\u{20e3}", "%31%e2%83%a3"]
        .iter()
        .enumerate()
    {
        let target = format!("/api/v1/rooms/general/messages/1/reactions/{emoji}?username=U{n}");
        let request = format!("PUT {target} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\n\r\n");
        let answer = raw::send(host, request).await.expect("an answer");
        assert_eq!(answer.status, 200, "{emoji}: {}", answer.text());
        let message: Value = serde_json::from_str(&answer.text()).expect("a message");
        assert_eq!(message["reactions"].as_array().map(Vec::len), Some(1), "{emoji}: {message}");
        assert_eq!(message["reactions"][0]["count"], n + 1);
    }
    let path = |emoji: &str| server.api(&format!("/rooms/general/messages/1/reactions/{emoji}?username=U"));
    for emoji in ["*\u{fe0f}\u{20e3}", "%2A%EF%B8%8F%E2%83%A3", "%23%EF%B8%8F%E2%83%A3"] {
        let answer = server.http().put(path(emoji)).send().await.expect("an answer");
        assert_eq!(answer.status(), 200, "{emoji}");
    }
    assert_eq!(server.messages("general").await[0]["reactions"].as_array().map(Vec::len), Some(3));
    // What stands after a bare `#` is never sent, so the path ends before it.
    let answer = server.http().put(path("#\u{fe0f}\u{20e3}")).send().await.expect("an answer");
    let problem = expect_problem(answer, 404, "not_found", &[]).await;
    assert!(problem["detail"].as_str().is_some_and(|detail| detail.contains("%23")), "{problem}");
}

#[tokio::test]
async fn what_can_not_be_seen_is_refused() {
    let server = Server::start().await;
    for unseen in
        ["\u{200b}", "\u{200d}", "\u{2060}\u{2060}", "\u{3164}", "\u{ad}", "\u{fe0f}", "\u{2800}", "\u{e0041}"]
    {
        for (body, field) in [
            (json!({"username": unseen, "content": "x"}), "username"),
            (json!({"username": format!("Alice{unseen}"), "content": "x"}), "username"),
            (json!({"username": "Alice", "content": unseen}), "content"),
            (json!({"username": "Alice", "content": format!(" {unseen}\n")}), "content"),
        ] {
            let answer = server.http().post(server.api("/rooms/general/messages")).json(&body).send().await;
            expect_problem(answer.expect("an answer"), 422, "invalid", &[field]).await;
        }
        let answer = server.http().put(server.api("/rooms/general")).json(&json!({"title": unseen})).send().await;
        expect_problem(answer.expect("an answer"), 422, "invalid", &["title"]).await;
        let query = [("q", unseen)];
        let answer = server.http().get(server.api("/rooms/general/search")).query(&query).send().await;
        expect_problem(answer.expect("an answer"), 400, "bad_query", &["q"]).await;
    }
    assert_eq!(server.head("general").await, 0);
    server.post("general", "Alice", "Hello").await;
    for unseen in ["%E2%80%8B", "%EF%B8%8F", "%E3%85%A4", "%E2%A0%80", "%C2%AD"] {
        for method in [Method::PUT, Method::DELETE, Method::GET] {
            let path = server.api(&format!("/rooms/general/messages/1/reactions/{unseen}?username=A"));
            let answer = server.http().request(method, path).send().await.expect("an answer");
            expect_problem(answer, 422, "invalid", &["emoji"]).await;
        }
    }
}

#[tokio::test]
async fn names_that_look_the_same_are_one_user() {
    let server = Server::start().await;
    for (id, (author, again)) in [
        ("Ann❤\u{fe0f}", "ann❤"),
        ("葛\u{e0100}城", "葛城"),
        ("Ann Lee", "Ann\u{a0}\u{2003}Lee"),
        ("👩\u{200d}💻", "👩\u{200d}💻"),
        ("می\u{200c}خواهم", "می\u{200c}خواهم"),
    ]
    .into_iter()
    .enumerate()
    {
        let id = i64::try_from(id).expect("a number") * 2 + 1;
        assert_eq!(server.post("general", author, "x").await["username"], author);
        let edited = server.ask("general", &Command::edit(again, id, "y")).await;
        assert_eq!(edited.status(), 200, "{again} may edit what {author} posted");
    }
}
