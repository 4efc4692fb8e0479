//! Deciding the commands of one batch, in memory and in the order they came.
//!
//! Each command sees the effect of those before it, and only one that has an effect takes an id: a
//! refusal in the middle leaves no hole.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use super::{
    Refused,
    command::{Change, Command, Committed, Outcome, Posted, RoomPut},
    known::Known,
};
use crate::{
    domain::{
        EventId,
        access::Access,
        audit::AuditEntry,
        event::{Event, RoomUpdated},
        membership::Membership,
        message::{Draft, Message},
        name::{RoomName, UserKey, Username},
        policy::{self, Act, Denied, Level, RoomStanding, Standing},
        read_cursor::ReadCursor,
        room::{Room, RoomChange},
        timestamp::Timestamp,
        version::{Part, Version},
    },
    store::room_write::{Changes, Keyed, PostKey, ReactionKey, Replaced, RoomWrite},
};

mod changes;
mod members;
mod slow_mode;
#[cfg(test)]
mod tests;

/// The decisions on a batch: the rows to write, and the answers to give once they are written.
#[derive(Debug, Default)]
pub struct Decided {
    /// One answer a command, in their order.
    pub answers: Vec<Decision>,
    /// The writes to the rooms; none for a room without an event or a read cursor.
    pub writes: Vec<RoomWrite>,
    /// The rooms that are to be made, in the order of their names.
    pub made: Vec<RoomName>,
    /// True if anything has to be committed.
    pub changes: bool,
}

/// The time of the batch, and the time for which messages may be edited.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    /// The time that everything in the batch has.
    pub now: Timestamp,
    /// The time after its posting in which a message may be edited; without a limit, if absent.
    pub edit_window: Option<Duration>,
}

/// The decision on a command.
type Decision = Result<Committed<Outcome>, Refused>;

struct Batch {
    known: Known,
    rooms: HashMap<RoomName, RoomChanges>,
    moment: Moment,
}

struct RoomChanges {
    room: Room,
    /// True if somebody has made it, before or in this batch.
    exists: bool,
    events: Vec<Event>,
    fingerprints: HashMap<EventId, Vec<u8>>,
    described: bool,
    posted: BTreeSet<EventId>,
    changed: BTreeSet<EventId>,
    deleted: BTreeSet<EventId>,
    revisions: Vec<Replaced>,
    /// The reactions that were touched, and the event that added each; none for one that is gone.
    reactions: HashMap<ReactionKey, Option<(Username, EventId)>>,
    cursors: HashMap<UserKey, ReadCursor>,
    /// The memberships that changed.
    memberships: HashMap<UserKey, Membership>,
    audit: Vec<AuditEntry>,
    /// The times of last posts, where a pause is asked for between two.
    last_posts: HashMap<UserKey, Timestamp>,
}

/// Decides a batch.
pub fn decide<'a>(
    commands: impl IntoIterator<Item = &'a Command>,
    known: Known,
    fingerprint: impl Fn(&Draft) -> Vec<u8>,
    moment: Moment,
) -> Decided {
    let rooms = known.rooms.iter().map(|(name, room)| {
        let exists = !known.absent.contains(name);
        (name.clone(), RoomChanges::new(room.clone(), exists))
    });
    let mut batch = Batch { rooms: rooms.collect(), known, moment };
    let answers = commands
        .into_iter()
        .map(|command| {
            batch.admit(command)?;
            match &command.change {
                Change::Post(draft) => batch.post(command, draft, &fingerprint),
                Change::Edit(edit) => batch.edit(command, edit),
                Change::Delete(delete) => batch.delete(command, delete),
                Change::React(react) => batch.react(command, react),
                Change::MarkRead(mark) => batch.mark_read(command, mark),
                Change::PutRoom(change) => batch.put_room(command, change),
                Change::Member(change) => batch.change_member(command, change),
                Change::Direct(open) => batch.open_direct(command, open),
            }
        })
        .collect();
    batch.finish(answers)
}

impl Batch {
    /// Asks of an actor whom a credential vouches for if the room and the right are within reach, before anything is
    /// said of what is in the room. Who had the rights looked up at another version of everybody's has to do so again.
    fn admit(&self, command: &Command) -> Result<(), Refused> {
        let Some(grant) = command.actor.grant() else { return Ok(()) };
        if self.known.auth_version != Some(grant.version) {
            return Err(Refused::Stale);
        }
        self.level(command).map(drop)
    }

    /// The level of the actor of a command in its room, if it is enough for the command, whatever that is done to.
    fn level(&self, command: &Command) -> Result<Level, Refused> {
        let standing = self.standing(command)?;
        let act = match (command.act(), &standing.room) {
            (Act::ChangeRoom, Some(room)) if room.room.is_none() => Act::MakeRoom,
            (act, _) => act,
        };
        Ok(policy::may_here(&command.actor, act, &standing)?)
    }

