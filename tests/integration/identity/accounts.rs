//! Accounts that the server keeps: registering, invitations, passwords, and leaving.

use reqwest::{Method, StatusCode, header};
use serde_json::{Value, json};

use crate::support::{
    DEADLINE, Server,
    browser::{Browser, PASSWORD},
    problem::expect_problem,
    reader::kind,
    server::{Builder, json_of},
    sse::Stream,
    users::Operator,
    within,
};

const REGISTER: &str = "/accounts";

async fn start(args: &[&str]) -> Server {
    let builder = Server::builder().arg("--auth").arg("required");
    args.iter().fold(builder, Builder::arg).start().await
}

fn registration(username: &str) -> Value {
    json!({"username": username, "password": PASSWORD})
}

#[tokio::test]
async fn who_registers_is_signed_in_and_the_name_is_theirs() {
    let server = start(&["--accounts", "open"]).await;
    let alice = Browser::of(&server);
    let answer = alice.ask(Method::POST, REGISTER, Some(registration("Alice"))).await;
    let set = answer.headers()[header::SET_COOKIE].to_str().expect("text").to_owned();
    assert!(set.starts_with("parlor=pls_"), "{set}");
    for part in ["; HttpOnly", "; SameSite=Lax", "; Path=/", "; Max-Age=2592000"] {
        assert!(set.contains(part), "{set} has no {part}");
    }
    assert!(!set.contains("Secure") && !set.contains("Domain"), "{set}");
    let me = json_of(answer, StatusCode::CREATED).await;
    assert_eq!((&me["username"], &me["admin"], &me["accounts"]), (&json!("Alice"), &json!(false), &json!("open")));
    assert_eq!(alice.username().await, "Alice");
    let posted = alice.ok(Method::POST, "/rooms/general/messages", Some(json!({"content": "hi"})), 201).await;
    assert_eq!(posted["username"], "Alice");

    let other = Browser::of(&server);
    // The same name in other case, and names that look like it.
    for taken in ["alice", "ALICE", "\u{410}lice", "A1ice"] {
        expect_problem(other.ask(Method::POST, REGISTER, Some(registration(taken))).await, 409, "name_taken", &[])
            .await;
    }
    for reserved in ["admin", "\u{430}dmin", "me", "Here", ".", "..", "a/b", "@bob", "50%"] {
        let refused = other.ask(Method::POST, REGISTER, Some(registration(reserved))).await;
        expect_problem(refused, 422, "invalid", &["username"]).await;
    }
    for bad in ["short", "1234567890", "Password123", &"x".repeat(257)] {
        let refused = other.ask(Method::POST, REGISTER, Some(json!({"username": "Bob", "password": bad}))).await;
        expect_problem(refused, 422, "invalid", &["password"]).await;
    }
    expect_problem(other.ask(Method::POST, REGISTER, Some(json!({}))).await, 422, "invalid", &["username", "password"])
        .await;
    assert_eq!(other.cookie(), None);
}

#[tokio::test]
async fn only_a_page_of_the_server_registers_and_signs_in() {
    let server = start(&["--accounts", "open"]).await;
    let browser = Browser::of(&server);
    browser.register("Alice").await;
    browser.set_cookie(None);
    let own = format!("http://{}", server.addr());
    let other_port = "http://127.0.0.1:1".to_owned();
    for (path, name) in [("/accounts", "Bob"), ("/session", "Alice")] {
        for headers in [
            vec![],
            vec![("origin", "https://evil.example")],
            vec![("origin", other_port.as_str())],
            vec![("origin", "null")],
            vec![("sec-fetch-site", "cross-site")],
            vec![("sec-fetch-site", "same-site")],
            vec![("sec-fetch-site", "none")],
            vec![("origin", other_port.as_str()), ("sec-fetch-site", "same-origin")],
        ] {
            let request = browser.bare(Method::POST, path).json(&registration(name));
            let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
            expect_problem(request.send().await.expect("an answer"), 403, "cross_site", &[]).await;
        }
        // A form is what any page can have a browser send.
        let form = format!("username={name}&password={}", PASSWORD.replace(' ', "+"));
        for kind in ["application/x-www-form-urlencoded", "text/plain"] {
            let request = browser.request(Method::POST, path).header("content-type", kind).body(form.clone());
            let refused = request.send().await.expect("an answer");
            expect_problem(refused, 415, "unsupported_media_type", &[]).await;
        }
        let request = browser.bare(Method::POST, path).json(&registration(name));
        let said = if name == "Bob" { ("sec-fetch-site", "same-origin") } else { ("origin", own.as_str()) };
        assert_eq!(request.header(said.0, said.1).send().await.expect("an answer").status(), StatusCode::CREATED);
    }
}

