//! Sessions: signing in and out, the cookie, and what pages of other sites can't do with it.

use reqwest::{Method, StatusCode, header};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::{Error, client::IntoClientRequest as _};

use super::Guarded;
use crate::support::{
    DEADLINE, Server,
    browser::{Browser, PASSWORD},
    problem::expect_problem,
    server::{Builder, json_of},
    socket::Socket,
    sse::Stream,
    users::Operator,
    within,
};

async fn start(args: &[&str]) -> Server {
    let builder = Server::builder().arg("--auth").arg("required").arg("--accounts").arg("open");
    args.iter().fold(builder, Builder::arg).start().await
}

fn credentials(username: &str, password: &str) -> Value {
    json!({"username": username, "password": password})
}

#[tokio::test]
async fn a_name_that_nobody_has_is_answered_as_a_wrong_password() {
    let server = start(&[]).await;
    let browser = Browser::of(&server);
    browser.register("Alice").await;
    let operator = Operator::of(&server);
    operator.add_user(&["keyed"]);
    operator.add_user(&["robot", "--bot"]);
    browser.set_cookie(None);
    let mut answers = Vec::new();
    for name in ["Alice", "keyed", "robot", "nobody"] {
        let answer = browser.ask(Method::POST, "/session", Some(credentials(name, "not the password"))).await;
        assert!(!answer.headers().contains_key(header::SET_COOKIE));
        let mut problem = expect_problem(answer, 401, "bad_credentials", &[]).await;
        problem["request_id"] = Value::Null;
        answers.push(problem);
    }
    assert!(answers.windows(2).all(|two| two[0] == two[1]), "{answers:?}");
    for (body, fields) in [
        (json!({}), &["username", "password"][..]),
        (json!({"username": "Alice"}), &["password"]),
        (json!({"username": "Alice", "reset": "x"}), &["new"]),
        (json!({"username": "Alice", "password": "x", "reset": "x"}), &["password"]),
        (json!({"username": "Alice", "token": "x"}), &["token"]),
        (json!({"username": "Alice", "password": "x", "passwort": "x"}), &["passwort"]),
    ] {
        expect_problem(browser.ask(Method::POST, "/session", Some(body)).await, 422, "invalid", fields).await;
    }
}

#[tokio::test]
async fn passwords_can_not_be_tried_for_long() {
    let server = start(&[]).await;
    let browser = Browser::of(&server);
    browser.register("Alice").await;
    browser.register("Bob").await;
    browser.set_cookie(None);
    for name in ["Alice", "nobody"] {
        for _ in 0..10 {
            let tried = browser.ask(Method::POST, "/session", Some(credentials(name, "not the password"))).await;
            expect_problem(tried, 401, "bad_credentials", &[]).await;
        }
        // Also with the right one, or it would be told apart; and whoever spells it otherwise.
        for name in [name.to_owned(), name.to_uppercase()] {
            let tried = browser.ask(Method::POST, "/session", Some(credentials(&name, PASSWORD))).await;
            let wait = tried.headers()[header::RETRY_AFTER].to_str().expect("text").parse::<u64>().expect("seconds");
            assert!((1..=900).contains(&wait), "{wait}");
            let problem = expect_problem(tried, 429, "too_many_failures", &[]).await;
            assert_eq!(problem["detail"], format!("Too many tries with a password have failed: wait {wait} s."));
        }
    }
    browser.sign_in("Bob", PASSWORD).await;
}

