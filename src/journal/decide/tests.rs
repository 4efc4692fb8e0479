//! Batches whose commands depend on each other.

use super::*;
use crate::domain::{
    content::ContentLimit,
    message::{Edit, Post},
    room::FloorReason,
};

fn room(name: &str, head: EventId) -> Room {
    Room {
        id: 7,
        name: RoomName::parse(name).unwrap(),
        title: String::new(),
        topic: String::new(),
        created_at: Timestamp::from_micros(0),
        head,
        floor: 0,
        floor_reason: FloorReason::Pruned,
    }
}

fn post(content: &str, client_id: Option<&str>, reply_to: Option<EventId>) -> Command {
    let post = Post {
        username: Some("Alice".into()),
        content: Some(content.into()),
        reply_to,
        client_id: client_id.map(Into::into),
    };
    Command::Post { room: RoomName::parse("general").unwrap(), draft: post.check(ContentLimit::default()).unwrap() }
}

fn put(title: &str) -> Command {
    let change = RoomChange { title: Some(title.into()), topic: None };
    Command::PutRoom { room: RoomName::parse("general").unwrap(), change }
}

fn decide_on(head: EventId, made: bool, commands: &[Command]) -> Decided {
    let room = room("general", head);
    let made = if made { HashSet::from([room.name.clone()]) } else { HashSet::new() };
    let rooms = HashMap::from([(room.name.clone(), room)]);
    let known = Known { rooms, made, existing: (1..=head).map(|id| (7, id)).collect(), ..Known::default() };
    let fingerprint = |draft: &Draft| format!("{:?} {}", draft.reply_to, draft.content).into_bytes();
    decide(commands, known, fingerprint, Moment { now: Timestamp::from_micros(1), edit_window: None })
}

fn ids(decided: &Decided) -> Vec<EventId> {
    decided.growths.iter().flat_map(|growth| growth.events.iter().map(Event::id)).collect()
}

#[test]
fn a_refusal_between_two_good_ones_leaves_no_hole() {
    let decided = decide_on(4, false, &[post("a", None, None), post("b", None, Some(99)), post("c", None, Some(5))]);
    assert_eq!(ids(&decided), [5, 6]);
    assert_eq!(decided.answers[1].as_ref().unwrap_err(), &Refused::NoSuchTarget);
    assert_eq!(decided.growths[0].head, 6);
}

