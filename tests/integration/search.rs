//! Finding messages by their words, however far the index of search is behind.

use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::future::join_all;
use reqwest::{Method, StatusCode};
use sea_orm::{ConnectionTrait, Database, DatabaseConnection, DbBackend, Statement};
use serde_json::{Value, json};
use url::form_urlencoded;

use crate::support::{DEADLINE, Server, index::indexed, problem::expect_problem, server::json_of, within};

const ROOM: &str = "general";

/// One page of what is found. When many search at once on a busy machine, some are told to come again, and do.
async fn page(server: &Server, room: &str, query: &[(&str, &str)]) -> Value {
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(query).finish();
    let path = format!("/rooms/{room}/search?{query}");
    let answered = async {
        loop {
            let answer = server.get(&path).await;
            if answer.status() != StatusCode::SERVICE_UNAVAILABLE {
                return json_of(answer, StatusCode::OK).await;
            }
        }
    };
    within(DEADLINE, "a search has its turn", answered).await
}

/// The contents of what is found, newest first; at most 200. A search that is cut is gone on with.
async fn found(server: &Server, q: &str) -> Vec<String> {
    let mut contents = Vec::new();
    let mut before = i64::MAX.to_string();
    loop {
        let page = page(server, ROOM, &[("q", q), ("limit", "200"), ("before", &before)]).await;
        let messages = page["messages"].as_array().unwrap_or_else(|| panic!("no messages in {page}"));
        contents.extend(messages.iter().map(|message| message["content"].as_str().expect("a content").to_owned()));
        if page["partial"] != true {
            return contents;
        }
        before = page["next"].to_string();
    }
}

/// The database beside the server.
async fn database(server: &Server) -> DatabaseConnection {
    Database::connect(server.database_url()).await.expect("the database opens")
}

async fn number(db: &DatabaseConnection, sql: &str) -> i64 {
    let row = db.query_one_raw(Statement::from_string(db.get_database_backend(), sql)).await.expect("an answer");
    row.expect("a row").try_get_by_index(0).expect("a number")
}

async fn change(server: &Server, method: Method, id: &Value, body: &Value) {
    let url = server.api(&format!("/rooms/{ROOM}/messages/{id}?username=Alice"));
    let answer = server.http().request(method, url).json(body).send().await.expect("an answer");
    assert_eq!(answer.status(), 200);
}

const TEXTS: [&str; 9] = [
    "Crème brûlée at the Café",
    "STRASSE or Straße?",
    "東京都に行きました",
    "สวัสดีครับ ทุกคน",
    "see https://example.com/path_to?x=1",
    "don't say \"NEAR\" or (OR) to -me*",
    "Ёлка и мой за\u{301}мок",
    "한국어 텍스트",
    "party 🎉 at 10:30",
];

/// The queries, and the texts that each finds.
const QUERIES: [(&str, &[usize]); 34] = [
    ("creme", &[0]),
    ("BRULEE cafe", &[0]),
    ("cafe creme", &[0]),
    ("bru caf", &[]),
    ("cafe bru", &[0]),
    ("strasse", &[1]),
    ("straße STRA", &[1]),
    ("東京", &[2]),
    ("京都に", &[2]),
    ("都", &[2]),
    ("た", &[2]),
    ("京東", &[]),
    ("ครับ", &[3]),
    ("คน", &[3]),
    ("example.com", &[4]),
    ("path x", &[4]),
    ("\"NEAR\"", &[5]),
    ("\"NEA\"", &[]),
    ("\"NEA\" say", &[]),
    ("say \"or\"", &[5]),
    ("«caf»", &[]),
    ("“Cafe”", &[0]),
    ("NEAR(say", &[5]),
    ("-me", &[5]),
    ("say*", &[5]),
    ("say AND me", &[]),
    ("елка", &[6]),
    ("замок мой", &[6]),
    ("мои", &[]),
    ("한국", &[7]),
    ("party 10:30", &[8]),
    ("🎉", &[]),
    ("\0%_'", &[]),
    // The newest comes first.
    ("at", &[8, 0]),
];

