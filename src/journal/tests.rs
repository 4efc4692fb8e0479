//! The journal over a real store.

use std::{pin::Pin, time::Duration};

use futures_util::{future::join_all, poll};
use tokio::time::timeout;
use tokio_stream::StreamExt;

mod database_server;

use super::{QUEUE, Refused};
use crate::{
    app::tests::{TestApp, actor},
    chat::{ChatError, Committed, messages::Posted},
    clock::Clock,
    domain::{
        event::{Event, EventType, ServiceStatus, TypeSet},
        message::{Edit, Post, Range},
        name::RoomName,
        policy::Actor,
        room::RoomChange,
        timestamp::Timestamp,
        version::Precondition,
    },
    hub::{
        queries::Start,
        reader::{Request, StateDue},
        registry::Transport,
        subscription::Subscription,
    },
    store::{
        deadline::counting::statements,
        faults::{Fault, inject},
    },
};

fn room(name: &str) -> RoomName {
    RoomName::parse(name).unwrap()
}

fn post(content: &str, client_id: Option<&str>, reply_to: Option<i64>) -> Post {
    Post { content: Some(content.into()), reply_to, client_id: client_id.map(Into::into) }
}

#[tokio::test]
async fn commands_that_depend_on_each_other_leave_no_hole() {
    let app = TestApp::new().await;
    let general = room("general");
    // All of these wait together: they are one batch, or a few.
    let answers = join_all((0..300).map(|number| {
        let (app, general) = (&app, &general);
        async move {
            match number % 3 {
                // Each key comes twice, in some order.
                0 => app.post("Alice", general, post("same", Some(&format!("key{}", number / 6)), None)).await,
                1 => app.post("Alice", general, post("lost", None, Some(1_000_000))).await,
                _ => app.post("Alice", general, post("good", None, None)).await,
            }
        }
    }))
    .await;
    let (mut posted, mut replayed, mut refused) = (0, 0, 0);
    for answer in answers {
        match answer {
            Ok(answer) if answer.answer.replayed => replayed += 1,
            Ok(_) => posted += 1,
            Err(ChatError::Refused(Refused::NoSuchTarget)) => {
                refused += 1;
            }
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!((posted, replayed, refused), (150, 50, 100));
    let page = app.hub.store_for_tests().log_after(&general, 0, TypeSet::ALL, 1_000).await.unwrap();
    let ids: Vec<_> = page.events.iter().map(Event::id).collect();
    assert_eq!(ids, (1..=150).collect::<Vec<_>>());
    app.end().await;
}

/// Posts that all wait together: each has asked before the writer, on the same thread, has its turn.
async fn waiting<'a>(
    app: &'a TestApp,
    room: &'a RoomName,
    contents: impl IntoIterator<Item = String>,
) -> Vec<Pin<Box<dyn Future<Output = Result<Committed<Posted>, ChatError>> + 'a>>> {
    let mut waiting = Vec::new();
    for content in contents {
        let mut posting = Box::pin(app.post("Alice", room, post(&content, None, None)));
        assert!(poll!(&mut posting).is_pending());
        waiting.push(posting as _);
    }
    waiting
}

#[tokio::test]
async fn a_full_queue_is_refused_at_once() {
    let app = TestApp::new().await;
    let general = room("general");
    let waiting = waiting(&app, &general, (0..QUEUE).map(|number| number.to_string())).await;
    let one_more = poll!(Box::pin(app.post("Alice", &general, post("one more", None, None))));
    assert!(matches!(one_more, std::task::Poll::Ready(Err(ChatError::Refused(Refused::Unavailable)))), "{one_more:?}");
    for (answer, id) in join_all(waiting).await.into_iter().zip(1..) {
        assert_eq!(answer.unwrap().answer.message.id, id);
    }
    let next = app.post("Alice", &general, post("next", None, None)).await.unwrap();
    assert_eq!(usize::try_from(next.answer.message.id).unwrap(), QUEUE + 1);
    app.end().await;
}

