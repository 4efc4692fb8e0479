//! Sessions and invitations: how long they last, and how they are shown.

use std::time::Duration;

use serde::Serialize;
use utoipa::ToSchema;

use super::{name::Username, timestamp::Timestamp};

/// The time after its last use in which a session ends.
pub const SESSION_IDLE: Duration = Duration::from_hours(30 * 24);
/// The time that an invitation is good for, unless another is asked for.
pub const INVITATION_LASTS: Duration = Duration::from_hours(7 * 24);
/// The longest time that an invitation is good for.
pub const INVITATION_LONGEST: Duration = Duration::from_hours(365 * 24);
/// The time in which a new password is to be set.
pub const RESET_LASTS: Duration = Duration::from_hours(1);

/// A browser that is signed in.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Session)]
pub struct SessionView {
    /// Its number.
    #[schema(example = 7, minimum = 1)]
    pub id: i64,
    /// The time of the sign-in.
    pub created_at: Timestamp,
    /// The time it was last used, to the minute.
    pub last_used_at: Timestamp,
    /// The time it ends, if it was begun with a token; `null` otherwise: it ends when it was not used for 30 days.
    #[schema(required)]
    pub expires_at: Option<Timestamp>,
    /// The browser, as it calls itself.
    #[schema(required, example = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")]
    pub agent: Option<String>,
    /// The address that it signed in from, or `unix` where a Unix socket told none.
    #[schema(example = "192.0.2.7")]
    pub address: String,
    /// True if it is the one that asks.
    pub current: bool,
}

/// An invitation, without its secret.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Invitation)]
pub struct InvitationView {
    /// Its number.
    #[schema(example = 7, minimum = 1)]
    pub id: i64,
    /// The only name that it registers; `null` for any.
    #[schema(required)]
    pub username: Option<Username>,
    /// The time it was made.
    pub created_at: Timestamp,
    /// The time from which on it is good no longer.
    pub expires_at: Timestamp,
}
