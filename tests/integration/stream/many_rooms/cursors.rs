//! The cursors that a stream of several rooms resumes from: an id, the rooms' names, and those that don't fit.

use serde_json::json;

use super::{ROOMS, gist, message_ids};
use crate::support::{Query, Reader, Server, Transport, reader::kind, rooms::RoomsReader};

/// Posts so many messages to each room, reads the history of each, and returns the id of the last.
async fn id_after_histories(server: &Server, count: usize) -> String {
    for room in ROOMS {
        server.post_many(room, "Alice", count).await;
    }
    let mut reader = RoomsReader::open(server, &ROOMS, "").await;
    for _ in ROOMS {
        reader.next_told().await;
    }
    reader.id.expect("an id")
}

#[tokio::test]
async fn a_reader_comes_back_to_what_each_room_did_meanwhile() {
    let mut server = Server::start().await;
    let id = id_after_histories(&server, 3).await;
    assert_eq!(id, "3,3,3~zy68", "as documented: 20 bits of SHA-256 over `one,two,three`");
    server.post_many("three", "Alice", 4).await;
    server.post_many("one", "Alice", 2).await;
    server.restart().await;

    let mut reader = RoomsReader::resume(&server, &ROOMS, "since=one:0", Some(&id)).await;
    reader = ROOMS.into_iter().fold(reader, |reader, room| reader.knows(room, 3));
    for (room, id) in [("one", 4), ("one", 5), ("three", 4), ("three", 5), ("three", 6), ("three", 7)] {
        assert_eq!(gist(&reader.next_told().await), ("chat_message", room, id), "just the rest, and no history");
    }
    assert_eq!(reader.cursors(), Some("5,3,7"), "a room that did not move keeps its cursor");
    server.post("two", "Alice", "live").await;
    assert_eq!(gist(&reader.next_durable().await), ("chat_message", "two", 4));
}

#[tokio::test]
async fn a_changed_list_goes_on_by_the_rooms_names() {
    let server = Server::start().await;
    for room in ["one", "two", "three", "four"] {
        server.post_many(room, "Alice", 3).await;
    }
    // One room less, one more, and another order; what is no longer read is passed over.
    let mut reader = RoomsReader::open(&server, &["four", "three", "one"], "since=one:1,two:2,three:3&history=1").await;
    let history = reader.next_told().await;
    assert_eq!((gist(&history), message_ids(&history)), (("message_history", "four", 3), vec![3]));
    assert_eq!(reader.cursors(), Some("3,3,1"));
    assert_eq!(gist(&reader.next_told().await), ("chat_message", "one", 2));
    assert_eq!(gist(&reader.next_told().await), ("chat_message", "one", 3));
    server.post("three", "Alice", "live").await;
    assert_eq!(gist(&reader.next_told().await), ("chat_message", "three", 4));
    assert_eq!(reader.cursors(), Some("3,4,3"));
}

#[tokio::test]
async fn an_id_that_does_not_fit_the_rooms_is_told_in_each() {
    let server = Server::start().await;
    server.post_many("one", "Alice", 3).await;
    server.post_many("three", "Alice", 1).await;
    let many = vec!["1"; 51].join(",");
    let long = vec!["1"; 600].join(",");
    for (id, reason) in [
        ("3", "rooms_changed"),
        ("3,0", "rooms_changed"),
        ("3,0,1~4gcw", "rooms_changed"),
        ("3,0~zy68", "rooms_changed"),
        ("3,0,1~zy6", "invalid"),
        ("3,0,1~ZY68", "invalid"),
        ("3,0,1~", "invalid"),
        ("3,0,1,0", "rooms_changed"),
        (many.as_str(), "rooms_changed"),
        ("banana", "invalid"),
        ("3,0,x", "invalid"),
        ("3,0,-1", "invalid"),
        ("3,,1", "invalid"),
        ("3,0,99999999999999999999", "invalid"),
        (long.as_str(), "invalid"),
    ] {
        let mut reader = RoomsReader::resume(&server, &ROOMS, "since=one:1", Some(id)).await;
        for (room, head) in ROOMS.into_iter().zip([3, 0, 1]) {
            let reset = reader.next_told().await;
            let expected = json!({"type": "reset", "room": room, "reason": reason, "floor": 0, "head": head});
            assert_eq!(reset, expected, "{id}");
            assert_eq!(gist(&reader.next_told().await), ("message_history", room, head), "{id}");
        }
        assert_eq!(reader.cursors(), Some("3,0,1"), "{id}");
    }
    for id in ["2,0,1", "2,0,1~zy68"] {
        let mut reader = RoomsReader::resume(&server, &ROOMS, "since=one:1", Some(id)).await;
        assert_eq!(gist(&reader.next_told().await), ("chat_message", "one", 3), "{id} fits");
    }
    let mut reader = RoomsReader::resume(&server, &ROOMS, "since=one:1", Some("")).await;
    assert_eq!(gist(&reader.next_told().await), ("chat_message", "one", 2), "an empty id is none");
}

