//! The newest deletions of a room, by which a page that was read before one of them is known to be outdated.

use std::collections::VecDeque;

use crate::domain::EventId;

/// The most deletions that are known by their messages' ids.
const KEPT: usize = 64;

/// Deleted messages, counted from 1 on.
#[derive(Debug, Default)]
pub struct DeletionLog {
    newest: VecDeque<EventId>,
    count: u64,
}

impl DeletionLog {
    /// The number of deletions so far.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Notes a deletion.
    pub fn note(&mut self, message: EventId) {
        self.count += 1;
        self.newest.push_back(message);
        if self.newest.len() > KEPT {
            self.newest.pop_front();
        }
    }

    /// Notes that something happened unseen, which may have been any deletion.
    pub fn note_unseen(&mut self) {
        self.count += 1;
        self.newest.clear();
    }

    /// Returns true if one of these messages may have been deleted after the first `since` deletions.
    #[must_use]
    pub fn may_include(&self, messages: &[EventId], since: u64) -> bool {
        let missed = usize::try_from(self.count.saturating_sub(since)).unwrap_or(usize::MAX);
        match self.newest.len().checked_sub(missed) {
            Some(start) => self.newest.range(start..).any(|deleted| messages.contains(deleted)),
            None => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_came_later_counts_and_what_is_not_known_may_be_any() {
        let mut deletions = DeletionLog::default();
        assert!(!deletions.may_include(&[1], 0));
        deletions.note(1);
        deletions.note(2);
        assert!(deletions.may_include(&[1, 5], 0) && deletions.may_include(&[2], 1));
        assert!(!deletions.may_include(&[1], 1) && !deletions.may_include(&[1, 2], 2));
        assert!(!deletions.may_include(&[3, 4], 0));
        deletions.note_unseen();
        assert!(deletions.may_include(&[3], 2) && !deletions.may_include(&[3], 3));
        for message in (10..).take(KEPT + 1) {
            deletions.note(message);
        }
        assert!(deletions.may_include(&[3], 3), "it is not known any more");
        assert!(!deletions.may_include(&[3], 4));
    }
}
