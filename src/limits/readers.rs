//! Readers at once: streams, sockets and polls of a user, and of an address.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
};

use super::network;
use crate::domain::{actor::Actor, meter::Meter, name::UserKey};

/// The most readers of a user.
pub const OF_USER: usize = 50;
/// The most readers of an address, where no credential says who they are.
pub const OF_ADDRESS: usize = 1_000;

/// The readers.
#[derive(Debug, Default)]
pub(super) struct Readers(Mutex<HashMap<Owner, usize>>);

/// Those who read.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Owner {
    User(UserKey),
    Name(UserKey, Option<IpAddr>),
    Address(Option<IpAddr>),
}

/// The place of a reader, until it is dropped.
#[derive(Debug)]
pub struct ReaderPlace {
    readers: Arc<Readers>,
    owners: Vec<Owner>,
}

/// The most readers that there may be of whoever asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooManyReaders(pub usize);

impl Readers {
    /// Takes a place for one more.
    ///
    /// # Errors
    /// [`TooManyReaders`].
    pub(super) fn take(self: &Arc<Self>, actor: &Actor) -> Result<ReaderPlace, TooManyReaders> {
        let network = actor.meter().and_then(Meter::address).map(network);
        let of_address = (Owner::Address(network), OF_ADDRESS);
        let owners = match (actor.user(), actor.grant()) {
            (Some(user), Some(_)) => vec![(Owner::User(user.key().clone()), OF_USER)],
            (Some(user), None) => vec![(Owner::Name(user.key().clone(), network), OF_USER), of_address],
            (None, _) => vec![of_address],
        };
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, most)) =
            owners.iter().find(|(owner, most)| counts.get(owner).is_some_and(|count| count >= most))
        {
            return Err(TooManyReaders(*most));
        }
        let owners: Vec<_> = owners.into_iter().map(|(owner, _)| owner).collect();
        for owner in &owners {
            *counts.entry(owner.clone()).or_default() += 1;
        }
        Ok(ReaderPlace { readers: self.clone(), owners })
    }
}

impl Drop for ReaderPlace {
    fn drop(&mut self) {
        let mut counts = self.readers.0.lock().unwrap_or_else(PoisonError::into_inner);
        for owner in &self.owners {
            if let Some(count) = counts.get_mut(owner) {
                *count -= 1;
                if *count == 0 {
                    counts.remove(owner);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::tests::{at, proven},
        *,
    };
    use crate::domain::user::UserKind;

    #[test]
    fn a_name_has_fifty_and_an_address_a_thousand_and_they_come_back() {
        let readers = Arc::new(Readers::default());
        let take = |actor: &Actor, count: usize| (0..count).map(|_| readers.take(actor)).collect::<Vec<_>>();
        let taken =
            |places: &[Result<ReaderPlace, TooManyReaders>]| places.iter().filter(|place| place.is_ok()).count();
        let alice = take(&at("192.0.2.1", "alice"), 51);
        assert_eq!(taken(&alice), 50);
        assert_eq!(alice[50].as_ref().err(), Some(&TooManyReaders(50)));
        assert_eq!(taken(&take(&at("192.0.2.2", "alice"), 51)), 50, "the name is counted within its address");
        let others = take(&at("192.0.2.1", ""), 1_000);
        assert_eq!(taken(&others), 950);
        assert_eq!(taken(&take(&at("192.0.2.1", "bob"), 1)), 0);
        // Whom a credential vouches for has a place wherever they are.
        assert_eq!(taken(&take(&proven("192.0.2.1", "carol", UserKind::Person), 60)), 50);
        drop(alice);
        assert_eq!(taken(&take(&at("192.0.2.1", "bob"), 60)), 50);
        drop(others);
        assert!(readers.0.lock().unwrap().is_empty(), "nothing is kept of who has gone");
    }
}
