//! Searches with less of a budget than they need.

use std::{future::poll_fn, task::Poll, time::Duration};

use sea_orm::ConnectionTrait as _;

use super::super::{
    super::Store,
    SearchError, SearchPage,
    budget::{CpuTimer, SearchLimits},
    candidates,
    tests::{beside, delete, edit, index_all, post, room},
};
use crate::{
    app::tests::TestApp,
    domain::{EventId, room::Room, search::Query},
    journal::follower::{runner::Runner, search::SearchFollower},
    store::error::StoreError,
};

/// Nothing: as little is done at once as can be.
const NONE: SearchLimits = SearchLimits {
    cpu: Duration::ZERO,
    slice: Duration::ZERO,
    database: Duration::from_secs(10),
    at_once: 1,
    waiting: 1,
    wait: Duration::from_secs(10),
};

async fn limited(app: &TestApp, limits: SearchLimits) -> (Store, Room) {
    let store = app.hub.store_for_tests().with_search_limits(&app.config.store.url, limits).await;
    let room = store.room(&room()).await.unwrap().unwrap();
    (store, room)
}

async fn search(store: &Store, room: &Room, q: &str, before: Option<EventId>) -> Result<SearchPage, SearchError> {
    store.search(room.clone(), Query::parse(q).unwrap(), before, 3).await
}

/// All that is found page by page, and how many pages it took.
async fn all(store: &Store, room: &Room, q: &str) -> (Vec<EventId>, usize) {
    let (mut ids, mut before, mut pages) = (Vec::new(), None, 0);
    loop {
        let page = search(store, room, q, before).await.unwrap();
        pages += 1;
        assert!(page.messages.len() <= 3);
        assert_eq!(page.partial, page.next.is_some() && page.messages.len() < 3, "{q}");
        ids.extend(page.messages.iter().map(|message| message.id));
        let Some(next) = page.next else { return (ids, pages) };
        assert!(before.is_none_or(|before| next < before), "{q}: {next} after {before:?}");
        assert!(ids.iter().all(|id| *id >= next), "{q}: {ids:?} before {next}");
        before = Some(next);
    }
}

#[tokio::test]
async fn however_little_it_may_take_a_search_moves_and_finds_all() {
    let (app, mut indexer) = TestApp::without_indexer().await;
    for number in 0..40 {
        post(&app, ["a b", "b c", "東京 京都", "c", "a d"][number % 5]).await;
    }
    for stage in ["not indexed", "indexed", "edited since", "and more posted", "indexed again"] {
        match stage {
            "edited since" => {
                edit(&app, 2, "a, once b").await;
                edit(&app, 36, "none").await;
                delete(&app, 31).await;
            }
            "and more posted" => {
                post(&app, "a new one").await;
                edit(&app, 3, "a").await;
            }
            "not indexed" => {}
            _ => index_all(&mut indexer).await,
        }
        let (store, room) = limited(&app, NONE).await;
        let (plenty, _) = limited(&app, SearchLimits { cpu: Duration::from_mins(1), ..NONE }).await;
        for q in ["a", "b", "a b", "東京", "東京都", "京都", "nothing"] {
            let (found, pages) = all(&store, &room, q).await;
            let (expected, few) = all(&plenty, &room, q).await;
            assert_eq!(found, expected, "{q}, {stage}");
            assert!(pages >= few, "{q}: {pages} pages instead of {few}");
        }
        let (_, pages) = all(&store, &room, "nothing").await;
        assert!(stage != "not indexed" || pages >= 40, "one message at once, in {pages}");
        store.searchers.close().await;
        plenty.searchers.close().await;
    }
    drop(indexer);
    app.end().await;
}

/// Many messages that the index has to look through for nothing: each has one of two words, none has both.
async fn fill(app: &TestApp, indexer: &mut Runner<SearchFollower>) {
    const MANY: usize = 300_000;
    // Of all but the newest there is only what the index has.
    const SHOWN: usize = 500;
    post(app, "even").await;
    index_all(indexer).await;
    let db = beside(app.folder()).await;
    let numbers = format!("WITH RECURSIVE n (n) AS (SELECT 2 UNION ALL SELECT n + 1 FROM n WHERE n < {MANY})");
    for sql in [
        format!(
            "{numbers} INSERT INTO message (room_id, id, username, user_key, content, created_at, reactions)
             SELECT 1, n, 'Alice', 'alice', CASE n % 2 WHEN 0 THEN 'odd' ELSE 'even' END, 0, '' FROM n WHERE n > {MANY} - {SHOWN}"
        ),
        format!(
            "{numbers} INSERT INTO message_search (room_id, message_id, tokens)
             SELECT 1, n, CASE n % 2 WHEN 0 THEN 'rm1 tkodd' ELSE 'rm1 tkeven' END FROM n"
        ),
        format!("UPDATE room SET head = {MANY}"),
        format!("UPDATE follower_cursor SET through = {MANY}"),
    ] {
        db.execute_unprepared(&sql).await.unwrap();
    }
    db.close().await.unwrap();
}