#[tokio::test]
async fn an_invitation_registers_one_and_hands_a_claimed_name_over() {
    let mut open = Server::start().await;
    open.post("general", "Carol", "before there were accounts").await;
    open.terminate().await;
    let builder = Server::builder()
        .database_url(&open.database_url())
        .arg("--auth")
        .arg("required")
        .arg("--accounts")
        .arg("invite");
    let server = builder.start().await;
    let operator = Operator::of(&server);
    operator.add_user(&["root", "--admin"]);
    let key = operator.key("root", &[]);
    let invitations = |method: Method, path: &str, body: Value| {
        let request = server.http().request(method, server.api(&format!("/invitations{path}"))).bearer_auth(&key);
        let request = if body.is_null() { request } else { request.json(&body) };
        async move { request.send().await.expect("an answer") }
    };
    let invite = async |body: Value| {
        let made = json_of(invitations(Method::POST, "", body).await, StatusCode::CREATED).await;
        made["invitation"].as_str().expect("a secret").to_owned()
    };
    let browser = Browser::of(&server);
    let register = async |name: &str, invitation: Option<&str>| {
        let body = json!({"username": name, "password": PASSWORD, "invitation": invitation});
        browser.set_cookie(None);
        browser.ask(Method::POST, REGISTER, Some(body)).await
    };
    let refused = async |name: &str, invitation: Option<&str>| {
        expect_problem(register(name, invitation).await, 403, "invitation_invalid", &[]).await;
    };
    // Who has no invitation learns of no name, be it taken, reserved, or not a good one.
    for name in ["Bob", "root", "admin", "Carol"] {
        for bad in [None, Some("pli_short"), Some(&*format!("pli_{}", "0".repeat(43)))] {
            refused(name, bad).await;
        }
    }
    let any = invite(json!({})).await;
    expect_problem(register("Carol", Some(&any)).await, 409, "name_taken", &[]).await;
    assert_eq!(register("Bob", Some(&any)).await.status(), StatusCode::CREATED);
    refused("Dave", Some(&any)).await;

    let for_carol = invite(json!({"username": "carol", "expires_in": 60})).await;
    refused("Dave", Some(&for_carol)).await;
    let carol = json_of(register("Carol", Some(&for_carol)).await, StatusCode::CREATED).await;
    assert_eq!(carol["username"], "Carol");
    let taken = invitations(Method::POST, "", json!({"username": "Carol"})).await;
    expect_problem(taken, 409, "name_taken", &[]).await;
    for (body, field) in [
        (json!({"username": "admin"}), "username"),
        (json!({"expires_in": 59}), "expires_in"),
        (json!({"expires_in": 31_536_001}), "expires_in"),
    ] {
        expect_problem(invitations(Method::POST, "", body).await, 422, "invalid", &[field]).await;
    }

    let withdrawn = invite(json!({})).await;
    let kept = invite(json!({"username": "Erin"})).await;
    let list = json_of(invitations(Method::GET, "?limit=1", Value::Null).await, StatusCode::OK).await;
    assert_eq!(list["invitations"][0]["username"], "Erin");
    assert!(!list.to_string().contains(&kept), "the secret is shown once");
    let rest = invitations(Method::GET, &format!("?before={}", list["next"]), Value::Null).await;
    let rest = json_of(rest, StatusCode::OK).await;
    assert_eq!((rest["invitations"].as_array().map(Vec::len), &rest["next"]), (Some(1), &Value::Null));
    let id = &rest["invitations"][0]["id"];
    assert_eq!(invitations(Method::DELETE, &format!("/{id}"), Value::Null).await.status(), StatusCode::NO_CONTENT);
    expect_problem(invitations(Method::DELETE, &format!("/{id}"), Value::Null).await, 404, "not_found", &[]).await;
    refused("Dave", Some(&withdrawn)).await;
}

