//! The order in which commands get into batches.

use std::time::Duration;

use tokio::sync::oneshot;

use super::*;
use crate::{
    app::tests::actor,
    domain::version::Precondition,
    journal::command::{Change, Command, MarkRead},
};

/// A command that is told from others by the id it names.
fn waiting(room: &str, last_read_id: i64, until: Instant) -> (Waiting, oneshot::Receiver<crate::journal::Answered>) {
    let (answer, answered) = oneshot::channel();
    let (room, when) = (RoomName::parse(room).unwrap(), Precondition::default());
    let command = Command { actor: actor("Alice"), room, when, change: MarkRead { last_read_id }.into() };
    (Waiting { command, answer, until }, answered)
}

fn line(rooms: &[&str]) -> Line {
    let mut line = Line::default();
    for (room, id) in rooms.iter().zip(1..) {
        line.push(waiting(room, id, Instant::now() + Duration::from_hours(1)).0);
    }
    line
}

fn ids(batch: &[Waiting]) -> Vec<i64> {
    let id = |waiting: &Waiting| match &waiting.command.change {
        Change::MarkRead(mark) => mark.last_read_id,
        other => panic!("{other:?}"),
    };
    batch.iter().map(id).collect()
}

#[test]
fn rooms_that_were_not_got_are_first_in_the_next_batch() {
    let mut line = line(&["a", "b", "a", "c", "b"]);
    let mut batch = line.take();
    line.push(waiting("b", 6, Instant::now()).0);
    let left = leave(&mut batch, |room| room.as_str() == "a");
    line.put_back(left);
    assert_eq!(ids(&batch), [1, 3]);
    assert_eq!(ids(&line.take()), [2, 4, 5, 6]);
    assert!(line.is_empty() && line.take().is_empty());
}

#[test]
fn a_room_that_is_held_is_looked_for_in_each_batch_and_waited_for_in_none() {
    let rooms = |names: &[&str]| names.iter().map(|name| RoomName::parse(name).unwrap()).collect::<Vec<_>>();
    let wanted = |line: &Line, batch: &[Waiting]| {
        let WantedRooms { first, others, held } = line.rooms_of(batch);
        (first.map(|first| first.to_string()).unwrap_or_default(), Vec::from_iter(others), held)
    };
    let mut line = line(&["held", "b", "held", "c"]);
    let batch = line.take();
    assert_eq!(wanted(&line, &batch), ("held".into(), rooms(&["b", "c"]), rooms(&[])));
    line.put_off(batch);
    line.push(waiting("held", 5, Instant::now()).0);
    let mut batch = line.take();
    assert_eq!(ids(&batch), [2, 4, 1, 3, 5]);
    assert_eq!(wanted(&line, &batch), ("b".into(), rooms(&["c"]), rooms(&["held"])));
    line.put_back(leave(&mut batch, |room| room.as_str() != "held"));
    line.written(&batch);
    let batch = line.take();
    assert_eq!(wanted(&line, &batch), (String::new(), rooms(&[]), rooms(&["held"])));
    line.written(&batch);
    assert_eq!(ids(&batch), [1, 3, 5], "those of a room are in their order");
    line.put_back(batch);
    let batch = line.take();
    assert_eq!(wanted(&line, &batch), ("held".into(), rooms(&[]), rooms(&[])), "it was got");
}

#[test]
fn those_of_a_held_room_leave_the_others_their_place() {
    let mut line = line(&vec!["held"; MOST - 1]);
    let batch = line.take();
    line.put_off(batch);
    assert!(!line.is_full());
    line.push(waiting("b", 0, Instant::now()).0);
    assert!(line.is_full(), "a line has its end");
    assert_eq!(ids(&line.take())[..2], [0, 1]);
}

#[test]
fn what_was_rejected_together_is_tried_one_by_one() {
    let mut line = line(&["a", "a", "b", "a"]);
    let batch = line.take();
    line.put_back_singly(batch);
    line.push(waiting("a", 5, Instant::now()).0);
    line.push(waiting("a", 6, Instant::now()).0);
    let batches: Vec<_> = std::iter::repeat_with(|| ids(&line.take())).take_while(|ids| !ids.is_empty()).collect();
    assert_eq!(batches, [vec![1], vec![2], vec![3], vec![4], vec![5, 6]]);
}

#[test]
fn whose_patience_has_ended_is_refused() {
    let now = Instant::now();
    let mut line = Line::default();
    let (late, mut refused) = waiting("a", 1, now);
    let (early, mut waits) = waiting("a", 2, now + Duration::from_millis(1));
    line.push(late);
    line.push(early);
    line.refuse_late(now);
    assert_eq!(refused.try_recv().unwrap().unwrap_err(), Refused::Unavailable);
    assert!(waits.try_recv().is_err());
    assert_eq!(ids(&line.take()), [2]);
}
