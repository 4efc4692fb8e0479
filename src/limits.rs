//! Limits of rate: how much a user, a name or an address may do in a time, counted in memory of a fixed size.

use std::{
    net::{IpAddr, Ipv6Addr},
    sync::Arc,
    time::Duration,
};

use tokio::time::Instant;

pub mod quota;
pub mod readers;
mod table;

use crate::domain::{
    actor::Actor,
    limit::{Allowance, Limit},
    meter::Meter,
    name::UserKey,
    user::UserKind,
};
use quota::Quota;
use readers::{ReaderPlace, Readers, TooManyReaders};
use table::{State, Table};

/// The buckets that are kept: those of some ten thousand users who are all busy.
const BUCKETS: usize = 1 << 17;
/// An address has so many times as much as a user: an office, or a phone network's customers, share one.
pub const OF_ADDRESS: u32 = 10;
/// The streams that an address may open in one instant, at least: the end of a server sends a whole office back at once.
pub const STREAMS_AT_ONCE: u32 = 1_000;
/// Bots have so many times as much as people.
pub const OF_BOT: u32 = 5;

/// The quotas, one for each limit.
pub type Quotas = [Quota; Limit::ALL.len()];

/// The limits, and what was used of them.
#[derive(Debug)]
pub struct Limits {
    /// Absent where limits are off.
    quotas: Option<Quotas>,
    table: Table,
    readers: Arc<Readers>,
    start: Instant,
}

/// The key of a bucket. An address is absent for whoever comes by a Unix socket.
#[derive(Debug, Clone, Copy, Hash)]
enum Key<'a> {
    User(Limit, &'a UserKey),
    Name(Limit, &'a UserKey, Option<IpAddr>),
    Address(Limit, Option<IpAddr>),
}

/// The buckets that something is counted in, the narrowest first.
type Buckets<'a> = [Option<(Key<'a>, Quota)>; 2];

impl Limits {
    /// Limits by these quotas, or none.
    #[must_use]
    pub fn new(quotas: Option<Quotas>) -> Self {
        Self { quotas, table: Table::new(BUCKETS), readers: Arc::default(), start: Instant::now() }
    }

    /// Counts one more by an actor, whose meter notes what is left. Whoever has no meter is a part of this program.
    ///
    /// # Errors
    /// The allowance that is used up. A refusal uses nothing.
    pub fn take(&self, limit: Limit, actor: &Actor) -> Result<(), Allowance> {
        let Some((meter, buckets)) = self.counted_in(limit, actor) else { return Ok(()) };
        let (now, mut taken) = (self.now(), Vec::with_capacity(buckets.len()));
        for (key, quota) in buckets.into_iter().flatten() {
            match self.table.take(&key, quota, now) {
                Ok(state) => taken.push((key, quota, state)),
                Err(state) => {
                    let refused = allowance(limit, quota, state);
                    meter.note(refused);
                    for (key, quota, _) in taken {
                        self.table.put_back(&key, quota, now);
                    }
                    return Err(refused);
                }
            }
        }
        let states = taken.into_iter().map(|(_, quota, state)| allowance(limit, quota, state));
        if let Some(least) = states.min_by_key(|allowance| allowance.left) {
            meter.note(least);
        }
        Ok(())
    }

    /// Takes back what was counted and turned out to cost nothing.
    pub fn put_back(&self, limit: Limit, actor: &Actor) {
        let Some((_, buckets)) = self.counted_in(limit, actor) else { return };
        let now = self.now();
        for (key, quota) in buckets.into_iter().flatten() {
            self.table.put_back(&key, quota, now);
        }
    }

    /// The state of every limit for an actor; none where nothing is limited.
    #[must_use]
    pub fn all_of(&self, actor: &Actor) -> Vec<Allowance> {
        let now = self.now();
        let state = |limit: Limit| {
            let (_, buckets) = self.counted_in(limit, actor)?;
            let buckets = buckets.into_iter().flatten();
            let states = buckets.map(|(key, quota)| allowance(limit, quota, self.table.state(&key, quota, now)));
            states.min_by_key(|allowance| allowance.left)
        };
        Limit::ALL.into_iter().filter_map(state).collect()
    }

    /// Takes a place for one more reader; none is needed by who is not limited.
    ///
    /// # Errors
    /// [`TooManyReaders`].
    pub fn begin_reading(&self, actor: &Actor) -> Result<Option<ReaderPlace>, TooManyReaders> {
        if self.holds_for(actor) { self.readers.take(actor).map(Some) } else { Ok(None) }
    }

    /// Returns true if anything is counted of an actor.
    #[must_use]
    pub fn holds_for(&self, actor: &Actor) -> bool {
        self.quotas.is_some() && actor.meter().is_some_and(|meter| !meter.is_exempt())
    }

    /// The meter and the buckets of an actor, if anything is counted.
    fn counted_in<'a>(&self, limit: Limit, actor: &'a Actor) -> Option<(&'a Meter, Buckets<'a>)> {
        let quota = self.quotas.as_ref()?[limit as usize];
        let meter = actor.meter().filter(|meter| !meter.is_exempt())?;
        Some((meter, buckets(limit, quota, actor, meter)))
    }

    /// The nanoseconds since the start.
    fn now(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}

fn buckets<'a>(limit: Limit, quota: Quota, actor: &'a Actor, meter: &Meter) -> Buckets<'a> {
    let network = meter.address().map(network);
    if limit == Limit::Registrations {
        return [Some((Key::Address(limit, network), quota)), None];
    }
    let of_address = Some((Key::Address(limit, network), of_address(limit, quota)));
    match (actor.user(), actor.grant()) {
        (Some(user), Some(grant)) => {
            let quota = if grant.kind == UserKind::Bot { quota.times(OF_BOT) } else { quota };
            [Some((Key::User(limit, user.key()), quota)), None]
        }
        // A name alone proves nothing, and whoever takes many of them is still at one address.
        (Some(user), None) => [Some((Key::Name(limit, user.key(), network), quota)), of_address],
        (None, _) => [of_address, None],
    }
}

/// The quota of an address, which many may share.
#[must_use]
pub fn of_address(limit: Limit, quota: Quota) -> Quota {
    let quota = quota.times(OF_ADDRESS);
    if limit == Limit::Streams { quota.with_burst(quota.burst().max(STREAMS_AT_ONCE)) } else { quota }
}

fn allowance(limit: Limit, quota: Quota, state: State) -> Allowance {
    Allowance {
        limit,
        burst: quota.burst(),
        window: Duration::from_secs(quota.window()),
        left: state.left,
        full_in: Duration::from_nanos(state.full_in),
        next_in: Duration::from_nanos(state.next_in),
    }
}

/// The addresses that are one customer's: an IPv4 address, or the first 64 bits of an IPv6 address.
#[must_use]
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX)).into(),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests;
