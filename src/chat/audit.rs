//! The audit: what moderators and admins did.

use super::{Chat, ChatError};
use crate::domain::{
    audit::AuditView,
    name::RoomName,
    policy::{Act, Actor, Standing, may},
};

impl Chat {
    /// At most `limit` entries of a room's audit, newest first, before `before`, and whether there are more.
    ///
    /// # Errors
    /// [`ChatError`].
    pub async fn audit(
        &self,
        actor: &Actor,
        room: &RoomName,
        before: Option<i64>,
        limit: usize,
    ) -> Result<(Vec<AuditView>, bool), ChatError> {
        let room = self.room_for(actor, Act::SeeAudit, room).await?.ok_or(ChatError::NotFound("room"))?;
        self.audit_page(Some(room.id), before, limit).await
    }

    /// The same of all rooms.
    ///
    /// # Errors
    /// [`ChatError`].
    pub async fn audit_of_all(
        &self,
        actor: &Actor,
        before: Option<i64>,
        limit: usize,
    ) -> Result<(Vec<AuditView>, bool), ChatError> {
        let actor = self.current(actor).await?;
        may(&actor, Act::SeeAuditOfAll, &Standing::default())?;
        self.audit_page(None, before, limit).await
    }

    async fn audit_page(
        &self,
        room_id: Option<i64>,
        before: Option<i64>,
        limit: usize,
    ) -> Result<(Vec<AuditView>, bool), ChatError> {
        let mut entries = self.store.audit(room_id, before, limit as u64 + 1).await?;
        let has_more = entries.len() > limit;
        entries.truncate(limit);
        Ok((entries, has_more))
    }
}
