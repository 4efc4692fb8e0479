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
    let session = |number: u8, expires_at| NewSession {
        hash: [number; 32],
        rooms: None,
        can: None,
        expires_at,
        agent: None,
        address: "::1".into(),
        replaces: None,
    };
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
