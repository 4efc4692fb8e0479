//! The ticket in a request's URL, and what the request opens with it.

use axum::http::request::Parts;

use super::super::{extract::path::path_param, operations, problem::Problem};
use crate::domain::transport::Transport;

/// The parameter that it stands in.
pub(super) const TICKET: &str = "ticket";

/// A ticket as it came, and what is to be opened.
pub(super) struct Presented {
    pub(super) text: String,
    pub(super) transport: Transport,
    pub(super) rooms: Vec<String>,
}

/// The ticket of a request, `path` as the router has it, if there is one.
///
/// # Errors
/// `400` if there are several, or if nothing is opened here.
pub(super) fn presented(parts: &Parts, path: &str) -> Result<Option<Presented>, Problem> {
    let query = parts.uri.query().unwrap_or_default();
    let values = |wanted: &'static str| {
        let pairs = url::form_urlencoded::parse(query.as_bytes());
        pairs.filter(move |(name, _)| name == wanted).map(|(_, value)| value.into_owned())
    };
    let mut tickets = values(TICKET);
    let Some(text) = tickets.next() else { return Ok(None) };
    let Some(transport) = operations::opens(path) else {
        return Err(Problem::bad_query(TICKET, "opens streams and sockets, and nothing else"));
    };
    if tickets.next().is_some() {
        return Err(Problem::bad_query(TICKET, "is given more than once"));
    }
    let rooms = if path.contains("{room}") {
        vec![path_param(parts, "room")?]
    } else if transport == Transport::WebSocket {
        vec![operations::GENERAL.to_owned()]
    } else {
        values("rooms").flat_map(|rooms| rooms.split(',').map(str::to_owned).collect::<Vec<_>>()).collect()
    };
    Ok(Some(Presented { text, transport, rooms }))
}
