//! Members who come and go: what each sees of a private room is exactly its log, whichever way they read; who was removed
//! gets nothing that comes after that until they are let back in, and then all of it, from their cursor.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use rand::{Rng as _, rngs::StdRng, seq::IndexedRandom as _};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_util::task::TaskTracker;

use crate::{
    identity::Guarded,
    support::{DEADLINE, Transport, reader::is_durable, seeded, server::json_of, socket::Socket, sse::Stream, within},
};

const STEPS: usize = 300;
const ROOM: &str = "/api/v1/rooms/team";
const THE_END: &str = "the end";

/// A moment, later than all that were asked for before.
type Moment = u64;

/// A server, and the order of what is done and seen.
struct Scene {
    guarded: Guarded,
    owner: String,
    now: AtomicU64,
}

/// An event, and the moment at which somebody had it.
type Seen = (Value, Moment);

impl Scene {
    fn moment(&self) -> Moment {
        self.now.fetch_add(1, Ordering::SeqCst)
    }

    /// Has the owner do something, which must take effect.
    async fn done(&self, method: Method, path: &str, body: Value) {
        let request = self.guarded.request(method, &format!("{ROOM}{path}"), &self.owner).json(&body);
        let answer = within(DEADLINE, path, request.send()).await.expect("an answer");
        assert!(answer.status().is_success(), "{path}: {}", answer.text().await.unwrap_or_default());
    }

    /// The whole log, as the owner reads it.
    async fn log(&self) -> Vec<Value> {
        let (mut log, mut since) = (Vec::new(), 0);
        loop {
            let path = format!("{ROOM}/poll?since={since}&wait=0");
            let answer = self.guarded.request(Method::GET, &path, &self.owner).send().await.expect("an answer");
            let page = json_of(answer, StatusCode::OK).await;
            log.extend(page["events"].as_array().expect("events").iter().filter(|event| is_durable(event)).cloned());
            since = page["next"].as_i64().expect("a cursor");
            if page["has_more"] == false {
                return log;
            }
        }
    }

    /// Follows the room as somebody until the end of the test: from the cursor again whenever it has ended.
    async fn follow(&self, user: &str, transport: Transport) -> Vec<Seen> {
        let token = self.guarded.token(user, &[]);
        let mut seen: Vec<Seen> = Vec::new();
        while !is_over(&seen) {
            let since = seen.len();
            let path = |kind: &str| format!("{ROOM}/{kind}?since={since}");
            match transport {
                Transport::Sse => {
                    let mut stream = Stream::send(self.guarded.request(Method::GET, &path("stream"), &token)).await;
                    while stream.status == StatusCode::OK
                        && !is_over(&seen)
                        && let Some(frame) = stream.next().await
                    {
                        self.take(serde_json::from_str(&frame.data).expect("JSON"), &mut seen);
                    }
                }
                Transport::WebSocket => {
                    let url = format!("ws://{}{}", self.guarded.server.addr(), path("ws"));
                    let mut request = url.into_client_request().expect("a request");
                    let value = format!("Bearer {token}").parse().expect("a header");
                    request.headers_mut().insert("authorization", value);
                    let Ok(mut socket) = Socket::connect(request).await else { continue };
                    while !is_over(&seen)
                        && let Some(text) = socket.next().await
                    {
                        self.take(serde_json::from_str(&text).expect("JSON"), &mut seen);
                    }
                }
                Transport::LongPoll => {
                    let request = self.guarded.request(Method::GET, &(path("poll") + "&wait=1"), &token);
                    let answer = request.send().await.expect("an answer");
                    if answer.status() == StatusCode::OK {
                        let page: Value = answer.json().await.expect("JSON");
                        page["events"]
                            .as_array()
                            .expect("events")
                            .iter()
                            .for_each(|it| self.take(it.clone(), &mut seen));
                    }
                }
            }
        }
        seen
    }

    fn take(&self, event: Value, seen: &mut Vec<Seen>) {
        if is_durable(&event) {
            seen.push((event, self.moment()));
        }
    }
}

/// Returns true if somebody has seen the last message.
fn is_over(seen: &[Seen]) -> bool {
    seen.last().is_some_and(|(event, _)| event["message"]["content"] == THE_END)
}

/// The times during which somebody was no member: the events after one and before another were not theirs to know before
/// a moment.
#[derive(Default)]
struct Absences {
    /// The event by which the user went.
    gone: Option<i64>,
    over: Vec<(i64, Moment)>,
}

