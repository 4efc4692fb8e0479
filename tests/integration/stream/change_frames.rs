//! Frames of a client that change messages, and their answers: an `ack` with the id of the event, or the reason for the
//! refusal.

use serde_json::{Value, json};

use crate::support::{Query, Reader, Server, Transport, command::Command, reader::kind, socket::Socket};

async fn open(server: &Server, query: &Query) -> Socket {
    let mut socket = Socket::open(server, "general", query).await;
    socket.until("the history", |frame| kind(frame) == "message_history").await;
    socket
}

/// Says something, and is answered.
async fn say(socket: &mut Socket, command: &Command) -> Value {
    socket.send(&command.frame("r")).await;
    socket.reply("r").await
}

fn ack(id: Option<i64>) -> Value {
    let mut ack = json!({"type": "ack", "ref": "r"});
    if let Some(id) = id {
        ack["id"] = json!(id);
    }
    ack
}

#[tokio::test]
async fn a_change_by_a_frame_is_acked_with_the_id_of_its_event() {
    let server = Server::start().await;
    server.post("general", "Wendy", "hi").await;
    let mut socket = open(&server, &Query::new()).await;
    let mut reader = Reader::open(&server, Transport::Sse, "general", Query::since(1)).await;
    for (id, (command, kind)) in (2..).zip([
        (Command::edit("Wendy", 1, "hello"), "message_edited"),
        (Command::react("Bob", 1, "👍"), "reaction_added"),
        (Command::react("Eve", 1, ":tada:"), "reaction_added"),
        (Command::unreact("Bob", 1, "👍"), "reaction_removed"),
        (Command::delete("Wendy", 1), "message_deleted"),
    ]) {
        assert_eq!(say(&mut socket, &command).await, ack(Some(id)), "{command:?}");
        let event = reader.next_durable().await;
        assert_eq!((&event["id"], &event["type"], &event["message_id"]), (&json!(id), &json!(kind), &json!(1)));
        let message = server.get_json("/rooms/general/messages/1").await;
        match command {
            Command::Edit { .. } => assert_eq!(message["content"], "hello"),
            Command::React { .. } => assert_eq!(message["reactions"], event["reactions"]),
            _ => assert_eq!((&message["content"], &message["deleted_at"]), (&json!(""), &event["deleted_at"])),
        }
    }
}

#[tokio::test]
async fn a_change_that_changes_nothing_is_acked_without_an_id() {
    let server = Server::start().await;
    server.post("general", "Wendy", "hi").await;
    server.perform("general", &[Command::post("Wendy", "gone"), Command::delete("Wendy", 2)]).await;
    server.perform("general", &[Command::react("Bob", 1, "👍"), Command::read("Bob", 2)]).await;
    let mut socket = open(&server, &Query::new()).await;
    for command in [
        Command::edit("wendy", 1, "hi"),
        Command::react("BOB", 1, "👍"),
        Command::unreact("Eve", 1, "👍"),
        Command::delete("Wendy", 2),
        Command::read("Bob", 1),
    ] {
        assert_eq!(say(&mut socket, &command).await, ack(None), "{command:?}");
    }
    assert_eq!(server.head("general").await, 4, "none took an id");
}

#[tokio::test]
async fn what_a_frame_says_is_read_moves_the_cursor_and_has_no_id() {
    let server = Server::start().await;
    server.post_many("general", "Alice", 3).await;
    let mut socket = open(&server, &Query::user("Wendy")).await;
    socket.send(&Command::read("Wendy", 2).frame("r")).await;
    // The receipt is sent to all who read, the answer to who spoke: either may come first.
    let is_one = |frame: &Value| matches!(kind(frame), "ack" | "read_receipt");
    let mut both = [socket.until("one of both", is_one).await, socket.until("the other", is_one).await];
    both.sort_by_key(|frame| kind(frame).to_owned());
    let receipt = json!({"type": "read_receipt", "room": "general", "username": "Wendy", "last_read_id": 2});
    assert_eq!(both, [ack(None), receipt]);
    let read = server.get_json("/rooms/general/read").await;
    assert_eq!((&read["cursors"][0]["username"], &read["cursors"][0]["last_read_id"]), (&json!("Wendy"), &json!(2)));
    assert_eq!(server.head("general").await, 3);
}

