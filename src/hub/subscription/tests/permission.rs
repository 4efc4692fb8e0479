//! Readers whose right ends while they read, and deliveries that are held back.

use std::sync::Arc;

use futures_util::poll;
use serde_json::json;

use super::{Duration, Fixture, Instant, Start, Value, Wanted, advance, name, next, next_of, pause, request};
use crate::{
    app::tests::actor,
    domain::{
        EventId,
        event::{EventType, TypeSet},
        name::{UserKey, Username},
        policy::{Actor, Credential, Denied, Grant},
        rights::Rights,
        room_scope::RoomScope,
        timestamp::Timestamp,
        user::UserKind,
    },
    hub::{
        permission::NotGiven,
        queries::Query,
        reader::Request,
        registry::{CloseReason, Transport},
        subscription::Subscription,
    },
};
use tokio_stream::StreamExt;

const PATIENCE: Duration = crate::config::Timings::DEFAULT.revocation_patience;

/// A user whom an API key vouches for, until a time.
fn proven(user: &str, key: i64, expires_at: Option<Timestamp>) -> Actor {
    let grant = Grant {
        credential: Credential::ApiKey(key),
        kind: UserKind::Person,
        rights: Rights::parse(["read"]).unwrap(),
        rooms: RoomScope::all(),
        makes_rooms: false,
        expires_at,
        version: 0,
    };
    Actor::proven(Username::parse(user).unwrap(), Arc::new(grant))
}

async fn read(fixture: &Fixture, actor: &Actor, start: Start) -> Subscription {
    fixture.app.hub.subscribe(actor, &name("general"), start, request(TypeSet::ALL)).await.unwrap()
}

fn key(user: &str) -> UserKey {
    Username::parse(user).unwrap().key().clone()
}

/// Everything until the end, and the reason for that.
async fn to_the_end(reader: &mut Subscription) -> (Vec<Value>, Option<CloseReason>) {
    let mut events = Vec::new();
    while let Some(placed) = reader.next().await {
        events.extend(placed.iter().map(|event| serde_json::from_slice::<Value>(&event.frame.json()).unwrap()));
    }
    (events, reader.ended())
}

fn ids(events: &[Value]) -> Vec<EventId> {
    events.iter().filter(|event| event["type"] == "chat_message").map(|event| event["id"].as_i64().unwrap()).collect()
}

#[tokio::test]
async fn without_word_of_revocations_nothing_is_delivered_until_there_is() {
    let fixture = Fixture::new().await;
    let hub = fixture.app.hub.clone();
    let mut alice = read(&fixture, &proven("Alice", 1, None), Start::After(0)).await;
    let mut nobody = read(&fixture, &actor("Nobody"), Start::After(0)).await;
    next_of(&mut alice, "presence_state").await;
    next_of(&mut nobody, "presence_state").await;
    pause();
    advance(PATIENCE + Duration::from_millis(1)).await;
    tokio::time::resume();
    fixture.post(2).await;
    let here = hub.room(&name("general")).attend(&Username::parse("Carol").unwrap());
    // Without a credential there is nothing that could be lost.
    next_of(&mut nobody, "chat_message").await;
    assert!(poll!(std::pin::pin!(alice.next())).is_pending(), "neither what is in the log nor who is there");

    assert!(hub.freshness().confirm(Instant::now()));
    hub.registry().wake_held();
    let got = next(&mut alice).await;
    assert_eq!(ids(&got), [1, 2], "{got:?}");
    assert!(got.iter().any(|event| event["type"] == "user_status"), "{got:?}");
    drop((here, alice, nobody));
    fixture.end().await;
}

