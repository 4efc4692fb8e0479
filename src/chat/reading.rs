//! Reading a room as it happens.

use super::{Chat, ChatError};
use crate::{
    domain::name::RoomName,
    hub::subscription::{Request, Subscription},
};

impl Chat {
    /// Begins to read a room; whoever has its name may.
    ///
    /// # Errors
    /// [`ChatError::Unavailable`] when the store is needed and out.
    pub async fn read(&self, room: &RoomName, request: Request) -> Result<Subscription, ChatError> {
        Ok(self.hub.subscribe(room, request).await?)
    }
}
