//! `GET /me`: the whole of what it tells to whom, in either mode.

use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};

use super::Guarded;
use crate::support::{Server, browser::Browser, server::json_of, users::Operator};

async fn me(request: RequestBuilder) -> Value {
    json_of(request.send().await.expect("an answer"), StatusCode::OK).await
}

#[tokio::test]
async fn everybody_is_told_who_they_are_and_what_the_server_lets_anybody_do() {
    let open = Server::start().await;
    let in_open_mode = json!({
        "auth": "open", "accounts": "off", "guests": true, "username": null, "kind": null, "admin": false,
        "rights": [], "expires_at": null,
    });
    assert_eq!(me(open.http().get(open.api("/me"))).await, in_open_mode);
    // A credential says nothing there.
    assert_eq!(me(open.http().get(open.api("/me")).bearer_auth("anything")).await, in_open_mode);

    let guarded = Guarded::with(&["--accounts", "open", "--guests", "on"]).await;
    let server = &guarded.server;
    let told = |username: Value, kind: Value, rights: &[&str], expires_at: &Value| {
        json!({
            "auth": "required", "accounts": "open", "guests": true, "username": username, "kind": kind,
            "admin": rights.contains(&"admin"), "rights": rights, "expires_at": expires_at,
        })
    };
    let nobody = me(server.http().get(server.api("/me"))).await;
    assert_eq!(nobody, told(Value::Null, Value::Null, &["read"], &Value::Null));
    let by = |credential: &str| guarded.request(Method::GET, "/api/v1/me", credential);
    let (all, operator) = (["read", "post", "moderate"], Operator::of(server));
    let browser = Browser::of(server);
    browser.register("Alice").await;
    let alice = browser.ok(Method::GET, "/me", None, 200).await;
    assert_eq!(alice, told(json!("Alice"), json!("person"), &all, &Value::Null));
    operator.add_user(&["root", "--admin"]);
    let root = me(by(&operator.key("root", &[]))).await;
    assert_eq!(root, told(json!("root"), json!("person"), &["read", "post", "moderate", "admin"], &Value::Null));
    operator.add_user(&["ci", "--bot"]);
    let ci = me(by(&operator.key("ci", &["--can", "read,post"]))).await;
    assert_eq!(ci, told(json!("ci"), json!("bot"), &["read", "post"], &Value::Null));
    let narrow = me(by(&guarded.token("max", &["--can", "read", "--rooms", "team-*"]))).await;
    let end = narrow["expires_at"].clone();
    assert!(end.as_str().is_some_and(|end| end.ends_with('Z')), "{narrow}");
    assert_eq!(narrow, told(json!("max"), json!("person"), &["read"], &end));

    let closed = Guarded::start().await;
    let nobody = me(closed.server.http().get(closed.server.api("/me"))).await;
    let expected = json!({
        "auth": "required", "accounts": "off", "guests": false, "username": null, "kind": null, "admin": false,
        "rights": ["read"], "expires_at": null,
    });
    assert_eq!(nobody, expected);
}
