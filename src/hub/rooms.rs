//! The rooms in memory, in the order of their names, and how they leave it.

use std::{
    collections::BTreeMap,
    ops::Bound::{Excluded, Unbounded},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::{sync::Notify, task::yield_now};

use super::room::{ROOM_BYTES, Room};
use crate::domain::name::RoomName;

/// The number of bytes that all rooms hold, with all they have, before rooms that nobody reads leave at once.
const BUDGET: usize = 256 * 1024 * 1024;
/// The number of rooms looked at under one lock: at most a microsecond or two each, so that nobody who wants a room
/// waits for a millisecond.
const SLICE: usize = 128;

/// The rooms in memory.
#[derive(Debug, Default)]
pub struct Rooms {
    by_name: Mutex<BTreeMap<RoomName, Arc<Room>>>,
    /// Told when there are more rooms than the budget has room for.
    crowded: Notify,
}

impl Rooms {
    /// The room of that name, made by `make` if it is not in memory.
    pub fn get_or_make(&self, name: &RoomName, make: impl FnOnce() -> Arc<Room>) -> Arc<Room> {
        let mut rooms = self.lock();
        if let Some(room) = rooms.get(name) {
            return room.clone();
        }
        let room = make();
        rooms.insert(name.clone(), room.clone());
        if rooms.len() * ROOM_BYTES > BUDGET {
            self.crowded.notify_one();
        }
        room
    }

    /// The room of that name, if it is in memory.
    #[must_use]
    pub fn get(&self, name: &RoomName) -> Option<Arc<Room>> {
        self.lock().get(name).cloned()
    }

    /// At most `limit` rooms, by name, after `after`.
    #[must_use]
    pub fn page(&self, after: Option<&RoomName>, limit: usize) -> Vec<Arc<Room>> {
        let from = after.map_or(Unbounded, Excluded);
        self.lock().range::<RoomName, _>((from, Unbounded)).take(limit).map(|(_, room)| room.clone()).collect()
    }

    /// Waits until there are more rooms than the budget has room for.
    pub async fn crowded(&self) {
        self.crowded.notified().await;
    }

    /// Lets a room leave memory that has nothing to remember, once one reader or nobody holds it.
    pub fn let_go(&self, room: &Arc<Room>) {
        // Most have a log, and need no look at the map.
        if room.head() > 0 {
            return;
        }
        let mut rooms = self.lock();
        // The map's, and that of whoever lets go.
        if Arc::strong_count(room) == 2 && room.is_blank() {
            rooms.remove(room.name());
        }
    }

    /// Lets rooms leave memory that nobody holds: those that `is_idle` picks, and all if memory is short.
    pub async fn sweep(&self, is_idle: impl Fn(&Room) -> bool) {
        if self.let_leave(is_idle).await > BUDGET {
            self.let_leave(|_| true).await;
        }
    }

    /// Lets rooms leave memory that nobody holds and `may_leave` picks. Returns the bytes that the others hold.
    async fn let_leave(&self, may_leave: impl Fn(&Room) -> bool) -> usize {
        let (mut bytes, mut after) = (0, None);
        loop {
            let (looked_at, left, held) = self.let_leave_slice(after.as_ref(), &may_leave);
            bytes += held;
            // What they hold is freed without the lock.
            drop(left);
            let Some(last) = looked_at else { return bytes };
            after = Some(last);
            yield_now().await;
        }
    }

    /// Looks at one slice. Returns the last name in it, if any, the rooms that leave, and the bytes that the others
    /// hold.
    fn let_leave_slice(
        &self,
        after: Option<&RoomName>,
        may_leave: impl Fn(&Room) -> bool,
    ) -> (Option<RoomName>, Vec<Arc<Room>>, usize) {
        let from = after.map_or(Unbounded, Excluded);
        let (mut last, mut leaving, mut bytes) = (None, Vec::new(), 0);
        let mut rooms = self.lock();
        for (name, room) in rooms.range::<RoomName, _>((from, Unbounded)).take(SLICE) {
            last = Some(name.clone());
            // Under the map's lock nobody can begin to use a room, and whoever uses one holds it.
            if Arc::strong_count(room) == 1 && may_leave(room) {
                leaving.push(name.clone());
            } else {
                bytes += room.bytes();
            }
        }
        let left = leaving.iter().filter_map(|name| rooms.remove(name)).collect();
        (last, left, bytes)
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<RoomName, Arc<Room>>> {
        self.by_name.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::poll;

    use super::*;
    use crate::{clock::Clock, config::Timings};

    fn room(number: usize) -> Arc<Room> {
        let name = RoomName::parse(&format!("room{number:07}")).unwrap();
        Room::new(name, Clock::system(), Arc::default(), &Timings::DEFAULT)
    }

    fn filled(count: usize) -> Rooms {
        let rooms = Rooms::default();
        for number in 0..count {
            let room = room(number);
            rooms.get_or_make(&room.name().clone(), || room);
        }
        rooms
    }

    #[tokio::test]
    async fn a_sweep_holds_the_map_for_a_slice_at_a_time() {
        let rooms = filled(5 * SLICE + 1);
        let held = rooms.get(room(7).name()).unwrap();
        let mut sweep = std::pin::pin!(rooms.sweep(|_| true));
        let mut left = rooms.len();
        let mut slices = 0;
        while poll!(sweep.as_mut()).is_pending() {
            let now = rooms.len();
            assert!(left - now <= SLICE, "{} at once", left - now);
            (left, slices) = (now, slices + 1);
        }
        assert_eq!((rooms.len(), slices), (1, 6), "all but the one that is held");
        drop(held);
    }

    #[tokio::test]
    async fn rooms_count_whole_and_leave_at_once_when_memory_is_short() {
        let fits = BUDGET / ROOM_BYTES;
        let rooms = filled(fits);
        assert!(poll!(std::pin::pin!(rooms.crowded())).is_pending(), "there is room for them");
        rooms.sweep(|_| false).await;
        assert_eq!(rooms.len(), fits);
        let one_more = room(fits);
        drop(rooms.get_or_make(&one_more.name().clone(), || one_more));
        assert!(poll!(std::pin::pin!(rooms.crowded())).is_ready(), "one more is too many");
        rooms.sweep(|_| false).await;
        assert_eq!(rooms.len(), 0, "however lately they were used");
    }
}
