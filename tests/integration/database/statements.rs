//! The statements to the database: no plan reads a whole table, no answer costs more statements for having more in it,
//! and no statement is logged with what people wrote.

use std::collections::BTreeSet;

use futures_util::{StreamExt as _, stream};
use serde_json::{Value, json};

use crate::support::{
    Query, Reader, Server, Transport,
    command::Command,
    index::indexed,
    rooms::RoomsReader,
    server::parlor,
    socket::Socket,
    statements::{Planner, distinct, is_about_what_grows, logged, names, statement, while_doing},
};

mod accounts;
mod required;

/// So many messages are posted.
const MESSAGES: &str = "10000";
const ROOM: &str = "long";

/// Adds so many messages that a plan that reads them all is never the cheaper one, and gives every message an edit,
/// a reaction and a reader. What is added lies past the head, where nobody sees it.
async fn fill(server: &Server) {
    for past in [2_000_000, 4_000_000, 8_000_000] {
        let double = format!(
            "INSERT INTO message (room_id, id, username, user_key, content, created_at) \
             SELECT room_id, id + {past}, username, user_key, content, created_at FROM message"
        );
        server.sql(&double).await;
    }
    for rows in [
        "INSERT INTO event (room_id, id, kind, data, created_at, message_id, username) \
         SELECT room_id, id + 1000000, 'message_edited', '{}', 1, id, 'Alice' FROM message",
        "INSERT INTO revision (room_id, message_id, id, content, written_at) \
         SELECT room_id, id, id + 1000000, 'before', 1 FROM message",
        "INSERT INTO reaction (room_id, message_id, emoji, user_key, username, id, created_at) \
         SELECT room_id, id, 'x', 'bob', 'Bob', id + 1000000, 1 FROM message",
        "INSERT INTO read_cursor (room_id, user_key, username, last_read_id, updated_at) \
         SELECT room_id, CONCAT('user ', id), CONCAT('User ', id), id, 1 FROM message",
    ] {
        server.sql(rows).await;
    }
}

/// Does one of everything that writes: each command, with all that it may have to look for.
async fn write(server: &Server) -> i64 {
    // Many at once share a transaction, and its statements.
    for kind in 0..5 {
        let each = (0..300).map(|number| {
            let (user, id) = (format!("user{number}"), 1 + number * 7);
            let author = format!("Person {}", (id - 1) % 40);
            let command = match kind {
                0 => Command::reply(&user, "at once", id),
                1 => Command::edit(&author, id, "edited at once"),
                2 => Command::react(&user, id, ":tada:"),
                3 => Command::read(&user, id),
                _ => Command::delete(&author, id),
            };
            async move { server.ask(ROOM, &command).await.status() }
        });
        stream::iter(each)
            .buffer_unordered(300)
            .for_each(async |status| assert!(status.is_success(), "{status}"))
            .await;
    }
    let post = json!({"username": "Alice", "content": "hi", "reply_to": 8, "client_id": "key"});
    let url = server.api(&format!("/rooms/{ROOM}/messages"));
    let mut id = 0;
    for _first_and_again in 0..2 {
        let answer = server.http().post(&url).json(&post).send().await.expect("an answer");
        let message: Value = answer.json().await.expect("a message");
        id = message["id"].as_i64().expect("an id");
    }
    server.perform(ROOM, &[Command::edit("Alice", id, "hello"), Command::read("Bob", id)]).await;
    // More than the message names, so that who comes next has to be looked for.
    for number in 0..12 {
        server.perform(ROOM, &[Command::react(&format!("user{number}"), id, "👍")]).await;
    }
    let more = [
        Command::unreact("user1", id, "👍"),
        Command::rename("A long room"),
        Command::post("Bob", "by somebody else"),
        Command::post("Alice", "gone"),
        Command::edit("Alice", id + 17, "gone, too"),
        Command::react("Alice", id + 17, "👍"),
        Command::delete("Alice", id + 17),
    ];
    server.perform(ROOM, &more).await;
    let typing = json!({"username": "Alice", "is_typing": false});
    let url = server.api(&format!("/rooms/{ROOM}/typing"));
    assert_eq!(server.http().post(url).json(&typing).send().await.expect("an answer").status(), 204);
    server.put_room("another", &json!({"title": "Made by PUT"})).await;
    id
}

