//! Operations of the API, and the act of the policy that each of them is. One without a row is served to nobody where
//! credentials are required.

use axum::http::Method;

use crate::domain::{policy::Act, transport::Transport};

/// The room of the sockets whose path names none.
pub const GENERAL: &str = "general";

/// The act of a route, `path` as the router has it; absent for what is everybody's (pages, probes, documents), and for an
/// operation that has no row here, which is refused.
#[must_use]
pub fn act(method: &Method, path: &str) -> Option<Act> {
    // What is read can also be asked for by its head alone.
    let method = if *method == Method::HEAD { "GET" } else { method.as_str() };
    Some(match (method, below_the_root(path)?) {
        ("GET", "/me" | "/limits") => Act::SeeOneself,
        ("DELETE", "/me" | "/sessions/{id}") | ("PUT", "/me/password") | ("GET", "/sessions") => Act::KeepAccount,
        ("POST", "/accounts") => Act::Register,
        ("POST", "/session") => Act::SignIn,
        ("DELETE", "/session") => Act::SignOut,
        ("GET" | "POST", "/invitations") | ("DELETE", "/invitations/{id}") => Act::Invite,
        ("POST", "/users/{username}/reset") => Act::ResetPassword,
        ("GET", "/audit") => Act::SeeAuditOfAll,
        ("GET" | "POST", "/keys") | ("DELETE", "/keys/{id}") => Act::KeepKeys,
        ("POST", "/tickets") => Act::MakeTicket,
        ("POST", "/streams/{stream}/token") => Act::ExtendStream,
        ("GET", "/users") => Act::FindUsers,
        ("PATCH", "/users/{username}") => Act::ChangeUser,
        ("PUT", "/dms/{username}") => Act::OpenDirect,
        ("GET", "/rooms") => Act::ListRooms,
        ("POST", "/rooms") => Act::MakeRoom,
        ("PUT", "/rooms/{room}") => Act::ChangeRoom,
        (
            "GET",
            "/rooms/{room}"
            | "/rooms/{room}/messages"
            | "/rooms/{room}/messages/{id}"
            | "/rooms/{room}/messages/{id}/revisions"
            | "/rooms/{room}/messages/{id}/reactions/{emoji}"
            | "/rooms/{room}/search"
            | "/rooms/{room}/stream"
            | "/rooms/{room}/poll"
            | "/rooms/{room}/ws"
            | "/stream"
            | "/ws/chat/{room}/"
            | "/ws/chat/",
        ) => Act::ReadRoom,
        ("POST", "/rooms/{room}/messages") => Act::Post,
        ("PATCH", "/rooms/{room}/messages/{id}") => Act::Edit,
        ("DELETE", "/rooms/{room}/messages/{id}") => Act::Delete,
        ("PUT" | "DELETE", "/rooms/{room}/messages/{id}/reactions/{emoji}") => Act::React,
        ("PUT", "/rooms/{room}/read") => Act::MarkRead,
        ("GET", "/rooms/{room}/read" | "/rooms/{room}/presence" | "/rooms/{room}/members") => Act::SeePeople,
        ("PUT", "/rooms/{room}/members/{username}") => Act::SetMember,
        ("DELETE", "/rooms/{room}/members/{username}") => Act::RemoveMember,
        ("POST", "/rooms/{room}/join") => Act::Join,
        ("GET", "/rooms/{room}/audit") => Act::SeeAudit,
        ("GET", "/rooms/{room}/bans") => Act::SeeBans,
        ("PUT" | "DELETE", "/rooms/{room}/bans/{username}") => Act::Ban,
        ("PUT" | "DELETE", "/rooms/{room}/mutes/{username}") => Act::Mute,
        ("GET", "/rooms/{room}/unread") => Act::CountUnread,
        ("POST", "/rooms/{room}/typing") => Act::Type,
        _ => return None,
    })
}

/// Returns true if a path is one of the API, be there something or not: nothing of it is everybody's.
#[must_use]
pub fn is_of_the_api(path: &str) -> bool {
    below_the_root(path).is_some()
}

