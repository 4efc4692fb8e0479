//! What the commands of one batch lead to, decided in memory and in the order they came.
//!
//! Each command sees the effect of those before it, and only one that has an effect takes an id: a
//! refusal in the middle leaves no hole.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use super::{Command, Outcome, Refused};
use crate::{
    domain::{
        EventId,
        event::{Event, RoomUpdated},
        message::{Draft, Message},
        name::RoomName,
        room::{Room, RoomChange},
        timestamp::Timestamp,
    },
    store::writer::{Growth, Keyed, PostKey},
};

/// What was read for the batch, under the lock of its rooms.
#[derive(Debug)]
pub struct Known {
    /// The rooms.
    pub rooms: HashMap<RoomName, Room>,
    /// Those of them that nobody had made.
    pub made: HashSet<RoomName>,
    /// The messages that were posted with a key of the batch.
    pub keyed: HashMap<PostKey, Keyed>,
    /// Those targets of replies that are messages.
    pub existing: HashSet<(i64, EventId)>,
}

/// What is to be written, and to be answered once it is.
#[derive(Debug, Default)]
pub struct Decided {
    /// One answer a command, in their order.
    pub answers: Vec<Result<Outcome, Refused>>,
    /// What the rooms gain; none without an event.
    pub growths: Vec<Growth>,
    /// The rooms that were made for the batch and not needed in the end.
    pub unneeded: Vec<i64>,
    /// Whether anything has to be committed.
    pub changes: bool,
}

struct Batch {
    known: Known,
    rooms: HashMap<RoomName, Growing>,
    now: Timestamp,
}

struct Growing {
    room: Room,
    /// Whether somebody has made it, before or in this batch.
    exists: bool,
    events: Vec<Event>,
    fingerprints: HashMap<EventId, Vec<u8>>,
    described: bool,
}

/// Decides a batch.
pub fn decide<'a>(
    commands: impl IntoIterator<Item = &'a Command>,
    known: Known,
    fingerprint: impl Fn(&Draft) -> Vec<u8>,
    now: Timestamp,
) -> Decided {
    let rooms = known.rooms.iter().map(|(name, room)| {
        let exists = !known.made.contains(name);
        let room = room.clone();
        (name.clone(), Growing { room, exists, events: Vec::new(), fingerprints: HashMap::new(), described: false })
    });
    let mut batch = Batch { rooms: rooms.collect(), known, now };
    let answers = commands
        .into_iter()
        .map(|command| match command {
            Command::Post { room, draft } => batch.post(room, draft, &fingerprint),
            Command::PutRoom { room, change } => batch.put_room(room, change),
        })
        .collect();
    batch.finish(answers)
}

impl Batch {
    fn post(
        &mut self,
        name: &RoomName,
        draft: &Draft,
        fingerprint: impl Fn(&Draft) -> Vec<u8>,
    ) -> Result<Outcome, Refused> {
        let growing = self.rooms.get_mut(name).ok_or(Refused::Rejected)?;
        let room_id = growing.room.id;
        let key = draft.client_id.as_ref().map(|client_id| {
            let key = PostKey { room_id, user: draft.username.key().clone(), client_id: client_id.clone() };
            (key, fingerprint(draft))
        });
        if let Some((key, fingerprint)) = &key
            && let Some(first) = self.known.keyed.get(key)
        {
            // Without a fingerprint the content is deleted, and nobody can tell any more.
            if first.fingerprint.as_ref().is_some_and(|first| first != fingerprint) {
                return Err(Refused::KeyReused);
            }
            return Ok(Outcome::Posted { message: Arc::new(first.message.clone()), replayed: true });
        }
        if draft.reply_to.is_some_and(|target| !self.known.existing.contains(&(room_id, target))) {
            return Err(Refused::NoSuchTarget);
        }
        let id = growing.next_id();
        let message = Arc::new(Message {
            id,
            room: name.clone(),
            username: draft.username.clone(),
            content: draft.content.clone(),
            timestamp: self.now,
            edited_at: None,
            deleted_at: None,
            reply_to: draft.reply_to,
            reactions: Vec::new(),
            client_id: draft.client_id.clone(),
        });
        growing.events.push(Event::ChatMessage(message.clone()));
        self.known.existing.insert((room_id, id));
        if let Some((key, fingerprint)) = key {
            growing.fingerprints.insert(id, fingerprint.clone());
            self.known.keyed.insert(key, Keyed { message: (*message).clone(), fingerprint: Some(fingerprint) });
        }
        Ok(Outcome::Posted { message, replayed: false })
    }

    fn put_room(&mut self, name: &RoomName, change: &RoomChange) -> Result<Outcome, Refused> {
        let growing = self.rooms.get_mut(name).ok_or(Refused::Rejected)?;
        let made = !growing.exists;
        growing.exists = true;
        let title = change.title.as_ref().unwrap_or(&growing.room.title).clone();
        let topic = change.topic.as_ref().unwrap_or(&growing.room.topic).clone();
        if title != growing.room.title || topic != growing.room.topic {
            growing.described = true;
            growing.room.title.clone_from(&title);
            growing.room.topic.clone_from(&topic);
            // Making a room takes no id: whoever learns of it learns what it is called.
            if !made {
                let id = growing.next_id();
                growing.events.push(Event::RoomUpdated(Arc::new(RoomUpdated { id, room: name.clone(), title, topic })));
            }
        }
        Ok(Outcome::RoomPut { room: growing.room.clone(), made })
    }

