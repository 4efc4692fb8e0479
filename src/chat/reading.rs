//! Reading rooms as they happen.

use super::{Chat, ChatError};
use crate::{
    domain::name::RoomName,
    hub::{
        subscription::{Request, Subscription},
        subscriptions::Subscriptions,
    },
};

impl Chat {
    /// Begins to read a room; whoever has its name may.
    ///
    /// # Errors
    /// [`ChatError::Unavailable`] when the store is needed and out.
    pub async fn read(&self, room: &RoomName, request: Request) -> Result<Subscription, ChatError> {
        Ok(self.hub.subscribe(room, request).await?)
    }

    /// Begins to read several rooms as one.
    ///
    /// # Errors
    /// [`ChatError::Unavailable`] when the store is needed and out.
    pub async fn read_all(&self, rooms: Vec<(RoomName, Request)>) -> Result<Subscriptions, ChatError> {
        Ok(self.hub.subscribe_to_all(rooms).await?)
    }
}