/// The methods that a path of the API takes, as the header `Allow` has them; empty if nothing is there.
#[must_use]
pub fn allowed(path: &str) -> String {
    let methods = [Method::GET, Method::HEAD, Method::PUT, Method::POST, Method::PATCH, Method::DELETE];
    let taken = methods.iter().filter(|method| act(method, path).is_some()).map(Method::as_str);
    taken.collect::<Vec<_>>().join(",")
}

/// The path below the root of the API, or the whole of one of the tutorial's sockets.
fn below_the_root(path: &str) -> Option<&str> {
    let is_inside = |rest: &&str| rest.is_empty() || rest.starts_with('/');
    path.strip_prefix("/api/v1").filter(is_inside).or_else(|| path.starts_with("/ws/").then_some(path))
}

/// The transport that a `GET` of a route opens, `path` as the router has it; absent for what is no stream and no socket.
#[must_use]
pub fn opens(path: &str) -> Option<Transport> {
    if path.starts_with("/ws/") || path.ends_with("/ws") {
        return Some(Transport::WebSocket);
    }
    path.ends_with("/stream").then_some(Transport::Sse)
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

#[cfg(test)]
mod tests {
    use super::{super::document, *};

    /// Every operation of the document, which has all that the router has of the API.
    fn operations() -> Vec<(Method, String)> {
        let document = serde_json::to_value(document()).unwrap();
        let mut found = Vec::new();
        for (path, methods) in document["paths"].as_object().unwrap() {
            let methods = methods.as_object().unwrap().keys().map(|method| method.to_ascii_uppercase());
            found.extend(methods.filter_map(|method| {
                let known = [Method::GET, Method::PUT, Method::POST, Method::PATCH, Method::DELETE];
                known.into_iter().find(|known| known.as_str() == method).map(|method| (method, path.clone()))
            }));
        }
        assert!(found.len() > 35, "{found:?}");
        found
    }

    /// Or a page that may do the rest for somebody could take the account, too.
    #[test]
    fn what_is_about_accounts_is_for_pages_of_this_server_alone() {
        const PATHS: [&str; 7] =
            ["/accounts", "/session", "/sessions", "/me/password", "/invitations", "/keys", "/users"];
        let mut count = 0;
        for (method, path) in operations() {
            let Some(act) = act(&method, &path) else { continue };
            let below = path.strip_prefix("/api/v1").unwrap_or(&path);
            let is_below =
                |root: &&str| below.strip_prefix(*root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
            let expected = PATHS.iter().any(is_below) || (method == Method::DELETE && below == "/me");
            assert_eq!(act.is_about_accounts(), expected, "{method} {path}");
            count += usize::from(expected);
        }
        assert!(count >= 15, "{count}");
    }

    #[test]
    fn each_operation_has_a_row_of_its_own() {
        for (method, path) in operations() {
            let is_everybodys = ["/healthz", "/readyz"].contains(&path.as_str());
            assert_eq!(is_of_the_api(&path), !is_everybodys, "{path}");
            assert_eq!(act(&method, &path).is_some(), !is_everybodys, "{method} {path} has no row in `act`");
            assert!(is_everybodys || allowed(&path).split(',').any(|allowed| allowed == method.as_str()), "{path}");
        }
    }

    #[test]
    fn what_has_no_row_is_no_act() {
        for (method, path) in [
            (Method::GET, "/api/v1/rooms/{room}/secrets"),
            (Method::DELETE, "/api/v1/rooms"),
            (Method::POST, "/api/v1/rooms/{room}/messages/{id}"),
            (Method::GET, "/api/v1/rooms/{room}/typing"),
            (Method::OPTIONS, "/api/v1/rooms"),
            (Method::GET, "/api/v1"),
            (Method::GET, "/ws/else"),
        ] {
            assert_eq!(act(&method, path), None, "{method} {path}");
            assert!(is_of_the_api(path), "{path}");
        }
        assert!(["/", "/healthz", "/api/v10/rooms", "/api/v2"].iter().all(|path| !is_of_the_api(path)));
        assert_eq!(allowed("/api/v1/rooms"), "GET,HEAD,POST");
        assert_eq!(allowed("/api/v1/rooms/{room}/secrets"), "");
    }
}
