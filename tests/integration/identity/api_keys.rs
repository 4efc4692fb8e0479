//! API keys on the wire: what they let in, and how soon they no longer do.

use std::process::Command;

use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::{self, client::IntoClientRequest as _};

use crate::support::{
    DEADLINE, Server,
    cluster::ask,
    database::TestDatabase,
    problem::expect_problem,
    server::{Builder, failure, json_of, parlor},
    socket::Socket,
    sse::Stream,
    users::Operator,
    within,
};

const MESSAGES: &str = "/api/v1/rooms/general/messages";

/// A database with users and keys, whose server takes nothing else.
struct Keyed {
    operator: Operator,
    database: TestDatabase,
    dir: tempfile::TempDir,
}

impl Keyed {
    /// With the tables, and no user yet.
    async fn new() -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let database = TestDatabase::fresh(dir.path()).await;
        let migrated = parlor(dir.path(), &["migrate", "--database-url", database.url()]);
        assert_eq!(migrated.status.code(), Some(0), "{}", String::from_utf8_lossy(&migrated.stderr));
        let operator = Operator::new(dir.path(), database.url());
        Self { operator, database, dir }
    }

    /// With a bot `ci`, and a key of its.
    async fn with_bot() -> (Self, String) {
        let keyed = Self::new().await;
        keyed.operator.add_user(&["ci", "--bot"]);
        let key = keyed.operator.key("ci", &[]);
        (keyed, key)
    }

    fn builder(&self) -> Builder {
        Server::builder().dir(self.dir.path()).database_url(self.database.url())
    }

    fn required(&self) -> Builder {
        self.builder().arg("--auth").arg("required")
    }
}

fn request(server: &Server, method: Method, path: &str, key: &str) -> RequestBuilder {
    server.http().request(method, server.url(path)).bearer_auth(key)
}

async fn post(server: &Server, room: &str, key: &str) -> reqwest::Response {
    let path = format!("/api/v1/rooms/{room}/messages");
    let post = request(server, Method::POST, &path, key).json(&json!({"content": "hi"}));
    within(DEADLINE, "a post is answered", post.send()).await.expect("an answer")
}

async fn get(server: &Server, path: &str, key: &str) -> reqwest::Response {
    within(DEADLINE, "it is answered", request(server, Method::GET, path, key).send()).await.expect("an answer")
}

/// The status of a new stream.
async fn stream(server: &Server, key: &str) -> StatusCode {
    Stream::send(request(server, Method::GET, "/api/v1/rooms/general/stream", key)).await.status
}

/// The status of a new socket.
async fn socket(server: &Server, key: &str) -> StatusCode {
    let url = format!("ws://{}/api/v1/rooms/general/ws", server.addr());
    let mut asked = url.into_client_request().expect("a request");
    asked.headers_mut().insert("authorization", format!("Bearer {key}").parse().expect("a header"));
    match Socket::connect(asked).await {
        Ok(_) => StatusCode::SWITCHING_PROTOCOLS,
        Err(tungstenite::Error::Http(answer)) => StatusCode::from_u16(answer.status().as_u16()).expect("a status"),
        Err(error) => panic!("{error}"),
    }
}

/// Checks that the key lets in by every transport.
async fn is_taken(server: &Server, key: &str) {
    assert_eq!(get(server, MESSAGES, key).await.status(), StatusCode::OK);
    assert_eq!(post(server, "general", key).await.status(), StatusCode::CREATED);
    assert_eq!(stream(server, key).await, StatusCode::OK);
    assert_eq!(socket(server, key).await, StatusCode::SWITCHING_PROTOCOLS);
}

