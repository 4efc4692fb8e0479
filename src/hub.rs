//! The rooms in memory, and everybody who reads them.
//!
//! A room is in memory while somebody reads it or something happened in it lately. What memory does
//! not have, the store has: leaving memory loses nothing.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::{
    sync::Semaphore,
    time::{Instant, interval},
};

pub mod deadlines;
pub mod deletion_log;
pub mod digest;
pub mod expirations;
pub mod frame;
pub mod loading;
pub mod people;
pub mod presence;
pub mod queries;
pub mod read_cursors;
pub mod reader;
pub mod recent;
pub mod registry;
pub mod ring;
pub mod room;
mod store_task;
pub mod subscription;
pub mod typing;
pub mod window;

use expirations::Expirations;
use queries::Start;
use reader::Request;
use registry::Registry;
use room::Room;
use subscription::Subscription;

use crate::{
    clock::Clock,
    config::Timings,
    domain::{event::Event, name::RoomName, read_cursor::ReadCursor},
    store::{Store, error::StoreError, health::Health},
};

/// How many bytes all rooms hold before rooms that nobody reads leave at once.
const BUDGET: usize = 256 * 1024 * 1024;
/// Of how many rooms it is asked at once how far their logs go.
const HEADS: usize = 500;
/// How many readers read from the store at the same time.
const CATCH_UPS: usize = 32;

/// The rooms in memory.
#[derive(Debug)]
pub struct Hub {
    rooms: Mutex<HashMap<RoomName, Arc<Room>>>,
    store: Store,
    clock: Clock,
    health: Health,
    expirations: Arc<Expirations>,
    registry: Arc<Registry>,
    catch_ups: Semaphore,
    timings: Timings,
}

impl Hub {
    /// No room yet.
    #[must_use]
    pub fn new(store: Store, clock: Clock, health: Health, timings: Timings) -> Arc<Self> {
        Arc::new(Self {
            rooms: Mutex::default(),
            store,
            clock,
            health,
            expirations: Arc::default(),
            registry: Arc::default(),
            catch_ups: Semaphore::new(CATCH_UPS),
            timings,
        })
    }

    /// The room of that name, brought into memory if it was not.
    #[must_use]
    pub fn room(&self, name: &RoomName) -> Arc<Room> {
        let mut rooms = self.rooms();
        if let Some(room) = rooms.get(name) {
            return room.clone();
        }
        let room = Room::new(name.clone(), self.clock.clone(), self.expirations.clone(), &self.timings);
        rooms.insert(name.clone(), room.clone());
        room
    }

    /// The room of that name, if it is in memory.
    #[must_use]
    pub fn room_in_memory(&self, name: &RoomName) -> Option<Arc<Room>> {
        self.rooms().get(name).cloned()
    }

    /// Adds what was committed to a room: consecutive events in id order, and how far people have read.
    pub fn publish(&self, name: &RoomName, events: &[Event], cursors: &[ReadCursor]) {
        let room = self.room(name);
        room.publish(events);
        room.note_read(cursors);
    }

    /// Tells the rooms in memory how far their logs go, after something may have gone past them; read cursors
    /// may have, too.
    ///
    /// # Errors
    /// [`StoreError`] when the database is out.
    pub async fn catch_up(&self) -> Result<(), StoreError> {
        let rooms: Vec<_> = self.rooms().values().cloned().collect();
        for some in rooms.chunks(HEADS) {
            let names: Vec<_> = some.iter().map(|room| room.name()).collect();
            let stored = self.store.rooms_named(&names).await?;
            for room in some {
                room.learn(stored.get(room.name()));
                room.forget_cursors();
            }
        }
        Ok(())
    }

    /// Begins to read a room.
    ///
    /// # Errors
    /// [`StoreError`] when what has to be read first can't be.
    pub async fn subscribe(
        self: &Arc<Self>,
        room: &RoomName,
        start: Start,
        request: Request,
    ) -> Result<Subscription, StoreError> {
        Subscription::open(self.clone(), vec![(room.clone(), start)], request, false).await
    }

    /// Begins to read several rooms as one, in this order; there is at least one.
    ///
    /// # Errors
    /// [`StoreError`] when what has to be read first can't be.
    pub async fn subscribe_to_all(
        self: &Arc<Self>,
        rooms: Vec<(RoomName, Start)>,
        request: Request,
    ) -> Result<Subscription, StoreError> {
        Subscription::open(self.clone(), rooms, request, true).await
    }

    /// The product's own times.
    #[must_use]
    pub fn timings(&self) -> &Timings {
        &self.timings
    }

    /// Everybody who reads.
    #[must_use]
    pub fn registry(&self) -> &Arc<Registry> {
        &self.registry
    }

    /// Does what time brings: graces and leases that end, rooms that leave, news of the store.
    /// Never ends.
    pub async fn run(&self) {
        let mut health = self.health.watch();
        let mut sweep = interval(self.timings.room_sweep_interval);
        let expirations = self.expirations.run();
        tokio::pin!(expirations);
        loop {
            tokio::select! {
                () = &mut expirations => {}
                _ = sweep.tick() => self.sweep(Instant::now()),
                Ok(()) = health.changed() => {
                    let status = *health.borrow_and_update();
                    for room in self.rooms().values() {
                        room.tell_service(status);
                    }
                }
            }
        }
    }

    /// Lets rooms leave memory that nobody reads: those idle for long, and all if memory is short.
    fn sweep(&self, now: Instant) {
        let mut rooms = self.rooms();
        let bytes: usize = rooms.values().map(|room| room.bytes()).sum();
        let idle = self.timings.room_idle_time;
        let since = if bytes > BUDGET { now } else { now.checked_sub(idle).unwrap_or(now) };
        // Under the map's lock nobody can begin to use a room, and whoever uses one holds it.
        rooms.retain(|_, room| Arc::strong_count(room) > 1 || !room.is_idle(since));
    }

    fn rooms(&self) -> MutexGuard<'_, HashMap<RoomName, Arc<Room>>> {
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The store, for tests that look behind the memory.
    #[cfg(test)]
    pub(crate) fn store_for_tests(&self) -> &Store {
        &self.store
    }
}
