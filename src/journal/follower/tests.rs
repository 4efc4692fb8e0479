//! Followers over a real store, stopped at any moment.

use std::{
    collections::BTreeMap,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
    time::Duration,
};

use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use sea_orm::{ConnectionTrait as _, Database, DatabaseConnection, DbBackend, Statement};
use tempfile::TempDir;
use tokio::{
    task::yield_now,
    time::{sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    Batch, Follower,
    runner::{Runner, Times},
    search::SearchFollower,
};
use crate::{
    app::tests::{actor, open_for_tests},
    chat::{Chat, ChatError},
    clock::Clock,
    config::Timings,
    domain::{
        EventId,
        content::ContentLimit,
        event::TypeSet,
        message::{Edit, Post, Range},
        name::RoomName,
        search::Query,
        version::Precondition,
    },
    hub::Hub,
    journal::{Journal, backlog::Pace, feed::Feed},
    store::{
        Opened, Store,
        follower::{FollowError, Followers, Moved},
        health::Health,
        writer::faults::{Fault, inject},
    },
};

const DEADLINE: Duration = Duration::from_mins(1);
const ROOMS: [&str; 3] = ["one", "two", "three"];
const AUTHOR: &str = "Alice";

/// A journal and its feed, with no follower.
struct Scene {
    chat: Chat,
    feed: Feed,
    followers: Followers,
    store: Store,
    health: Health,
    /// Beside all of it.
    database: DatabaseConnection,
    tasks: TaskTracker,
    stop: CancellationToken,
    _folder: TempDir,
}

impl Scene {
    async fn new() -> Self {
        let (opened, url, folder) = open_for_tests().await;
        let Opened { store, writer, followers } = opened;
        let (health, stop, feed) = (Health::default(), CancellationToken::new(), Feed::default());
        let clock = Clock::system();
        let hub = Hub::new(store.clone(), clock.clone(), health.clone(), Timings::default());
        let (journal, task) =
            Journal::new(writer, hub.clone(), feed.clone(), health.clone(), clock, None, stop.clone());
        let tasks = TaskTracker::new();
        tasks.spawn(task);
        let chat = Chat::new(journal, hub, store.clone(), stop.clone());
        let database = Database::connect(url).await.unwrap();
        database.execute_unprepared("CREATE TABLE counted (room_id BIGINT, id BIGINT)").await.unwrap();
        Self { chat, feed, followers, store, health, database, tasks, stop, _folder: folder }
    }

    /// A runner that hears of this journal's commits.
    async fn runner<F: Follower>(&self, follower: F, times: Times) -> Runner<F> {
        self.runner_at(&self.feed, follower, times).await
    }

    async fn runner_at<F: Follower>(&self, feed: &Feed, follower: F, times: Times) -> Runner<F> {
        let reading = (self.store.clone(), self.followers.clone());
        Runner::new(follower, reading, feed, self.health.clone(), times, self.stop.child_token()).await.unwrap()
    }

    async fn try_post(&self, room: &str, content: &str) -> Result<EventId, ChatError> {
        let post = Post { content: Some(content.into()), ..Post::default() };
        let draft = post.check(ContentLimit::default()).unwrap();
        let posted = self.chat.post_message(&actor(AUTHOR), &RoomName::parse(room).unwrap(), draft).await?;
        Ok(posted.answer.message.id)
    }

    async fn post(&self, room: &str, content: &str) -> EventId {
        self.try_post(room, content).await.unwrap()
    }

    /// Something happens in some room: an event is posted, and an earlier message edited or deleted.
    async fn act(&self, random: &mut StdRng) {
        let name = ROOMS[random.random_range(0..ROOMS.len())];
        let id = self.post(name, ["a", "a b", "b c", "Café"][random.random_range(0..4)]).await;
        let (room, target) = (RoomName::parse(name).unwrap(), random.random_range(1..=id));
        // It may be no message, or deleted.
        if random.random_bool(0.5) {
            let edit = Edit { id: target, content: "b d".into() };
            let _ = self.chat.edit_message(&actor(AUTHOR), &room, edit, Precondition::default()).await;
        } else if random.random_bool(0.4) {
            let _ = self.chat.delete_message(&actor(AUTHOR), &room, target, Precondition::default()).await;
        }
    }

    async fn heads(&self) -> BTreeMap<i64, EventId> {
        self.pairs("SELECT id, head FROM room ORDER BY id").await.into_iter().collect()
    }

    async fn pairs(&self, sql: &str) -> Vec<(i64, i64)> {
        let rows = self.database.query_all_raw(Statement::from_string(DbBackend::Sqlite, sql)).await.unwrap();
        rows.iter().map(|row| (row.try_get_by_index(0).unwrap(), row.try_get_by_index(1).unwrap())).collect()
    }

    /// What the counter has counted, in its order.
    async fn counted(&self) -> Vec<(i64, i64)> {
        self.pairs("SELECT room_id, id FROM counted ORDER BY rowid").await
    }

    async fn cursors(&self, follower: &str) -> BTreeMap<i64, EventId> {
        let sql = format!("SELECT room_id, through FROM follower_cursor WHERE follower = '{follower}'");
        self.pairs(&sql).await.into_iter().collect()
    }

    /// Waits until a follower's cursors are at the heads.
    async fn followed(&self, follower: &str) {
        let at_heads = async { while self.cursors(follower).await != self.heads().await {} };
        timeout(DEADLINE, at_heads).await.unwrap_or_else(|_| panic!("{follower} does not get to the heads"));
    }

    /// Fails if a search finds other messages than those that match.
    async fn check_search(&self) {
        for name in ROOMS {
            let room = RoomName::parse(name).unwrap();
            let page = self.chat.messages(&actor(AUTHOR), &room, Range::Newest, 10_000, Duration::ZERO).await.unwrap();
            for q in ["a", "b", "a b", "cafe", "d"] {
                let query = Query::parse(q).unwrap();
                let matching = page.messages.iter().rev().filter(|message| query.matches(&message.content));
                let expected: Vec<_> = matching.map(|message| message.id).collect();
                let page = self.chat.search(&actor(AUTHOR), &room, query, None, 10_000).await.unwrap();
                assert_eq!(
                    page.messages.iter().map(|message| message.id).collect::<Vec<_>>(),
                    expected,
                    "{q} in {name}"
                );
            }
        }
        let rows = "SELECT COUNT(*), (SELECT COUNT(*) FROM message WHERE deleted_at IS NULL) FROM message_search";
        let [(indexed, there)] = self.pairs(rows).await[..] else { panic!("one row") };
        assert_eq!(indexed, there, "each message is in the index once");
        let check = "INSERT INTO message_search_index (message_search_index, rank) VALUES ('integrity-check', 1)";
        self.database.execute_unprepared(check).await.unwrap();
    }

    async fn end(self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        self.database.close().await.unwrap();
    }
}

/// Writes down each event in its transaction: exactly once.
struct Counter {
    /// How many events it takes at once.
    at_once: EventId,
    /// The one room that it does not want.
    unwanted: Option<i64>,
}

impl Follower for Counter {
    const NAME: &'static str = "counter";

    fn wants(&self, room_id: i64) -> bool {
        self.unwanted != Some(room_id)
    }

    async fn batch(&mut self, batch: Batch<'_>) -> Result<Moved, FollowError> {
        assert!(self.wants(batch.room.id), "it is told of what it does not want");
        let through = batch.room.head.min(batch.after + self.at_once);
        let tx = batch.turn.begin().await?;
        for id in batch.after + 1..=through {
            tx.run(&format!("INSERT INTO counted VALUES ({}, {id})", batch.room.id)).await?;
        }
        tx.commit(through).await
    }
}

/// Tells of each event before its transaction: at least once, in order.
struct Teller {
    told: Arc<Mutex<Vec<(RoomName, EventId)>>>,
    at_once: u64,
}

impl Follower for Teller {
    const NAME: &'static str = "teller";

    fn wants(&self, _room_id: i64) -> bool {
        true
    }

    async fn batch(&mut self, batch: Batch<'_>) -> Result<Moved, FollowError> {
        let name = &batch.room.name;
        let page = batch.log.log_after(name, batch.after, TypeSet::ALL, self.at_once).await?;
        for event in page.events {
            self.told.lock().unwrap().push((name.clone(), event.id()));
            yield_now().await;
        }
        batch.turn.begin().await?.commit(page.through).await
    }
}

/// Drops a future after so many polls, wherever it then waits.
struct Killed<F> {
    future: Pin<Box<F>>,
    polls: usize,
}

impl<F: Future> Future for Killed<F> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.polls == 0 {
            return Poll::Ready(());
        }
        self.polls -= 1;
        self.future.as_mut().poll(context).map(drop)
    }
}

