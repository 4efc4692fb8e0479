//! The meter of a request or a connection: the address it comes from, and the limit that it was counted by.

use std::{
    net::IpAddr,
    sync::{Mutex, PoisonError},
};

use super::limit::Allowance;

/// The meter of whoever asks.
#[derive(Debug)]
pub struct Meter {
    address: Option<IpAddr>,
    is_exempt: bool,
    counted: Mutex<Option<Allowance>>,
}

impl Meter {
    /// A meter of an address, which is exempt from limits or not.
    #[must_use]
    pub fn new(address: Option<IpAddr>, is_exempt: bool) -> Self {
        Self { address: address.map(|address| address.to_canonical()), is_exempt, counted: Mutex::new(None) }
    }

    /// The address of the client; absent for whoever comes by a Unix socket that says no more of them.
    #[must_use]
    pub fn address(&self) -> Option<IpAddr> {
        self.address
    }

    /// Returns true if nothing is counted.
    #[must_use]
    pub fn is_exempt(&self) -> bool {
        self.is_exempt
    }

    /// Notes what is left of a limit. The last one that is noted is told.
    pub fn note(&self, allowance: Allowance) {
        *self.counted.lock().unwrap_or_else(PoisonError::into_inner) = Some(allowance);
    }

    /// The limit that was counted last, if any.
    #[must_use]
    pub fn counted(&self) -> Option<Allowance> {
        *self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
