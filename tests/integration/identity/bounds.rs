//! Bounds of what users and admins make ahead of its use: keys, invitations, tickets.

use reqwest::{Method, StatusCode, header};
use serde_json::json;

use crate::support::{Server, browser::Browser, problem::expect_problem, users::Operator};

/// A time that has not come yet, and one that is over, in microseconds since 1970.
const NOT_YET: &str = "4000000000000000";
const OVER: &str = "1000000000000000";

/// Adds rows to a table, beside the server; the columns besides `hash`, which is each row's own, with their values.
async fn add(server: &Server, table: &str, count: usize, columns: &str, values: &str) {
    let row = |number: usize| format!("('{:032x}{number:032x}', {values})", rand::random::<u128>());
    let rows: Vec<_> = (0..count).map(row).collect();
    server.sql_beside(&format!("INSERT INTO {table} (hash, {columns}) VALUES {}", rows.join(", "))).await;
}

#[tokio::test]
async fn as_many_keys_invitations_and_tickets_are_made_as_there_may_be() {
    let server = Server::builder().arg("--auth").arg("required").arg("--accounts").arg("open").start().await;
    let (root, alice) = (Browser::of(&server), Browser::of(&server));
    root.register("Boss").await;
    alice.register("Alice").await;
    let operator = Operator::of(&server);
    operator.done(&["user", "admin", "Boss"]);

    let key = || Some(json!({"name": "one more"}));
    let of_alice = "(SELECT id FROM account WHERE user_key = 'alice'), '', 1";
    let columns = "account_id, name, created_at, expires_at";
    add(&server, "api_key", 98, columns, &format!("{of_alice}, NULL")).await;
    add(&server, "api_key", 1, columns, &format!("{of_alice}, {OVER}")).await;
    let last = alice.ok(Method::POST, "/keys", key(), 201).await;
    // The one whose time is over makes room.
    alice.ok(Method::POST, "/keys", key(), 201).await;
    let refused = expect_problem(alice.ask(Method::POST, "/keys", key()).await, 409, "too_many", &[]).await;
    assert!(refused["detail"].as_str().expect("text").contains("at most 100 API keys"), "{refused}");
    let by_operator = operator.refused(&["key", "create", "--user", "Alice"], 1);
    assert!(by_operator.contains("at most 100 API keys"), "{by_operator}");
    root.ok(Method::POST, "/keys", key(), 201).await;
    alice.ok(Method::DELETE, &format!("/keys/{}", last["id"]), None, 204).await;
    alice.ok(Method::POST, "/keys", key(), 201).await;

    let invitation = || Some(json!({}));
    add(&server, "invitation", 999, "created_at, expires_at", &format!("1, {NOT_YET}")).await;
    add(&server, "invitation", 3, "created_at, expires_at", &format!("1, {OVER}")).await;
    let last = root.ok(Method::POST, "/invitations", invitation(), 201).await;
    expect_problem(root.ask(Method::POST, "/invitations", invitation()).await, 409, "too_many", &[]).await;
    root.ok(Method::DELETE, &format!("/invitations/{}", last["id"]), None, 204).await;
    root.ok(Method::POST, "/invitations", invitation(), 201).await;

    let ticket = || Some(json!({"rooms": ["general"], "transport": "sse"}));
    let columns = "user_key, credential, transport, rooms, expires_at";
    let of_alice = "'alice', '{}', 'sse', '[]'";
    add(&server, "ticket", 999, columns, &format!("{of_alice}, {NOT_YET}")).await;
    add(&server, "ticket", 3, columns, &format!("{of_alice}, {OVER}")).await;
    let last = alice.ok(Method::POST, "/tickets", ticket(), 201).await;
    let refused = alice.ask(Method::POST, "/tickets", ticket()).await;
    assert_eq!(refused.headers()[header::RETRY_AFTER], "30");
    expect_problem(refused, 429, "too_many_tickets", &[]).await;
    root.ok(Method::POST, "/tickets", ticket(), 201).await;
    // A ticket that is taken is none any more.
    let secret = last["ticket"].as_str().expect("a ticket");
    let opened = server.http().get(server.api(&format!("/rooms/general/stream?ticket={secret}"))).send().await;
    assert_eq!(opened.expect("an answer").status(), StatusCode::OK);
    alice.ok(Method::POST, "/tickets", ticket(), 201).await;
}
