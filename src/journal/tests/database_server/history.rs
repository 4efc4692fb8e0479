//! The history of all that was asked, answered and read, which has to be that of one log in one order.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use crate::domain::{
    EventId,
    event::{Event, EventType},
};

/// A moment, later than all that were asked for before.
pub(super) type Moment = u64;

/// Everything that happened, of all nodes.
#[derive(Default)]
pub(super) struct History {
    now: AtomicU64,
    answers: Mutex<Vec<Answer>>,
    /// The texts that were deleted, and since when whoever deleted them knows.
    deleted: Mutex<BTreeMap<String, Moment>>,
}

/// A change that was acknowledged.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) room: &'static str,
    pub(super) kind: EventType,
    pub(super) event: EventId,
    pub(super) message: EventId,
    pub(super) content: String,
    pub(super) sent: Moment,
    pub(super) answered: Moment,
}

impl History {
    pub(super) fn moment(&self) -> Moment {
        self.now.fetch_add(1, Ordering::SeqCst)
    }

    pub(super) fn note(&self, answer: Answer) {
        if answer.kind == EventType::MessageDeleted {
            self.deleted.lock().unwrap().insert(answer.content.clone(), answer.answered);
        }
        self.answers.lock().unwrap().push(answer);
    }

    pub(super) fn answered(&self) -> usize {
        self.answers.lock().unwrap().len()
    }

    /// The newest event of a room that was answered before a moment.
    pub(super) fn newest_before(&self, room: &str, moment: Moment) -> EventId {
        let answers = self.answers.lock().unwrap();
        let before = answers.iter().filter(|answer| answer.room == room && answer.answered < moment);
        before.map(|answer| answer.event).max().unwrap_or(0)
    }

    /// Fails if a text shows something that was deleted before a moment.
    pub(super) fn check_shown(&self, shown: &str, asked: Moment) {
        let deleted = self.deleted.lock().unwrap().clone();
        for (content, deleted) in &deleted {
            assert!(*deleted >= asked || !shown.contains(content.as_str()), "{content} is deleted: {shown}");
        }
    }

    /// Fails unless the log of a room is what was answered, in one order: each acknowledged change once, at its event;
    /// what was answered before another was sent, before it.
    pub(super) fn check_log(&self, room: &str, log: &[Event]) {
        assert!(log.iter().map(Event::id).eq((1..).take(log.len())), "the log of {room} has no gap");
        let answers: Vec<_> =
            self.answers.lock().unwrap().iter().filter(|answer| answer.room == room).cloned().collect();
        let mut seen = BTreeSet::new();
        for answer in &answers {
            assert!(seen.insert(answer.event), "{answer:?}: the event is another's");
            let event = &log[usize::try_from(answer.event - 1).unwrap()];
            let message = event.message().map(|message| message.id);
            assert_eq!((event.kind(), message), (answer.kind, Some(answer.message)), "{answer:?}");
        }
        let contents: Vec<_> = log
            .iter()
            .filter_map(|event| match event {
                Event::ChatMessage(message) if message.deleted_at.is_none() => message.client_id.clone(),
                _ => None,
            })
            .collect();
        assert_eq!(contents.iter().collect::<BTreeSet<_>>().len(), contents.len(), "nothing is there twice");
        let (mut by_answer, mut by_sent) = (answers.clone(), answers);
        by_answer.sort_unstable_by_key(|answer| answer.answered);
        by_sent.sort_unstable_by_key(|answer| answer.sent);
        let (mut newest, mut answered) = (0, by_answer.into_iter().peekable());
        for answer in by_sent {
            while let Some(before) = answered.next_if(|before| before.answered < answer.sent) {
                newest = newest.max(before.event);
            }
            assert!(answer.event > newest, "{newest} was answered before {answer:?} was sent");
        }
    }
}

#[test]
fn it_finds_what_is_wrong() {
    use std::{panic::catch_unwind, sync::Arc};

    use super::nodes::name;
    use crate::domain::message::Message;

    let answer = |event, sent, answered| Answer {
        room: "room",
        kind: EventType::ChatMessage,
        event,
        message: event,
        content: event.to_string(),
        sent,
        answered,
    };
    let log = |ids: &[EventId], key: fn(EventId) -> String| -> Vec<Event> {
        let message = |id: &EventId| Message {
            room: name("room"),
            client_id: Some(key(*id)),
            ..Message::sample(*id, &id.to_string())
        };
        ids.iter().map(|id| Event::ChatMessage(Arc::new(message(id)))).collect()
    };
    let own = |id: EventId| id.to_string();
    let holds = |answers: &[Answer], log: &[Event]| {
        let history = History::default();
        for answer in answers {
            history.note(answer.clone());
        }
        catch_unwind(std::panic::AssertUnwindSafe(|| history.check_log("room", log))).is_ok()
    };
    let good = [answer(1, 0, 1), answer(2, 2, 3)];
    assert!(holds(&good, &log(&[1, 2, 3], own)));
    assert!(!holds(&good, &log(&[1, 3], own)), "a gap");
    assert!(!holds(&[answer(2, 0, 1), answer(1, 2, 3)], &log(&[1, 2], own)), "another order");
    assert!(holds(&[answer(2, 0, 3), answer(1, 2, 4)], &log(&[1, 2], own)), "both were under way");
    assert!(!holds(&[answer(1, 0, 1), answer(1, 2, 3)], &log(&[1], own)), "one event for two");
    assert!(!holds(&good, &log(&[1, 2], |_| "same".to_owned())), "the same twice");
    let other = Answer { kind: EventType::MessageDeleted, ..answer(1, 0, 1) };
    assert!(!holds(&[other], &log(&[1], own)), "another event than was answered");

    let history = History::default();
    history.note(Answer { kind: EventType::MessageDeleted, content: "secret".into(), ..answer(1, 0, 5) });
    let shows = |asked| catch_unwind(std::panic::AssertUnwindSafe(|| history.check_shown("a secret", asked))).is_err();
    assert!(shows(6) && !shows(5));
}
