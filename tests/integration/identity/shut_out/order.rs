//! Many who write, by requests and on sockets, and a moderator who shuts some of them out at any moment: nothing of
//! theirs comes after that, and the others go on.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use futures_util::future::join_all;
use rand::{Rng as _, SeedableRng as _, rngs::StdRng, seq::SliceRandom as _};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::{
    sync::{Barrier, watch},
    task::JoinHandle,
};
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_util::task::TaskTracker;

use super::{Guarded, done};
use crate::support::{
    DEADLINE, command::Command, reader::is_durable, seeded, server::json_of, socket::Socket, users::Operator, within,
};

/// The rounds, in each of which one is shut out in each way.
const ROUNDS: usize = 200;
const WRITERS: usize = 16;
const TEAM: &str = "/rooms/team";
const LATER: &str = "2999-01-01T00:00:00Z";

/// The ways to take from somebody what they write by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Ban,
    Remove,
    Mute,
    DeleteKey,
}

const WAYS: [Way; 4] = [Way::Ban, Way::Remove, Way::Mute, Way::DeleteKey];

/// Somebody who writes with a key.
struct Writer {
    name: String,
    key: String,
    key_id: Value,
}

/// A round, as all of its writers have it.
struct Round {
    guarded: Arc<Guarded>,
    /// Passed once all lines are open.
    begins: Barrier,
    /// The number of events so far.
    written: watch::Sender<usize>,
    /// True once those who were not shut out may stop.
    is_over: AtomicBool,
}

/// Somebody who writes in a round.
struct Writing {
    /// True once the answer to what shuts them out is there.
    is_shut: Arc<AtomicBool>,
    /// True at the end if they were refused.
    ends: JoinHandle<bool>,
}

/// The next act of somebody: something with the last message of theirs, or a new one.
fn next(user: &str, last: Option<i64>, may_delete: bool, random: &mut StdRng) -> Command {
    match (random.random_range(0..5), last) {
        (0, Some(id)) => Command::edit(user, id, &format!("changed {}", random.random::<u32>())),
        (1, Some(id)) => Command::react(user, id, "👍"),
        (2, Some(id)) => Command::unreact(user, id, "👍"),
        (3, Some(id)) if may_delete => Command::delete(user, id),
        _ => Command::post(user, "hi"),
    }
}

/// Either way to write: the answer is the id of what was written, if it was, or the refusal.
enum Line {
    Requests,
    Socket(Box<Socket>),
}

impl Line {
    async fn open(guarded: &Guarded, key: &str, by_socket: bool) -> Self {
        if !by_socket {
            return Self::Requests;
        }
        let address = format!("ws://{}/api/v1{TEAM}/ws?history=0&types=room_updated", guarded.server.addr());
        let mut request = address.into_client_request().expect("an address");
        request.headers_mut().insert("authorization", format!("Bearer {key}").parse().expect("a header"));
        Self::Socket(Box::new(Socket::connect(request).await.expect("a socket opens")))
    }

    async fn carry_out(&mut self, guarded: &Guarded, key: &str, command: &Command) -> Result<Option<i64>, String> {
        match self {
            Self::Requests => {
                let request = command.request(guarded.server.http(), &guarded.server.url(""), "team");
                let answer = request.bearer_auth(key).send().await.expect("an answer");
                let (status, headers) = (answer.status(), answer.headers().clone());
                let id = headers.get("event-id").map(|id| id.to_str().expect("text").parse().expect("an id"));
                if status.is_success() {
                    return Ok(id);
                }
                let problem: Value = answer.json().await.expect("a problem");
                Err(problem["code"].as_str().expect("a code").to_owned())
            }
            Self::Socket(socket) => {
                socket.send_unless_closed(&command.frame("this")).await;
                while let Some(text) = socket.next().await {
                    let frame: Value = serde_json::from_str(&text).expect("JSON");
                    if frame["ref"] != "this" {
                        continue;
                    }
                    return match frame["type"].as_str() {
                        Some("ack") => Ok(frame["id"].as_i64()),
                        _ => Err(frame["code"].as_str().expect("a code").to_owned()),
                    };
                }
                Err("closed".to_owned())
            }
        }
    }
}

