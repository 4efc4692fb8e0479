//! Tickets: the stream or socket that each opens.

use std::collections::HashSet;

use super::{
    cursor::MAX_ROOMS,
    invalid::{Check, Invalid},
    message::required,
    name::{NAME_RULE, RoomName},
    transport::Transport,
};

/// The transports that are opened by a ticket: a browser's `EventSource` and `WebSocket` send no header.
pub const TRANSPORTS: [Transport; 2] = [Transport::Sse, Transport::WebSocket];

/// The stream or socket that a ticket opens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opening {
    /// The transport.
    pub transport: Transport,
    /// The rooms that it may read, all or some of them; there is at least one.
    pub rooms: Vec<RoomName>,
}

impl Opening {
    /// The opening that a request for a ticket asks for.
    ///
    /// # Errors
    /// [`Invalid`] for the fields `rooms` and `transport`.
    pub fn check(rooms: Option<&[String]>, transport: Option<&str>) -> Result<Self, Vec<Invalid>> {
        let mut check = Check::default();
        let rooms = check.take(required("rooms", rooms).and_then(parse_rooms));
        let transport = check.take(required("transport", transport).and_then(parse_transport));
        check.finish(rooms.zip(transport).map(|(rooms, transport)| Self { transport, rooms }))
    }

    /// Returns true if a ticket for it opens these rooms by this transport.
    #[must_use]
    pub fn covers<'a>(&self, transport: Transport, rooms: impl IntoIterator<Item = &'a str>) -> bool {
        let own: HashSet<_> = self.rooms.iter().map(RoomName::as_str).collect();
        self.transport == transport && rooms.into_iter().all(|room| own.contains(room))
    }
}

/// The transport that a word stands for, if a ticket opens it.
fn parse_transport(word: &str) -> Result<Transport, Invalid> {
    let found = TRANSPORTS.into_iter().find(|transport| transport.word() == word);
    found.ok_or_else(|| Invalid::new("transport", "has to be sse or websocket"))
}

fn parse_rooms(names: &[String]) -> Result<Vec<RoomName>, Invalid> {
    let invalid = |detail: String| Invalid::new("rooms", detail);
    if !(1..=MAX_ROOMS).contains(&names.len()) {
        return Err(invalid(format!("has to name 1 to {MAX_ROOMS} rooms")));
    }
    let rooms: Result<Vec<_>, _> = names.iter().map(|name| RoomName::parse(name)).collect();
    rooms.map_err(|_| invalid(format!("each is a room's name: {NAME_RULE}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rooms(names: &[&str]) -> Vec<String> {
        names.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_ticket_covers_its_rooms_by_its_transport_and_no_more() {
        let opening = Opening::check(Some(&rooms(&["general", "team-a"])), Some("sse")).unwrap();
        for (transport, asked, is_covered) in [
            (Transport::Sse, &["general"][..], true),
            (Transport::Sse, &["team-a", "general"], true),
            (Transport::Sse, &["general", "team-b"], false),
            (Transport::Sse, &["General"], false),
            (Transport::Sse, &["team-*"], false),
            (Transport::WebSocket, &["general"], false),
            (Transport::LongPoll, &["general"], false),
        ] {
            assert_eq!(opening.covers(transport, asked.iter().copied()), is_covered, "{transport:?} {asked:?}");
        }
        let socket = Opening::check(Some(&rooms(&["general"])), Some("websocket")).unwrap();
        assert_eq!(socket.transport, Transport::WebSocket);
    }

    #[test]
    fn what_opens_nothing_is_refused() {
        let fields = |names: Option<&[String]>, transport| {
            let wrong = Opening::check(names, transport).map(|_| ()).unwrap_err();
            wrong.into_iter().map(|invalid| invalid.field).collect::<Vec<_>>()
        };
        assert_eq!(fields(None, None), ["rooms", "transport"]);
        let (one, most, many) = (rooms(&["general"]), rooms(&["a"; MAX_ROOMS]), rooms(&["a"; MAX_ROOMS + 1]));
        assert!(Opening::check(Some(&most), Some("sse")).is_ok());
        for names in [&many, &rooms(&[]), &rooms(&["a b"]), &rooms(&["team-*"]), &rooms(&[""])] {
            assert_eq!(fields(Some(names), Some("sse")), ["rooms"], "{names:?}");
        }
        let detail = |names: &[&str], transport| {
            Opening::check(Some(&rooms(names)), Some(transport)).unwrap_err().remove(0).detail
        };
        assert_eq!(detail(&["a b"], "sse"), "each is a room's name: 1 to 100 of A-Z a-z 0-9 _ -");
        assert_eq!(detail(&["general"], "x"), "has to be sse or websocket");
        for transport in ["SSE", "poll", "long_poll", "", "sse,websocket"] {
            assert_eq!(fields(Some(&one), Some(transport)), ["transport"], "{transport:?}");
        }
    }
}
