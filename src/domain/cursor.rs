//! The cursors of a reader of several rooms: by place, as an event's id has them, and by name.

use std::{collections::HashMap, fmt};

use super::{EventId, invalid::Invalid, name::RoomName};

/// The most rooms that are read as one. The largest ids of so many take less than 1 KiB.
pub const MAX_ROOMS: usize = 50;
/// The most bytes of positions that are read.
const MAX_BYTES: usize = 1_024;

/// A cursor for each room, in the order of the rooms: `12,7,0`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Positions(Vec<EventId>);

impl Positions {
    /// The cursor of a room that the reader is to start anew. It is ahead of every log, so whoever comes
    /// back with it is told so by a `reset`; and it is the largest number that `JavaScript` holds
    /// exactly, for a script that takes positions apart.
    pub const FORCE_RESET: EventId = (1 << 53) - 1;

    /// The positions, if the text is some: cursors, and at most 1 KiB of them.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > MAX_BYTES {
            return None;
        }
        text.split(',').map(cursor).collect::<Option<_>>().map(Self)
    }

    /// The cursors, in order.
    #[must_use]
    pub fn cursors(&self) -> &[EventId] {
        &self.0
    }

    /// Moves a room's cursor.
    pub fn set(&mut self, room: usize, cursor: EventId) {
        if let Some(position) = self.0.get_mut(room) {
            *position = cursor;
        }
    }
}

impl FromIterator<EventId> for Positions {
    fn from_iter<I: IntoIterator<Item = EventId>>(cursors: I) -> Self {
        Self(cursors.into_iter().collect())
    }
}

impl fmt::Display for Positions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, cursor) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(",")?;
            }
            write!(f, "{cursor}")?;
        }
        Ok(())
    }
}

/// The cursors by the names of their rooms: `a:12,b:7`.
///
/// # Errors
/// [`Invalid`] with what is wrong, for the field `since`.
pub fn by_name(text: &str) -> Result<HashMap<RoomName, EventId>, Invalid> {
    let mut cursors = HashMap::new();
    for pair in text.split(',') {
        let invalid = || Invalid::new("since", format!("{pair:?} is no room:cursor, as in a:12,b:7"));
        let (room, id) = pair.split_once(':').ok_or_else(invalid)?;
        let room = RoomName::parse(room).map_err(|_| invalid())?;
        let id = cursor(id).ok_or_else(invalid)?;
        if cursors.insert(room, id).is_some() {
            return Err(Invalid::new("since", format!("{pair:?} is the second cursor of its room")));
        }
    }
    Ok(cursors)
}

/// Digits and nothing else: Rust would take a sign, too.
fn cursor(text: &str) -> Option<EventId> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn list(cursors: &HashMap<RoomName, EventId>) -> String {
        cursors.iter().map(|(room, id)| format!("{room}:{id}")).collect::<Vec<_>>().join(",")
    }

    #[test]
    fn what_is_no_cursor_is_not_read() {
        for text in ["", ",", "1,", ",1", "1,,2", "-1", "+1", "1.5", "1;2", "1, 2", "banana", "1,9223372036854775808"] {
            assert_eq!(Positions::parse(text), None, "{text:?}");
        }
        let most = vec!["9223372036854775807"; MAX_ROOMS].join(",");
        assert!(Positions::parse(&most).is_some(), "the largest ids of as many rooms as there may be");
        assert_eq!(Positions::parse(&format!("{}1", "0".repeat(MAX_BYTES))), None, "too long");
    }

    #[test]
    fn what_is_no_list_of_rooms_and_cursors_is_not_read() {
        for text in
            ["", "a", "a:", ":1", "a:1,", "a:-1", "a:+1", "a: 1", "a:1;b:2", "a:1:2", "ä:1", "a:9223372036854775808"]
        {
            assert_eq!(by_name(text).unwrap_err().field, "since", "{text:?}");
        }
        let twice = by_name("a:1,b:1,a:1").unwrap_err();
        assert!(twice.detail.contains("second"), "{twice:?}");
    }

    proptest! {
        #[test]
        fn positions_are_read_as_they_are_written(cursors in prop::collection::vec(0..=EventId::MAX, 1..=MAX_ROOMS)) {
            let positions: Positions = cursors.iter().copied().collect();
            let text = positions.to_string();
            prop_assert!(text.len() <= MAX_BYTES);
            let read = Positions::parse(&text);
            prop_assert_eq!(read.as_ref(), Some(&positions));
            prop_assert_eq!(positions.cursors(), cursors);
        }

        #[test]
        fn cursors_by_name_are_read_as_they_are_written(
            cursors in prop::collection::hash_map("[A-Za-z0-9_-]{1,100}", 0..=EventId::MAX, 1..=MAX_ROOMS),
        ) {
            let cursors: HashMap<_, _> =
                cursors.into_iter().map(|(room, id)| (RoomName::parse(&room).unwrap(), id)).collect();
            prop_assert_eq!(by_name(&list(&cursors)).unwrap(), cursors);
        }

        /// Whatever comes is read or refused, and what is read says the same.
        #[test]
        fn anything_else_is_refused(text in "[0-9a-c:,+ -]{0,30}") {
            if let Some(positions) = Positions::parse(&text) {
                let numbers = |text: &str| text.split(',').map(|part| part.parse::<EventId>().unwrap()).collect::<Vec<_>>();
                prop_assert_eq!(positions.cursors(), numbers(&text));
            }
            if let Ok(cursors) = by_name(&text) {
                prop_assert_eq!(cursors.len(), text.split(',').count());
                prop_assert_eq!(by_name(&list(&cursors)).unwrap(), cursors);
            }
        }
    }
}
