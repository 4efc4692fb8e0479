//! The statements of a server that keeps accounts.

use reqwest::Method;
use serde_json::json;

use crate::support::{
    Server,
    browser::{Browser, PASSWORD},
    statements::logged,
    users::Operator,
};

/// Does everything that only a server does which keeps accounts, and gives its log.
pub(super) async fn keep(server: &Server, url: &str) -> Vec<String> {
    let operator = Operator::new(server.dir(), url);
    operator.add_user(&["keeper", "--admin"]);
    let key = operator.key("keeper", &[]);
    for rows in [
        "INSERT INTO session (hash, account_id, created_at, last_used_at, address) \
         SELECT CONCAT('hash ', id), id, 1, 4000000000000000, '::1' FROM account WHERE user_key LIKE 'filler %'",
        "INSERT INTO invitation (hash, created_at, expires_at) \
         SELECT CONCAT('hash ', id), 1, 4000000000000000 FROM message WHERE id < 500",
        "INSERT INTO password (account_id, hash, changed_at) \
         SELECT id, 'hash', 1 FROM account WHERE user_key LIKE 'filler %'",
        "INSERT INTO password_reset (account_id, hash, expires_at) \
         SELECT id, CONCAT('hash ', id), 4000000000000000 FROM account WHERE user_key LIKE 'filler %'",
        "INSERT INTO name_skeleton (hash, account_id) \
         SELECT CONCAT('hash ', id), id FROM account WHERE user_key LIKE 'filler %'",
    ] {
        server.sql(rows).await;
    }
    let builder = logged().database_url(url).arg("--auth").arg("required").arg("--accounts").arg("invite");
    let mut server = builder.start().await;
    let (browser, other) = (Browser::of(&server), Browser::of(&server));
    let by_admin = async |method: &str, path: &str| {
        let method = method.parse().expect("a method");
        let request = server.http().request(method, server.api(path)).bearer_auth(&key).json(&json!({}));
        let answer = request.send().await.expect("an answer");
        assert!(answer.status().is_success(), "{path}");
        answer.json::<serde_json::Value>().await.unwrap_or_default()
    };
    let invitation = by_admin("POST", "/invitations").await["invitation"].clone();
    let body = json!({"username": "Registered", "password": PASSWORD, "invitation": invitation});
    browser.ok(Method::POST, "/accounts", Some(body), 201).await;
    let withdrawn = by_admin("POST", "/invitations").await["id"].clone();
    by_admin("GET", "/invitations?limit=5").await;
    by_admin("DELETE", &format!("/invitations/{withdrawn}")).await;
    browser.sign_in("Registered", PASSWORD).await;
    other.sign_in("Registered", PASSWORD).await;
    let sessions = browser.ok(Method::GET, "/sessions?limit=5", None, 200).await;
    let others = sessions["sessions"].as_array().expect("sessions").iter().find(|session| session["current"] == false);
    let path = format!("/sessions/{}", others.expect("another")["id"]);
    browser.ok(Method::DELETE, &path, None, 204).await;
    let change = json!({"current": PASSWORD, "new": "another long password"});
    browser.ok(Method::PUT, "/me/password", Some(change), 204).await;
    let secret = by_admin("POST", "/users/Registered/reset").await["reset"].clone();
    let reset = json!({"username": "Registered", "reset": secret, "new": PASSWORD});
    browser.ok(Method::POST, "/session", Some(reset), 201).await;
    browser.ok(Method::DELETE, "/session", None, 204).await;
    browser.sign_in("Registered", PASSWORD).await;
    browser.ok(Method::PUT, "/rooms/of-registered", Some(json!({})), 201).await;
    browser.ok(Method::DELETE, "/me", None, 204).await;
    server.terminate().await;
    // Once at the start, what all names look like is made up for.
    server.log().into_iter().filter(|line| !line.contains("NOT IN (SELECT")).collect()
}
