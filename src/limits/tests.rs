//! Buckets of users, names and addresses, and their return with time, which is injected.

use std::sync::Arc;

use clap::{Args as _, FromArgMatches as _};
use tokio::time::advance;

use super::*;
use crate::domain::{
    actor::{Credential, Grant},
    name::Username,
    rights::Rights,
    room_scope::RoomScope,
};

const SECOND: Duration = Duration::from_secs(1);

fn limits(quota: &str) -> Limits {
    Limits::new(Some([quota.parse().unwrap(); Limit::ALL.len()]))
}

/// Somebody at an address, without a name if it is empty.
pub(super) fn at(address: &str, name: &str) -> Actor {
    let actor = Actor::nameless().naming(Username::parse(name).ok());
    actor.metered(Arc::new(Meter::new(address.parse().ok(), false)))
}

/// The same, whom a credential vouches for.
pub(super) fn proven(address: &str, name: &str, kind: UserKind) -> Actor {
    let (credential, rooms) = (Credential::ApiKey(1), RoomScope::all());
    let grant = Grant { credential, kind, rights: Rights::ALL, rooms, makes_rooms: true, expires_at: None, version: 1 };
    let actor = Actor::proven(Username::parse(name).unwrap(), Arc::new(grant));
    actor.metered(Arc::new(Meter::new(address.parse().ok(), false)))
}

/// The number of times that an actor may do something in this instant.
fn taken(limits: &Limits, limit: Limit, actor: &Actor) -> usize {
    std::iter::from_fn(|| limits.take(limit, actor).ok()).take(10_000).count()
}

#[tokio::test(start_paused = true)]
async fn what_is_promised_comes_back_at_the_time_that_was_told() {
    let (limits, alice) = (limits("60/min:20"), at("192.0.2.1", "alice"));
    assert_eq!(taken(&limits, Limit::Posts, &alice), 20);
    for _ in 0..3 {
        let refused = limits.take(Limit::Posts, &alice).unwrap_err();
        assert_eq!((refused.left, refused.burst, refused.window), (0, 20, 20 * SECOND));
        assert_eq!(alice.meter().unwrap().counted(), Some(refused), "the refusal is what is told");
        advance(refused.next_in.saturating_sub(Duration::from_nanos(1))).await;
        limits.take(Limit::Posts, &alice).unwrap_err();
        advance(Duration::from_nanos(1)).await;
        limits.take(Limit::Posts, &alice).unwrap();
    }
    let left = alice.meter().unwrap().counted().unwrap();
    assert_eq!((left.left, left.full_in), (0, 20 * SECOND));
    advance(left.full_in).await;
    assert_eq!(taken(&limits, Limit::Posts, &alice), 20);
}

#[tokio::test(start_paused = true)]
async fn each_limit_is_a_bucket_of_its_own() {
    let (limits, alice) = (limits("1/h"), proven("192.0.2.1", "alice", UserKind::Person));
    for limit in Limit::ALL {
        assert_eq!(taken(&limits, limit, &alice), 1, "{}", limit.word());
    }
    assert!(limits.all_of(&alice).iter().all(|allowance| allowance.left == 0));
    assert_eq!(limits.all_of(&alice).len(), Limit::ALL.len());
}

#[tokio::test(start_paused = true)]
async fn a_name_is_counted_within_its_address_and_the_address_for_all_names() {
    let limits = limits("2/h");
    assert_eq!(taken(&limits, Limit::Posts, &at("192.0.2.1", "alice")), 2);
    assert_eq!(taken(&limits, Limit::Posts, &at("192.0.2.1", "ALICE")), 0);
    assert_eq!(taken(&limits, Limit::Posts, &at("192.0.2.2", "alice")), 2, "nobody uses up what another has");
    let names: usize = (0..100).map(|n| taken(&limits, Limit::Posts, &at("192.0.2.1", &format!("user-{n}")))).sum();
    assert_eq!(names, 18, "ten times two, with those that alice had");
    assert_eq!(taken(&limits, Limit::Posts, &at("192.0.2.1", "")), 0);
    // What the address refuses uses nothing of the name.
    let late = at("192.0.2.1", "late");
    limits.take(Limit::Posts, &late).unwrap_err();
    let of_name =
        (Key::Name(Limit::Posts, late.user().unwrap().key(), late.meter().unwrap().address()), "2/h".parse().unwrap());
    assert_eq!(limits.table.state(&of_name.0, of_name.1, limits.now()).left, 2);
}

