//! Accounts can't be guessed by signing in: not by the time of an answer, and not by trying for long.

use std::net::{IpAddr, Ipv4Addr};

use futures_util::future::join_all;
use rand::seq::SliceRandom as _;
use reqwest::{Client, Method, Response, StatusCode, header};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::Guarded;
use crate::support::{
    DEADLINE, Server,
    browser::{Browser, PASSWORD},
    problem::expect_problem,
    ranks::expect_alike,
    seeded,
    server::json_of,
    statements::{logged, names, while_doing},
    users::Operator,
    within,
};

/// The answers of each kind whose times are compared: all that three rounds ask for stays below what is a name's to fail.
const ANSWERS: usize = 90;
/// The users, and as many names that nobody has; as long as each other.
const USERS: usize = 4;

async fn start() -> Server {
    let builder = Server::builder().arg("--auth").arg("required").arg("--accounts").arg("open");
    builder.start().await
}

/// A client in a network of its own.
fn client(network: u8) -> Client {
    let from = IpAddr::from(Ipv4Addr::new(127, 0, network, 1));
    Client::builder().no_proxy().local_address(from).build().expect("an HTTP client")
}

async fn sign_in(server: &Server, client: &Client, body: &Value) -> Response {
    let request = client.post(server.api("/session")).header(header::ORIGIN, format!("http://{}", server.addr()));
    within(DEADLINE, "a sign-in is answered", request.json(body).send()).await.expect("an answer")
}

fn wrong(username: &str) -> Value {
    json!({"username": username, "password": "not the password"})
}

/// The times of refusals of names that somebody has, and of others, by what is tried with each.
async fn expect_alike_times(tried: impl Fn(&str) -> Value) {
    let server = start().await;
    for number in 0..USERS {
        Browser::of(&server).register(&format!("known{number}")).await;
    }
    let mut rng = seeded();
    let mut asked = 0;
    let mut times = async |answers: usize| {
        let mut order: Vec<usize> = (0..2 * answers).map(|number| number % 2).collect();
        order.shuffle(&mut rng);
        let mut times = [Vec::new(), Vec::new()];
        let mut numbers = [asked, asked];
        asked += answers;
        for which in order {
            let number = numbers[which];
            numbers[which] += 1;
            // Of each name less than ten from a network, and less than a hundred.
            let network = u8::try_from(1 + number / (9 * USERS)).expect("few networks");
            let client = client(network);
            let body = tried(&format!("{}{}", ["known", "other"][which], number % USERS));
            // The connection is made first.
            client.get(server.url("/healthz")).send().await.expect("an answer").bytes().await.expect("a body");
            let begin = Instant::now();
            let answer = sign_in(&server, &client, &body).await;
            times[which].push(begin.elapsed());
            assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
        }
        times
    };
    times(USERS).await;
    expect_alike(async || times(ANSWERS).await).await;
}

#[tokio::test]
async fn a_name_that_nobody_has_is_refused_after_the_same_time() {
    expect_alike_times(wrong).await;
}

#[tokio::test]
async fn a_secret_for_a_new_password_is_refused_after_the_same_time() {
    let secret = format!("plp_{}", "0".repeat(43));
    expect_alike_times(|name| json!({"username": name, "reset": secret, "new": "another long password"})).await;
}

/// Names of whoever has no password, or may not use it, are as those of nobody, too.
#[tokio::test]
async fn of_a_name_that_nobody_has_the_database_is_asked_the_same() {
    let guarded = Guarded::on(logged(), &["--accounts", "open"]).await;
    let server = &guarded.server;
    let browser = Browser::of(server);
    for name in ["known", "off", "gone"] {
        browser.set_cookie(None);
        browser.register(name).await;
    }
    browser.ok(Method::DELETE, "/me", None, 204).await;
    let operator = Operator::of(server);
    operator.done(&["user", "disable", "off"]);
    operator.add_user(&["robot", "--bot"]);
    operator.add_user(&["keyed"]);
    let by_token = guarded.request(Method::GET, "/api/v1/me", &guarded.token("jay", &[])).send().await;
    assert_eq!(by_token.expect("an answer").status(), StatusCode::OK);
    let client = client(1);
    let secret = format!("plp_{}", "0".repeat(43));
    let reset = |name: &str| json!({"username": name, "reset": secret, "new": "another long password"});
    let tables = ["account", "password", "password_reset", "session"];
    for tried in [&wrong as &dyn Fn(&str) -> Value, &reset] {
        let mut asked = Vec::new();
        for name in ["known", "other", "off", "gone", "robot", "keyed", "jay"] {
            let (mut statements, answer) = while_doing(server, sign_in(server, &client, &tried(name))).await;
            let mut problem = expect_problem(answer, 401, "bad_credentials", &[]).await;
            problem["request_id"] = Value::Null;
            statements.retain(|text| tables.iter().any(|table| names(text, table)));
            asked.push((statements, problem));
        }
        assert!(asked[0].0.len() >= 2 && asked.iter().all(|one| *one == asked[0]), "{asked:#?}");
    }
}

/// The seconds that a refused try has to wait.
async fn wait(answer: Response) -> u64 {
    let seconds = answer.headers()[header::RETRY_AFTER].to_str().expect("text").parse().expect("seconds");
    expect_problem(answer, 429, "too_many_failures", &[]).await;
    seconds
}

