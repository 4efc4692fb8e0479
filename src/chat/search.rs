//! Finding messages by their words.

use super::{Chat, ChatError};
use crate::domain::{EventId, message::Message, name::RoomName, policy::Actor, search::Query};

impl Chat {
    /// At most `limit` messages of a room that match, newest first, of those before an id, and whether
    /// there are more. In a room that nobody has made there are none.
    ///
    /// # Errors
    /// [`ChatError`].
    pub async fn search(
        &self,
        actor: &Actor,
        name: &RoomName,
        query: &Query,
        before: Option<EventId>,
        limit: usize,
    ) -> Result<(Vec<Message>, bool), ChatError> {
        match self.readable(actor, name).await? {
            Some(room) => Ok(self.store.search(&room, query, before, limit).await?),
            None => Ok((Vec::new(), false)),
        }
    }
}
