//! Commands to the journal: who asks for which change of a room, and the answer that each change has.

use std::sync::Arc;

use super::Refused;
use crate::domain::{
    EventId,
    content::MAX_CONTENT_BYTES,
    membership::{Membership, Role},
    message::{Draft, Edit, Message},
    name::{RoomName, Username},
    policy::{Act, Actor},
    read_cursor::ReadCursor,
    rights::Right,
    room::{Room, RoomChange},
    timestamp::Timestamp,
    version::Precondition,
};

/// A change that somebody asks for.
#[derive(Debug)]
pub struct Command {
    /// The actor.
    pub actor: Actor,
    /// The room it is about.
    pub room: RoomName,
    /// The conditions it is to be carried out under.
    pub when: Precondition,
    /// The change.
    pub change: Change,
}

impl Command {
    /// The act that the policy decides on.
    #[must_use]
    pub fn act(&self) -> Act {
        self.change.act(&self.actor)
    }
}

/// A change of a room.
#[derive(Debug)]
pub enum Change {
    /// A message is posted.
    Post(Draft),
    /// A message is to say something else.
    Edit(Edit),
    /// A message is deleted.
    Delete(Delete),
    /// A reaction is added or taken back.
    React(React),
    /// A read cursor is moved.
    MarkRead(MarkRead),
    /// The room is made or changed.
    PutRoom(RoomChange),
    /// A membership, a mute or a ban is changed.
    Member(MembershipChange),
    /// The room of two people is made.
    Direct(OpenDirect),
}

/// Deletes a message.
#[derive(Debug, Clone)]
pub struct Delete {
    /// The message.
    pub id: EventId,
}

/// Adds a reaction or takes it back.
#[derive(Debug, Clone)]
pub struct React {
    /// The message.
    pub id: EventId,
    /// The emoji.
    pub emoji: String,
    /// True to add it, false to take it back.
    pub on: bool,
}

/// Moves a read cursor, forward only.
#[derive(Debug, Clone)]
pub struct MarkRead {
    /// The newest event that is read.
    pub last_read_id: EventId,
}

/// Changes what a room knows of a user.
#[derive(Debug, Clone)]
pub struct MembershipChange {
    /// The user.
    pub username: Username,
    /// The change.
    pub to: MembershipTo,
}

/// Makes the room of the actor and somebody else, unless it is there.
#[derive(Debug, Clone)]
pub struct OpenDirect {
    /// The other.
    pub with: Username,
}

/// The changes of what a room knows of a user.
#[derive(Debug, Clone)]
pub enum MembershipTo {
    /// The user joins, by itself.
    Joined,
    /// The user leaves, by itself.
    Left,
    /// The user's account is deleted: gone from every room, be it the last owner's or one of two.
    Gone,
    /// A member with this role.
    Role(Role),
    /// No member any more.
    Removed,
    /// Banned.
    Banned {
        /// The reason, if one is given.
        reason: Option<String>,
        /// The time it ends; for ever, if absent.
        until: Option<Timestamp>,
    },
    /// No longer banned.
    Unbanned,
    /// Muted until this time; no longer, if absent.
    Muted(Option<Timestamp>),
}

/// A membership that is as asked.
#[derive(Debug, Clone)]
pub struct Membered {
    /// The membership.
    pub membership: Membership,
    /// True if this changed it.
    pub changed: bool,
}

/// A change by its type, so that its answer has one too.
pub trait Action: Into<Change> {
    /// The answer.
    type Answer;

    /// The answer among the outcomes; absent for the outcome of another change.
    fn answer(outcome: Outcome) -> Option<Self::Answer>;
}

/// An answer, and the event that was made for it. It is on disk.
#[derive(Debug, Clone)]
pub struct Committed<T> {
    /// The answer.
    pub answer: T,
    /// The event; absent if nothing changed, or if the change is no event.
    pub event: Option<EventId>,
}

impl<T> Committed<T> {
    /// The same event with another answer.
    pub fn map<U>(self, answer: impl FnOnce(T) -> U) -> Committed<U> {
        Committed { answer: answer(self.answer), event: self.event }
    }
}

