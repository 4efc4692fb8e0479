//! Every reader on every transport, so that whoever has to end one finds it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, atomic::AtomicU64, atomic::Ordering},
    task::Waker,
    time::Duration,
};

use futures_util::task::AtomicWaker;
use tokio::time::{Instant, sleep_until};

use crate::domain::{
    denied::Denied,
    event::TypeSet,
    name::{RoomName, UserKey},
};

/// The transports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// Server-Sent Events.
    Sse,
    /// One request that waits.
    LongPoll,
    /// A WebSocket.
    WebSocket,
}

/// The reasons why a reader is ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CloseReason {
    /// The server ends.
    Shutdown,
    /// Whoever reads may not, or no longer.
    Denied(Denied),
}

/// One reader, for whoever has to end it.
#[derive(Debug)]
pub struct Registration {
    /// Its number in this process.
    pub id: u64,
    /// The rooms that it reads.
    pub rooms: Box<[RoomName]>,
    /// The user who reads.
    pub user: OnceLock<UserKey>,
    /// The types it reads.
    pub types: TypeSet,
    /// The transport.
    pub transport: Transport,
    closed: OnceLock<CloseReason>,
    waker: AtomicWaker,
}

impl Registration {
    /// Ends the reader: its subscription says so and stops.
    pub fn close(&self, reason: CloseReason) {
        if self.closed.set(reason).is_ok() {
            self.waker.wake();
        }
    }

    /// The reason why it is to end, if it is; else the waker is woken once it is.
    pub(super) fn poll_closed(&self, waker: &Waker) -> Option<CloseReason> {
        // Looked at twice, since it may be closed between the first look and the registration.
        self.closed.get().copied().or_else(|| {
            self.waker.register(waker);
            self.closed.get().copied()
        })
    }
}

/// All readers of this process.
#[derive(Debug, Default)]
pub struct Registry {
    readers: Mutex<HashMap<u64, Arc<Registration>>>,
    last: AtomicU64,
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
            closed: OnceLock::new(),
            waker: AtomicWaker::new(),
        });
        self.readers().insert(id, reader.clone());
        Entry { reader, registry: self.clone() }
    }

    /// The number of readers.
    #[must_use]
    pub fn count(&self) -> usize {
        self.readers().len()
    }

    /// Ends every reader: polls at once, since they only wait; the others one after the other over
    /// `spread`, so that they don't all come back in the same moment.
    pub async fn close_all(&self, reason: CloseReason, spread: Duration) {
        let all: Vec<_> = self.readers().values().cloned().collect();
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
        for reader in self.readers().values() {
            reader.close(reason);
        }
    }

    fn readers(&self) -> MutexGuard<'_, HashMap<u64, Arc<Registration>>> {
        self.readers.lock().unwrap_or_else(PoisonError::into_inner)
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
        self.registry.readers().remove(&self.reader.id);
    }
}
