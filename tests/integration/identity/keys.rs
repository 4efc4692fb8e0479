//! API keys over HTTP: who makes them, what they let in, and what no stolen credential gets.

use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};

use super::Guarded;
use crate::support::{
    DEADLINE, Server, browser::Browser, problem::expect_problem, server::json_of, sse::Stream, users::Operator, within,
};

async fn start() -> Guarded {
    let guarded = Guarded::with(&["--accounts", "open", "--guests", "on"]).await;
    guarded.make_room("team-a").await;
    guarded
}

/// A browser that has just registered.
async fn registered<'a>(guarded: &'a Guarded, name: &str) -> Browser<'a> {
    let browser = Browser::of(&guarded.server);
    browser.register(name).await;
    browser
}

/// One whose user is an admin.
async fn admin(guarded: &Guarded) -> Browser<'_> {
    let browser = registered(guarded, "Boss").await;
    Operator::of(&guarded.server).done(&["user", "admin", "Boss"]);
    browser
}

async fn make(browser: &Browser<'_>, body: Value) -> Value {
    browser.ok(Method::POST, "/keys", Some(body), 201).await
}

fn secret(made: &Value) -> &str {
    made["key"].as_str().expect("a key")
}

async fn status(request: RequestBuilder) -> StatusCode {
    request.send().await.expect("an answer").status()
}

async fn me(guarded: &Guarded, credential: &str) -> Value {
    let answer = guarded.request(Method::GET, "/api/v1/me", credential).send().await.expect("an answer");
    json_of(answer, StatusCode::OK).await
}

#[tokio::test]
async fn who_has_signed_in_makes_lists_and_deletes_keys() {
    let guarded = start().await;
    let (alice, bob) = (registered(&guarded, "Alice").await, registered(&guarded, "Bob").await);
    let narrow = json!({"name": "deploy", "rooms": ["team-*"], "can": ["read"], "expires_in": 3600});
    let made = make(&alice, narrow).await;
    let key = secret(&made);
    let mut shown = made.clone();
    shown.as_object_mut().expect("an object").remove("key");
    let expected = json!({
        "id": made["id"], "username": "Alice", "name": "deploy", "rooms": ["team-*"], "can": ["read"],
        "created_at": made["created_at"], "expires_at": made["expires_at"], "last_used_at": null,
    });
    assert_eq!(shown, expected);
    assert!(made["expires_at"].as_str() > made["created_at"].as_str(), "{made}");

    let known = me(&guarded, key).await;
    assert_eq!((&known["username"], &known["rights"]), (&json!("Alice"), &json!(["read"])));
    assert_eq!(known["expires_at"], made["expires_at"]);
    let read = |room: &str| guarded.request(Method::GET, &format!("/api/v1/rooms/{room}/messages"), key);
    assert_eq!(status(read("team-a")).await, StatusCode::OK);
    assert_eq!(status(read("general")).await, StatusCode::NOT_FOUND);
    let post = guarded.request(Method::POST, "/api/v1/rooms/team-a/messages", key).json(&json!({"content": "hi"}));
    assert_eq!(status(post).await, StatusCode::FORBIDDEN);

    let whole = make(&alice, json!({"name": ""})).await;
    assert_eq!((&whole["rooms"], &whole["can"], &whole["expires_at"]), (&Value::Null, &Value::Null, &Value::Null));
    let third = make(&alice, json!({"name": "none", "rooms": [], "can": []})).await;
    make(&bob, json!({"name": "of bob"})).await;
    let list = alice.ok(Method::GET, "/keys", None, 200).await;
    let ids =
        |page: &Value| page["keys"].as_array().expect("keys").iter().map(|key| key["id"].clone()).collect::<Vec<_>>();
    assert_eq!(ids(&list), [&made, &whole, &third].map(|key| key["id"].clone()));
    assert!(list["next"].is_null() && !list.to_string().contains("plr_"), "{list}");
    // Page by page.
    let (mut all, mut after) = (Vec::new(), json!(0));
    while !after.is_null() {
        let page = alice.ok(Method::GET, &format!("/keys?limit=2&after={after}"), None, 200).await;
        all.extend(ids(&page));
        after = page["next"].clone();
    }
    assert_eq!(all, ids(&list));

    // Somebody else's is as one that is not there.
    let path = format!("/keys/{}", made["id"]);
    for (browser, path) in [(&bob, path.as_str()), (&alice, "/keys/999999"), (&alice, "/keys/x"), (&alice, "/keys/0")] {
        expect_problem(browser.ask(Method::DELETE, path, None).await, 404, "not_found", &[]).await;
    }
    let mut stream = Stream::send(guarded.request(Method::GET, "/api/v1/rooms/team-a/stream", key)).await;
    assert_eq!(stream.status, StatusCode::OK);
    alice.ok(Method::DELETE, &path, None, 204).await;
    let refused = guarded.request(Method::GET, "/api/v1/rooms/team-a", key).send().await.expect("an answer");
    let problem = expect_problem(refused, 401, "invalid_token", &[]).await;
    let said = problem["detail"].as_str().expect("text");
    assert!(said.contains("no longer valid") || said.contains("is not valid"), "{problem}");
    // Whoever runs the server finds out why, whichever look has found it out.
    guarded.server.wait_for_log("a credential is refused", DEADLINE).await;
    let ends = async {
        let mut last = Value::Null;
        while let Some(frame) = stream.next().await {
            last = serde_json::from_str(&frame.data).expect("JSON");
        }
        last
    };
    assert_eq!(within(DEADLINE, "the end", ends).await["code"], "invalid_token");
    expect_problem(alice.ask(Method::DELETE, &path, None).await, 404, "not_found", &[]).await;
    assert_eq!(me(&guarded, secret(&whole)).await["username"], "Alice", "the others stay");
}