#[tokio::test]
async fn who_changes_is_who_the_socket_named_first() {
    let server = Server::start().await;
    server.post("general", "Wendy", "hi").await;
    server.post("general", "Anonymous", "hi").await;
    let mut socket = open(&server, &Query::new()).await;
    let unnamed = |mut frame: Value| {
        frame.as_object_mut().expect("a frame").remove("username");
        frame
    };
    // Before it names anybody it is Anonymous.
    for (id, code) in [(1, Some("not_the_author")), (2, None)] {
        socket.send(&unnamed(Command::edit("", id, "hello").frame("r"))).await;
        let reply = socket.reply("r").await;
        assert_eq!(reply["code"].as_str(), code, "{reply}");
    }
    socket.send(&json!({"type": "user_join", "username": "Wendy"})).await;
    for command in
        [Command::edit("", 1, "hello"), Command::react("", 1, "👍"), Command::read("", 1), Command::delete("", 1)]
    {
        socket.send(&unnamed(command.frame("r"))).await;
        assert_eq!(kind(&socket.reply("r").await), "ack", "{command:?}");
    }
    let events = server.get_json("/rooms/general/poll?since=3").await;
    let who: Vec<_> = events["events"].as_array().expect("events").iter().map(|event| &event["username"]).collect();
    assert_eq!(who, [&Value::Null, &json!("Wendy"), &json!("Wendy")], "who edits is the author");
    assert_eq!(server.get_json("/rooms/general/read").await["cursors"][0]["username"], "Wendy");
}

#[tokio::test]
async fn without_a_ref_a_change_is_made_and_not_acked() {
    let server = Server::start().await;
    server.post("general", "Wendy", "hi").await;
    let mut socket = open(&server, &Query::user("Wendy")).await;
    for command in [Command::edit("Wendy", 1, "hello"), Command::react("Wendy", 1, "👍"), Command::read("Wendy", 1)] {
        let mut frame = command.frame("r");
        frame.as_object_mut().expect("a frame").remove("ref");
        socket.send(&frame).await;
    }
    // Frames take effect in their order, so this one's answer is the first.
    socket.send(&Command::delete("Wendy", 1).frame("last")).await;
    let first = socket.until("an answer", |frame| matches!(kind(frame), "ack" | "error")).await;
    assert_eq!(first, json!({"type": "ack", "ref": "last", "id": 4}));
}

#[tokio::test]
async fn a_change_that_is_refused_is_answered_with_the_code_and_the_ref() {
    let server = Server::builder().arg("--edit-window").arg("1ms").start().await;
    server.post("general", "Wendy", "hi").await;
    server.perform("general", &[Command::post("Wendy", "gone"), Command::delete("Wendy", 2)]).await;
    let mut socket = open(&server, &Query::user("Wendy")).await;
    let head = server.head("general").await;
    for (command, code) in [
        (Command::edit("Bob", 1, "x"), "not_the_author"),
        (Command::delete("Bob", 1), "not_the_author"),
        (Command::edit("Wendy", 99, "x"), "not_found"),
        (Command::delete("Wendy", 99), "not_found"),
        (Command::react("Wendy", 99, "👍"), "not_found"),
        (Command::unreact("Wendy", 0, "👍"), "not_found"),
        // What is in the log at 3 is no message.
        (Command::delete("Wendy", 3), "not_found"),
        (Command::edit("Wendy", 2, "x"), "deleted"),
        (Command::react("Wendy", 2, "👍"), "deleted"),
        (Command::unreact("Wendy", 2, "👍"), "deleted"),
        (Command::edit("Wendy", 1, "too late"), "edit_window_over"),
    ] {
        let reply = say(&mut socket, &command).await;
        assert_eq!((kind(&reply), reply["code"].as_str()), ("error", Some(code)), "{command:?}: {reply}");
        assert!(reply["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{reply}");
    }
    assert_eq!(server.head("general").await, head, "nothing took an id");
    assert_eq!(kind(&say(&mut socket, &Command::read("Wendy", 1)).await), "ack", "the socket goes on");

    for number in 0..50 {
        assert_eq!(kind(&say(&mut socket, &Command::react("Wendy", 1, &format!(":e{number}:"))).await), "ack");
    }
    let reply = say(&mut socket, &Command::react("Wendy", 1, "👍")).await;
    assert_eq!((&reply["code"], &reply["errors"][0]["field"]), (&json!("invalid"), &json!("emoji")), "{reply}");
}
