//! The end of a reader's credential: told some time before, so that another credential can take its place.

use tokio::time::Instant;

use super::Reader;
use crate::{
    domain::{event::EventBody, stream_id::StreamId, timestamp::Timestamp},
    hub::{frame::Frame, registry::Transport},
};

/// The end of a credential, for the reader that reads by it.
#[derive(Debug)]
pub struct Expiry {
    /// The time by which the reader ends.
    pub end: Instant,
    /// The same as it is told.
    pub expires_at: Timestamp,
    /// The time from which on the reader is to be told; absent once it was.
    pub warn_at: Option<Instant>,
    /// The name by which the reader can be given another credential.
    pub stream: StreamId,
}

impl Expiry {
    pub(super) fn is_over(&self, now: Instant) -> bool {
        now >= self.end
    }

    /// The next time at which something is to be done. A warning that is due already waits for something else.
    pub(super) fn due(&self, now: Instant) -> Option<Instant> {
        self.warn_at.filter(|at| *at > now).into_iter().chain([self.end]).min()
    }
}

impl Reader {
    /// The reader ends when its credential does.
    pub fn expire(&mut self, expiry: Option<Expiry>) {
        self.expiry = expiry;
    }

    /// The news that the credential ends soon, once. A reader gets first what it begins with; a poll ends by itself.
    pub(super) fn warning(&mut self, now: Instant) -> Option<Frame> {
        if self.transport == Transport::LongPoll || !self.places[0].is_through() {
            return None;
        }
        let expiry = self.expiry.as_mut()?;
        expiry.warn_at.take_if(|at| now >= *at)?;
        let (stream, expires_at) = (expiry.stream.as_str(), expiry.expires_at);
        Some(Frame::new(&EventBody::AuthExpiring { stream, expires_at }))
    }
}
