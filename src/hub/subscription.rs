//! The only way to read a room: register, then read up to the head, then wait.

use std::{
    future::poll_fn,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::time::{Instant, sleep, sleep_until};
use tokio_stream::{Stream, wrappers::WatchStream};

use super::{
    Hub,
    frame::Frame,
    reading::Reading,
    registry::{CloseReason, Entry, Transport},
    room::{Lens, Marks, Missing, Position, Room, people::Attendance},
    silence::Silence,
};
use crate::{
    domain::{
        EventId,
        event::{EventBody, EventType, ResetReason, ServiceStatus, TypeSet},
        name::{RoomName, Username},
    },
    store::error::StoreError,
};

mod reads;
#[cfg(test)]
mod tests;

use reads::{Catch, begin, catch_up};

/// How many events a filter may drop before the reader is told the cursor.
const DROPPED: EventId = 200;
/// How many events are read from the store at once.
const PAGE: u64 = 100;
/// How long a reader waits before it asks a store again that was out.
pub(super) const RETRY: Duration = Duration::from_secs(1);
/// How much longer than its wait a poll waits for what is in the store.
const READ_PATIENCE: Duration = Duration::from_secs(5);

/// Where a reader starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// With the history.
    History,
    /// After a cursor.
    After(EventId),
    /// With a `reset`, since its cursor says nothing of this room.
    Reset(ResetReason),
}

/// Who reads what, and how.
#[derive(Debug, Clone)]
pub struct Request {
    /// Where to start.
    pub start: Start,
    /// How many messages a history has.
    pub history: usize,
    /// What is read.
    pub types: TypeSet,
    /// Who reads; nobody sees a reader without a name.
    pub user: Option<Username>,
    /// How it reads.
    pub transport: Transport,
    /// Whether the reader has to be told who is here and who types.
    pub state: StateDue,
    /// The most events it takes at once.
    pub limit: usize,
}

/// When a reader is told who is here and who types.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StateDue {
    /// After history or replay.
    Always,
    /// If it is no longer what this word stands for.
    Unless(String),
    /// Only if it misses an event.
    Never,
}

/// A cursor in a room's log, as a stream of all the events that are ready together.
///
/// It ends only when it is closed; what it was closed for, [`Subscription::closed`] tells.
pub struct Subscription {
    hub: Arc<Hub>,
    room: Arc<Room>,
    wake: WatchStream<Marks>,
    entry: Entry,
    position: Position,
    types: TypeSet,
    user: Option<Username>,
    /// Under what name a reader without one types: it is not told of that either.
    types_as: Option<Username>,
    history: usize,
    limit: usize,
    queued: Vec<Frame>,
    reading: Option<Reading<Catch>>,
    /// How many deletions there had been before it began.
    deletions: u64,
    /// Whether the store was asked how far everybody has read, for the state that is due.
    asked_reads: bool,
    /// Absent for a reader whose silence is not broken by pings.
    silence: Option<Silence>,
    attendance: Option<Attendance>,
    ended: bool,
}

impl Subscription {
    pub(super) async fn open(hub: Arc<Hub>, name: &RoomName, request: Request) -> Result<Self, StoreError> {
        let room = hub.room(name);
        room.load(&hub.store).await?;
        if request.types.has(EventType::ReadState) {
            room.load_reads(&hub.store).await?;
        }
        let key = request.user.as_ref().map(|user| user.key().clone());
        let entry = hub.registry.enter(name.clone(), key, request.types, request.transport);
        // From here on every change wakes this reader, so whatever it reads below it can't miss the
        // next one.
        let wake = WatchStream::from_changes(room.watch());
        let attendance = request.user.as_ref().map(|user| room.attend(user));
        let seen = room.ephemeral_count();
        let deletions = room.deletions();
        let (mut queued, cursor) = begin(&hub, &room, request.start, request.history).await?;
        if !hub.health.is_ok() && request.types.has(EventType::ServiceStatus) {
            queued.push(Frame::new(&EventBody::ServiceStatus { room: name, status: ServiceStatus::Degraded }));
        }
        let state_due = match request.state {
            StateDue::Always => true,
            StateDue::Unless(word) => word != room.state_word(seen),
            StateDue::Never => false,
        };
        let silence = (request.transport != Transport::LongPoll).then(|| Silence::new(hub.timings.ping_interval));
        Ok(Self {
            position: Position { cursor, told: cursor, seen, state_due },
            room,
            wake,
            entry,
            types: request.types,
            user: request.user,
            types_as: None,
            history: request.history,
            limit: request.limit,
            queued,
            reading: None,
            deletions,
            asked_reads: false,
            silence,
            attendance,
            ended: false,
            hub,
        })
    }

