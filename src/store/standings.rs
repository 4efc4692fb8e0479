//! Standings that were read before: of a user in a room, good for as long as the room's version of them is the same.

use std::{collections::HashMap, sync::Arc};

use quick_cache::sync::Cache;

use crate::domain::{membership::Membership, name::UserKey, room::Room};

/// The number of standings that are remembered; a user without a membership in a room is one too. About 300 bytes each.
const REMEMBERED: usize = 100_000;

/// A standing, and the version of the room's memberships at which it was read.
#[derive(Debug, Clone)]
struct Known {
    version: i64,
    membership: Option<Membership>,
}

/// Standings that were read before. Cheap to clone.
///
/// Every change of a membership raises its room's [`Room::membership_version`] in the same transaction. A standing is
/// remembered with the version of the room that was read *before* it, so it is never older than that version; whoever
/// asks has read the room's row, and uses only what has the same one. Nobody has to tell anybody of a change, on
/// whichever node it is made.
#[derive(Debug, Clone)]
pub(super) struct Standings(Arc<Cache<(i64, UserKey), Known>>);

impl Standings {
    pub(super) fn new() -> Self {
        Self(Arc::new(Cache::new(REMEMBERED)))
    }

    /// The membership of a user in a room as it was read before, which may be none; absent if that is too old.
    #[expect(clippy::option_option, reason = "a user without a membership is known as such")]
    pub(super) fn get(&self, room: &Room, user: &UserKey) -> Option<Option<Membership>> {
        let known = self.0.get(&(room.id, user.clone()))?;
        (known.version == room.membership_version).then_some(known.membership)
    }

    /// Remembers what was read of a user after the room's row was read.
    pub(super) fn insert(&self, room: &Room, user: UserKey, membership: Option<Membership>) {
        self.0.insert((room.id, user), Known { version: room.membership_version, membership });
    }

    /// The standings that have to be read, after those are put into `found` that are known.
    pub(super) fn unknown<'a>(
        &self,
        wanted: &[(&'a Room, UserKey)],
        found: &mut HashMap<(i64, UserKey), Membership>,
    ) -> Vec<(&'a Room, UserKey)> {
        let mut unknown = Vec::new();
        for (room, user) in wanted {
            match self.get(room, user) {
                Some(known) => found.extend(known.map(|known| ((room.id, user.clone()), known))),
                None => unknown.push((*room, user.clone())),
            }
        }
        unknown
    }

    /// Forgets all: a database that was lost may come back as it was before, with versions that it gives again.
    pub(super) fn clear(&self) {
        self.0.clear();
    }
}