#[tokio::test]
async fn a_held_reader_is_woken_when_deliveries_go_on() {
    let fixture = Fixture::new().await;
    let hub = fixture.app.hub.clone();
    let mut alice = read(&fixture, &proven("Alice", 1, None), Start::After(0)).await;
    next_of(&mut alice, "presence_state").await;
    pause();
    advance(PATIENCE + Duration::from_millis(1)).await;
    tokio::time::resume();
    fixture.post(1).await;
    let waits = async { next_of(&mut alice, "chat_message").await };
    let goes_on = async {
        tokio::task::yield_now().await;
        hub.freshness().confirm(Instant::now());
        hub.registry().wake_held();
    };
    assert_eq!(futures_util::future::join(waits, goes_on).await.0["id"], 1);
    drop(alice);
    fixture.end().await;
}

#[tokio::test]
async fn the_end_of_a_credential_ends_its_reader_and_is_told() {
    let fixture = Fixture::new().await;
    // The app's clock stands still at this time.
    let end = Timestamp::from_micros(1_700_000_000_000_000 + 60_000_000);
    let mut alice = read(&fixture, &proven("Alice", 1, Some(end)), Start::After(0)).await;
    next_of(&mut alice, "presence_state").await;
    pause();
    let began = Instant::now();
    let (events, ended) = to_the_end(&mut alice).await;
    assert_eq!(ended, Some(CloseReason::Denied(Denied::Expired)));
    assert!((Duration::from_secs(59)..Duration::from_secs(61)).contains(&began.elapsed()), "{:?}", began.elapsed());
    let last = events.last().unwrap();
    assert_eq!((&last["type"], &last["code"], &last["room"]), (&"error".into(), &"token_expired".into(), &Value::Null));
    tokio::time::resume();
    drop(alice);
    fixture.end().await;
}

/// A time after the one at which the app's clock stands still.
fn in_seconds(seconds: i64) -> Timestamp {
    Timestamp::from_micros((1_700_000_000 + seconds) * 1_000_000)
}

/// The whole seconds since then.
fn seconds_since(began: Instant) -> u64 {
    (began.elapsed() + Duration::from_millis(500)).as_secs()
}

#[tokio::test]
async fn the_end_of_a_credential_is_told_once_a_minute_before() {
    let fixture = Fixture::new().await;
    let (hub, alice) = (fixture.app.hub.clone(), proven("Alice", 1, Some(in_seconds(180))));
    let filtered = request(TypeSet::filter([EventType::ChatMessage]));
    let mut reader = hub.subscribe(&alice, &name("general"), Start::After(0), filtered.clone()).await.unwrap();
    let poll = Request { transport: Transport::LongPoll, ..filtered };
    let mut poll = hub.subscribe(&alice, &name("general"), Start::After(0), poll).await.unwrap();
    pause();
    let began = Instant::now();
    let told = next_of(&mut reader, "auth_expiring").await;
    assert_eq!(seconds_since(began), 120);
    let expiring = hub.registry().expiring();
    assert_eq!(expiring.len(), 1);
    let stream = expiring[0].stream().unwrap().as_str();
    let expected = json!({"type": "auth_expiring", "stream": stream, "expires_at": in_seconds(180)});
    assert_eq!(told, expected);
    let (events, ended) = to_the_end(&mut reader).await;
    assert_eq!((seconds_since(began), ended), (180, Some(CloseReason::Denied(Denied::Expired))));
    assert!(events.iter().all(|event| event["type"] != "auth_expiring"), "{events:?}");
    assert_eq!(to_the_end(&mut poll).await.0, Vec::<Value>::new(), "a poll ends by itself");
    tokio::time::resume();
    drop((expiring, reader, poll));
    assert!(hub.registry().expiring().is_empty());
    fixture.end().await;
}

