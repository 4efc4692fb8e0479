//! Reactions of a message: what is shown of them with every event, and where everybody is found.

use serde_json::{Value, json};

use crate::support::Server;

/// A name of a hundred characters, four bytes each.
fn long_name(number: usize) -> String {
    format!("{}{number:04}", "\u{20000}".repeat(96))
}

async fn react(server: &Server, emoji: &str, user: &str, on: bool) -> Value {
    let url = server.api(&format!("/rooms/general/messages/1/reactions/{emoji}"));
    let request = if on { server.http().put(url) } else { server.http().delete(url) };
    let answer = request.query(&[("username", user)]).send().await.expect("an answer");
    assert_eq!(answer.status(), 200);
    answer.json().await.expect("a message")
}

/// The names that are shown, and how many bytes they have.
fn shown(message: &Value) -> (usize, usize) {
    let reactions = message["reactions"].as_array().expect("reactions");
    let names = reactions.iter().flat_map(|reaction| reaction["usernames"].as_array().expect("names"));
    names.fold((0, 0), |(count, bytes), name| (count + 1, bytes + name.as_str().expect("a name").len()))
}

async fn reactors(server: &Server, emoji: &str) -> Vec<String> {
    let url = server.api(&format!("/rooms/general/messages/1/reactions/{emoji}?limit=200"));
    let page: Value = server.http().get(url).send().await.expect("an answer").json().await.expect("JSON");
    let users = page["users"].as_array().unwrap_or_else(|| panic!("users in {page}"));
    users.iter().map(|user| user["username"].as_str().expect("a name").to_owned()).collect()
}

#[tokio::test]
async fn the_names_shown_are_bounded_and_the_counts_are_right() {
    let server = Server::start().await;
    server.post("general", "Alice", "hi").await;
    let emoji: Vec<_> = (0..10).map(|number| format!(":e{number}:")).collect();
    let mut message = Value::Null;
    for number in 0..12 {
        for emoji in &emoji {
            message = react(&server, emoji, &long_name(number), true).await;
        }
    }
    let (names, bytes) = shown(&message);
    assert!(names > 0 && bytes <= 2_048, "{names} names of {bytes} bytes");
    assert!(message.to_string().len() < 4_096, "{} bytes", message.to_string().len());
    for (reaction, emoji) in message["reactions"].as_array().expect("reactions").iter().zip(&emoji) {
        assert_eq!((&reaction["emoji"], &reaction["count"]), (&json!(emoji), &json!(12)));
    }
    let everybody: Vec<_> = (0..12).map(long_name).collect();
    assert_eq!(reactors(&server, &emoji[9]).await, everybody);

    // Who is named are the first, whoever takes theirs back.
    for number in [0, 3] {
        react(&server, &emoji[0], &long_name(number), false).await;
    }
    react(&server, &emoji[0], "Short", true).await;
    let message = react(&server, &emoji[1], "Short", true).await;
    let first = &message["reactions"][0];
    let left: Vec<_> =
        everybody.iter().enumerate().filter(|(at, _)| ![0, 3].contains(at)).map(|(_, name)| name).collect();
    let named = first["usernames"].as_array().expect("names");
    assert!(!named.is_empty() && named.iter().zip(&left).all(|(named, name)| named.as_str() == Some(name)), "{first}");
    assert_eq!((&first["count"], &message["reactions"][1]["count"]), (&json!(11), &json!(13)));
}

#[tokio::test]
async fn a_row_with_more_names_is_bounded_when_it_is_read() {
    let mut server = Server::start().await;
    server.post("general", "Alice", "hi").await;
    for number in 0..10 {
        react(&server, ":a:", &long_name(number), true).await;
    }
    assert!(server.terminate().await.success());
    let names: Vec<_> = (0..10).map(long_name).collect();
    let stored = json!([{"emoji": ":a:", "count": 10, "usernames": names}]);
    server.sql(&format!("UPDATE message SET reactions = '{stored}'")).await;
    server.restart().await;
    let url = server.api("/rooms/general/messages/1");
    let message: Value = server.http().get(url).send().await.expect("an answer").json().await.expect("JSON");
    let (shown, bytes) = shown(&message);
    assert!(shown > 0 && bytes <= 2_048, "{bytes} bytes");
    assert_eq!(message["reactions"][0]["count"], 10);
}