#[test]
fn the_same_key_twice_is_one_message() {
    let commands =
        [post("a", Some("k"), None), post("a", Some("k"), None), post("b", Some("k"), None), post("c", None, None)];
    let decided = decide_on(0, true, &commands);
    assert_eq!(ids(&decided), [1, 2]);
    for (index, replayed) in [(0, false), (1, true)] {
        match &decided.answers[index] {
            Ok(Outcome::Posted { message, replayed: answer }) => assert_eq!((message.id, *answer), (1, replayed)),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(decided.answers[2].as_ref().unwrap_err(), &Refused::KeyReused);
}

#[test]
fn a_room_that_only_refused_commands_wanted_is_not_made() {
    let decided = decide_on(0, true, &[post("a", None, Some(3))]);
    assert!(!decided.changes && decided.growths.is_empty());
    assert_eq!(decided.unneeded, [7]);
}

#[test]
fn making_a_room_takes_no_id_and_changing_nothing_takes_none() {
    let decided = decide_on(0, true, &[put("a"), put("a"), put("b"), put("b")]);
    assert_eq!(ids(&decided), [1]);
    let made: Vec<_> =
        decided.answers.iter().map(|answer| matches!(answer, Ok(Outcome::RoomPut { made: true, .. }))).collect();
    assert_eq!(made, [true, false, false, false]);
    assert_eq!(decided.growths[0].described.as_ref().map(|(title, _)| title.as_str()), Some("b"));

    let decided = decide_on(3, false, &[put("")]);
    assert!(!decided.changes && decided.growths.is_empty());
}

fn user(name: &str) -> Username {
    Username::parse(name).unwrap()
}

fn general() -> RoomName {
    RoomName::parse("general").unwrap()
}

fn edit(id: EventId, content: &str) -> Command {
    let edit = Edit { username: user("Alice"), content: content.into() };
    Command::Edit { room: general(), id, edit, versions: None }
}

fn delete(id: EventId) -> Command {
    Command::Delete { room: general(), id, username: user("alice") }
}

fn react(id: EventId, name: &str, on: bool) -> Command {
    Command::React { room: general(), id, username: user(name), emoji: "👍".into(), on }
}

fn read(name: &str, last_read_id: EventId) -> Command {
    Command::MarkRead { room: general(), username: user(name), last_read_id }
}

fn kinds(decided: &Decided) -> Vec<&'static str> {
    decided.growths[0].events.iter().map(|event| event.kind().as_str()).collect()
}

#[test]
fn what_is_written_of_a_message_is_how_the_batch_leaves_it() {
    let decided = decide_on(0, true, &[post("a", Some("k"), None), edit(1, "b"), edit(1, "b"), edit(1, "c")]);
    assert_eq!(kinds(&decided), ["chat_message", "message_edited", "message_edited"]);
    let growth = &decided.growths[0];
    assert_eq!(growth.posted[0].content, "c");
    assert!(growth.changes.messages.is_empty(), "a new row is inserted, not updated");
    let revisions: Vec<_> = growth.changes.revisions.iter().map(|r| (r.id, r.revision.content.as_str())).collect();
    assert_eq!(revisions, [(2, "a"), (3, "b")]);
    let Event::ChatMessage(first) = &growth.events[0] else { panic!("{:?}", growth.events[0]) };
    assert_eq!(first.content, "a", "the event shows what was posted");
}

#[test]
fn of_a_message_deleted_in_its_batch_nothing_is_written() {
    let commands = [
        post("a", Some("k"), None),
        edit(1, "b"),
        react(1, "Bob", true),
        delete(1),
        delete(1),
        edit(1, "c"),
        react(1, "Bob", false),
        post("other", Some("k"), None),
    ];
    let decided = decide_on(0, true, &commands);
    assert_eq!(kinds(&decided), ["chat_message", "message_edited", "reaction_added", "message_deleted"]);
    let growth = &decided.growths[0];
    assert_eq!((growth.posted[0].content.as_str(), growth.posted[0].reactions.len()), ("", 0));
    assert!(growth.fingerprints.is_empty() && growth.changes.revisions.is_empty() && growth.changes.added.is_empty());
    assert_eq!(growth.changes.deleted, [1]);
    assert!(matches!(decided.answers[4], Ok(Outcome::Changed { event: None, .. })), "again is no change");
    for late in [5, 6] {
        assert_eq!(decided.answers[late].as_ref().unwrap_err(), &Refused::Deleted);
    }
    match &decided.answers[7] {
        Ok(Outcome::Posted { message, replayed: true }) => assert!(message.deleted_at.is_some()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_reaction_that_comes_and_goes_in_one_batch_is_only_in_the_log() {
    let commands = [
        post("a", None, None),
        react(1, "Bob", true),
        react(1, "Eve", true),
        react(1, "BOB", false),
        react(1, "Bob", false),
    ];
    let decided = decide_on(0, true, &commands);
    assert_eq!(kinds(&decided), ["chat_message", "reaction_added", "reaction_added", "reaction_removed"]);
    let changes = &decided.growths[0].changes;
    assert_eq!((changes.added.len(), changes.removed.len()), (1, 0));
    let shown = &decided.growths[0].posted[0].reactions[0];
    assert_eq!((shown.count, &shown.usernames[..]), (1, &[user("Eve")][..]));
}

#[test]
fn a_cursor_moves_forward_within_a_batch_and_takes_no_id() {
    let commands = [read("Bob", 3), post("a", None, None), read("bob", 5), read("Bob", 4), read("Bob", 6)];
    let decided = decide_on(4, false, &commands);
    assert_eq!(ids(&decided), [5]);
    assert_eq!(decided.answers[4].as_ref().unwrap_err(), &Refused::PastHead);
    let cursors: Vec<_> = decided.growths[0].changes.cursors.iter().map(|cursor| cursor.last_read_id).collect();
    assert_eq!(cursors, [5]);
    assert!(matches!(&decided.answers[3], Ok(Outcome::Read(cursor)) if cursor.last_read_id == 5));

    let decided = decide_on(4, false, &[read("Bob", 4)]);
    assert!(decided.changes && ids(&decided).is_empty(), "it is written without an event");
    assert!(decide_on(0, true, &[read("Bob", 1)]).growths.is_empty(), "and makes no room");
}

#[test]
fn the_edit_window_is_counted_from_the_post() {
    let posted = Message { timestamp: Timestamp::from_micros(1_000_000), ..message(1) };
    let edit_at = |micros, edit_window| {
        let known = Known {
            rooms: HashMap::from([(general(), room("general", 1))]),
            messages: HashMap::from([((7, 1), Arc::new(posted.clone()))]),
            ..Known::default()
        };
        let moment = Moment { now: Timestamp::from_micros(micros), edit_window };
        decide(&[edit(1, "b")], known, |_| Vec::new(), moment).answers.remove(0).map(|_| ())
    };
    let window = Some(Duration::from_secs(1));
    assert_eq!(edit_at(2_000_000, window), Ok(()));
    assert_eq!(edit_at(2_000_001, window), Err(Refused::WindowOver));
    assert_eq!(edit_at(900_000, window), Ok(()), "a clock that was set back");
    assert_eq!(edit_at(i64::MAX, None), Ok(()));
}

fn message(id: EventId) -> Message {
    Message {
        id,
        room: general(),
        username: user("Alice"),
        content: "a".into(),
        timestamp: Timestamp::from_micros(0),
        edited_at: None,
        deleted_at: None,
        reply_to: None,
        reactions: Vec::new(),
        client_id: None,
    }
}
