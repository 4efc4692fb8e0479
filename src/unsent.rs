//! A budget of memory for answers that are rendered and not sent yet: they wait for room before they are rendered.
//!
//! Whoever renders asks for a [`Hold`] of what the answer may have at most, sets it to what it has, and drops it with
//! the bytes.

use std::{
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::Notify,
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;

mod ledger;

use ledger::{Ledger, Verdict};

/// A client's connection, which reads what it holds.
#[derive(Debug)]
pub struct Client {
    address: Option<IpAddr>,
    /// The time since when it has taken nothing of what waits for it.
    stalled: Mutex<Option<Instant>>,
    cut: CancellationToken,
}

impl Client {
    /// A connection from an address; from none, if it came by a Unix socket.
    #[must_use]
    pub fn new(address: Option<IpAddr>) -> Arc<Self> {
        Arc::new(Self { address, stalled: Mutex::new(None), cut: CancellationToken::new() })
    }

    /// Its address; none of a Unix socket.
    #[must_use]
    pub fn address(&self) -> Option<IpAddr> {
        self.address
    }

    /// Something waits for it, and it takes nothing from now on.
    pub fn stalls(&self, now: Instant) {
        *self.stalled.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
    }

    /// It has taken something.
    pub fn goes_on(&self) {
        *self.stalled.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Ready once its connection is to be cut, since others need what it holds.
    #[must_use]
    pub fn cut(&self) -> CancellationToken {
        self.cut.clone()
    }

    fn stalled_since(&self) -> Option<Instant> {
        *self.stalled.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The terms of waiting: the amount, and the patience.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// The most bytes that are held.
    pub limit: usize,
    /// After how long an answer is refused that an address asks for which holds more than its share.
    pub wait: Duration,
    /// The time that a client may take nothing before it is cut for others.
    pub stall: Duration,
}

impl Terms {
    /// The time that others wait: a client that stalls has been cut by then.
    fn longest_wait(&self) -> Duration {
        self.wait + self.stall
    }

    /// The amount that an address may hold and still wait for longer.
    const fn share(&self) -> usize {
        self.limit / 16
    }
}

/// There is no room, and none in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full;

/// The budget.
#[derive(Debug, Clone)]
pub struct Unsent(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    ledger: Mutex<Ledger>,
    released: Notify,
}

impl Unsent {
    /// An empty one.
    #[must_use]
    pub fn new(terms: Terms) -> Self {
        Self(Arc::new(Shared { ledger: Mutex::new(Ledger::new(terms)), released: Notify::new() }))
    }

    /// Waits until there is room for so many bytes.
    ///
    /// # Errors
    /// [`Full`] after a short wait if the client's address holds more than a sixteenth of all, otherwise after a
    /// longer one.
    pub async fn admit(&self, client: &Arc<Client>, bytes: usize) -> Result<Hold, Full> {
        let asked_at = Instant::now();
        loop {
            // Before the look, so that what is released in between is not missed.
            let released = self.0.released.notified();
            let verdict = self.0.ledger().ask(client, bytes, asked_at, Instant::now());
            match verdict {
                Verdict::Held => return Ok(Hold { shared: self.0.clone(), client: client.clone(), bytes }),
                Verdict::Refused => return Err(Full),
                Verdict::Wait { until } => tokio::select! {
                    () = released => {}
                    () = sleep_until(until) => {}
                },
            }
        }
    }
}

impl Shared {
    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Bytes of the budget, held until it is dropped.
#[derive(Debug)]
pub struct Hold {
    shared: Arc<Shared>,
    client: Arc<Client>,
    bytes: usize,
}

impl Hold {
    /// Resizes it without waiting, even past the limit.
    pub fn set(&mut self, bytes: usize) {
        if bytes == self.bytes {
            return;
        }
        self.shared.ledger().change(&self.client, self.bytes, bytes);
        if bytes < self.bytes {
            self.shared.released.notify_waiters();
        }
        self.bytes = bytes;
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.set(0);
    }
}
