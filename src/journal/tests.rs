//! The journal over a real store.

use futures_util::future::join_all;

use crate::{
    app::tests::TestApp,
    chat::ChatError,
    domain::{
        event::{Event, TypeSet},
        message::Post,
        name::RoomName,
        room::RoomChange,
    },
    store::messages::Range,
};

fn room(name: &str) -> RoomName {
    RoomName::parse(name).unwrap()
}

fn post(content: &str, client_id: Option<&str>, reply_to: Option<i64>) -> Post {
    Post {
        username: Some("Alice".into()),
        content: Some(content.into()),
        reply_to,
        client_id: client_id.map(Into::into),
    }
}

#[tokio::test]
async fn commands_that_depend_on_each_other_leave_no_hole() {
    let app = TestApp::new().await;
    let general = room("general");
    // All of these wait together: they are one batch, or a few.
    let answers = join_all((0..300).map(|number| {
        let (app, general) = (&app, &general);
        async move {
            match number % 3 {
                // Each key comes twice, in some order.
                0 => app.chat.post_message(general, post("same", Some(&format!("key{}", number / 6)), None)).await,
                1 => app.chat.post_message(general, post("lost", None, Some(1_000_000))).await,
                _ => app.chat.post_message(general, post("good", None, None)).await,
            }
        }
    }))
    .await;
    let (mut posted, mut replayed, mut refused) = (0, 0, 0);
    for answer in answers {
        match answer {
            Ok(answer) if answer.replayed => replayed += 1,
            Ok(_) => posted += 1,
            Err(ChatError::Invalid(fields)) => {
                assert_eq!(fields[0].field, "reply_to");
                refused += 1;
            }
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!((posted, replayed, refused), (150, 50, 100));
    let page = app.hub.store_for_tests().log_after(&general, 0, TypeSet::ALL, 1_000).await.unwrap();
    let ids: Vec<_> = page.events.iter().map(Event::id).collect();
    assert_eq!(ids, (1..=150).collect::<Vec<_>>());
    app.end().await;
}

#[tokio::test]
async fn a_key_is_of_one_author_in_one_room_and_of_one_content() {
    let app = TestApp::new().await;
    let (one, two) = (room("one"), room("two"));
    let first = app.chat.post_message(&one, post("a", Some("k"), None)).await.unwrap();
    let again = app.chat.post_message(&one, post("a", Some("k"), None)).await.unwrap();
    assert!(again.replayed && again.message.id == first.message.id);
    let other_content = app.chat.post_message(&one, post("b", Some("k"), None)).await;
    assert!(matches!(other_content, Err(ChatError::KeyReused)));
    let other_reply = app.chat.post_message(&one, post("a", Some("k"), Some(1))).await;
    assert!(matches!(other_reply, Err(ChatError::KeyReused)));
    let other_room = app.chat.post_message(&two, post("a", Some("k"), None)).await.unwrap();
    assert!(!other_room.replayed);
    let bob = Post { username: Some("Bob".into()), ..post("a", Some("k"), None) };
    assert!(!app.chat.post_message(&one, bob).await.unwrap().replayed);
    let alice_folded = Post { username: Some("ALICE".into()), ..post("a", Some("k"), None) };
    assert!(app.chat.post_message(&one, alice_folded).await.unwrap().replayed);
    app.end().await;
}

#[tokio::test]
async fn a_room_that_only_a_refused_post_wanted_is_not_made() {
    let app = TestApp::new().await;
    let answer = app.chat.post_message(&room("ghost"), post("a", None, Some(7))).await;
    assert!(matches!(answer, Err(ChatError::Invalid(_))));
    assert!(matches!(app.chat.room(&room("ghost")).await, Err(ChatError::NotFound(_))));
    app.end().await;
}

#[tokio::test]
async fn rooms_and_messages_share_the_ids_of_a_log() {
    let app = TestApp::new().await;
    let name = room("general");
    let title = |title: &str| RoomChange { title: Some(title.into()), topic: None };
    assert!(app.chat.put_room(&name, title("first")).await.unwrap().1, "made");
    app.chat.post_message(&name, post("a", None, None)).await.unwrap();
    let (view, made) = app.chat.put_room(&name, title("second")).await.unwrap();
    assert_eq!((view.head, made), (2, false));
    assert_eq!(app.chat.put_room(&name, title("second")).await.unwrap().0.head, 2, "nothing changed");
    app.chat.post_message(&name, post("b", None, Some(1))).await.unwrap();
    let not_a_message = app.chat.post_message(&name, post("c", None, Some(2))).await;
    assert!(matches!(not_a_message, Err(ChatError::Invalid(_))), "an event is no message");
    let page = app.chat.messages(&name, Range::After(0), 50, std::time::Duration::ZERO).await.unwrap();
    assert_eq!(page.messages.iter().map(|message| message.id).collect::<Vec<_>>(), [1, 3]);
    app.end().await;
}