/// Reads everything that there is to read of the room, in each way.
async fn read(server: &Server, id: i64) {
    let room = format!("/rooms/{ROOM}");
    let message = format!("{room}/messages/{id}");
    for path in [
        "/me".to_owned(),
        "/limits".into(),
        "/rooms?limit=5".into(),
        "/rooms?after=another".into(),
        room.clone(),
        format!("{room}/messages"),
        format!("{room}/messages?before=5000"),
        format!("{room}/messages?after=0&limit=200"),
        message.clone(),
        format!("{message}/revisions"),
        format!("{message}/revisions?after=5"),
        format!("{message}/reactions/👍"),
        format!("{message}/reactions/👍?after=5"),
        format!("{room}/read"),
        format!("{room}/read?after=alice&limit=10"),
        format!("{room}/unread?username=Bob"),
        format!("{room}/presence"),
        format!("{room}/search?q=harbour+mess"),
        // Only an old one has it.
        format!("{room}/search?q=message+1234"),
        format!("{room}/search?q=harbour&before=5000&limit=200"),
    ] {
        server.get_json(&path).await;
    }
    for path in ["/healthz", "/readyz"] {
        assert_eq!(server.http().get(server.url(path)).send().await.expect("an answer").status(), 200);
    }
    let head = server.head(ROOM).await;
    let queries = [
        (Query::since(head - 10), 10),
        (Query::since(head - 10).types("chat_message"), 1),
        (Query::since(head - 10).types("room_updated,reaction_added"), 1),
        (Query::new(), 0),
        (Query::new().history(200), 0),
    ];
    for (query, events) in queries {
        for transport in Transport::ALL {
            let mut reader = Reader::open(server, transport, ROOM, query.clone()).await;
            for _ in 0..events {
                reader.next_durable().await;
            }
            if query.since.is_none() {
                reader.until_type("message_history").await;
            }
        }
    }
    for query in ["", &format!("since={ROOM}:{},another:0", head - 10)] {
        let mut reader = RoomsReader::open(server, &[ROOM, "another"], query).await;
        reader.next_told().await;
    }
    for path in ["/ws/chat/", "/ws/chat/long/"] {
        Socket::open_at(server, path).await.close().await;
    }
}

/// Everything that can be asked, as the `OpenAPI` document has it.
async fn operations(server: &Server) -> BTreeSet<String> {
    let document = server.http().get(server.url("/openapi.json")).send().await.expect("an answer");
    let document: Value = document.json().await.expect("JSON");
    let mut operations = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().expect("paths") {
        let methods = methods.as_object().expect("methods").keys().filter(|key| *key != "parameters");
        operations.extend(methods.map(|method| format!("{} {path}", method.to_uppercase())));
    }
    assert!(operations.len() > 20, "{operations:?}");
    operations
}

/// The statements, as the log has them.
fn asked(log: &[String]) -> BTreeSet<String> {
    let lines = log.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    lines.map(|line| format!("{} {}", text(&line["http.method"]), text(&line["http.route"]))).collect()
}

