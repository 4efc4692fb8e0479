//! The newest messages of a room as they are now, from which the history of a new reader is made.

use std::{collections::VecDeque, sync::Arc};

use super::loading::TakesNews;
use crate::domain::{EventId, message::Message};

/// The number of messages kept: as many as a reader gets who asks for no other number.
pub const KEPT: usize = 50;

/// The newest messages.
#[derive(Debug)]
pub struct Recent {
    /// Oldest first.
    messages: VecDeque<Arc<Message>>,
    /// True if the store has older ones.
    has_older: bool,
}

/// Something that happened to a message.
#[derive(Debug, Clone)]
pub enum News {
    /// It was posted.
    Posted(Arc<Message>),
    /// It is like this from now on.
    Changed(Arc<Message>),
}

impl TakesNews<News> for Recent {
    fn take(&mut self, news: News) {
        match news {
            News::Posted(message) => {
                if self.messages.back().is_some_and(|last| last.id >= message.id) {
                    return;
                }
                self.messages.push_back(message);
                if self.messages.len() > KEPT {
                    self.messages.pop_front();
                    self.has_older = true;
                }
            }
            News::Changed(message) => {
                if let Ok(at) = self.messages.binary_search_by_key(&message.id, |known| known.id)
                    && self.messages[at].deleted_at.is_none()
                {
                    self.messages[at] = message;
                }
            }
        }
    }
}

impl Recent {
    /// The newest messages as the store has them, oldest first.
    #[must_use]
    pub fn new(page: Vec<Message>, has_older: bool) -> Self {
        Self { messages: page.into_iter().map(Arc::new).collect(), has_older }
    }

    /// The number of bytes of text it holds.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.messages.iter().map(|message| message.bytes()).sum()
    }

    /// The newest `limit` messages up to an id, and whether there are older ones; `None` unless all
    /// of them are known.
    #[must_use]
    pub fn newest(&self, limit: usize, upto: EventId) -> Option<(Vec<Arc<Message>>, bool)> {
        let known = self.messages.iter().take_while(|message| message.id <= upto).count();
        if known < limit && self.has_older {
            return None;
        }
        let first = known.saturating_sub(limit);
        Some((self.messages.range(first..known).cloned().collect(), self.has_older || first > 0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{domain::timestamp::Timestamp, hub::loading::Loading};

    fn message(id: EventId) -> Message {
        Message::sample(id, &id.to_string())
    }

    fn ids(found: Option<(Vec<Arc<Message>>, bool)>) -> Option<(Vec<EventId>, bool)> {
        found.map(|(messages, more)| (messages.iter().map(|message| message.id).collect(), more))
    }

    /// Loads these while those are published.
    fn load(news: Vec<News>, page: Vec<Message>, has_older: bool) -> Loading<Recent, News> {
        let mut recent = Loading::default();
        recent.begin();
        for news in news {
            recent.note(news);
        }
        recent.finish(Recent::new(page, has_older));
        recent
    }

    #[test]
    fn what_is_posted_during_the_load_comes_once() {
        let news = [3, 4, 5].map(|id| News::Posted(message(id).into()));
        let recent = load(news.into(), vec![message(1), message(3), message(4)], false);
        let recent = recent.known().unwrap();
        assert_eq!(ids(recent.newest(50, 5)), Some((vec![1, 3, 4, 5], false)));
        assert_eq!(ids(recent.newest(50, 4)), Some((vec![1, 3, 4], false)), "nothing past the head");
        assert_eq!(ids(recent.newest(2, 5)), Some((vec![4, 5], true)));
        assert_eq!(ids(recent.newest(0, 5)), Some((vec![], true)));
    }

    #[test]
    fn the_oldest_leave_and_are_said_to_be_older() {
        let mut recent = Recent::new(Vec::new(), false);
        for id in 1..=60 {
            recent.take(News::Posted(message(id).into()));
        }
        assert_eq!(ids(recent.newest(50, 60)), Some(((11..=60).collect(), true)));
        assert_eq!(recent.newest(50, 55).map(|found| found.0.len()), None, "45 are known, and older ones exist");
    }

    #[test]
    fn a_change_shows_in_its_place_and_none_undoes_a_deletion() {
        let edited = |id, content: &str| News::Changed(Message { content: content.into(), ..message(id) }.into());
        let deleted = |id| News::Changed(message(id).tombstone(Timestamp::from_micros(1)).into());
        let news = vec![
            edited(1, "later"),
            edited(2, "an edit before the deletion that the store has shown"),
            edited(9, "not among the newest"),
        ];
        let page = vec![message(1), message(2).tombstone(Timestamp::from_micros(1)), message(3)];
        let mut recent = load(news, page, true);
        recent.note(deleted(3));
        let (messages, _) = recent.known().unwrap().newest(3, 3).unwrap();
        let contents: Vec<_> = messages.iter().map(|message| message.content.as_str()).collect();
        assert_eq!(contents, ["later", "", ""]);
    }
}
