//! A reader that was away ends with the same room as one that never left, and as REST shows it: by nothing but
//! its cursor, on every transport, whatever happened to which message meanwhile.

use crate::support::{
    Query, Server, Transport,
    command::Command,
    state::{Follower, State},
};

over_every_transport!(
    who_returns_ends_as_who_never_left,
    who_returns_after_a_restart_ends_as_who_never_left,
    who_returns_from_behind_the_ring_ends_as_who_never_left,
    who_returns_with_a_short_history_learns_of_what_it_has,
    who_returns_with_a_filter_learns_of_what_it_lets_through,
);

/// A room with something of everything: messages 1 to 6, and events up to 20.
async fn begin(server: &Server) {
    server.put_room("general", &serde_json::json!({"title": "Plans"})).await;
    let commands = [
        Command::post("Alice", "one"),
        Command::post("Bob", "two"),
        Command::post("Carol", "three"),
        Command::reply("Alice", "four", 2),
        Command::post("Bob", "five"),
        Command::post("Carol", "six"),
        Command::edit("Alice", 1, "one, edited"),
        Command::react("Bob", 1, "👍"),
        Command::react("Carol", 1, "👍"),
        Command::react("Carol", 1, ":tada:"),
        Command::react("Alice", 2, "👍"),
        Command::react("Dave", 2, "❤️"),
        Command::edit("Bob", 2, "two, edited"),
        Command::react("Alice", 3, "👀"),
        Command::read("Alice", 4),
        Command::read("Bob", 2),
        Command::rename("Better plans"),
    ];
    server.perform("general", &commands).await;
}

/// The events in the room while a reader is away: changes to what it knew, and to what it did not.
async fn go_on(server: &Server) {
    let known = [
        Command::edit("Alice", 1, "one, edited again"),
        Command::edit("Alice", 1, "one, edited for the third time"),
        Command::unreact("Bob", 1, "👍"),
        Command::react("Dave", 1, "🎉"),
        Command::unreact("Carol", 1, ":tada:"),
        // With revisions and reactions, and a reply to it.
        Command::delete("Bob", 2),
        Command::react("Dave", 3, "👀"),
        Command::edit("Carol", 6, "six, edited"),
        Command::delete("Carol", 6),
        Command::read("Alice", 6),
        Command::read("Carol", 5),
        Command::rename("The best plans"),
    ];
    server.perform("general", &known).await;
    let new = server.post("general", "Dave", "new").await["id"].as_i64().expect("an id");
    let gone = server.post("general", "Dave", "new and gone").await["id"].as_i64().expect("an id");
    let commands = [
        Command::reply("Eve", "a reply to what is deleted", 2),
        Command::react("Alice", new, "🚀"),
        Command::edit("Dave", new, "new, edited"),
        Command::react("Alice", gone, "🚀"),
        Command::edit("Dave", gone, "new, edited and gone"),
        Command::delete("Dave", gone),
        Command::unreact("Alice", new, "🚀"),
        Command::react("Bob", new, "🚀"),
        Command::read("Eve", gone),
        Command::read("Bob", new),
    ];
    server.perform("general", &commands).await;
}

/// The events once everybody is back.
async fn end(server: &Server) {
    let commands = [
        Command::post("Alice", "last"),
        Command::react("Bob", 3, "👀"),
        Command::edit("Bob", 5, "five, edited"),
        Command::delete("Carol", 3),
        Command::rename("Plans"),
        Command::read("Dave", 1),
    ];
    server.perform("general", &commands).await;
}

/// Everybody ends with what REST shows, and so does who begins only now.
async fn all_end_as_by_rest(server: &Server, followers: impl IntoIterator<Item = &mut Follower>) {
    let (expected, head) = (State::by_rest(server, "general").await, server.head("general").await);
    for follower in followers {
        follower.ends_as(&expected, head).await;
    }
    for (transport, history) in Transport::ALL.into_iter().zip([50, 2, 50]) {
        let mut newcomer = Follower::open(server, transport, "general", Query::new().history(history)).await;
        newcomer.ends_as(&expected, head).await;
    }
}

async fn who_returns_ends_as_who_never_left(transport: Transport) {
    let server = Server::start().await;
    begin(&server).await;
    let mut stays = Follower::open(&server, transport, "general", Query::since(0)).await;
    let mut leaves = Follower::open(&server, transport, "general", Query::new()).await;
    all_end_as_by_rest(&server, [&mut stays, &mut leaves]).await;
    go_on(&server).await;
    leaves.come_back(&server, transport).await;
    all_end_as_by_rest(&server, [&mut stays, &mut leaves]).await;
    end(&server).await;
    all_end_as_by_rest(&server, [&mut stays, &mut leaves]).await;
}

