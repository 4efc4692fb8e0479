//! Finding messages by their words.

use super::{Chat, ChatError};
use crate::{
    domain::{EventId, limit::Limit, name::RoomName, page, policy::Actor, search::Query},
    store::search::SearchPage,
};

impl Chat {
    /// At most `limit` messages of a room that match, newest first, of those before an id. In a room that
    /// nobody has made there are none.
    ///
    /// # Errors
    /// [`ChatError`]; [`ChatError::Busy`] when too many searches wait already.
    pub async fn search(
        &self,
        actor: &Actor,
        name: &RoomName,
        query: Query,
        before: Option<EventId>,
        limit: usize,
    ) -> Result<SearchPage, ChatError> {
        self.count(Limit::Searches, actor)?;
        match self.readable(actor, name).await? {
            Some(room) => {
                let mut found = self.store.search(room, query, before, limit).await?;
                if page::keep_first(&mut found.messages) {
                    found.next = found.messages.last().map(|message| message.id);
                    found.partial = false;
                }
                Ok(found)
            }
            None => Ok(SearchPage::default()),
        }
    }
}