#[tokio::test]
async fn no_statement_reads_the_whole_of_a_table() {
    let mut server = logged().start().await;
    let url = server.database_url();
    server.terminate().await;
    let made = parlor(server.dir(), &["seed", "--database-url", &url, "--messages", MESSAGES, "--room", ROOM]);
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    fill(&server).await;
    server.restart().await;
    let id = write(&server).await;
    // Once with the newest in memory, once with nothing.
    read(&server, id).await;
    server.terminate().await;
    let mut log = server.log();
    server.restart().await;
    read(&server, id).await;
    let operations = operations(&server).await;
    server.terminate().await;
    log.extend(server.log());
    log.extend(required::moderate(&server, &url).await);
    log.extend(accounts::keep(&server, &url).await);

    let statements = log.iter().filter_map(|line| statement(line));
    let statements = distinct(statements.filter(|statement| is_about_what_grows(statement)));
    // What is only inserted is looked up by nothing but its key.
    let (inserts, lookups): (Vec<_>, Vec<_>) = statements.into_iter().partition(|s| s.starts_with("INSERT"));
    assert!(inserts.iter().all(|insert| !insert.contains("SELECT")), "{inserts:#?}");
    for (verb, table) in [
        ("SELECT", "message"),
        ("SELECT", "event"),
        ("SELECT", "revision"),
        ("SELECT", "reaction"),
        ("SELECT", "read_cursor"),
        ("SELECT", "message_search"),
        ("SELECT", "membership"),
        ("SELECT", "account"),
        ("SELECT", "api_key"),
        ("SELECT", "audit"),
        ("SELECT", "direct"),
        ("SELECT", "last_post"),
        ("UPDATE", "message"),
        ("UPDATE", "event"),
        ("DELETE", "revision"),
        ("DELETE", "reaction"),
        ("DELETE", "message_search"),
    ] {
        let is_it = |lookup: &String| lookup.starts_with(verb) && names(lookup, table);
        assert!(lookups.iter().any(is_it), "no {verb} of {table} was run");
    }
    let unasked: Vec<_> = operations.into_iter().filter(|operation| !asked(&log).contains(operation)).collect();
    assert!(unasked.is_empty(), "to be asked above, too: {unasked:?}");

    let planner = Planner::of(&url).await;
    for scanning in ["SELECT content FROM message WHERE content = 'x'", "DELETE FROM event WHERE username = 'x'"] {
        assert!(!planner.scans(scanning).await.is_empty(), "a scan is noticed: {scanning}");
    }
    assert!(lookups.iter().any(|lookup| lookup.matches(" OR ").count() > 10), "many commands shared a statement");
    let mut found = Vec::new();
    for lookup in &lookups {
        // Of two bounds on the same side some databases heed one, which no plan shows.
        for bound in ["id\" <", "id\" >", "id` <", "id` >"] {
            let once = |one: &str| one.matches(bound).count() <= 1;
            assert!(lookup.split(" OR ").all(once), "{bound} twice: {lookup}");
        }
        let scans = planner.scans(lookup).await;
        if !scans.is_empty() {
            found.push(format!("{lookup}\n{}", scans.join("\n")));
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// A room of which everything has 200: messages, each a reply with an edit and reactions; reactions and revisions
/// of one of them; readers; and there are as many rooms.
async fn two_hundred_of_everything(server: &Server) {
    server.post(ROOM, "Alice", "the first").await;
    let at_once = |commands: Vec<Command>| async move {
        let each = commands.iter().map(|command| server.perform(ROOM, std::slice::from_ref(command)));
        stream::iter(each).buffer_unordered(16).for_each(async |()| {}).await;
    };
    at_once((0..200).map(|_| Command::reply("Alice", "a reply", 1)).collect()).await;
    at_once((0..201).map(|number| Command::edit("Alice", 1, &format!("edit {number}"))).collect()).await;
    at_once((0..201).map(|number| Command::react(&format!("user{number}"), 1, "👍")).collect()).await;
    at_once((0..201).map(|number| Command::read(&format!("user{number}"), 1)).collect()).await;
    at_once((2..202).map(|id| Command::edit("Alice", id, "edited")).collect()).await;
    at_once((2..202).map(|id| Command::react("Bob", id, "👍")).collect()).await;
    let rooms = (0..200).map(|number| async move { server.put_room(&format!("room-{number}"), &json!({})).await });
    stream::iter(rooms).buffer_unordered(16).for_each(async |_| {}).await;
}

/// The statements of a request whose answer has so many entries.
async fn cost(server: &Server, path: &str, field: &str, entries: usize) -> Vec<String> {
    let (statements, answer) = while_doing(server, server.get_json(path)).await;
    assert_eq!(answer[field].as_array().map(Vec::len), Some(entries), "{path}");
    assert!(!statements.is_empty(), "{path} asks the database");
    statements
}

#[tokio::test]
async fn an_answer_takes_as_many_statements_whatever_is_in_it() {
    let mut server = logged().arg("--revisions").arg("1000").start().await;
    two_hundred_of_everything(&server).await;
    indexed(&server).await;
    // Of the log nothing is in memory then. The first who reads the room has to learn of it, whatever follows.
    server.restart().await;
    let head = server.head(ROOM).await;
    server.get_json(&format!("/rooms/{ROOM}/poll?since={}", head - 1)).await;
    for (field, one, many, count) in [
        ("messages", "/messages?limit=1", "/messages?limit=200", 200),
        ("messages", "/messages?after=1&limit=1", "/messages?after=1&limit=200", 200),
        ("messages", "/messages?before=202&limit=1", "/messages?before=202&limit=200", 200),
        ("revisions", "/messages/1/revisions?limit=1", "/messages/1/revisions?limit=200", 200),
        ("users", "/messages/1/reactions/👍?limit=1", "/messages/1/reactions/👍?limit=200", 200),
        ("cursors", "/read?limit=1", "/read?limit=200", 200),
        ("messages", "/search?q=edited&limit=1", "/search?q=edited&limit=100", 100),
        ("events", &format!("/poll?since={}", head - 1), &format!("/poll?since={}", head - 100), 100),
    ] {
        let one = cost(&server, &format!("/rooms/{ROOM}{one}"), field, 1).await;
        let many = cost(&server, &format!("/rooms/{ROOM}{many}"), field, count).await;
        assert_eq!(one.len(), many.len(), "{field}: {one:#?} {many:#?}");
    }
    let (one, many) = (cost(&server, "/rooms?limit=1", "rooms", 1), cost(&server, "/rooms?limit=200", "rooms", 200));
    assert_eq!(one.await.len(), many.await.len(), "rooms");
    let unread = async |user: &str| {
        let path = format!("/rooms/{ROOM}/unread?username={user}");
        while_doing(&server, server.get_json(&path)).await.0.len()
    };
    server.perform(ROOM, &[Command::read("Done", head)]).await;
    assert_eq!(unread("Done").await, unread("user1").await, "unread");
}

/// They have all that the index knows of what is looked for, and not what is looked for.
#[tokio::test]
async fn messages_that_only_look_alike_take_few_statements() {
    let server = logged().start().await;
    let alike = (0..500).map(|_| async { server.post(ROOM, "Alice", "東京と京都").await });
    stream::iter(alike).buffer_unordered(64).for_each(async |_| {}).await;
    indexed(&server).await;
    let path = format!("/rooms/{ROOM}/search?q=東京都&limit=1");
    let (statements, found) = while_doing(&server, server.get_json(&path)).await;
    assert_eq!(found["messages"], json!([]));
    assert!(statements.len() < 25, "{}: {statements:#?}", statements.len());
}

#[tokio::test]
async fn a_stream_begins_with_as_many_statements_whatever_it_tells() {
    let mut server = logged().start().await;
    two_hundred_of_everything(&server).await;
    indexed(&server).await;
    let head = server.head(ROOM).await;
    for transport in Transport::ALL {
        let mut costs = Vec::new();
        for (query, events) in [
            (Query::since(head - 1), 1),
            (Query::since(head - 100), 100),
            (Query::new().history(1), 0),
            (Query::new().history(50), 0),
        ] {
            server.restart().await;
            let begin = async {
                let mut reader = Reader::open(&server, transport, ROOM, query.clone()).await;
                if events == 0 {
                    reader.until_type("message_history").await;
                }
                for _ in 0..events {
                    reader.next_durable().await;
                }
            };
            costs.push(Box::pin(while_doing(&server, begin)).await.0.len());
        }
        assert!(costs.iter().all(|cost| *cost > 0), "{costs:?}");
        assert_eq!(costs[0], costs[1], "a replay of 1 and of 100 by {transport:?}");
        assert_eq!(costs[2], costs[3], "a history of 1 and of 50 by {transport:?}");
    }
}

#[tokio::test]
async fn a_statement_is_logged_without_what_people_wrote() {
    let mut server = logged().start().await;
    let secret = "a-secret-that-nobody-may-log";
    let posted = server.post(secret, secret, secret).await["id"].as_i64().expect("an id");
    let commands = [
        Command::edit(secret, posted, &format!("{secret} again")),
        Command::react(secret, posted, &format!(":{secret}:")),
        Command::read(secret, posted),
        Command::rename(secret),
        Command::delete(secret, posted),
    ];
    server.perform(secret, &commands).await;
    server.messages(secret).await;
    assert!(server.terminate().await.success());
    let log = server.log();
    assert!(log.iter().filter(|line| statement(line).is_some()).count() > 20, "statements are logged");
    assert!(!log.iter().any(|line| line.contains(secret)), "{log:#?}");
}
