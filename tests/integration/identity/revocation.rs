//! Streams, sockets and polls of whoever has lost a right: they end, say why, and nobody else's do.

use std::time::Duration;

use parlor::{
    config::Timings,
    identity::secret::{Secret, SecretKind},
};
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use tokio::{task::JoinHandle, time::Instant};
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_util::task::TaskTracker;

use super::Guarded;
use crate::support::{
    DEADLINE, problem::expect_problem, reader::kind, server::json_of, socket::Socket, sse::Stream, within,
};

/// The time that a lost right may still be used for: the default look is well within it.
const PROMISED: Duration = Duration::from_secs(2);
/// The time that it takes at most on a busy machine, with a look that comes ten times as often.
const BUSY: Duration = Duration::from_secs(10);
const ROOMS: [&str; 2] = ["general", "team-a"];

pub(super) async fn start() -> Guarded {
    assert!(Timings::DEFAULT.revocation_interval * 2 <= PROMISED);
    Guarded::with_rooms(&["--revocation-interval=100ms", "--presence-grace=50ms"]).await
}

/// Everything that one credential reads by at the same time.
pub(super) struct Open {
    stream: Stream,
    rooms: Stream,
    socket: Socket,
    poll: JoinHandle<(StatusCode, Value)>,
    /// Waits for a message.
    waiting: JoinHandle<(StatusCode, Value)>,
}

impl Open {
    pub(super) async fn all(guarded: &Guarded, user: &str, credential: &str) -> Self {
        let get = |path: &str| guarded.request(Method::GET, &format!("/api/v1{path}"), credential);
        // First, and blind to who comes: they wait by the time that all else is open.
        let head =
            json_of(get("/rooms/general").send().await.expect("an answer"), StatusCode::OK).await["head"].clone();
        let poll = get(&format!("/rooms/general/poll?since={head}&wait=50&types=chat_message"));
        let waiting = get(&format!("/rooms/general/messages?after={head}&wait=50"));
        let answered = async |request: RequestBuilder| {
            let answer = request.send().await.expect("an answer");
            (answer.status(), answer.json().await.expect("JSON"))
        };
        let tasks = TaskTracker::new();
        let (poll, waiting) = (tasks.spawn(answered(poll)), tasks.spawn(answered(waiting)));
        let mut stream = Stream::send(get(&format!("/rooms/general/stream?username={user}"))).await;
        let mut rooms = Stream::send(get("/stream?rooms=general,team-a")).await;
        let address = format!("ws://{}/api/v1/rooms/general/ws", guarded.server.addr());
        let mut request = address.into_client_request().expect("an address");
        let value = format!("Bearer {credential}").parse().expect("a header");
        request.headers_mut().insert("authorization", value);
        let mut socket = Socket::connect(request).await.expect("a socket opens");
        next_of(&mut stream, "presence_state").await;
        for _ in ROOMS {
            next_of(&mut rooms, "presence_state").await;
        }
        socket.until("who is there", |frame| kind(frame) == "presence_state").await;
        Self { stream, rooms, socket, poll, waiting }
    }

    /// Each of them ends in time, and says why; the poll is answered with what it has.
    pub(super) async fn all_end(self, since: Instant, errors: &[Value], close_code: u16) {
        let time = self.end_after(since, errors, close_code).await;
        assert!(time < BUSY, "after {time:?}");
    }

    /// The same; gives the time after which the last has ended.
    async fn end_after(self, since: Instant, errors: &[Value], close_code: u16) -> Duration {
        let Self { mut stream, mut rooms, mut socket, poll, waiting } = self;
        let of_one = &errors[..1];
        let work = async {
            assert_eq!(errors_until_end(&mut stream).await, of_one);
            let mut told = Vec::new();
            while let Some(text) = socket.next().await {
                told.push(serde_json::from_str(&text).expect("JSON"));
            }
            told.retain(|event: &Value| event["type"] == "error");
            assert_eq!((told.as_slice(), socket.close_code), (of_one, Some(close_code)));
            let (status, page) = poll.await.expect("a poll");
            // One that was on its way so long that the right was lost before it came is refused instead.
            if status == StatusCode::OK {
                assert_eq!(page["has_more"], false, "{page}");
            } else {
                assert_eq!(page["code"], errors[0]["code"], "{page}");
            }
            assert_eq!(errors_until_end(&mut rooms).await, errors);
            let (status, problem) = waiting.await.expect("an answer");
            assert_eq!((&json!(status.as_u16()), &problem["code"]), (&errors[0]["status"], &errors[0]["code"]));
        };
        within(DEADLINE, "all of them end", work).await;
        since.elapsed()
    }
}

async fn next_of(stream: &mut Stream, wanted: &str) -> Value {
    let search = async {
        loop {
            let frame = stream.next().await.expect("the stream goes on");
            let event: Value = serde_json::from_str(&frame.data).expect("JSON");
            if event["type"] == wanted {
                return event;
            }
        }
    };
    within(DEADLINE, wanted, search).await
}