impl Round {
    /// Has somebody write until they are refused, or the round is over; gives true if they were refused.
    async fn write(&self, name: &str, key: &str, way: Option<Way>, is_shut: &AtomicBool, seed: u64) -> bool {
        let mut random = StdRng::seed_from_u64(seed);
        let mut line = Line::open(&self.guarded, key, random.random()).await;
        self.begins.wait().await;
        // Of those who are not shut out some write until the end.
        let most = if random.random_bool(0.2) { usize::MAX } else { 3 };
        let (mut last, mut count) = (None, 0);
        loop {
            let (was_shut, is_over) = (is_shut.load(Ordering::SeqCst), self.is_over.load(Ordering::SeqCst));
            if way.is_none() && (is_over || count >= most) {
                return false;
            }
            count += 1;
            // Who is muted says nothing, and may take back what was said.
            let command = next(name, last, way != Some(Way::Mute), &mut random);
            match line.carry_out(&self.guarded, key, &command).await {
                Ok(_) if was_shut => panic!("{name} did {command:?} after the answer"),
                Ok(id) => {
                    last = match command {
                        Command::Post { .. } => id,
                        Command::Delete { .. } => None,
                        _ => last,
                    };
                    self.written.send_modify(|written| *written += 1);
                }
                Err(code) => {
                    let expected = ["banned", "not_found", "muted", "invalid_token", "closed"];
                    assert!(expected.contains(&code.as_str()), "{name} {command:?}: {code}");
                    return true;
                }
            }
        }
    }
}

/// The people of the test.
struct Scene {
    guarded: Arc<Guarded>,
    owner: String,
    moderator: String,
    admin: String,
}

impl Scene {
    async fn start() -> Self {
        let guarded = Arc::new(Guarded::start().await);
        let operator = Operator::of(&guarded.server);
        operator.add_user(&["root", "--admin"]);
        let admin = operator.key("root", &[]);
        let [owner, moderator] = ["owner", "moderator"].map(|user| guarded.token(user, &[]));
        let me = guarded.request(Method::GET, "/api/v1/me", &moderator).send().await.expect("an answer");
        assert_eq!(me.status(), StatusCode::OK);
        done(&guarded, &owner, Method::PUT, TEAM, json!({"visibility": "private"})).await;
        let role = json!({"role": "moderator"});
        done(&guarded, &owner, Method::PUT, &format!("{TEAM}/members/moderator"), role).await;
        Self { guarded, owner, moderator, admin }
    }

    async fn writer(&self, number: usize) -> Writer {
        let name = format!("writer-{number}");
        let (key, key_id) = self.key(&name).await;
        let writer = Writer { name, key, key_id };
        self.let_in(&writer.name).await;
        writer
    }

    async fn key(&self, bot: &str) -> (String, Value) {
        let body = json!({"name": "a key", "bot": bot});
        let made = self.guarded.request(Method::POST, "/api/v1/keys", &self.admin).json(&body).send().await;
        let made = json_of(made.expect("an answer"), StatusCode::CREATED).await;
        (made["key"].as_str().expect("a key").to_owned(), made["id"].clone())
    }

    async fn let_in(&self, name: &str) {
        let path = format!("{TEAM}/members/{name}");
        done(&self.guarded, &self.owner, Method::PUT, &path, json!({"role": "member"})).await;
    }

    /// An event after all that was written before.
    async fn mark(&self) -> i64 {
        let topic = json!({"topic": format!("{}", rand::random::<u64>())});
        done(&self.guarded, &self.owner, Method::PUT, TEAM, topic).await.expect("an event")
    }

    /// Shuts somebody out, by the moderator, once so much was written. Returns the id that nothing of theirs is above.
    async fn shut_out(&self, way: Way, writer: &Writer, round: &Round, enough: usize, is_shut: &AtomicBool) -> i64 {
        let mut written = round.written.subscribe();
        within(DEADLINE, "enough is written", written.wait_for(|written| *written >= enough)).await.expect("writers");
        let (guarded, moderator, name) = (&self.guarded, &self.moderator, &writer.name);
        let made = match way {
            Way::Ban => done(guarded, moderator, Method::PUT, &format!("{TEAM}/bans/{name}"), json!({})).await,
            Way::Remove => done(guarded, moderator, Method::DELETE, &format!("{TEAM}/members/{name}"), json!({})).await,
            Way::Mute => {
                let until = json!({"until": LATER});
                done(guarded, moderator, Method::PUT, &format!("{TEAM}/mutes/{name}"), until).await
            }
            Way::DeleteKey => {
                let path = format!("/keys/{}", writer.key_id);
                done(guarded, &self.admin, Method::DELETE, &path, json!({})).await
            }
        };
        is_shut.store(true, Ordering::SeqCst);
        // What is taken beside the room is no event of it: the next one comes after all that was written.
        assert_eq!(made.is_some(), matches!(way, Way::Ban | Way::Remove), "{way:?}");
        match made {
            Some(id) => id,
            None => self.mark().await,
        }
    }