#[tokio::test]
async fn a_stolen_credential_makes_no_key() {
    let guarded = start().await;
    let root = admin(&guarded).await;
    let alice = registered(&guarded, "Alice").await;
    let operator = Operator::of(&guarded.server);
    let token = guarded.token("carol", &["--for", "5m"]);
    let admins_token = guarded.token("dave", &["--can", "read,post,moderate,admin"]);
    let by_token = Browser::of(&guarded.server);
    by_token.ok(Method::POST, "/session", Some(json!({"token": admins_token})), 201).await;
    let key = secret(&make(&alice, json!({"name": "whole"})).await).to_owned();
    let whole = secret(&make(&root, json!({"name": "whole"})).await).to_owned();
    let id = make(&alice, json!({"name": "a key"})).await["id"].clone();

    let (own, bot) = (json!({"name": "mine"}), json!({"name": "of a bot", "bot": "ci"}));
    let ask = async |credential: &str, method: Method, path: &str, body: Option<&Value>| {
        let request = guarded.request(method, &format!("/api/v1{path}"), credential);
        let request = if let Some(body) = body { request.json(body) } else { request };
        request.send().await.expect("an answer")
    };
    let path = format!("/keys/{id}");
    for credential in [&token, &admins_token, &key] {
        for (method, path, body) in [
            (Method::POST, "/keys", Some(&own)),
            (Method::POST, "/keys", Some(&bot)),
            (Method::GET, "/keys", None),
            (Method::GET, "/keys?bot=ci", None),
            (Method::DELETE, path.as_str(), None),
            (Method::DELETE, "/keys/999999", None),
        ] {
            expect_problem(ask(credential, method, path, body).await, 403, "forbidden", &[]).await;
        }
    }
    for (method, path, body) in [
        (Method::POST, "/keys", Some(own.clone())),
        (Method::POST, "/keys", Some(bot.clone())),
        (Method::GET, "/keys", None),
        (Method::DELETE, path.as_str(), None),
    ] {
        expect_problem(by_token.ask(method.clone(), path, body.clone()).await, 403, "forbidden", &[]).await;
        let guest = guarded.server.http().request(method, guarded.server.api(path)).json(&body.unwrap_or(json!({})));
        expect_problem(guest.send().await.expect("an answer"), 401, "unauthenticated", &[]).await;
    }

    // An admin's key makes keys of bots only, and only if nothing narrows it.
    for narrowing in [
        &["--rooms", "team-*"][..],
        &["--can", "read,post,admin"],
        &["--for", "30d"],
        &["--rooms", "", "--can", "read,post,moderate,admin"],
    ] {
        let narrow = operator.key("Boss", narrowing);
        expect_problem(ask(&narrow, Method::POST, "/keys", Some(&bot)).await, 403, "forbidden", &[]).await;
    }
    // Neither does what is narrow invite anybody, or offer a new password: both make what has no end.
    alice.ok(Method::DELETE, &path, None, 204).await;
    let narrow = operator.key("Boss", &["--can", "admin", "--rooms", "", "--for", "5m"]);
    for path in ["/users/Boss/reset", "/users/Alice/reset", "/invitations"] {
        let body = json!({});
        for credential in [&narrow, &admins_token] {
            expect_problem(ask(credential, Method::POST, path, Some(&body)).await, 403, "forbidden", &[]).await;
        }
        expect_problem(by_token.ask(Method::POST, path, Some(body.clone())).await, 403, "forbidden", &[]).await;
        assert_eq!(ask(&whole, Method::POST, path, Some(&body)).await.status(), StatusCode::CREATED, "{path}");
        root.ok(Method::POST, path, Some(body), 201).await;
    }
    let path = format!("/keys/{}", make(&alice, json!({"name": "a key"})).await["id"]);
    expect_problem(ask(&whole, Method::POST, "/keys", Some(&own)).await, 403, "forbidden", &[]).await;
    expect_problem(ask(&whole, Method::GET, "/keys", None).await, 403, "forbidden", &[]).await;
    expect_problem(ask(&whole, Method::DELETE, &path, None).await, 404, "not_found", &[]).await;
    let made = json_of(ask(&whole, Method::POST, "/keys", Some(&bot)).await, StatusCode::CREATED).await;
    assert_eq!(me(&guarded, secret(&made)).await["kind"], "bot");
    let of_bot = format!("/keys/{}", made["id"]);
    assert_eq!(ask(&whole, Method::DELETE, &of_bot, None).await.status(), StatusCode::NO_CONTENT);
    // The admin's right ends, and with it the key's.
    operator.done(&["user", "admin", "Boss", "--off"]);
    expect_problem(ask(&whole, Method::POST, "/keys", Some(&bot)).await, 403, "forbidden", &[]).await;
}