async fn errors_until_end(stream: &mut Stream) -> Vec<Value> {
    let mut errors = Vec::new();
    while let Some(frame) = stream.next().await {
        let event: Value = serde_json::from_str(&frame.data).expect("JSON");
        if event["type"] == "error" {
            errors.push(event);
        }
    }
    assert!(!stream.was_cut, "it ends in order");
    errors
}

fn error(room: Option<&str>, status: u16, code: &str, detail: &str) -> Value {
    let mut error = json!({"type": "error", "status": status, "code": code, "detail": detail});
    if let Some(room) = room {
        error["room"] = room.into();
    }
    error
}

pub(super) fn revoked() -> Value {
    error(
        None,
        401,
        "invalid_token",
        "This credential is no longer valid: it was deleted or signed out, or its user is disabled.",
    )
}

/// Takes something from somebody, as the command line does beside the server.
async fn take(guarded: &Guarded, statement: &str) -> Instant {
    guarded.server.sql_beside(statement).await;
    guarded.server.sql_beside("UPDATE auth_version SET version = version + 1").await;
    Instant::now()
}

/// Gives a user, who is known already, an API key.
async fn key(guarded: &Guarded, user: &str) -> String {
    let me = guarded.request(Method::GET, "/api/v1/me", &guarded.token(user, &[])).send().await.expect("an answer");
    assert_eq!(me.status(), StatusCode::OK);
    let secret = Secret::generate(SecretKind::ApiKey);
    let hash = secret.hash().as_bytes().iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
    let columns = "hash, account_id, name, created_at";
    let sql =
        format!("INSERT INTO api_key ({columns}) SELECT '{hash}', id, 'key', 1 FROM account WHERE user_key = '{user}'");
    guarded.server.sql_beside(&sql).await;
    secret.reveal().to_owned()
}

/// Everything that somebody reads by ends once this is done, for all rooms; the other's go on, and show that the one
/// who is gone is here no longer and types no more.
async fn all_of_a_credential_ends(guarded: &Guarded, credential: &str, statement: &str) {
    let bob = guarded.token("bob", &[]);
    let mut others = Open::all(guarded, "bob", &bob).await;
    let mut open = Open::all(guarded, "alice", credential).await;
    open.socket.send(&json!({"type": "typing", "is_typing": true, "ref": "typing"})).await;
    assert_eq!(open.socket.reply("typing").await["type"], "ack");
    next_of(&mut others.stream, "typing_indicator").await;

    let since = take(guarded, statement).await;
    open.all_end(since, &[revoked()], 4401).await;
    let stopped = next_of(&mut others.stream, "typing_indicator").await;
    assert_eq!((&stopped["username"], &stopped["is_typing"]), (&json!("alice"), &json!(false)));
    let gone = next_of(&mut others.stream, "user_status").await;
    assert_eq!((&gone["username"], &gone["status"]), (&json!("alice"), &json!("offline")));
    for path in ["/rooms/general/poll?since=0", "/rooms/general/stream", "/stream?rooms=general", "/rooms/general"] {
        let next = guarded.request(Method::GET, &format!("/api/v1{path}"), credential).send().await;
        expect_problem(next.expect("an answer"), 401, "invalid_token", &[]).await;
    }

    guarded.post("general", &bob, "still here").await;
    assert_eq!(next_of(&mut others.stream, "chat_message").await["message"]["content"], "still here");
    assert_eq!(next_of(&mut others.rooms, "chat_message").await["message"]["content"], "still here");
    others.socket.until("a message", |frame| kind(frame) == "chat_message").await;
}

#[tokio::test]
async fn a_deleted_key_reads_nothing_any_more() {
    let guarded = start().await;
    let key = key(&guarded, "alice").await;
    all_of_a_credential_ends(&guarded, &key, "DELETE FROM api_key").await;
}

/// With the look that a server has by default. The key of each round is taken just after a look, which is as long before
/// the next one as can be; of several rounds the one in the middle counts, since others keep this machine busy.
#[tokio::test]
async fn within_two_seconds_nothing_is_open_by_a_key_that_is_deleted() {
    let guarded = Guarded::with_rooms(&["--presence-grace=50ms"]).await;
    let mut times = Vec::new();
    for _ in 0..5 {
        let key = key(&guarded, "alice").await;
        let open = Open::all(&guarded, "alice", &key).await;
        let since = take(&guarded, "DELETE FROM api_key").await;
        times.push(open.end_after(since, &[revoked()], 4401).await);
    }
    times.sort_unstable();
    assert!(times[2] < PROMISED, "{times:?}");
}

#[tokio::test]
async fn a_disabled_user_reads_nothing_any_more() {
    let guarded = start().await;
    let disable = "UPDATE account SET disabled_at = 1 WHERE user_key = 'alice'";
    all_of_a_credential_ends(&guarded, &guarded.token("alice", &[]), disable).await;
}

