//! The only way into the log: commands queue up, and one writer takes all that wait as one
//! transaction.
//!
//! A caller only awaits its answer, so that a client who hangs up cancels nothing half way.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};

pub mod backlog;
pub mod decide;
pub mod indexer;
pub mod known;
#[cfg(test)]
mod tests;
pub mod writer;

use crate::domain::{
    EventId,
    content::MAX_CONTENT_BYTES,
    message::{Draft, Edit, Message},
    name::{RoomName, Username},
    read_cursor::ReadCursor,
    room::{Room, RoomChange},
};

/// How many commands wait at most; one more is refused at once.
const QUEUE: usize = 4_096;

/// Something to be written.
#[derive(Debug)]
pub enum Command {
    /// A message is posted.
    Post {
        /// Where.
        room: RoomName,
        /// What.
        draft: Draft,
    },
    /// A message is to say something else.
    Edit {
        /// Where.
        room: RoomName,
        /// Which message.
        id: EventId,
        /// Who edits, and what it says then.
        edit: Edit,
        /// The versions that the editor takes the message to be at; any, if absent.
        versions: Option<Vec<String>>,
    },
    /// A message is deleted.
    Delete {
        /// Where.
        room: RoomName,
        /// Which message.
        id: EventId,
        /// Who deletes it.
        username: Username,
    },
    /// A reaction is added or taken back.
    React {
        /// Where.
        room: RoomName,
        /// To which message.
        id: EventId,
        /// Who.
        username: Username,
        /// With what.
        emoji: String,
        /// Whether it is added.
        on: bool,
    },
    /// Somebody has read up to a message.
    MarkRead {
        /// Where.
        room: RoomName,
        /// Who.
        username: Username,
        /// Up to where.
        last_read_id: EventId,
    },
    /// A room is made or changed.
    PutRoom {
        /// Which.
        room: RoomName,
        /// What is to change.
        change: RoomChange,
    },
}

impl Command {
    /// The room it is about.
    #[must_use]
    pub fn room(&self) -> &RoomName {
        match self {
            Self::Post { room, .. }
            | Self::Edit { room, .. }
            | Self::Delete { room, .. }
            | Self::React { room, .. }
            | Self::MarkRead { room, .. }
            | Self::PutRoom { room, .. } => room,
        }
    }

    /// About how many bytes it adds to a transaction.
    fn bytes(&self) -> usize {
        match self {
            Self::Post { draft, .. } => draft.content.len(),
            // The earlier content is written too, as a revision, and may be as long.
            Self::Edit { edit, .. } => edit.content.len() + MAX_CONTENT_BYTES,
            // A reaction writes the message's row anew.
            Self::React { .. } => MAX_CONTENT_BYTES,
            Self::Delete { .. } | Self::MarkRead { .. } => 0,
            Self::PutRoom { change, .. } => {
                change.title.as_ref().map_or(0, String::len) + change.topic.as_ref().map_or(0, String::len)
            }
        }
    }
}

/// What a command led to. It is on disk.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// The message is in the log.
    Posted {
        /// The message.
        message: Arc<Message>,
        /// Whether it was there before, posted with the same key.
        replayed: bool,
    },
    /// The message is as asked.
    Changed {
        /// The message.
        message: Arc<Message>,
        /// The event that made it so; none if it was so already.
        event: Option<EventId>,
    },
    /// The user has read at least as far as asked.
    Read(ReadCursor),
    /// The room is as asked.
    RoomPut {
        /// The room.
        room: Room,
        /// Whether it was made by this.
        made: bool,
    },
}

/// Why a command changed nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The idempotency key was used for something else.
    #[error("the idempotency key was used for another message")]
    KeyReused,
    /// The message to reply to is not in the room.
    #[error("the message to reply to is not in the room")]
    NoSuchTarget,
    /// There is no such message.
    #[error("there is no such message")]
    NoSuchMessage,
    /// The message is deleted.
    #[error("the message is deleted")]
    Deleted,
    /// The message is somebody else's.
    #[error("the message is somebody else's")]
    NotTheAuthor,
    /// The message is too old to be edited.
    #[error("the message is too old to be edited")]
    WindowOver,
    /// The message is at another version than the editor takes it to be.
    #[error("the message has changed meanwhile")]
    VersionMissed,
    /// The message has as many different emoji as it may have.
    #[error("the message has too many different emoji")]
    TooManyEmoji,
    /// The cursor is past the newest event of the room.
    #[error("the cursor is past the newest event")]
    PastHead,
    /// The store is out or hangs, or more wait already than it takes: not known to be stored.
    #[error("the store takes no posts now")]
    Unavailable,
    /// The store rejects what the journal decided: a fault of this program, in words for its log.
    #[error("the store rejects the command: {0}")]
    Rejected(String),
}

impl Refused {
    /// The command is about a room that the batch has not locked.
    fn unlocked() -> Self {
        Self::Rejected("its room is not locked".to_owned())
    }
}

#[derive(Debug)]
struct Waiting {
    command: Command,
    answer: oneshot::Sender<Result<Outcome, Refused>>,
}

/// The way to the writer. Cheap to clone; the writer ends when all of them are gone.
#[derive(Debug, Clone)]
pub struct Journal {
    queue: mpsc::Sender<Waiting>,
    /// How long an answer is waited for: a disk may hang, and neither fail nor answer.
    patience: Duration,
}

impl Journal {
    /// Has a command carried out. Neither cancelling this nor losing patience cancels the command.
    ///
    /// # Errors
    /// [`Refused`].
    pub async fn submit(&self, command: Command) -> Result<Outcome, Refused> {
        let (answer, answered) = oneshot::channel();
        self.queue.try_send(Waiting { command, answer }).map_err(|_| Refused::Unavailable)?;
        timeout(self.patience, answered).await.ok().and_then(Result::ok).unwrap_or(Err(Refused::Unavailable))
    }
}
