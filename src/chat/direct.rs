//! Direct messages: the room of two people.

use super::{Chat, ChatError, rooms::random_name};
use crate::{
    domain::{
        denied::Denied,
        invalid::Invalid,
        limit::Limit,
        name::Username,
        policy::{Act, Actor, Standing, may},
        room::{DIRECT_PREFIX, RoomView},
        room_scope::RoomScope,
        version::Precondition,
    },
    journal::command::OpenDirect,
    store::{rooms::Viewer, users::Sought},
};

impl Chat {
    /// The room of the actor and somebody else, which is made when it is first asked for. Returns true with it if it
    /// was made now. If there is no directory, whoever shares no room with the actor is as one who is not there.
    ///
    /// # Errors
    /// [`ChatError`].
    pub async fn direct_room(
        &self,
        actor: &Actor,
        has_directory: bool,
        with: &Username,
    ) -> Result<(RoomView, bool), ChatError> {
        let actor = self.current(actor).await?;
        may(&actor, Act::OpenDirect, &Standing::default())?;
        let own = actor.name()?;
        if own.key() == with.key() {
            return Err(ChatError::Invalid(vec![Invalid::new("username", "is yourself: name somebody else")]));
        }
        let authenticator = self.authenticator.as_ref().ok_or(ChatError::NotFound("user"))?;
        let other = self.store.user(with.key()).await?.filter(|user| user.disabled_at.is_none());
        let (own, other) = (self.store.user(own.key()).await?, other.ok_or(ChatError::NotFound("user"))?);
        let own = own.ok_or(Denied::Revoked)?;
        let name = match self.store.direct_room(own.id, other.id).await? {
            Some(name) => name,
            None if !has_directory && !self.shares_room(actor.name()?, with).await? => {
                return Err(ChatError::NotFound("user"));
            }
            None => {
                self.count(Limit::Rooms, &actor)?;
                authenticator.keep_direct_room(own.id, other.id, &random_name(DIRECT_PREFIX)).await?
            }
        };
        let opened = self.submit(&actor, &name, Precondition::default(), OpenDirect { with: other.username }).await?;
        let made = opened.answer.made;
        Ok((self.room(&actor, &name).await?, made))
    }

    /// Returns true if two users are members of the same room.
    pub(super) async fn shares_room(&self, one: &Username, other: &Username) -> Result<bool, ChatError> {
        let viewer = Viewer { scope: &RoomScope::all(), user: Some(one.key()), is_mine: true, heeds_bans: None };
        // Of the names that begin so the one that is no longer is the first.
        let sought = Sought { prefix: Some(other), limit: 1, ..Sought::default() };
        let found = self.store.find_users_in_rooms_of(&viewer, &sought).await?;
        Ok(found.iter().any(|user| user.username.key() == other.key()))
    }
}
