//! Rooms that may not be known of: they are read and written by nobody, and no memory is spent on their names.

use super::*;
use crate::{
    app::tests::TestApp,
    domain::{
        content::ContentLimit,
        event::TypeSet,
        message::{Post, Range},
        room::RoomChange,
        version::Precondition,
    },
};

fn room(name: &str) -> RoomName {
    RoomName::parse(name).unwrap()
}

fn request() -> Request {
    let (transport, state) = (Transport::Sse, StateDue::Always);
    Request { history: 0, types: TypeSet::ALL, user: None, transport, state, limit: 200 }
}

#[tokio::test]
async fn whatever_is_asked_of_a_room_that_is_not_there_it_is_in_no_memory() {
    let (app, key) = TestApp::required().await;
    let chat = &app.chat;
    let actor = app.authenticator.as_ref().unwrap().actor(&key).await.unwrap();
    chat.put_room(&actor, &room("open"), RoomChange::default(), Precondition::default()).await.unwrap();
    let vacant = room("vacant");
    let is_refused = |error: ChatError| matches!(error, ChatError::Refused(Refused::Denied(Denied::NoSuchRoom)));
    assert!(is_refused(chat.read(&actor, &vacant, Start::History, request()).await.unwrap_err()));
    let post = Post { content: Some("hi".into()), ..Post::default() }.check(ContentLimit::default()).unwrap();
    assert!(is_refused(chat.post_message(&actor, &vacant, post).await.unwrap_err()));
    assert!(is_refused(chat.set_typing(&actor, &vacant, true).await.unwrap_err()));
    assert!(is_refused(chat.messages(&actor, &vacant, Range::Newest, 10).await.unwrap_err()));
    assert!(is_refused(chat.members(&actor, &vacant, None, 10).await.unwrap_err()));
    // Also while it is one of several, for as long as they are read.
    let several = ["open", "vacant"].map(|name| (room(name), Start::History)).into();
    let reading = chat.read_all(&actor, several, request()).await.unwrap();
    assert!(reading.is_of_absent());
    assert!(chat.hub.room_in_memory(&room("open")).is_some());
    assert!(chat.hub.room_in_memory(&vacant).is_none());
    let alone = chat.read_all(&actor, vec![(room("open"), Start::History)], request()).await.unwrap();
    assert!(!alone.is_of_absent());
    drop((reading, alone));
    app.end().await;
}