#[tokio::test]
async fn a_user_who_is_signed_out_everywhere_reads_nothing_any_more() {
    let guarded = start().await;
    let sign_out = "UPDATE account SET signed_out_at = 4000000000000000 WHERE user_key = 'alice'";
    all_of_a_credential_ends(&guarded, &guarded.token("alice", &[]), sign_out).await;
}

#[tokio::test]
async fn a_key_without_the_right_to_read_reads_nothing_any_more() {
    let guarded = start().await;
    let key = key(&guarded, "alice").await;
    let open = Open::all(&guarded, "alice", &key).await;
    let since = take(&guarded, "UPDATE api_key SET can = 'post'").await;
    let error = |room| error(Some(room), 403, "forbidden", "This credential does not allow it.");
    open.all_end(since, &ROOMS.map(error), 4403).await;
    let next = guarded.request(Method::GET, "/api/v1/rooms/general/poll?since=0", &key).send().await;
    expect_problem(next.expect("an answer"), 403, "forbidden", &[]).await;
}

#[tokio::test]
async fn a_room_that_is_lost_ends_alone() {
    let guarded = start().await;
    let key = key(&guarded, "alice").await;
    let Open { mut stream, mut rooms, mut socket, poll, waiting } = Open::all(&guarded, "alice", &key).await;
    let since = take(&guarded, "UPDATE api_key SET rooms = '[\"team-*\"]'").await;
    let lost = error(Some("general"), 404, "not_found", "There is no such room.");
    assert_eq!(next_of(&mut rooms, "error").await, lost);
    assert_eq!(within(DEADLINE, "the end", errors_until_end(&mut stream)).await, std::slice::from_ref(&lost));
    assert_eq!(socket.until("the reason", |frame| kind(frame) == "error").await, lost);
    assert_eq!(within(DEADLINE, "the end", socket.next()).await, None);
    assert_eq!(socket.close_code, Some(4403));
    assert!(matches!(poll.await.expect("a poll").0, StatusCode::OK | StatusCode::NOT_FOUND));
    assert_eq!(waiting.await.expect("an answer").0, StatusCode::NOT_FOUND);
    assert!(since.elapsed() < BUSY, "after {:?}", since.elapsed());

    let bob = guarded.token("bob", &[]);
    guarded.post("general", &bob, "not for alice").await;
    guarded.post("team-a", &bob, "for alice").await;
    assert_eq!(next_of(&mut rooms, "chat_message").await["message"]["content"], "for alice");
    let next = guarded.request(Method::GET, "/api/v1/rooms/general/poll?since=0", &key).send().await;
    expect_problem(next.expect("an answer"), 404, "not_found", &[]).await;
}

#[tokio::test]
async fn who_is_an_admin_no_longer_goes_on_reading_and_no_more() {
    let guarded = start().await;
    let bob = guarded.token("bob", &[]);
    guarded.post("general", &bob, "by bob").await;
    let alice = key(&guarded, "alice").await;
    take(&guarded, "UPDATE account SET is_admin = (1 = 1) WHERE user_key = 'alice'").await;
    let mut open = Open::all(&guarded, "alice", &alice).await;
    take(&guarded, "UPDATE account SET is_admin = (1 = 0) WHERE user_key = 'alice'").await;
    let messages =
        guarded.request(Method::GET, "/api/v1/rooms/general/messages", &bob).send().await.expect("an answer");
    let id = json_of(messages, StatusCode::OK).await["messages"][0]["id"].clone();
    let path = format!("/api/v1/rooms/general/messages/{id}");
    let delete = guarded.request(Method::DELETE, &path, &alice).send().await;
    expect_problem(delete.expect("an answer"), 403, "not_the_author", &[]).await;
    guarded.post("general", &bob, "still here").await;
    assert_eq!(next_of(&mut open.stream, "chat_message").await["message"]["content"], "still here");
    assert_eq!(next_of(&mut open.rooms, "chat_message").await["message"]["content"], "still here");
}

#[tokio::test]
async fn what_is_read_ends_with_the_time_of_its_credential() {
    let guarded = start().await;
    let short = guarded.token("alice", &["--for", "4s"]);
    let made = Instant::now();
    let bob = guarded.token("bob", &[]);
    let mut others = Open::all(&guarded, "bob", &bob).await;
    let open = Open::all(&guarded, "alice", &short).await;
    let expired = error(None, 401, "token_expired", "This credential has expired.");
    // The end is a whole second.
    open.all_end(made + Duration::from_secs(3), &[expired], 4401).await;
    let next = guarded.request(Method::GET, "/api/v1/rooms/general/poll?since=0", &short).send().await;
    expect_problem(next.expect("an answer"), 401, "token_expired", &[]).await;
    guarded.post("general", &bob, "still here").await;
    assert_eq!(next_of(&mut others.stream, "chat_message").await["message"]["content"], "still here");
}
