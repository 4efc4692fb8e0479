//! The content limit that is set holds for posts, edits and frames, and stands in the document.

use reqwest::header::CONTENT_TYPE;
use serde_json::{Value, json};

use crate::support::{Query, Server, command::Command, problem::expect_problem, server::json_of, socket::Socket};

const PATH: &str = "/rooms/general/messages";

async fn with_limit(bytes: &str) -> Server {
    Server::builder().arg("--content-limit").arg(bytes).start().await
}

#[tokio::test]
async fn a_lower_limit_holds_wherever_a_content_comes_from() {
    let server = with_limit("6").await;
    assert_eq!(server.post("general", "Alice", "ä😀").await["id"], 1);
    for command in [Command::post("Alice", "ä😀!"), Command::edit("Alice", 1, "seven b")] {
        let problem = expect_problem(server.ask("general", &command).await, 422, "invalid", &["content"]).await;
        assert_eq!(problem["errors"][0]["detail"], "a message has at most 6 bytes of UTF-8, and this has 7");
    }
    let mut socket = Socket::open(&server, "general", &Query::user("Alice")).await;
    for (command, reference) in [(Command::post("Alice", "seven b"), "a"), (Command::edit("Alice", 1, "seven b"), "b")]
    {
        socket.send(&command.frame(reference)).await;
        let reply = socket.reply(reference).await;
        assert_eq!((&reply["type"], &reply["code"]), (&json!("error"), &json!("invalid")), "{reply}");
    }
    assert_eq!(server.head("general").await, 1);
}

#[tokio::test]
async fn at_the_highest_limit_every_way_of_writing_it_fits() {
    let server = with_limit("20000").await;
    let content = "é".repeat(10_000);
    let escaped = format!(r#"{{"username": "Alice", "content": "{}"}}"#, r"\u00e9".repeat(10_000));
    let form = format!("username=Alice&content={}", "%C3%A9".repeat(10_000));
    let frame = Command::post("Alice", &content).frame("a");
    for (kind, body) in [("application/json", escaped), ("application/x-www-form-urlencoded", form)] {
        let request = server.http().post(server.api(PATH)).header(CONTENT_TYPE, kind).body(body);
        let message = json_of(request.send().await.expect("an answer"), reqwest::StatusCode::CREATED).await;
        assert_eq!(message["content"], content);
    }
    let mut socket = Socket::open(&server, "general", &Query::user("Alice")).await;
    socket.send(&frame).await;
    assert_eq!(socket.reply("a").await["id"], 3);
    let too_long = Command::post("Alice", &format!("{content}!"));
    expect_problem(server.ask("general", &too_long).await, 422, "invalid", &["content"]).await;
}

#[tokio::test]
async fn the_document_says_what_is_set() {
    let limit = async |server: Server| {
        let document: Value =
            reqwest::get(server.url("/openapi.json")).await.expect("an answer").json().await.expect("JSON");
        document["components"]["schemas"]["Content"]["maxLength"].clone()
    };
    assert_eq!(limit(with_limit("6").await).await, 6);
    assert_eq!(limit(Server::start().await).await, 10_000);
}