#[tokio::test]
async fn an_invitation_that_many_use_at_once_registers_one() {
    let server = start(&["--accounts", "invite"]).await;
    let operator = Operator::of(&server);
    operator.add_user(&["root", "--admin"]);
    let key = operator.key("root", &[]);
    let invite = server.http().post(server.api("/invitations")).bearer_auth(&key).json(&json!({}));
    let made = json_of(invite.send().await.expect("an answer"), StatusCode::CREATED).await;
    let register = async |name: String| {
        let body = json!({"username": name, "password": PASSWORD, "invitation": made["invitation"]});
        loop {
            let answer = Browser::of(&server).ask(Method::POST, REGISTER, Some(body.clone())).await;
            // Too many passwords at once.
            if answer.status() != StatusCode::SERVICE_UNAVAILABLE {
                break answer.status().as_u16();
            }
        }
    };
    let names = (0..8).map(|number| register(format!("user{number}")));
    let mut statuses = futures_util::future::join_all(names).await;
    statuses.sort_unstable();
    assert_eq!(statuses, [vec![201], vec![403; 7]].concat());
}

#[tokio::test]
async fn a_password_is_changed_by_who_knows_it_and_other_browsers_are_signed_out() {
    let server = start(&["--accounts", "open", "--revocation-interval=100ms"]).await;
    let (one, other) = (Browser::of(&server), Browser::of(&server));
    one.register("Alice").await;
    other.sign_in("alice", PASSWORD).await;
    let mut stream = Stream::send(other.request(Method::GET, "/rooms/general/stream")).await;
    let change = async |current: &str, new: &str| {
        one.ask(Method::PUT, "/me/password", Some(json!({"current": current, "new": new}))).await
    };
    expect_problem(change("not the password", "another long password").await, 422, "invalid", &["current"]).await;
    expect_problem(change(PASSWORD, "short").await, 422, "invalid", &["new"]).await;
    assert_eq!(other.username().await, "Alice");
    assert_eq!(change(PASSWORD, "another long password").await.status(), StatusCode::NO_CONTENT);
    assert_eq!((one.username().await, other.username().await), (json!("Alice"), Value::Null));
    let ended = async {
        let mut last = None;
        while let Some(frame) = stream.next().await {
            last = Some(serde_json::from_str::<Value>(&frame.data).expect("JSON"));
        }
        last
    };
    let last = within(DEADLINE, "the stream ends", ended).await.expect("an event");
    assert_eq!((kind(&last), &last["code"]), ("error", &json!("invalid_token")));
    let with_old = Some(json!({"username": "Alice", "password": PASSWORD}));
    expect_problem(other.ask(Method::POST, "/session", with_old).await, 401, "bad_credentials", &[]).await;
    other.sign_in("Alice", "another long password").await;
}

#[tokio::test]
async fn a_reset_sets_a_new_password_once() {
    let server = start(&["--accounts", "open"]).await;
    let (alice, other) = (Browser::of(&server), Browser::of(&server));
    alice.register("Alice").await;
    let operator = Operator::of(&server);
    operator.add_user(&["root", "--admin"]);
    let key = operator.key("root", &[]);
    let offer = async |user: &str| {
        let request = server.http().post(server.api(&format!("/users/{user}/reset"))).bearer_auth(&key);
        request.send().await.expect("an answer")
    };
    let secret = async || json_of(offer("alice").await, StatusCode::CREATED).await["reset"].clone();
    let replaced = secret().await;
    let good = secret().await;
    let reset = async |user: &str, secret: &Value| {
        let body = json!({"username": user, "reset": secret, "new": "another long password"});
        other.ask(Method::POST, "/session", Some(body)).await
    };
    let nobodys = json!(format!("plp_{}", "0".repeat(43)));
    for (user, secret) in [("Alice", &replaced), ("Alice", &nobodys), ("root", &good), ("nobody", &good)] {
        expect_problem(reset(user, secret).await, 401, "bad_credentials", &[]).await;
    }
    assert_eq!(alice.username().await, "Alice", "until it is used nothing changes");
    assert_eq!(json_of(reset("Alice", &good).await, StatusCode::CREATED).await["username"], "Alice");
    assert_eq!((alice.username().await, other.username().await), (Value::Null, json!("Alice")));
    expect_problem(reset("Alice", &good).await, 401, "bad_credentials", &[]).await;
    alice.sign_in("Alice", "another long password").await;
    expect_problem(offer("nobody").await, 404, "not_found", &[]).await;
    operator.add_user(&["robot", "--bot"]);
    expect_problem(offer("robot").await, 422, "invalid", &["username"]).await;
    let by_alice = alice.ask(Method::POST, "/users/root/reset", None).await;
    expect_problem(by_alice, 403, "forbidden", &[]).await;
}

