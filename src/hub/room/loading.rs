//! What a room in memory learns from the store: how far its log goes, its newest messages, and how far people
//! have read.

use std::sync::Arc;

use super::{
    super::{
        frame::Frame,
        reads::MAX_CURSORS,
        recent::{KEPT, Recent},
        ring::Ring,
    },
    Room,
};
use crate::{
    domain::{
        EventId,
        event::EventBody,
        message::Message,
        room::{FloorReason, Room as StoredRoom},
    },
    store::{Store, error::StoreError, messages::Range},
};

impl Room {
    /// Makes sure that head and floor are known.
    pub(in super::super) async fn load(&self, store: &Store) -> Result<(), StoreError> {
        if self.look().floor.is_some() {
            return Ok(());
        }
        let _one_at_a_time = self.loading.lock().await;
        if self.look().floor.is_some() {
            return Ok(());
        }
        // This room is in the hub's map already: what is committed from here on is published to it,
        // so the head that is read now can't be too old to join on to.
        let stored = store.room(&self.name).await?;
        let mut state = self.state();
        let (head, floor, reason) = place(stored.as_ref());
        state.floor = Some((floor, reason));
        state.ring.get_or_insert_with(|| Ring::after(head));
        self.wake(state);
        Ok(())
    }

    /// Makes sure that it is known how far everybody has read.
    pub(in super::super) async fn load_reads(&self, store: &Store) -> Result<(), StoreError> {
        if self.look().reads.is_known() {
            return Ok(());
        }
        let _one_at_a_time = self.loading.lock().await;
        if self.look().reads.is_known() {
            return Ok(());
        }
        self.state().reads.begin_loading();
        let stored = store.read_cursors(&self.name, None, MAX_CURSORS as u64 + 1).await;
        let (stored, failed) = stored.map_or_else(|error| (None, Err(error)), |stored| (Some(stored), Ok(())));
        self.state().reads.finish_loading(stored);
        failed
    }

    /// Has the store asked again how far everybody has read.
    pub(in super::super) fn forget_reads(&self) {
        self.state().reads.forget();
    }

    /// Head and floor as the database has them now, and why the floor is where it is.
    pub(in super::super) async fn reload(&self, store: &Store) -> Result<(EventId, EventId, FloorReason), StoreError> {
        Ok(self.learn(store.room(&self.name).await?.as_ref()))
    }

    /// Takes head and floor as the database had them a moment ago; they are the answer.
    pub(in super::super) fn learn(&self, stored: Option<&StoredRoom>) -> (EventId, EventId, FloorReason) {
        let (head, floor, reason) = place(stored);
        self.advance(head);
        self.state().floor = Some((floor, reason));
        (head, floor, reason)
    }

    /// The event that a reader without a cursor gets first, with the newest `limit` messages, and
    /// the cursor it ends at.
    pub(in super::super) async fn history(&self, store: &Store, limit: usize) -> Result<(Frame, EventId), StoreError> {
        if limit > KEPT {
            return self.long_history(store, limit).await;
        }
        if let Some(found) = self.known_history(limit) {
            return Ok(found);
        }
        let _one_at_a_time = self.loading.lock().await;
        if let Some(found) = self.known_history(limit) {
            return Ok(found);
        }
        self.state().recent = Recent::Loading(Vec::new());
        let page = async {
            match store.room(&self.name).await? {
                Some(room) => store.messages(&room, Range::Newest, KEPT as u64).await,
                None => Ok((Vec::new(), false)),
            }
        };
        match page.await {
            Ok((messages, has_older)) => self.state().recent.finish_loading(messages, has_older),
            Err(error) => {
                self.state().recent = Recent::Cold;
                return Err(error);
            }
        }
        match self.known_history(limit) {
            Some(found) => Ok(found),
            // The page reaches past the head that is published: what is in between comes in a
            // moment, but this reader need not wait for it.
            None => self.long_history(store, limit).await,
        }
    }

    /// A history read from the store for this reader alone.
    async fn long_history(&self, store: &Store, limit: usize) -> Result<(Frame, EventId), StoreError> {
        let stored = store.room(&self.name).await?;
        let Some(room) = stored else { return Ok((self.history_frame(&[], false, 0), 0)) };
        let (messages, has_more) = store.messages(&room, Range::Newest, limit as u64).await?;
        let messages: Vec<_> = messages.into_iter().map(Arc::new).collect();
        Ok((self.history_frame(&messages, has_more, room.head), room.head))
    }

    fn known_history(&self, limit: usize) -> Option<(Frame, EventId)> {
        let mut state = self.state();
        let head = state.ring.as_ref()?.head();
        if limit == KEPT
            && let Some((at, frame)) = &state.history
            && *at == head
        {
            return Some((frame.clone(), head));
        }
        let (messages, has_more) = state.recent.newest(limit, head)?;
        let frame = self.history_frame(&messages, has_more, head);
        if limit == KEPT {
            state.history = Some((head, frame.clone()));
        }
        Some((frame, head))
    }

    fn history_frame(&self, messages: &[Arc<Message>], has_more: bool, id: EventId) -> Frame {
        Frame::new(&EventBody::MessageHistory { room: &self.name, id, messages, has_more })
    }
}

/// Head and floor of a room; one that nobody has made has an empty log.
fn place(room: Option<&StoredRoom>) -> (EventId, EventId, FloorReason) {
    room.map_or((0, 0, FloorReason::Pruned), |room| (room.head, room.floor, room.floor_reason))
}
