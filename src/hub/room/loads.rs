//! Loading a room from the store: the bounds of its log, its newest messages, and its read cursors.

use std::sync::Arc;

use super::{
    super::{
        frame::Frame,
        read_cursors::MAX_CURSORS,
        recent::{KEPT, Recent},
        window::history_frame,
    },
    Room,
};
use crate::{
    domain::{
        EventId,
        room::{FloorReason, Room as StoredRoom},
    },
    store::{Store, error::StoreError, messages::Range},
};

impl Room {
    /// Makes sure that head and floor are known.
    pub(in super::super) async fn load(&self, store: &Store) -> Result<(), StoreError> {
        if self.window().floor().is_some() {
            return Ok(());
        }
        let _one_at_a_time = self.loading.lock().await;
        if self.window().floor().is_some() {
            return Ok(());
        }
        // This room is in the hub's map already: what is committed from here on is published to it,
        // so the head that is read now can't be too old to join on to.
        let stored = store.room(&self.name).await?;
        let (head, floor, reason) = place(stored.as_ref());
        self.change_window(|window| window.load(head, floor, reason));
        self.wake();
        Ok(())
    }

    /// Makes sure that the read cursors are known.
    pub(in super::super) async fn load_cursors(self: &Arc<Self>, store: &Store) -> Result<(), StoreError> {
        if self.people().people.cursors.is_known() {
            return Ok(());
        }
        let _one_at_a_time = self.loading.lock().await;
        if self.people().people.cursors.is_known() {
            return Ok(());
        }
        self.change_people(|people, _| people.cursors.begin_loading());
        let stored = store.read_cursors(&self.name, None, MAX_CURSORS as u64 + 1).await;
        let (stored, failed) = stored.map_or_else(|error| (None, Err(error)), |stored| (Some(stored), Ok(())));
        self.change_people(|people, _| people.cursors.finish_loading(stored));
        failed
    }

    /// Has the store asked again for the read cursors.
    pub(in super::super) fn forget_cursors(self: &Arc<Self>) {
        self.change_people(|people, _| people.cursors.forget());
    }

    /// Head and floor as the database has them now, and why the floor is where it is.
    pub(in super::super) async fn reload(&self, store: &Store) -> Result<(EventId, EventId, FloorReason), StoreError> {
        Ok(self.learn(store.room(&self.name).await?.as_ref()))
    }

    /// Takes head and floor as the database had them a moment ago; they are the answer.
    pub(in super::super) fn learn(&self, stored: Option<&StoredRoom>) -> (EventId, EventId, FloorReason) {
        let (head, floor, reason) = place(stored);
        self.change_window(|window| window.learn(head, floor, reason));
        self.wake();
        (head, floor, reason)
    }

    /// The event that a reader without a cursor gets first, with the newest `limit` messages, and
    /// the cursor it ends at.
    pub(in super::super) async fn history(&self, store: &Store, limit: usize) -> Result<(Frame, EventId), StoreError> {
        let known = || self.change_window(|window| window.history(&self.name, limit));
        if let Some(found) = known() {
            return Ok(found);
        }
        let _one_at_a_time = self.loading.lock().await;
        if let Some(found) = known() {
            return Ok(found);
        }
        if limit > KEPT {
            return self.long_history(store, limit).await;
        }
        self.change_window(|window| window.recent.begin());
        let page = async {
            match store.room(&self.name).await? {
                Some(room) => store.messages(&room, Range::Newest, KEPT as u64).await,
                None => Ok((Vec::new(), false)),
            }
        };
        match page.await {
            Ok((page, has_older)) => self.change_window(|window| window.recent.finish(Recent::new(page, has_older))),
            Err(error) => {
                self.change_window(|window| window.recent.forget());
                return Err(error);
            }
        }
        match known() {
            Some(found) => Ok(found),
            // The page reaches past the head that is published: what is in between comes in a
            // moment, but this reader need not wait for it.
            None => self.long_history(store, limit).await,
        }
    }

    /// A history read from the store, which who joins next shares.
    async fn long_history(&self, store: &Store, limit: usize) -> Result<(Frame, EventId), StoreError> {
        let stored = store.room(&self.name).await?;
        let Some(room) = stored else { return Ok((history_frame(&self.name, &[], false, 0), 0)) };
        let (messages, has_more) = store.messages(&room, Range::Newest, limit as u64).await?;
        let messages: Vec<_> = messages.into_iter().map(Arc::new).collect();
        let frame = history_frame(&self.name, &messages, has_more, room.head);
        self.change_window(|window| window.share_history(limit, room.head, frame.clone()));
        Ok((frame, room.head))
    }
}

/// Head and floor of a room; one that nobody has made has an empty log.
fn place(room: Option<&StoredRoom>) -> (EventId, EventId, FloorReason) {
    room.map_or((0, 0, FloorReason::Pruned), |room| (room.head, room.floor, room.floor_reason))
}