#[tokio::test]
async fn an_admin_makes_bots_by_their_first_key() {
    let guarded = start().await;
    let (root, alice) = (admin(&guarded).await, registered(&guarded, "Alice").await);
    let operator = Operator::of(&guarded.server);
    let first = make(&root, json!({"name": "one", "bot": "ci", "can": ["read", "post"]})).await;
    let second = make(&root, json!({"name": "two", "bot": "CI"})).await;
    assert_eq!((&first["username"], &second["username"]), (&json!("ci"), &json!("ci")));
    let known = me(&guarded, secret(&second)).await;
    assert_eq!((&known["username"], &known["kind"], &known["admin"]), (&json!("ci"), &json!("bot"), &json!(false)));
    let path = "/api/v1/rooms/team-a/messages";
    let post = guarded.request(Method::POST, path, secret(&first)).json(&json!({"content": "Build 42 is green"}));
    assert_eq!(json_of(post.send().await.expect("an answer"), StatusCode::CREATED).await["username"], "ci");

    let of_bot = root.ok(Method::GET, "/keys?bot=ci", None, 200).await;
    let names: Vec<_> = of_bot["keys"].as_array().expect("keys").iter().map(|key| key["name"].clone()).collect();
    assert_eq!(names, ["one", "two"]);
    let own = root.ok(Method::GET, "/keys", None, 200).await;
    assert_eq!(own["keys"], json!([]));
    for nobody in ["nobody", "Alice"] {
        let listed = root.ask(Method::GET, &format!("/keys?bot={nobody}"), None).await;
        expect_problem(listed, 404, "not_found", &[]).await;
    }

    operator.add_user(&["off", "--bot"]);
    operator.done(&["user", "disable", "off"]);
    for (taken, is_said) in [("Alice", "no bot"), ("Boss", "no bot"), ("off", "taken")] {
        let asked = root.ask(Method::POST, "/keys", Some(json!({"name": "k", "bot": taken}))).await;
        let problem = expect_problem(asked, 409, "name_taken", &[]).await;
        assert!(problem["detail"].as_str().is_some_and(|detail| detail.contains(is_said)), "{problem}");
    }
    for (browser, path, said) in [
        (&alice, "/keys/999999", "There is no such key of yours."),
        (&root, "/keys/999999", "There is no such key of yours or of a bot."),
        (&root, "/keys/x", "`x` is no id: ids are whole numbers."),
    ] {
        let problem = expect_problem(browser.ask(Method::DELETE, path, None).await, 404, "not_found", &[]).await;
        assert_eq!(problem["detail"], said, "{path}");
    }
    // Who looks like a person, or like another bot, could be taken for them.
    for like in ["Аlice", "A1ice", "\u{ff22}oss", "c\u{456}"] {
        let asked = root.ask(Method::POST, "/keys", Some(json!({"name": "k", "bot": like}))).await;
        expect_problem(asked, 409, "name_taken", &[]).await;
    }
    assert!(operator.list(&["user", "list"]).iter().all(|user| user["username"] != "A1ice"), "nothing is left of it");
    for (body, fields) in [
        (json!({}), &["name"][..]),
        (json!({"name": "k", "bot": "admin"}), &["bot"]),
        (json!({"name": "k", "bot": ""}), &["bot"]),
        (json!({"name": "k", "bot": "ci", "can": ["read", "admin"]}), &["can"]),
        (json!({"name": "a\nb", "rooms": ["a b"], "can": ["write"]}), &["name", "rooms", "can"]),
        (json!({"name": "k", "expires_in": 0}), &["expires_in"]),
        (json!({"name": "k", "expires_in": 316_224_001_u64}), &["expires_in"]),
        (json!({"name": "k", "for": "1h"}), &["for"]),
    ] {
        expect_problem(root.ask(Method::POST, "/keys", Some(body)).await, 422, "invalid", fields).await;
    }
    // No key is wider than whoever makes it.
    let wider = alice.ask(Method::POST, "/keys", Some(json!({"name": "k", "can": ["read", "admin"]}))).await;
    expect_problem(wider, 422, "invalid", &["can"]).await;
    let of_bot = alice.ask(Method::POST, "/keys", Some(json!({"name": "k", "bot": "ci"}))).await;
    expect_problem(of_bot, 403, "forbidden", &[]).await;
    let path = format!("/keys/{}", second["id"]);
    expect_problem(alice.ask(Method::DELETE, &path, None).await, 404, "not_found", &[]).await;
    root.ok(Method::DELETE, &path, None, 204).await;
    let refused = guarded.request(Method::GET, "/api/v1/me", secret(&second)).send().await.expect("an answer");
    expect_problem(refused, 401, "invalid_token", &[]).await;
}

