//! Search over a real database, with an index that is as far behind as the test wants.

use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{Config, TestRunner},
};
use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbBackend, QueryTrait, Statement};

use super::{candidates, edits, index, named, tail};
use crate::{
    app::tests::{TestApp, actor},
    domain::{
        EventId,
        message::{Edit, Post},
        name::RoomName,
        search::Query,
        version::Precondition,
    },
    journal::follower::{runner::Runner, search::SearchFollower},
};

mod properties;

pub(super) fn room() -> RoomName {
    RoomName::parse("general").unwrap()
}

const ALICE: &str = "Alice";

pub(super) async fn post(app: &TestApp, content: &str) -> EventId {
    let post = Post { content: Some(content.into()), ..Post::default() };
    app.post(ALICE, &room(), post).await.unwrap().answer.message.id
}

pub(super) async fn edit(app: &TestApp, id: EventId, content: &str) {
    let edit = Edit { id, content: content.into() };
    app.chat.edit_message(&actor(ALICE), &room(), edit, Precondition::default()).await.unwrap();
}

pub(super) async fn delete(app: &TestApp, id: EventId) {
    app.chat.delete_message(&actor(ALICE), &room(), id, Precondition::default()).await.unwrap();
}

async fn search(app: &TestApp, q: &str, before: Option<EventId>, limit: usize) -> (Vec<EventId>, bool) {
    let page = app.chat.search(&actor(ALICE), &room(), Query::parse(q).unwrap(), before, limit).await.unwrap();
    assert!(!page.partial, "{q} is no work");
    (page.messages.iter().map(|message| message.id).collect(), page.next.is_some())
}

async fn found(app: &TestApp, q: &str) -> Vec<EventId> {
    search(app, q, None, 200).await.0
}

/// Brings the index to the head of every room.
pub(super) async fn index_all(indexer: &mut Runner<SearchFollower>) {
    indexer.catch_up().await.unwrap();
}

/// The database beside the app, for what the app does not tell.
pub(super) async fn beside(folder: &std::path::Path) -> DatabaseConnection {
    let url = format!("sqlite://{}?mode=rw", folder.join("parlor.db").display());
    Database::connect(ConnectOptions::new(url)).await.unwrap()
}

async fn number(db: &DatabaseConnection, sql: &str) -> i64 {
    let row = db.query_one_raw(Statement::from_string(DbBackend::Sqlite, sql)).await.unwrap();
    row.unwrap().try_get_by_index(0).unwrap()
}

/// Fails if the index is not what its table says.
async fn check_index(db: &DatabaseConnection) {
    let check = "INSERT INTO message_search_index (message_search_index, rank) VALUES ('integrity-check', 1)";
    db.execute_unprepared(check).await.unwrap();
}

#[tokio::test]
async fn what_is_not_indexed_yet_is_found_as_well() {
    let (app, mut indexer) = TestApp::without_indexer().await;
    let hello = post(&app, "Hello, world").await;
    let bye = post(&app, "Good bye, world").await;
    assert_eq!(found(&app, "world").await, [bye, hello]);
    index_all(&mut indexer).await;
    assert_eq!(found(&app, "world").await, [bye, hello]);

    edit(&app, hello, "Good morning, moon").await;
    let later = post(&app, "the world again").await;
    assert_eq!(found(&app, "world").await, [later, bye], "the index still has it, the message not");
    assert_eq!(found(&app, "good").await, [bye, hello], "the message has it, the index not yet");
    assert_eq!(found(&app, "moon").await, [hello]);
    index_all(&mut indexer).await;
    assert_eq!(found(&app, "world").await, [later, bye]);
    assert_eq!(found(&app, "good").await, [bye, hello]);
    assert_eq!(found(&app, "moon").await, [hello]);

    delete(&app, bye).await;
    assert_eq!(found(&app, "good").await, [hello]);
    assert_eq!(found(&app, "world").await, [later]);
    drop(indexer);
    app.end().await;
}

