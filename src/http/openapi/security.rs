//! The security of each operation: which credentials it takes, and what it answers without a good one.

use utoipa::openapi::{
    Components, OpenApi as Document, Ref, RefOr, SecurityRequirement,
    path::Operation,
    security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityScheme},
};

use super::{super::operations, answers};
use crate::{
    config::AuthMode,
    domain::policy::{Act, SessionNeeded},
};

const BEARER: &str = "bearer";
const BASIC: &str = "basic";
const COOKIE: &str = "cookie";
const TICKET: &str = "ticket";

/// States the security of every operation, as the mode has it: in open mode none needs a credential, and the answers
/// of both modes are documented.
pub fn state(document: &mut Document, mode: AuthMode) {
    schemes(document.components.get_or_insert_default());
    for (path, item) in &mut document.paths.paths {
        let about_a_room = path.contains("{room}");
        let operations = [
            (axum::http::Method::GET, &mut item.get),
            (axum::http::Method::PUT, &mut item.put),
            (axum::http::Method::POST, &mut item.post),
            (axum::http::Method::PATCH, &mut item.patch),
            (axum::http::Method::DELETE, &mut item.delete),
        ];
        for (method, operation) in operations {
            let Some(operation) = operation else { continue };
            let Some(act) = operations::act(&method, path) else {
                operation.security = Some(Vec::new());
                continue;
            };
            let takes_ticket = operations::opens(path).is_some();
            operation.security = Some(requirements(act, mode, takes_ticket));
            add(operation, answers::UNAUTHENTICATED);
            add(operation, answers::NOT_ALLOWED);
            // What open mode does not have is not there.
            let is_of_required = matches!(
                act,
                Act::MakeRoom | Act::OpenDirect | Act::SeeAuditOfAll | Act::MakeTicket | Act::ExtendStream
            );
            let is_of_required = is_of_required || act.is_about_accounts();
            if about_a_room || act.is_in_a_room() || is_of_required {
                add(operation, answers::NOT_FOUND);
            }
        }
    }
    // Each operation says it for itself.
    document.security = None;
}

/// The credentials that are taken, each good by itself; the empty one stands for none at all.
fn requirements(act: Act, mode: AuthMode, takes_ticket: bool) -> Vec<SecurityRequirement> {
    let brings_its_own = act == Act::ExtendStream;
    let none = (mode == AuthMode::Open || act.is_for_guests() || brings_its_own).then(SecurityRequirement::default);
    if act.begins_session() {
        return vec![SecurityRequirement::default()];
    }
    // Only who has signed in has a cookie. Keys of bots are made by a key, too.
    let is_by_session = matches!(act.rule().session, SessionNeeded::Any | SessionNeeded::ByPassword);
    let needs_cookie = is_by_session && act != Act::KeepKeys;
    let schemes: &[&str] = if needs_cookie { &[COOKIE] } else { &[BEARER, BASIC, COOKIE] };
    let schemes = schemes.iter().copied().chain(takes_ticket.then_some(TICKET));
    none.into_iter().chain(schemes.map(|scheme| SecurityRequirement::new(scheme, Vec::<String>::new()))).collect()
}

/// Adds an answer, unless the operation has its own of that status.
fn add(operation: &mut Operation, (status, name, ..): answers::Answer) {
    let answer = || RefOr::Ref(Ref::from_response_name(name));
    operation.responses.responses.entry(status.to_owned()).or_insert_with(answer);
}

