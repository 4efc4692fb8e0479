//! The cursors of a reader of several rooms: by place, as an event's id has them, and by name.

use std::{collections::HashMap, fmt};

use sha2::{Digest, Sha256};

use super::{EventId, invalid::Invalid, name::RoomName};

/// The most rooms that are read as one. The largest ids of so many take less than 1 KiB.
pub const MAX_ROOMS: usize = 50;
/// The most bytes of positions that are read.
const MAX_BYTES: usize = 1_024;
/// The digits of a word: Crockford's base32 (<https://www.crockford.com/base32.html>), in lower case.
const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// A word for a list of rooms, so that the positions of another list are noticed: the first 20 bits of SHA-256 over
/// the names joined by commas, as four digits of base32.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListWord([u8; 4]);

impl ListWord {
    /// The word of a list.
    #[must_use]
    pub fn of<'a>(rooms: impl IntoIterator<Item = &'a RoomName>) -> Self {
        let mut hash = Sha256::new();
        for (index, room) in rooms.into_iter().enumerate() {
            if index > 0 {
                hash.update(b",");
            }
            hash.update(room.as_str());
        }
        let hash = hash.finalize();
        let bits = u32::from_be_bytes([0, hash[0], hash[1], hash[2]]) >> 4;
        Self([15, 10, 5, 0].map(|shift| DIGITS[(bits >> shift & 31) as usize]))
    }

    /// The word, if the text is one.
    fn parse(text: &str) -> Option<Self> {
        let word: [u8; 4] = text.as_bytes().try_into().ok()?;
        word.iter().all(|digit| DIGITS.contains(digit)).then_some(Self(word))
    }
}

impl fmt::Display for ListWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|digit| write!(f, "{}", char::from(*digit)))
    }
}

/// A cursor for each room, in the order of the rooms, and the word of their list: `12,7,0~k3fq`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Positions {
    cursors: Vec<EventId>,
    /// Absent from an id that a client put together.
    word: Option<ListWord>,
}

impl Positions {
    /// The cursor of a room that the reader is to start again. It is ahead of every log, so whoever comes
    /// back with it is told so by a `reset`; and it is the largest number that `JavaScript` holds
    /// exactly, for a script that takes positions apart.
    pub const FORCE_RESET: EventId = (1 << 53) - 1;

    /// The cursors of a list of rooms.
    #[must_use]
    pub fn new(cursors: Vec<EventId>, word: ListWord) -> Self {
        Self { cursors, word: Some(word) }
    }

    /// The positions, if the text is some: cursors, perhaps a word, and at most 1 KiB of them.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > MAX_BYTES {
            return None;
        }
        let (cursors, word) = match text.split_once('~') {
            Some((cursors, word)) => (cursors, Some(ListWord::parse(word)?)),
            None => (text, None),
        };
        let cursors = cursors.split(',').map(cursor).collect::<Option<_>>()?;
        Some(Self { cursors, word })
    }

    /// Returns true if these are positions in this list of rooms, as far as their number and their word tell.
    #[must_use]
    pub fn fit(&self, rooms: &[RoomName]) -> bool {
        self.cursors.len() == rooms.len() && self.word.is_none_or(|word| word == ListWord::of(rooms))
    }

    /// The cursors, in order.
    #[must_use]
    pub fn cursors(&self) -> &[EventId] {
        &self.cursors
    }

    /// Moves a room's cursor.
    pub fn set(&mut self, room: usize, cursor: EventId) {
        if let Some(position) = self.cursors.get_mut(room) {
            *position = cursor;
        }
    }
}

impl fmt::Display for Positions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, cursor) in self.cursors.iter().enumerate() {
            if index > 0 {
                f.write_str(",")?;
            }
            write!(f, "{cursor}")?;
        }
        self.word.iter().try_for_each(|word| write!(f, "~{word}"))
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
        for text in [
            "",
            ",",
            "1,",
            ",1",
            "1,,2",
            "-1",
            "+1",
            "1.5",
            "1;2",
            "1, 2",
            "banana",
            "1~",
            "1~k3f",
            "1~k3fq2",
            "1~K3FQ",
            "1~k3fu",
            "~k3fq",
            "1~k3fq~k3fq",
            "1,9223372036854775808",
        ] {
            assert_eq!(Positions::parse(text), None, "{text:?}");
        }
        let most = vec!["9223372036854775807"; MAX_ROOMS].join(",") + "~k3fq";
        assert!(Positions::parse(&most).is_some(), "the largest ids of as many rooms as there may be");
        assert_eq!(Positions::parse(&format!("{}1", "0".repeat(MAX_BYTES))), None, "too long");
    }

    fn rooms(text: &str) -> Vec<RoomName> {
        text.split(',').map(|name| RoomName::parse(name).unwrap()).collect()
    }

    #[test]
    fn a_list_has_a_word_that_its_order_changes() {
        let words = [("one,two,three", "zy68"), ("three,one,two", "4gcw"), ("one,two", "m5ss"), ("general", "1zne")];
        for (list, word) in words {
            assert_eq!(ListWord::of(&rooms(list)).to_string(), word, "{list}");
        }
        for (text, fits) in [("1,2,3~zy68", true), ("1,2,3", true), ("1,2,3~4gcw", false), ("1,2~zy68", false)] {
            assert_eq!(Positions::parse(text).unwrap().fit(&rooms("one,two,three")), fits, "{text}");
        }
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
            let positions = Positions::new(cursors.clone(), ListWord::of(&rooms("one,two")));
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
        fn anything_else_is_refused(text in "[0-9a-c:,+ ~-]{0,30}") {
            if let Some(positions) = Positions::parse(&text) {
                let numbers = |text: &str| text.split(',').map(|part| part.parse::<EventId>().unwrap()).collect::<Vec<_>>();
                prop_assert_eq!(positions.cursors(), numbers(text.split_once('~').map_or(&*text, |(cursors, _)| cursors)));
            }
            if let Ok(cursors) = by_name(&text) {
                prop_assert_eq!(cursors.len(), text.split(',').count());
                prop_assert_eq!(by_name(&list(&cursors)).unwrap(), cursors);
            }
        }
    }
}