#[tokio::test]
async fn a_deletion_takes_the_words_along_at_once() {
    let (app, mut indexer) = TestApp::without_indexer().await;
    let db = beside(app.folder()).await;
    let rows = "SELECT COUNT(*) FROM message_search";
    let (first, second) = (post(&app, "one secret").await, post(&app, "two secrets").await);
    index_all(&mut indexer).await;
    assert_eq!(number(&db, rows).await, 2);
    delete(&app, first).await;
    assert_eq!(number(&db, rows).await, 1, "the deletion's own transaction");
    check_index(&db).await;
    // Edited and deleted before the index learns of either.
    edit(&app, second, "two riddles").await;
    delete(&app, second).await;
    // Posted, edited and deleted before it learns of it at all.
    let third = post(&app, "three").await;
    edit(&app, third, "a third").await;
    delete(&app, third).await;
    index_all(&mut indexer).await;
    assert_eq!(number(&db, rows).await, 0);
    check_index(&db).await;
    db.close().await.unwrap();
    drop(indexer);
    app.end().await;
}

/// All that is written of a database: the file, its log, and what else lies beside it.
fn files(folder: &std::path::Path) -> Vec<u8> {
    let files = std::fs::read_dir(folder).unwrap().map(|entry| std::fs::read(entry.unwrap().path()).unwrap());
    files.collect::<Vec<_>>().concat()
}