#[tokio::test]
async fn a_file_stops_working_for_a_search_whose_budget_is_spent() {
    let (app, mut indexer) = TestApp::without_indexer().await;
    fill(&app, &mut indexer).await;
    let cpu = Duration::from_millis(4);
    let (store, room) = limited(&app, SearchLimits { cpu, ..NONE }).await;
    let query = Query::parse("even \"odd\"").unwrap();
    let statement = || candidates(sea_orm::DbBackend::Sqlite, room.id, &query.terms(), EventId::MAX, 50);

    let admitted = store.searchers.admit().await.unwrap();
    let rows = admitted.db.query_all_raw(statement()).await.unwrap();
    let whole = admitted.meter.spent();
    assert!(rows.is_empty() && whole > 2 * cpu, "it takes {whole:?} to find nothing");
    admitted.meter.stop_at(whole + cpu);
    let stopped = StoreError::from(admitted.db.query_all_raw(statement()).await.unwrap_err());
    assert!(matches!(stopped, StoreError::Interrupted(_)), "{stopped}");
    let spent = admitted.meter.spent().saturating_sub(whole);
    assert!(spent >= cpu && spent < whole, "{spent:?} of {whole:?}");
    admitted.meter.never_stop();
    assert!(admitted.db.query_all_raw(statement()).await.unwrap().is_empty(), "the connection is as good as before");
    admitted.done();

    // What the index does not find in time is looked for without it.
    let page = search(&store, &room, "even \"odd\"", None).await.unwrap();
    assert!(page.partial && page.messages.is_empty());
    assert!(page.next.is_some_and(|next| next <= room.head), "{page:?}");
    let (plenty, _) = limited(&app, SearchLimits { cpu: Duration::from_mins(1), ..NONE }).await;
    let page = search(&plenty, &room, "even \"odd\"", None).await.unwrap();
    assert!(!page.partial && page.next.is_none() && page.messages.is_empty());

    // Nobody waits for it any more: the database does not go on, and the next search is none the worse. On a busy
    // machine the search may be over before this looks a fourth time: then another is made.
    let mut was_left = false;
    for _ in 0..50 {
        let mut search = Box::pin(search(&plenty, &room, "even \"odd\"", None));
        let mut polls = 0;
        was_left = poll_fn(|context| {
            polls += 1;
            match search.as_mut().poll(context) {
                Poll::Ready(_) => Poll::Ready(false),
                Poll::Pending if polls == 4 => Poll::Ready(true),
                Poll::Pending => Poll::Pending,
            }
        })
        .await;
        if was_left {
            break;
        }
    }
    assert!(was_left, "no search took longer than three polls");
    let page = search(&plenty, &room, "odd", None).await.unwrap();
    assert_eq!(page.messages.len(), 3);
    plenty.searchers.close().await;
    store.searchers.close().await;
    drop(indexer);
    app.end().await;
}

#[tokio::test]
async fn some_wait_and_more_are_refused() {
    let (app, indexer) = TestApp::without_indexer().await;
    post(&app, "a").await;
    let wait = Duration::from_millis(30);
    let (store, room) = limited(&app, SearchLimits { wait, ..NONE }).await;
    let busy = |answer: Result<SearchPage, SearchError>| matches!(answer, Err(SearchError::Busy));
    let searching = store.searchers.admit().await.unwrap();
    let (waiting, refused) = tokio::join!(biased; search(&store, &room, "a", None), search(&store, &room, "a", None));
    assert!(busy(waiting), "it waited for too long");
    assert!(busy(refused), "another one waits already");

    let (waited, ()) = tokio::join!(search(&store, &room, "a", None), async { drop(searching) });
    assert_eq!(waited.unwrap().messages.len(), 1);
    store.searchers.close().await;
    drop(indexer);
    app.end().await;
}

/// One character that folds to eighteen: the longest message of it costs as many words as it has letters.
#[tokio::test]
async fn no_message_costs_more_than_its_own_comparison() {
    let (app, indexer) = TestApp::without_indexer().await;
    for _ in 0..20 {
        post(&app, &"\u{fdfa}".repeat(3_333)).await;
    }
    let cpu = Duration::from_millis(30);
    let (store, room) = limited(&app, SearchLimits { cpu, slice: Duration::from_millis(1), ..NONE }).await;
    let timer = CpuTimer::start();
    let page = search(&store, &room, "nothing", None).await.unwrap();
    assert!(page.partial && page.next.is_some());
    assert!(timer.elapsed() < cpu, "the threads that answer requests are left alone: {:?}", timer.elapsed());
    store.searchers.close().await;
    drop(indexer);
    app.end().await;
}
