//! Whatever lists stops at 256 KiB of JSON, with at least one thing on each page, and who pages gets everything.

use serde_json::{Value, json};

use crate::support::{Query, Reader, Server, Transport, command::Command, rooms::RoomsReader, server::json_of};

/// The most bytes of a page.
const MOST: usize = 256 * 1024;
const COUNT: usize = 12;

/// Six times as long as JSON: four of these fill a page.
fn content(number: usize) -> String {
    format!("word {number:02} {}", "\u{1}".repeat(9_900))
}

async fn filled() -> Server {
    let server = Server::start().await;
    for number in 1..=COUNT {
        assert_eq!(server.post("general", "Alice", &content(number)).await["id"], number);
    }
    server
}

/// A page, which is no larger than one may be.
async fn page(server: &Server, path: &str) -> Value {
    let text = server.get(path).await.text().await.expect("a body");
    assert!(text.len() <= MOST, "{path}: {} bytes", text.len());
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}: {text:.200}"))
}

fn list<'a>(page: &'a Value, name: &str) -> &'a Vec<Value> {
    let list = page[name].as_array().unwrap_or_else(|| panic!("no {name}: {page:.200}"));
    assert!(!list.is_empty(), "a page has at least one: {page:.200}");
    list
}

fn ids(messages: &[Value]) -> Vec<usize> {
    messages.iter().map(|message| usize::try_from(message["id"].as_u64().expect("an id")).expect("small")).collect()
}

#[tokio::test]
async fn messages_page_forwards_and_back() {
    let server = filled().await;
    let (mut seen, mut pages, mut next) = (Vec::new(), 0, 0);
    loop {
        let page = page(&server, &format!("/rooms/general/messages?limit=200&after={next}")).await;
        seen.extend(ids(list(&page, "messages")));
        (pages, next) = (pages + 1, page["next"].as_u64().expect("a cursor"));
        assert_eq!(usize::try_from(next).ok().as_ref(), seen.last());
        if page["has_more"] == false {
            break;
        }
    }
    assert!(seen.iter().copied().eq(1..=COUNT) && pages == COUNT / 4, "{pages} pages: {seen:?}");

    let (mut seen, mut before) = (Vec::new(), String::new());
    loop {
        let page = page(&server, &format!("/rooms/general/messages?limit=200{before}")).await;
        let ids = ids(list(&page, "messages"));
        assert_eq!(ids.len(), 4, "the newest of those before");
        assert_eq!(page["prev"], ids[0]);
        seen.splice(0..0, ids);
        before = format!("&before={}", page["prev"]);
        if page["has_more"] == false {
            break;
        }
    }
    assert!(seen.into_iter().eq(1..=COUNT));
    // What waits is a page as any other.
    assert_eq!(list(&page(&server, "/rooms/general/messages?limit=200&after=0&wait=5").await, "messages").len(), 4);
}

#[tokio::test]
async fn searches_and_earlier_contents_page() {
    let server = filled().await;
    let (mut seen, mut before) = (Vec::new(), String::new());
    loop {
        let page = page(&server, &format!("/rooms/general/search?q=word&limit=200{before}")).await;
        assert_eq!(page["partial"], false);
        seen.extend(ids(list(&page, "messages")));
        if page["next"].is_null() {
            break;
        }
        before = format!("&before={}", page["next"]);
    }
    assert!(seen.into_iter().eq((1..=COUNT).rev()));

    for number in 2..=COUNT {
        server.perform("general", &[Command::edit("Alice", 1, &content(number))]).await;
    }
    let (mut seen, mut after) = (Vec::new(), 0);
    loop {
        let page = page(&server, &format!("/rooms/general/messages/1/revisions?after={after}")).await;
        seen.extend(list(&page, "revisions").iter().map(|revision| revision["content"].clone()));
        let Some(next) = page["next"].as_i64() else { break };
        after = next;
    }
    assert!(seen.into_iter().eq((1..COUNT).map(content)));
}

#[tokio::test]
async fn rooms_and_read_cursors_page() {
    let server = Server::start().await;
    let names: Vec<_> = (0..60).map(|number| format!("room-{number:02}")).collect();
    for name in &names {
        server.put_room(name, &json!({"topic": format!("x{}", "\u{1}".repeat(999))})).await;
    }
    let (mut seen, mut after) = (Vec::new(), String::new());
    loop {
        let page = page(&server, &format!("/rooms?limit=200{after}")).await;
        seen.extend(list(&page, "rooms").iter().map(|room| room["name"].clone()));
        let Some(next) = page["next"].as_str() else { break };
        after = format!("&after={next}");
    }
    assert_eq!(seen, names);

    server.post("general", "Alice", "hi").await;
    let users: Vec<_> = (0..650).map(|number| format!("{number:03}{}", "🚀".repeat(97))).collect();
    for user in &users {
        let request = server.http().put(server.api("/rooms/general/read"));
        let answer = request.json(&json!({"username": user, "last_read_id": 1})).send().await.expect("an answer");
        assert_eq!(answer.status(), 200);
    }
    let first = page(&server, "/rooms/general/read").await;
    let mut seen: Vec<_> = list(&first, "cursors").iter().map(|cursor| cursor["username"].clone()).collect();
    assert!(seen.len() < users.len());
    let url = server.api("/rooms/general/read");
    let rest = server.http().get(url).query(&[("after", first["next"].as_str().expect("more"))]).send();
    let rest = json_of(rest.await.expect("an answer"), reqwest::StatusCode::OK).await;
    seen.extend(list(&rest, "cursors").iter().map(|cursor| cursor["username"].clone()));
    assert!(rest["next"].is_null());
    assert_eq!(seen, users);
}

#[tokio::test]
async fn histories_and_catching_up_come_in_pages() {
    let mut server = filled().await;
    for restarts in [false, true] {
        if restarts {
            server.restart().await;
        }
        for transport in Transport::ALL {
            for history in [50, 200] {
                let mut reader = Reader::open(&server, transport, "general", Query::new().history(history)).await;
                let text = reader.next_text().await;
                assert!(text.len() <= MOST, "{transport:?}: {} bytes", text.len());
                let event: Value = serde_json::from_str(&text).expect("JSON");
                assert_eq!(ids(list(&event, "messages")), [9, 10, 11, 12], "the newest");
                assert_eq!((&event["has_more"], &event["id"]), (&json!(true), &json!(COUNT)));
            }
            let mut reader = Reader::open(&server, transport, "general", Query::since(0)).await;
            for number in 1..=COUNT {
                assert_eq!(reader.next_durable().await["message"]["content"], content(number), "{transport:?}");
            }
        }
        let mut next = 0;
        while next < COUNT {
            let page = page(&server, &format!("/rooms/general/poll?since={next}&wait=0")).await;
            let events = ids(list(&page, "events"));
            assert!(events.iter().copied().eq(next + 1..=next + events.len()));
            next += events.len();
            assert_eq!((&page["next"], &page["has_more"]), (&json!(next), &json!(next < COUNT)));
        }
        let mut reader = RoomsReader::open(&server, &["general", "other"], "").await;
        assert_eq!(ids(list(&reader.next().await, "messages")), [9, 10, 11, 12]);
    }
}
