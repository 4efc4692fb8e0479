//! Properties of a search, whatever has happened to the room and however far the index is.

use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{Config, TestRunner},
};

use super::{ALICE, beside, check_index, delete, edit, found, index_all, number, post, room};
use crate::{
    app::tests::{TestApp, actor},
    domain::{
        EventId,
        message::{Message, Range},
        search::Query,
    },
};

/// The changes of a room, and the progress of the index between them.
#[derive(Debug, Clone)]
enum Step {
    Post(String),
    Edit(prop::sample::Index, String),
    Delete(prop::sample::Index),
    /// One piece.
    Advance,
}

fn content() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        "[ab]{1,2}",
        Just("Café".to_owned()),
        Just("東京都".to_owned()),
        Just("京".to_owned()),
        Just("ไม้".to_owned()),
        Just("🎉".to_owned()),
    ];
    prop::collection::vec(word, 1..5).prop_map(|words| words.join(" "))
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => content().prop_map(Step::Post),
        2 => (any::<prop::sample::Index>(), content()).prop_map(|(which, content)| Step::Edit(which, content)),
        1 => any::<prop::sample::Index>().prop_map(Step::Delete),
        2 => Just(Step::Advance),
    ];
    prop::collection::vec(step, 1..40)
}

/// Whatever is posted, edited, deleted and indexed in whatever order: found is what matches now.
#[tokio::test]
async fn a_search_finds_what_matches_and_nothing_else() {
    let mut runner = TestRunner::new(Config::default());
    for _ in 0..12 {
        let steps = steps().new_tree(&mut runner).unwrap().current();
        let (app, mut indexer) = TestApp::without_indexer().await;
        let mut ids: Vec<EventId> = Vec::new();
        for step in &steps {
            match step {
                Step::Post(content) => ids.push(post(&app, content).await),
                Step::Edit(which, content) if !ids.is_empty() => edit(&app, *which.get(&ids), content).await,
                Step::Delete(which) if !ids.is_empty() => {
                    let at = which.index(ids.len());
                    delete(&app, ids.remove(at)).await;
                }
                Step::Advance => {
                    for room_id in indexer.rooms_behind().await.unwrap() {
                        indexer.advance(room_id).await.unwrap();
                    }
                }
                Step::Edit(..) | Step::Delete(_) => {}
            }
            let page = app.chat.messages(&actor(ALICE), &room(), Range::Newest, 200).await.unwrap();
            for q in ["a", "b", "ab", "a b", "cafe", "東京", "京", "京 a", "ไม", "🎉"] {
                let query = Query::parse(q).unwrap();
                let matches = |message: &&Message| query.matches(&message.content);
                let expected: Vec<_> = page.messages.iter().rev().filter(matches).map(|message| message.id).collect();
                assert_eq!(found(&app, q).await, expected, "{q} after {step:?} of {steps:?}");
            }
        }
        index_all(&mut indexer).await;
        let db = beside(app.folder()).await;
        check_index(&db).await;
        assert_eq!(number(&db, "SELECT COUNT(*) FROM message_search").await, i64::try_from(ids.len()).unwrap());
        db.close().await.unwrap();
        drop(indexer);
        app.end().await;
    }
}