#[tokio::test]
async fn no_admin_offers_a_password_to_whom_another_system_lets_in() {
    let guarded = super::Guarded::with(&["--accounts", "open"]).await;
    let server = &guarded.server;
    let operator = Operator::of(server);
    operator.add_user(&["root", "--admin"]);
    let key = operator.key("root", &[]);
    let token = guarded.token("jay", &[]);
    let me = guarded.request(Method::GET, "/api/v1/me", &token).send().await.expect("an answer");
    assert_eq!(me.status(), StatusCode::OK);
    let offer = async || {
        let request = guarded.request(Method::POST, "/api/v1/users/jay/reset", &key);
        request.send().await.expect("an answer")
    };
    let problem = expect_problem(offer().await, 422, "invalid", &["username"]).await;
    assert!(problem.to_string().contains("tokens"), "{problem}");
    // Once whoever runs the server has given them one, they may forget it.
    let set = operator.run_with_input(&["user", "password", "jay", "--password-stdin"], PASSWORD);
    assert!(set.status.success(), "{set:?}");
    assert_eq!(offer().await.status(), StatusCode::CREATED);
}

#[tokio::test]
async fn the_last_admin_does_not_leave() {
    let server = start(&["--accounts", "open"]).await;
    let (ada, bea) = (Browser::of(&server), Browser::of(&server));
    ada.register("Ada").await;
    bea.register("Bea").await;
    let operator = Operator::of(&server);
    operator.done(&["user", "admin", "Ada"]);
    ada.ok(Method::PUT, "/rooms/team", Some(json!({})), 201).await;
    expect_problem(ada.ask(Method::DELETE, "/me", None).await, 409, "last_admin", &[]).await;
    let room = ada.ok(Method::GET, "/rooms/team", None, 200).await;
    assert_eq!(room["role"], "owner", "nothing of it was done");
    // Another admin is no other while disabled.
    operator.done(&["user", "admin", "Bea"]);
    operator.done(&["user", "disable", "Bea"]);
    expect_problem(ada.ask(Method::DELETE, "/me", None).await, 409, "last_admin", &[]).await;
    operator.done(&["user", "enable", "Bea"]);
    // Both at once: one of them is the last.
    bea.sign_in("Bea", PASSWORD).await;
    let (one, other) = tokio::join!(ada.ask(Method::DELETE, "/me", None), bea.ask(Method::DELETE, "/me", None));
    let mut statuses = [one.status().as_u16(), other.status().as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [204, 409]);
    let users = operator.list(&["user", "list"]);
    assert_eq!(users.iter().filter(|user| user["admin"] == true).count(), 1, "{users:?}");
}

