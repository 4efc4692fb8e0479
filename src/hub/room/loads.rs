//! Loading a room from the store: the bounds of its log, its newest messages, and its read cursors.

use std::sync::Arc;

use tokio::sync::Semaphore;

use super::{
    super::{
        frame::Frame,
        queries::PAGE,
        read_cursors::MAX_CURSORS,
        recent::{KEPT, Recent},
        ring::MAX_EVENTS,
        window::history_frame,
    },
    Room, with_slots,
};
use crate::{
    domain::{
        EventId,
        event::{Event, TypeSet},
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

    /// Returns true if the log goes on past what is shown, and nobody has said so yet.
    pub(in super::super) fn is_to_be_filled(&self) -> bool {
        self.change_window(|window| window.gap.ask(window.head()))
    }

    /// Reads from the store what is missing after the head, and shows it with what waits for it. One page for each
    /// turn that `turns` gives; `heed` is told of its events before they are shown.
    ///
    /// # Errors
    /// [`StoreError`] when the database is out; then what waits goes on waiting.
    pub(in super::super) async fn fill(
        self: &Arc<Self>,
        store: &Store,
        turns: &Semaphore,
        heed: impl Fn(&[Event]),
    ) -> Result<(), StoreError> {
        let _one_at_a_time = self.filling.lock().await;
        self.change_window(|window| window.gap.asked());
        while self.window().has_gap() {
            let _turn = turns.acquire().await;
            let (after, goal, is_overrun) =
                self.change_window(|window| (window.head(), window.gap.goal(), window.gap.is_overrun()));
            if is_overrun || usize::try_from(goal - after).is_ok_and(|missing| missing > MAX_EVENTS) {
                let head = self.reload(store).await?.0;
                let shown = self.change_window(|window| {
                    let shown = window.skip(head);
                    if head < goal {
                        window.gap.close(window.head());
                    }
                    shown
                });
                self.tell_shown(&shown);
                continue;
            }
            let page = store.log_after(&self.name, after, TypeSet::ALL, PAGE).await?;
            let place = place(page.room.as_ref());
            heed(&page.events);
            let events = with_slots(&page.events);
            let (shown, has_moved, is_overrun) = self.change_window(|window| {
                let (shown, has_moved) = window.fill(place, events);
                (shown, has_moved, window.gap.is_overrun())
            });
            self.tell_shown(&shown);
            if !has_moved && !is_overrun && place.0 < goal {
                tracing::warn!(room.name = %self.name, after, "the store is behind what was told of it");
                self.change_window(|window| window.gap.close(window.head()));
            }
        }
        Ok(())
    }

    /// Has a test's store be asked by readers, for all up to its head.
    #[cfg(test)]
    pub(in super::super) fn skip_for_tests(self: &Arc<Self>, stored_head: EventId) {
        let shown = self.change_window(|window| window.skip(stored_head));
        self.tell_shown(&shown);
    }

    /// Takes what a test's store has after the head.
    #[cfg(test)]
    pub(in super::super) fn fill_for_tests(self: &Arc<Self>, stored_head: EventId, events: &[Event]) {
        let place = (stored_head, 0, FloorReason::Pruned);
        let (shown, _) = self.change_window(|window| {
            window.gap.asked();
            window.fill(place, with_slots(events))
        });
        self.tell_shown(&shown);
    }

    /// The event that a reader without a cursor gets first, with the newest `limit` messages up to an id, and
    /// the cursor it ends at.
    pub(in super::super) async fn history(
        &self,
        store: &Store,
        limit: usize,
        last: EventId,
    ) -> Result<(Frame, EventId), StoreError> {
        if last < EventId::MAX {
            return self.long_history(store, limit, last).await;
        }
        let known = || self.change_window(|window| window.history(&self.name, limit));
        if let Some(found) = known() {
            return Ok(found);
        }
        let _one_at_a_time = self.loading.lock().await;
        if let Some(found) = known() {
            return Ok(found);
        }
        if limit > KEPT {
            return self.long_history(store, limit, last).await;
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
            None => self.long_history(store, limit, last).await,
        }
    }

    /// A history read from the store; who joins next shares it, unless it ends before the log does.
    async fn long_history(&self, store: &Store, limit: usize, last: EventId) -> Result<(Frame, EventId), StoreError> {
        let deletions = self.deletions();
        let stored = store.room(&self.name).await?;
        let Some(mut room) = stored else { return Ok((history_frame(&self.name, &[], false, 0), 0)) };
        let is_whole = room.head <= last;
        room.head = room.head.min(last);
        let (messages, has_more) = store.messages(&room, Range::Newest, limit as u64).await?;
        let messages: Vec<_> = messages.into_iter().map(Arc::new).collect();
        let frame = history_frame(&self.name, &messages, has_more, room.head);
        self.change_window(|window| {
            // A deletion may be known before the head gets to it: what was read before it is nobody else's.
            if is_whole && window.deletions.count() == deletions {
                window.share_history(limit, room.head, frame.clone());
            }
        });
        Ok((frame, room.head))
    }
}

/// Head and floor of a room; one that nobody has made has an empty log.
fn place(room: Option<&StoredRoom>) -> (EventId, EventId, FloorReason) {
    room.map_or((0, 0, FloorReason::Pruned), |room| (room.head, room.floor, room.floor_reason))
}