#[tokio::test]
async fn signing_in_begins_a_session_of_its_own_and_ends_the_one_before() {
    let server = start(&[]).await;
    let (browser, other) = (Browser::of(&server), Browser::of(&server));
    browser.register("Alice").await;
    let before = browser.cookie();
    browser.sign_in("Alice", PASSWORD).await;
    let now = browser.cookie();
    assert_ne!(before, now);
    other.set_cookie(before);
    assert_eq!(other.username().await, Value::Null, "the session before has ended");
    // A cookie that somebody else has put there is not taken over.
    let planted = format!("parlor=pls_{}", "0".repeat(43));
    for cookie in [planted.as_str(), "parlor=", "parlor=nonsense", "parlor=\"quoted\""] {
        other.set_cookie(Some(cookie.to_owned()));
        other.sign_in("Alice", PASSWORD).await;
        assert_ne!(other.cookie().as_deref(), Some(cookie));
        assert_eq!(other.username().await, "Alice");
    }
    other.set_cookie(Some(planted));
    assert_eq!(other.username().await, Value::Null);
    assert_eq!(browser.username().await, "Alice");
}

#[tokio::test]
async fn signing_out_ends_the_session_and_its_streams_alone() {
    let server = start(&["--revocation-interval=100ms"]).await;
    let (browser, other) = (Browser::of(&server), Browser::of(&server));
    browser.register("Alice").await;
    other.sign_in("Alice", PASSWORD).await;
    let mut stream = Stream::send(browser.request(Method::GET, "/rooms/general/stream")).await;
    let listed = other.ok(Method::GET, "/sessions?limit=1", None, 200).await;
    assert_eq!(
        (&listed["sessions"][0]["current"], &listed["sessions"][0]["address"]),
        (&json!(true), &json!("127.0.0.1"))
    );
    let rest = other.ok(Method::GET, &format!("/sessions?before={}", listed["next"]), None, 200).await;
    assert_eq!((&rest["sessions"][0]["current"], &rest["next"]), (&json!(false), &Value::Null));
    let cookie = browser.cookie().expect("a cookie");
    assert_eq!(browser.ask(Method::DELETE, "/session", None).await.status(), StatusCode::NO_CONTENT);
    assert_eq!(browser.cookie(), None);
    within(DEADLINE, "the stream ends", async { while stream.next().await.is_some() {} }).await;
    browser.set_cookie(Some(cookie));
    let again = browser.ask(Method::DELETE, "/session", None).await;
    expect_problem(again, 401, "invalid_token", &[]).await;
    assert_eq!(browser.cookie(), None, "who signs out of a session that has ended is rid of its cookie");

    browser.sign_in("Alice", PASSWORD).await;
    let listed = other.ok(Method::GET, "/sessions", None, 200).await;
    let theirs = listed["sessions"].as_array().expect("sessions").iter().find(|session| session["current"] == false);
    let path = format!("/sessions/{}", theirs.expect("another session")["id"]);
    assert_eq!(other.ask(Method::DELETE, &path, None).await.status(), StatusCode::NO_CONTENT);
    assert_eq!((browser.username().await, other.username().await), (Value::Null, json!("Alice")));
    for gone in [path.as_str(), "/sessions/0", "/sessions/x"] {
        expect_problem(other.ask(Method::DELETE, gone, None).await, 404, "not_found", &[]).await;
    }
    let bob = Browser::of(&server);
    bob.register("Bob").await;
    let own = other.ok(Method::GET, "/sessions", None, 200).await["sessions"][0]["id"].clone();
    let by_bob = bob.ask(Method::DELETE, &format!("/sessions/{own}"), None).await;
    expect_problem(by_bob, 404, "not_found", &[]).await;
    assert_eq!(other.username().await, "Alice");
}

