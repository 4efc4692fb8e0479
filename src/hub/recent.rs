//! The newest messages of a room as they are now, from which the history of a new reader is made.

use std::{collections::VecDeque, sync::Arc};

use crate::domain::{EventId, message::Message};

/// How many messages are kept: as many as a reader gets who asks for no other number.
pub const KEPT: usize = 50;

/// How much may wait for the store. Past that nobody finishes the load, most likely: who began it hung up.
const WAITING: usize = 1_024;

/// The newest messages; known only once somebody asked.
#[derive(Debug, Default)]
pub enum Recent {
    /// Nobody has asked since the room came into memory.
    #[default]
    Cold,
    /// They are being read from the store; what happens meanwhile waits here.
    Loading(Vec<News>),
    /// Known.
    Warm {
        /// The newest messages, oldest first.
        messages: VecDeque<Arc<Message>>,
        /// Whether the store has older ones.
        has_older: bool,
    },
}

/// Something that happened to a message.
#[derive(Debug, Clone)]
pub enum News {
    /// It was posted.
    Posted(Arc<Message>),
    /// It is like this from now on.
    Changed(Arc<Message>),
}

impl Recent {
    /// Takes note. What the store has shown already, before it was published, is passed over.
    pub fn note(&mut self, news: News) {
        let (messages, has_older) = match self {
            Self::Cold => return,
            Self::Loading(waiting) if waiting.len() < WAITING => return waiting.push(news),
            Self::Loading(_) => return *self = Self::Cold,
            Self::Warm { messages, has_older } => (messages, has_older),
        };
        match news {
            News::Posted(message) => {
                if messages.back().is_some_and(|last| last.id >= message.id) {
                    return;
                }
                messages.push_back(message);
                if messages.len() > KEPT {
                    messages.pop_front();
                    *has_older = true;
                }
            }
            News::Changed(message) => {
                if let Ok(at) = messages.binary_search_by_key(&message.id, |known| known.id)
                    && messages[at].deleted_at.is_none()
                {
                    messages[at] = message;
                }
            }
        }
    }

    /// Takes what the store has, and after it what happened while it was read. Nothing, if the load was
    /// given up meanwhile.
    pub fn finish_loading(&mut self, page: Vec<Message>, has_older: bool) {
        let Self::Loading(waiting) = std::mem::take(self) else { return };
        *self = Self::Warm { messages: page.into_iter().map(Arc::new).collect(), has_older };
        for news in waiting {
            self.note(news);
        }
    }

    /// How many bytes of text it holds.
    #[must_use]
    pub fn bytes(&self) -> usize {
        match self {
            Self::Cold => 0,
            Self::Loading(waiting) => {
                waiting.iter().map(|(News::Posted(message) | News::Changed(message))| message.bytes()).sum()
            }
            Self::Warm { messages, .. } => messages.iter().map(|message| message.bytes()).sum(),
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
        let mut recent = Recent::Loading(Vec::new());
        for id in [3, 4, 5] {
            recent.note(News::Posted(message(id).into()));
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
        recent.note(News::Posted(message(1).into()));
        assert!(recent.newest(1, 1).is_none());
        recent = Recent::Loading(Vec::new());
        recent.finish_loading(Vec::new(), false);
        for id in 1..=60 {
            recent.note(News::Posted(message(id).into()));
        }
        assert_eq!(ids(recent.newest(50, 60)), Some(((11..=60).collect(), true)));
        assert_eq!(recent.newest(50, 55).map(|found| found.0.len()), None, "45 are known, and older ones exist");
    }
    #[test]
    fn a_change_shows_in_its_place_and_none_undoes_a_deletion() {
        let edited = |id, content: &str| News::Changed(Message { content: content.into(), ..message(id) }.into());
        let deleted = |id| News::Changed(message(id).tombstone(Timestamp::from_micros(1)).into());
        let mut recent = Recent::Loading(Vec::new());
        recent.note(edited(1, "later"));
        recent.note(edited(2, "an edit before the deletion that the store has shown"));
        recent.note(edited(9, "not among the newest"));
        recent.finish_loading(vec![message(1), message(2).tombstone(Timestamp::from_micros(1)), message(3)], true);
        recent.note(deleted(3));
        let (messages, _) = recent.newest(3, 3).unwrap();
        let contents: Vec<_> = messages.iter().map(|message| message.content.as_str()).collect();
        assert_eq!(contents, ["later", "", ""]);
    }

    #[test]
    fn a_load_that_nobody_finishes_is_given_up() {
        let mut recent = Recent::Loading(Vec::new());
        for _ in 0..=WAITING {
            recent.note(News::Posted(message(1).into()));
        }
        assert!(matches!(recent, Recent::Cold));
        recent.finish_loading(vec![message(1)], false);
        assert!(matches!(recent, Recent::Cold), "what came in between would be missing");
    }
}
