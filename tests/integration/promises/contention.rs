//! Fifty clients on one message at once: one order for all, nothing lost, and no client is told of a struggle
//! inside.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use rand::{Rng as _, rngs::StdRng};
use serde_json::{Value, json};
use tokio::{sync::Barrier, task::JoinSet};

use crate::support::{
    Query, Reader, Server, Transport,
    command::Command,
    reader::kind,
    seeded,
    socket::Socket,
    state::{Follower, State},
};

const CLIENTS: usize = 50;
/// The number of things each client does.
const DEEDS: usize = 8;
/// Fewer than clients, so that two of them add and take back the same reaction.
const USERS: usize = 20;
const EMOJI: [&str; 3] = ["👍", "❤️", ":tada:"];
/// More of the clients than one of five speak HTTP.
const SOCKETS: usize = 5;

/// Something a client did, and whether it was taken; the other answer is that the message is deleted.
type Deed = (Command, bool);

/// Draws the deeds of a client: each edit says something that no other says.
fn draw(random: &mut StdRng, client: usize, deletes: bool) -> Vec<Command> {
    let mut deeds = Vec::new();
    for number in 0..DEEDS {
        deeds.push(match random.random_range(0..10) {
            0..3 => Command::edit("Alice", 1, &format!("by client {client}, number {number}")),
            9 if deletes && number >= DEEDS / 2 => Command::delete("Alice", 1),
            _ => {
                let user = format!("user{}", random.random_range(0..USERS));
                let emoji = EMOJI[random.random_range(0..EMOJI.len())].to_owned();
                Command::React { user, id: 1, emoji, on: random.random() }
            }
        });
    }
    deeds
}

/// Does its deeds one after the other, as fast as they are answered.
async fn act(server: &Server, client: usize, commands: Vec<Command>, start: &Barrier) -> Vec<Deed> {
    let mut socket = None;
    if client.is_multiple_of(SOCKETS) {
        socket = Some(Socket::open(server, "general", &Query::new().history(0)).await);
    }
    start.wait().await;
    let mut done = Vec::new();
    for (number, command) in commands.into_iter().enumerate() {
        let taken = if let Some(socket) = &mut socket {
            let reference = number.to_string();
            socket.send(&command.frame(&reference)).await;
            let reply = socket.reply(&reference).await;
            assert!(kind(&reply) == "ack" || reply["code"] == "deleted", "{command:?}: {reply}");
            kind(&reply) == "ack"
        } else {
            let answer = server.ask("general", &command).await;
            let status = answer.status().as_u16();
            assert!(matches!(status, 200 | 410), "{command:?}: {status} {:?}", answer.text().await);
            status == 200
        };
        done.push((command, taken));
    }
    done
}

/// Has fifty clients act on the message 1; what they did, and the events that followed on the first.
async fn struggle(deletes: bool) -> (Arc<Server>, Vec<Deed>, Vec<Value>) {
    let mut random = seeded();
    let server = Arc::new(Server::builder().arg("--revisions").arg("1000").start().await);
    server.post("general", "Alice", "the first text").await;
    let mut readers = Vec::new();
    for transport in Transport::ALL.into_iter().cycle().take(6) {
        readers.push(Reader::open(&server, transport, "general", Query::since(1)).await);
    }
    let mut follower = Follower::open(&server, Transport::Sse, "general", Query::since(0)).await;

    let start = Arc::new(Barrier::new(CLIENTS));
    let mut clients = JoinSet::new();
    for client in 0..CLIENTS {
        let (server, start, commands) = (server.clone(), start.clone(), draw(&mut random, client, deletes));
        clients.spawn(async move { act(&server, client, commands, &start).await });
    }
    let deeds = clients.join_all().await.concat();

    let head = server.head("general").await;
    let mut views = Vec::new();
    for reader in &mut readers {
        let mut view = Vec::new();
        for id in 2..=head {
            let event = reader.next_durable().await;
            assert_eq!(event["id"], id, "{:?}", reader.transport());
            view.push(event);
        }
        views.push(view);
    }
    // Who reads after the deletion is told of the same events, but not of what they said.
    let seen =
        |event: &Value| if deletes { json!([event["id"], event["type"], event["username"]]) } else { event.clone() };
    for view in &views {
        assert!(view.iter().map(seen).eq(views[0].iter().map(seen)), "all saw the same");
    }
    follower.ends_as(&State::by_rest(&server, "general").await, head).await;
    (server, deeds, views.swap_remove(0))
}

/// The users who reacted with each emoji, by the rows that REST pages through.
async fn reactors(server: &Server) -> BTreeMap<String, Vec<String>> {
    let mut all = BTreeMap::new();
    for emoji in EMOJI {
        let (mut names, mut after) = (Vec::new(), json!(0));
        while !after.is_null() {
            let path = format!("/rooms/general/messages/1/reactions/{emoji}?limit=3&after={after}");
            let page = server.get_json(&path).await;
            let users = page["users"].as_array().expect("users");
            names.extend(users.iter().map(|user| user["username"].as_str().expect("a name").to_owned()));
            after = page["next"].clone();
        }
        if !names.is_empty() {
            all.insert(emoji.to_owned(), names);
        }
    }
    all
}

