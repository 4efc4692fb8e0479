//! The audit: what moderators and admins did, without anybody's words.

use serde::Serialize;
use utoipa::ToSchema;

use super::{
    EventId,
    name::{RoomName, Username},
    timestamp::Timestamp,
};

/// Something that a moderator or an admin did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// The user who did it.
    pub by: Username,
    /// The word for what was done.
    pub act: &'static str,
    /// The user it was done to, if it was.
    pub username: Option<Username>,
    /// The message it was done to, if it was.
    pub message_id: Option<EventId>,
    /// The reason, if one was given.
    pub reason: Option<String>,
}

/// An entry of the audit, as an answer shows it.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = AuditEntry)]
pub struct AuditView {
    /// Its number; the newest has the highest.
    #[schema(example = 7, minimum = 1)]
    pub id: i64,
    /// The time of it.
    pub at: Timestamp,
    /// The room; null for what is about no room.
    #[schema(required)]
    pub room: Option<RoomName>,
    /// The user who did it.
    pub by: Username,
    /// The word for what was done.
    #[schema(example = "ban")]
    pub act: String,
    /// The user it was done to, if it was.
    #[schema(required)]
    pub username: Option<Username>,
    /// The message it was done to, if it was.
    #[schema(required, value_type = Option<i64>)]
    pub message_id: Option<EventId>,
    /// The reason, if one was given.
    #[schema(required)]
    pub reason: Option<String>,
}
