//! Deciding what changes a message that is there, and how far somebody has read.

use std::sync::Arc;

use super::{
    super::{Outcome, Refused, known::SHOWN_NAMES},
    Batch, Growing,
};
use crate::{
    domain::{
        EventId,
        emoji::MAX_EMOJI,
        event::Event,
        message::{Edit, Message, Reaction, Revision},
        name::{RoomName, Username},
        read_cursor::ReadCursor,
    },
    store::changes::{ReactionKey, Replaced},
};

impl Batch {
    /// Edits: only the author, while the window is open, and what is still as the editor takes it to be.
    pub(super) fn edit(
        &mut self,
        name: &RoomName,
        id: EventId,
        edit: &Edit,
        versions: Option<&[String]>,
    ) -> Result<Outcome, Refused> {
        let message = self.message(name, id)?;
        if message.deleted_at.is_some() {
            return Err(Refused::Deleted);
        }
        if message.username.key() != edit.username.key() {
            return Err(Refused::NotTheAuthor);
        }
        if versions.is_some_and(|versions| !versions.contains(&message.version())) {
            return Err(Refused::VersionMissed);
        }
        let now = self.moment.now;
        let age = u128::try_from(now.micros().saturating_sub(message.timestamp.micros())).unwrap_or(0);
        if self.moment.edit_window.is_some_and(|window| age > window.as_micros()) {
            return Err(Refused::WindowOver);
        }
        if message.content == edit.content {
            return Ok(Outcome::Changed { message, event: None });
        }
        let after = Arc::new(Message { content: edit.content.clone(), edited_at: Some(now), ..(*message).clone() });
        let growing = self.change(name, &after)?;
        let event = growing.next_id();
        let timestamp = message.edited_at.unwrap_or(message.timestamp);
        let revision = Revision { content: message.content.clone(), timestamp };
        growing.revisions.push(Replaced { message_id: id, id: event, revision });
        growing.events.push(Event::MessageEdited { id: event, edited_at: now, message: after.clone() });
        Ok(Outcome::Changed { message: after, event: Some(event) })
    }

    /// Deletes: only the author. Again is no change, so that who lost the answer may ask again.
    pub(super) fn delete(&mut self, name: &RoomName, id: EventId, username: &Username) -> Result<Outcome, Refused> {
        let message = self.message(name, id)?;
        if message.username.key() != username.key() {
            return Err(Refused::NotTheAuthor);
        }
        if message.deleted_at.is_some() {
            return Ok(Outcome::Changed { message, event: None });
        }
        let deleted_at = self.moment.now;
        let after = Arc::new(message.tombstone(deleted_at));
        let growing = self.change(name, &after)?;
        let event = growing.next_id();
        growing.deleted.insert(id);
        let username = username.clone();
        growing.events.push(Event::MessageDeleted { id: event, username, deleted_at, message: after.clone() });
        Ok(Outcome::Changed { message: after, event: Some(event) })
    }

    /// Adds a reaction or takes it back. Again is no change.
    pub(super) fn react(
        &mut self,
        name: &RoomName,
        id: EventId,
        username: &Username,
        emoji: &str,
        on: bool,
    ) -> Result<Outcome, Refused> {
        let message = self.message(name, id)?;
        if message.deleted_at.is_some() {
            return Err(Refused::Deleted);
        }
        let growing = self.rooms.get(name).ok_or_else(Refused::unlocked)?;
        let room_id = growing.room.id;
        let key = ReactionKey { room_id, message_id: id, emoji: emoji.to_owned(), user: username.key().clone() };
        let is_on = match growing.reactions.get(&key) {
            Some(touched) => touched.is_some(),
            None => self.known.reactions.contains(&key),
        };
        if is_on == on {
            return Ok(Outcome::Changed { message, event: None });
        }
        let mut reactions = message.reactions.clone();
        let names = self.known.reactors.get_mut(&(room_id, id, emoji.to_owned()));
        if on {
            add(&mut reactions, emoji, username, names)?;
        } else {
            take_back(&mut reactions, emoji, username, names);
        }
        let after = Arc::new(Message { reactions, ..(*message).clone() });
        let growing = self.change(name, &after)?;
        let event = growing.next_id();
        growing.reactions.insert(key, on.then(|| (username.clone(), event)));
        let (username, emoji) = (username.clone(), emoji.to_owned());
        growing.events.push(Event::Reacted { id: event, username, emoji, on, message: after.clone() });
        Ok(Outcome::Changed { message: after, event: Some(event) })
    }

    /// Moves a user's cursor, forward only. It takes no id: how far people read is state, not history.
    pub(super) fn mark_read(
        &mut self,
        name: &RoomName,
        username: &Username,
        last_read_id: EventId,
    ) -> Result<Outcome, Refused> {
        let growing = self.rooms.get_mut(name).ok_or_else(Refused::unlocked)?;
        if last_read_id > growing.room.head {
            return Err(Refused::PastHead);
        }
        let key = (growing.room.id, username.key().clone());
        if let Some(cursor) = self.known.cursors.get(&key)
            && cursor.last_read_id >= last_read_id
        {
            return Ok(Outcome::Read(cursor.clone()));
        }
        let cursor = ReadCursor { username: username.clone(), last_read_id, updated_at: self.moment.now };
        self.known.cursors.insert(key, cursor.clone());
        growing.cursors.insert(username.key().clone(), cursor.clone());
        Ok(Outcome::Read(cursor))
    }

    fn message(&self, name: &RoomName, id: EventId) -> Result<Arc<Message>, Refused> {
        let room = self.known.rooms.get(name).ok_or_else(Refused::unlocked)?;
        self.known.messages.get(&(room.id, id)).cloned().ok_or(Refused::NoSuchMessage)
    }

    /// Takes the message as it is from now on.
    fn change(&mut self, name: &RoomName, message: &Arc<Message>) -> Result<&mut Growing, Refused> {
        let growing = self.rooms.get_mut(name).ok_or_else(Refused::unlocked)?;
        self.known.messages.insert((growing.room.id, message.id), message.clone());
        growing.changed.insert(message.id);
        Ok(growing)
    }
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
    shown.count += 1;
    if shown.usernames.len() < SHOWN_NAMES {
        shown.usernames.push(username.clone());
    }
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
        shown.usernames = names.iter().take(SHOWN_NAMES).cloned().collect();
    }
    if shown.count == 0 {
        reactions.remove(at);
    }
}