/// A message that is in the log.
#[derive(Debug, Clone)]
pub struct Posted {
    /// The message.
    pub message: Arc<Message>,
    /// True if it was there before, posted with the same key.
    pub replayed: bool,
}

/// A room that is as asked.
#[derive(Debug, Clone)]
pub struct RoomPut {
    /// The room.
    pub room: Room,
    /// True if this made it.
    pub made: bool,
}

/// The answer to any change.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// The message is in the log.
    Posted(Posted),
    /// The message is as asked.
    Changed(Arc<Message>),
    /// The user has read at least as far as asked.
    Read(ReadCursor),
    /// The room is as asked.
    RoomPut(RoomPut),
    /// The membership is as asked.
    Membered(Membered),
}

macro_rules! actions {
    ($($action:ident => $change:ident, $outcome:ident($answer:ty);)+) => {$(
        impl From<$action> for Change {
            fn from(action: $action) -> Self {
                Self::$change(action)
            }
        }

        impl Action for $action {
            type Answer = $answer;

            fn answer(outcome: Outcome) -> Option<$answer> {
                if let Outcome::$outcome(answer) = outcome { Some(answer) } else { None }
            }
        }
    )+};
}

actions! {
    Draft => Post, Posted(Posted);
    Edit => Edit, Changed(Arc<Message>);
    Delete => Delete, Changed(Arc<Message>);
    React => React, Changed(Arc<Message>);
    MarkRead => MarkRead, Read(ReadCursor);
    RoomChange => PutRoom, RoomPut(RoomPut);
    OpenDirect => Direct, RoomPut(RoomPut);
    MembershipChange => Member, Membered(Membered);
}

impl Change {
    /// The act that the policy decides on.
    #[must_use]
    pub fn act(&self, actor: &Actor) -> Act {
        match self {
            Self::Post(_) => Act::Post,
            Self::Edit(_) => Act::Edit,
            Self::Delete(_) => Act::Delete,
            Self::React(_) => Act::React,
            Self::MarkRead(_) => Act::MarkRead,
            Self::PutRoom(_) => Act::ChangeRoom,
            Self::Member(change) => change.act(actor),
            Self::Direct(_) => Act::OpenDirect,
        }
    }

    /// About how many bytes it adds to a transaction.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Post(draft) => draft.content.len(),
            // The earlier content is written too, as a revision, and may be as long.
            Self::Edit(edit) => edit.content.len() + MAX_CONTENT_BYTES,
            // A reaction writes the message's row again.
            Self::React(_) => MAX_CONTENT_BYTES,
            Self::Delete(_) | Self::MarkRead(_) | Self::Member(_) | Self::Direct(_) => 0,
            Self::PutRoom(change) => {
                change.title.as_ref().map_or(0, String::len) + change.topic.as_ref().map_or(0, String::len)
            }
        }
    }
}

impl MembershipChange {
    /// The act that the policy decides on.
    #[must_use]
    pub fn act(&self, actor: &Actor) -> Act {
        let is_admin = || actor.grant().is_some_and(|grant| grant.rights.contains(Right::Admin));
        let is_oneself = actor.user().is_some_and(|own| own.key() == self.username.key());
        match self.to {
            MembershipTo::Joined => Act::Join,
            MembershipTo::Left => Act::Leave,
            MembershipTo::Gone => Act::KeepAccount,
            MembershipTo::Role(_) if is_oneself && is_admin() => Act::AddOneself,
            MembershipTo::Role(_) => Act::SetMember,
            MembershipTo::Removed => Act::RemoveMember,
            MembershipTo::Banned { .. } | MembershipTo::Unbanned => Act::Ban,
            MembershipTo::Muted(_) => Act::Mute,
        }
    }
}

/// The answer to an action, out of the outcome that the journal has for it.
pub(super) fn typed<A: Action>(committed: Committed<Outcome>) -> Result<Committed<A::Answer>, Refused> {
    let Committed { answer, event } = committed;
    let answer = A::answer(answer).ok_or_else(|| Refused::Rejected("the outcome is another change's".to_owned()))?;
    Ok(Committed { answer, event })
}
