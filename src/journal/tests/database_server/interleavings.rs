//! Two journals, stopped at points of their batches, in orders that chance would hardly find.

use std::time::Instant;

use sea_orm::ConnectionTrait as _;
use tokio::join;

use super::{
    Cluster, DEADLINE, Kind, Node,
    cluster::ask,
    nodes::{ids_through, name},
    within,
};
use crate::{
    config::StoreConfig,
    domain::{
        content::ContentLimit,
        message::{Draft, Post},
        timestamp::Timestamp,
    },
    hub::queries::Start,
    journal::{Refused, failpoints::Point},
    store::{
        Nodes, Store,
        error::StoreError,
        faults::{Fault, inject},
    },
};

/// All of them, each in rooms of its own.
pub(super) async fn run(cluster: &Cluster, kind: Kind) {
    Box::pin(of_two_first_starts_each_has_the_same_key(cluster)).await;
    let (one, other) = (Node::start(cluster).await, Node::start(cluster).await);
    println!("a_refused_command_unmakes_nothing");
    a_refused_command_unmakes_nothing(&one, &other).await;
    println!("a_room_that_both_make_is_made_once");
    a_room_that_both_make_is_made_once(&one, &other).await;
    println!("a_hint_that_overtakes_waits_for_the_one_before");
    a_hint_that_overtakes_waits_for_the_one_before(&one, &other).await;
    println!("an_own_batch_waits_for_what_it_was_not_told_of");
    an_own_batch_waits_for_what_it_was_not_told_of(&one, &other).await;
    println!("what_is_deleted_does_not_come_back");
    what_is_deleted_does_not_come_back(cluster, &other).await;
    println!("a_node_that_stops_in_mid_batch_holds_up_nobody_for_long");
    a_node_that_stops_in_mid_batch_holds_up_nobody_for_long(&one, &other, kind).await;
    println!("a_commit_whose_answer_is_lost_is_found");
    a_commit_whose_answer_is_lost_is_found(&one, &other).await;
    println!("a_node_that_the_database_does_not_know_is_another");
    a_node_that_the_database_does_not_know_is_another(cluster, &one, &other).await;
    for node in [one, other] {
        node.end().await;
    }
    Box::pin(a_commit_that_is_under_way_is_waited_for(cluster)).await;
}

fn draft(content: &str) -> Draft {
    Post { content: Some(content.into()), ..Post::default() }.check(ContentLimit::default()).unwrap()
}

/// Both find an empty database, make the tables one after the other, and the key that posts are known by once.
async fn of_two_first_starts_each_has_the_same_key(cluster: &Cluster) {
    let config = StoreConfig { url: cluster.url().into(), fsync: true, migrate: true, revisions: 100 };
    let (one, other) = join!(Store::open_among(&config, Nodes::Several), Store::open_among(&config, Nodes::Several));
    let (one, other) = (one.unwrap(), other.unwrap());
    assert_eq!(one.writer.fingerprint(&draft("a")), other.writer.fingerprint(&draft("a")));
    for opened in [one, other] {
        opened.store.close().await;
        opened.writer.close().await;
    }
}

/// One node's refused command is the first to want a room, and the other makes it meanwhile.
async fn a_refused_command_unmakes_nothing(one: &Node, other: &Node) {
    let mut stopped = one.failpoints.stop_at(Point::Locked);
    let refused = one.try_post("wanted", "refused", Some(77));
    let posted = async {
        stopped.reached().await;
        let id = other.post("wanted", "acknowledged").await;
        drop(stopped);
        id
    };
    let (refused, id) = within(DEADLINE, "both are answered", async { join!(refused, posted) }).await;
    assert_eq!((refused.unwrap_err(), id), (Refused::NoSuchTarget, 1));
    let contents: Vec<_> = one.messages("wanted").await.into_iter().map(|message| message.content).collect();
    assert_eq!(contents, ["acknowledged"]);
}

/// One finds that nobody has made the room, and before it makes it the other has.
async fn a_room_that_both_make_is_made_once(one: &Node, other: &Node) {
    for (room, point) in [("both", Point::Locked), ("both-later", Point::BeforeCommit)] {
        let mut stopped = one.failpoints.stop_at(point);
        let first = one.post(room, "of one");
        let second = async {
            stopped.reached().await;
            let posting = other.post(room, "of the other");
            if point == Point::Locked {
                // It is through before the one goes on.
                let id = posting.await;
                drop(stopped);
                return id;
            }
            // It waits for the one to make the room, or not to.
            let going_on = async {
                tokio::task::yield_now().await;
                drop(stopped);
            };
            join!(posting, going_on).0
        };
        let (first, second) = join!(first, second);
        let mut ids = [first, second];
        ids.sort_unstable();
        assert_eq!(ids, [1, 2], "{room}");
    }
}