    fn finish(self, answers: Vec<Result<Outcome, Refused>>) -> Decided {
        let mut decided = Decided { answers, ..Decided::default() };
        for (name, growing) in self.rooms {
            let Growing { room, exists, events, fingerprints, described } = growing;
            if !exists {
                decided.unneeded.push(room.id);
                continue;
            }
            let made = self.known.made.contains(&name);
            decided.changes |= made || !events.is_empty();
            if described || !events.is_empty() {
                let described = described.then_some((room.title, room.topic));
                decided.growths.push(Growth {
                    room_id: room.id,
                    name,
                    events,
                    fingerprints,
                    head: room.head,
                    described,
                });
            }
        }
        decided
    }
}

impl Growing {
    fn next_id(&mut self) -> EventId {
        self.exists = true;
        self.room.head += 1;
        self.room.head
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{message::Post, room::FloorReason};

    fn room(name: &str, head: EventId) -> Room {
        Room {
            id: 7,
            name: RoomName::parse(name).unwrap(),
            title: String::new(),
            topic: String::new(),
            created_at: Timestamp::from_micros(0),
            head,
            floor: 0,
            floor_reason: FloorReason::Pruned,
        }
    }

    fn post(content: &str, client_id: Option<&str>, reply_to: Option<EventId>) -> Command {
        let post = Post {
            username: Some("Alice".into()),
            content: Some(content.into()),
            reply_to,
            client_id: client_id.map(Into::into),
        };
        Command::Post { room: RoomName::parse("general").unwrap(), draft: post.check().unwrap() }
    }

    fn put(title: &str) -> Command {
        let change = RoomChange { title: Some(title.into()), topic: None };
        Command::PutRoom { room: RoomName::parse("general").unwrap(), change }
    }

    fn decide_on(head: EventId, made: bool, commands: &[Command]) -> Decided {
        let room = room("general", head);
        let made = if made { HashSet::from([room.name.clone()]) } else { HashSet::new() };
        let rooms = HashMap::from([(room.name.clone(), room)]);
        let known = Known { rooms, made, keyed: HashMap::new(), existing: (1..=head).map(|id| (7, id)).collect() };
        let fingerprint = |draft: &Draft| format!("{:?} {}", draft.reply_to, draft.content).into_bytes();
        decide(commands, known, fingerprint, Timestamp::from_micros(1))
    }

    fn ids(decided: &Decided) -> Vec<EventId> {
        decided.growths.iter().flat_map(|growth| growth.events.iter().map(Event::id)).collect()
    }

    #[test]
    fn a_refusal_between_two_good_ones_leaves_no_hole() {
        let decided =
            decide_on(4, false, &[post("a", None, None), post("b", None, Some(99)), post("c", None, Some(5))]);
        assert_eq!(ids(&decided), [5, 6]);
        assert_eq!(decided.answers[1].as_ref().unwrap_err(), &Refused::NoSuchTarget);
        assert_eq!(decided.growths[0].head, 6);
    }

    #[test]
    fn the_same_key_twice_is_one_message() {
        let commands =
            [post("a", Some("k"), None), post("a", Some("k"), None), post("b", Some("k"), None), post("c", None, None)];
        let decided = decide_on(0, true, &commands);
        assert_eq!(ids(&decided), [1, 2]);
        for (index, replayed) in [(0, false), (1, true)] {
            match &decided.answers[index] {
                Ok(Outcome::Posted { message, replayed: answer }) => assert_eq!((message.id, *answer), (1, replayed)),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(decided.answers[2].as_ref().unwrap_err(), &Refused::KeyReused);
    }

    #[test]
    fn a_room_that_only_refused_commands_wanted_is_not_made() {
        let decided = decide_on(0, true, &[post("a", None, Some(3))]);
        assert!(!decided.changes && decided.growths.is_empty());
        assert_eq!(decided.unneeded, [7]);
    }

    #[test]
    fn making_a_room_takes_no_id_and_changing_nothing_takes_none() {
        let decided = decide_on(0, true, &[put("a"), put("a"), put("b"), put("b")]);
        assert_eq!(ids(&decided), [1]);
        let made: Vec<_> =
            decided.answers.iter().map(|answer| matches!(answer, Ok(Outcome::RoomPut { made: true, .. }))).collect();
        assert_eq!(made, [true, false, false, false]);
        assert_eq!(decided.growths[0].described.as_ref().map(|(title, _)| title.as_str()), Some("b"));

        let decided = decide_on(3, false, &[put("")]);
        assert!(!decided.changes && decided.growths.is_empty());
    }
}