/// Checks that the key is refused by every transport. The first request is the one that is to notice.
async fn is_refused(server: &Server, key: &str, first: Method) {
    let methods = if first == Method::GET { [Method::GET, Method::POST] } else { [Method::POST, Method::GET] };
    for method in methods {
        let answer =
            if method == Method::GET { get(server, MESSAGES, key).await } else { post(server, "general", key).await };
        expect_problem(answer, 401, "invalid_token", &[]).await;
    }
    assert_eq!(stream(server, key).await, StatusCode::UNAUTHORIZED);
    assert_eq!(socket(server, key).await, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn the_line_that_a_start_says_to_try_works_with_a_key() {
    let (keyed, key) = Keyed::with_bot().await;
    let server = keyed.required().start().await;
    let said = server.wait_for_log("  try    ", DEADLINE).await;
    let line = said.trim_start().strip_prefix("try ").expect("a line to try").trim().to_owned();
    let script = format!("{line} --fail --silent --show-error");
    let shell = Command::new("sh").args(["-c", &script]).env("KEY", &key).output().expect("a shell");
    let posted: Value = serde_json::from_slice(&shell.stdout).unwrap_or_else(|_| panic!("{line}: {shell:?}"));
    assert_eq!((&posted["username"], &posted["content"]), (&json!("ci"), &json!("hi")));
}

#[tokio::test]
async fn a_key_is_taken_by_bearer_and_by_basic_as_its_user() {
    let (keyed, key) = Keyed::with_bot().await;
    let server = keyed.required().start().await;
    is_taken(&server, &key).await;
    let posted = json_of(post(&server, "general", &key).await, StatusCode::CREATED).await;
    assert_eq!(posted["username"], "ci");

    // As the password of any name; a change by it says which page it is from.
    let basic = |method, name: &str| {
        let asked = server.http().request(method, server.url(MESSAGES)).basic_auth(name, Some(&key));
        asked.json(&json!({"content": "hi"}))
    };
    let read = basic(Method::GET, "whoever").send().await.expect("an answer");
    assert_eq!(read.status(), StatusCode::OK);
    expect_problem(basic(Method::POST, "").send().await.expect("an answer"), 403, "cross_site", &[]).await;
    let own = basic(Method::POST, "").header("origin", server.url("")).send().await.expect("an answer");
    assert_eq!(json_of(own, StatusCode::CREATED).await["username"], "ci");

    // Another of the same form, a part of it, and more than it are none.
    let other = format!("{}{}", &key[..46], if key.ends_with('a') { 'b' } else { 'a' });
    for wrong in [&other, &key[..46], &format!("{key}a"), &key.to_lowercase()] {
        expect_problem(get(&server, MESSAGES, wrong).await, 401, "invalid_token", &[]).await;
    }
    // In a URL it would be logged.
    let url = format!("{MESSAGES}?q={key}");
    expect_problem(get(&server, &url, &key).await, 400, "bad_query", &[]).await;

    let me = json_of(get(&server, "/api/v1/me", &key).await, StatusCode::OK).await;
    assert_eq!((&me["username"], &me["kind"], &me["expires_at"]), (&json!("ci"), &json!("bot"), &Value::Null));
}

#[tokio::test]
async fn a_narrow_key_reaches_its_rooms_with_its_rights_and_no_more() {
    let (keyed, key) = Keyed::with_bot().await;
    keyed.operator.add_user(&["root", "--admin"]);
    let team = keyed.operator.key("ci", &["--rooms", "team-*"]);
    let reading = keyed.operator.key("ci", &["--can", "read"]);
    let nothing = keyed.operator.key("ci", &["--rooms", "", "--can", ""]);
    let admin = keyed.operator.key("root", &["--can", "read,admin"]);
    let server = keyed.required().start().await;
    let made = request(&server, Method::PUT, "/api/v1/rooms/team-a", &key).json(&json!({})).send().await;
    assert!(made.expect("an answer").status().is_success());

    assert_eq!(post(&server, "team-a", &team).await.status(), StatusCode::CREATED);
    expect_problem(post(&server, "general", &team).await, 404, "not_found", &[]).await;
    expect_problem(get(&server, MESSAGES, &team).await, 404, "not_found", &[]).await;
    let rooms = json_of(get(&server, "/api/v1/rooms", &team).await, StatusCode::OK).await;
    let names: Vec<_> = rooms["rooms"].as_array().expect("rooms").iter().map(|room| room["name"].clone()).collect();
    assert_eq!(names, ["team-a"]);

    assert_eq!(get(&server, MESSAGES, &reading).await.status(), StatusCode::OK);
    expect_problem(post(&server, "general", &reading).await, 403, "forbidden", &[]).await;
    expect_problem(get(&server, MESSAGES, &nothing).await, 404, "not_found", &[]).await;
    let rights = async |key: &str| {
        let me = json_of(get(&server, "/api/v1/me", key).await, StatusCode::OK).await;
        me["rights"].clone()
    };
    assert_eq!(rights(&key).await, json!(["read", "post", "moderate"]));
    assert_eq!(rights(&admin).await, json!(["read", "admin"]));
    // The right of an admin ends with the user's, also for a key that was made with it.
    keyed.operator.done(&["user", "admin", "root", "--off"]);
    assert_eq!(rights(&admin).await, json!(["read"]));
}

#[tokio::test]
async fn a_key_ends_at_its_time() {
    let (keyed, _) = Keyed::with_bot().await;
    let server = keyed.required().start().await;
    let short = keyed.operator.key("ci", &["--for", "2s"]);
    let me = json_of(get(&server, "/api/v1/me", &short).await, StatusCode::OK).await;
    assert!(me["expires_at"].is_string(), "{me}");
    let over = async {
        loop {
            let answer = get(&server, MESSAGES, &short).await;
            if answer.status() != StatusCode::OK {
                break answer;
            }
        }
    };
    expect_problem(within(DEADLINE, "the key is over", over).await, 401, "token_expired", &[]).await;
    expect_problem(post(&server, "general", &short).await, 401, "token_expired", &[]).await;
    assert_eq!(socket(&server, &short).await, StatusCode::UNAUTHORIZED);
    let keys = keyed.operator.list(&["key", "list", "--user", "ci"]);
    assert_eq!(keys[1]["expires_at"], me["expires_at"]);
}

#[tokio::test]
async fn a_deleted_key_is_refused_by_the_very_next_request() {
    let (keyed, kept) = Keyed::with_bot().await;
    let server = keyed.required().start().await;
    for first in [Method::GET, Method::POST] {
        let key = keyed.operator.key("ci", &[]);
        is_taken(&server, &key).await;
        let keys = keyed.operator.list(&["key", "list", "--user", "ci"]);
        let id = keys.last().expect("a key")["id"].to_string();
        keyed.operator.done(&["key", "delete", &id, "--user", "ci"]);
        is_refused(&server, &key, first).await;
        is_taken(&server, &kept).await;
    }
    // A new stream or a new socket may be the first to notice, too.
    for is_stream in [true, false] {
        let key = keyed.operator.key("ci", &[]);
        is_taken(&server, &key).await;
        let keys = keyed.operator.list(&["key", "list", "--user", "ci"]);
        keyed.operator.done(&["key", "delete", &keys[1]["id"].to_string(), "--user", "ci"]);
        let status = if is_stream { stream(&server, &key).await } else { socket(&server, &key).await };
        assert_eq!(status, StatusCode::UNAUTHORIZED, "stream: {is_stream}");
    }
}

#[tokio::test]
async fn the_keys_of_a_disabled_user_are_refused_until_the_user_is_enabled() {
    let (keyed, key) = Keyed::with_bot().await;
    let server = keyed.required().start().await;
    for first in [Method::GET, Method::POST] {
        is_taken(&server, &key).await;
        keyed.operator.done(&["user", "disable", "ci"]);
        is_refused(&server, &key, first).await;
        keyed.operator.done(&["user", "enable", "ci"]);
    }
    // Tokens are signed out; keys are not.
    keyed.operator.done(&["user", "sign-out", "ci"]);
    is_taken(&server, &key).await;
}

#[tokio::test]
async fn the_last_use_is_noted_beside_the_requests() {
    let (keyed, key) = Keyed::with_bot().await;
    let unused = keyed.operator.key("ci", &[]);
    let mut server = keyed.required().start().await;
    assert_eq!(get(&server, MESSAGES, &key).await.status(), StatusCode::OK);
    let last_uses = || {
        let keys = keyed.operator.list(&["key", "list", "--user", "ci"]);
        (keys[0]["last_used_at"].clone(), keys[1]["last_used_at"].clone())
    };
    let noted = async {
        loop {
            let uses = last_uses();
            if uses.0.is_string() {
                break uses;
            }
        }
    };
    let noted = within(DEADLINE, "the use is noted", noted).await;
    assert_eq!(noted.1, Value::Null, "the other was not used");
    // Within a minute it is not noted again; the other's use, which comes later, is.
    assert_eq!(get(&server, MESSAGES, &key).await.status(), StatusCode::OK);
    assert_eq!(get(&server, MESSAGES, &unused).await.status(), StatusCode::OK);
    let other = async { while last_uses().1.is_null() {} };
    within(DEADLINE, "the other's use is noted", other).await;
    assert_eq!(last_uses().0, noted.0);

    // Nobody has lost a right by it, so nothing has to be looked up again.
    assert!(server.terminate().await.success());
    let database = Box::pin(sea_orm::Database::connect(keyed.database.url())).await.expect("the database opens");
    assert_eq!(ask::<i64>(&database, "SELECT version FROM auth_version").await, [0]);
    database.close().await.expect("it closes");
}

#[tokio::test]
async fn a_key_is_in_no_log_and_in_no_file_of_the_database() {
    let (keyed, key) = Keyed::with_bot().await;
    let mut server = keyed.required().arg("--log").arg("trace").start().await;
    is_taken(&server, &key).await;
    let basic = server.http().get(server.url(MESSAGES)).basic_auth("ci", Some(&key)).send().await;
    assert_eq!(basic.expect("an answer").status(), StatusCode::OK);
    let _ = get(&server, &format!("{MESSAGES}?key={key}"), &key).await;
    let made = keyed.operator.key("ci", &[]);
    is_taken(&server, &made).await;
    // Those of the running server, then what it leaves.
    for is_running in [true, false] {
        if !is_running {
            assert!(server.terminate().await.success());
        }
        for file in std::fs::read_dir(keyed.dir.path()).expect("a folder") {
            let path = file.expect("a file").path();
            let bytes = std::fs::read(&path).expect("its bytes");
            for key in [&key, &made] {
                let is_there = bytes.windows(key.len()).any(|window| window == key.as_bytes());
                assert!(!is_there, "{} has a key in clear", path.display());
            }
        }
    }
    let log = server.log().join("\n");
    assert!(log.contains("DEBUG") && log.contains("/api/v1/rooms/{room}/messages"), "it is a full log");
    assert!(!log.contains(&key) && !log.contains(&made), "a key is in the log");
}

#[tokio::test]
async fn a_key_is_a_source_of_identity_and_without_any_no_server_starts() {
    let keyed = Keyed::new().await;
    let error = failure(keyed.required(), 2).await;
    for named in ["--jwt-key", "--jwks", "parlor user add", "parlor key create"] {
        assert!(error.contains(named), "{named}: {error}");
    }
    // A user who has no key can't sign in either.
    keyed.operator.add_user(&["ci", "--bot"]);
    assert_eq!(failure(keyed.required(), 2).await, error);
    let key = keyed.operator.key("ci", &[]);
    let server = keyed.required().start().await;
    is_taken(&server, &key).await;
    let nobody = server.http().get(server.url(MESSAGES)).send().await.expect("an answer");
    expect_problem(nobody, 401, "unauthenticated", &[]).await;
}

#[tokio::test]
async fn open_mode_on_a_database_with_users_has_to_be_meant() {
    let (keyed, key) = Keyed::with_bot().await;
    let error = failure(keyed.builder(), 2).await;
    assert!(error.contains("has users") && error.contains("--allow-open"), "{error}");
    let server = keyed.builder().arg("--allow-open").start().await;
    assert_eq!(server.post("general", "ci", "anybody may say so").await["username"], "ci");
    // A credential says nothing there.
    let named = request(&server, Method::POST, MESSAGES, &key).json(&json!({"username": "Bob", "content": "hi"}));
    assert_eq!(json_of(named.send().await.expect("an answer"), StatusCode::CREATED).await["username"], "Bob");
}