#[tokio::test]
async fn a_deleted_account_leaves_its_rooms_and_its_name_to_nobody() {
    let server = start(&["--accounts", "open"]).await;
    let (alice, bob) = (Browser::of(&server), Browser::of(&server));
    alice.register("Alice").await;
    bob.register("Bob").await;
    for room in ["team", "other"] {
        alice.ok(Method::PUT, &format!("/rooms/{room}"), Some(json!({"visibility": "private"})), 201).await;
        let member = format!("/rooms/{room}/members/Bob");
        alice.ok(Method::PUT, &member, Some(json!({"role": "member"})), 200).await;
    }
    let direct = alice.ok(Method::PUT, "/dms/Bob", None, 201).await["name"].as_str().expect("a name").to_owned();
    let posted = alice.ok(Method::POST, "/rooms/team/messages", Some(json!({"content": "stays"})), 201).await;
    let operator = Operator::of(&server);
    let key = operator.key("Alice", &[]);
    let by_key = server.http().delete(server.api("/me")).bearer_auth(&key).send().await.expect("an answer");
    expect_problem(by_key, 403, "forbidden", &[]).await;

    let deleted = alice.ask(Method::DELETE, "/me", None).await;
    assert_eq!(deleted.status(), StatusCode::NO_CONTENT);
    assert_eq!(alice.cookie(), None, "the browser forgets the session");
    for room in ["team", "other", &direct] {
        let members = bob.ok(Method::GET, &format!("/rooms/{room}/members"), None, 200).await;
        let names: Vec<_> = members["members"].as_array().expect("members").iter().map(|it| &it["username"]).collect();
        assert_eq!(names, ["Bob"], "{room}");
        let polled = bob.ok(Method::GET, &format!("/rooms/{room}/poll?since=0"), None, 200).await;
        let events = polled["events"].as_array().expect("events");
        let left = events.iter().find(|event| kind(event) == "member_left").expect("they are told");
        assert_eq!((&left["username"], &left["reason"]), (&json!("Alice"), &json!("left")));
    }
    let kept = bob.ok(Method::GET, &format!("/rooms/team/messages/{}", posted["id"]), None, 200).await;
    assert_eq!((&kept["username"], &kept["content"]), (&json!("Alice"), &json!("stays")));
    let dead = server.http().get(server.api("/me")).bearer_auth(&key).send().await.expect("an answer");
    expect_problem(dead, 401, "invalid_token", &[]).await;
    let sign_in = alice.ask(Method::POST, "/session", Some(registration("Alice"))).await;
    expect_problem(sign_in, 401, "bad_credentials", &[]).await;
    for name in ["Alice", "alice", "A1ice"] {
        expect_problem(alice.ask(Method::POST, REGISTER, Some(registration(name))).await, 409, "name_taken", &[]).await;
    }
    let opened = bob.ask(Method::PUT, "/dms/Alice", None).await;
    expect_problem(opened, 404, "not_found", &[]).await;
    let enabled = operator.refused(&["user", "enable", "Alice"], 1);
    assert!(enabled.contains("no user Alice"), "{enabled}");
    let again = operator.refused(&["user", "add", "Alice"], 1);
    assert!(again.contains("taken"), "{again}");
}

#[tokio::test]
async fn without_accounts_nobody_registers_and_open_mode_knows_nothing_of_them() {
    let open = Server::start().await;
    let browser = Browser::of(&open);
    for (method, path) in [
        (Method::POST, "/accounts"),
        (Method::POST, "/session"),
        (Method::DELETE, "/session"),
        (Method::GET, "/sessions"),
        (Method::DELETE, "/sessions/1"),
        (Method::PUT, "/me/password"),
        (Method::DELETE, "/me"),
        (Method::GET, "/invitations"),
        (Method::POST, "/invitations"),
        (Method::DELETE, "/invitations/1"),
        (Method::POST, "/users/alice/reset"),
    ] {
        let body = Some(json!({"current": "x", "new": "y"})).filter(|_| path == "/me/password");
        let body =
            body.or_else(|| Some(registration("alice")).filter(|_| method == Method::POST && path != "/invitations"));
        let body = body.or_else(|| Some(json!({})).filter(|_| path == "/invitations" && method == Method::POST));
        expect_problem(browser.ask(method, path, body).await, 404, "not_found", &[]).await;
    }

    let guarded = super::Guarded::start().await;
    let browser = Browser::of(&guarded.server);
    for path in ["/accounts", "/session"] {
        let refused = browser.ask(Method::POST, path, Some(registration("alice"))).await;
        let problem = expect_problem(refused, 403, "forbidden", &[]).await;
        assert!(problem["detail"].as_str().expect("text").contains("--accounts"), "{problem}");
    }
}