    /// The cursor up to which everything was given or filtered out.
    #[must_use]
    pub fn cursor(&self) -> EventId {
        self.position.cursor
    }

    /// Whether the log goes on past the cursor.
    #[must_use]
    pub fn has_more(&self) -> bool {
        self.room.head() > self.position.cursor
    }

    /// A word for who is here and who types, as far as this reader was told; for one that is still to
    /// be told it is none that will ever be current.
    #[must_use]
    pub fn state_word(&self) -> String {
        if self.position.state_due { "due".to_owned() } else { self.room.state_word(self.position.seen) }
    }

    /// The room it reads.
    #[must_use]
    pub fn room(&self) -> &Arc<Room> {
        &self.room
    }

    /// Why it ended, if it was closed.
    #[must_use]
    pub fn closed(&self) -> Option<CloseReason> {
        self.entry.closed()
    }

    /// Whether it is still to be told who is here and who types.
    pub(super) fn state_is_due(&self) -> bool {
        self.position.state_due
    }

    /// Whether what it begins with may show a message that was deleted since.
    pub(super) fn is_outdated(&self) -> bool {
        !self.queued.is_empty() && self.room.deletions() > self.deletions
    }

    /// Leaves it to somebody else to break the silence.
    pub(super) fn without_silence(mut self) -> Self {
        self.silence = None;
        self
    }

    /// From now on it takes no more than this at once.
    pub fn take_at_most(&mut self, limit: usize) {
        self.limit = limit;
    }

    /// The reader types under this name until it has one of its own; nobody sees it for that.
    pub fn type_as(&mut self, user: Username) {
        self.types_as = Some(user);
    }

    /// The reader gets a name: from now on the user is here. Only the first name counts.
    pub fn join_as(&mut self, user: &Username) {
        if self.user.is_some() {
            return;
        }
        self.user = Some(user.clone());
        // The entry is this reader's own, so nobody else has set it.
        let _ = self.entry.user.set(user.key().clone());
        self.attendance = Some(self.room.attend(user));
        // What it was told before did not include itself.
        self.position.state_due = true;
    }

    /// Ends the reader, whose user stays here for `lease` more.
    pub fn end_with_lease(mut self, lease: Duration) {
        if let Some(attendance) = self.attendance.take() {
            attendance.end_with_lease(lease);
        }
    }