#[tokio::test]
async fn a_name_is_tried_a_hundred_times_from_everywhere_together() {
    let server = start().await;
    let browser = Browser::of(&server);
    browser.register("Alice").await;
    browser.register("Bob").await;
    for network in 1..=20 {
        let client = client(network);
        for _ in 0..5 {
            for name in ["Alice", "nobody"] {
                let tried = sign_in(&server, &client, &wrong(name)).await;
                expect_problem(tried, 401, "bad_credentials", &[]).await;
            }
        }
    }
    let elsewhere = client(99);
    let credentials = |name: &str| json!({"username": name, "password": PASSWORD});
    for name in ["alice", "nobody"] {
        assert_eq!(wait(sign_in(&server, &elsewhere, &credentials(name)).await).await, 1, "{name}");
    }
    let bobs = sign_in(&server, &elsewhere, &credentials("Bob")).await;
    assert_eq!(bobs.status(), StatusCode::CREATED);
    // Who has waited is let in.
    let let_in = async {
        loop {
            let answer = sign_in(&server, &elsewhere, &credentials("Alice")).await;
            if answer.status() == StatusCode::CREATED {
                break;
            }
            wait(answer).await;
        }
    };
    within(DEADLINE, "the wait is over", let_in).await;
}

#[tokio::test]
async fn who_has_stolen_a_session_tries_passwords_no_longer_than_anybody() {
    let server = start().await;
    let browser = Browser::of(&server);
    browser.register("Alice").await;
    let change = async |current: &str| {
        let body = json!({"current": current, "new": "another long password"});
        browser.ask(Method::PUT, "/me/password", Some(body)).await
    };
    for _ in 0..10 {
        expect_problem(change("not the password").await, 422, "invalid", &["current"]).await;
    }
    // Also with the right one, and by signing in, too: they are counted together.
    assert_eq!(wait(change(PASSWORD).await).await, 1);
    let own = Client::builder().no_proxy().build().expect("an HTTP client");
    wait(sign_in(&server, &own, &json!({"username": "Alice", "password": PASSWORD})).await).await;
    assert_eq!(browser.username().await, "Alice", "the session is as it was");
    let elsewhere = sign_in(&server, &client(7), &json!({"username": "Alice", "password": PASSWORD})).await;
    assert_eq!(elsewhere.status(), StatusCode::CREATED, "and so is the password");
}

#[tokio::test]
async fn who_is_kept_out_by_failures_of_others_gets_in_by_a_secret_of_an_admin() {
    let guarded = Guarded::with(&["--accounts", "open"]).await;
    let server = &guarded.server;
    Browser::of(server).register("Alice").await;
    let operator = Operator::of(server);
    operator.add_user(&["root", "--admin"]);
    let key = operator.key("root", &[]);
    let offer = guarded.request(Method::POST, "/api/v1/users/Alice/reset", &key).send().await;
    let secret = json_of(offer.expect("an answer"), StatusCode::CREATED).await["reset"].clone();
    // All that a network may, and all that everybody together may.
    for network in 1..=10 {
        let client = client(network);
        for _ in 0..10 {
            expect_problem(sign_in(server, &client, &wrong("Alice")).await, 401, "bad_credentials", &[]).await;
        }
    }
    let client = client(1);
    let credentials = json!({"username": "Alice", "password": PASSWORD});
    wait(sign_in(server, &client, &credentials).await).await;
    // No secret is guessed meanwhile.
    let nobodys = json!(format!("plp_{}", "0".repeat(43)));
    let reset = |secret: &Value| json!({"username": "Alice", "reset": secret, "new": "another long password"});
    expect_problem(sign_in(server, &client, &reset(&nobodys)).await, 401, "bad_credentials", &[]).await;
    assert_eq!(sign_in(server, &client, &reset(&secret)).await.status(), StatusCode::CREATED);
}

#[tokio::test]
async fn each_further_failure_has_to_wait_twice_as_long() {
    let server = start().await;
    let client = client(1);
    for _ in 0..10 {
        expect_problem(sign_in(&server, &client, &wrong("Alice")).await, 401, "bad_credentials", &[]).await;
    }
    for seconds in [1, 2, 4] {
        assert_eq!(wait(sign_in(&server, &client, &wrong("Alice")).await).await, seconds);
        if seconds == 4 {
            break;
        }
        let tried_again =
            async { while sign_in(&server, &client, &wrong("Alice")).await.status() != StatusCode::UNAUTHORIZED {} };
        within(DEADLINE, "the wait is over", tried_again).await;
    }
}

/// Too many at once are no failures: nobody is kept out by others' tries.
#[tokio::test]
async fn of_too_many_passwords_at_once_some_are_refused_and_count_as_no_failures() {
    let server = start().await;
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let client_of_many = client(1);
    let try_often = |number: usize| {
        let (server, client) = (&server, &client_of_many);
        async move {
            let body = wrong(&format!("somebody{number}"));
            let (mut refused, mut failed) = (0, 0);
            // One more would have to wait if those that were refused counted.
            while refused < 11 && failed < 9 {
                let answer = sign_in(server, client, &body).await;
                if answer.status() == StatusCode::UNAUTHORIZED {
                    failed += 1;
                } else {
                    assert_eq!(answer.headers()[header::RETRY_AFTER], "2");
                    expect_problem(answer, 503, "unavailable", &[]).await;
                    refused += 1;
                }
            }
            refused
        }
    };
    let many = join_all((0..cores * 2 + 16).map(try_often));
    // Who is in another network waits for their turn, and is not refused.
    let elsewhere = async { sign_in(&server, &client(2), &wrong("Bob")).await.status() };
    let (refused, status) = tokio::join!(many, elsewhere);
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    assert!(refused.contains(&11), "{refused:?}");
    let registration = json!({"username": "Carol", "password": PASSWORD});
    let registered = Browser::of(&server).ask(Method::POST, "/accounts", Some(registration)).await;
    assert_eq!(registered.status(), StatusCode::CREATED, "and it is over once they stop");
}