#[tokio::test]
async fn words_are_found_as_people_write_them() {
    let mut server = Server::start().await;
    for text in TEXTS {
        server.post(ROOM, "Alice", text).await;
    }
    for stage in ["not indexed yet", "indexed", "restarted", "far back"] {
        for (q, expected) in QUERIES {
            let expected: Vec<_> = expected.iter().map(|at| TEXTS[*at]).collect();
            assert_eq!(found(&server, q).await, expected, "{q}, {stage}");
        }
        match stage {
            "not indexed yet" => indexed(&server).await,
            "indexed" => server.restart().await,
            // More than are compared without the index anywhere.
            "restarted" => {
                for _ in 0..20 {
                    join_all((0..30).map(|_| server.post(ROOM, "Alice", "zzz"))).await;
                }
                indexed(&server).await;
            }
            _ => {}
        }
    }
}

#[tokio::test]
async fn a_search_is_paged_from_the_newest() {
    let server = Server::start().await;
    for number in 1..=25 {
        let text = if number % 5 == 0 { "nothing here".to_owned() } else { format!("needle {number}") };
        server.post(ROOM, "Alice", &text).await;
        if number == 15 {
            indexed(&server).await;
        }
    }
    let expected: Vec<i64> = (1..=25).rev().filter(|number| number % 5 != 0).collect();
    for limit in [1, 3, 20] {
        let (mut ids, mut before) = (Vec::new(), String::new());
        loop {
            let limit = limit.to_string();
            let mut query = vec![("q", "needle"), ("limit", &limit)];
            if !before.is_empty() {
                query.push(("before", &before));
            }
            let page = page(&server, ROOM, &query).await;
            let messages = page["messages"].as_array().expect("messages");
            ids.extend(messages.iter().map(|message| message["id"].as_i64().expect("an id")));
            match &page["next"] {
                Value::Null => break,
                next => {
                    assert_eq!(next.as_i64(), ids.last().copied(), "the last one is where to go on");
                    before = next.to_string();
                }
            }
        }
        assert_eq!(ids, expected, "{limit} at a time");
    }
    let message = server.get_json(&format!("/rooms/{ROOM}/messages/24")).await;
    assert_eq!(
        page(&server, ROOM, &[("q", "needle 24")]).await,
        json!({"messages": [message], "next": null, "partial": false})
    );
    let none = json!({"messages": [], "next": null, "partial": false});
    assert_eq!(page(&server, ROOM, &[("q", "needle"), ("before", "0")]).await, none);
    assert_eq!(page(&server, "void", &[("q", "needle")]).await, none, "a room that nobody has made");
}

#[tokio::test]
async fn a_search_that_cannot_be_made_is_told_why() {
    let server = Server::start().await;
    let long = "x".repeat(257);
    for (query, field) in [
        (String::new(), "q"),
        ("q=".into(), "q"),
        ("q=%20%09%E3%80%80".into(), "q"),
        (format!("q={long}"), "q"),
        ("q=x&limit=0".into(), "limit"),
        ("q=x&limit=201".into(), "limit"),
        ("q=x&before=-1".into(), "before"),
        ("q=x&before=y".into(), "before"),
        ("q=x&q=y".into(), ""),
        ("q=%ff".into(), ""),
    ] {
        let answer = server.get(&format!("/rooms/{ROOM}/search?{query}")).await;
        let fields: &[&str] = if field.is_empty() { &[] } else { &[field] };
        expect_problem(answer, 400, "bad_query", fields).await;
    }
    let longest = "é".repeat(256);
    server.post(ROOM, "Alice", &longest).await;
    assert_eq!(found(&server, &longest).await, [longest]);
}

