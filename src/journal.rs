//! The only way into the log: commands queue up, and one writer takes all that wait as one
//! transaction.
//!
//! A caller only awaits its answer, so that a client who hangs up cancels nothing half way.

use std::time::Duration;

use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, timeout_at},
};

pub mod backlog;
pub mod command;
pub mod decide;
mod failpoints;
pub mod feed;
pub mod follower;
pub mod known;
mod line;
#[cfg(test)]
mod tests;
pub mod writer;

use crate::domain::{
    EventId,
    name::RoomName,
    policy::{Actor, Denied},
    version::Precondition,
};
use command::{Action, Command, Committed, Outcome, typed};

/// The most commands that wait; one more is refused at once.
const QUEUE: usize = 4_096;

/// The reason that a command changed nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The policy forbids it.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// Somebody has lost a right since the actor's were looked up: look them up again.
    #[error("the actor's rights have to be looked up again")]
    Stale,
    /// The idempotency key was used for a message with other content or another target.
    #[error("the idempotency key was used for another message")]
    KeyReused {
        /// The message that was posted with it.
        message_id: EventId,
    },
    /// The message to reply to is not in the room.
    #[error("the message to reply to is not in the room")]
    NoSuchTarget,
    /// There is no such message.
    #[error("there is no such message")]
    NoSuchMessage,
    /// There is no such user any more.
    #[error("there is no such user")]
    NoSuchUser,
    /// The message is deleted.
    #[error("the message is deleted")]
    Deleted,
    /// The user to be added is banned from the room.
    #[error("the user is banned from the room")]
    Banned,
    /// A room of this name is there, of which the actor may know no more.
    #[error("the room's name is taken")]
    RoomTaken,
    /// The room asks for a pause between two posts of a user.
    #[error("the room asks for a pause between two posts")]
    TooSoon {
        /// The time until the user may post again, in seconds.
        wait: u32,
    },
    /// A room with owners keeps one.
    #[error("the room's last owner can't step down")]
    LastOwner,
    /// The object of the change does not meet the request's conditions.
    #[error("what is to be changed does not meet the request's conditions")]
    PreconditionFailed,
    /// The message has as many different emoji as it may have.
    #[error("the message has too many different emoji")]
    TooManyEmoji,
    /// The message has gathered as many events as it may.
    #[error("the message has too many events")]
    TooManyEvents,
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

/// The answer to a command.
type Answered = Result<Committed<Outcome>, Refused>;

/// A command on its way through the journal.
#[derive(Debug)]
struct Waiting {
    command: Command,
    answer: oneshot::Sender<Answered>,
    /// The time when whoever asked gives up: then it is not to be begun any more.
    until: Instant,
}

impl Waiting {
    fn answer(self, answered: Answered) {
        // Who asked may have gone; the command stands.
        let _ = self.answer.send(answered);
    }
}

/// The way to the writer. Cheap to clone; the writer ends when all of them are gone.
#[derive(Debug, Clone)]
pub struct Journal {
    queue: mpsc::Sender<Waiting>,
    /// The time that an answer is waited for: a disk may hang, and neither fail nor answer.
    patience: Duration,
}

impl Journal {
    /// Has an action carried out for an actor, under conditions. Neither cancelling this nor losing patience
    /// cancels an action that is begun; one that is not begun by then is dropped.
    ///
    /// # Errors
    /// [`Refused`].
    pub async fn submit<A: Action>(
        &self,
        actor: Actor,
        room: RoomName,
        when: Precondition,
        action: A,
    ) -> Result<Committed<A::Answer>, Refused> {
        let (answer, answered) = oneshot::channel();
        let command = Command { actor, room, when, change: action.into() };
        let until = Instant::now() + self.patience;
        self.queue.try_send(Waiting { command, answer, until }).map_err(|_| Refused::Unavailable)?;
        let outcome = timeout_at(until, answered).await.ok().and_then(Result::ok);
        typed::<A>(outcome.unwrap_or(Err(Refused::Unavailable))?)
    }
}
