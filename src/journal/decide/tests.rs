//! Batches whose commands depend on each other.

use super::{
    super::command::{Delete, MarkRead, MembershipChange, MembershipTo, OpenDirect, React},
    *,
};
use crate::{
    app::tests::actor,
    domain::{
        content::ContentLimit,
        membership::Role,
        message::{Edit, MAX_EVENTS, Post},
        policy::Denied,
        user::{Origin, User, UserKind},
        version::{Precondition, Versions},
    },
};

fn room(name: &str, head: EventId) -> Room {
    Room { head, ..Room::new(7, RoomName::parse(name).unwrap(), Timestamp::from_micros(0)) }
}

fn command(name: &str, change: impl Into<Change>) -> Command {
    Command { actor: actor(name), room: general(), when: Precondition::default(), change: change.into() }
}

fn post(content: &str, client_id: Option<&str>, reply_to: Option<EventId>) -> Command {
    let post = Post { content: Some(content.into()), reply_to, client_id: client_id.map(Into::into) };
    command("Alice", post.check(ContentLimit::default()).unwrap())
}

fn put(title: &str) -> Command {
    command("Alice", RoomChange { title: Some(title.into()), ..RoomChange::default() })
}

fn decide_on(head: EventId, made: bool, commands: &[Command]) -> Decided {
    let room = room("general", head);
    let absent = if made { BTreeSet::from([room.name.clone()]) } else { BTreeSet::new() };
    let rooms = HashMap::from([(room.name.clone(), room)]);
    let known = Known { rooms, absent, existing: (1..=head).map(|id| (7, id)).collect(), ..Known::default() };
    let fingerprint = |draft: &Draft| format!("{:?} {}", draft.reply_to, draft.content).into_bytes();
    decide(commands, known, fingerprint, Moment { now: Timestamp::from_micros(1), edit_window: None })
}

fn ids(decided: &Decided) -> Vec<EventId> {
    decided.writes.iter().flat_map(|write| write.events.iter().map(Event::id)).collect()
}

#[test]
fn a_refusal_between_two_good_ones_leaves_no_hole() {
    let decided = decide_on(4, false, &[post("a", None, None), post("b", None, Some(99)), post("c", None, Some(5))]);
    assert_eq!(ids(&decided), [5, 6]);
    assert_eq!(decided.answers[1].as_ref().unwrap_err(), &Refused::NoSuchTarget);
    assert_eq!(decided.writes[0].head, 6);
}

/// Whoever asks has looked for the user before, and not under the lock.
#[test]
fn nobody_is_added_whose_account_was_deleted_meanwhile() {
    let with = |origin| User {
        id: 3,
        username: user("Leaver"),
        kind: UserKind::Person,
        origin,
        subject: None,
        is_admin: false,
        created_at: Timestamp::from_micros(1),
        disabled_at: None,
        signed_out_at: None,
    };
    let added = MembershipChange { username: user("Leaver"), to: MembershipTo::Role(Role::Member) };
    for command in [command("Alice", OpenDirect { with: user("Leaver") }), command("Alice", added)] {
        for (origin, is_there) in [(Origin::Local, true), (Origin::Deleted, false)] {
            let room = room("general", 0);
            let known = Known {
                absent: BTreeSet::from([room.name.clone()]),
                rooms: HashMap::from([(room.name.clone(), room)]),
                users: HashMap::from([(user("Leaver").key().clone(), with(origin))]),
                ..Known::default()
            };
            let moment = Moment { now: Timestamp::from_micros(1), edit_window: None };
            let decided = decide(std::slice::from_ref(&command), known, |_: &Draft| Vec::new(), moment);
            let answer = &decided.answers[0];
            assert_eq!(!matches!(answer, Err(Refused::NoSuchUser)), is_there, "{answer:?}");
        }
    }
}

