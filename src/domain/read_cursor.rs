//! Read cursors: the position up to which a user has read a room.

use serde::Serialize;
use utoipa::ToSchema;

use super::{EventId, name::Username, timestamp::Timestamp};

/// A user's place in a room: every message with this id or a lower one is read.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ReadCursor {
    /// The user.
    pub username: Username,
    /// Up to where.
    #[schema(value_type = i64, minimum = 0, example = 42)]
    pub last_read_id: EventId,
    /// The time it was moved last.
    pub updated_at: Timestamp,
}