/// Of two hints the later one is there first: nothing is shown before the store has shown what is between.
async fn a_hint_that_overtakes_waits_for_the_one_before(one: &Node, other: &Node) {
    one.post("overtaken", "before").await;
    let mut reader = other.read("overtaken", Start::After(0)).await;
    assert_eq!(ids_through(&mut reader, 1).await, [1]);
    one.hints.take();
    one.post("overtaken", "first").await;
    let first = one.hints.take();
    one.post("overtaken", "second").await;
    for commit in one.hints.take().iter().chain(&first) {
        other.hub.take(commit);
    }
    assert_eq!(ids_through(&mut reader, 3).await, [2, 3]);
    one.post("overtaken", "third").await;
    for commit in one.hints.take().iter().chain(&first) {
        other.hub.take(commit);
    }
    assert_eq!(ids_through(&mut reader, 4).await, [4], "each comes once");
}

/// Nothing is told to a node whose own post follows what another has posted.
async fn an_own_batch_waits_for_what_it_was_not_told_of(one: &Node, other: &Node) {
    other.post("untold", "of the other").await;
    let mut reader = other.read("untold", Start::After(0)).await;
    assert_eq!(ids_through(&mut reader, 1).await, [1]);
    for content in ["two", "three"] {
        one.post("untold", content).await;
    }
    one.hints.take();
    let mut reader_of_one = one.read("untold", Start::After(0)).await;
    assert_eq!(ids_through(&mut reader_of_one, 3).await, [1, 2, 3]);
    assert_eq!(other.post("untold", "four").await, 4);
    assert_eq!(ids_through(&mut reader, 4).await, [2, 3, 4]);
    // The other way, by a look at the store alone.
    one.hub.catch_up().await.unwrap();
    assert_eq!(ids_through(&mut reader_of_one, 4).await, [4]);
}

/// A deletion is heeded before the gap before it is filled, and neither the fill nor a late hint undoes it.
async fn what_is_deleted_does_not_come_back(cluster: &Cluster, other: &Node) {
    let node = Node::start_without_fills(cluster).await;
    let id = node.post("deleted", "the secret").await;
    let mut reader = node.read("deleted", Start::After(0)).await;
    assert_eq!(ids_through(&mut reader, 1).await, [1]);
    assert!(node.history("deleted").await.contains("the secret"));
    other.hints.take();
    other.edit("deleted", id, "the secret, edited").await.unwrap();
    let edit = other.hints.take();

    // Its own deletion has to wait for the edit, and yet is answered: nobody who comes then sees what is deleted.
    assert_eq!(node.delete("deleted", id).await.unwrap().event, Some(3));
    assert!(!node.history("deleted").await.contains("the secret"));
    let mut late = node.read("deleted", Start::After(0)).await;
    let events = within(DEADLINE, "events", tokio_stream::StreamExt::next(&mut late)).await.unwrap();
    let shown: String = events.iter().map(|event| String::from_utf8_lossy(&event.frame.json()).into_owned()).collect();
    assert!(!shown.contains("the secret"), "{shown}");
    for commit in &edit {
        node.hub.take(commit);
    }
    assert!(!node.history("deleted").await.contains("the secret"));

    node.fill_from_now_on();
    assert_eq!(ids_through(&mut reader, 3).await, [2, 3]);
    for commit in &edit {
        node.hub.take(commit);
    }
    assert!(!node.history("deleted").await.contains("the secret"));
    assert_eq!(node.post("deleted", "after").await, 4);
    assert_eq!(ids_through(&mut reader, 4).await, [4]);
    node.end().await;
}

/// A node stands still with a room locked: the server ends its transaction, and it tries again when it goes on.
async fn a_node_that_stops_in_mid_batch_holds_up_nobody_for_long(one: &Node, other: &Node, kind: Kind) {
    other.post("held", "first").await;
    let mut stopped = one.failpoints.stop_at(Point::BeforeCommit);
    let begun = Instant::now();
    let held = one.try_post("held", "of the one that stops", None);
    let others = async {
        stopped.reached().await;
        let (id, free) = join!(other.post("held", "of the other"), async {
            for number in 0..5 {
                other.post("free", &format!("meanwhile {number}")).await;
            }
            begun.elapsed()
        });
        drop(stopped);
        (id, free)
    };
    let (held, (id, free)) = join!(held, others);
    assert_eq!(id, 2, "what the one had written is taken back");
    assert!(begun.elapsed() < DEADLINE / 2 && free < begun.elapsed(), "{free:?} of {:?}", begun.elapsed());
    match held {
        Ok(id) => assert_eq!(id, 3),
        // The line is cut without a word of why.
        Err(refused) => assert_eq!((refused, kind), (Refused::Unavailable, Kind::MariaDb)),
    }
    let mut health = one.health.watch();
    let healed = health.wait_for(|status| *status == crate::domain::event::ServiceStatus::Ok);
    within(DEADLINE, "it goes on", healed).await.unwrap();
    one.post("held", "after").await;
    assert!(other.health.is_ok());
}