#[tokio::test]
async fn who_goes_on_is_told_of_the_next_end_and_found_by_the_next_credential() {
    let fixture = Fixture::new().await;
    let registry = fixture.app.hub.registry().clone();
    let mut reader = read(&fixture, &proven("Alice", 1, Some(in_seconds(10))), Start::After(0)).await;
    pause();
    let began = Instant::now();
    // Less is left than a minute: it is told once it has what it begins with.
    let first = next(&mut reader).await;
    assert_eq!(first[0]["type"], "presence_state", "{first:?}");
    let told = next_of(&mut reader, "auth_expiring").await;
    assert_eq!(seconds_since(began), 0);
    let goes_on = |key, end| {
        let expiring = registry.expiring();
        registry.go_on(&expiring[0], proven("Alice", key, end));
        assert!(registry.expiring().is_empty());
        let found = registry.by_credential().concat();
        let of = found.iter().map(|reader| reader.actor().unwrap().grant().unwrap().credential.clone());
        assert_eq!(of.collect::<Vec<_>>(), [Credential::ApiKey(key)]);
    };
    goes_on(2, Some(in_seconds(100)));
    let again = next_of(&mut reader, "auth_expiring").await;
    assert_eq!((seconds_since(began), &again["stream"]), (40, &told["stream"]));
    goes_on(3, None);
    for _ in 0..20 {
        assert_eq!(next_of(&mut reader, "ping").await["cursor"], 0);
    }
    assert!(seconds_since(began) > 200);
    tokio::time::resume();
    drop(reader);
    assert_eq!(registry.by_credential().len(), 0);
    fixture.end().await;
}

#[tokio::test]
async fn who_is_removed_gets_everything_up_to_that_and_nothing_later() {
    let fixture = Fixture::new().await;
    fixture.post(3).await;
    let hub = fixture.app.hub.clone();
    let mut behind = read(&fixture, &proven("Alice", 1, None), Start::After(1)).await;
    let mut history = read(&fixture, &proven("Alice", 2, None), Start::History).await;
    let mut other = read(&fixture, &proven("Bob", 3, None), Start::After(3)).await;
    let mut begun = read(&fixture, &proven("Alice", 4, None), Start::After(3)).await;
    next_of(&mut begun, "presence_state").await;
    fixture.post(3).await;
    hub.registry().close_after(&name("general"), &key("ALICE"), 5, Denied::NoSuchRoom);
    hub.registry().close_after(&name("elsewhere"), &key("bob"), 0, Denied::NoSuchRoom);
    fixture.post(1).await;
    for (reader, expected) in [(&mut behind, &[2, 3, 4, 5][..]), (&mut begun, &[4, 5])] {
        let (events, ended) = to_the_end(reader).await;
        assert_eq!(ids(&events), expected, "{events:?}");
        assert_eq!(events.last().unwrap()["type"], "error");
        assert_eq!(ended, Some(CloseReason::Denied(Denied::NoSuchRoom)));
        assert!(!reader.has_more(), "nothing is said of what came later");
    }
    // Its history was read before; what came up to then is its to know.
    let (events, _) = to_the_end(&mut history).await;
    let shown: Vec<_> =
        events[0]["messages"].as_array().unwrap().iter().map(|message| message["id"].as_i64()).collect();
    assert_eq!(shown, [Some(1), Some(2), Some(3)]);
    assert_eq!(ids(&events), [4, 5]);
    let got = next(&mut other).await;
    assert_eq!(ids(&got), [4, 5, 6, 7], "the others go on");
    drop((behind, history, other, begun));
    fixture.end().await;
}

#[tokio::test]
async fn a_history_that_was_read_too_late_is_read_again_up_to_the_removal() {
    let fixture = Fixture::new().await;
    fixture.post(5).await;
    fixture.post_to("team-a", 1).await;
    let rooms = ["general", "team-a"];
    let wanted = rooms.map(|room| Wanted { room: name(room), start: Start::History, denied: None });
    let alice = proven("Alice", 1, None);
    let hub = fixture.app.hub.clone();
    let mut reader = hub.subscribe_to_all(&alice, wanted.into(), request(TypeSet::ALL)).await.unwrap();
    // The page with all five is there, and has not left.
    hub.registry().close_after(&name("general"), &key("alice"), 2, Denied::NoSuchRoom);
    let mut events = Vec::new();
    while !events.iter().any(|event: &Value| event["room"] == "team-a" && event["type"] == "presence_state") {
        events.extend(next(&mut reader).await);
    }
    assert_eq!((&events[0]["type"], &events[0]["id"]), (&"message_history".into(), &2.into()));
    assert_eq!(events[0]["messages"].as_array().unwrap().len(), 2);
    let rest: Vec<_> = events[1..].iter().filter(|event| event["room"] == "general").collect();
    assert!(rest.len() == 1 && rest[0]["type"] == "error", "{rest:?}");
    fixture.post(1).await;
    fixture.post_to("team-a", 1).await;
    assert_eq!(next_of(&mut reader, "chat_message").await["room"], "team-a");
    drop(reader);
    fixture.end().await;
}