fn has(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[tokio::test]
async fn deleted_words_are_gone_from_the_file() {
    let (app, mut indexer) = TestApp::without_indexer().await;
    // Many, so that the index has pages to merge and to leave behind.
    let mut ids = Vec::new();
    for number in 0..600 {
        ids.push(post(&app, &format!("message {number} about xylophones and quarterly{number}")).await);
    }
    index_all(&mut indexer).await;
    let edited = ids[300];
    edit(&app, edited, "zeppelins rather").await;
    index_all(&mut indexer).await;
    // Another one is in the log only when it is deleted.
    ids.push(post(&app, "late xylophones").await);
    let kept = post(&app, "marimbas stay").await;
    for id in ids {
        delete(&app, id).await;
    }
    index_all(&mut indexer).await;
    assert!(found(&app, "xylophones").await.is_empty());
    assert_eq!(found(&app, "marimbas").await, [kept]);
    drop(indexer);
    let folder = app.end().await;
    let db = beside(folder.path()).await;
    check_index(&db).await;
    for before in ["SELECT 1", "VACUUM"] {
        db.execute_unprepared(before).await.unwrap();
        db.query_all_raw(Statement::from_string(DbBackend::Sqlite, "PRAGMA wal_checkpoint(TRUNCATE)")).await.unwrap();
        let bytes = files(folder.path());
        for gone in ["xylophone", "quarterly", "zeppelin"] {
            assert!(!has(&bytes, gone), "{gone} is still there after {before}");
        }
        // The same place has what is kept, so this looked in the right one.
        assert!(has(&bytes, "marimbas stay") && has(&bytes, "tkmarimbas"));
    }
    db.close().await.unwrap();
}

#[tokio::test]
async fn pages_run_from_the_newest_through_log_and_index_alike() {
    let (app, mut indexer) = TestApp::without_indexer().await;
    let mut expected = Vec::new();
    for number in 0..50 {
        let content = if number % 3 == 0 { "nothing of it" } else { "needle in hay" };
        let id = post(&app, content).await;
        if number % 3 != 0 {
            expected.push(id);
        }
        match number {
            // Some are in the index; of those, one gets the word and one loses it, which it does not know.
            30 => index_all(&mut indexer).await,
            35 => {
                edit(&app, 4, "a needle now").await;
                edit(&app, 5, "none any more").await;
            }
            _ => {}
        }
    }
    expected.retain(|id| *id != 5);
    expected.push(4);
    expected.sort_unstable_by(|one, other| other.cmp(one));
    for limit in [1, 2, 7, 200] {
        let (mut all, mut before) = (Vec::new(), None);
        loop {
            let (page, has_more) = search(&app, "needle", before, limit).await;
            assert!(page.len() <= limit && (!has_more || page.len() == limit));
            all.extend(page);
            if !has_more {
                break;
            }
            before = all.last().copied();
        }
        assert_eq!(all, expected, "{limit} at a time");
    }
    assert_eq!(search(&app, "needle", Some(1), 5).await, (vec![], false));
    drop(indexer);
    app.end().await;
}

#[tokio::test]
async fn the_index_takes_a_long_log_piece_by_piece() {
    let (app, mut indexer) = TestApp::without_indexer().await;
    let long = format!("{} end", "word ".repeat(1_900));
    for number in 0..30 {
        post(&app, &format!("{long}{number}")).await;
    }
    for number in 0..500 {
        post(&app, &format!("short {number}")).await;
    }
    let room_id = indexer.rooms_behind().await.unwrap()[0];
    let mut pieces = 1;
    while indexer.advance(room_id).await.unwrap() {
        pieces += 1;
        assert_eq!(found(&app, "end29").await.len(), 1, "after {pieces} pieces");
    }
    assert!(pieces >= 6, "by bytes and by count, in {pieces}");
    assert!(indexer.rooms_behind().await.unwrap().is_empty());
    assert!(!indexer.advance(room_id).await.unwrap(), "nothing is left");
    assert_eq!(found(&app, "short 499").await.len(), 1);
    assert_eq!(found(&app, "word end7").await.len(), 1);
    drop(indexer);
    app.end().await;
}

#[tokio::test]
async fn a_deletion_in_another_room_is_not_felt() {
    let (app, mut indexer) = TestApp::without_indexer().await;
    let other = RoomName::parse("other").unwrap();
    let there = Post { content: Some("shared word".into()), ..Post::default() };
    app.post(ALICE, &other, there).await.unwrap();
    let here = post(&app, "shared word").await;
    index_all(&mut indexer).await;
    assert_eq!(found(&app, "shared").await, [here], "each room for itself");
    app.chat.delete_message(&actor(ALICE), &other, 1, Precondition::default()).await.unwrap();
    assert_eq!(found(&app, "shared").await, [here]);
    drop(indexer);
    app.end().await;
}

#[tokio::test]
async fn no_query_is_an_error_to_the_index() {
    let (app, mut indexer) = TestApp::without_indexer().await;
    post(&app, "NEAR and OR are words, \"quoted\" too").await;
    index_all(&mut indexer).await;
    for (q, count) in [
        ("near", 1),
        ("NEAR(", 1),
        ("NEAR(words OR)", 1),
        ("\"quoted", 1),
        ("quot*", 1),
        ("*", 0),
        ("-words", 1),
        ("and OR not", 0),
        ("tokens:words", 0),
        ("^near", 1),
        ("a\0b", 0),
        ("🎉", 0),
        ("' OR 1=1 --", 0),
    ] {
        assert_eq!(found(&app, q).await.len(), count, "{q}");
    }
    let mut runner = TestRunner::new(Config::default());
    for _ in 0..500 {
        let q = any::<String>().new_tree(&mut runner).unwrap().current();
        if let Ok(query) = Query::parse(&q) {
            app.chat
                .search(&actor(ALICE), &room(), query, None, 50)
                .await
                .unwrap_or_else(|error| panic!("{q:?}: {error}"));
        }
    }
    // More terms than any index is asked for.
    let most = (0..64).map(|number| format!("w{number:02}")).collect::<Vec<_>>().join(" ");
    let id = post(&app, &most).await;
    index_all(&mut indexer).await;
    assert_eq!(found(&app, &most).await, [id]);
    drop(indexer);
    app.end().await;
}

/// No question reads a table from end to end.
#[tokio::test]
async fn every_plan_goes_by_an_index() {
    let (app, indexer) = TestApp::without_indexer().await;
    post(&app, "something").await;
    let db = beside(app.folder()).await;
    let terms = Query::parse("hello wor").unwrap().terms();
    let by = DbBackend::Sqlite;
    let statements = [
        candidates(by, 1, &terms, 100, 50),
        tail(1, 5, 10).build(by),
        named(1, [1, 2, 3]).build(by),
        edits(1, 5, 10).build(by),
        index::piece(1, 5, 10).build(by),
    ];
    for statement in statements {
        let sql = format!("EXPLAIN QUERY PLAN {}", statement.sql);
        let explain = Statement { sql, ..statement };
        let rows = db.query_all_raw(explain.clone()).await.unwrap();
        let plan: Vec<String> = rows.iter().map(|row| row.try_get("", "detail").unwrap()).collect();
        assert!(!plan.is_empty());
        for line in &plan {
            // The full-text index is read by the words asked for (M), backwards, from a row on.
            let is_fine = line.starts_with("SEARCH")
                || line.contains("SUBQUERY 1")
                || line.starts_with("SCAN message_search_index VIRTUAL TABLE INDEX") && line.contains('M');
            assert!(is_fine, "{line} in {plan:?} of {}", explain.sql);
            assert!(!line.contains("TEMP B-TREE"), "{line}");
        }
    }
    db.close().await.unwrap();
    drop(indexer);
    app.end().await;
}
