//! The rooms whose gaps are to be filled, and the task that has the store asked. Nobody who publishes waits for it.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use futures_util::{StreamExt as _, stream::FuturesUnordered};
use tokio::{
    sync::{Notify, Semaphore},
    time::sleep,
};

use super::{reader::place::RETRY, room::Room};
use crate::{
    domain::{event::Event, name::RoomName},
    store::Store,
};

/// The rooms that wait, each once.
#[derive(Debug, Default)]
pub(super) struct Fills {
    waiting: Mutex<VecDeque<Arc<Room>>>,
    added: Notify,
}

impl Fills {
    /// Has a room filled, if it has a gap and does not wait already.
    pub(super) fn add_if_open(&self, room: &Arc<Room>) {
        if room.is_to_be_filled() {
            self.waiting.lock().unwrap_or_else(PoisonError::into_inner).push_back(room.clone());
            self.added.notify_one();
        }
    }

    /// Fills rooms, several at once, each as `turns` let it; `heed` is told of all events before they are shown. Never
    /// ends.
    pub(super) async fn run(&self, store: &Store, turns: &Semaphore, heed: &impl Fn(&RoomName, &[Event])) {
        let mut under_way = FuturesUnordered::new();
        loop {
            tokio::select! {
                () = self.added.notified() => {
                    let added = std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner));
                    under_way.extend(added.into_iter().map(|room| fill(room, store, turns, heed)));
                }
                Some(()) = under_way.next(), if !under_way.is_empty() => {}
            }
        }
    }
}

/// Fills a room, however long the store is out.
async fn fill(room: Arc<Room>, store: &Store, turns: &Semaphore, heed: &impl Fn(&RoomName, &[Event])) {
    while let Err(error) = room.fill(store, turns, |events| heed(room.name(), events)).await {
        tracing::warn!(room.name = %room.name(), %error, "a room waits for the store");
        sleep(RETRY).await;
    }
}
