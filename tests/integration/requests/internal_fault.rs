//! A fault of the server: the answer says nothing of it, the log does, and the next request is served.

use serde_json::json;
use tokio_tungstenite::tungstenite::{client::IntoClientRequest as _, http::HeaderValue};

use crate::support::{DEADLINE, Server, problem::expect_problem, socket::Socket};

/// A rule of the database that the program knows nothing of: nobody may post twice.
const RULE: &str = "CREATE UNIQUE INDEX nobody_twice ON message (username)";

/// The fault that a request met, from the log.
async fn fault_of(server: &Server, request_id: &str) -> String {
    let told = format!("the server is at fault request.id=\"{request_id}\"");
    server.wait_for_log(&told, DEADLINE).await
}

fn expect_reason(line: &str) {
    // MySQL's own words quote what people wrote, so its number has to do.
    assert!(line.to_lowercase().contains("unique") || line.contains("1062"), "{line}");
    assert!(!line.contains("Alice"), "{line}");
}

#[tokio::test]
async fn what_the_database_rejects_is_a_500_whose_text_is_in_the_log_only() {
    let mut server = Server::builder().arg("--trusted-proxies=127.0.0.1").start().await;
    assert!(server.terminate().await.success());
    server.sql(RULE).await;
    server.restart().await;

    server.post("general", "Alice", "first").await;
    let answer = server.try_post("general", "Alice", "second").await.expect("an answer");
    let problem = expect_problem(answer, 500, "internal", &[]).await;
    let reason = server.wait_for_log("rejects a command", DEADLINE).await;
    expect_reason(&reason);
    expect_reason(&fault_of(&server, problem["request_id"].as_str().expect("an id")).await);

    let url = format!("ws://{}/api/v1/rooms/general/ws?history=0", server.addr());
    let mut request = url.into_client_request().expect("a request");
    request.headers_mut().insert("x-request-id", HeaderValue::from_static("of-the-socket"));
    let mut socket = Socket::connect(request).await.expect("a socket opens");
    socket.send(&json!({"type": "chat_message", "username": "Alice", "message": "third", "ref": "r"})).await;
    let error = socket.reply("r").await;
    assert_eq!((&error["type"], &error["code"]), (&json!("error"), &json!("internal")), "{error}");
    expect_reason(&fault_of(&server, "of-the-socket").await);
    for told in [problem, error] {
        let told = told.to_string().to_lowercase();
        assert!(!told.contains("unique") && !told.contains("username"), "{told}");
    }

    assert_eq!(server.post("general", "Bob", "fourth").await["id"], 2, "what is rejected takes no id");
}
