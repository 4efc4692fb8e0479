//! Read cursors: marking, telling readers, and counting unread messages.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{
    DEADLINE, Query, Reader, Server, Transport,
    reader::{is_durable, kind},
    server::json_of,
    within,
};

over_every_transport!(
    a_reader_is_told_live_and_when_it_returns,
    receipts_of_one_user_are_merged,
    a_filter_drops_what_people_have_read,
);

async fn mark(server: &Server, user: &str, last_read_id: i64) -> reqwest::Response {
    let body = json!({"username": user, "last_read_id": last_read_id});
    let request = server.http().request(Method::PUT, server.api("/rooms/general/read")).json(&body);
    within(DEADLINE, "a cursor is moved", request.send()).await.expect("an answer")
}

async fn marked(server: &Server, user: &str, last_read_id: i64) -> Value {
    json_of(mark(server, user, last_read_id).await, StatusCode::OK).await
}

/// Bob's read cursor, as an event tells it.
fn read_by_bob(event: &Value) -> Option<i64> {
    let cursors = event["cursors"].as_array().map_or(std::slice::from_ref(event), Vec::as_slice);
    let bob = cursors.iter().find(|cursor| cursor["username"] == "Bob");
    bob.and_then(|cursor| cursor["last_read_id"].as_i64())
}

async fn a_reader_is_told_live_and_when_it_returns(transport: Transport) {
    let mut server = Server::start().await;
    server.post_many("general", "Alice", 3).await;
    let mut live = Reader::open(&server, transport, "general", Query::new()).await;
    assert_eq!(live.until_type("read_state").await["cursors"], json!([]));
    let cursor = marked(&server, "Bob", 2).await;
    assert_eq!((&cursor["username"], &cursor["last_read_id"]), (&json!("Bob"), &json!(2)));
    let told = live.until("how far Bob has read", |event| read_by_bob(event).is_some()).await;
    assert_eq!(read_by_bob(&told), Some(2));
    if kind(&told) == "read_receipt" {
        assert_eq!(told, json!({"type": "read_receipt", "room": "general", "username": "Bob", "last_read_id": 2}));
    } else {
        assert_eq!(transport, Transport::LongPoll, "only between two polls it comes as the state");
    }
    assert_eq!(server.head("general").await, 3, "it is state, not history");

    marked(&server, "alice", 3).await;
    for restarted in [false, true] {
        if restarted {
            server.restart().await;
        }
        let mut back = Reader::open(&server, transport, "general", Query::since(2)).await;
        assert_eq!(back.next_durable().await["id"], 3, "after the replay");
        let state = back.until_type("read_state").await;
        let cursors = state["cursors"].as_array().expect("cursors").iter();
        let cursors: Vec<_> = cursors.map(|c| (c["username"].clone(), c["last_read_id"].clone())).collect();
        assert_eq!(cursors, [(json!("alice"), json!(3)), (json!("Bob"), json!(2))]);
        assert_eq!(state["cursors"][1], cursor);
    }
}

async fn receipts_of_one_user_are_merged(transport: Transport) {
    const COUNT: i64 = 30;
    let server = Server::start().await;
    server.post_at_once("general", "Alice", 30).await;
    let mut reader = Reader::open(&server, transport, "general", Query::since(COUNT)).await;
    reader.until_type("read_state").await;
    let start = std::time::Instant::now();
    for id in 1..=COUNT {
        marked(&server, "Bob", id).await;
    }
    let (mut receipts, mut last) = (0, 0);
    while last < COUNT {
        let told = reader.until("how far Bob has read", |event| read_by_bob(event).is_some()).await;
        let id = read_by_bob(&told).expect("it was just found");
        assert!(id >= last, "forward only");
        receipts += u64::from(kind(&told) == "read_receipt");
        last = id;
    }
    // One at once, one for each second that has begun since, and one that a second's end may add.
    let most = start.elapsed().as_secs() + 2;
    assert!(receipts <= most, "{receipts} receipts in {:?}", start.elapsed());
}

async fn a_filter_drops_what_people_have_read(transport: Transport) {
    let server = Server::start().await;
    server.post_many("general", "Alice", 1).await;
    let query = Query::new().types("chat_message");
    let mut reader = Reader::open(&server, transport, "general", query).await;
    assert_eq!(kind(&reader.next().await), "message_history");
    marked(&server, "Bob", 1).await;
    server.post("general", "Alice", "marker").await;
    let next = reader.next().await;
    assert!(is_durable(&next), "{next}");
}

#[tokio::test]
async fn a_cursor_may_be_before_the_first_message() {
    let server = Server::start().await;
    server.post_many("general", "Alice", 2).await;
    let zero = marked(&server, "Bob", 0).await;
    assert_eq!((&zero["username"], &zero["last_read_id"]), (&json!("Bob"), &json!(0)));
    assert_eq!(server.get_json("/rooms/general/read").await["cursors"], json!([]), "nothing was moved");
    let two = marked(&server, "Bob", 2).await;
    assert_eq!(marked(&server, "Bob", 0).await, two, "forward only");
    let body = json!({"username": "Bob", "last_read_id": 0});
    let nowhere = server.http().put(server.api("/rooms/nowhere/read")).json(&body).send().await.unwrap();
    assert_eq!(nowhere.status(), StatusCode::OK);
    assert_eq!(server.get("/rooms/nowhere").await.status(), StatusCode::NOT_FOUND, "it makes no room");
}

