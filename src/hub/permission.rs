//! Permission: what the policy says of an act in a room, by what the store knows of the room and of the actor.

use super::Hub;
use crate::{
    domain::{
        access::Visibility,
        actor::Actor,
        denied::Denied,
        membership::Membership,
        name::RoomName,
        policy::{Act, RoomStanding, depends_on_owners, may},
        room::Room,
    },
    store::error::StoreError,
};

/// The reasons why something of a room is not given.
#[derive(Debug, Clone, thiserror::Error)]
pub enum NotGiven {
    /// The policy forbids it.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The store's.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Hub {
    /// Asks the policy about an act in a room that was just read from the store; absent if nobody has made it. Returns
    /// the actor's membership there.
    ///
    /// # Errors
    /// [`NotGiven`].
    pub async fn may(
        &self,
        actor: &Actor,
        act: Act,
        name: &RoomName,
        room: Option<&Room>,
    ) -> Result<Option<Membership>, NotGiven> {
        let membership = match (actor.grant().and(actor.user()), room) {
            (Some(user), Some(room)) => self.store.membership(room, user.key()).await?,
            _ => None,
        };
        let private = room.filter(|room| room.access.visibility == Visibility::Private);
        let is_ownerless = match private.filter(|room| depends_on_owners(actor, &room.name)) {
            Some(room) => self.is_ownerless(room).await?,
            None => false,
        };
        let now = self.clock.now();
        may(actor, act, &RoomStanding { name, room, membership: membership.as_ref(), is_ownerless, now }.into())?;
        Ok(membership)
    }

    /// Returns true if a room has no owner who is not disabled.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn is_ownerless(&self, room: &Room) -> Result<bool, StoreError> {
        Ok(room.owners == 0 || !self.store.has_able_owner(room.id).await?)
    }

    /// Asks again if an actor may read a room from which a page was read, as the store has both by now: it has nothing
    /// that came later than a loss of the right. What nobody has made says nothing.
    pub(super) async fn may_have_read(&self, actor: &Actor, name: &RoomName) -> Result<(), NotGiven> {
        if let Some(room) = self.store.room(name).await? {
            self.may(actor, Act::ReadRoom, name, Some(&room)).await?;
        }
        Ok(())
    }
}
