//! Samples of accounts: sessions, invitations, and what signs in.

use serde_json::{Value, json};

use super::{at, sent};
use crate::domain::{
    account::{InvitationView, SessionView},
    name::Username,
};

/// A password that nobody should have after this.
const PASSWORD: &str = "correct horse battery staple";

/// Somebody who registers.
pub(in crate::http) fn registration() -> Value {
    json!({"username": "Alice", "password": PASSWORD})
}

/// Somebody who signs in.
pub(in crate::http) fn sign_in() -> Value {
    registration()
}

/// A password to be changed.
pub(in crate::http) fn password_change() -> Value {
    json!({"current": PASSWORD, "new": "another horse, another staple"})
}

/// A page of sessions.
pub(in crate::http) fn sessions() -> Value {
    let session = SessionView {
        id: 7,
        created_at: at(0),
        last_used_at: at(60),
        expires_at: None,
        agent: Some("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0".into()),
        address: "192.0.2.7".into(),
        current: true,
    };
    json!({"sessions": [sent(session)], "next": null})
}

fn invited() -> Value {
    let (username, week) = (Some(Username::stored("Bob")), 7 * 24 * 60 * 60);
    sent(InvitationView { id: 7, username, created_at: at(0), expires_at: at(week) })
}

/// An invitation to be made.
pub(in crate::http) fn invitation() -> Value {
    json!({"username": "Bob"})
}

/// A page of invitations.
pub(in crate::http) fn invitations() -> Value {
    json!({"invitations": [invited()], "next": null})
}

/// An invitation that was just made.
pub(in crate::http) fn made_invitation() -> Value {
    let mut made = invited();
    made["invitation"] = json!(format!("pli_{}", "0".repeat(43)));
    made
}

/// A secret for a new password.
pub(in crate::http) fn reset() -> Value {
    json!({"reset": format!("plp_{}", "0".repeat(43)), "expires_in": 3600})
}
