//! Many who post, edit and delete on both nodes, which tell each other of it badly; readers on both.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use futures_util::future::{join_all, select_all};
use rand::{Rng as _, SeedableRng as _, rngs::StdRng, seq::SliceRandom as _};
use tokio::{join, time::sleep};

use super::{
    Cluster, DEADLINE, Node,
    history::{Answer, History},
    nodes::{ids_through, name},
    within,
};
use crate::{
    domain::{
        EventId,
        event::{Event, EventType, TypeSet},
    },
    hub::queries::Start,
    journal::Refused,
};

const POSTERS: usize = 16;
const ROOMS: [&str; 3] = ["one", "two", "three"];
/// The time for which they go on.
const TIME: Duration = Duration::from_secs(6);

/// Sixteen on each node, for some seconds.
pub(super) async fn run(cluster: &Cluster) {
    let seed: u64 = rand::random();
    println!("the acts are drawn from {seed}");
    let nodes = [Node::start(cluster).await, Node::start(cluster).await];
    let (history, done) = (History::default(), AtomicBool::new(false));
    let posters = nodes.iter().enumerate().flat_map(|(at, node)| {
        let (history, done) = (&history, &done);
        let other = &nodes[1 - at];
        (0..POSTERS).map(move |number| {
            let random = StdRng::seed_from_u64(seed.wrapping_add((at * POSTERS + number) as u64));
            act_until_done(node, other, format!("{at}-{number}"), random, history, done)
        })
    });
    let telling = async {
        let mut random = StdRng::seed_from_u64(seed);
        let begun = Instant::now();
        while begun.elapsed() < TIME {
            tell(&nodes, &mut random);
            sleep(Duration::from_millis(random.random_range(0..10))).await;
        }
        done.store(true, Ordering::Relaxed);
    };
    // Readers from the beginning, on both nodes, who read while all this goes on.
    let mut readers = Vec::new();
    for room in ROOMS {
        for node in &nodes {
            readers.push((room, node.read(room, Start::After(0)).await));
        }
    }
    let mut read: Vec<Vec<EventId>> = vec![Vec::new(); readers.len()];
    let reading = async {
        loop {
            let next = readers.iter_mut().enumerate().map(|(at, (_, reader))| {
                Box::pin(async move { (at, tokio_stream::StreamExt::next(reader).await.unwrap()) })
            });
            let ((at, events), ..) = select_all(next).await;
            let durable = events.iter().filter(|event| super::nodes::is_durable(event));
            read[at].extend(durable.filter_map(|event| event.frame.id()));
        }
    };
    let acting = async { join!(join_all(posters), telling) };
    tokio::select! {
        _ = acting => {}
        () = reading => {}
    }

    // Hints may be lost; a look at the store finds what nobody told of.
    for node in &nodes {
        node.hints.take();
        node.hub.catch_up().await.unwrap();
    }
    for room in ROOMS {
        let log = log(&nodes[0], room).await;
        history.check_log(room, &log);
        let head = log.last().map_or(0, Event::id);
        for (at, (_, reader)) in readers.iter_mut().enumerate().filter(|(_, (of, _))| *of == room) {
            if read[at].last() != Some(&head) {
                read[at].extend(ids_through(reader, head).await);
            }
            assert!(read[at].iter().copied().eq(1..=head), "{room}: a reader has each event once and in order");
        }
        for node in &nodes {
            let asked = history.moment();
            history.check_shown(&node.history(room).await, asked);
        }
    }
    assert!(nodes.iter().all(|node| node.health.is_ok()), "contention is no outage");
    println!("{} changes were acknowledged", history.answered());
    assert!(history.answered() > 100, "{}", history.answered());
    drop(readers);
    for node in nodes {
        node.end().await;
    }
}

/// Tells each node what the other committed: late, some twice, out of order, and some not at all.
fn tell(nodes: &[Node; 2], random: &mut StdRng) {
    for (from, to) in [(0, 1), (1, 0)] {
        let mut hints = nodes[from].hints.take();
        hints.retain(|_| random.random_bool(0.9));
        let again: Vec<_> = hints.iter().filter(|_| random.random_bool(0.1)).cloned().collect();
        hints.extend(again);
        hints.shuffle(random);
        for hint in &hints {
            nodes[to].hub.take(hint);
        }
    }
}

/// Posts, and edits and deletes what it has posted.
async fn act_until_done(
    node: &Node,
    other: &Node,
    by: String,
    mut random: StdRng,
    history: &History,
    done: &AtomicBool,
) {
    let mut mine: Vec<(&'static str, EventId, String)> = Vec::new();
    let mut number = 0;
    while !done.load(Ordering::Relaxed) {
        number += 1;
        let act = random.random_range(0..10);
        let sent = history.moment();
        let answered = if act < 6 || mine.is_empty() {
            let room = ROOMS[random.random_range(0..ROOMS.len())];
            let content = format!("<{by}.{number}>");
            let posted = within(DEADLINE, "a post", node.try_post(room, &content, None)).await;
            posted.map(|id| {
                mine.push((room, id, content.clone()));
                (room, EventType::ChatMessage, id, id, content)
            })
        } else {
            let at = random.random_range(0..mine.len());
            let (room, id, content) = mine[at].clone();
            if act < 8 {
                let edited =
                    within(DEADLINE, "an edit", node.edit(room, id, &format!("{content} edit {number}"))).await;
                edited.map(|edited| (room, EventType::MessageEdited, edited.event.unwrap(), id, content))
            } else {
                mine.swap_remove(at);
                let deleted = within(DEADLINE, "a deletion", node.delete(room, id)).await;
                if deleted.is_ok() && random.random_bool(0.3) {
                    let shown = node.history(room).await;
                    assert!(!shown.contains(&content), "{content} was deleted on this node: {shown}");
                }
                deleted.map(|deleted| (room, EventType::MessageDeleted, deleted.event.unwrap(), id, content))
            }
        };
        let (room, kind, event, message, content) = match answered {
            Ok(answered) => answered,
            // Not known to be stored: it may be there, once.
            Err(Refused::Unavailable) => continue,
            Err(refused) => panic!("{refused}"),
        };
        history.note(Answer { room, kind, event, message, content, sent, answered: history.moment() });
        if random.random_bool(0.1) {
            look(node, other, room, history).await;
        }
    }
}

/// Whoever asks the store now, on either node, sees all that was answered and nothing that was deleted before.
async fn look(node: &Node, other: &Node, room: &'static str, history: &History) {
    for node in [node, other] {
        let asked = history.moment();
        let head = node.store.room(&name(room)).await.unwrap().unwrap().head;
        assert!(head >= history.newest_before(room, asked), "{room}: all that was answered is there");
        let messages = node.messages(room).await;
        let shown: String = messages.iter().map(|message| message.content.as_str()).collect();
        history.check_shown(&shown, asked);
    }
}

/// All of a room's log.
async fn log(node: &Node, room: &str) -> Vec<Event> {
    let mut log = Vec::new();
    loop {
        let after = log.last().map_or(0, Event::id);
        let page = node.store.log_after(&name(room), after, TypeSet::ALL, 500).await.unwrap();
        if page.events.is_empty() {
            return log;
        }
        log.extend(page.events);
    }
}
