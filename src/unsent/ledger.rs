//! The ledger of unsent bytes: the holders, those who wait, and those who are cut. It does no I/O and is told the time.

use std::{collections::HashMap, net::IpAddr, sync::Arc};

use tokio::time::Instant;

use super::{Client, Terms};

/// The verdict on a request for memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It holds what it asked for.
    Held,
    /// It is to ask again when something is released, or at this time.
    Wait {
        /// The time at which the answer may be another one.
        until: Instant,
    },
    /// There is no room for it.
    Refused,
}

/// The account of all that is held.
#[derive(Debug)]
pub(super) struct Ledger {
    terms: Terms,
    held: usize,
    addresses: HashMap<Option<IpAddr>, usize>,
    /// Those who hold something, by where they are in memory.
    clients: HashMap<usize, (Arc<Client>, usize)>,
}

impl Ledger {
    /// An empty one.
    pub(super) fn new(terms: Terms) -> Self {
        Self { terms, held: 0, addresses: HashMap::new(), clients: HashMap::new() }
    }

    /// A client wants to hold more, and has wanted to since `asked_at`. Cuts others if there is no room for it.
    pub(super) fn ask(&mut self, client: &Arc<Client>, bytes: usize, asked_at: Instant, now: Instant) -> Verdict {
        if self.held + bytes <= self.terms.limit {
            self.change(client, 0, bytes);
            return Verdict::Held;
        }
        self.cut(bytes, now);
        let address = self.addresses.get(&client.address);
        let is_over = address.is_some_and(|held| *held > self.terms.share());
        let deadline = asked_at + if is_over { self.terms.wait } else { self.terms.longest_wait() };
        if now >= deadline {
            return Verdict::Refused;
        }
        let stalls = self.clients.values().filter(|(client, _)| !client.cut.is_cancelled());
        let stalls = stalls.filter_map(|(client, _)| Some(client.stalled_since()? + self.terms.stall));
        // Once a moment in any case: who stalls from now on is not told of here.
        let soon = now + self.terms.wait;
        let until = stalls.filter(|at| *at > now).chain([deadline, soon]).min();
        Verdict::Wait { until: until.unwrap_or(deadline) }
    }

    /// A client holds `bytes` of what it held `before`.
    pub(super) fn change(&mut self, client: &Arc<Client>, before: usize, bytes: usize) {
        let change = |held: &mut usize| *held = *held + bytes - before;
        change(&mut self.held);
        let address = self.addresses.entry(client.address).or_default();
        change(address);
        if *address == 0 {
            self.addresses.remove(&client.address);
        }
        let at = Arc::as_ptr(client).addr();
        let (_, held) = self.clients.entry(at).or_insert_with(|| (client.clone(), 0));
        change(held);
        if *held == 0 {
            self.clients.remove(&at);
        }
    }

    /// Cuts clients that have stalled for long, until there will be room: of the address that holds most the one that
    /// holds most.
    fn cut(&mut self, bytes: usize, now: Instant) {
        let (cut, mut stalled): (Vec<_>, Vec<_>) =
            self.clients.values().partition(|(client, _)| client.cut.is_cancelled());
        let mut left = self.held - cut.iter().map(|(_, held)| held).sum::<usize>();
        let mut addresses = self.addresses.clone();
        for (client, held) in cut {
            addresses.entry(client.address).and_modify(|of| *of -= held);
        }
        stalled.retain(|(client, _)| client.stalled_since().is_some_and(|since| now >= since + self.terms.stall));
        while left + bytes > self.terms.limit {
            let most = |(client, held): &&(Arc<Client>, usize)| (addresses.get(&client.address).copied(), *held);
            let Some(at) = (0..stalled.len()).max_by_key(|at| most(&stalled[*at])) else { return };
            let (client, held) = stalled.swap_remove(at);
            client.cut.cancel();
            left -= held;
            addresses.entry(client.address).and_modify(|of| *of -= held);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const LIMIT: usize = 16_000;
    const SHARE: usize = LIMIT / 16;
    const WAIT: Duration = Duration::from_secs(1);
    const STALL: Duration = Duration::from_secs(10);

    fn ledger() -> Ledger {
        Ledger::new(Terms { limit: LIMIT, wait: WAIT, stall: STALL })
    }

    fn client(address: u8) -> Arc<Client> {
        Client::new(Some([10, 0, 0, address].into()))
    }

    fn waits(verdict: Verdict) -> bool {
        matches!(verdict, Verdict::Wait { .. })
    }

    #[test]
    fn what_is_released_makes_room() {
        let (mut ledger, now, one, two) = (ledger(), Instant::now(), client(1), client(2));
        assert_eq!(ledger.ask(&one, LIMIT, now, now), Verdict::Held);
        assert!(waits(ledger.ask(&two, 1, now, now)));
        ledger.change(&one, LIMIT, LIMIT - 1);
        assert_eq!(ledger.ask(&two, 1, now, now), Verdict::Held);
        ledger.change(&one, LIMIT - 1, 0);
        ledger.change(&two, 1, 0);
        assert!(ledger.held == 0 && ledger.addresses.is_empty() && ledger.clients.is_empty());
    }

    #[test]
    fn an_address_over_its_share_is_refused_after_a_short_wait_and_others_later() {
        let (mut ledger, now, one, two, three) = (ledger(), Instant::now(), client(1), client(2), client(3));
        ledger.change(&one, 0, LIMIT - SHARE);
        ledger.change(&two, 0, SHARE);
        assert_eq!(ledger.ask(&one, 1, now, now), Verdict::Wait { until: now + WAIT });
        assert_eq!(ledger.ask(&one, 1, now, now + WAIT), Verdict::Refused);
        for other in [&two, &three] {
            assert!(waits(ledger.ask(other, 1, now, now + STALL)));
            assert_eq!(ledger.ask(other, 1, now, now + WAIT + STALL), Verdict::Refused);
        }
    }

    #[test]
    fn only_who_stalls_is_cut_and_of_the_address_that_holds_most() {
        let (mut ledger, now) = (ledger(), Instant::now());
        let (greedy, slow, small, asking) = ([client(1), client(1), client(1)], client(1), client(2), client(3));
        for client in &greedy {
            ledger.change(client, 0, 3_000);
        }
        ledger.change(&slow, 0, 5_000);
        ledger.change(&small, 0, 2_000);
        greedy.iter().chain([&small]).for_each(|client| client.stalls(now));
        // It takes a little now and then.
        slow.stalls(now);
        slow.goes_on();
        slow.stalls(now + STALL / 2);

        assert_eq!(ledger.ask(&asking, 1_000, now, now), Verdict::Wait { until: now + WAIT });
        assert!(greedy.iter().all(|client| !client.cut.is_cancelled()), "not yet");
        assert!(waits(ledger.ask(&asking, 4_000, now, now + STALL)));
        let cut = |clients: &[Arc<Client>]| clients.iter().filter(|client| client.cut.is_cancelled()).count();
        assert_eq!(cut(&greedy), 2, "as many as it takes");
        assert_eq!(cut(&[slow.clone(), small.clone()]), 0, "nobody else");
        assert!(waits(ledger.ask(&asking, 4_000, now, now + STALL)));
        assert_eq!(cut(&greedy), 2, "what they hold comes in a moment");
        for client in greedy.iter().filter(|client| client.cut.is_cancelled()) {
            ledger.change(client, 3_000, 0);
        }
        assert_eq!(ledger.ask(&asking, 4_000, now, now + STALL), Verdict::Held);
    }
}
