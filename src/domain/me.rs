//! The caller, as it is told.

use serde::Serialize;
use utoipa::ToSchema;

use super::{name::Username, timestamp::Timestamp};

/// The caller, and what the server lets anybody do.
#[derive(Debug, Serialize, ToSchema)]
pub struct Me {
    /// The mode of authorization: `open`, where names are claimed, or `required`.
    #[schema(example = "required")]
    pub auth: &'static str,
    /// The ways to an account: `off`, `invite` or `open`.
    #[schema(example = "off")]
    pub accounts: &'static str,
    /// True if public rooms may be read without a credential.
    pub guests: bool,
    /// The user of the credential; `null` without one, and in open mode.
    #[schema(required)]
    pub username: Option<Username>,
    /// The kind of the user: `person` or `bot`.
    #[schema(required, example = "person")]
    pub kind: Option<&'static str>,
    /// True if the user may do what admins may.
    pub admin: bool,
    /// The rights that the credential and the user have together.
    #[schema(example = json!(["read", "post"]))]
    pub rights: Vec<&'static str>,
    /// The time from which on the credential is refused; `null` if it does not end.
    #[schema(required)]
    pub expires_at: Option<Timestamp>,
}