    /// The room of a command, and what it knows of the actor by now; in open mode rooms know nothing of anybody.
    fn standing<'a>(&'a self, command: &'a Command) -> Result<Standing<'a>, Refused> {
        if command.actor.grant().is_none() {
            return Ok(Standing::default());
        }
        let changes = self.rooms.get(&command.room).ok_or_else(Refused::unlocked)?;
        let membership = command.actor.user().and_then(|user| self.membership(changes, user.key()));
        let room = changes.exists.then_some(&changes.room);
        let is_ownerless = self.owners(changes).is_none_or(HashSet::is_empty);
        let (name, now) = (&command.room, self.moment.now);
        Ok(RoomStanding { name, room, membership, is_ownerless, now }.into())
    }

    /// The membership of a user by now: the batch may have changed it.
    fn membership<'a>(&'a self, changes: &'a RoomChanges, user: &UserKey) -> Option<&'a Membership> {
        let changed = changes.memberships.get(user);
        changed.or_else(|| self.known.memberships.get(&(changes.room.id, user.clone())))
    }

    /// The owners of a room by now who are not disabled, if it was asked for them.
    fn owners<'a>(&'a self, changes: &RoomChanges) -> Option<&'a HashSet<UserKey>> {
        self.known.owners.get(&changes.room.id)
    }

    fn post(&mut self, command: &Command, draft: &Draft, fingerprint: impl Fn(&Draft) -> Vec<u8>) -> Decision {
        policy::may(&command.actor, command.act(), &self.standing(command)?)?;
        let username = command.actor.name()?;
        let room_id = self.rooms.get(&command.room).ok_or_else(Refused::unlocked)?.room.id;
        let key = draft.client_id.as_ref().map(|client_id| {
            let key = PostKey { room_id, user: username.key().clone(), client_id: client_id.clone() };
            (key, fingerprint(draft))
        });
        if let Some((key, fingerprint)) = &key
            && let Some(first) = self.known.keyed.get(key)
        {
            // As it is now: the batch may have changed it.
            let message = self.known.messages.get(&(room_id, first.message.id));
            let message = message.cloned().unwrap_or_else(|| Arc::new(first.message.clone()));
            // Of one whose content is deleted nobody can tell any more.
            let differs = first.fingerprint.as_ref().is_some_and(|first| first != fingerprint);
            if differs && message.deleted_at.is_none() {
                return Err(Refused::KeyReused { message_id: message.id });
            }
            return Ok(Committed { answer: Outcome::Posted(Posted { message, replayed: true }), event: None });
        }
        if draft.reply_to.is_some_and(|target| !self.known.existing.contains(&(room_id, target))) {
            return Err(Refused::NoSuchTarget);
        }
        self.check_pause(command, username.key())?;
        self.note_post(command, username.key())?;
        let changes = self.rooms.get_mut(&command.room).ok_or_else(Refused::unlocked)?;
        let id = changes.next_id();
        let message = Arc::new(Message {
            id,
            room: command.room.clone(),
            username: username.clone(),
            content: draft.content.clone(),
            timestamp: self.moment.now,
            edited_at: None,
            deleted_at: None,
            reply_to: draft.reply_to,
            reactions: Vec::new(),
            client_id: draft.client_id.clone(),
        });
        changes.events.push(Event::ChatMessage(message.clone()));
        changes.posted.insert(id);
        self.known.existing.insert((room_id, id));
        self.known.messages.insert((room_id, id), message.clone());
        if let Some((key, fingerprint)) = key {
            changes.fingerprints.insert(id, fingerprint.clone());
            self.known.keyed.insert(key, Keyed { message: (*message).clone(), fingerprint: Some(fingerprint) });
        }
        Ok(Committed { answer: Outcome::Posted(Posted { message, replayed: false }), event: Some(id) })
    }

    fn put_room(&mut self, command: &Command, change: &RoomChange) -> Decision {
        let level = self.level(command)?;
        let changes = self.rooms.get(&command.room).ok_or_else(Refused::unlocked)?;
        let made = !changes.exists;
        // Only what is set of a room can be asked for, so the other part of its version is no matter.
        let version =
            Version { content: changes.room.described(command.actor.grant().is_some()), whole: String::new() };
        if !command.when.holds((!made).then_some(&version), Part::Content) {
            return Err(Refused::PreconditionFailed);
        }
        let access = Access {
            visibility: change.visibility.unwrap_or(changes.room.access.visibility),
            posting: change.posting.unwrap_or(changes.room.access.posting),
            slow_mode: change.slow_mode.unwrap_or(changes.room.access.slow_mode),
        };
        if !made && access.visibility != changes.room.access.visibility && level < Level::Owner {
            return Err(Denied::RoleTooLow.into());
        }
        if changes.room.access.slow_mode == 0 && access.slow_mode > 0 {
            self.slow_down(command)?;
        }
        let changes = self.rooms.get_mut(&command.room).ok_or_else(Refused::unlocked)?;
        changes.exists = true;
        if made && command.actor.grant().is_some() {
            let maker = command.actor.name()?;
            changes.own(maker, self.moment.now);
            self.known.owners.entry(changes.room.id).or_default().insert(maker.key().clone());
        }
        let title = change.title.as_ref().unwrap_or(&changes.room.title).clone();
        let topic = change.topic.as_ref().unwrap_or(&changes.room.topic).clone();
        let mut event = None;
        if title != changes.room.title || topic != changes.room.topic || access != changes.room.access {
            changes.described = true;
            changes.room.access = access;
            changes.room.title.clone_from(&title);
            changes.room.topic.clone_from(&topic);
            if let (false, Some(by)) = (made, command.actor.grant().and(command.actor.user())) {
                changes.audit.push(AuditEntry {
                    by: by.clone(),
                    act: "change_room",
                    username: None,
                    message_id: None,
                    reason: None,
                });
            }
            // Making a room takes no id: whoever learns of it learns what it is called.
            if !made {
                let id = changes.next_id();
                event = Some(id);
                let access = command.actor.grant().map(|_| access);
                let updated = RoomUpdated { id, room: command.room.clone(), title, topic, access };
                changes.events.push(Event::RoomUpdated(Arc::new(updated)));
            }
        }
        Ok(Committed { answer: Outcome::RoomPut(RoomPut { room: changes.room.clone(), made }), event })
    }

    fn finish(mut self, answers: Vec<Decision>) -> Decided {
        let mut decided = Decided { answers, ..Decided::default() };
        for (name, changes) in std::mem::take(&mut self.rooms) {
            if !changes.exists {
                continue;
            }
            let made = self.known.absent.contains(&name);
            if made {
                decided.made.push(name.clone());
            }
            let changed = changes.described || !changes.events.is_empty() || !changes.cursors.is_empty();
            decided.changes |= made || changed;
            if changed {
                decided.writes.push(changes.finish(name, &self.known.messages, &self.known.reactions));
            }
        }
        decided.made.sort_unstable();
        decided
    }
}

