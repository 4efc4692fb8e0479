//! A node as a test has it: what it commits is told to the other when the test says so.

use std::sync::{Arc, Mutex};

use tokio_stream::StreamExt as _;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{Cluster, DEADLINE, within};
use crate::{
    app::tests::actor,
    clock::Clock,
    config::{StoreConfig, Timings},
    domain::{
        EventId,
        actor::Actor,
        content::ContentLimit,
        event::{EventType, TypeSet},
        message::{Edit, Message, Post},
        name::RoomName,
        version::Precondition,
    },
    hub::{
        Hub,
        broker::{Broker, RoomCommit},
        frame::Placed,
        queries::Start,
        reader::{Request, StateDue},
        registry::Transport,
        subscription::Subscription,
    },
    journal::{
        Journal, Refused,
        command::{Committed, Delete},
        failpoints::Failpoints,
        feed::Feed,
    },
    store::{Nodes, Opened, Store, health::Health, messages::Range},
};

/// A journal, its hub, and all that they need.
pub(super) struct Node {
    pub(super) journal: Journal,
    pub(super) hub: Arc<Hub>,
    pub(super) store: Store,
    pub(super) health: Health,
    pub(super) failpoints: Failpoints,
    /// The commits that the other node was not told of.
    pub(super) hints: Arc<Hints>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

/// Keeps what is to be told to another node.
#[derive(Debug)]
pub(super) struct Hints {
    hub: Arc<Hub>,
    kept: Mutex<Vec<RoomCommit>>,
}

impl Hints {
    /// The commits to be told now.
    pub(super) fn take(&self) -> Vec<RoomCommit> {
        std::mem::take(&mut self.kept.lock().unwrap())
    }
}

impl Broker for Hints {
    fn hub(&self) -> &Arc<Hub> {
        &self.hub
    }

    fn publish(&self, batch: Vec<RoomCommit>) {
        for commit in &batch {
            self.hub.take(commit);
        }
        self.kept.lock().unwrap().extend(batch);
    }
}

pub(super) fn name(room: &str) -> RoomName {
    RoomName::parse(room).unwrap()
}

impl Node {
    /// Starts a node whose gaps are filled.
    pub(super) async fn start(cluster: &Cluster) -> Self {
        let node = Self::start_without_fills(cluster).await;
        node.fill_from_now_on();
        node
    }

    /// Starts a node that never reads what it was not told of.
    pub(super) async fn start_without_fills(cluster: &Cluster) -> Self {
        let config = StoreConfig { url: cluster.url().into(), fsync: true, migrate: true, revisions: 100 };
        let opened = Box::pin(Store::open_among(&config, Nodes::Several)).await;
        Self::of(opened.unwrap_or_else(|error| panic!("{error}")))
    }

    pub(super) fn of(Opened { store, writer, .. }: Opened) -> Self {
        let (health, stop, clock) = (Health::default(), CancellationToken::new(), Clock::system());
        let hub = Hub::new(store.clone(), clock.clone(), health.clone(), Timings::default());
        let hints = Arc::new(Hints { hub: hub.clone(), kept: Mutex::default() });
        let failpoints = Failpoints::default();
        failpoints.set_next();
        let (journal, task) =
            Journal::new(writer, hints.clone(), Feed::default(), health.clone(), clock, None, stop.clone());
        let tasks = TaskTracker::new();
        tasks.spawn(task);
        Self { journal, hub, store, health, failpoints, hints, tasks, stop }
    }

    pub(super) fn fill_from_now_on(&self) {
        let (hub, stop) = (self.hub.clone(), self.stop.clone());
        self.tasks.spawn(async move { stop.run_until_cancelled(hub.run()).await });
    }

    pub(super) async fn try_post(
        &self,
        room: &str,
        content: &str,
        reply_to: Option<EventId>,
    ) -> Result<EventId, Refused> {
        // A key of its own, which stays when the content is deleted, and does not show it.
        let key = content.chars().rev().collect();
        let post = Post { content: Some(content.into()), reply_to, client_id: Some(key) };
        let draft = post.check(ContentLimit::default()).unwrap();
        let posted = self.journal.submit(actor("Alice"), name(room), Precondition::default(), draft).await?;
        Ok(posted.answer.message.id)
    }

    pub(super) async fn post(&self, room: &str, content: &str) -> EventId {
        within(DEADLINE, content, self.try_post(room, content, None)).await.unwrap()
    }

    pub(super) async fn edit(
        &self,
        room: &str,
        id: EventId,
        content: &str,
    ) -> Result<Committed<Arc<Message>>, Refused> {
        let edit = Edit { id, content: content.into() };
        self.journal.submit(actor("Alice"), name(room), Precondition::default(), edit).await
    }

    pub(super) async fn delete(&self, room: &str, id: EventId) -> Result<Committed<Arc<Message>>, Refused> {
        self.journal.submit(actor("Alice"), name(room), Precondition::default(), Delete { id }).await
    }

    /// A reader of what is durable.
    pub(super) async fn read(&self, room: &str, start: Start) -> Subscription {
        let (user, transport) = (None, Transport::Sse);
        let request = Request { history: 50, types: TypeSet::ALL, user, transport, state: StateDue::Never, limit: 200 };
        self.hub.subscribe(&Actor::nameless(), &name(room), start, request).await.unwrap()
    }

    /// The events that a reader who comes now is given first.
    pub(super) async fn history(&self, room: &str) -> String {
        let mut reader = self.read(room, Start::History).await;
        let events = within(DEADLINE, "a history", reader.next()).await.unwrap();
        events.iter().map(|event| String::from_utf8(event.frame.json().to_vec()).unwrap()).collect()
    }

    /// The newest messages as the store has them.
    pub(super) async fn messages(&self, room: &str) -> Vec<Message> {
        let Some(room) = self.store.room(&name(room)).await.unwrap() else { return Vec::new() };
        self.store.messages(&room, Range::Newest, 200).await.unwrap().0
    }

    pub(super) async fn end(self) {
        self.stop.cancel();
        self.tasks.close();
        within(DEADLINE, "a node ends", self.tasks.wait()).await;
        self.store.close().await;
    }
}

/// The ids of the events that a reader gets, up to this one.
pub(super) async fn ids_through(reader: &mut Subscription, last: EventId) -> Vec<EventId> {
    let mut ids = Vec::new();
    while ids.last() != Some(&last) {
        assert!(ids.last() < Some(&last), "{ids:?} go past {last}");
        let events = within(DEADLINE, format!("the event {last}, after {ids:?}"), reader.next()).await.unwrap();
        ids.extend(events.iter().filter(|event| is_durable(event)).filter_map(|event| event.frame.id()));
    }
    ids
}

pub(super) fn is_durable(event: &Placed) -> bool {
    use EventType::{ChatMessage, MessageDeleted, MessageEdited};

    matches!(event.frame.kind(), ChatMessage | MessageEdited | MessageDeleted)
}
