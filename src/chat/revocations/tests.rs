//! The watcher against a real database, with the moments in the test's hand.

use std::{sync::Arc, task::Poll, time::Duration};

use futures_util::{StreamExt as _, poll};
use sea_orm::{ConnectionTrait as _, Database};
use tempfile::TempDir;
use tokio::time::timeout;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::*;
use crate::{
    app::tests::open_for_tests,
    chat::reading::{Reading, Request, Start, StateDue, Transport},
    clock::Clock,
    config::{IdentityConfig, RoomCreation, Timings},
    domain::{
        access::Visibility,
        content::ContentLimit,
        denied::Denied,
        event::TypeSet,
        membership::Role,
        message::Post,
        name::{RoomName, Username},
        room::RoomChange,
        timestamp::Timestamp,
        user::{Origin, User, UserKind},
        version::Precondition,
    },
    hub::{Hub, broker::Local},
    identity::{
        jwt_key::JwtKeys,
        secret::{Secret, SecretKind},
    },
    journal::{Journal, feed::Feed},
    limits::Limits,
    store::{
        Opened,
        health::Health,
        identity::{Basis, NewKey, NewUser},
    },
};

const DEADLINE: Duration = Duration::from_secs(20);

struct Scene {
    chat: Arc<Chat>,
    authenticator: Arc<Authenticator>,
    user: User,
    stop: CancellationToken,
    tasks: TaskTracker,
    url: String,
    _folder: TempDir,
}

impl Scene {
    /// A chat with one user and the room general; nobody watches for lost rights.
    async fn new(timings: &Timings) -> Self {
        let (Opened { store, writer, identity, .. }, url, folder) = open_for_tests().await;
        let (health, stop, clock) = (Health::default(), CancellationToken::new(), Clock::system());
        let hub = Hub::new(store.clone(), clock.clone(), health.clone(), *timings);
        let broker = Arc::new(Local(hub.clone()));
        let (journal, task) = Journal::new(writer, broker, Feed::default(), health, clock.clone(), None, stop.clone());
        let tasks = TaskTracker::new();
        tasks.spawn(task);
        let user = identity.make_user(person("alice"), Timestamp::from_micros(1)).await.unwrap();
        let keys = JwtKeys::load(&IdentityConfig::default().jwt).unwrap();
        let authenticator = Arc::new(Authenticator::new(
            store.clone(),
            Arc::new(identity),
            keys,
            clock.clone(),
            RoomCreation::Everyone,
            timings.last_use_interval,
        ));
        let chat = Arc::new(Chat {
            journal,
            hub,
            store,
            authenticator: Some(authenticator.clone()),
            accounts: None,
            limits: Arc::new(Limits::new(None)),
            clock,
            closing: stop.clone(),
        });
        Self { chat, authenticator, user, stop, tasks, url, _folder: folder }
    }

    /// A key of the user: its number, and who comes with it.
    async fn key(&self) -> (i64, Actor) {
        self.key_of(&self.user).await
    }

    async fn key_of(&self, user: &User) -> (i64, Actor) {
        let secret = Secret::generate(SecretKind::ApiKey);
        let key = NewKey {
            hash: *secret.hash().as_bytes(),
            account_id: user.id,
            name: "key".into(),
            rooms: None,
            can: None,
            expires_at: None,
        };
        let key = self
            .authenticator
            .writer_for_tests()
            .make_key(key, Basis::Operator, None, Timestamp::from_micros(1))
            .await
            .unwrap();
        (key.id, self.authenticator.actor(secret.reveal()).await.unwrap())
    }

    async fn read(&self, actor: &Actor) -> Result<Reading, ChatError> {
        self.chat.read(actor, &general(), Start::History, request()).await
    }

    /// Reads general, after which it is asked for many rooms that are not there, before the reader is entered.
    async fn read_slowly(&self, actor: &Actor) -> Result<Reading, ChatError> {
        let others = (0..40).map(|number| RoomName::parse(&format!("room{number}")).unwrap());
        let rooms = std::iter::once(general()).chain(others).map(|room| (room, Start::After(0))).collect();
        self.chat.read_all(actor, rooms, request()).await
    }

    /// Narrows all keys to a room, as no command does yet.
    async fn narrow_to_general(&self) {
        let database = Database::connect(&self.url).await.unwrap();
        for statement in ["UPDATE api_key SET rooms = '[\"general\"]'", "UPDATE auth_version SET version = version + 1"]
        {
            database.execute_unprepared(statement).await.unwrap();
        }
        database.close().await.unwrap();
    }