/// The answer of a commit is lost on the way: the batch is found by its number, whatever the other node does.
async fn a_commit_whose_answer_is_lost_is_found(one: &Node, other: &Node) {
    one.post("lost", "first").await;
    let mut reader = one.read("lost", Start::After(0)).await;
    for (fault, content) in [(Fault::AfterCommit, "committed"), (Fault::BeforeCommit, "not committed")] {
        let mut stopped = one.failpoints.stop_at(Point::BeforeCommit);
        let posted = one.try_post("lost", content, None);
        let losing = async {
            stopped.reached().await;
            inject(&[fault]);
            drop(stopped);
        };
        let (posted, ()) = within(DEADLINE, "the post is answered", async { join!(posted, losing) }).await;
        match fault {
            Fault::AfterCommit => assert_eq!(posted, Ok(2)),
            _ => assert_eq!(posted, Err(Refused::Unavailable)),
        }
    }
    assert_eq!(other.post("lost", "of the other").await, 3);
    assert_eq!(one.post("lost", "after").await, 4);
    assert_eq!(ids_through(&mut reader, 4).await, [1, 2, 3, 4]);
    let contents: Vec<_> = other.messages("lost").await.into_iter().map(|message| message.content).collect();
    assert_eq!(contents, ["first", "committed", "of the other", "after"]);
}

/// Another has taken a node for one that has ended: what it writes then is written once, under another name.
async fn a_node_that_the_database_does_not_know_is_another(cluster: &Cluster, one: &Node, other: &Node) {
    let beside = cluster.connect().await;
    let nodes = "SELECT node FROM journal ORDER BY node";
    let before: Vec<String> = ask(&beside, nodes).await;
    beside.execute_unprepared("DELETE FROM journal").await.unwrap();
    assert_eq!((one.post("forgotten", "a").await, other.post("forgotten", "b").await), (1, 2));
    assert!(one.health.is_ok() && other.health.is_ok(), "it is no outage");
    let after: Vec<String> = ask(&beside, nodes).await;
    assert_eq!(after.len(), 2);
    assert!(after.iter().all(|node| !before.contains(node)), "{before:?}, {after:?}");
    let rooms = format!("SELECT rooms FROM batch WHERE node = '{}' OR node = '{}'", after[0], after[1]);
    let id = one.store.room(&name("forgotten")).await.unwrap().unwrap().id;
    let mut rooms: Vec<String> = ask(&beside, &rooms).await;
    rooms.sort_unstable();
    assert_eq!(rooms, [format!("[[{id},1,0]]"), format!("[[{id},2,0]]")]);
    beside.close().await.unwrap();
}

/// The fate of a batch is known only once its transaction has ended.
async fn a_commit_that_is_under_way_is_waited_for(cluster: &Cluster) {
    let config = StoreConfig { url: cluster.url().into(), fsync: true, migrate: true, revisions: 100 };
    let one = Store::open_among(&config, Nodes::Several).await.unwrap();
    let other = Store::open_among(&config, Nodes::Several).await.unwrap();
    let beside = cluster.connect().await;
    let nodes: Vec<i64> = ask(&beside, "SELECT COUNT(*) FROM journal").await;
    assert_eq!(nodes, [2], "those of the nodes that ended are gone");
    for is_committed in [false, true] {
        let tx = one.writer.begin().await.unwrap();
        let batch = tx.write(&[], Timestamp::from_micros(1)).await.unwrap().batch;
        assert!(matches!(other.writer.is_committed(&batch).await, Err(StoreError::Conflict(_))), "it goes on");
        let ending = async { if is_committed { tx.commit().await } else { tx.rollback().await } };
        let (settled, ended) = join!(other.writer.is_committed(&batch), ending);
        ended.unwrap();
        assert_eq!(settled.unwrap(), is_committed);
        if is_committed {
            // Its row may be gone, as that of a node that has ended: the batch itself is kept.
            beside.execute_unprepared("DELETE FROM journal").await.unwrap();
            assert!(other.writer.is_committed(&batch).await.unwrap());
        }
    }
    for opened in [one, other] {
        opened.store.close().await;
        opened.writer.close().await;
    }
    beside.close().await.unwrap();
}