#[tokio::test]
async fn a_cursor_moves_forward_only_and_not_past_the_head() {
    let mut server = Server::start().await;
    server.post_many("general", "Alice", 3).await;
    let two = marked(&server, "Bob", 2).await;
    assert_eq!(marked(&server, "bob", 1).await, two, "it stays, and is answered");
    assert_eq!(marked(&server, "BOB", 2).await, two);
    for (id, field) in [(4, "last_read_id"), (-1, "last_read_id")] {
        let problem = json_of(mark(&server, "Bob", id).await, StatusCode::UNPROCESSABLE_ENTITY).await;
        assert_eq!(problem["errors"][0]["field"], field, "{id}");
    }
    let body = json!({"username": "Bob", "last_read_id": 1});
    let nowhere = server.http().put(server.api("/rooms/nowhere/read")).json(&body).send().await.unwrap();
    assert_eq!(nowhere.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(server.get("/rooms/nowhere").await.status(), StatusCode::NOT_FOUND, "it makes no room");
    server.restart().await;
    assert_eq!(server.get_json("/rooms/general/read").await, json!({"cursors": [two], "next": null}));
    assert_eq!(server.get_json("/rooms/nowhere/read").await, json!({"cursors": [], "next": null}));

    for user in ["Carol", "Dave"] {
        marked(&server, user, 3).await;
    }
    let page = server.get_json("/rooms/general/read?limit=2").await;
    assert_eq!((page["cursors"].as_array().unwrap().len(), &page["next"]), (2, &json!("Carol")));
    let rest = server.get_json("/rooms/general/read?limit=2&after=carol").await;
    assert_eq!((&rest["cursors"][0]["username"], &rest["next"]), (&json!("Dave"), &Value::Null));
}

#[tokio::test]
async fn unread_is_what_others_said_past_the_cursor() {
    let server = Server::start().await;
    let unread = async |user: &str| server.get_json(&format!("/rooms/general/unread?username={user}")).await;
    let count =
        |unread: i64, last_read_id: i64| json!({"unread": unread, "capped": false, "last_read_id": last_read_id});
    assert_eq!(unread("Bob").await, count(0, 0), "a room that nobody has made");
    server.post_many("general", "Alice", 3).await;
    server.post("general", "Bob", "mine").await;
    server.post("general", "Alice", "more").await;
    assert_eq!(unread("Bob").await, count(4, 0));
    marked(&server, "bob", 2).await;
    assert_eq!(unread("BOB").await, count(2, 2));
    let path = server.api("/rooms/general/messages/3?username=Alice");
    assert_eq!(server.http().delete(path).send().await.unwrap().status(), StatusCode::OK);
    assert_eq!(unread("Bob").await, count(1, 2), "what is deleted is not to be read");
    assert_eq!(server.get("/rooms/general/unread").await.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn unread_is_counted_to_a_bound() {
    let server = Server::start().await;
    server.post_at_once("general", "Alice", 1_000).await;
    let path = "/rooms/general/unread?username=Bob";
    assert_eq!(server.get_json(path).await, json!({"unread": 1_000, "capped": false, "last_read_id": 0}));
    server.post("general", "Alice", "one more").await;
    assert_eq!(server.get_json(path).await, json!({"unread": 1_000, "capped": true, "last_read_id": 0}));
}

/// Returns true if the reader is told of read cursors before it is told that somebody types.
async fn is_told_who_read(reader: &mut Reader) -> bool {
    let mut told = false;
    loop {
        let event = reader.next().await;
        match kind(&event) {
            "read_state" | "read_receipt" => told = true,
            "typing_indicator" => return told,
            _ => {}
        }
    }
}

#[tokio::test]
async fn with_a_crowd_online_nobody_is_told_of_a_receipt() {
    let server = Server::start().await;
    server.post("general", "Alice", "hi").await;
    let be_here = async |count: std::ops::Range<usize>| {
        for number in count {
            server.get_json(&format!("/rooms/general/poll?since=1&wait=0&username=user{number}")).await;
        }
    };
    let types = "read_receipt,read_state,typing_indicator";
    let mut reader = Reader::open(&server, Transport::Sse, "general", Query::since(1).types(types)).await;
    reader.until_type("read_state").await;
    // A poll's lease keeps its user here: 100 of them, and then one more.
    for (more, told) in [(0..100, true), (100..101, false)] {
        be_here(more).await;
        marked(&server, if told { "Bob" } else { "Eve" }, 1).await;
        server.typing("general", if told { "Bob" } else { "Eve" }, true).await;
        assert_eq!(is_told_who_read(&mut reader).await, told);
    }
}

#[tokio::test]
async fn more_than_two_hundred_cursors_are_not_told_to_who_begins() {
    let mut server = Server::start().await;
    server.post("general", "Alice", "hi").await;
    let mut told_of = 0;
    for count in [200, 201] {
        for number in told_of..count {
            marked(&server, &format!("user{number}"), 1).await;
        }
        told_of = count;
        // Of what is in memory nothing is left.
        server.restart().await;
        let mut reader = Reader::open(&server, Transport::Sse, "general", Query::since(1)).await;
        reader.until_type("presence_state").await;
        server.typing("general", "Bob", true).await;
        assert_eq!(is_told_who_read(&mut reader).await, count == 200, "{count}");
    }
}
