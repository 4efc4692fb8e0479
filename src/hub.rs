//! The rooms in memory, and everybody who reads them.
//!
//! A room is in memory while somebody reads it or something happened in it lately. What memory does
//! not have, the store has: leaving memory loses nothing.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::Semaphore,
    time::{Instant, interval, sleep},
};

pub mod broker;
pub mod deadlines;
pub mod deletion_log;
pub mod digest;
pub mod expirations;
mod fills;
pub mod frame;
pub mod freshness;
pub mod gap;
pub mod loading;
pub mod losses;
pub mod people;
pub mod permission;
pub mod position;
pub mod presence;
pub mod queries;
pub mod read_cursors;
pub mod reader;
pub mod recent;
pub mod registry;
pub mod ring;
pub mod room;
pub mod rooms;
mod store_task;
pub mod subscription;
pub mod typing;
pub mod window;

use broker::RoomCommit;
use expirations::Expirations;
use fills::Fills;
use freshness::Freshness;
use losses::{Closings, Loss};
use permission::NotGiven;
use queries::{Start, Wanted};
use reader::{Request, expiry::Expiry};
use registry::{Registration, Registry};
use room::Room;
use rooms::Rooms;
use subscription::Subscription;

use crate::{
    clock::Clock,
    config::Timings,
    domain::{actor::Actor, event::Event, name::RoomName},
    store::{Store, error::StoreError, health::Health},
};

/// Of how many rooms it is asked at once how far their logs go.
const HEADS: usize = 500;
/// The shortest time between two looks through the rooms, however crowded memory is.
const SWEEP_PAUSE: Duration = Duration::from_secs(1);
/// The most reads of the log at once, by readers and by fills of gaps.
const CATCH_UPS: usize = 32;

/// The rooms in memory.
#[derive(Debug)]
pub struct Hub {
    rooms: Rooms,
    store: Store,
    clock: Clock,
    health: Health,
    expirations: Arc<Expirations>,
    registry: Arc<Registry>,
    freshness: Freshness,
    catch_ups: Semaphore,
    fills: Fills,
    closings: Closings,
    timings: Timings,
}

impl Hub {
    /// No room yet.
    #[must_use]
    pub fn new(store: Store, clock: Clock, health: Health, timings: Timings) -> Arc<Self> {
        Arc::new(Self {
            rooms: Rooms::default(),
            store,
            clock,
            health,
            expirations: Arc::default(),
            registry: Arc::default(),
            freshness: Freshness::new(timings.revocation_patience),
            catch_ups: Semaphore::new(CATCH_UPS),
            fills: Fills::default(),
            closings: Closings::default(),
            timings,
        })
    }

    /// The room of that name, brought into memory if it was not.
    #[must_use]
    pub fn room(&self, name: &RoomName) -> Arc<Room> {
        let make = || Room::new(name.clone(), self.clock.clone(), self.expirations.clone(), &self.timings);
        self.rooms.get_or_make(name, make)
    }

    /// The room of that name, if it is in memory.
    #[must_use]
    pub fn room_in_memory(&self, name: &RoomName) -> Option<Arc<Room>> {
        self.rooms.get(name)
    }

    /// Takes what was committed to a room, by this node or another. What follows events that the room was not told of
    /// is shown once these are read from the store.
    pub fn take(&self, RoomCommit { room, events, cursors }: &RoomCommit) {
        self.heed(room, events);
        let room = self.room(room);
        room.publish(events);
        room.note_read(cursors);
        self.fills.add_if_open(&room);
    }

    /// Tells readers of events by which they may lose the room, before these are shown, so that nobody is shown a later
    /// one.
    fn heed(&self, room: &RoomName, events: &[Event]) {
        for event in events {
            match Loss::by(event) {
                None => {}
                Some(Loss::Of(user, why)) => self.registry.close_after(room, &user, event.id(), why),
                Some(Loss::OfStrangers) => {
                    // Who is one is not known yet: until it is, nobody is given more.
                    self.registry.hold_after(room, event.id());
                    self.closings.add(room.clone(), event.id());
                }
            }
        }
    }

    /// Tells the rooms in memory how far their logs go, after something may have gone past them; read cursors
    /// may have, too.
    ///
    /// # Errors
    /// [`StoreError`] when the database is out.
    pub async fn catch_up(&self) -> Result<(), StoreError> {
        let mut last: Option<RoomName> = None;
        loop {
            let rooms = self.rooms.page(last.as_ref(), HEADS);
            let Some(room) = rooms.last() else { return Ok(()) };
            last = Some(room.name().clone());
            let names: Vec<_> = rooms.iter().map(|room| room.name()).collect();
            let stored = self.store.rooms_named(&names).await?;
            for room in &rooms {
                room.learn(stored.get(room.name()));
                room.forget_cursors();
                self.fills.add_if_open(room);
            }
        }
    }