#[tokio::test]
async fn a_page_elsewhere_changes_nothing_by_the_cookie() {
    let allowed = "https://friend.example";
    let server = start(&["--allow-origin", allowed]).await;
    let browser = Browser::of(&server);
    browser.register("Alice").await;
    let post = |headers: &[(&'static str, &str)]| {
        let request = browser.bare(Method::POST, "/rooms/general/messages").json(&json!({"content": "hi"}));
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        async move { request.send().await.expect("an answer") }
    };
    let own = format!("http://{}", server.addr());
    for headers in [
        &[][..],
        &[("origin", "https://evil.example")],
        &[("origin", "http://127.0.0.1:1")],
        &[("origin", "null")],
        &[("sec-fetch-site", "none")],
        &[("sec-fetch-site", "same-site")],
        &[("sec-fetch-site", "cross-site")],
    ] {
        expect_problem(post(headers).await, 403, "cross_site", &[]).await;
    }
    for headers in [[("origin", own.as_str())], [("sec-fetch-site", "same-origin")], [("origin", allowed)]] {
        assert_eq!(post(&headers).await.status(), StatusCode::CREATED, "{headers:?}");
    }
    // A key says by itself that whoever sends it means it; a cookie beside it is not looked at.
    let key = Operator::of(&server).key("Alice", &[]);
    let by_key =
        browser.bare(Method::POST, "/rooms/general/messages").bearer_auth(&key).json(&json!({"content": "hi"}));
    assert_eq!(by_key.send().await.expect("an answer").status(), StatusCode::CREATED);
    let nonsense = browser.request(Method::GET, "/me").bearer_auth("nonsense");
    expect_problem(nonsense.send().await.expect("an answer"), 401, "invalid_token", &[]).await;

    // Accounts are for pages of this server, also to look at.
    for (method, path) in [(Method::GET, "/sessions"), (Method::DELETE, "/sessions/1"), (Method::DELETE, "/me")] {
        let request = browser.bare(method, path).header(header::ORIGIN, allowed);
        expect_problem(request.send().await.expect("an answer"), 403, "cross_site", &[]).await;
    }
    assert_eq!(browser.username().await, "Alice");

    let connect = async |origin: Option<&str>| {
        let address = format!("ws://{}/api/v1/rooms/general/ws", server.addr());
        let mut request = address.into_client_request().expect("an address");
        let cookie = browser.cookie().expect("a cookie").parse().expect("a header");
        request.headers_mut().insert("cookie", cookie);
        if let Some(origin) = origin {
            request.headers_mut().insert("origin", origin.parse().expect("a header"));
        }
        Socket::connect(request).await
    };
    for origin in [None, Some("https://evil.example"), Some("http://127.0.0.1:1"), Some("null")] {
        match connect(origin).await {
            Err(Error::Http(answer)) => assert_eq!(answer.status(), 403, "{origin:?}"),
            _ => panic!("a socket of {origin:?} opens"),
        }
    }
    for origin in [own.as_str(), allowed] {
        connect(Some(origin)).await.expect("a socket opens").close().await;
    }
}

#[tokio::test]
async fn behind_tls_the_public_address_is_the_only_own_one_and_the_cookie_is_for_it_alone() {
    let server = start(&["--public-url", "https://chat.example.org"]).await;
    let browser = Browser::of(&server);
    let register = |origin: String| {
        let request = browser.bare(Method::POST, "/accounts").header(header::ORIGIN, origin);
        let request = request.json(&credentials("Alice", PASSWORD));
        async move { request.send().await.expect("an answer") }
    };
    for origin in ["http://chat.example.org".to_owned(), format!("http://{}", server.addr())] {
        expect_problem(register(origin).await, 403, "cross_site", &[]).await;
    }
    let answer = register("https://chat.example.org".to_owned()).await;
    let set = answer.headers()[header::SET_COOKIE].to_str().expect("text").to_owned();
    assert!(set.starts_with("__Host-parlor=pls_") && set.contains("; Secure"), "{set}");
    let pair = set.split(';').next().expect("a pair");
    browser.set_cookie(Some(pair.to_owned()));
    let me = browser.bare(Method::GET, "/me").send().await.expect("an answer");
    assert_eq!(json_of(me, StatusCode::OK).await["username"], "Alice");
    // The name that any host of the site could set is not looked at.
    browser.set_cookie(Some(pair.replace("__Host-", "")));
    let me = browser.bare(Method::GET, "/me").send().await.expect("an answer");
    assert_eq!(json_of(me, StatusCode::OK).await["username"], Value::Null);
}

#[tokio::test]
async fn a_token_that_is_stolen_keeps_nothing_beyond_its_end() {
    let guarded = Guarded::with(&["--accounts", "open", "--revocation-interval=100ms"]).await;
    let browser = Browser::of(&guarded.server);
    let token = guarded.token("alice", &["--for", "5s", "--can", "read,post", "--rooms", "general,team-*"]);
    let signed_in = browser.ok(Method::POST, "/session", Some(json!({"token": token})), 201).await;
    assert_eq!((&signed_in["username"], &signed_in["rights"]), (&json!("alice"), &json!(["read", "post"])));
    assert!(signed_in["expires_at"].is_string());
    let out_of_reach = browser.ask(Method::GET, "/rooms/other", None).await;
    expect_problem(out_of_reach, 404, "not_found", &[]).await;
    for (method, path, body) in [
        (Method::PUT, "/me/password", Some(json!({"current": "", "new": "another long password"}))),
        (Method::DELETE, "/me", None),
        (Method::GET, "/sessions", None),
        (Method::DELETE, "/sessions/1", None),
    ] {
        let by_cookie = browser.ask(method.clone(), path, body.clone()).await;
        expect_problem(by_cookie, 403, "forbidden", &[]).await;
        let request = guarded.request(method, &format!("/api/v1{path}"), &token);
        let request = if let Some(body) = body { request.json(&body) } else { request };
        expect_problem(request.send().await.expect("an answer"), 403, "forbidden", &[]).await;
    }
    let key = Operator::of(&guarded.server).key("alice", &[]);
    for no_token in [key.as_str(), "nonsense", &format!("pls_{}", "0".repeat(43))] {
        let refused = browser.ask(Method::POST, "/session", Some(json!({"token": no_token}))).await;
        expect_problem(refused, 401, "invalid_token", &[]).await;
    }
    let mut stream = Stream::send(browser.request(Method::GET, "/rooms/general/stream")).await;
    within(DEADLINE, "the stream ends with the token", async { while stream.next().await.is_some() {} }).await;
    let over = browser.ask(Method::GET, "/me", None).await;
    expect_problem(over, 401, "token_expired", &[]).await;
    let again = browser.ask(Method::POST, "/session", Some(json!({"token": token}))).await;
    expect_problem(again, 401, "token_expired", &[]).await;
}

#[tokio::test]
async fn who_is_signed_out_everywhere_or_disabled_has_no_session() {
    let server = start(&[]).await;
    let (browser, operator) = (Browser::of(&server), Operator::of(&server));
    browser.register("Alice").await;
    operator.done(&["user", "sign-out", "alice"]);
    assert_eq!(browser.username().await, Value::Null);
    browser.sign_in("Alice", PASSWORD).await;
    operator.done(&["user", "disable", "alice"]);
    assert_eq!(browser.username().await, Value::Null);
    let refused = browser.ask(Method::POST, "/session", Some(credentials("Alice", PASSWORD))).await;
    expect_problem(refused, 401, "bad_credentials", &[]).await;
    operator.done(&["user", "enable", "alice"]);
    assert_eq!(browser.username().await, "Alice");
    // The same over HTTP.
    operator.add_user(&["root", "--admin"]);
    let key = operator.key("root", &[]);
    let patch = async |change: Value| {
        let patch = server.http().patch(server.api("/users/alice")).bearer_auth(&key).json(&change);
        assert_eq!(patch.send().await.expect("an answer").status(), StatusCode::OK, "{change}");
    };
    patch(json!({"disabled": true})).await;
    assert_eq!(browser.username().await, Value::Null);
    patch(json!({"disabled": false})).await;
    assert_eq!(browser.username().await, "Alice");
    patch(json!({"sign_out": true})).await;
    assert_eq!(browser.username().await, Value::Null);
    browser.sign_in("Alice", PASSWORD).await;
}