async fn who_returns_after_a_restart_ends_as_who_never_left(transport: Transport) {
    let mut server = Server::start().await;
    begin(&server).await;
    let mut leaves = Follower::open(&server, transport, "general", Query::since(0)).await;
    all_end_as_by_rest(&server, [&mut leaves]).await;
    let mut stays = Follower::open(&server, transport, "general", Query::new()).await;
    go_on(&server).await;
    all_end_as_by_rest(&server, [&mut stays]).await;
    // Nothing of what the reader missed is in memory any more, and then the newest of it is.
    server.restart().await;
    end(&server).await;
    for follower in [&mut stays, &mut leaves] {
        follower.come_back(&server, transport).await;
    }
    all_end_as_by_rest(&server, [&mut stays, &mut leaves]).await;
}

async fn who_returns_from_behind_the_ring_ends_as_who_never_left(transport: Transport) {
    let server = Server::start().await;
    begin(&server).await;
    let mut stays = Follower::open(&server, transport, "general", Query::since(0)).await;
    let mut leaves = Follower::open(&server, transport, "general", Query::since(0)).await;
    all_end_as_by_rest(&server, [&mut stays, &mut leaves]).await;
    go_on(&server).await;
    // The ring holds 1,024 events; the first of what happened is gone from it, the last is in it.
    server.post_at_once("general", "Frank", 1_030).await;
    end(&server).await;
    leaves.come_back(&server, transport).await;
    all_end_as_by_rest(&server, [&mut stays, &mut leaves]).await;
}

async fn who_returns_with_a_short_history_learns_of_what_it_has(transport: Transport) {
    let mut server = Server::start().await;
    begin(&server).await;
    let mut followers = Vec::new();
    for history in [0, 1, 3, 6] {
        let query = Query::new().history(history);
        followers.push(Follower::open(&server, transport, "general", query).await);
    }
    all_end_as_by_rest(&server, &mut followers).await;
    for restarts in [false, true] {
        if restarts {
            server.restart().await;
        } else {
            go_on(&server).await;
        }
        for follower in &mut followers {
            follower.come_back(&server, transport).await;
        }
        all_end_as_by_rest(&server, &mut followers).await;
    }
}

async fn who_returns_with_a_filter_learns_of_what_it_lets_through(transport: Transport) {
    // A filter that leaves a kind of change out leaves the reader with what it knew of that.
    let filters = [
        "chat_message,message_edited,message_deleted,room_updated",
        "chat_message,message_deleted,reaction_added,reaction_removed,read_receipt,read_state",
        "chat_message,message_edited,message_deleted,reaction_added,reaction_removed,room_updated,read_receipt,read_state",
    ];
    let mut server = Server::start().await;
    begin(&server).await;
    let mut followers = Vec::new();
    for types in filters {
        for _stays_and_leaves in 0..2 {
            let query = Query::new().types(types);
            followers.push(Follower::open(&server, transport, "general", query).await);
        }
    }
    go_on(&server).await;
    server.post("general", "Alice", "a message, which every filter lets through").await;
    for leaves in followers.iter_mut().skip(1).step_by(2) {
        leaves.come_back(&server, transport).await;
    }
    all_end_as_by_rest(&server, &mut followers).await;
    end(&server).await;
    server.post("general", "Alice", "another").await;
    server.restart().await;
    for follower in &mut followers {
        follower.come_back(&server, transport).await;
    }
    all_end_as_by_rest(&server, &mut followers).await;
}

#[tokio::test]
async fn who_returns_by_another_transport_ends_as_who_never_left() {
    let server = Server::start().await;
    begin(&server).await;
    let mut stays = Follower::open(&server, Transport::Sse, "general", Query::since(0)).await;
    // Every way from one transport to another.
    let mut hoppers = Vec::new();
    for from in Transport::ALL {
        for to in Transport::ALL {
            hoppers.push((to, Follower::open(&server, from, "general", Query::new()).await));
        }
    }
    go_on(&server).await;
    for (to, hopper) in &mut hoppers {
        hopper.come_back(&server, *to).await;
    }
    // In the midst of what it missed it changes once more.
    let head = server.head("general").await;
    for (to, hopper) in &mut hoppers {
        hopper.read_to(head - 9).await;
        let next = Transport::ALL.into_iter().find(|other| other != to).expect("another");
        hopper.come_back(&server, next).await;
    }
    end(&server).await;
    let all = hoppers.iter_mut().map(|(_, hopper)| hopper).chain([&mut stays]);
    all_end_as_by_rest(&server, all).await;
}