    /// Begins to read a room by what vouches for an actor.
    ///
    /// # Errors
    /// [`NotGiven`] when what has to be read first can't be.
    pub async fn subscribe(
        self: &Arc<Self>,
        actor: &Actor,
        room: &RoomName,
        start: Start,
        request: Request,
    ) -> Result<Subscription, NotGiven> {
        let wanted = Wanted { room: room.clone(), start, denied: None };
        Subscription::open(self.clone(), actor, vec![wanted], request, false).await
    }

    /// Begins to read several rooms as one, in this order; there is at least one.
    ///
    /// # Errors
    /// [`NotGiven`] when what has to be read first can't be.
    pub async fn subscribe_to_all(
        self: &Arc<Self>,
        actor: &Actor,
        rooms: Vec<Wanted>,
        request: Request,
    ) -> Result<Subscription, NotGiven> {
        Subscription::open(self.clone(), actor, rooms, request, true).await
    }

    /// A room that is not in memory, for a place that reads nothing of it.
    pub(super) fn unread(&self, name: &RoomName) -> Arc<Room> {
        Room::new(name.clone(), self.clock.clone(), self.expirations.clone(), &self.timings)
    }

    /// The product's own times.
    #[must_use]
    pub fn timings(&self) -> &Timings {
        &self.timings
    }

    /// The rooms whose readers have to be looked at, since they are private now.
    #[must_use]
    pub fn closings(&self) -> &Closings {
        &self.closings
    }

    /// Everybody who reads.
    #[must_use]
    pub fn registry(&self) -> &Arc<Registry> {
        &self.registry
    }

    /// The time until which deliveries to readers with credentials go on.
    #[must_use]
    pub fn freshness(&self) -> &Freshness {
        &self.freshness
    }

    /// The time at which the actor's credential ends, by the clock that never jumps; absent if it does not.
    #[must_use]
    pub fn end_of(&self, actor: &Actor) -> Option<Instant> {
        let end = actor.grant()?.expires_at?;
        let left = u64::try_from(end.micros() - self.clock.now().micros()).unwrap_or(0);
        Instant::now().checked_add(Duration::from_micros(left))
    }

    /// The end of the credential by which a reader reads; absent if it does not end.
    pub(super) fn expiry_of(&self, reader: &Registration) -> Option<Expiry> {
        let actor = reader.actor()?;
        let (end, expires_at) = (self.end_of(&actor)?, actor.grant()?.expires_at?);
        let now = Instant::now();
        let warn_at = Some(end.checked_sub(self.timings.auth_notice).map_or(now, |at| at.max(now)));
        Some(Expiry { end, expires_at, warn_at, stream: reader.stream()?.clone() })
    }

    /// Does what time brings: graces and leases that end, gaps that are filled, rooms that leave, news of the store.
    /// Never ends.
    pub async fn run(&self) {
        let rest = futures_util::future::join(self.sweep_again_and_again(), self.tell_of_the_store());
        let heed = |room: &RoomName, events: &[Event]| self.heed(room, events);
        let fills = self.fills.run(&self.store, &self.catch_ups, &heed);
        futures_util::future::join3(self.expirations.run(), fills, rest).await;
    }

    /// Lets rooms leave memory now and then, and soon when there are too many.
    async fn sweep_again_and_again(&self) {
        let mut due = interval(self.timings.room_sweep_interval);
        loop {
            tokio::select! {
                _ = due.tick() => {}
                () = self.rooms.crowded() => {}
            }
            self.sweep(Instant::now()).await;
            sleep(SWEEP_PAUSE.min(self.timings.room_sweep_interval)).await;
        }
    }

    /// Tells the readers of all rooms how the store stands, whenever that changes.
    async fn tell_of_the_store(&self) {
        let mut health = self.health.watch();
        while health.changed().await.is_ok() {
            let status = *health.borrow_and_update();
            let mut last: Option<RoomName> = None;
            loop {
                let rooms = self.rooms.page(last.as_ref(), HEADS);
                let Some(room) = rooms.last() else { break };
                last = Some(room.name().clone());
                for room in &rooms {
                    room.tell_service(status);
                }
                tokio::task::yield_now().await;
            }
        }
        // The store is gone, and the process with it.
        std::future::pending::<()>().await;
    }

    /// Lets rooms leave memory that nobody reads: those idle for long, and all if memory is short.
    async fn sweep(&self, now: Instant) {
        let since = now.checked_sub(self.timings.room_idle_time).unwrap_or(now);
        self.rooms.sweep(|room| room.is_blank() || room.is_idle(since)).await;
    }

    /// The store, for tests that look behind the memory.
    #[cfg(test)]
    pub(crate) fn store_for_tests(&self) -> &Store {
        &self.store
    }
}