#[tokio::test]
async fn readers_are_found_by_credential_and_room_until_they_are_gone() {
    let fixture = Fixture::new().await;
    let registry = fixture.app.hub.registry().clone();
    let nobody = read(&fixture, &actor("Nobody"), Start::After(0)).await;
    let (first, second) = (proven("Alice", 1, None), proven("Bob", 2, None));
    let readers = [read(&fixture, &first, Start::After(0)).await, read(&fixture, &first, Start::After(0)).await];
    let other = read(&fixture, &second, Start::After(0)).await;
    let mut counts: Vec<_> = registry.by_credential().iter().map(Vec::len).collect();
    counts.sort_unstable();
    assert_eq!((counts, registry.readers_of(&name("general")).len(), registry.count()), (vec![1, 2], 3, 4));
    drop((readers, other));
    assert_eq!((registry.by_credential().len(), registry.readers_of(&name("general")).len()), (0, 0));
    drop(nobody);
    assert_eq!(registry.count(), 0);
    fixture.end().await;
}

#[tokio::test]
async fn who_may_read_a_private_room_is_decided_at_each_page_of_the_store() {
    let fixture = Fixture::new().await;
    fixture.post(3).await;
    let hub = fixture.app.hub.clone();
    let room = hub.room(&name("general"));
    let [alice, eve] = [proven("Alice", 1, None), proven("Eve", 2, None)];
    let log = |last| Query::Log { after: 0, types: TypeSet::ALL, limit: 10, history: 10, last };
    let begin = |last| Query::Begin { start: Start::History, history: 10, types: TypeSet::ALL, last };
    let given = async |actor: Option<&Actor>, query: Query| match hub.answer(&room, &query, actor).await {
        Ok(page) => Ok(page.frames.len()),
        Err(NotGiven::Denied(why)) => Err(why),
        Err(error) => panic!("{error}"),
    };
    let hidden = Err(Denied::NoSuchRoom);
    assert_eq!(given(Some(&alice), log(EventId::MAX)).await, Ok(3), "the room is public");
    fixture.app.sql("UPDATE room SET visibility = 'private', owners = 1").await;
    for query in [log, begin] {
        assert_eq!(given(Some(&alice), query(EventId::MAX)).await, hidden);
    }
    let member = "INSERT INTO membership (room_id, user_key, username, role, since) \
                  SELECT id, 'alice', 'Alice', 'reader', 1 FROM room";
    // As the journal does, with each change of a membership.
    let raise = "UPDATE room SET membership_version = membership_version + 1";
    fixture.app.sql(member).await;
    fixture.app.sql(raise).await;
    assert_eq!(given(Some(&alice), log(EventId::MAX)).await, Ok(3));
    assert_eq!(given(Some(&alice), begin(EventId::MAX)).await, Ok(1));
    assert_eq!(given(Some(&eve), log(EventId::MAX)).await, hidden);
    fixture.app.sql("UPDATE membership SET role = NULL").await;
    fixture.app.sql(raise).await;
    assert_eq!(given(Some(&alice), log(EventId::MAX)).await, hidden);
    // Up to the event by which the right was lost all is to be given; and in open mode nobody has one to lose.
    assert_eq!(given(Some(&alice), log(2)).await, Ok(3));
    assert_eq!(given(None, log(EventId::MAX)).await, Ok(3));
    drop(room);
    fixture.end().await;
}
