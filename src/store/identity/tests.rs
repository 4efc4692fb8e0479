//! Users and keys in a database of the test's own.

use super::*;
use crate::{
    config::StoreConfig,
    store::{Opened, Store},
};

fn name(text: &str) -> Username {
    Username::parse(text).unwrap()
}

fn new(username: &str, origin: Origin) -> NewUser {
    NewUser { username: name(username), kind: UserKind::Person, origin, subject: None, is_admin: false }
}

fn at(micros: i64) -> Timestamp {
    Timestamp::from_micros(micros)
}

async fn open() -> (tempfile::TempDir, Opened) {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}?mode=rwc", folder.path().join("parlor.db").display());
    let config = StoreConfig { url: url.into(), fsync: false, migrate: true, revisions: 100 };
    (folder, Store::open(&config).await.unwrap())
}

fn session(number: u8, expires_at: Option<Timestamp>) -> NewSession {
    NewSession {
        hash: [number; 32],
        rooms: None,
        can: None,
        expires_at,
        agent: None,
        address: "::1".into(),
        replaces: None,
    }
}

/// Two find a name that is only claimed, and each takes it for free.
#[tokio::test]
async fn of_two_who_take_a_claimed_name_one_has_it() {
    let (_folder, opened) = open().await;
    opened.identity.make_user(new("Alice", Origin::Claimed), at(1)).await.unwrap();
    let by_token = NewUser { subject: Some("u-1".to_owned()), ..new("alice", Origin::Jwt) };
    let user = opened.identity.hand_over(by_token).await.unwrap();
    assert_eq!((user.username.as_str(), user.origin, user.subject.as_deref()), ("Alice", Origin::Jwt, Some("u-1")));
    let second = opened.identity.hand_over(new("Alice", Origin::Local)).await;
    assert!(matches!(second, Err(IdentityError::Taken)), "{second:?}");
    assert_eq!(opened.store.user(name("alice").key()).await.unwrap(), Some(user));
    let nobody = opened.identity.hand_over(new("Bob", Origin::Local)).await;
    assert!(matches!(nobody, Err(IdentityError::Unknown)), "{nobody:?}");
}

#[tokio::test]
async fn the_use_of_a_key_is_noted_once_in_an_interval_and_takes_no_right_away() {
    let (_folder, opened) = open().await;
    let user = opened.identity.make_user(new("ci", Origin::Bot), at(1)).await.unwrap();
    let key =
        NewKey { hash: [7; 32], account_id: user.id, name: String::new(), rooms: None, can: None, expires_at: None };
    let key = opened.identity.make_key(key, Basis::Operator, None, at(1)).await.unwrap();
    let version = opened.store.auth_version().await.unwrap();
    for (used, noted) in [(100, 100), (109, 100), (110, 110), (50, 110)] {
        opened
            .identity
            .note_uses(&[(Used::Key(key.id), at(used)), (Used::Key(key.id + 1), at(used))], 10)
            .await
            .unwrap();
        let (found, _) = opened.store.key_by_id(key.id).await.unwrap().unwrap();
        assert_eq!(found.last_used_at, Some(at(noted)), "used at {used}");
    }
    assert_eq!(opened.store.auth_version().await.unwrap(), version);
    opened.identity.delete_key(user.id, key.id, None).await.unwrap();
    assert_eq!(opened.store.auth_version().await.unwrap(), version + 1);
}

#[tokio::test]
async fn a_session_that_nobody_uses_for_thirty_days_ends_and_so_does_what_is_over() {
    let (_folder, opened) = open().await;
    let (writer, store) = (&opened.identity, &opened.store);
    let day = |day: i64| Timestamp::from_micros(day * 24 * 60 * 60 * 1_000_000);
    let user = writer.make_user(new("alice", Origin::Local), day(0)).await.unwrap();
    let unused = writer.make_session(user.id, &session(1, None), Basis::Operator, day(0)).await.unwrap();
    let used = writer.make_session(user.id, &session(2, None), Basis::Operator, day(0)).await.unwrap();
    writer.make_session(user.id, &session(3, Some(day(20))), Basis::Operator, day(0)).await.unwrap();
    writer.note_uses(&[(Used::Session(used.id), day(10))], 60_000_000).await.unwrap();
    assert!(!unused.is_idle(day(29)) && unused.is_idle(day(30)));
    let by = ByAdmin { by: &name("root"), to: None, at: day(0) };
    writer.make_invitation(&[4; 32], day(7), Basis::Operator, by).await.unwrap();
    writer.keep_reset(user.id, &[5; 32], day(1), Basis::Operator, by).await.unwrap();
    let before = store.auth_version().await.unwrap();
    assert_eq!(writer.delete_ended(day(0), day(30)).await.unwrap(), 2);
    assert!(store.auth_version().await.unwrap() > before, "what they read ends, too");
    let left = store.sessions_of(user.id, None, 10).await.unwrap();
    assert_eq!(left.iter().map(|session| session.id).collect::<Vec<_>>(), [used.id]);
    assert_eq!(store.invitation_by_hash(&[4; 32]).await.unwrap(), None);
    let late = writer.reset_password(user.id, &[5; 32], "hash", &session(6, None), day(30)).await;
    assert!(matches!(late, Err(IdentityError::Unknown)));
}