fn killed_after<F: Future>(future: F, polls: usize) -> Killed<F> {
    Killed { future: Box::pin(future), polls }
}

fn times(worth: usize) -> Times {
    let pace = Pace { worth, quiet: Duration::from_millis(1) };
    Times { pace, look: Duration::from_secs(10), retry: Duration::from_millis(1) }
}

/// Fails unless each room's events were told in order from the first to the last; a killed teller may go
/// back, but never leaves one out.
fn check_told(told: &[(RoomName, EventId)], heads: &[EventId]) {
    let mut rooms: BTreeMap<&RoomName, Vec<EventId>> = BTreeMap::new();
    for (room, id) in told {
        rooms.entry(room).or_default().push(*id);
    }
    let mut last: Vec<_> = Vec::new();
    for (room, ids) in rooms {
        let mut newest = 0;
        let mut before = 0;
        for id in ids {
            assert!(id == before + 1 || (1..=newest).contains(&id), "{room}: {id} after {before}, {newest} was told");
            (before, newest) = (id, newest.max(id));
        }
        last.push(newest);
    }
    last.sort_unstable();
    let mut heads = heads.to_vec();
    heads.sort_unstable();
    assert_eq!(last, heads);
}

#[tokio::test]
async fn killed_at_random_moments_each_follower_keeps_its_promise() {
    const ROUNDS: usize = 50;
    let seed = rand::random();
    let random = &mut StdRng::seed_from_u64(seed);
    let scene = Scene::new().await;
    let told = Arc::<Mutex<Vec<_>>>::default();
    let teller = || Teller { told: told.clone(), at_once: 7 };
    let counter = || Counter { at_once: 3, unwanted: None };
    for _ in 0..ROUNDS {
        // Of different paces, and killed at moments of their own.
        let polls: [usize; 3] = std::array::from_fn(|_| random.random_range(0..150));
        let search = scene.runner(SearchFollower, times(5)).await;
        let counting = scene.runner(counter(), times(1)).await;
        let telling = scene.runner(teller(), times(20)).await;
        let following = async {
            tokio::join!(
                killed_after(search.run(), polls[0]),
                killed_after(counting.run(), polls[1]),
                killed_after(telling.run(), polls[2])
            )
        };
        let acting = async {
            for _ in 0..6 {
                scene.act(random).await;
            }
            // The last events have some time as well; whoever is not killed by then waits for more.
            sleep(Duration::from_millis(20)).await;
        };
        tokio::select! {
            _ = async { tokio::join!(following, std::future::pending::<()>()) } => {}
            () = acting => {}
        }
    }
    let tasks = [
        scene.tasks.spawn(scene.runner(SearchFollower, times(1)).await.run()),
        scene.tasks.spawn(scene.runner(counter(), times(1)).await.run()),
        scene.tasks.spawn(scene.runner(teller(), times(1)).await.run()),
    ];
    for follower in [SearchFollower::NAME, Counter::NAME, Teller::NAME] {
        scene.followed(follower).await;
    }
    let heads = scene.heads().await;
    println!("seed {seed}, heads {heads:?}, {} told", told.lock().unwrap().len());
    let mut counted: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
    for (room_id, id) in scene.counted().await {
        counted.entry(room_id).or_default().push(id);
    }
    let expected = heads.iter().map(|(room_id, head)| (*room_id, (1..=*head).collect())).collect();
    assert_eq!(counted, expected, "each once and in order");
    check_told(&told.lock().unwrap(), &heads.into_values().collect::<Vec<_>>());
    scene.check_search().await;
    scene.end().await;
    for task in tasks {
        task.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn what_was_done_before_a_transaction_that_was_not_made_is_done_again() {
    let scene = Scene::new().await;
    for number in 0..5 {
        scene.post("one", &number.to_string()).await;
    }
    let told = Arc::<Mutex<Vec<_>>>::default();
    let teller = || Teller { told: told.clone(), at_once: 10 };
    let ids = || told.lock().unwrap().iter().map(|(_, id)| *id).collect::<Vec<_>>();
    let mut telling = scene.runner(teller(), times(1)).await;
    // The journal writes meanwhile, so that the transaction can't begin.
    let blocker = scene.followers.turns_for_tests().of_journal().await;
    let room_id = telling.rooms_behind().await.unwrap()[0];
    {
        let advancing = telling.advance(room_id);
        let until_told = async {
            while ids().len() < 5 {
                yield_now().await;
            }
        };
        tokio::select! { _ = advancing => panic!("it went on"), () = until_told => {} }
    }
    drop(blocker);
    assert_eq!(ids(), [1, 2, 3, 4, 5]);
    assert_eq!(scene.cursors(Teller::NAME).await, BTreeMap::new(), "nothing of it is noted");
    drop(telling);
    scene.runner(teller(), times(1)).await.catch_up().await.unwrap();
    assert_eq!(ids(), [1, 2, 3, 4, 5, 1, 2, 3, 4, 5]);
    assert_eq!(scene.cursors(Teller::NAME).await, scene.heads().await);
    scene.end().await;
}

#[tokio::test]
async fn two_followers_get_on_each_at_its_own_pace() {
    let scene = Scene::new().await;
    let told = Arc::<Mutex<Vec<_>>>::default();
    // One takes events as they come; the other waits for many.
    let quick = scene.runner(Counter { at_once: 2, unwanted: None }, times(1)).await;
    let slow_times = Times { pace: Pace { worth: 40, quiet: Duration::from_hours(1) }, ..times(1) };
    let slow = scene.runner(Teller { told: told.clone(), at_once: 100 }, slow_times).await;
    let tasks = [scene.tasks.spawn(quick.run()), scene.tasks.spawn(slow.run())];
    for number in 1..40 {
        scene.post("one", &number.to_string()).await;
    }
    scene.followed(Counter::NAME).await;
    assert!(told.lock().unwrap().len() < 39, "the slow one has not come to it");
    assert_eq!(scene.counted().await.len(), 39);
    scene.post("one", "40").await;
    scene.post("one", "41").await;
    scene.followed(Counter::NAME).await;
    timeout(DEADLINE, async {
        while told.lock().unwrap().len() < 40 {
            sleep(Duration::from_millis(1)).await;
        }
    })
    .await
    .expect("it is worth it now");
    let room_id = *scene.heads().await.keys().next().unwrap();
    assert_eq!(scene.counted().await, (1..=41).map(|id| (room_id, id)).collect::<Vec<_>>());
    scene.end().await;
    for task in tasks {
        task.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_room_that_a_follower_does_not_want_has_no_cursor_and_wakes_nobody() {
    let scene = Scene::new().await;
    scene.post("one", "before").await;
    let unwanted = *scene.heads().await.keys().next().unwrap();
    let counter = scene.runner(Counter { at_once: 10, unwanted: Some(unwanted) }, times(1)).await;
    let task = scene.tasks.spawn(counter.run());
    for number in 0..10 {
        scene.post("one", &number.to_string()).await;
        scene.post("two", &number.to_string()).await;
    }
    let heads = scene.heads().await;
    let wanted: BTreeMap<_, _> = heads.into_iter().filter(|(room_id, _)| *room_id != unwanted).collect();
    timeout(DEADLINE, async { while scene.cursors(Counter::NAME).await != wanted {} }).await.expect("it follows `two`");
    assert!(scene.counted().await.iter().all(|(room_id, _)| *room_id != unwanted));
    scene.end().await;
    task.await.unwrap().unwrap();
}

#[tokio::test]
async fn what_nobody_told_of_is_found_by_looking() {
    let scene = Scene::new().await;
    // It hears of no commit: as if all were those of another process.
    let look = Times { look: Duration::from_millis(10), ..times(1) };
    let elsewhere = scene.runner_at(&Feed::default(), Counter { at_once: 10, unwanted: None }, look).await;
    let here = scene.runner(SearchFollower, look).await;
    let tasks = [scene.tasks.spawn(elsewhere.run()), scene.tasks.spawn(here.run())];
    for number in 0..10 {
        scene.post(ROOMS[number % 3], "a").await;
        scene.followed(Counter::NAME).await;
    }
    // Nor does anybody hear of a commit whose answer was lost and could not be asked for.
    inject(&[Fault::AfterCommit, Fault::Heads]);
    scene.try_post("one", "lost").await.unwrap_err();
    scene.followed(Counter::NAME).await;
    scene.followed(SearchFollower::NAME).await;
    scene.end().await;
    for task in tasks {
        task.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn two_that_follow_the_same_rooms_handle_each_event_once() {
    let scene = Scene::new().await;
    let look = Times { look: Duration::from_millis(5), ..times(1) };
    let mut tasks = Vec::new();
    for at_once in [1, 2] {
        let counter = scene.runner(Counter { at_once, unwanted: None }, look).await;
        tasks.push(scene.tasks.spawn(counter.run()));
    }
    for number in 0..100 {
        scene.post(ROOMS[number % 3], "a").await;
    }
    scene.followed(Counter::NAME).await;
    let heads = scene.heads().await;
    let mut counted = scene.counted().await;
    counted.sort_unstable();
    let expected: Vec<_> = heads.iter().flat_map(|(room_id, head)| (1..=*head).map(|id| (*room_id, id))).collect();
    assert_eq!(counted, expected);
    scene.end().await;
    for task in tasks {
        task.await.unwrap().unwrap();
    }
}

/// A process that was stopped in the middle of a batch goes on after another has done it.
#[tokio::test]
async fn a_cursor_is_never_moved_but_from_where_its_batch_began() {
    let scene = Scene::new().await;
    for number in 0..10 {
        scene.post("one", &number.to_string()).await;
    }
    let room_id = *scene.heads().await.keys().next().unwrap();
    let stop = CancellationToken::new();
    let late = scene.followers.session(Counter::NAME).await.unwrap();
    let begun_with = late.progress(room_id).await.unwrap().unwrap();
    assert_eq!((begun_with.through, begun_with.room.head), (0, 10));
    assert!(late.progress(room_id + 1).await.unwrap().is_none(), "there is no such room");
    let other = scene.followers.session(Counter::NAME).await.unwrap();
    let moved = other.turn(room_id, 0, &stop).begin().await.unwrap().commit(7).await.unwrap();
    assert_eq!(moved.through(), 7);

    let overtaken = late.turn(room_id, begun_with.through, &stop).begin().await.unwrap_err();
    assert!(matches!(overtaken, FollowError::Overtaken), "{overtaken}");
    for through in [0, 5, 7] {
        let tx = late.turn(room_id, 7, &stop).begin().await.unwrap();
        tx.run(&format!("INSERT INTO counted VALUES ({room_id}, {through})")).await.unwrap();
        let refused = tx.commit(through).await.unwrap_err();
        assert!(matches!(refused, FollowError::Store(_)), "{through}: {refused}");
    }
    assert_eq!(scene.cursors(Counter::NAME).await, BTreeMap::from([(room_id, 7)]));
    assert_eq!(scene.counted().await, [], "the effect goes with the cursor");
    stop.cancel();
    let stopping = late.turn(room_id, 7, &stop).begin().await.unwrap_err();
    assert!(matches!(stopping, FollowError::Stopping), "{stopping}");
    late.close().await;
    other.close().await;
    scene.end().await;
}