#[tokio::test]
async fn a_page_of_another_site_makes_no_key() {
    let guarded = Guarded::with(&["--accounts", "open", "--allow-origin", "https://friend.example"]).await;
    let alice = registered(&guarded, "Alice").await;
    for (name, value) in [
        ("origin", "https://evil.example"),
        ("origin", "https://friend.example"),
        ("origin", "null"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("x-nothing", "1"),
    ] {
        let asked = alice.bare(Method::POST, "/keys").header(name, value).json(&json!({"name": "k"})).send().await;
        expect_problem(asked.expect("an answer"), 403, "cross_site", &[]).await;
    }
    let form = alice.request(Method::POST, "/keys").form(&[("name", "k")]).send().await.expect("an answer");
    expect_problem(form, 415, "unsupported_media_type", &[]).await;
    assert_eq!(alice.ok(Method::GET, "/keys", None, 200).await["keys"], json!([]));
}

#[tokio::test]
async fn open_mode_has_no_keys() {
    let server = Server::start().await;
    for (method, path) in [(Method::POST, "/keys"), (Method::GET, "/keys"), (Method::DELETE, "/keys/1")] {
        let asked = server.http().request(method, server.api(path)).json(&json!({"name": "k"})).send().await;
        expect_problem(asked.expect("an answer"), 404, "not_found", &[]).await;
    }
}