/// Somebody who posts, removes, bans and lets in again, as drawn.
async fn play(scene: &Scene, users: &[&'static str], rng: &mut StdRng) -> BTreeMap<&'static str, Absences> {
    let mut absences: BTreeMap<_, _> = users.iter().map(|user| (*user, Absences::default())).collect();
    let let_in = async |user: &str, absences: &mut Absences, role: &str| {
        let back_from = scene.moment();
        scene.done(Method::DELETE, &format!("/bans/{user}"), json!({})).await;
        scene.done(Method::PUT, &format!("/members/{user}"), json!({"role": role})).await;
        absences.over.extend(absences.gone.take().map(|gone| (gone, back_from)));
    };
    for number in 0..STEPS {
        let user = *users.choose(rng).expect("a user");
        let of_user = absences.get_mut(user).expect("a user");
        match (rng.random_range(0..10), of_user.gone) {
            (0, None) => {
                scene.done(Method::DELETE, &format!("/members/{user}"), json!({})).await;
                of_user.gone = Some(gone(scene, user).await);
            }
            (1, None) => {
                scene.done(Method::PUT, &format!("/bans/{user}"), json!({"reason": "drawn"})).await;
                of_user.gone = Some(gone(scene, user).await);
            }
            (2..=4, Some(_)) => {
                let role = ["reader", "member", "moderator"].choose(rng).expect("a role");
                let_in(user, of_user, role).await;
            }
            (5, _) => scene.done(Method::PUT, "", json!({"topic": format!("topic {number}")})).await,
            _ => scene.done(Method::POST, "/messages", json!({"content": format!("message {number}")})).await,
        }
    }
    for (user, of_user) in &mut absences {
        let_in(user, of_user, "member").await;
    }
    scene.done(Method::POST, "/messages", json!({"content": THE_END})).await;
    absences
}

/// The last event by which somebody went.
async fn gone(scene: &Scene, user: &str) -> i64 {
    let log = scene.log().await;
    let gone = log.iter().rfind(|event| event["type"] == "member_left" && event["username"] == user);
    gone.expect("the event")["id"].as_i64().expect("an id")
}

/// Fails unless what somebody saw is the log, and nothing of an absence was seen before it was over.
fn check(user: &str, log: &[Value], seen: &[Seen], absences: &Absences) {
    let events: Vec<_> = seen.iter().map(|(event, _)| event).collect();
    assert_eq!(events, log.iter().collect::<Vec<_>>(), "what {user} saw is the log");
    for (gone, back_from) in &absences.over {
        let after = seen.iter().find(|(event, _)| event["id"].as_i64().is_some_and(|id| id > *gone));
        let (event, moment) = after.expect("something came after it");
        assert!(moment > back_from, "{user} was gone since {gone} and saw {event}");
    }
}

#[test]
fn the_check_finds_what_is_wrong() {
    let event = |id: i64| json!({"id": id});
    let log: Vec<_> = (1..=3).map(event).collect();
    let holds = |seen: &[(i64, Moment)], over: &[(i64, Moment)]| {
        let seen: Vec<_> = seen.iter().map(|(id, moment)| (event(*id), *moment)).collect();
        let absences = Absences { gone: None, over: over.to_vec() };
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| check("ann", &log, &seen, &absences))).is_ok()
    };
    assert!(holds(&[(1, 1), (2, 2), (3, 5)], &[(2, 4)]));
    assert!(!holds(&[(1, 1), (2, 2), (3, 3)], &[(2, 4)]), "seen while it was not theirs to know");
    assert!(!holds(&[(1, 1), (3, 5)], &[]), "a gap");
    assert!(!holds(&[(1, 1), (2, 2), (2, 3), (3, 5)], &[]), "twice");
    assert!(!holds(&[(1, 1), (2, 2)], &[]), "not all");
}

#[tokio::test]
async fn a_member_sees_exactly_the_log_and_nothing_while_removed() {
    let guarded = Guarded::on(crate::support::Server::builder(), &["--presence-grace=50ms"]).await;
    let owner = guarded.token("owner", &[]);
    let scene = Arc::new(Scene { guarded, owner, now: AtomicU64::new(0) });
    let users = ["ann", "bea", "cat", "dan", "eve", "fay"];
    for user in users {
        let me = scene.guarded.request(Method::GET, "/api/v1/me", &scene.guarded.token(user, &[])).send().await;
        assert_eq!(me.expect("an answer").status(), StatusCode::OK);
    }
    scene.done(Method::PUT, "", json!({"visibility": "private"})).await;
    for user in users {
        scene.done(Method::PUT, &format!("/members/{user}"), json!({"role": "member"})).await;
    }
    let followers = TaskTracker::new();
    let following: Vec<_> = users
        .into_iter()
        .zip(Transport::ALL.into_iter().cycle())
        .map(|(user, transport)| {
            let scene = scene.clone();
            (user, followers.spawn(async move { scene.follow(user, transport).await }))
        })
        .collect();
    let absences = play(&scene, &users, &mut seeded()).await;
    assert!(absences.values().map(|absences| absences.over.len()).sum::<usize>() > 5, "some were removed");
    let log = scene.log().await;
    for (user, follower) in following {
        let seen = within(DEADLINE + Duration::from_secs(20), user, follower).await.expect("a follower");
        check(user, &log, &seen, &absences[user]);
    }
}
