//! Every reader on every transport, so that whoever has to end one finds it.

use std::{
    collections::{HashMap, HashSet},
    future::poll_fn,
    hash::Hash,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Poll, Waker},
    time::Duration,
};

use futures_util::task::AtomicWaker;
use tokio::time::{Instant, sleep_until};

pub use crate::domain::transport::Transport;
use crate::domain::{
    EventId,
    actor::{Actor, Credential},
    denied::Denied,
    event::TypeSet,
    name::{RoomName, UserKey},
    stream_id::StreamId,
};

/// The reasons why a reader is ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CloseReason {
    /// The server ends.
    Shutdown,
    /// Whoever reads may not, or no longer.
    Denied(Denied),
}

/// Something that a reader is told to do.
#[derive(Debug, Clone)]
pub(super) enum Order {
    /// To end, all rooms at once.
    Close(CloseReason),
    /// To leave one room.
    Leave {
        room: RoomName,
        /// The last event that is its to know; absent if it is to leave at once.
        after: Option<EventId>,
        why: Denied,
    },
    /// To take nothing of a room that comes after an event, until it is known if that is its to know.
    Hold { room: RoomName, after: EventId },
    /// To go on in a room in which it was held after that event.
    Resume { room: RoomName, after: EventId },
    /// To go on by another credential of the same user.
    GoOn,
}

/// One reader, for whoever has to end it.
#[derive(Debug)]
pub struct Registration {
    /// Its number in this process.
    pub id: u64,
    /// The rooms that it reads.
    pub rooms: Box<[RoomName]>,
    /// The user who is seen to read.
    pub user: OnceLock<UserKey>,
    /// The types it reads.
    pub types: TypeSet,
    /// The transport.
    pub transport: Transport,
    /// The one who reads, if something vouches for them: in open mode there is nobody who could lose a right. Another
    /// credential of the same user may take the place of the first.
    actor: RwLock<Option<Actor>>,
    is_granted: bool,
    /// The name by which another credential is given for it; absent if the first one does not end.
    stream: Option<StreamId>,
    orders: Mutex<Vec<Order>>,
    has_orders: AtomicBool,
    waker: AtomicWaker,
}

impl Registration {
    /// Ends the reader: its subscription says so and stops.
    pub fn close(&self, reason: CloseReason) {
        self.order(Order::Close(reason));
    }

    /// Has the reader leave one of its rooms: at once, or after the last event that is its to know. Other rooms go on.
    pub fn leave(&self, room: &RoomName, after: Option<EventId>, why: Denied) {
        self.order(Order::Leave { room: room.clone(), after, why });
    }

    /// Has the reader take nothing of a room that comes after an event, until it is told to go on or to leave.
    pub fn hold(&self, room: &RoomName, after: EventId) {
        self.order(Order::Hold { room: room.clone(), after });
    }

    /// Has the reader go on in a room in which it was held after this event.
    pub fn resume(&self, room: &RoomName, after: EventId) {
        self.order(Order::Resume { room: room.clone(), after });
    }

