//! The operations of a user, one function each, every one of which asks the policy.

use std::{borrow::Cow, sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;

pub mod accounts;
pub mod audit;
pub mod changes;
pub mod direct;
pub mod identity;
pub mod keys;
pub mod limits;
pub mod members;
pub mod messages;
pub mod presence;
pub mod read_cursors;
pub mod reading;
pub mod renewal;
pub mod revocations;
pub mod rooms;
pub mod search;
pub mod tickets;
pub mod upkeep;
pub mod users;

use crate::{
    clock::Clock,
    domain::{
        bounds::TooMany,
        invalid::Invalid,
        limit::{Allowance, Limit},
        membership::Membership,
        name::RoomName,
        policy::{Act, Actor, Denied, Standing, may},
        room::Room,
        version::Precondition,
    },
    hub::{Hub, permission::NotGiven},
    identity::{
        accounts::{AccountError, Accounts},
        authenticator::Authenticator,
    },
    journal::{Journal, command::Action},
    limits::{Limits, readers::TooManyReaders},
    store::{Store, error::StoreError, identity::Basis, search::SearchError},
};
pub use crate::{
    identity::{
        accounts::{Browser, SignIn, SignedIn},
        not_proven::NotProven,
        secret::{Secret, SecretKind},
    },
    journal::{Refused, command::Committed},
};

/// The tries of a change while others lose rights all the time.
const LOOK_UPS: usize = 10;

/// Everything a user can do. Each function takes the actor first, and asks the policy.
#[derive(Debug)]
pub struct Chat {
    pub(crate) journal: Journal,
    pub(crate) hub: Arc<Hub>,
    pub(crate) store: Store,
    /// Absent in open mode, where nothing vouches for anybody.
    pub(crate) authenticator: Option<Arc<Authenticator>>,
    /// Absent in open mode.
    pub(crate) accounts: Option<Accounts>,
    pub(crate) limits: Arc<Limits>,
    pub(crate) clock: Clock,
    /// Cancelled when whoever waits is to be answered at once.
    pub(crate) closing: CancellationToken,
}

/// The reasons for not doing something.
#[derive(Debug, thiserror::Error)]
pub enum ChatError {
    /// The input breaks rules.
    #[error("invalid input")]
    Invalid(Vec<Invalid>),
    /// There is no such thing.
    #[error("there is no such {0}")]
    NotFound(&'static str),
    /// Nobody would be left who can undo it: the user is the last admin.
    #[error("the user is the last admin")]
    LastAdmin,
    /// The journal refuses it, or the policy does before the journal is asked.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// Too many ask for the same costly thing at once; may pass.
    #[error("too many {0} at once")]
    Busy(&'static str),
    /// The name or the password is wrong.
    #[error("the name or the password is wrong")]
    BadCredentials,
    /// The invitation is missing, or not good.
    #[error("the invitation is not good")]
    NotInvited,
    /// The name is another user's, or looks like one that is.
    #[error("the name is taken")]
    NameTaken,
    /// The name is of a user who is no bot.
    #[error("the user is no bot")]
    NoBot,
    /// The server keeps no accounts.
    #[error("the server keeps no accounts")]
    NoAccounts,
    /// There were too many failures; the time to wait.
    #[error("too many failures")]
    TooManyFailures(Duration),
    /// The actor does it more often than is allowed.
    #[error("too many {}", .0.limit.what())]
    TooFast(Allowance),
    /// The actor reads by as many streams, sockets and polls as there may be.
    #[error("more than {} readers", .0.0)]
    TooManyReaders(TooManyReaders),
    /// There are as many as there may be.
    #[error(transparent)]
    TooMany(TooMany),
    /// The same of tickets, which end by themselves; the time after which all of them have.
    #[error("{0}")]
    TooManyTickets(TooMany, Duration),
    /// The credential is not good.
    #[error(transparent)]
    NotProven(NotProven),
    /// A fault of this program, in words for its log.
    #[error("internal fault: {0}")]
    Internal(String),
}

impl Chat {
    /// The room as the database has it, absent if nobody has made it, for an actor who may read it. Whatever is
    /// read of a room is read with the answer.
    async fn readable(&self, actor: &Actor, name: &RoomName) -> Result<Option<Room>, ChatError> {
        self.room_for(actor, Act::ReadRoom, name).await
    }

    /// The same for an actor who may do something there.
    async fn room_for(&self, actor: &Actor, act: Act, name: &RoomName) -> Result<Option<Room>, ChatError> {
        let actor = self.current(actor).await?;
        let room = self.store.room(name).await?;
        self.may_at(&actor, act, name, room.as_ref()).await?;
        Ok(room)
    }

    /// Asks the policy about an act of an actor, whose rights are those in force, in a room that was just read. Returns
    /// the actor's membership there.
    async fn may_at(
        &self,
        actor: &Actor,
        act: Act,
        name: &RoomName,
        room: Option<&Room>,
    ) -> Result<Option<Membership>, ChatError> {
        Ok(self.hub.may(actor, act, name, room).await?)
    }

    /// Asks the policy about an act in a room of which nothing is read from the database. In open mode it is not asked
    /// for either.
    async fn may_in(&self, actor: &Actor, act: Act, name: &RoomName) -> Result<(), ChatError> {
        if actor.grant().is_none() {
            return Ok(may(actor, act, &Standing::default())?);
        }
        self.room_for(actor, act, name).await.map(drop)
    }

    /// Counts a room if the actor's next change is what makes it; true if it was counted.
    async fn count_new_room(&self, actor: &Actor, name: &RoomName) -> Result<bool, ChatError> {
        if !self.limits.holds_for(actor) || self.hub.room_in_memory(name).is_some_and(|room| room.head() > 0) {
            return Ok(false);
        }
        let is_new = self.store.room(name).await?.is_none();
        if is_new {
            self.count(Limit::Rooms, actor)?;
        }
        Ok(is_new)
    }

    /// Counts one more of what is limited.
    fn count(&self, limit: Limit, actor: &Actor) -> Result<(), ChatError> {
        self.limits.take(limit, actor).map_err(ChatError::TooFast)
    }

    /// The actor with the rights that are in force now.
    async fn current<'a>(&self, actor: &'a Actor) -> Result<Cow<'a, Actor>, ChatError> {
        match &self.authenticator {
            Some(authenticator) => Ok(authenticator.current(actor).await?),
            None => Ok(Cow::Borrowed(actor)),
        }
    }

    /// Has the journal carry an action out. An actor whose rights are not those in force has them looked up again.
    async fn submit<A: Action + Clone>(
        &self,
        actor: &Actor,
        room: &RoomName,
        when: Precondition,
        action: A,
    ) -> Result<Committed<A::Answer>, ChatError> {
        let Some(authenticator) = &self.authenticator else {
            return Ok(self.journal.submit(actor.clone(), room.clone(), when, action).await?);
        };
        authenticator.check_time(actor)?;
        let mut actor = actor.clone();
        for _ in 0..LOOK_UPS {
            match self.journal.submit(actor.clone(), room.clone(), when.clone(), action.clone()).await {
                Err(Refused::Stale) => actor = authenticator.renewed(&actor).await?,
                done => return Ok(done?),
            }
        }
        Err(Refused::Unavailable.into())
    }
}

/// Does something again as long as somebody has lost a right between the check and the change.
async fn until_settled<T, F>(work: impl Fn() -> F) -> Result<T, ChatError>
where
    F: Future<Output = Result<T, ChatError>>,
{
    for _ in 0..LOOK_UPS {
        match work().await {
            Err(ChatError::Refused(Refused::Stale)) => {}
            done => return done,
        }
    }
    Err(Refused::Unavailable.into())
}

/// The basis of what an actor changes outside of all rooms.
fn basis(actor: &Actor) -> Basis<'static> {
    // In open mode there is nothing of the kind.
    Basis::Rights(actor.grant().map_or(0, |grant| grant.version))
}

