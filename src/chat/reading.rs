//! Reading rooms as they happen.

use super::{Chat, ChatError};
use crate::{
    domain::{
        name::RoomName,
        policy::{Act, Actor, Standing, may},
    },
    hub::{queries::Start, reader::Request, subscription::Subscription},
};

impl Chat {
    /// Begins to read a room, as the actor if that has a name.
    ///
    /// # Errors
    /// [`ChatError`], when the store is needed and out.
    pub async fn read(
        &self,
        actor: &Actor,
        room: &RoomName,
        start: Start,
        request: Request,
    ) -> Result<Subscription, ChatError> {
        may(actor, Act::ReadRoom, &Standing::default())?;
        Ok(self.hub.subscribe(room, start, request).await?)
    }

    /// Begins to read several rooms as one.
    ///
    /// # Errors
    /// [`ChatError`], when the store is needed and out.
    pub async fn read_all(
        &self,
        actor: &Actor,
        rooms: Vec<(RoomName, Start)>,
        request: Request,
    ) -> Result<Subscription, ChatError> {
        may(actor, Act::ReadRoom, &Standing::default())?;
        Ok(self.hub.subscribe_to_all(rooms, request).await?)
    }
}
