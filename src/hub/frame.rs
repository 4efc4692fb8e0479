//! One event, encoded once for everybody who reads it.

use bytes::Bytes;

use crate::domain::{
    EventId,
    event::{EventBody, EventType},
};

/// The text before an event's JSON.
const DATA: &[u8] = b"data: ";

/// An event's bytes: `event:`, `id:` and `data:` lines in this order, so that the named frame, the
/// unnamed frame and the JSON text are slices of one buffer.
#[derive(Debug, Clone)]
pub struct Frame {
    bytes: Bytes,
    id_at: u16,
    data_at: u16,
    kind: EventType,
    id: Option<EventId>,
}

/// An event on its way to one reader.
#[derive(Debug, Clone)]
pub struct Placed {
    /// The event.
    pub frame: Frame,
    /// The reader's cursors in every room once it has the event, if it reads several and the event moves a cursor. In a
    /// room of its own, the id that the event carries says it all.
    pub id: Option<String>,
}

impl From<Frame> for Placed {
    fn from(frame: Frame) -> Self {
        Self { frame, id: None }
    }
}

impl Frame {
    /// Encodes an event. JSON escapes every control character, so the data stays on its line
    /// whatever people write (<https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream>).
    ///
    /// # Panics
    /// Never: an event has only string keys, and its type and id are short.
    #[must_use]
    pub fn new(body: &EventBody<'_>) -> Self {
        let mut text = Vec::with_capacity(256);
        text.extend_from_slice(b"event: ");
        text.extend_from_slice(body.kind().as_str().as_bytes());
        text.push(b'\n');
        let id_at = text.len();
        if let Some(id) = body.id() {
            text.extend_from_slice(format!("id: {id}\n").as_bytes());
        }
        text.extend_from_slice(DATA);
        let data_at = text.len();
        serde_json::to_writer(&mut text, body).expect("an event has only string keys, and memory takes every write");
        text.extend_from_slice(b"\n\n");
        // A ring keeps what it is given: no spare capacity beside each event.
        text.shrink_to_fit();
        let at = |position: usize| u16::try_from(position).expect("a type and an id are short");
        Self { bytes: text.into(), id_at: at(id_at), data_at: at(data_at), kind: body.kind(), id: body.id() }
    }

    /// The whole SSE frame.
    #[must_use]
    pub fn named(&self) -> Bytes {
        self.bytes.clone()
    }

    /// The SSE frame without its `event:` line.
    #[must_use]
    pub fn unnamed(&self) -> Bytes {
        self.bytes.slice(usize::from(self.id_at)..)
    }

    /// The JSON text alone.
    #[must_use]
    pub fn json(&self) -> Bytes {
        self.bytes.slice(usize::from(self.data_at)..self.bytes.len() - 2)
    }

    /// The `event:` line alone.
    #[must_use]
    pub fn event_line(&self) -> &[u8] {
        &self.bytes[..usize::from(self.id_at)]
    }

    /// The `data:` line, and the empty line that ends the event.
    #[must_use]
    pub fn data_line(&self) -> Bytes {
        self.bytes.slice(usize::from(self.data_at) - DATA.len()..)
    }

    /// The event's type.
    #[must_use]
    pub fn kind(&self) -> EventType {
        self.kind
    }

    /// The id it carries, if any.
    #[must_use]
    pub fn id(&self) -> Option<EventId> {
        self.id
    }

    /// The number of bytes of the whole frame.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "a frame is never empty")]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{event::ServiceStatus, name::RoomName};

    #[test]
    fn the_three_forms_are_slices_of_one_buffer() {
        let room = RoomName::parse("general").unwrap();
        let frame = Frame::new(&EventBody::Ping { room: &room, id: 7, cursor: 7 });
        let json = r#"{"type":"ping","room":"general","id":7,"cursor":7}"#;
        assert_eq!(frame.named(), format!("event: ping\nid: 7\ndata: {json}\n\n"));
        assert_eq!(frame.unnamed(), format!("id: 7\ndata: {json}\n\n"));
        assert_eq!(frame.json(), json);
        assert_eq!(frame.event_line(), b"event: ping\n");
        assert_eq!(frame.data_line(), format!("data: {json}\n\n"));
        assert_eq!(frame.id(), Some(7));

        let frame = Frame::new(&EventBody::ServiceStatus { room: &room, status: ServiceStatus::Degraded });
        let json = r#"{"type":"service_status","room":"general","status":"degraded"}"#;
        assert_eq!(frame.unnamed(), format!("data: {json}\n\n"));
        assert_eq!(frame.unnamed(), frame.data_line());
    }
}