#[tokio::test]
async fn one_session_too_many_ends_the_one_that_was_not_used_for_the_longest() {
    let (_folder, opened) = open().await;
    let (writer, store) = (&opened.identity, &opened.store);
    let [alice, bob] = ["alice", "bob"].map(|username| new(username, Origin::Local));
    let (alice, bob) = (writer.make_user(alice, at(0)).await.unwrap(), writer.make_user(bob, at(0)).await.unwrap());
    let of_bob = writer.make_session(bob.id, &session(255, None), Basis::Operator, at(0)).await.unwrap();
    let mut ids = Vec::new();
    for number in 1..=100 {
        let made = writer.make_session(alice.id, &session(number, None), Basis::Operator, at(number.into())).await;
        ids.push(made.unwrap().id);
    }
    // The first was used since, so that the second is the one.
    writer.note_uses(&[(Used::Session(ids[0]), at(1_000))], 1).await.unwrap();
    let left = async || {
        let left = store.sessions_of(alice.id, None, 200).await.unwrap();
        left.iter().rev().map(|session| session.id).collect::<Vec<_>>()
    };
    assert_eq!(left().await, ids, "a hundred stay");
    let version = store.auth_version().await.unwrap();
    ids.push(writer.make_session(alice.id, &session(101, None), Basis::Operator, at(2_000)).await.unwrap().id);
    ids.remove(1);
    assert_eq!(left().await, ids);
    assert!(store.auth_version().await.unwrap() > version, "what is open by it ends, too");
    // One that takes the place of another ends no third.
    let replacing = NewSession { replaces: Some(ids[50]), ..session(102, None) };
    ids.push(writer.make_session(alice.id, &replacing, Basis::Operator, at(3_000)).await.unwrap().id);
    ids.remove(50);
    assert_eq!(left().await, ids);
    assert_eq!(store.sessions_of(bob.id, None, 10).await.unwrap()[0].id, of_bob.id);
}

/// The rights that something is done by are those of a version: whatever was taken since may be one of them.
#[tokio::test]
async fn what_is_made_by_rights_of_another_version_is_refused_and_leaves_nothing() {
    let (_folder, opened) = open().await;
    let (writer, store) = (&opened.identity, &opened.store);
    let user = writer.make_user(new("alice", Origin::Local), at(1)).await.unwrap();
    let before = store.auth_version().await.unwrap();
    let key = |number: u8| NewKey {
        hash: [number; 32],
        account_id: user.id,
        name: String::new(),
        rooms: None,
        can: None,
        expires_at: None,
    };
    let by = ByAdmin { by: &name("root"), to: None, at: at(1) };
    let made = writer.make_key(key(1), Basis::Rights(before), None, at(1)).await.unwrap();
    // Somebody loses a right.
    writer.delete_key(user.id, made.id, None).await.unwrap();
    let now = store.auth_version().await.unwrap();
    assert!(now > before);
    let stale = Basis::Rights(before);
    let errors = [
        writer.make_key(key(2), stale, None, at(2)).await.err(),
        writer.make_session(user.id, &session(3, None), stale, at(2)).await.err(),
        writer.make_invitation(&[4; 32], at(1_000), stale, by).await.err(),
        writer.keep_reset(user.id, &[5; 32], at(1_000), stale, by).await.err(),
        writer.delete_account(user.id, stale, at(2)).await.err(),
    ];
    for error in errors {
        assert!(matches!(error, Some(IdentityError::Stale)), "{error:?}");
    }
    assert!(store.keys_of(user.id, None, Some(10)).await.unwrap().is_empty());
    assert!(store.sessions_of(user.id, None, 10).await.unwrap().is_empty());
    assert_eq!(store.invitation_by_hash(&[4; 32]).await.unwrap(), None);
    assert!(!store.has_reset(user.id, &[5; 32], at(2)).await.unwrap());
    assert_eq!(store.user(name("alice").key()).await.unwrap().map(|user| user.origin), Some(Origin::Local));
    assert_eq!(store.auth_version().await.unwrap(), now);
    // By the rights that are in force it is made.
    writer.make_key(key(2), Basis::Rights(now), None, at(3)).await.unwrap();
    writer.make_session(user.id, &session(3, None), Basis::Rights(now), at(3)).await.unwrap();
    writer.make_invitation(&[4; 32], at(1_000), Basis::Rights(now), by).await.unwrap();
    writer.keep_reset(user.id, &[5; 32], at(1_000), Basis::Rights(now), by).await.unwrap();
}

#[tokio::test]
async fn what_is_made_by_a_password_is_refused_once_it_is_another_or_its_session_has_ended() {
    let (_folder, opened) = open().await;
    let (writer, store) = (&opened.identity, &opened.store);
    let user = writer.make_user(new("alice", Origin::Local), at(1)).await.unwrap();
    writer.change_password(user.id, "first", None, Basis::Operator, at(1)).await.unwrap();
    let open = writer.make_session(user.id, &session(1, None), Basis::Operator, at(1)).await.unwrap();
    let by = |hash, session| Basis::Password { user: user.id, hash, session };
    writer.make_session(user.id, &session(2, None), by("first", None), at(2)).await.unwrap();
    writer.change_password(user.id, "second", Some(open.id), by("first", Some(open.id)), at(3)).await.unwrap();
    let late = writer.make_session(user.id, &session(3, None), by("first", None), at(4)).await;
    assert!(matches!(late, Err(IdentityError::Stale)), "{late:?}");
    let late = writer.change_password(user.id, "third", Some(open.id), by("first", Some(open.id)), at(4)).await;
    assert!(matches!(late, Err(IdentityError::Stale)), "{late:?}");
    writer.end_session(user.id, open.id).await.unwrap();
    let ended = writer.change_password(user.id, "third", Some(open.id), by("second", Some(open.id)), at(5)).await;
    assert!(matches!(ended, Err(IdentityError::Stale)), "{ended:?}");
    assert_eq!(store.password_of(user.id).await.unwrap().as_deref(), Some("second"));
    assert!(store.sessions_of(user.id, None, 10).await.unwrap().is_empty());
}