    /// The one who reads, if something vouches for them.
    #[must_use]
    pub fn actor(&self) -> Option<Actor> {
        self.actor.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The name by which another credential is given for it; absent if the first one does not end.
    #[must_use]
    pub fn stream(&self) -> Option<&StreamId> {
        self.stream.as_ref()
    }

    /// Returns true if it reads by a credential, or as a guest, where credentials are required.
    pub(super) fn is_granted(&self) -> bool {
        self.is_granted
    }

    /// The orders since the last look; the waker is woken by the next.
    pub(super) fn poll_orders(&self, waker: &Waker) -> Vec<Order> {
        self.waker.register(waker);
        if !self.has_orders.load(Ordering::Acquire) {
            return Vec::new();
        }
        self.has_orders.store(false, Ordering::Release);
        std::mem::take(&mut self.orders())
    }

    fn order(&self, order: Order) {
        self.orders().push(order);
        self.has_orders.store(true, Ordering::Release);
        self.waker.wake();
    }

    fn orders(&self) -> MutexGuard<'_, Vec<Order>> {
        self.orders.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// All readers of this process.
#[derive(Debug, Default)]
pub struct Registry {
    readers: Mutex<Readers>,
    last: AtomicU64,
}

/// The readers by their numbers, and the numbers of those that something vouches for by what they may lose.
#[derive(Debug, Default)]
struct Readers {
    all: HashMap<u64, Arc<Registration>>,
    by_user: Index<UserKey>,
    by_credential: Index<Credential>,
    by_room: Index<RoomName>,
    /// Those that were told that their credential ends soon.
    expiring: HashSet<u64>,
}

/// The numbers of readers by something that they have in common.
#[derive(Debug)]
struct Index<K>(HashMap<K, HashSet<u64>>);

impl<K> Default for Index<K> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<K: Hash + Eq + Clone> Index<K> {
    fn enter(&mut self, key: &K, id: u64) {
        match self.0.get_mut(key) {
            Some(ids) => drop(ids.insert(id)),
            None => drop(self.0.insert(key.clone(), HashSet::from([id]))),
        }
    }

    fn remove(&mut self, key: &K, id: u64) {
        if let Some(ids) = self.0.get_mut(key) {
            ids.remove(&id);
            if ids.is_empty() {
                self.0.remove(key);
            }
        }
    }
}

impl Readers {
    fn enter(&mut self, reader: &Arc<Registration>) {
        self.all.insert(reader.id, reader.clone());
        let Some(actor) = reader.actor() else { return };
        if let Some(user) = actor.user() {
            self.by_user.enter(user.key(), reader.id);
        }
        if let Some(grant) = actor.grant() {
            self.by_credential.enter(&grant.credential, reader.id);
        }
        reader.rooms.iter().for_each(|room| self.by_room.enter(room, reader.id));
    }

    fn remove(&mut self, reader: &Registration) {
        self.all.remove(&reader.id);
        self.expiring.remove(&reader.id);
        let Some(actor) = reader.actor() else { return };
        if let Some(user) = actor.user() {
            self.by_user.remove(user.key(), reader.id);
        }
        if let Some(grant) = actor.grant() {
            self.by_credential.remove(&grant.credential, reader.id);
        }
        reader.rooms.iter().for_each(|room| self.by_room.remove(room, reader.id));
    }

    fn these(&self, ids: Option<&HashSet<u64>>) -> Vec<Arc<Registration>> {
        ids.into_iter().flatten().filter_map(|id| self.all.get(id).cloned()).collect()
    }
}

/// A reader's entry; dropping it takes it out.
#[derive(Debug)]
pub struct Entry {
    reader: Arc<Registration>,
    registry: Arc<Registry>,
}

impl Registry {
    /// Enters a reader.
    #[must_use]
    pub fn enter(
        self: &Arc<Self>,
        actor: &Actor,
        rooms: Box<[RoomName]>,
        user: Option<UserKey>,
        types: TypeSet,
        transport: Transport,
    ) -> Entry {
        let id = self.last.fetch_add(1, Ordering::Relaxed) + 1;
        let user = user.map_or_else(OnceLock::new, OnceLock::from);
        let reader = Arc::new(Registration {
            id,
            rooms,
            user,
            types,
            transport,
            stream: stream(actor),
            is_granted: actor.grant().is_some(),
            actor: RwLock::new(actor.grant().is_some().then(|| actor.clone())),
            orders: Mutex::default(),
            has_orders: AtomicBool::new(false),
            waker: AtomicWaker::new(),
        });
        self.readers().enter(&reader);
        Entry { reader, registry: self.clone() }
    }

    /// Has the readers of a user leave a room once they were given everything up to an event, by which the user lost
    /// the right to read it.
    pub fn close_after(&self, room: &RoomName, user: &UserKey, id: EventId, why: Denied) {
        let readers = self.readers();
        let of_user = readers.these(readers.by_user.0.get(user));
        drop(readers);
        for reader in of_user.iter().filter(|reader| reader.rooms.contains(room)) {
            reader.leave(room, Some(id), why);
        }
    }

    /// Has the readers of a room that something vouches for take nothing of it that comes after an event, by which some
    /// of them may have lost the right to read it.
    pub fn hold_after(&self, room: &RoomName, id: EventId) {
        self.readers_of(room).iter().for_each(|reader| reader.hold(room, id));
    }

    /// The readers of a room that something vouches for.
    #[must_use]
    pub fn readers_of(&self, room: &RoomName) -> Vec<Arc<Registration>> {
        let readers = self.readers();
        readers.these(readers.by_room.0.get(room))
    }

    /// The readers that something vouches for, those of one credential together.
    #[must_use]
    pub fn by_credential(&self) -> Vec<Vec<Arc<Registration>>> {
        let readers = self.readers();
        readers.by_credential.0.values().map(|ids| readers.these(Some(ids))).collect()
    }

    /// The readers that were told that their credential ends soon.
    #[must_use]
    pub fn expiring(&self) -> Vec<Arc<Registration>> {
        let readers = self.readers();
        readers.these(Some(&readers.expiring))
    }

    /// Has a reader go on by another credential of the same user: from here on it is found by that one.
    pub fn go_on(&self, reader: &Registration, actor: Actor) {
        let mut readers = self.readers();
        if !readers.all.contains_key(&reader.id) {
            return;
        }
        let mut held = reader.actor.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(before) = held.as_ref().and_then(Actor::grant) {
            readers.by_credential.remove(&before.credential, reader.id);
        }
        if let Some(grant) = actor.grant() {
            readers.by_credential.enter(&grant.credential, reader.id);
        }
        readers.expiring.remove(&reader.id);
        *held = Some(actor);
        drop((held, readers));
        reader.order(Order::GoOn);
    }

    /// Has the readers that something vouches for look again at what is ready, after deliveries were held back.
    pub fn wake_held(&self) {
        let all: Vec<_> = self.readers().all.values().cloned().collect();
        all.iter().filter(|reader| reader.is_granted()).for_each(|reader| reader.waker.wake());
    }

    /// The number of readers.
    #[must_use]
    pub fn count(&self) -> usize {
        self.readers().all.len()
    }

    /// Ends every reader: polls at once, since they only wait; the others one after the other over
    /// `spread`, so that they don't all come back in the same moment.
    pub async fn close_all(&self, reason: CloseReason, spread: Duration) {
        let all: Vec<_> = self.readers().all.values().cloned().collect();
        let (polls, streams): (Vec<_>, Vec<_>) =
            all.into_iter().partition(|reader| reader.transport == Transport::LongPoll);
        for poll in polls {
            poll.close(reason);
        }
        let start = Instant::now();
        let count = u32::try_from(streams.len()).unwrap_or(u32::MAX).max(1);
        for (index, stream) in (0u32..).zip(streams) {
            let at = start + spread * index / count;
            if at > Instant::now() {
                sleep_until(at).await;
            }
            stream.close(reason);
        }
        // Whoever came meanwhile.
        for reader in self.readers().all.values() {
            reader.close(reason);
        }
    }

    fn readers(&self) -> MutexGuard<'_, Readers> {
        self.readers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The name of a reader whose credential ends, and may be followed by another.
fn stream(actor: &Actor) -> Option<StreamId> {
    actor.grant()?.expires_at?;
    Some(StreamId::draw(actor.user()?.key()))
}

impl Entry {
    /// The reader was told that its credential ends soon.
    pub(super) fn was_warned(&self) {
        self.registry.readers().expiring.insert(self.id);
    }

    /// Waits until the reader is told to do something; for one that then asks again what it may do.
    pub async fn ordered(&self) {
        poll_fn(|cx| if self.poll_orders(cx.waker()).is_empty() { Poll::Pending } else { Poll::Ready(()) }).await;
    }
}

impl std::ops::Deref for Entry {
    type Target = Registration;

    fn deref(&self) -> &Registration {
        &self.reader
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.registry.readers().remove(&self.reader);
    }
}