/// The index is always some way behind while people post: what was posted is found all the same.
#[tokio::test]
async fn what_was_just_posted_is_found() {
    let server = Server::start().await;
    let poster = |poster: usize| {
        let server = &server;
        async move {
            for round in 0..60 {
                let text = format!("poster{poster} round{round} says hello");
                let posted = server.post(ROOM, "Alice", &text).await;
                let q = format!("hello poster{poster} round{round}");
                let page = page(server, ROOM, &[("q", &q), ("limit", "1")]).await;
                assert_eq!(page["messages"][0], posted, "{q}");
            }
        }
    };
    join_all((0..8).map(poster)).await;
    indexed(&server).await;
    assert_eq!(
        page(&server, ROOM, &[("q", "hello"), ("limit", "200")]).await["messages"].as_array().unwrap().len(),
        200
    );
    assert_eq!(found(&server, "hello poster3").await.len(), 60);
}

#[tokio::test]
async fn edits_and_deletions_are_felt_at_once() {
    let server = Server::start().await;
    for stage in ["not indexed yet", "indexed"] {
        let first = server.post(ROOM, "Alice", "an apple a day").await;
        let second = server.post(ROOM, "Alice", "a pear a day").await;
        if stage == "indexed" {
            indexed(&server).await;
        }
        let body = json!({"username": "Alice", "content": "a quince a day"});
        change(&server, Method::PATCH, &first["id"], &body).await;
        assert_eq!(found(&server, "apple").await, [""; 0], "{stage}");
        assert_eq!(found(&server, "day").await, ["a pear a day", "a quince a day"], "{stage}");
        assert_eq!(found(&server, "quince").await, ["a quince a day"], "{stage}");
        change(&server, Method::DELETE, &second["id"], &json!(null)).await;
        assert_eq!(found(&server, "pear").await, [""; 0], "{stage}");
        assert_eq!(found(&server, "day").await, ["a quince a day"], "{stage}");
        indexed(&server).await;
        assert_eq!(found(&server, "day").await, ["a quince a day"], "{stage}");
        change(&server, Method::DELETE, &first["id"], &json!(null)).await;
        assert_eq!(found(&server, "day").await, [""; 0], "{stage}");
    }
}

/// Killed in the middle of indexing, it goes on where the index is, and neither misses nor doubles a message.
#[tokio::test]
async fn the_index_catches_up_after_a_kill() {
    const POSTS: usize = 6_000;
    const TRIES: usize = 10;
    const THROUGH: &str = "SELECT COALESCE(MAX(through), 0) FROM follower_cursor";
    const ROWS: &str = "SELECT COUNT(*) FROM message_search";
    let mut server = Server::start().await;
    server.post_at_once(ROOM, "Alice", POSTS).await;
    let head = i64::try_from(POSTS).expect("a few");

    for attempt in 0.. {
        assert!(attempt < TRIES, "it was never killed midway");
        server.kill9().await;
        for table in ["message_search", "follower_cursor"] {
            server.sql(&format!("DELETE FROM {table}")).await;
        }
        server.restart().await;
        let db = database(&server).await;
        within(DEADLINE, "something is indexed", async { while number(&db, THROUGH).await == 0 {} }).await;
        server.kill9().await;
        let through = number(&db, THROUGH).await;
        assert_eq!(number(&db, ROWS).await, through, "the cursor says what is in the index");
        db.close().await.expect("the database closes");
        if through < head {
            break;
        }
    }

    server.restart().await;
    let is_found = async |number: usize| {
        let text = format!("message {number}");
        found(&server, &text).await.contains(&text)
    };
    for number in (0..POSTS).step_by(POSTS / 10) {
        assert!(is_found(number).await, "{number} while it catches up");
    }
    indexed(&server).await;
    for number in (0..POSTS).step_by(POSTS / 50) {
        assert!(is_found(number).await, "{number} when it has caught up");
    }
    let db = database(&server).await;
    assert_eq!(number(&db, ROWS).await, head, "each message once");
    let is_file = db.get_database_backend() == DbBackend::Sqlite;
    db.close().await.expect("the database closes");
    if is_file {
        // There the index lies beside its table, and could be behind it.
        server.terminate().await;
        server.sql("INSERT INTO message_search_index (message_search_index, rank) VALUES ('integrity-check', 1)").await;
    }
}

