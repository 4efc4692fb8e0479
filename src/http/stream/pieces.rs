//! Events as pieces of a stream's body: what is small together, what is large as the bytes that all readers share.

use std::vec;

use bytes::{Bytes, BytesMut};

use crate::chat::reading::Placed;

/// From this length on an event is not copied.
const SHARED: usize = 4 * 1024;
/// The most that is copied into one piece. However much is ready, a reader that takes nothing holds no more than this
/// of its own.
pub(crate) const JOINED: usize = 16 * 1024;
/// The bytes that an id adds to an event besides itself.
const ID_LINE: usize = "id: \n".len();

/// Which lines an event has besides its data.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lines {
    /// True if there is an `event:` line.
    pub(crate) is_named: bool,
    /// True if the `id:` line is the reader's own, with cursors of several rooms, and not the event's.
    pub(crate) of_rooms: bool,
}

/// The events that are ready together, in pieces. A piece ends where an event ends. Only a large event whose `id:` line
/// is the reader's own is two pieces: the lines before its data, and the data, which is shared.
#[derive(Debug)]
pub(crate) struct Pieces {
    lines: Lines,
    events: vec::IntoIter<Placed>,
    /// The shared part of an event whose own part was given.
    shared: Option<Bytes>,
}

impl Pieces {
    /// Splits what is ready.
    pub(crate) fn new(events: Vec<Placed>, lines: Lines) -> Self {
        Self { lines, events: events.into_iter(), shared: None }
    }

    /// The number of the next events that are copied into one piece, and the number of bytes that makes at most.
    fn small(&self) -> (usize, usize) {
        let (mut count, mut bytes) = (0, 0);
        for event in self.events.as_slice() {
            let length = event.frame.len() + event.id.as_ref().map_or(0, |id| ID_LINE + id.len());
            if event.frame.len() >= SHARED || (count > 0 && bytes + length > JOINED) {
                break;
            }
            (count, bytes) = (count + 1, bytes + length);
        }
        (count, bytes)
    }

    /// The lines that belong to this reader alone.
    fn write_own(&self, text: &mut BytesMut, event: &Placed) {
        if self.lines.of_rooms && self.lines.is_named {
            text.extend_from_slice(event.frame.event_line());
        }
        if let Some(id) = &event.id {
            for part in [b"id: ", id.as_bytes(), b"\n"] {
                text.extend_from_slice(part);
            }
        }
    }

    /// The lines that are the same for every reader.
    fn shared(&self, event: &Placed) -> Bytes {
        match self.lines {
            Lines { of_rooms: true, .. } => event.frame.data_line(),
            Lines { is_named: true, .. } => event.frame.named(),
            Lines { is_named: false, .. } => event.frame.unnamed(),
        }
    }
}

impl Iterator for Pieces {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        if let Some(shared) = self.shared.take() {
            return Some(shared);
        }
        let (count, bytes) = self.small();
        let is_alone = self.events.len() == 1 && !self.lines.of_rooms;
        if count == 0 || is_alone {
            let event = self.events.next()?;
            let (mut own, shared) = (BytesMut::new(), self.shared(&event));
            self.write_own(&mut own, &event);
            if own.is_empty() {
                return Some(shared);
            }
            self.shared = Some(shared);
            return Some(own.freeze());
        }
        let mut joined = BytesMut::with_capacity(bytes);
        for _ in 0..count {
            let event = self.events.next()?;
            self.write_own(&mut joined, &event);
            joined.extend_from_slice(&self.shared(&event));
        }
        Some(joined.freeze())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        chat::reading::Frame,
        domain::{EventId, event::EventBody, name::RoomName},
    };

    /// An event of about this length.
    fn event(id: EventId, length: usize) -> Frame {
        let room = RoomName::parse("general").unwrap();
        Frame::new(&EventBody::RoomUpdated {
            room: &room,
            id,
            title: "",
            topic: &"x".repeat(length),
            visibility: None,
            posting: None,
            slow_mode: None,
        })
    }

    fn placed(lengths: &[usize], ids: bool) -> Vec<Placed> {
        let frames = (1..).zip(lengths).map(|(id, length)| event(id, *length));
        let place = |frame: Frame| Placed { id: ids.then(|| format!("{},0", frame.id().unwrap_or_default())), frame };
        frames.map(place).collect()
    }

    fn pieces(events: &[Placed], is_named: bool, of_rooms: bool) -> Vec<Bytes> {
        Pieces::new(events.to_vec(), Lines { is_named, of_rooms }).collect()
    }

    #[test]
    fn what_is_small_comes_together_and_what_is_large_is_shared() {
        let events = placed(&[10, 10, SHARED, 10, 5_000, 6_000, 10], false);
        for is_named in [true, false] {
            let pieces = pieces(&events, is_named, false);
            let whole = |at: usize| if is_named { events[at].frame.named() } else { events[at].frame.unnamed() };
            let joined = |at: usize| [whole(at), whole(at + 1)].concat();
            assert_eq!(pieces, [joined(0).into(), whole(2), whole(3), whole(4), whole(5), whole(6)]);
            for (piece, at) in [(1, 2), (3, 4), (4, 5), (5, 6)] {
                assert_eq!(pieces[piece].as_ptr(), whole(at).as_ptr(), "not copied");
            }
        }
    }

    #[test]
    fn no_more_than_a_little_is_copied_at_once() {
        let events = placed(&[1_000; 100], false);
        let pieces = pieces(&events, true, false);
        assert!(pieces.iter().all(|piece| piece.len() <= JOINED && piece.ends_with(b"\n\n")));
        assert!(pieces.len() <= 8, "{} pieces", pieces.len());
        let all: Vec<_> = events.iter().map(|event| event.frame.named()).collect();
        assert_eq!(pieces.concat(), all.concat());
    }

    #[test]
    fn of_several_rooms_only_the_id_is_the_readers_own() {
        let events = placed(&[10, SHARED, 10], true);
        let data = |at: usize| String::from_utf8(events[at].frame.data_line().into()).unwrap();
        let named = pieces(&events, true, true);
        let own = |at: usize| format!("event: room_updated\nid: {at},0\n");
        let expected = [own(1) + &data(0), own(2), data(1), own(3) + &data(2)];
        assert_eq!(named, expected.map(Bytes::from));
        assert_eq!(named[2].as_ptr(), events[1].frame.data_line().as_ptr(), "not copied");
        let unnamed = pieces(&events, false, true);
        let expected =
            ["id: 1,0\n".to_owned() + &data(0), "id: 2,0\n".into(), data(1), "id: 3,0\n".to_owned() + &data(2)];
        assert_eq!(unnamed, expected.map(Bytes::from));

        // An event that moves no cursor.
        let events = placed(&[SHARED, 10], false);
        assert_eq!(pieces(&events, false, true), [events[0].frame.data_line(), events[1].frame.data_line()]);
    }
}
