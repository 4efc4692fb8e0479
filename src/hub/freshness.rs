//! Freshness of permissions: the time until which readers with credentials are given what happens.
//!
//! Whoever is given something may have lost the right to it by a word that this node could not hear. So the node asks
//! again and again, and if it hears nothing for too long it gives nothing, until it has heard.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use tokio::time::Instant;

/// The time until which it is known that nobody lost a right unheard.
#[derive(Debug)]
pub struct Freshness {
    /// The time that the others are counted from.
    start: Instant,
    /// The time that an answer holds.
    patience: Duration,
    /// The end of what is known, in microseconds since the start.
    until: AtomicU64,
}

impl Freshness {
    /// Everything is known as of now.
    #[must_use]
    pub fn new(patience: Duration) -> Self {
        let until = AtomicU64::new(micros(patience));
        Self { start: Instant::now(), patience, until }
    }

    /// Whoever had lost a right when it was asked has lost its readers. Returns true if deliveries were held back until
    /// now.
    pub fn confirm(&self, asked_at: Instant) -> bool {
        let until = micros(asked_at.saturating_duration_since(self.start) + self.patience);
        let before = self.until.fetch_max(until, Ordering::AcqRel);
        before < micros(self.start.elapsed())
    }

    /// Returns true if too long nothing was heard, so that deliveries are held back.
    #[must_use]
    pub fn is_over(&self, now: Instant) -> bool {
        micros(now.saturating_duration_since(self.start)) > self.until.load(Ordering::Acquire)
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_answer_holds_from_when_it_was_asked_for() {
        let freshness = Freshness::new(Duration::from_secs(5));
        tokio::time::advance(Duration::from_secs(4)).await;
        let asked_at = Instant::now();
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(!freshness.is_over(Instant::now()));
        assert!(!freshness.confirm(asked_at), "nothing was held back");
        tokio::time::advance(Duration::from_secs(4)).await;
        assert!(!freshness.is_over(Instant::now()));
        tokio::time::advance(Duration::from_millis(1)).await;
        assert!(freshness.is_over(Instant::now()));
        assert!(freshness.confirm(Instant::now()), "something was");
        assert!(!freshness.is_over(Instant::now()));
    }
}
