//! Comparing messages with a query, off the threads that answer requests and a slice of time at once.

use std::{sync::Arc, time::Duration, vec::IntoIter};

use tokio::task::spawn_blocking;

use super::{super::entity::message, SearchError, budget::CpuTimer};
use crate::domain::{EventId, message::Message, name::RoomName, search::Query};

/// Messages that are compared in their order, and what has come of it.
#[derive(Debug)]
pub(super) struct Comparison {
    query: Arc<Query>,
    room: RoomName,
    left: IntoIter<message::Model>,
    /// Those that match.
    pub(super) found: Vec<Message>,
    /// The last one that was compared.
    pub(super) last: Option<EventId>,
    /// The processor's time it has taken so far.
    pub(super) took: Duration,
}

impl Comparison {
    pub(super) fn new(query: Arc<Query>, room: RoomName, rows: Vec<message::Model>) -> Self {
        Self { query, room, left: rows.into_iter(), found: Vec::new(), last: None, took: Duration::ZERO }
    }

    /// Returns true if there are messages that are not compared.
    pub(super) fn has_more(&self) -> bool {
        self.left.len() > 0
    }

    /// Compares for about as long as the slice takes, at least one message and until `wanted` are found.
    ///
    /// # Errors
    /// [`SearchError`] when a comparison failed, a fault of this program.
    pub(super) async fn go_on(mut self, slice: Duration, wanted: usize) -> Result<Self, SearchError> {
        let compared = spawn_blocking(move || {
            self.compare(slice, wanted);
            self
        });
        compared.await.map_err(|error| SearchError::Failed(error.to_string()))
    }

    fn compare(&mut self, slice: Duration, wanted: usize) {
        let timer = CpuTimer::start();
        for row in self.left.by_ref() {
            self.last = Some(row.id);
            if row.deleted_at.is_none() && self.query.matches(&row.content) {
                self.found.push(row.into_message(&self.room));
            }
            if self.found.len() >= wanted || timer.elapsed() >= slice {
                break;
            }
        }
        self.took += timer.elapsed();
    }
}