impl From<StoreError> for ChatError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(_)
            | StoreError::LogGone(_)
            | StoreError::Interrupted(_)
            | StoreError::Conflict(_)
            | StoreError::FsyncRefused(_) => {
                tracing::warn!(%error, "the store can't be read");
                Self::Refused(Refused::Unavailable)
            }
            StoreError::Rejected(_) | StoreError::Hole { .. } => Self::Internal(error.to_string()),
        }
    }
}

impl From<SearchError> for ChatError {
    fn from(error: SearchError) -> Self {
        match error {
            SearchError::Busy => Self::Busy("searches"),
            SearchError::Failed(why) => Self::Internal(why),
            SearchError::Store(error) => error.into(),
        }
    }
}

impl From<NotProven> for ChatError {
    fn from(error: NotProven) -> Self {
        match error {
            NotProven::Store(error) => error.into(),
            why => {
                tracing::info!(%why, "a credential is refused");
                why.denied().into()
            }
        }
    }
}

impl From<AccountError> for ChatError {
    fn from(error: AccountError) -> Self {
        match error {
            AccountError::Invalid(invalid) => invalid.into(),
            AccountError::NotKept => Self::NoAccounts,
            AccountError::NotInvited => Self::NotInvited,
            AccountError::NameTaken => Self::NameTaken,
            AccountError::BadCredentials => Self::BadCredentials,
            AccountError::LastAdmin => Self::LastAdmin,
            AccountError::TooManyFailures(wait) => Self::TooManyFailures(wait),
            AccountError::TooMany(bound) => Self::TooMany(bound),
            AccountError::Busy(_) => Self::Busy("passwords"),
            AccountError::Unknown(thing) => Self::NotFound(thing),
            AccountError::Stale => Self::Refused(Refused::Stale),
            AccountError::NotProven(NotProven::Store(error)) | AccountError::Store(error) => error.into(),
            AccountError::NotProven(error) => Self::NotProven(error),
        }
    }
}

impl From<NotGiven> for ChatError {
    fn from(error: NotGiven) -> Self {
        match error {
            NotGiven::Denied(denied) => denied.into(),
            NotGiven::Store(error) => error.into(),
        }
    }
}

impl From<Denied> for ChatError {
    fn from(denied: Denied) -> Self {
        Self::Refused(denied.into())
    }
}

impl From<Invalid> for ChatError {
    fn from(invalid: Invalid) -> Self {
        Self::Invalid(vec![invalid])
    }
}