    async fn end(self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

fn person(name: &str) -> NewUser {
    let username = Username::parse(name).unwrap();
    NewUser { username, kind: UserKind::Person, origin: Origin::Local, subject: None, is_admin: false }
}

fn request() -> Request {
    let (transport, state) = (Transport::Sse, StateDue::Always);
    Request { history: 0, types: TypeSet::ALL, user: None, transport, state, limit: 200 }
}

fn general() -> RoomName {
    RoomName::parse("general").unwrap()
}

async fn make(scene: &Scene, actor: &Actor, room: &str) {
    let room = RoomName::parse(room).unwrap();
    scene.chat.put_room(actor, &room, RoomChange::default(), Precondition::default()).await.unwrap();
}

/// The denial that a reading ends with.
async fn denial(mut reading: Reading) -> Option<Denied> {
    let ended = timeout(DEADLINE, async { while reading.next().await.is_some() {} }).await;
    ended.expect("it ends");
    reading.denied()
}

#[tokio::test]
async fn what_this_process_takes_away_ends_at_once() {
    let timings = Timings { revocation_interval: Duration::from_hours(1), ..Timings::default() };
    let scene = Scene::new(&timings).await;
    let watcher = scene.tasks.spawn(Revocations::of(&scene.chat).unwrap().run());
    let (key, actor) = scene.key().await;
    make(&scene, &actor, "general").await;
    let reading = scene.read(&actor).await.unwrap();
    scene.authenticator.writer_for_tests().delete_key(scene.user.id, key, None).await.unwrap();
    assert_eq!(denial(reading).await, Some(Denied::Revoked));
    watcher.abort();
    scene.end().await;
}

#[tokio::test]
async fn a_right_that_goes_while_a_reader_begins_is_not_overlooked() {
    let scene = Scene::new(&Timings::DEFAULT).await;
    let (_, maker) = scene.key().await;
    make(&scene, &maker, "general").await;
    let mut revocations = Revocations::of(&scene.chat).unwrap();
    revocations.look().await.unwrap();
    let (mut refused, mut ended) = (0, 0);
    for round in 0..50 {
        let (key, actor) = scene.key().await;
        let reading = scene.read_slowly(&actor);
        let taking = async {
            for _ in 0..round {
                tokio::task::yield_now().await;
            }
            scene.authenticator.writer_for_tests().delete_key(scene.user.id, key, None).await.unwrap();
            revocations.look().await.unwrap();
        };
        match futures_util::future::join(reading, taking).await.0 {
            Ok(reading) => {
                assert_eq!(denial(reading).await, Some(Denied::Revoked), "round {round}");
                ended += 1;
            }
            Err(error) => {
                assert!(matches!(error, ChatError::Refused(Refused::Denied(Denied::Revoked))), "{error}");
                refused += 1;
            }
        }
    }
    println!("{refused} were refused, {ended} ended");
    assert_eq!(scene.chat.hub.registry().count(), 0);
    scene.end().await;
}

#[tokio::test]
async fn each_reader_of_a_key_is_judged_by_what_it_began_with() {
    let scene = Scene::new(&Timings::DEFAULT).await;
    let (_, actor) = scene.key().await;
    for room in ["general", "team-a"] {
        make(&scene, &actor, room).await;
    }
    let mut revocations = Revocations::of(&scene.chat).unwrap();
    revocations.look().await.unwrap();
    let team = RoomName::parse("team-a").unwrap();
    let earlier = scene.chat.read(&actor, &team, Start::History, request()).await.unwrap();
    scene.narrow_to_general().await;
    let now = scene.authenticator.renewed(&actor).await.unwrap();
    let mut later = Vec::new();
    // However these come to stand before the other.
    for _ in 0..8 {
        later.push(scene.read(&now).await.unwrap());
    }
    revocations.look().await.unwrap();
    assert_eq!(denial(earlier).await, Some(Denied::NoSuchRoom));
    assert_eq!(scene.chat.hub.registry().count(), later.len(), "the others go on");
    drop(later);
    scene.end().await;
}

#[tokio::test]
async fn a_reader_joins_and_types_by_the_rights_that_are_in_force() {
    let scene = Scene::new(&Timings::DEFAULT).await;
    let (key, actor) = scene.key().await;
    make(&scene, &actor, "general").await;
    let mut reading = scene.read(&actor).await.unwrap();
    scene.chat.type_in(&actor, &mut reading, true).await.unwrap();
    // Nobody watches here: the reader goes on.
    scene.authenticator.writer_for_tests().delete_key(scene.user.id, key, None).await.unwrap();
    let types = scene.chat.type_in(&actor, &mut reading, true).await;
    let joins = scene.chat.join(&actor, &mut reading).await;
    for refused in [types, joins] {
        let error = refused.unwrap_err();
        assert!(matches!(error, ChatError::Refused(Refused::Denied(Denied::Revoked))), "{error}");
    }
    drop(reading);
    scene.end().await;
}

/// Everything of the log that is ready, by its ids; and whether the reading goes on.
async fn ready(reading: &mut Reading) -> (Vec<EventId>, bool) {
    let mut ids = Vec::new();
    loop {
        match poll!(reading.next()) {
            Poll::Ready(Some(events)) => ids.extend(events.iter().filter_map(|event| event.frame.id())),
            Poll::Ready(None) => return (ids, false),
            Poll::Pending => return (ids, true),
        }
    }
}

#[tokio::test]
async fn who_reads_a_room_that_is_made_private_is_held_there_until_it_is_known_who_may() {
    let scene = Scene::new(&Timings::DEFAULT).await;
    let (_, alice) = scene.key().await;
    let bob = scene.authenticator.writer_for_tests().make_user(person("bob"), Timestamp::from_micros(1)).await.unwrap();
    let (_, bob) = scene.key_of(&bob).await;
    make(&scene, &alice, "general").await;
    let mut revocations = Revocations::of(&scene.chat).unwrap();
    revocations.look().await.unwrap();
    let after = Start::After(0);
    let mut of_alice = scene.chat.read(&alice, &general(), after, request()).await.unwrap();
    let mut of_bob = scene.chat.read(&bob, &general(), after, request()).await.unwrap();
    let post = async || {
        let post = Post { content: Some("hi".into()), ..Post::default() };
        let draft = post.check(ContentLimit::default()).unwrap();
        scene.chat.post_message(&alice, &general(), draft).await.unwrap();
    };
    post().await;
    let private = RoomChange { visibility: Some(Visibility::Private), ..RoomChange::default() };
    scene.chat.put_room(&alice, &general(), private, Precondition::default()).await.unwrap();
    post().await;
    for reading in [&mut of_alice, &mut of_bob] {
        assert_eq!(ready(reading).await, (vec![1, 2], true), "nothing that comes after the event");
    }
    revocations.look_again().await.unwrap();
    post().await;
    assert_eq!(ready(&mut of_alice).await, (vec![3, 4], true));
    assert_eq!(ready(&mut of_bob).await, (vec![], false));
    assert_eq!(of_bob.denied(), Some(Denied::NoSuchRoom));
    drop((of_alice, of_bob));
    scene.end().await;
}

/// As after a commit of which the answer is missing: the events are in the store, and nobody was told of them.
#[tokio::test]
async fn a_loss_that_only_the_store_has_told_of_is_heeded() {
    let scene = Scene::new(&Timings::DEFAULT).await;
    let (_, alice) = scene.key().await;
    let bob = scene.authenticator.writer_for_tests().make_user(person("bob"), Timestamp::from_micros(1)).await.unwrap();
    let (_, bob) = scene.key_of(&bob).await;
    let private = RoomChange { visibility: Some(Visibility::Private), ..RoomChange::default() };
    scene.chat.put_room(&alice, &general(), private, Precondition::default()).await.unwrap();
    let member = Username::parse("bob").unwrap();
    scene.chat.set_member(&alice, true, &general(), &member, Role::Member).await.unwrap();
    let mut reading = scene.chat.read(&bob, &general(), Start::After(0), request()).await.unwrap();
    assert_eq!(ready(&mut reading).await, (vec![1], true));
    let database = Database::connect(&scene.url).await.unwrap();
    for statement in [
        "DELETE FROM membership WHERE user_key = 'bob'",
        "INSERT INTO event (room_id, id, kind, data, created_at, username) SELECT id, 2, 'member_left', \
         '{\"by\":\"alice\",\"reason\":\"removed\",\"private\":true}', 1, 'bob' FROM room",
        "INSERT INTO message (room_id, id, username, user_key, content, created_at) \
         SELECT id, 3, 'alice', 'alice', 'after', 1 FROM room",
        "UPDATE room SET head = 3, members = 1, membership_version = membership_version + 1",
    ] {
        database.execute_unprepared(statement).await.unwrap();
    }
    database.close().await.unwrap();
    let hub = scene.chat.hub.clone();
    let running = scene.tasks.spawn({
        let hub = hub.clone();
        async move { hub.run().await }
    });
    hub.catch_up().await.unwrap();
    let mut ids = Vec::new();
    let told = timeout(DEADLINE, async {
        while let Some(events) = reading.next().await {
            ids.extend(events.iter().filter_map(|event| event.frame.id()));
        }
    });
    told.await.expect("it ends");
    assert_eq!((ids, reading.denied()), (vec![2], Some(Denied::NoSuchRoom)));
    running.abort();
    drop(reading);
    scene.end().await;
}
