//! Operations of the API, and the act of the policy that each of them is.

use axum::http::Method;

use crate::domain::policy::{Act, Level};

impl Act {
    /// Returns true if it begins a session: whichever credential comes with it is of no matter.
    #[must_use]
    pub fn begins_session(self) -> bool {
        matches!(self, Self::Register | Self::SignIn)
    }

    /// Returns true if it is about accounts and what signs in: by cookie only pages of this server do that, and no others
    /// that may do the rest.
    #[must_use]
    pub fn is_about_accounts(self) -> bool {
        matches!(
            self,
            Self::Register | Self::SignIn | Self::SignOut | Self::KeepAccount | Self::Invite | Self::ResetPassword
        )
    }

    /// Returns true if it needs no credential, where guests are let in.
    #[must_use]
    pub fn is_for_guests(self) -> bool {
        self.rule().level == Level::Guest
    }
}

/// The act of a route, `path` as the router has it; absent for what is everybody's: pages, probes, documents.
#[must_use]
pub fn act(method: &Method, path: &str) -> Option<Act> {
    let api = path.strip_prefix("/api/v1").or_else(|| path.starts_with("/ws/").then_some("/ws"))?;
    match api {
        "/me" if *method == Method::DELETE => return Some(Act::KeepAccount),
        "/me" => return Some(Act::SeeOneself),
        "/audit" => return Some(Act::SeeAuditOfAll),
        "/dms/{username}" => return Some(Act::OpenDirect),
        "/accounts" => return Some(Act::Register),
        "/session" if *method == Method::DELETE => return Some(Act::SignOut),
        "/session" => return Some(Act::SignIn),
        "/sessions" | "/sessions/{id}" | "/me/password" => return Some(Act::KeepAccount),
        "/invitations" | "/invitations/{id}" => return Some(Act::Invite),
        "/users/{username}/reset" => return Some(Act::ResetPassword),
        _ => {}
    }
    let reads = matches!(*method, Method::GET | Method::HEAD);
    Some(match api.strip_prefix("/rooms/{room}").unwrap_or(api) {
        "/rooms" if reads => Act::ListRooms,
        "/rooms" => Act::MakeRoom,
        "" if !reads => Act::ChangeRoom,
        "/messages" if !reads => Act::Post,
        "/messages/{id}" if *method == Method::PATCH => Act::Edit,
        "/messages/{id}" if *method == Method::DELETE => Act::Delete,
        "/messages/{id}/reactions/{emoji}" if !reads => Act::React,
        "/read" if !reads => Act::MarkRead,
        "/read" | "/presence" | "/members" => Act::SeePeople,
        "/members/{username}" if *method == Method::DELETE => Act::RemoveMember,
        "/members/{username}" => Act::SetMember,
        "/join" => Act::Join,
        "/audit" => Act::SeeAudit,
        "/bans" => Act::SeeBans,
        "/bans/{username}" => Act::Ban,
        "/mutes/{username}" => Act::Mute,
        "/unread" => Act::CountUnread,
        "/typing" => Act::Type,
        // All else reads, and what is not there is answered to those only who may read.
        _ => Act::ReadRoom,
    })
}

/// The act of a frame that a client sends on a socket, by its `type`; absent for a type that there is not.
#[must_use]
pub fn frame_act(kind: &str) -> Option<Act> {
    Some(match kind {
        "user_join" => Act::Attend,
        "chat_message" => Act::Post,
        "typing" => Act::Type,
        "edit_message" => Act::Edit,
        "delete_message" => Act::Delete,
        "react" => Act::React,
        "read" => Act::MarkRead,
        _ => return None,
    })
}
