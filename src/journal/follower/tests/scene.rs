//! A journal with its feed, and the followers that tests have of it.

use std::{
    collections::BTreeMap,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
    time::Duration,
};

use rand::{Rng as _, rngs::StdRng};
use sea_orm::{ConnectionTrait as _, Database, DatabaseConnection, DbBackend, Statement};
use tempfile::TempDir;
use tokio::{task::yield_now, time::timeout};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::super::{
    Batch, Follower,
    runner::{Runner, Times},
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
    hub::{Hub, broker::Local},
    journal::{Journal, backlog::Pace, feed::Feed},
    limits::Limits,
    store::{
        Opened, Store,
        follower::{FollowError, Followers, Moved},
        health::Health,
    },
};

pub(super) const DEADLINE: Duration = Duration::from_mins(1);
pub(super) const ROOMS: [&str; 3] = ["one", "two", "three"];
pub(super) const AUTHOR: &str = "Alice";

/// A journal and its feed, with no follower.
pub(super) struct Scene {
    pub(super) chat: Chat,
    pub(super) feed: Feed,
    pub(super) followers: Followers,
    pub(super) store: Store,
    pub(super) health: Health,
    /// Beside all of it.
    pub(super) database: DatabaseConnection,
    pub(super) tasks: TaskTracker,
    pub(super) stop: CancellationToken,
    _folder: TempDir,
}

impl Scene {
    pub(super) async fn new() -> Self {
        let (opened, url, folder) = open_for_tests().await;
        let Opened { store, writer, followers, .. } = opened;
        let (health, stop, feed) = (Health::default(), CancellationToken::new(), Feed::default());
        let clock = Clock::system();
        let hub = Hub::new(store.clone(), clock.clone(), health.clone(), Timings::default());
        let (journal, task) = Journal::new(
            writer,
            Arc::new(Local(hub.clone())),
            feed.clone(),
            health.clone(),
            clock.clone(),
            None,
            stop.clone(),
        );
        let tasks = TaskTracker::new();
        tasks.spawn(task);
        let chat = Chat {
            journal,
            hub,
            store: store.clone(),
            authenticator: None,
            accounts: None,
            limits: Arc::new(Limits::new(None)),
            clock,
            closing: stop.clone(),
        };
        let database = Database::connect(url).await.unwrap();
        database.execute_unprepared("CREATE TABLE counted (room_id BIGINT, id BIGINT)").await.unwrap();
        Self { chat, feed, followers, store, health, database, tasks, stop, _folder: folder }
    }

    /// A runner that hears of this journal's commits.
    pub(super) async fn runner<F: Follower>(&self, follower: F, times: Times) -> Runner<F> {
        self.runner_at(&self.feed, follower, times).await
    }

    pub(super) async fn runner_at<F: Follower>(&self, feed: &Feed, follower: F, times: Times) -> Runner<F> {
        let reading = (self.store.clone(), self.followers.clone());
        Runner::new(follower, reading, feed, self.health.clone(), times, self.stop.child_token()).await.unwrap()
    }

    pub(super) async fn try_post(&self, room: &str, content: &str) -> Result<EventId, ChatError> {
        let post = Post { content: Some(content.into()), ..Post::default() };
        let draft = post.check(ContentLimit::default()).unwrap();
        let posted = self.chat.post_message(&actor(AUTHOR), &RoomName::parse(room).unwrap(), draft).await?;
        Ok(posted.answer.message.id)
    }

    pub(super) async fn post(&self, room: &str, content: &str) -> EventId {
        self.try_post(room, content).await.unwrap()
    }

    /// Something happens in some room: an event is posted, and an earlier message edited or deleted.
    pub(super) async fn act(&self, random: &mut StdRng) {
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

    pub(super) async fn heads(&self) -> BTreeMap<i64, EventId> {
        self.pairs("SELECT id, head FROM room ORDER BY id").await.into_iter().collect()
    }

    pub(super) async fn pairs(&self, sql: &str) -> Vec<(i64, i64)> {
        let rows = self.database.query_all_raw(Statement::from_string(DbBackend::Sqlite, sql)).await.unwrap();
        rows.iter().map(|row| (row.try_get_by_index(0).unwrap(), row.try_get_by_index(1).unwrap())).collect()
    }

    /// The counts of the counter, in its order.
    pub(super) async fn counted(&self) -> Vec<(i64, i64)> {
        self.pairs("SELECT room_id, id FROM counted ORDER BY rowid").await
    }

    pub(super) async fn cursors(&self, follower: &str) -> BTreeMap<i64, EventId> {
        let sql = format!("SELECT room_id, through FROM follower_cursor WHERE follower = '{follower}'");
        self.pairs(&sql).await.into_iter().collect()
    }

    /// Waits until a follower's cursors are at the heads.
    pub(super) async fn followed(&self, follower: &str) {
        let at_heads = async { while self.cursors(follower).await != self.heads().await {} };
        timeout(DEADLINE, at_heads).await.unwrap_or_else(|_| panic!("{follower} does not get to the heads"));
    }

    /// Fails if a search finds other messages than those that match.
    pub(super) async fn check_search(&self) {
        for name in ROOMS {
            let room = RoomName::parse(name).unwrap();
            let page = self.chat.messages(&actor(AUTHOR), &room, Range::Newest, 10_000).await.unwrap();
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

    pub(super) async fn end(self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        self.database.close().await.unwrap();
    }
}

/// Writes down each event in its transaction: exactly once.
pub(super) struct Counter {
    /// The most events it takes at once.
    pub(super) at_once: EventId,
    /// The one room that it does not want.
    pub(super) unwanted: Option<i64>,
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
pub(super) struct Teller {
    pub(super) told: Arc<Mutex<Vec<(RoomName, EventId)>>>,
    pub(super) at_once: u64,
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
pub(super) struct Killed<F> {
    pub(super) future: Pin<Box<F>>,
    pub(super) polls: usize,
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

pub(super) fn killed_after<F: Future>(future: F, polls: usize) -> Killed<F> {
    Killed { future: Box::pin(future), polls }
}

pub(super) fn times(worth: usize) -> Times {
    let pace = Pace { worth, quiet: Duration::from_millis(1) };
    Times { pace, look: Duration::from_secs(10), retry: Duration::from_millis(1) }
}

/// Fails unless each room's events were told in order from the first to the last; a killed teller may go
/// back, but never leaves one out.
pub(super) fn check_told(told: &[(RoomName, EventId)], heads: &[EventId]) {
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
