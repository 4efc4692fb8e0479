//! Several rooms read as one: a subscription for each, merged.

use std::{
    collections::VecDeque,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use tokio::time::sleep;
use tokio_stream::Stream;

use super::{
    Hub,
    frame::Frame,
    reading::Reading,
    silence::Silence,
    subscription::{RETRY, Request, Start, Subscription},
};
use crate::{
    domain::{EventId, cursor::Positions, name::RoomName},
    store::error::StoreError,
};

#[cfg(test)]
mod tests;

/// An event of one of the rooms.
#[derive(Debug, Clone)]
pub struct Placed {
    /// The event.
    pub frame: Frame,
    /// Where the reader stands in every room once it has the event; absent if that moves no cursor.
    pub id: Option<String>,
}

/// A room that begins to be read.
struct Opening {
    name: RoomName,
    request: Request,
    reading: Reading<Subscription>,
}

impl Opening {
    fn begin(hub: Arc<Hub>, name: RoomName, request: Request) -> Self {
        let reading = Reading::begin(open(hub, name.clone(), request.clone()));
        Self { name, request, reading }
    }
}

/// A cursor in each of several rooms' logs, as a stream of the events that are ready together.
///
/// The rooms begin one after the other: the next one is only read once the one before has been told
/// its history or what it missed, so that a reader who takes nothing holds one history and not all.
/// Those that have begun take turns, so that a busy one leaves the others theirs.
pub struct Subscriptions {
    hub: Arc<Hub>,
    /// Those that have begun, in the order of the rooms; there is at least one.
    begun: Vec<Subscription>,
    /// How far the last that began has to come before the next one begins; absent once it is there.
    goal: Option<EventId>,
    opening: Option<Opening>,
    waiting: VecDeque<(RoomName, Request)>,
    /// Where the reader stands, by what it was told.
    positions: Positions,
    /// Whose turn it is.
    turn: usize,
    /// Of all rooms together. Each on its own would have an idle reader of fifty rooms sent fifty
    /// pings every time, where one shows that the line is alive and carries all cursors.
    silence: Silence,
    ended: bool,
}

impl Subscriptions {
    pub(super) async fn open(hub: Arc<Hub>, rooms: Vec<(RoomName, Request)>) -> Result<Self, StoreError> {
        let mut cursors = Vec::with_capacity(rooms.len());
        for (name, request) in &rooms {
            cursors.push(before_its_turn(&hub, name, request).await?);
        }
        let silence = Silence::new(hub.timings.ping_interval);
        let mut this = Self {
            hub,
            begun: Vec::with_capacity(rooms.len()),
            goal: None,
            opening: None,
            waiting: rooms.into(),
            positions: cursors.into_iter().collect(),
            turn: 0,
            silence,
            ended: false,
        };
        // The first one begins here, so that whoever can't be served yet is told before the stream starts.
        if let Some((name, request)) = this.waiting.pop_front() {
            let first = Subscription::open(this.hub.clone(), &name, request).await?;
            this.begin(first);
        }
        Ok(this)
    }

    fn begin(&mut self, subscription: Subscription) {
        self.goal = Some(subscription.room().head());
        self.turn = self.begun.len();
        self.begun.push(subscription.without_silence());
    }

    /// Whether the next room may begin.
    fn is_next_due(&self) -> bool {
        self.goal.is_none() && self.opening.is_none() && !self.waiting.is_empty()
    }

    /// Lets the next room begin if it is time.
    fn poll_waiting(&mut self, cx: &mut Context<'_>) {
        if self.is_next_due()
            && let Some((name, request)) = self.waiting.pop_front()
        {
            self.opening = Some(Opening::begin(self.hub.clone(), name, request));
        }
        while let Some(mut opening) = self.opening.take() {
            match Pin::new(&mut opening.reading).poll(cx) {
                Poll::Ready(subscription) if subscription.is_outdated() => {
                    self.opening = Some(Opening::begin(self.hub.clone(), opening.name, opening.request));
                }
                Poll::Ready(subscription) => self.begin(subscription),
                Poll::Pending => {
                    self.opening = Some(opening);
                    break;
                }
            }
        }
    }

    /// What one of the rooms has ready, each asked in its turn.
    fn poll_begun(&mut self, cx: &mut Context<'_>) -> Poll<Option<Vec<Placed>>> {
        for _ in 0..self.begun.len() {
            let index = self.turn % self.begun.len();
            self.turn = index + 1;
            let room = &mut self.begun[index];
            let ready = Pin::new(&mut *room).poll_next(cx);
            // One goodbye is enough, and the first room says it. What another one gave with its own was
            // not told, so the reader comes back for it.
            if index > 0 && room.closed().is_some() {
                continue;
            }
            if index + 1 == self.begun.len() && self.goal.is_some_and(|goal| is_through(&self.begun[index], goal)) {
                self.goal = None;
            }
            if let Poll::Ready(frames) = ready {
                return Poll::Ready(frames.map(|frames| self.place(index, frames)));
            }
        }
        Poll::Pending
    }

    fn place(&mut self, room: usize, frames: Vec<Frame>) -> Vec<Placed> {
        let place = |frame: Frame| {
            let id = frame.id().map(|id| {
                self.positions.set(room, id);
                self.positions.to_string()
            });
            Placed { frame, id }
        };
        frames.into_iter().map(place).collect()
    }

    /// Breaks the silence: nothing is under way, so every room that has begun is told up to its cursor.
    fn ping(&mut self) -> Vec<Placed> {
        for (index, room) in self.begun.iter().enumerate().filter(|(_, room)| room.closed().is_none()) {
            self.positions.set(index, room.cursor());
        }
        let frame = self.begun[0].ping();
        self.place(0, vec![frame])
    }

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Option<Vec<Placed>>> {
        let Some(first) = self.begun.first_mut() else { return Poll::Ready(None) };
        if first.closed().is_some() {
            let goodbye = ready!(Pin::new(first).poll_next(cx));
            return Poll::Ready(goodbye.map(|frames| self.place(0, frames)));
        }
        loop {
            self.poll_waiting(cx);
            if let Poll::Ready(placed) = self.poll_begun(cx) {
                return Poll::Ready(placed);
            }
            // A room that has nothing to say is through at once.
            if !self.is_next_due() {
                break;
            }
        }
        ready!(self.silence.poll(cx));
        Poll::Ready(Some(self.ping()))
    }
}

/// What the reader holds of a room before its turn: what it gave, or what makes good for a history
/// that it did not get.
async fn before_its_turn(hub: &Hub, name: &RoomName, request: &Request) -> Result<EventId, StoreError> {
    match request.start {
        Start::After(cursor) => Ok(cursor),
        Start::Reset(_) => Ok(Positions::ANEW),
        // It has nothing, but all from the beginning on would be too much: if it breaks off now, it gets
        // the events that made the messages of its history, and what came after.
        Start::History => match hub.store.room(name).await? {
            Some(room) => hub.store.before_newest(&room, request.history as u64).await,
            None => Ok(0),
        },
    }
}

/// Begins to read a room, however long the store is out.
async fn open(hub: Arc<Hub>, name: RoomName, request: Request) -> Subscription {
    loop {
        match Subscription::open(hub.clone(), &name, request.clone()).await {
            Ok(subscription) => return subscription,
            Err(error) => tracing::warn!(room.name = %name, %error, "a reader waits for the store"),
        }
        sleep(RETRY).await;
    }
}

/// Whether all that was there when a room began is told. That includes who is here, unless the room is
/// so busy that its reader gets no time for it.
fn is_through(room: &Subscription, goal: EventId) -> bool {
    room.cursor() > goal || (room.cursor() == goal && !room.state_is_due())
}

impl std::fmt::Debug for Subscriptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Subscriptions")
            .field("begun", &self.begun)
            .field("waiting", &self.waiting)
            .field("positions", &self.positions)
            .finish_non_exhaustive()
    }
}

impl Stream for Subscriptions {
    type Item = Vec<Placed>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Vec<Placed>>> {
        let this = self.get_mut();
        if this.ended {
            return Poll::Ready(None);
        }
        let ready = this.poll_ready(cx);
        match &ready {
            Poll::Ready(Some(_)) => this.silence.broken(),
            Poll::Ready(None) => this.ended = true,
            Poll::Pending => {}
        }
        ready
    }
}
