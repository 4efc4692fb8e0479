//! Losses: events of the log by which somebody may read a room no longer.

use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;

use crate::domain::{
    EventId,
    access::Visibility,
    denied::Denied,
    event::{Event, MemberChange},
    membership::{LeaveReason, Role},
    name::{RoomName, UserKey},
};

/// An event by which somebody may have lost the right to read a room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Loss {
    /// One user has, and is to be told this.
    Of(UserKey, Denied),
    /// Whoever is no member may have.
    OfStrangers,
}

impl Loss {
    /// The loss that an event tells of, if it does.
    pub(super) fn by(event: &Event) -> Option<Self> {
        match event {
            Event::Member(event) => {
                let reason = match event.change {
                    MemberChange::Left(reason) => reason,
                    // Admins read a private room that has no owner.
                    MemberChange::Joined(Role::Owner) | MemberChange::Changed(Role::Owner) => {
                        return event.is_private.then_some(Self::OfStrangers);
                    }
                    MemberChange::Joined(_) | MemberChange::Changed(_) => return None,
                };
                let why = match (event.is_private, reason) {
                    // Of a public room only who is banned is shut out.
                    (false, LeaveReason::Banned) => Denied::Banned,
                    (false, _) => return None,
                    (true, _) => Denied::NoSuchRoom,
                };
                Some(Self::Of(event.username.key().clone(), why))
            }
            Event::RoomUpdated(update) => {
                let is_private = update.access.is_some_and(|access| access.visibility == Visibility::Private);
                is_private.then_some(Self::OfStrangers)
            }
            _ => None,
        }
    }
}

/// The rooms whose readers have to be looked at: from an event on they are private, or have an owner.
#[derive(Debug, Default)]
pub struct Closings {
    rooms: Mutex<Vec<(RoomName, EventId)>>,
    added: Notify,
}

impl Closings {
    pub(super) fn add(&self, room: RoomName, after: EventId) {
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner).push((room, after));
        self.added.notify_one();
    }

    /// Waits until there are some.
    pub async fn added(&self) {
        self.added.notified().await;
    }

    /// Those that were added since.
    pub fn take(&self) -> Vec<(RoomName, EventId)> {
        std::mem::take(&mut *self.rooms.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::domain::{
        access::Access,
        event::{MemberEvent, RoomUpdated},
        name::Username,
    };

    fn member(change: MemberChange, is_private: bool) -> Event {
        let name = |name| Username::parse(name).unwrap();
        let room = RoomName::parse("team").unwrap();
        Event::Member(Arc::new(MemberEvent { id: 1, room, username: name("Bob"), by: name("Al"), change, is_private }))
    }

    #[test]
    fn a_ban_shuts_out_of_every_room_and_a_removal_of_a_private_one() {
        let bob = Username::parse("bob").unwrap().key().clone();
        let of_bob = |why| Some(Loss::Of(bob.clone(), why));
        for (reason, public, private) in [
            (LeaveReason::Banned, of_bob(Denied::Banned), of_bob(Denied::NoSuchRoom)),
            (LeaveReason::Removed, None, of_bob(Denied::NoSuchRoom)),
            (LeaveReason::Left, None, of_bob(Denied::NoSuchRoom)),
        ] {
            assert_eq!(Loss::by(&member(MemberChange::Left(reason), false)), public, "{reason:?}");
            assert_eq!(Loss::by(&member(MemberChange::Left(reason), true)), private, "{reason:?}");
        }
        for change in [MemberChange::Joined(Role::Member), MemberChange::Changed(Role::Reader)] {
            assert_eq!(Loss::by(&member(change, true)), None, "{change:?}");
        }
        for change in [MemberChange::Joined(Role::Owner), MemberChange::Changed(Role::Owner)] {
            assert_eq!(
                Loss::by(&member(change, true)),
                Some(Loss::OfStrangers),
                "{change:?}: not the admins' any more"
            );
            assert_eq!(Loss::by(&member(change, false)), None, "{change:?}");
        }
    }

    #[test]
    fn a_room_that_is_private_shuts_strangers_out() {
        let updated = |access| {
            let (room, title, topic) = (RoomName::parse("team").unwrap(), String::new(), String::new());
            Event::RoomUpdated(Arc::new(RoomUpdated { id: 1, room, title, topic, access }))
        };
        let private = Access { visibility: Visibility::Private, ..Access::default() };
        assert_eq!(Loss::by(&updated(Some(private))), Some(Loss::OfStrangers));
        assert_eq!(Loss::by(&updated(Some(Access::default()))), None);
        assert_eq!(Loss::by(&updated(None)), None);
    }
}