impl Decided {
    /// Gives the rooms that were made the keys that the database has for them.
    pub fn set_room_ids(&mut self, ids: &HashMap<RoomName, i64>) {
        for write in &mut self.writes {
            if let Some(id) = ids.get(&write.name) {
                write.set_room_id(*id);
            }
        }
        for answer in self.answers.iter_mut().flatten() {
            if let Outcome::RoomPut(RoomPut { room, .. }) = &mut answer.answer
                && let Some(id) = ids.get(&room.name)
            {
                room.id = *id;
            }
        }
    }
}

impl RoomChanges {
    fn new(room: Room, exists: bool) -> Self {
        Self {
            room,
            exists,
            events: Vec::new(),
            fingerprints: HashMap::new(),
            described: false,
            posted: BTreeSet::new(),
            changed: BTreeSet::new(),
            deleted: BTreeSet::new(),
            revisions: Vec::new(),
            reactions: HashMap::new(),
            cursors: HashMap::new(),
            memberships: HashMap::new(),
            audit: Vec::new(),
            last_posts: HashMap::new(),
        }
    }

    fn next_id(&mut self) -> EventId {
        self.exists = true;
        self.room.head += 1;
        self.room.head
    }

    /// The writes to the room: of everything that the batch touched only the last state.
    fn finish(
        mut self,
        name: RoomName,
        messages: &HashMap<(i64, EventId), Arc<Message>>,
        reactions_before: &HashSet<ReactionKey>,
    ) -> RoomWrite {
        let room_id = self.room.id;
        let now = |ids: &BTreeSet<EventId>| -> Vec<_> {
            ids.iter().filter_map(|id| messages.get(&(room_id, *id)).cloned()).collect()
        };
        let changed = self.changed.difference(&self.posted).copied().collect();
        self.fingerprints.retain(|id, _| !self.deleted.contains(id));
        let mut changes = Changes { messages: now(&changed), ..Changes::default() };
        // Of a deleted message nothing else is written, and what was there is erased.
        changes.revisions =
            self.revisions.into_iter().filter(|replaced| !self.deleted.contains(&replaced.message_id)).collect();
        self.reactions.retain(|key, _| !self.deleted.contains(&key.message_id));
        for (key, after) in self.reactions {
            if reactions_before.contains(&key) {
                changes.removed.push(key.clone());
            }
            changes.added.extend(after.map(|(username, id)| (key, username, id)));
        }
        changes.deleted = self.deleted.into_iter().collect();
        changes.cursors = self.cursors.into_values().collect();
        self.room.membership_version += i64::from(!self.memberships.is_empty());
        RoomWrite {
            room_id,
            name,
            posted: now(&self.posted),
            changes,
            events: self.events,
            fingerprints: self.fingerprints,
            head: self.room.head,
            described: self.described.then_some(self.room),
            memberships: self.memberships.into_values().collect(),
            audit: self.audit,
            last_posts: self.last_posts.into_iter().collect(),
        }
    }
}
