//! Operations of the API, and the act of the policy that each of them is.

use axum::http::Method;

use crate::domain::policy::{Act, Level};

impl Act {
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
    if api == "/me" {
        return Some(Act::SeeOneself);
    }
    let reads = matches!(*method, Method::GET | Method::HEAD);
    Some(match api.strip_prefix("/rooms/{room}").unwrap_or(api) {
        "/rooms" => Act::ListRooms,
        "" if !reads => Act::PutRoom,
        "/messages" if !reads => Act::Post,
        "/messages/{id}" if *method == Method::PATCH => Act::Edit,
        "/messages/{id}" if *method == Method::DELETE => Act::Delete,
        "/messages/{id}/reactions/{emoji}" if !reads => Act::React,
        "/read" if !reads => Act::MarkRead,
        "/read" | "/presence" => Act::SeePeople,
        "/unread" => Act::CountUnread,
        "/typing" => Act::Type,
        // All else reads, and what is not there is answered to those only who may read.
        _ => Act::ReadRoom,
    })
}
