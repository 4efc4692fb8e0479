//! The only way to read rooms: register, then read up to the head, then wait. Drives a [`Reader`] over the store,
//! for every transport alike.

use std::{
    future::poll_fn,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use tokio::time::{Instant, sleep_until};
use tokio_stream::{Stream, wrappers::WatchStream};

#[cfg(test)]
mod tests;
mod timer;

use timer::Timer;

use super::{
    Hub,
    frame::Placed,
    permission::NotGiven,
    queries::{CatchUpPage, Wanted},
    reader::{Ask, Reader, Request, Step, place::Place},
    registry::{CloseReason, Entry, Order, Registration},
    room::{Marks, Room},
    store_task::StoreTask,
};
use crate::domain::{
    EventId,
    actor::Actor,
    cursor::{ListWord, Positions},
    name::Username,
};

/// The time that a poll waits beyond its own for what is in the store.
const READ_PATIENCE: Duration = Duration::from_secs(5);

/// A reader of one or more rooms, as a stream of all the events that are ready together.
///
/// It ends only when it is closed. Its rooms are fixed.
pub struct Subscription {
    hub: Arc<Hub>,
    reader: Reader,
    wakes: Vec<WatchStream<Marks>>,
    entry: Entry,
    /// The questions to the store that are under way.
    asked: Vec<(Ask, StoreTask<Result<CatchUpPage, NotGiven>>)>,
    timer: Timer,
    ended: Option<CloseReason>,
}

impl Subscription {
    /// Begins to read the rooms; there is at least one. The events carry the cursors of all of them if `with_positions`.
    pub(super) async fn open(
        hub: Arc<Hub>,
        actor: &Actor,
        rooms: Vec<Wanted>,
        request: Request,
        with_positions: bool,
    ) -> Result<Self, NotGiven> {
        let mut cursors = Vec::new();
        if with_positions {
            for wanted in &rooms {
                cursors.push(hub.before_its_turn(wanted, request.history, request.types).await?);
            }
        }
        let word = ListWord::of(rooms.iter().map(|wanted| &wanted.room));
        let positions = with_positions.then(|| Positions::new(cursors, word));
        let key = request.user.as_ref().map(|user| user.key().clone());
        let names = rooms.iter().map(|wanted| wanted.room.clone()).collect();
        let entry = hub.registry.enter(actor, names, key, request.types, request.transport);
        let place = |wanted: &Wanted| match wanted.denied {
            None => Place::new(hub.room(&wanted.room), wanted.start),
            Some(_) => Place::closed(hub.unread(&wanted.room)),
        };
        let places: Vec<_> = rooms.iter().map(place).collect();
        let mut reader = Reader::new(places, positions, request, hub.timings.ping_interval, Instant::now());
        reader.expire(hub.expiry_of(&entry));
        // From here on every change wakes this reader, so whatever it reads below it can't miss the next one.
        let wakes = reader.rooms().map(|room| WatchStream::from_changes(room.watch())).collect();
        // The first room begins here, so that whoever can't be served yet is told before the stream starts.
        if let Step::Ask(ask) = reader.take(Instant::now(), &mut Vec::new()) {
            match hub.answer(reader.room(ask.place), &ask.query, entry.actor().as_ref()).await {
                Err(NotGiven::Store(error)) => return Err(error.into()),
                got => reader.answer(&ask, got),
            }
        }
        reader.tell_denied(rooms.iter().map(|wanted| wanted.denied));
        Ok(Self { hub, reader, wakes, entry, asked: Vec::new(), timer: Timer::default(), ended: None })
    }

    /// Its number among all readers of this process.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.entry.id
    }

    /// The first room it reads, which is all there is unless it was opened for several.
    #[must_use]
    pub fn room(&self) -> &Arc<Room> {
        self.reader.first().room()
    }

    /// The cursor in the first room up to which everything was given or filtered out.
    #[must_use]
    pub fn cursor(&self) -> EventId {
        self.reader.first().cursor()
    }

    /// Returns true if the log of the first room goes on past the cursor, and it is still read.
    #[must_use]
    pub fn has_more(&self) -> bool {
        self.ended.is_none() && self.reader.first().has_more()
    }

    /// The reason why it has ended; absent while it goes on.
    #[must_use]
    pub fn ended(&self) -> Option<CloseReason> {
        self.ended
    }

    /// Its entry among all readers.
    #[must_use]
    pub fn registration(&self) -> &Registration {
        &self.entry
    }

    /// A word for who is here and who types in the first room, as far as this reader was told.
    #[must_use]
    pub fn state_word(&self) -> String {
        self.reader.first().state_word()
    }

    /// From now on it takes no more than this at once.
    pub fn take_at_most(&mut self, limit: usize) {
        self.reader.take_at_most(limit);
    }

    /// The reader types under this name until it has one of its own; nobody sees it for that.
    pub fn type_as(&mut self, user: Username) {
        self.reader.type_as(user);
    }

    /// The reader gets a name: from now on the user is here. Only the first name counts.
    pub fn join_as(&mut self, user: &Username) {
        if self.reader.join_as(user) {
            // The entry is this reader's own, so nobody else has set it.
            let _ = self.entry.user.set(user.key().clone());
        }
    }

    /// Ends the reader, whose user stays for `lease` more.
    pub fn end_with_lease(mut self, lease: Duration) {
        self.reader.end_with_lease(lease);
    }

    /// The events that are ready, or become so until `deadline`. What is in the store already is
    /// waited for somewhat longer, since it was there in time.
    pub async fn next_until(&mut self, deadline: Instant) -> Option<Vec<Placed>> {
        let mut patience = pin!(sleep_until(deadline));
        poll_fn(|cx| {
            if let Poll::Ready(ready) = Pin::new(&mut *self).poll_next(cx) {
                return Poll::Ready(ready);
            }
            let until = if self.asked.is_empty() { deadline } else { deadline + READ_PATIENCE };
            if patience.deadline() != until {
                patience.as_mut().reset(until);
            }
            patience.as_mut().poll(cx).map(|()| None)
        })
        .await
    }

    fn obey(&mut self, order: Order) {
        match order {
            Order::Close(why) => self.reader.close_all(why),
            Order::Hold { room, after } => self.reader.hold_after(&room, after),
            Order::Resume { room, after } => self.reader.resume_after(&room, after),
            Order::GoOn => self.reader.expire(self.hub.expiry_of(&self.entry)),
            Order::Leave { room, after, why } => {
                let Some(place) = self.reader.place_in(&room) else { return };
                match after {
                    None => self.reader.close(place, CloseReason::Denied(why)),
                    Some(id) => self.reader.close_after(place, id, why),
                }
            }
        }
    }

    /// Hands the reader the answers that are there. Returns true if there was one.
    fn poll_answers(&mut self, cx: &mut Context<'_>) -> bool {
        let before = self.asked.len();
        self.asked.retain_mut(|(ask, task)| match Pin::new(task).poll(cx) {
            Poll::Ready(got) => {
                self.reader.answer(ask, got);
                false
            }
            Poll::Pending => true,
        });
        self.asked.len() < before
    }

    /// Returns true if a room has changed since the last look. Only a wake that is awaited counts: one that came
    /// since then leads to another look.
    fn poll_wakes(&mut self, cx: &mut Context<'_>) -> bool {
        let mut woken = false;
        for wake in &mut self.wakes {
            // Each is asked, so that each wakes this reader.
            woken |= Pin::new(wake).poll_next(cx).is_ready();
        }
        woken
    }
}