fn schemes(components: &mut Components) {
    let mut bearer = Http::new(HttpAuthScheme::Bearer);
    bearer.description =
        Some("An API key (`plr_…`), or a token (JWT) signed by a key that the server was given.".to_owned());
    let mut basic = Http::new(HttpAuthScheme::Basic);
    basic.description =
        Some("An API key as the password; the name is ignored. For clients that can do no other.".to_owned());
    let cookie = ApiKeyValue::with_description(
        "parlor",
        "The session of a browser that is signed in; its name is `__Host-parlor` where --public-url is https.",
    );
    components.add_security_scheme(COOKIE, SecurityScheme::ApiKey(ApiKey::Cookie(cookie)));
    components.add_security_scheme(BEARER, SecurityScheme::Http(bearer));
    components.add_security_scheme(BASIC, SecurityScheme::Http(basic));
    let ticket = "A ticket (`plt_…`) of `POST /api/v1/tickets`: opens one stream or socket, once.";
    let ticket = ApiKey::Query(ApiKeyValue::with_description("ticket", ticket));
    components.add_security_scheme(TICKET, SecurityScheme::ApiKey(ticket));
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::super::document_of;
    use crate::config::AuthMode;

    fn security(mode: AuthMode, path: &str, method: &str) -> Value {
        let document = serde_json::to_value(document_of(mode)).unwrap();
        document["paths"][path][method]["security"].clone()
    }

    #[test]
    fn every_operation_states_its_security() {
        for mode in [AuthMode::Open, AuthMode::Required] {
            let document = serde_json::to_value(document_of(mode)).unwrap();
            for (path, item) in document["paths"].as_object().unwrap() {
                for (method, operation) in item.as_object().unwrap().iter().filter(|(name, _)| *name != "parameters") {
                    let security = operation["security"].as_array();
                    let security = security.unwrap_or_else(|| panic!("{method} {path} states no security"));
                    assert_eq!(security.is_empty(), path.ends_with('z'), "{method} {path}");
                    let may_be_none = security.contains(&json!({}));
                    assert!(mode == AuthMode::Required || may_be_none || path.ends_with('z'), "{method} {path}");
                }
            }
        }
    }

    #[test]
    fn what_guests_may_not_do_needs_a_credential_only_where_one_is_required() {
        let messages = "/api/v1/rooms/{room}/messages";
        let (any, known) = (
            json!([{}, {"bearer": []}, {"basic": []}, {"cookie": []}]),
            json!([{"bearer": []}, {"basic": []}, {"cookie": []}]),
        );
        assert_eq!(security(AuthMode::Open, messages, "post"), any);
        assert_eq!(security(AuthMode::Required, messages, "post"), known);
        assert_eq!(security(AuthMode::Required, messages, "get"), any);
        assert_eq!(security(AuthMode::Required, "/api/v1/me", "get"), any);
        assert_eq!(security(AuthMode::Required, "/api/v1/tickets", "post"), known);
        for path in ["/api/v1/invitations", "/api/v1/users/{username}/reset", "/api/v1/keys"] {
            assert_eq!(security(AuthMode::Required, path, "post"), known, "{path}: a whole key does");
        }
        let opened = json!([{}, {"bearer": []}, {"basic": []}, {"cookie": []}, {"ticket": []}]);
        for path in ["/api/v1/stream", "/api/v1/rooms/{room}/stream", "/api/v1/rooms/{room}/ws", "/ws/chat/"] {
            assert_eq!(security(AuthMode::Required, path, "get"), opened, "{path}");
        }
    }

    #[test]
    fn a_stream_of_rooms_may_be_refused_for_want_of_a_right_or_a_room() {
        let document = serde_json::to_value(document_of(AuthMode::Required)).unwrap();
        for (path, status) in [("/api/v1/stream", "403"), ("/api/v1/stream", "404"), ("/api/v1/me", "403")] {
            assert!(document["paths"][path]["get"]["responses"][status].is_object(), "{path} {status}");
        }
    }

    #[test]
    fn where_credentials_are_required_nobody_has_to_say_who_acts() {
        let needed = |mode| {
            let document = serde_json::to_value(document_of(mode)).unwrap();
            let operation = &document["paths"]["/api/v1/rooms/{room}/messages/{id}"]["delete"];
            let parameters = operation["parameters"].as_array().unwrap();
            let name = parameters.iter().find(|parameter| parameter["name"] == "username").unwrap();
            let schemas = &document["components"]["schemas"];
            let has = |schema: &str| schemas[schema]["required"].as_array().unwrap().contains(&json!("username"));
            (name["required"].clone(), has("NewMessage"), has("Register"))
        };
        assert_eq!(needed(AuthMode::Open), (json!(true), true, true));
        assert_eq!(needed(AuthMode::Required), (json!(false), false, true));
    }
}