/// Plays the events of reactions; each must be a change.
fn played(events: &[Value]) -> BTreeMap<String, Vec<String>> {
    let mut all: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for event in events {
        let text = |field: &str| event[field].as_str().expect("a text").to_owned();
        match kind(event) {
            "reaction_added" => {
                let names = all.entry(text("emoji")).or_default();
                assert!(!names.contains(&text("username")), "added twice: {event}");
                names.push(text("username"));
            }
            "reaction_removed" => {
                let names = all.get_mut(&text("emoji")).expect("reactions with it");
                let at = names.iter().position(|name| *name == text("username"));
                names.remove(at.unwrap_or_else(|| panic!("taken back twice: {event}")));
            }
            _ => {}
        }
        all.retain(|_, names| !names.is_empty());
    }
    all
}

#[tokio::test]
async fn what_fifty_clients_edit_and_react_to_has_one_order_and_loses_nothing() {
    let (server, deeds, events) = struggle(false).await;
    assert!(deeds.iter().all(|(_, taken)| *taken));

    // Each edit that was answered is an event, and what it replaced a revision.
    let asked: BTreeSet<_> = deeds
        .iter()
        .filter_map(|(command, _)| match command {
            Command::Edit { content, .. } => Some(content.as_str()),
            _ => None,
        })
        .collect();
    let edits = events.iter().filter(|event| kind(event) == "message_edited");
    let said: Vec<_> = edits.map(|event| event["new_content"].as_str().expect("a content")).collect();
    assert_eq!(asked, said.iter().copied().collect(), "no edit is lost");
    assert_eq!(said.len(), asked.len(), "and none is there twice");
    let message = server.get_json("/rooms/general/messages/1").await;
    assert_eq!(message["content"], said[said.len() - 1], "the last edit is what it says");
    let (mut before, mut after) = (Vec::new(), json!(0));
    while !after.is_null() {
        let page = server.get_json(&format!("/rooms/general/messages/1/revisions?limit=50&after={after}")).await;
        let revisions = page["revisions"].as_array().expect("revisions");
        before.extend(revisions.iter().map(|revision| revision["content"].as_str().expect("a content").to_owned()));
        after = page["next"].clone();
    }
    let expected: Vec<_> = std::iter::once("the first text").chain(said.iter().copied()).take(said.len()).collect();
    assert_eq!(before, expected, "each revision is what the edit after it replaced");

    // Each reaction is a row, in the order of the events, and counted.
    let rows = reactors(&server).await;
    assert_eq!(rows, played(&events));
    let shown = message["reactions"].as_array().expect("reactions").iter();
    let shown: BTreeMap<_, _> = shown.map(|shown| (shown["emoji"].as_str().expect("an emoji"), shown)).collect();
    assert_eq!(shown.keys().copied().collect::<Vec<_>>(), rows.keys().collect::<Vec<_>>());
    for (emoji, names) in rows {
        let first: Vec<_> = names.iter().take(10).collect();
        let expected = json!({"emoji": emoji, "count": names.len(), "usernames": first});
        assert_eq!(shown[emoji.as_str()], &expected);
    }
}

#[tokio::test]
async fn what_fifty_clients_delete_is_deleted_once_and_stays_so() {
    let (server, deeds, events) = struggle(true).await;
    let deletions: Vec<_> = events.iter().filter(|event| kind(event) == "message_deleted").collect();
    let asked = deeds.iter().filter(|(command, _)| matches!(command, Command::Delete { .. })).count();
    assert!(asked > 1, "several clients ask for it");
    assert_eq!(deletions.len(), 1, "once");
    assert_eq!(events.last(), Some(deletions[0]), "nothing comes after it");
    for (command, taken) in &deeds {
        assert!(*taken || !matches!(command, Command::Delete { .. }), "deleting it again is no fault");
    }
    // What was answered before the deletion has its event, though what it said is gone with the message.
    let edited = events.iter().filter(|event| kind(event) == "message_edited").count();
    let taken = deeds.iter().filter(|(command, taken)| *taken && matches!(command, Command::Edit { .. })).count();
    assert_eq!(edited, taken);

    let message = server.get_json("/rooms/general/messages/1").await;
    assert_eq!((&message["content"], &message["reactions"]), (&json!(""), &json!([])));
    assert_eq!(message["deleted_at"], deletions[0]["deleted_at"]);
    assert_eq!(server.get_json("/rooms/general/messages/1/revisions").await["revisions"], json!([]));
    assert!(reactors(&server).await.is_empty());
}