#[tokio::test(start_paused = true)]
async fn addresses_of_one_customer_are_one() {
    let limits = limits("1/h");
    for (one, same, other) in [
        ("192.0.2.1", "::ffff:192.0.2.1", "192.0.2.2"),
        ("2001:db8::1", "2001:db8::ffff:1", "2001:db8:0:1::1"),
        ("", "", "127.0.0.1"),
    ] {
        assert_eq!(taken(&limits, Limit::Searches, &at(one, "")), 10, "{one}");
        assert_eq!(taken(&limits, Limit::Searches, &at(same, "")), 0, "{same}");
        assert_eq!(taken(&limits, Limit::Searches, &at(other, "")), 10, "{other}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_user_is_counted_wherever_they_are_and_a_bot_has_more() {
    let limits = limits("2/h");
    assert_eq!(taken(&limits, Limit::Posts, &proven("192.0.2.1", "alice", UserKind::Person)), 2);
    assert_eq!(taken(&limits, Limit::Posts, &proven("192.0.2.2", "alice", UserKind::Person)), 0);
    assert_eq!(taken(&limits, Limit::Posts, &proven("192.0.2.1", "builds", UserKind::Bot)), 10);
    // Many users behind one address are not counted together.
    let users = (0..100).map(|n| proven("192.0.2.1", &format!("user-{n}"), UserKind::Person));
    assert_eq!(users.map(|user| taken(&limits, Limit::Posts, &user)).sum::<usize>(), 200);
}

#[tokio::test(start_paused = true)]
async fn registrations_are_counted_by_address_and_streams_come_back_at_once() {
    let limits = limits("3/h");
    assert_eq!(taken(&limits, Limit::Registrations, &at("192.0.2.1", "alice")), 3);
    assert_eq!(taken(&limits, Limit::Registrations, &at("192.0.2.1", "bob")), 0);
    assert_eq!(taken(&limits, Limit::Streams, &at("192.0.2.1", "alice")), 3);
    assert_eq!(taken(&limits, Limit::Streams, &at("192.0.2.1", "")), 997);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_counted_of_the_exempt_and_where_limits_are_off() {
    let exempt = Actor::nameless().metered(Arc::new(Meter::new("192.0.2.1".parse().ok(), true)));
    let (on, off) = (limits("1/h"), Limits::new(None));
    for (limits, actor) in [(&on, &exempt), (&on, &Actor::nameless()), (&off, &at("192.0.2.1", "alice"))] {
        assert_eq!(taken(limits, Limit::Posts, actor), 10_000);
        assert!(limits.all_of(actor).is_empty());
        assert_eq!(actor.meter().and_then(Meter::counted), None);
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_put_back_was_not_used() {
    let (limits, alice) = (limits("1/h"), at("192.0.2.1", "alice"));
    for _ in 0..100 {
        limits.take(Limit::Requests, &alice).unwrap();
        limits.put_back(Limit::Requests, &alice);
    }
    assert_eq!(taken(&limits, Limit::Requests, &alice), 1);
}

/// The table is all that there is, and it is made once.
#[tokio::test(start_paused = true)]
async fn a_million_addresses_take_a_few_megabytes_and_a_user_is_served() {
    let limits = limits("60/min:20");
    let alice = proven("192.0.2.1", "alice", UserKind::Person);
    for number in 0..1_000_000_u32 {
        let address = Ipv6Addr::from_bits(u128::from(number) << 64).to_string();
        limits.take(Limit::Posts, &at(&address, "")).unwrap();
        if number % 100_000 == 0 {
            limits.take(Limit::Posts, &alice).unwrap();
        }
    }
    assert!(limits.table.bytes() < 4 << 20, "{} bytes", limits.table.bytes());
}

/// The quotas that hold unless others are set.
fn defaults() -> Limits {
    let command = crate::config::RateArgs::augment_args(clap::Command::new("serve"));
    let settings = crate::config::RateArgs::from_arg_matches(&command.get_matches_from(["serve"])).unwrap();
    Limits::new(settings.quotas())
}

/// A restart sends everybody back at once; then each looks at some rooms, reads, types and posts.
#[tokio::test(start_paused = true)]
async fn an_office_of_300_behind_one_address_works_with_the_defaults() {
    let limits = defaults();
    let people: Vec<_> = (0..300).map(|n| at("192.0.2.1", &format!("user-{n}"))).collect();
    let once = |person: &Actor, limit: Limit| limits.take(limit, person).unwrap();
    for person in &people {
        once(&at("192.0.2.1", ""), Limit::Requests);
        once(person, Limit::Streams);
        (0..5).for_each(|_| once(&at("192.0.2.1", ""), Limit::Requests));
    }
    // An hour in which each posts twice a minute, with five other requests, all in the same second of it.
    for _ in 0..60 {
        advance(60 * SECOND).await;
        for person in people.iter().take(100) {
            (0..7).for_each(|_| once(&at("192.0.2.1", ""), Limit::Requests));
            once(person, Limit::Posts);
            once(person, Limit::Posts);
            (0..3).for_each(|_| once(person, Limit::Typing));
            once(person, Limit::Reads);
        }
    }
}

/// Whoever is refused comes back after the time that is told, and nobody has to for long.
#[tokio::test(start_paused = true)]
async fn a_phone_network_with_2000_behind_one_address_is_back_within_two_minutes() {
    let limits = defaults();
    let mut away: Vec<_> = (0..2_000).map(|n| at("192.0.2.1", &format!("user-{n}"))).collect();
    let mut waited = Duration::ZERO;
    while !away.is_empty() {
        away.retain(|person| {
            limits.take(Limit::Requests, person).and_then(|()| limits.take(Limit::Streams, person)).is_err()
        });
        advance(10 * SECOND).await;
        waited += 10 * SECOND;
    }
    assert!(waited <= 120 * SECOND, "{waited:?}");
    // From then on each posts every ten minutes, and reads.
    for minute in 0..20 {
        advance(60 * SECOND).await;
        for person in (0..2_000).filter(|n| n % 10 == minute % 10).map(|n| at("192.0.2.1", &format!("user-{n}"))) {
            (0..4).for_each(|_| limits.take(Limit::Requests, &at("192.0.2.1", "")).unwrap());
            limits.take(Limit::Posts, &person).unwrap();
            limits.take(Limit::Reads, &person).unwrap();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_bot_that_reports_a_hundred_builds_at_once_works_with_the_defaults() {
    let (limits, bot) = (defaults(), proven("192.0.2.1", "builds", UserKind::Bot));
    for _ in 0..10 {
        for _ in 0..100 {
            limits.take(Limit::Requests, &bot).unwrap();
            limits.take(Limit::Posts, &bot).unwrap();
        }
        advance(20 * SECOND).await;
    }
}