    /// The events that are ready, or become so until `deadline`. What is in the store already is
    /// waited for somewhat longer, since it was there in time.
    pub async fn next_until(&mut self, deadline: Instant) -> Option<Vec<Frame>> {
        let mut patience = pin!(sleep_until(deadline));
        poll_fn(|cx| {
            if let Poll::Ready(ready) = Pin::new(&mut *self).poll_next(cx) {
                return Poll::Ready(ready);
            }
            let until = if self.reading.is_some() { deadline + READ_PATIENCE } else { deadline };
            if patience.deadline() != until {
                patience.as_mut().reset(until);
            }
            patience.as_mut().poll(cx).map(|()| None)
        })
        .await
    }

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Option<Vec<Frame>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        if let Some(reason) = self.entry.poll_closed(cx.waker()) {
            self.ended = true;
            return Poll::Ready(self.farewell(reason));
        }
        // What is queued and what is ready go together, so that a history comes with who is here.
        let mut frames = std::mem::take(&mut self.queued);
        loop {
            if let Some(reading) = &mut self.reading {
                let catch = ready!(Pin::new(reading).poll(cx));
                self.reading = None;
                if catch.is_outdated(&self.room) {
                    self.reading = Some(self.read_on());
                    continue;
                }
                self.position.cursor = catch.through;
                if let Some(id) = catch.frames.iter().rev().find_map(Frame::id) {
                    self.position.told = id;
                }
                frames = catch.frames;
                self.tell_cursor(&mut frames);
                if !frames.is_empty() {
                    return Poll::Ready(Some(frames));
                }
            }
            let lens = Lens {
                types: self.types,
                user: self.user.as_ref().or(self.types_as.as_ref()).map(Username::key),
                limit: self.limit,
                awaits_reads: self.types.has(EventType::ReadState) && !self.asked_reads,
            };
            let missing = self.room.take(lens, &mut self.position, &mut frames);
            self.asked_reads = missing == Some(Missing::Reads) || (self.asked_reads && self.position.state_due);
            if let Some(missing) = missing {
                self.reading = Some(match missing {
                    Missing::Log => self.read_on(),
                    Missing::Reads => self.read_reads(),
                });
                if !frames.is_empty() {
                    return Poll::Ready(Some(frames));
                }
                continue;
            }
            self.tell_cursor(&mut frames);
            if !frames.is_empty() {
                return Poll::Ready(Some(frames));
            }
            // Nothing is ready. Only a wake that is awaited counts: one that came since the look
            // above leads to another look.
            match Pin::new(&mut self.wake).poll_next(cx) {
                Poll::Ready(Some(_)) => {}
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Pending => return self.poll_silence(cx).map(Some),
            }
        }
    }

    /// Sends the cursor once a filter has dropped many events, so that it isn't stranded.
    fn tell_cursor(&mut self, frames: &mut Vec<Frame>) {
        if self.entry.transport != Transport::LongPoll && self.position.cursor - self.position.told >= DROPPED {
            frames.push(self.ping());
        }
    }

    /// The cursor reached, as an event.
    pub(super) fn ping(&mut self) -> Frame {
        let id = self.position.cursor;
        self.position.told = id;
        Frame::new(&EventBody::Ping { room: self.room.name(), id, cursor: id })
    }

    fn poll_silence(&mut self, cx: &mut Context<'_>) -> Poll<Vec<Frame>> {
        let Some(silence) = &mut self.silence else { return Poll::Pending };
        ready!(silence.poll(cx));
        Poll::Ready(vec![self.ping()])
    }

    fn farewell(&self, reason: CloseReason) -> Option<Vec<Frame>> {
        match (reason, self.entry.transport) {
            (CloseReason::Shutdown, Transport::LongPoll) => None,
            (CloseReason::Shutdown, _) => {
                let reconnect_after_ms = rand::random_range(1_000..=3_000);
                Some(vec![Frame::new(&EventBody::ServerShutdown { room: self.room.name(), reconnect_after_ms })])
            }
        }
    }

    /// Reads the next page of the log from the store, however long the store is out.
    fn read_on(&self) -> Reading<Catch> {
        let (hub, room, after) = (self.hub.clone(), self.room.clone(), self.position.cursor);
        let (types, history) = (self.types, self.history);
        let limit = PAGE.min(self.limit as u64);
        Reading::begin(async move {
            loop {
                match catch_up(&hub, &room, after, types, limit, history).await {
                    Ok(catch) if catch.through > after || !catch.frames.is_empty() => return catch,
                    Ok(_) => tracing::warn!(room.name = %room.name(), after, "the store is behind the memory"),
                    Err(error) => tracing::warn!(room.name = %room.name(), %error, "a reader waits for the store"),
                }
                sleep(RETRY).await;
            }
        })
    }

    /// Reads from the store how far everybody has read; where it is out, the reader goes without.
    fn read_reads(&self) -> Reading<Catch> {
        let (hub, room, cursor) = (self.hub.clone(), self.room.clone(), self.position.cursor);
        Reading::begin(async move {
            if let Err(error) = room.load_reads(&hub.store).await {
                tracing::warn!(room.name = %room.name(), %error, "a reader is not told who has read what");
            }
            Catch::nothing(cursor)
        })
    }
}

impl std::fmt::Debug for Subscription {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Subscription")
            .field("room", self.room.name())
            .field("position", &self.position)
            .finish_non_exhaustive()
    }
}

impl Stream for Subscription {
    type Item = Vec<Frame>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Vec<Frame>>> {
        let this = self.get_mut();
        let ready = this.poll_ready(cx);
        if ready.is_ready()
            && let Some(silence) = &mut this.silence
        {
            silence.broken();
        }
        ready
    }
}
