//! Deciding on changes of a message that is there, and on read cursors.

use std::{sync::Arc, time::Duration};

use super::{
    super::{
        Refused,
        command::{Command, Committed, Delete, MarkRead, Outcome, React},
    },
    Batch, Decision, RoomChanges,
};
use crate::{
    domain::{
        EventId,
        audit::AuditEntry,
        emoji::MAX_EMOJI,
        event::Event,
        message::{Edit, MAX_EVENTS, MAX_SHOWN_NAMES, Message, Reaction, Revision, bound_names},
        name::{RoomName, Username},
        policy::{self, Standing},
        read_cursor::ReadCursor,
        version::{Part, Precondition},
    },
    store::room_write::{ReactionKey, Replaced},
};

impl Batch {
    /// Edits a message.
    pub(super) fn edit(&mut self, command: &Command, edit: &Edit) -> Decision {
        let message = self.message(&command.room, edit.id)?;
        if message.deleted_at.is_some() {
            return Err(Refused::Deleted);
        }
        self.may(command, &message, Part::Content)?;
        if message.content == edit.content {
            return Ok(unchanged(message));
        }
        self.check_events(&command.room, edit.id)?;
        let now = self.moment.now;
        let after = Arc::new(Message { content: edit.content.clone(), edited_at: Some(now), ..(*message).clone() });
        let changes = self.change(&command.room, &after)?;
        let event = changes.next_id();
        let timestamp = message.edited_at.unwrap_or(message.timestamp);
        let revision = Revision { content: message.content.clone(), timestamp };
        changes.revisions.push(Replaced { message_id: edit.id, id: event, revision });
        changes.events.push(Event::MessageEdited { id: event, edited_at: now, message: after.clone() });
        Ok(changed(after, event))
    }

    /// Deletes a message. Again is no change, so that who lost the answer may ask again.
    pub(super) fn delete(&mut self, command: &Command, delete: &Delete) -> Decision {
        let message = self.message(&command.room, delete.id)?;
        self.may(command, &message, Part::Content)?;
        if message.deleted_at.is_some() {
            return Ok(unchanged(message));
        }
        let username = command.actor.name()?.clone();
        let deleted_at = self.moment.now;
        let after = Arc::new(message.tombstone(deleted_at));
        let changes = self.change(&command.room, &after)?;
        let event = changes.next_id();
        changes.deleted.insert(delete.id);
        if message.username.key() != username.key() {
            changes.audit.push(AuditEntry {
                by: username.clone(),
                act: "delete_message",
                username: Some(message.username.clone()),
                message_id: Some(message.id),
                reason: None,
            });
        }
        changes.events.push(Event::MessageDeleted { id: event, username, deleted_at, message: after.clone() });
        Ok(changed(after, event))
    }

    /// Adds a reaction or takes it back. Again is no change.
    pub(super) fn react(&mut self, command: &Command, react: &React) -> Decision {
        let React { id, emoji, on } = react;
        let message = self.message(&command.room, *id)?;
        if message.deleted_at.is_some() {
            return Err(Refused::Deleted);
        }
        self.may(command, &message, Part::Whole)?;
        let username = command.actor.name()?;
        let changes = self.rooms.get(&command.room).ok_or_else(Refused::unlocked)?;
        let room_id = changes.room.id;
        let shown = self.known.emoji.get(&(room_id, *id, emoji.clone()));
        let emoji = &shown.unwrap_or(emoji).clone();
        let key = ReactionKey { room_id, message_id: *id, emoji: emoji.clone(), user: username.key().clone() };
        let is_on = match changes.reactions.get(&key) {
            Some(touched) => touched.is_some(),
            None => self.known.reactions.contains(&key),
        };
        if is_on == *on {
            return Ok(unchanged(message));
        }
        self.check_events(&command.room, *id)?;
        let mut reactions = message.reactions.clone();
        let names = self.known.reactors.get_mut(&(room_id, *id, emoji.clone()));
        if *on {
            add(&mut reactions, emoji, username, names)?;
        } else {
            take_back(&mut reactions, emoji, username, names);
        }
        bound_names(&mut reactions);
        let after = Arc::new(Message { reactions, ..(*message).clone() });
        let changes = self.change(&command.room, &after)?;
        let event = changes.next_id();
        changes.reactions.insert(key, on.then(|| (username.clone(), event)));
        let (username, emoji, on) = (username.clone(), emoji.clone(), *on);
        changes.events.push(Event::Reacted { id: event, username, emoji, on, message: after.clone() });
        Ok(changed(after, event))
    }