/// Texts that look like what is looked for to the index and are not, and one whose every character folds to
/// eighteen: what a search of them costs at most is a budget, not what the room has.
async fn costly(server: &Server) {
    let alike = "甲乙 乙丙 丙丁 ".repeat(60);
    join_all((0..300).map(|_| server.post(ROOM, "Alice", &alike))).await;
    let longest = "\u{fdfa}".repeat(3_333);
    join_all((0..10).map(|_| server.post(ROOM, "Alice", &longest))).await;
    server.post(ROOM, "Alice", "甲乙丙丁").await;
    join_all((0..300).map(|_| server.post(ROOM, "Alice", &alike))).await;
}

#[tokio::test]
async fn a_costly_search_is_cut_and_goes_on_from_there() {
    let server = Server::start().await;
    costly(&server).await;
    for stage in ["not indexed yet", "indexed"] {
        let (mut before, mut ids, mut cut) = (i64::MAX, Vec::new(), 0);
        loop {
            let page = page(&server, ROOM, &[("q", "甲乙丙丁"), ("before", &before.to_string())]).await;
            ids.extend(page["messages"].as_array().expect("messages").iter().map(|message| message["id"].clone()));
            let Some(next) = page["next"].as_i64() else { break };
            assert_eq!(page["partial"], true, "the page is not full");
            assert!(next < before, "{next} after {before}");
            (before, cut) = (next, cut + 1);
        }
        assert_eq!(ids, [311], "{stage}");
        println!("{stage}: cut {cut} times");
        indexed(&server).await;
    }
}

#[tokio::test]
async fn searches_leave_others_their_time_and_too_many_are_refused() {
    const AT_ONCE: usize = 40;
    let server = Server::start().await;
    costly(&server).await;
    let searching = AtomicBool::new(true);
    let searches = async {
        let url = server.api(&format!("/rooms/{ROOM}/search?q=甲乙丙丁"));
        // Each by a connection of its own, and all of them beside those that watch.
        let answers = join_all((0..AT_ONCE).map(|_| reqwest::Client::new().get(&url).send())).await;
        searching.store(false, Ordering::Relaxed);
        answers
    };
    let others = async |path: &str| {
        let mut answered = 0_usize;
        while searching.load(Ordering::Relaxed) {
            let answer = server.http().get(server.url(path)).send().await.expect("an answer");
            assert_eq!(answer.status(), StatusCode::OK);
            answered += 1;
        }
        answered
    };
    let message = format!("/api/v1/rooms/{ROOM}/messages/311");
    let (answers, health, messages) = tokio::join!(searches, others("/healthz"), others(&message));
    let (mut found, mut refused) = (0, 0);
    for answer in answers {
        let answer = answer.expect("an answer");
        if answer.status() == StatusCode::OK {
            found += 1;
            continue;
        }
        assert_eq!(answer.headers()["retry-after"], "2");
        expect_problem(answer, 503, "unavailable", &[]).await;
        refused += 1;
    }
    println!("{found} found, {refused} refused; meanwhile {health} health checks and {messages} messages");
    assert!(found > 0 && refused > 0, "{found} found, {refused} refused");
    // A search takes a tenth of a second at least: in that time much else is answered.
    assert!(health > 3 * found && messages > 3 * found, "{health} and {messages} beside {found}");
    let after = page(&server, ROOM, &[("q", "甲乙丙丁")]).await;
    assert!(after["messages"].is_array(), "{after}");
}
