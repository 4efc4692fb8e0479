//! The connections there may be at once: of all clients together, and of one address.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
};

use ipnet::IpNet;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::limits::network;

/// The most connections of one address.
const OF_ADDRESS: usize = 1_000;
/// An address has no more than this part of all.
const SHARE: usize = 4;

/// The connections.
#[derive(Debug)]
pub struct Connections {
    budget: Arc<Semaphore>,
    of_address: Option<Arc<OfAddress>>,
}

/// The bound of an address, and who has how many.
#[derive(Debug)]
struct OfAddress {
    most: usize,
    /// Networks that are not bounded: those that are exempt, and proxies, which have everybody's connections.
    unbounded: Vec<IpNet>,
    open: Mutex<HashMap<IpAddr, usize>>,
}

/// The reasons for refusing a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Full {
    /// There are as many as there may be.
    Server,
    /// The address has as many as one may have.
    Address,
}

/// The place of a connection, until it is dropped.
#[derive(Debug)]
pub struct Place {
    _permit: OwnedSemaphorePermit,
    _of_address: Option<PlaceOfAddress>,
}

#[derive(Debug)]
struct PlaceOfAddress {
    all: Arc<OfAddress>,
    network: IpAddr,
}

impl Connections {
    /// Room for `most`; each address is bounded, except for those of the networks, if `bounded`.
    #[must_use]
    pub fn new(most: usize, bounded: bool, unbounded: Vec<IpNet>) -> Self {
        let of_address = OfAddress { most: OF_ADDRESS.min((most / SHARE).max(1)), unbounded, open: Mutex::default() };
        Self { budget: Arc::new(Semaphore::new(most)), of_address: bounded.then(|| Arc::new(of_address)) }
    }

    /// Takes a place for a client, whose address is absent by a Unix socket.
    ///
    /// # Errors
    /// [`Full`].
    pub fn take(&self, peer: Option<IpAddr>) -> Result<Place, Full> {
        let permit = self.budget.clone().try_acquire_owned().map_err(|_| Full::Server)?;
        let of_address = match (&self.of_address, peer.map(|peer| peer.to_canonical())) {
            (Some(all), Some(peer)) if !all.unbounded.iter().any(|network| network.contains(&peer)) => {
                Some(all.take(network(peer))?)
            }
            _ => None,
        };
        Ok(Place { _permit: permit, _of_address: of_address })
    }

    /// Returns true if nobody else gets a place now.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.budget.available_permits() == 0
    }
}

impl OfAddress {
    fn take(self: &Arc<Self>, network: IpAddr) -> Result<PlaceOfAddress, Full> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(network).or_default();
        if *count >= self.most {
            return Err(Full::Address);
        }
        *count += 1;
        Ok(PlaceOfAddress { all: self.clone(), network })
    }
}

impl Drop for PlaceOfAddress {
    fn drop(&mut self) {
        let mut open = self.all.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.network) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.network);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(connections: &Connections, peer: &str, count: usize) -> Vec<Result<Place, Full>> {
        (0..count).map(|_| connections.take(peer.parse().ok())).collect()
    }

    fn taken(places: &[Result<Place, Full>]) -> usize {
        places.iter().filter(|place| place.is_ok()).count()
    }

    #[test]
    fn an_address_has_a_quarter_of_all_at_most_and_gives_back_what_it_leaves() {
        let connections = Connections::new(100, true, vec!["10.0.0.0/8".parse().unwrap()]);
        let places = take(&connections, "192.0.2.1", 30);
        assert_eq!(taken(&places), 25);
        assert!(matches!(connections.take("::ffff:192.0.2.1".parse().ok()), Err(Full::Address)));
        assert_eq!(taken(&take(&connections, "192.0.2.2", 30)), 25);
        let of_one_customer = take(&connections, "2001:db8::1", 20);
        assert_eq!(taken(&take(&connections, "2001:db8::ffff", 20)), 5);
        drop(of_one_customer);
        drop(places);
        assert_eq!(taken(&take(&connections, "192.0.2.1", 30)), 25);
        let all = connections.of_address.as_ref().unwrap();
        assert!(all.open.lock().unwrap().is_empty(), "nothing is kept of who has gone");
    }

    #[test]
    fn proxies_unix_sockets_and_the_exempt_have_all_that_there_are() {
        for peer in ["10.1.2.3", ""] {
            let connections = Connections::new(100, true, vec!["10.0.0.0/8".parse().unwrap()]);
            let places = take(&connections, peer, 101);
            assert_eq!(taken(&places), 100, "{peer}");
            assert!(connections.is_full() && matches!(places[100], Err(Full::Server)));
        }
        assert_eq!(taken(&take(&Connections::new(100, false, Vec::new()), "192.0.2.1", 101)), 100);
    }

    #[test]
    fn no_address_has_more_than_a_thousand() {
        let connections = Connections::new(10_000, true, Vec::new());
        assert_eq!(taken(&take(&connections, "192.0.2.1", 1_100)), 1_000);
    }
}