    /// Moves a user's cursor, forward only. It takes no id: read cursors are state, not history.
    pub(super) fn mark_read(&mut self, command: &Command, mark: &MarkRead) -> Decision {
        policy::may(&command.actor, command.act(), &self.standing(command)?)?;
        let username = command.actor.name()?;
        let changes = self.rooms.get_mut(&command.room).ok_or_else(Refused::unlocked)?;
        if mark.last_read_id > changes.room.head {
            return Err(Refused::PastHead);
        }
        let read = |cursor| Ok(Committed { answer: Outcome::Read(cursor), event: None });
        let key = (changes.room.id, username.key().clone());
        if let Some(cursor) = self.known.cursors.get(&key)
            && cursor.last_read_id >= mark.last_read_id
        {
            return read(cursor.clone());
        }
        let last_read_id = mark.last_read_id;
        let cursor = ReadCursor { username: username.clone(), last_read_id, updated_at: self.moment.now };
        if last_read_id == 0 {
            // Where everybody begins: nothing moves.
            return read(cursor);
        }
        self.known.cursors.insert(key, cursor.clone());
        changes.cursors.insert(username.key().clone(), cursor.clone());
        read(cursor)
    }

    /// Asks the policy about a change of a message, and then whether the message meets the request's conditions:
    /// they count only where all else is well (RFC 9110, 13.2.1).
    fn may(&self, command: &Command, message: &Message, part: Part) -> Result<(), Refused> {
        let age = self.moment.now.micros().saturating_sub(message.timestamp.micros());
        let standing = Standing {
            author: Some(message.username.key()),
            age: Duration::from_micros(u64::try_from(age).unwrap_or(0)),
            window: self.moment.edit_window,
            ..self.standing(command)?
        };
        policy::may(&command.actor, command.act(), &standing)?;
        // A version costs a hash of the message, and few ask for one.
        if command.when != Precondition::default() && !command.when.holds(Some(&message.version()), part) {
            return Err(Refused::PreconditionFailed);
        }
        Ok(())
    }

    fn message(&self, name: &RoomName, id: EventId) -> Result<Arc<Message>, Refused> {
        let room = self.known.rooms.get(name).ok_or_else(Refused::unlocked)?;
        self.known.messages.get(&(room.id, id)).cloned().ok_or(Refused::NoSuchMessage)
    }

    /// Checks that a message has not gathered as many events as it may. Deleting it is always one more.
    fn check_events(&self, name: &RoomName, id: EventId) -> Result<(), Refused> {
        let room = self.known.rooms.get(name).ok_or_else(Refused::unlocked)?;
        let count = self.known.events.get(&(room.id, id));
        if count.is_some_and(|count| *count >= MAX_EVENTS) { Err(Refused::TooManyEvents) } else { Ok(()) }
    }

    /// Takes the message as it is from now on.
    fn change(&mut self, name: &RoomName, message: &Arc<Message>) -> Result<&mut RoomChanges, Refused> {
        let changes = self.rooms.get_mut(name).ok_or_else(Refused::unlocked)?;
        self.known.messages.insert((changes.room.id, message.id), message.clone());
        if let Some(count) = self.known.events.get_mut(&(changes.room.id, message.id)) {
            *count += 1;
        }
        changes.changed.insert(message.id);
        Ok(changes)
    }
}

fn changed(message: Arc<Message>, event: EventId) -> Committed<Outcome> {
    Committed { answer: Outcome::Changed(message), event: Some(event) }
}

fn unchanged(message: Arc<Message>) -> Committed<Outcome> {
    Committed { answer: Outcome::Changed(message), event: None }
}

/// Counts a reaction in. `names` are those who reacted with the emoji first, if anybody takes theirs back.
fn add(
    reactions: &mut Vec<Reaction>,
    emoji: &str,
    username: &Username,
    names: Option<&mut Vec<Username>>,
) -> Result<(), Refused> {
    let Some(shown) = reactions.iter_mut().find(|shown| shown.emoji == emoji) else {
        if reactions.len() >= MAX_EMOJI {
            return Err(Refused::TooManyEmoji);
        }
        reactions.push(Reaction { emoji: emoji.to_owned(), count: 1, usernames: vec![username.clone()] });
        if let Some(names) = names {
            names.push(username.clone());
        }
        return Ok(());
    };
    if let Some(names) = names
        && names.len() == shown.count as usize
    {
        // All are known, so the newest comes after them.
        names.push(username.clone());
    }
    // Those who are named are the first, so nobody is named after one who is not.
    if shown.usernames.len() == shown.count as usize {
        shown.usernames.push(username.clone());
    }
    shown.count += 1;
    Ok(())
}

/// Counts a reaction out; who comes next takes the place among those named.
fn take_back(reactions: &mut Vec<Reaction>, emoji: &str, username: &Username, names: Option<&mut Vec<Username>>) {
    let Some(at) = reactions.iter().position(|shown| shown.emoji == emoji) else { return };
    let shown = &mut reactions[at];
    shown.count -= 1;
    shown.usernames.retain(|name| name.key() != username.key());
    if let Some(names) = names {
        names.retain(|name| name.key() != username.key());
        shown.usernames = names.iter().take(MAX_SHOWN_NAMES).cloned().collect();
    }
    if shown.count == 0 {
        reactions.remove(at);
    }
}