#[tokio::test]
async fn a_transaction_takes_so_many_commands_and_bytes_and_leaves_the_rest_to_the_next() {
    let kilobytes = |count: usize| "x".repeat(count * 1_024);
    for (contents, batches) in [
        (vec!["x".to_owned(); 2_100], &[1_024, 1_024, 52][..]),
        // Each has 8 KiB: 128 of them are 1 MiB.
        (vec![kilobytes(8); 300], &[128, 128, 44]),
    ] {
        // The clock is asked once a transaction, so a time tells which one wrote a message.
        let ticks = std::sync::atomic::AtomicI64::new(0);
        let now = move || Timestamp::from_micros(ticks.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
        let (app, general) = (TestApp::with_clock(Clock::new(now)).await, room("general"));
        let posted = join_all(waiting(&app, &general, contents).await).await;
        let times: Vec<_> =
            posted.into_iter().map(|posted| posted.unwrap().answer.message.timestamp.micros()).collect();
        let sizes: Vec<_> = times.chunk_by(|one, next| one == next).map(<[i64]>::len).collect();
        assert_eq!(sizes, batches);
        app.end().await;
    }
}

#[tokio::test]
async fn a_batch_takes_as_many_statements_however_many_commands_it_has() {
    let (app, indexer) = TestApp::without_indexer().await;
    let rooms: Vec<_> = (0..200).map(|number| room(&format!("room-{number}"))).collect();
    let general = room("general");
    let user = |number: usize| actor(&format!("User {number}"));
    for answer in join_all(waiting(&app, &general, vec!["before".to_owned(); 401]).await).await {
        answer.unwrap();
    }
    // What takes a message's row again counts for as many bytes as that may have, so fewer of them are one batch.
    for (kind, many) in
        [("post", 200), ("rooms", 200), ("keyed", 200), ("read", 200), ("edit", 52), ("react", 52), ("delete", 200)]
    {
        let mut costs = Vec::new();
        for numbers in [0..2, 2..many] {
            let before = statements();
            let mut commands: Vec<Pin<Box<dyn Future<Output = bool> + '_>>> = Vec::new();
            for number in numbers {
                let (app, general, rooms) = (&app, &general, &rooms);
                let id = i64::try_from(number).unwrap() + 1;
                commands.push(Box::pin(async move {
                    let (alice, when) = (actor("Alice"), Precondition::default());
                    match kind {
                        "post" => app.post("Alice", general, post("now", None, Some(id))).await.is_ok(),
                        "rooms" => app.post("Alice", &rooms[number], post("now", None, None)).await.is_ok(),
                        "keyed" => {
                            let key = format!("key-{number}");
                            app.post("Alice", general, post("now", Some(&key), Some(id))).await.is_ok()
                        }
                        "read" => app.chat.mark_read(&user(number), general, 1).await.is_ok(),
                        "edit" => {
                            let edit = Edit { id, content: "after".into() };
                            app.chat.edit_message(&alice, general, edit, when).await.is_ok()
                        }
                        "react" => app.chat.react(&user(number), general, id, "👍", true, when).await.is_ok(),
                        _ => app.chat.delete_message(&alice, general, id, when).await.is_ok(),
                    }
                }));
            }
            for command in &mut commands {
                assert!(poll!(command).is_pending(), "the writer has not begun");
            }
            assert!(join_all(commands).await.into_iter().all(|done| done), "{kind}");
            costs.push(statements() - before);
        }
        assert_eq!(costs[0], costs[1], "{kind}");
        assert!((4..20).contains(&costs[0]), "{kind}: {costs:?}");
    }
    drop(indexer);
    app.end().await;
}

#[tokio::test]
async fn of_a_batch_the_store_rejects_only_the_guilty_commands_fail() {
    // The statement alone is undone, or the database ends the whole transaction by itself.
    for how in ["ABORT", "ROLLBACK"] {
        let app = TestApp::new().await;
        // A rule the journal knows nothing of, so that what it decided is rejected.
        let rule = "CREATE TRIGGER reject BEFORE INSERT ON message WHEN NEW.content = 'guilty'";
        app.sql(&format!("{rule} BEGIN SELECT RAISE({how}, 'guilty'); END")).await;
        let rooms = [room("general"), room("other"), room("only-guilty")];
        let posts = [(0, "one"), (1, "two"), (0, "guilty"), (2, "guilty"), (0, "three"), (1, "guilty"), (1, "four")];
        // All of these are in the queue before the writer, on the same thread, takes the first.
        let answers = posts.map(|(at, content)| app.post("Alice", &rooms[at], post(content, None, None)));
        let mut ids = Vec::new();
        for ((_, content), answer) in posts.iter().zip(join_all(answers).await) {
            match answer {
                Ok(posted) => ids.push((*content, posted.answer.message.id)),
                Err(error) => {
                    assert!(
                        *content == "guilty"
                            && matches!(&error, ChatError::Refused(Refused::Rejected(why)) if why.contains("guilty")),
                        "{content}: {error}"
                    );
                }
            }
        }
        assert_eq!(ids, [("one", 1), ("two", 1), ("three", 2), ("four", 2)], "{how}");
        assert!(
            matches!(app.chat.room(&Actor::nameless(), &rooms[2]).await, Err(ChatError::NotFound(_))),
            "nothing of it is left"
        );

        assert!(app.health.is_ok(), "the store is not out");
        for (room, stored) in rooms.iter().zip([&["one", "three", "next"][..], &["two", "four", "next"], &["next"]]) {
            let next = app.post("Alice", room, post("next", None, None)).await.unwrap();
            assert_eq!(next.answer.message.id, i64::try_from(stored.len()).unwrap(), "no hole");
            let page = app.chat.messages(&Actor::nameless(), room, Range::After(0), 50).await.unwrap();
            assert_eq!(page.messages.iter().map(|message| message.content.as_str()).collect::<Vec<_>>(), stored);
        }
        app.end().await;
    }
}

#[tokio::test]
async fn a_key_is_of_one_author_in_one_room_and_of_one_content() {
    let app = TestApp::new().await;
    let (one, two) = (room("one"), room("two"));
    let first = app.post("Alice", &one, post("a", Some("k"), None)).await.unwrap();
    let again = app.post("Alice", &one, post("a", Some("k"), None)).await.unwrap();
    assert!(again.answer.replayed && again.answer.message.id == first.answer.message.id);
    let other_content = app.post("Alice", &one, post("b", Some("k"), None)).await;
    assert!(matches!(other_content, Err(ChatError::Refused(Refused::KeyReused { message_id: 1 }))));
    let other_reply = app.post("Alice", &one, post("a", Some("k"), Some(1))).await;
    assert!(matches!(other_reply, Err(ChatError::Refused(Refused::KeyReused { message_id: 1 }))));
    let other_room = app.post("Alice", &two, post("a", Some("k"), None)).await.unwrap();
    assert!(!other_room.answer.replayed);
    assert!(!app.post("Bob", &one, post("a", Some("k"), None)).await.unwrap().answer.replayed);
    assert!(app.post("ALICE", &one, post("a", Some("k"), None)).await.unwrap().answer.replayed);
    app.end().await;
}

#[tokio::test]
async fn a_room_that_only_a_refused_post_wanted_is_not_made() {
    let app = TestApp::new().await;
    let answer = app.post("Alice", &room("ghost"), post("a", None, Some(7))).await;
    assert!(matches!(answer, Err(ChatError::Refused(Refused::NoSuchTarget))));
    assert!(matches!(app.chat.room(&Actor::nameless(), &room("ghost")).await, Err(ChatError::NotFound(_))));
    app.end().await;
}

#[tokio::test]
async fn rooms_and_messages_share_the_ids_of_a_log() {
    let app = TestApp::new().await;
    let name = room("general");
    let title = |title: &str| RoomChange { title: Some(title.into()), ..RoomChange::default() };
    let put = async |text| {
        let put = app.chat.put_room(&Actor::nameless(), &name, title(text), Precondition::default()).await.unwrap();
        (put.answer.0.head, put.answer.1, put.event)
    };
    assert_eq!(put("first").await, (0, true, None));
    app.post("Alice", &name, post("a", None, None)).await.unwrap();
    assert_eq!(put("second").await, (2, false, Some(2)));
    assert_eq!(put("second").await, (2, false, None), "nothing changed");
    app.post("Alice", &name, post("b", None, Some(1))).await.unwrap();
    let not_a_message = app.post("Alice", &name, post("c", None, Some(2))).await;
    assert!(matches!(not_a_message, Err(ChatError::Refused(Refused::NoSuchTarget))), "an event is no message");
    let page = app.chat.messages(&Actor::nameless(), &name, Range::After(0), 50).await.unwrap();
    assert_eq!(page.messages.iter().map(|message| message.id).collect::<Vec<_>>(), [1, 3]);
    app.end().await;
}

/// A room with a reader, where the outcome of a commit is about to be unknown.
struct Scene {
    app: TestApp,
    reader: Subscription,
}

impl Scene {
    async fn new() -> Self {
        let app = TestApp::new().await;
        let (user, transport, types) = (None, Transport::Sse, TypeSet::filter([EventType::ChatMessage]));
        let (start, history, state, limit) = (Start::After(0), 50, StateDue::Never, 200);
        let request = Request { history, types, user, transport, state, limit };
        let reader = app.hub.subscribe(&Actor::nameless(), &room("general"), start, request).await.unwrap();
        let scene = Self { app, reader };
        scene.post("first").await.unwrap();
        scene
    }

    /// Posts with the content as the key.
    async fn post(&self, content: &str) -> Result<Posted, ChatError> {
        self.app.post("Alice", &room("general"), post(content, Some(content), None)).await.map(|posted| posted.answer)
    }

    /// The id of a post that must be taken, and whether it was there before.
    async fn posted(&self, content: &str) -> (i64, bool) {
        let posted = self.post(content).await.unwrap();
        (posted.message.id, posted.replayed)
    }

    /// The ids that the reader gets until it has this one.
    async fn read_through(&mut self, last: i64) -> Vec<i64> {
        let mut ids = Vec::new();
        while ids.last() != Some(&last) {
            let frames = timeout(DEADLINE, self.reader.next()).await.expect("events in time").expect("no end");
            ids.extend(frames.iter().filter_map(|event| event.frame.id()));
        }
        ids
    }

    async fn end(self) {
        let mut health = self.app.health.watch();
        let healed = health.wait_for(|status| *status == ServiceStatus::Ok);
        timeout(DEADLINE, healed).await.expect("it heals by itself").unwrap();
        drop(self.reader);
        self.app.end().await;
    }
}

const DEADLINE: Duration = Duration::from_secs(10);

#[tokio::test]
async fn a_commit_that_happened_is_answered_and_read_once_though_its_answer_was_lost() {
    let mut scene = Scene::new().await;
    inject(&[Fault::AfterCommit]);
    assert_eq!(scene.posted("second").await, (2, false));
    assert_eq!(scene.read_through(2).await, [1, 2]);
    assert_eq!(scene.posted("second").await, (2, true));
    assert_eq!(scene.posted("third").await, (3, false));
    assert_eq!(scene.read_through(3).await, [3]);
    scene.end().await;
}

#[tokio::test]
async fn a_commit_that_did_not_happen_is_refused_and_leaves_no_hole() {
    let mut scene = Scene::new().await;
    inject(&[Fault::BeforeCommit]);
    assert!(matches!(scene.post("second").await, Err(ChatError::Refused(Refused::Unavailable))));
    assert!(!scene.app.health.is_ok());
    assert_eq!(scene.posted("other").await, (2, false));
    assert_eq!(scene.posted("second").await, (3, false));
    assert_eq!(scene.read_through(3).await, [1, 2, 3]);
    scene.end().await;
}

/// It can't be asked at first whether it happened: the post is refused, and its reader gets it once that is known.
#[tokio::test]
async fn a_commit_of_which_nothing_is_known_is_read_once_whoever_learns_of_it() {
    for (next, id, replayed, last) in [
        // Nobody posts: the probe of a store that is out learns of it.
        (None, 0, false, 2),
        // Who was refused asks again.
        (Some("second"), 2, true, 2),
        // Somebody else posts.
        (Some("third"), 3, false, 3),
    ] {
        let mut scene = Scene::new().await;
        assert_eq!(scene.read_through(1).await, [1]);
        inject(&[Fault::AfterCommit, Fault::Settling]);
        assert!(matches!(scene.post("second").await, Err(ChatError::Refused(Refused::Unavailable))));
        if let Some(next) = next {
            assert_eq!(scene.posted(next).await, (id, replayed));
        }
        assert_eq!(scene.read_through(last).await, (2..=last).collect::<Vec<_>>(), "{next:?}");
        assert_eq!(scene.posted("second").await, (2, true));
        assert_eq!(scene.posted("last").await, (last + 1, false));
        assert_eq!(scene.read_through(last + 1).await, [last + 1], "each once: {next:?}");
        scene.end().await;
    }
}

/// It makes no event: it is known by its batch, and where that can't be asked, the cursors in memory are read again.
#[tokio::test]
async fn a_read_cursor_whose_commit_lost_its_answer_is_told_to_who_comes_next() {
    let scene = Scene::new().await;
    let bob = actor("Bob");
    assert_eq!(cursors(&scene.app).await, "[]", "memory knows them from here on");
    inject(&[Fault::AfterCommit]);
    assert_eq!(scene.app.chat.mark_read(&actor("Carol"), &room("general"), 1).await.unwrap().last_read_id, 1);
    inject(&[Fault::AfterCommit, Fault::Settling]);
    let marked = scene.app.chat.mark_read(&bob, &room("general"), 1).await;
    assert!(matches!(marked, Err(ChatError::Refused(Refused::Unavailable))));
    // Asked again, it has nothing to write, and so nothing to tell.
    assert_eq!(scene.app.chat.mark_read(&bob, &room("general"), 1).await.unwrap().last_read_id, 1);
    let told = cursors(&scene.app).await;
    assert!(told.contains("Bob") && told.contains("Carol"), "{told}");
    scene.end().await;
}

/// The cursors that a reader who comes now is told.
async fn cursors(app: &TestApp) -> String {
    let (user, transport, types) = (None, Transport::Sse, TypeSet::filter([EventType::ReadState]));
    let (start, history, state, limit) = (Start::After(1), 50, StateDue::Always, 200);
    let request = Request { history, types, user, transport, state, limit };
    let mut reader = app.hub.subscribe(&Actor::nameless(), &room("general"), start, request).await.unwrap();
    let frames = timeout(DEADLINE, reader.next()).await.expect("events in time").expect("no end");
    let state = frames.iter().find(|event| event.frame.kind() == EventType::ReadState).expect("a read_state");
    serde_json::from_slice::<serde_json::Value>(&state.frame.json()).unwrap()["cursors"].to_string()
}
