//! Pages that are denied, since the right to read went while they were read.

use super::{Act, CloseReason, Denied, EventId, Query, Reading, Start, Step, TypeSet, Value, place};

/// A reader who has begun in a room of three messages, which only the store has.
fn begun() -> Reading {
    let mut reading = Reading::new(&[Start::After(0)], 200, TypeSet::ALL);
    reading.act(&Act::Post { room: 0, count: 3, told: false });
    reading.act(&Act::Learn { room: 0 });
    reading.act(&Act::Take);
    reading.act(&Act::Read { which: 0 });
    reading.act(&Act::Answer { which: 0 });
    reading.act(&Act::Take);
    reading
}

/// Denies the page that was asked for.
fn deny(reading: &mut Reading) {
    let (ask, _) = reading.asked.pop().expect("a page is asked for");
    assert!(matches!(ask.query, Query::Log { .. }), "{ask:?}");
    reading.reader.answer(&ask, Err(Denied::NoSuchRoom.into()));
}

/// Everything until the end, as types and ids.
fn told(reading: &mut Reading) -> Vec<(String, Option<EventId>)> {
    let mut told = Vec::new();
    loop {
        let mut events = Vec::new();
        match reading.reader.take(reading.now, &mut events) {
            Step::Took => told.extend(events.iter().map(|event| {
                let event: Value = serde_json::from_slice(&event.frame.json()).unwrap();
                (event["type"].as_str().unwrap().to_owned(), event["id"].as_i64())
            })),
            Step::Ask(ask) => {
                let page = reading.scenes[0].answer(&ask.query);
                reading.reader.answer(&ask, Ok(page));
            }
            Step::End(why) => {
                assert_eq!(why, CloseReason::Denied(Denied::NoSuchRoom));
                return told;
            }
            Step::Idle { .. } | Step::Warned => panic!("it ends: {told:?}"),
        }
    }
}

#[test]
fn a_page_that_is_denied_twice_is_the_end() {
    let mut reading = begun();
    deny(&mut reading);
    assert!(!reading.take(), "the word of how far it may go may be on its way");
    reading.now += place::RETRY;
    assert!(reading.take());
    deny(&mut reading);
    assert_eq!(told(&mut reading), [("error".to_owned(), None)]);
}

#[test]
fn what_was_denied_is_given_up_to_the_loss_once_that_is_known() {
    for is_known_first in [true, false] {
        let mut reading = begun();
        if is_known_first {
            reading.act(&Act::CloseAfter { room: 0, back: 1 });
            deny(&mut reading);
        } else {
            deny(&mut reading);
            reading.act(&Act::CloseAfter { room: 0, back: 1 });
        }
        let message = |id| ("chat_message".to_owned(), Some(id));
        assert_eq!(told(&mut reading), [message(1), message(2), ("error".to_owned(), None)], "{is_known_first}");
    }
}

/// The store may have shown an event before its room was told of it, and so before the reader is held there.
#[test]
fn who_is_held_after_an_event_that_it_is_past_is_told_nothing_twice() {
    let mut reading = begun();
    reading.settle();
    reading.act(&Act::Post { room: 0, count: 2, told: false });
    reading.act(&Act::Learn { room: 0 });
    assert!(reading.take(), "a page is asked for");
    reading.act(&Act::Hold { room: 0, back: 3 });
    reading.act(&Act::Read { which: 0 });
    reading.act(&Act::Answer { which: 0 });
    assert!(!reading.take(), "held after 2, and told up to 3");
    reading.settle();
    assert_eq!(reading.told, [Some(5)]);
}

#[test]
fn a_page_that_is_given_after_one_was_denied_ends_the_doubt() {
    let mut reading = begun();
    deny(&mut reading);
    assert!(!reading.take());
    reading.now += place::RETRY;
    assert!(reading.take());
    reading.act(&Act::Read { which: 0 });
    reading.act(&Act::Answer { which: 0 });
    while reading.take() {}
    assert_eq!(reading.told, [Some(3)]);
}
