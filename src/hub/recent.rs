//! The newest messages of a room as they are now, from which the history of a new reader is made.

use std::{collections::VecDeque, sync::Arc};

use crate::domain::{EventId, message::Message};

/// How many messages are kept: as many as a reader gets who asks for no other number.
pub const KEPT: usize = 50;

/// The newest messages; known only once somebody asked.
#[derive(Debug, Default)]
pub enum Recent {
    /// Nobody has asked since the room came into memory.
    #[default]
    Cold,
    /// They are being read from the store; what is posted meanwhile waits here.
    Loading(VecDeque<Arc<Message>>),
    /// Known.
    Warm {
        /// The newest messages, oldest first.
        messages: VecDeque<Arc<Message>>,
        /// Whether the store has older ones.
        has_older: bool,
    },
}

impl Recent {
    /// Notes a new message. One that is known already is passed over: the store may have shown it
    /// before it was published.
    pub fn push(&mut self, message: &Arc<Message>) {
        let (messages, has_older) = match self {
            Self::Cold => return,
            Self::Loading(messages) => (messages, &mut false),
            Self::Warm { messages, has_older } => (messages, has_older),
        };
        if messages.back().is_some_and(|last| last.id >= message.id) {
            return;
        }
        messages.push_back(message.clone());
        if messages.len() > KEPT {
            messages.pop_front();
            *has_older = true;
        }
    }

    /// Takes what the store has, and after it what was posted while it was read.
    pub fn finish_loading(&mut self, page: Vec<Message>, has_older: bool) {
        let waiting = match std::mem::take(self) {
            Self::Loading(waiting) => waiting,
            Self::Cold | Self::Warm { .. } => VecDeque::new(),
        };
        *self = Self::Warm { messages: page.into_iter().map(Arc::new).collect(), has_older };
        for message in waiting {
            self.push(&message);
        }
    }

    /// The newest `limit` messages up to an id, and whether there are older ones; `None` unless all
    /// of them are known.
    #[must_use]
    pub fn newest(&self, limit: usize, upto: EventId) -> Option<(Vec<Arc<Message>>, bool)> {
        let Self::Warm { messages, has_older } = self else { return None };
        let known = messages.iter().take_while(|message| message.id <= upto).count();
        if known < limit && *has_older {
            return None;
        }
        let first = known.saturating_sub(limit);
        Some((messages.range(first..known).cloned().collect(), *has_older || first > 0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        name::{RoomName, Username},
        timestamp::Timestamp,
    };

    fn message(id: EventId) -> Message {
        Message {
            id,
            room: RoomName::parse("general").unwrap(),
            username: Username::parse("Alice").unwrap(),
            content: id.to_string(),
            timestamp: Timestamp::from_micros(0),
            edited_at: None,
            deleted_at: None,
            reply_to: None,
            reactions: Vec::new(),
            client_id: None,
        }
    }

    fn ids(found: Option<(Vec<Arc<Message>>, bool)>) -> Option<(Vec<EventId>, bool)> {
        found.map(|(messages, more)| (messages.iter().map(|message| message.id).collect(), more))
    }

    #[test]
    fn what_is_posted_during_the_load_comes_once() {
        let mut recent = Recent::Loading(VecDeque::new());
        for id in [3, 4, 5] {
            recent.push(&Arc::new(message(id)));
        }
        recent.finish_loading(vec![message(1), message(3), message(4)], false);
        assert_eq!(ids(recent.newest(50, 5)), Some((vec![1, 3, 4, 5], false)));
        assert_eq!(ids(recent.newest(50, 4)), Some((vec![1, 3, 4], false)), "nothing past the head");
        assert_eq!(ids(recent.newest(2, 5)), Some((vec![4, 5], true)));
        assert_eq!(ids(recent.newest(0, 5)), Some((vec![], true)));
    }

    #[test]
    fn the_oldest_leave_and_are_said_to_be_older() {
        let mut recent = Recent::Cold;
        recent.push(&Arc::new(message(1)));
        assert!(recent.newest(1, 1).is_none());
        recent.finish_loading(Vec::new(), false);
        for id in 1..=60 {
            recent.push(&Arc::new(message(id)));
        }
        assert_eq!(ids(recent.newest(50, 60)), Some(((11..=60).collect(), true)));
        assert_eq!(recent.newest(50, 55).map(|found| found.0.len()), None, "45 are known, and older ones exist");
    }
}