#[test]
fn the_same_key_twice_is_one_message() {
    let commands =
        [post("a", Some("k"), None), post("a", Some("k"), None), post("b", Some("k"), None), post("c", None, None)];
    let decided = decide_on(0, true, &commands);
    assert_eq!(ids(&decided), [1, 2]);
    for (index, replayed) in [(0, false), (1, true)] {
        match &decided.answers[index] {
            Ok(Committed { answer: Outcome::Posted(posted), event }) => {
                assert_eq!((posted.message.id, posted.replayed), (1, replayed));
                assert_eq!(*event, (!replayed).then_some(1));
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(decided.answers[2].as_ref().unwrap_err(), &Refused::KeyReused { message_id: 1 });
}

#[test]
fn a_room_that_only_refused_commands_wanted_is_not_made() {
    let decided = decide_on(0, true, &[post("a", None, Some(3))]);
    assert!(!decided.changes && decided.writes.is_empty());
    assert!(decided.made.is_empty());
}

#[test]
fn making_a_room_takes_no_id_and_changing_nothing_takes_none() {
    let decided = decide_on(0, true, &[put("a"), put("a"), put("b"), put("b")]);
    assert_eq!(ids(&decided), [1]);
    let made: Vec<_> = decided
        .answers
        .iter()
        .map(|answer| match answer {
            Ok(Committed { answer: Outcome::RoomPut(put), event }) => (put.made, *event),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(made, [(true, None), (false, None), (false, Some(1)), (false, None)]);
    assert_eq!(decided.writes[0].described.as_ref().map(|room| room.title.as_str()), Some("b"));

    let decided = decide_on(3, false, &[put("")]);
    assert!(!decided.changes && decided.writes.is_empty());
}

fn user(name: &str) -> Username {
    Username::parse(name).unwrap()
}

fn general() -> RoomName {
    RoomName::parse("general").unwrap()
}

fn edit(id: EventId, content: &str) -> Command {
    command("Alice", Edit { id, content: content.into() })
}

fn delete(id: EventId) -> Command {
    command("alice", Delete { id })
}

fn react(id: EventId, name: &str, on: bool) -> Command {
    command(name, React { id, emoji: "👍".into(), on })
}

fn read(name: &str, last_read_id: EventId) -> Command {
    command(name, MarkRead { last_read_id })
}

fn kinds(decided: &Decided) -> Vec<&'static str> {
    decided.writes[0].events.iter().map(|event| event.kind().as_str()).collect()
}

#[test]
fn what_is_written_of_a_message_is_how_the_batch_leaves_it() {
    let decided = decide_on(0, true, &[post("a", Some("k"), None), edit(1, "b"), edit(1, "b"), edit(1, "c")]);
    assert_eq!(kinds(&decided), ["chat_message", "message_edited", "message_edited"]);
    let write = &decided.writes[0];
    assert_eq!(write.posted[0].content, "c");
    assert!(write.changes.messages.is_empty(), "a new row is inserted, not updated");
    let revisions: Vec<_> = write.changes.revisions.iter().map(|r| (r.id, r.revision.content.as_str())).collect();
    assert_eq!(revisions, [(2, "a"), (3, "b")]);
    let Event::ChatMessage(first) = &write.events[0] else { panic!("{:?}", write.events[0]) };
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
    let write = &decided.writes[0];
    assert_eq!((write.posted[0].content.as_str(), write.posted[0].reactions.len()), ("", 0));
    assert!(write.fingerprints.is_empty() && write.changes.revisions.is_empty() && write.changes.added.is_empty());
    assert_eq!(write.changes.deleted, [1]);
    assert!(
        matches!(decided.answers[4], Ok(Committed { answer: Outcome::Changed(_), event: None })),
        "again is no change"
    );
    for late in [5, 6] {
        assert_eq!(decided.answers[late].as_ref().unwrap_err(), &Refused::Deleted);
    }
    match &decided.answers[7] {
        Ok(Committed { answer: Outcome::Posted(posted), .. }) => {
            assert!(posted.replayed && posted.message.deleted_at.is_some());
        }
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
    let changes = &decided.writes[0].changes;
    assert_eq!((changes.added.len(), changes.removed.len()), (1, 0));
    let shown = &decided.writes[0].posted[0].reactions[0];
    assert_eq!((shown.count, &shown.usernames[..]), (1, &[user("Eve")][..]));
}

#[test]
fn a_cursor_moves_forward_within_a_batch_and_takes_no_id() {
    let commands = [read("Bob", 3), post("a", None, None), read("bob", 5), read("Bob", 4), read("Bob", 6)];
    let decided = decide_on(4, false, &commands);
    assert_eq!(ids(&decided), [5]);
    assert_eq!(decided.answers[4].as_ref().unwrap_err(), &Refused::PastHead);
    let cursors: Vec<_> = decided.writes[0].changes.cursors.iter().map(|cursor| cursor.last_read_id).collect();
    assert_eq!(cursors, [5]);
    assert!(
        matches!(&decided.answers[3], Ok(Committed { answer: Outcome::Read(cursor), .. }) if cursor.last_read_id == 5)
    );

    let decided = decide_on(4, false, &[read("Bob", 4)]);
    assert!(decided.changes && ids(&decided).is_empty(), "it is written without an event");
    assert!(decide_on(0, true, &[read("Bob", 1)]).writes.is_empty(), "and makes no room");
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
    assert_eq!(edit_at(2_000_001, window), Err(Refused::Denied(Denied::WindowOver)));
    assert_eq!(edit_at(900_000, window), Ok(()), "a clock that was set back");
    assert_eq!(edit_at(i64::MAX, None), Ok(()));
}

fn message(id: EventId) -> Message {
    Message::sample(id, "a")
}

#[test]
fn a_condition_that_an_earlier_command_of_the_batch_defeats_refuses_the_later_one() {
    let known = || Known {
        rooms: HashMap::from([(general(), room("general", 1))]),
        messages: HashMap::from([((7, 1), Arc::new(message(1)))]),
        ..Known::default()
    };
    let only_as_posted = |command: Command| {
        let matches = Some(Versions::These(vec![message(1).version()]));
        Command { when: Precondition { matches, ..Precondition::default() }, ..command }
    };
    let decide = |commands: &[Command]| {
        let moment = Moment { now: Timestamp::from_micros(1), edit_window: None };
        let answers = super::decide(commands, known(), |_| Vec::new(), moment).answers;
        answers.into_iter().map(|answer| answer.map(|done| done.event)).collect::<Vec<_>>()
    };
    let failed = || Err(Refused::PreconditionFailed);
    let again = [only_as_posted(edit(1, "b")), only_as_posted(edit(1, "c")), only_as_posted(delete(1))];
    assert_eq!(decide(&again), [Ok(Some(2)), failed(), failed()]);
    // A reaction defeats no edit and no deletion, but another reaction.
    let reacted = [react(1, "Bob", true), only_as_posted(react(1, "Eve", true)), only_as_posted(edit(1, "b"))];
    assert_eq!(decide(&reacted), [Ok(Some(2)), failed(), Ok(Some(3))]);
    // Conditions count only where all else is well (RFC 9110, 13.2.1).
    let by_other = Command { actor: actor("Eve"), ..only_as_posted(edit(1, "c")) };
    assert_eq!(decide(&[edit(1, "b"), by_other])[1], Err(Refused::Denied(Denied::NotTheAuthor)));
}

#[test]
fn a_room_is_made_only_if_it_is_not_there_and_changed_only_if_it_is() {
    let put_when = |title, when: Precondition| Command { when, ..put(title) };
    let unless_there = || Precondition { matches_none: Some(Versions::Any), ..Precondition::default() };
    let if_there = || Precondition { matches: Some(Versions::Any), ..Precondition::default() };
    let decided = decide_on(0, true, &[put_when("a", if_there())]);
    assert_eq!(decided.answers[0].as_ref().unwrap_err(), &Refused::PreconditionFailed);
    assert!(decided.made.is_empty());
    let decided =
        decide_on(0, true, &[put_when("a", unless_there()), put_when("b", unless_there()), put_when("c", if_there())]);
    assert_eq!(decided.answers.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, true]);
}

#[test]
fn a_message_gathers_so_many_events_and_can_then_only_be_deleted() {
    let known = Known {
        rooms: HashMap::from([(general(), room("general", 1))]),
        messages: HashMap::from([((7, 1), Arc::new(message(1)))]),
        events: HashMap::from([((7, 1), MAX_EVENTS - 2)]),
        ..Known::default()
    };
    let commands = [
        react(1, "alice", true),
        react(1, "bob", true),
        react(1, "carol", true),
        edit(1, "b"),
        delete(1),
        react(1, "bob", false),
    ];
    let moment = Moment { now: Timestamp::from_micros(1), edit_window: None };
    let answers = super::decide(&commands, known, |_| Vec::new(), moment).answers;
    let told: Vec<_> = answers.into_iter().map(|answer| answer.map(|_| ())).collect();
    let refused = || Err(Refused::TooManyEvents);
    assert_eq!(told, [Ok(()), Ok(()), refused(), refused(), Ok(()), Err(Refused::Deleted)]);
}