impl Stream for Subscription {
    type Item = Vec<Placed>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Vec<Placed>>> {
        let this = self.get_mut();
        for order in this.entry.poll_orders(cx.waker()) {
            this.obey(order);
        }
        if this.entry.is_granted() {
            this.reader.hold(this.hub.freshness.is_over(Instant::now()));
        }
        let mut events = Vec::new();
        loop {
            match this.reader.take(Instant::now(), &mut events) {
                Step::Took => return Poll::Ready(Some(events)),
                Step::Warned => {
                    this.entry.was_warned();
                    return Poll::Ready(Some(events));
                }
                Step::End(why) => {
                    this.ended = Some(why);
                    return Poll::Ready(None);
                }
                Step::Ask(ask) => {
                    let (hub, room, query) = (this.hub.clone(), this.reader.room(ask.place).clone(), ask.query.clone());
                    let actor = this.entry.actor();
                    let task = StoreTask::begin(async move { hub.answer(&room, &query, actor.as_ref()).await });
                    this.asked.push((ask, task));
                }
                Step::Idle { until } => {
                    let has_answer = this.poll_answers(cx);
                    if !this.poll_wakes(cx) && !has_answer && this.timer.poll(until, cx).is_pending() {
                        return Poll::Pending;
                    }
                }
            }
        }
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        for room in self.reader.rooms() {
            self.hub.rooms.let_go(room);
        }
    }
}

impl std::fmt::Debug for Subscription {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Subscription").field("reader", &self.reader).finish_non_exhaustive()
    }
}
