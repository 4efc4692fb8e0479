//! Wakes rooms when something in them runs out: a grace, a lease, somebody's typing.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use tokio::{
    sync::Notify,
    time::{Instant, sleep_until},
};

use super::room::Room;

/// How long after a wake a room is woken again at the earliest, so that a crowd that leaves one by
/// one is looked through a few times a second and not once a user.
const PAUSE: Duration = Duration::from_millis(100);

/// When which room is to be looked at.
#[derive(Debug, Default)]
pub struct Lapses {
    due: Mutex<Due>,
    earlier: Notify,
}

#[derive(Debug, Default)]
struct Due {
    rooms: BTreeMap<(Instant, u64), Weak<Room>>,
    /// Tells apart rooms that are due at the same instant.
    last: u64,
}

impl Lapses {
    /// Has the room looked at, at `at`.
    pub fn schedule(&self, at: Instant, room: Weak<Room>) {
        let mut due = self.due();
        due.last += 1;
        let key = (at, due.last);
        due.rooms.insert(key, room);
        if due.rooms.first_key_value().is_some_and(|(first, _)| *first == key) {
            self.earlier.notify_one();
        }
    }

    /// Looks at rooms as they become due; never ends.
    pub async fn run(&self) {
        loop {
            let next = self.due().rooms.first_key_value().map(|((at, _), _)| *at);
            let wait = async {
                match next {
                    Some(at) => sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = self.earlier.notified() => continue,
                () = wait => {}
            }
            let now = Instant::now();
            for room in self.take_due(now).into_values().filter_map(|room| room.upgrade()) {
                room.lapse(now, now + PAUSE);
            }
        }
    }

    fn take_due(&self, now: Instant) -> BTreeMap<(Instant, u64), Weak<Room>> {
        let mut due = self.due();
        let later = due.rooms.split_off(&(now, u64::MAX));
        std::mem::replace(&mut due.rooms, later)
    }

    fn due(&self) -> MutexGuard<'_, Due> {
        self.due.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