#[tokio::test]
async fn who_breaks_off_before_a_rooms_reset_is_told_it_later() {
    let server = Server::start().await;
    for room in ROOMS {
        server.post_many(room, "Alice", 2).await;
    }
    let mut reader = RoomsReader::resume(&server, &ROOMS, "", Some("2")).await;
    assert_eq!(reader.next_told().await["reason"], "rooms_changed");
    assert_eq!(gist(&reader.next_told().await), ("message_history", "one", 2));
    let before_two = reader.id.clone();
    for _ in 0..2 {
        reader.next_told().await;
    }
    let before_three = reader.id.clone();
    drop(reader);
    for (id, untold) in [(before_two, &ROOMS[1..]), (before_three, &ROOMS[2..])] {
        let mut reader = RoomsReader::resume(&server, &ROOMS, "", id.as_deref()).await;
        for room in untold {
            let reset = reader.next_told().await;
            assert_eq!((kind(&reset), &reset["room"]), ("reset", &json!(room)), "{id:?}");
            assert_eq!(gist(&reader.next_told().await), ("message_history", *room, 2), "{id:?}");
        }
        assert_eq!(reader.cursors(), Some("2,2,2"));
    }

    // Of a room whose history a filter keeps from coming as events, too.
    let filter = "types=message_edited";
    let mut reader = RoomsReader::open(&server, &ROOMS, filter).await;
    assert_eq!(gist(&reader.next_told().await), ("message_history", "one", 2));
    let mut reader = RoomsReader::resume(&server, &ROOMS, filter, reader.id.as_deref()).await.knows("one", 2);
    for room in &ROOMS[1..] {
        assert_eq!(kind(&reader.next_told().await), "reset");
        assert_eq!(gist(&reader.next_told().await), ("message_history", *room, 2));
    }

    // As well if it is only about that room.
    server.post("one", "Alice", "moves on").await;
    let mut reader = RoomsReader::resume(&server, &ROOMS, "", Some("2,2,9")).await.knows("one", 2);
    assert_eq!(gist(&reader.next_told().await), ("chat_message", "one", 3));
    let mut reader = RoomsReader::resume(&server, &ROOMS, "", reader.id.as_deref()).await.knows("one", 3);
    let reset = reader.next_told().await;
    assert_eq!((&reset["room"], &reset["reason"]), (&json!("three"), &json!("ahead")));
}

#[tokio::test]
async fn a_cursor_that_can_not_be_honoured_resets_its_room_alone() {
    let mut server = Server::start().await;
    for room in ROOMS {
        server.post_many(room, "Alice", 10).await;
    }
    assert!(server.terminate().await.success());
    server.sql("DELETE FROM message WHERE id <= 5 AND room_id = (SELECT id FROM room WHERE name = 'two')").await;
    server.sql("UPDATE room SET floor = 5, floor_reason = 'pruned' WHERE name = 'two'").await;
    server.restart().await;
    for by_header in [true, false] {
        let (query, id) = if by_header { ("", Some("9,4,11")) } else { ("since=one:9,two:4,three:11", None) };
        let mut reader = RoomsReader::resume(&server, &ROOMS, query, id).await.knows("one", 9);
        assert_eq!(gist(&reader.next_told().await), ("chat_message", "one", 10));
        for (room, reason, floor) in [("two", "pruned", 5), ("three", "ahead", 0)] {
            let reset = reader.next_told().await;
            let expected = json!({"type": "reset", "room": room, "reason": reason, "floor": floor, "head": 10});
            assert_eq!(reset, expected);
            assert_eq!(gist(&reader.next_told().await), ("message_history", room, 10));
        }
        assert_eq!(reader.cursors(), Some("10,10,10"));
    }
}

#[tokio::test]
async fn each_cursor_goes_on_by_another_transport_and_back() {
    let server = Server::start().await;
    let id = id_after_histories(&server, 2).await;
    let mut back = Vec::new();
    let cursors = id.split('~').next().unwrap_or_default();
    for (room, cursor) in ROOMS.into_iter().zip(cursors.split(',')) {
        server.post_many(room, "Alice", 3).await;
        let cursor: i64 = cursor.parse().expect("a cursor");
        let mut alone = Reader::open(&server, Transport::LongPoll, room, Query::since(cursor)).await;
        for id in cursor + 1..=cursor + 3 {
            assert_eq!(alone.next_durable().await["id"], id);
        }
        back.push(format!("{room}:{}", alone.cursor()));
    }
    for room in ROOMS {
        server.post(room, "Alice", "meanwhile").await;
    }
    let mut reader = RoomsReader::open(&server, &ROOMS, &format!("since={}", back.join(","))).await;
    for room in ROOMS {
        assert_eq!(gist(&reader.next_told().await), ("chat_message", room, 6));
    }
}

#[tokio::test]
async fn an_id_of_another_list_of_as_many_rooms_is_told() {
    let server = Server::start().await;
    let id = id_after_histories(&server, 2).await;
    let turned = ["three", "one", "two"];
    let mut reader = RoomsReader::resume(&server, &turned, "", Some(&id)).await;
    for room in turned {
        let reset = reader.next_told().await;
        assert_eq!((&reset["room"], &reset["reason"]), (&json!(room), &json!("rooms_changed")));
        assert_eq!(gist(&reader.next_told().await), ("message_history", room, 2));
    }
}

#[tokio::test]
async fn fifty_rooms_with_the_longest_names_and_all_their_cursors_fit_in_a_request() {
    let server = Server::start().await;
    let names: Vec<_> = (0..50).map(|number| format!("{number:02}{}", "x".repeat(98))).collect();
    let rooms: Vec<_> = names.iter().map(String::as_str).collect();
    server.post_many(&names[49], "Alice", 2).await;
    let since: Vec<_> = names.iter().map(|name| format!("{name}:9007199254740991")).collect();
    let id = vec!["0".repeat(18); 50].join(",");
    let query = format!("since={}&history=0", since.join(","));
    let mut reader = RoomsReader::resume(&server, &rooms, &query, Some(&id)).await;
    assert_eq!(gist(&reader.next_told().await), ("chat_message", rooms[49], 1));
}