    async fn undo(&self, way: Way, writer: &mut Writer) {
        let name = &writer.name;
        match way {
            Way::Ban => {
                done(&self.guarded, &self.moderator, Method::DELETE, &format!("{TEAM}/bans/{name}"), json!({})).await;
                self.let_in(name).await;
            }
            Way::Remove => self.let_in(name).await,
            Way::Mute => {
                done(&self.guarded, &self.moderator, Method::DELETE, &format!("{TEAM}/mutes/{name}"), json!({})).await;
            }
            Way::DeleteKey => (writer.key, writer.key_id) = self.key(name).await,
        }
    }

    /// The authors of all events, by the events' ids.
    async fn authors(&self) -> Vec<(i64, String)> {
        let (mut authors, mut since) = (Vec::new(), 0);
        loop {
            let path = format!("/api/v1{TEAM}/poll?since={since}");
            let page = self.guarded.request(Method::GET, &path, &self.owner).send().await.expect("an answer");
            let page = json_of(page, StatusCode::OK).await;
            for event in page["events"].as_array().expect("events").iter().filter(|event| is_durable(event)) {
                if event["type"].as_str().is_some_and(|kind| kind.starts_with("member_")) {
                    continue;
                }
                let author = event["username"].as_str().or_else(|| event["message"]["username"].as_str());
                authors.extend(author.map(|author| (event["id"].as_i64().expect("an id"), author.to_owned())));
            }
            since = page["next"].as_i64().expect("a cursor");
            if page["has_more"] == false {
                return authors;
            }
        }
    }
}

#[tokio::test]
async fn nothing_of_whoever_is_shut_out_comes_after_it_and_the_others_go_on() {
    let scene = Scene::start().await;
    let mut random = seeded();
    let mut writers: Vec<_> = join_all((0..WRITERS).map(|number| scene.writer(number))).await;
    // Who was shut out, the way, and the ids between which nothing of theirs may be.
    let mut absences = Vec::new();
    for _ in 0..ROUNDS {
        let (written, _) = watch::channel(0);
        let (guarded, begins) = (scene.guarded.clone(), Barrier::new(WRITERS + 1));
        let round = Arc::new(Round { guarded, begins, written, is_over: AtomicBool::new(false) });
        let tasks = TaskTracker::new();
        let mut order: Vec<_> = (0..WRITERS).collect();
        order.shuffle(&mut random);
        let victims: Vec<_> = WAYS.into_iter().zip(order).collect();
        let way_of = |number: usize| victims.iter().find(|(_, victim)| *victim == number).map(|(way, _)| *way);
        let running: Vec<_> = writers
            .iter()
            .enumerate()
            .map(|(number, writer)| {
                let (round, is_shut) = (round.clone(), Arc::new(AtomicBool::new(false)));
                let (name, key, shut) = (writer.name.clone(), writer.key.clone(), is_shut.clone());
                let (way, seed) = (way_of(number), random.random());
                let ends = tasks.spawn(async move { round.write(&name, &key, way, &shut, seed).await });
                Writing { is_shut, ends }
            })
            .collect();
        within(DEADLINE, "all are there", round.begins.wait()).await;
        let acts = victims.iter().map(|(way, victim)| {
            let enough = random.random_range(0..20);
            scene.shut_out(*way, &writers[*victim], &round, enough, &running[*victim].is_shut)
        });
        let acts: Vec<_> = acts.collect();
        let shut = join_all(acts).await;
        round.is_over.store(true, Ordering::SeqCst);
        for (number, writing) in running.into_iter().enumerate() {
            let was_refused = within(DEADLINE, "a writer ends", writing.ends).await.expect("a writer");
            let way = way_of(number);
            assert_eq!(was_refused, way.is_some(), "writer-{number}: {way:?}");
        }
        let over = scene.mark().await;
        for ((way, victim), shut) in victims.iter().zip(shut) {
            absences.push((writers[*victim].name.clone(), *way, shut, over));
            scene.undo(*way, &mut writers[*victim]).await;
        }
    }
    let authors = scene.authors().await;
    assert!(authors.len() > ROUNDS * 10, "{}", authors.len());
    for (name, way, shut, over) in absences {
        let from = authors.partition_point(|(id, _)| *id <= shut);
        let late = authors[from..].iter().take_while(|(id, _)| *id < over).find(|(_, author)| *author == name);
        assert_eq!(late, None, "{name}, {way:?} by {shut}");
    }
}
