//! Tickets: one stream or socket each, opened as whoever made it.

use std::time::Duration;

use super::{Authenticator, Invalid, NotProven, inherited, of_store};
use crate::{
    domain::{
        actor::{Actor, Grant},
        name::{RoomName, Username},
        ticket::Opening,
        timestamp::Timestamp,
        transport::Transport,
    },
    identity::secret::{Secret, SecretKind},
    store::{
        error::StoreError,
        identity::{IdentityError, StoredTicket},
    },
};

impl Authenticator {
    /// Makes a ticket of a user that lasts so long. It is good for as much, and for no longer, than the credential of the
    /// grant.
    ///
    /// # Errors
    /// [`IdentityError::Unknown`] for a guest, [`IdentityError::TooMany`], [`IdentityError::Store`].
    pub async fn make_ticket(
        &self,
        user: &Username,
        grant: &Grant,
        opening: &Opening,
        lifetime: Duration,
    ) -> Result<Secret, IdentityError> {
        let secret = Secret::generate(SecretKind::Ticket);
        let now = self.clock.now();
        let rooms: Vec<_> = opening.rooms.iter().map(RoomName::as_str).collect();
        let ticket = StoredTicket {
            credential: inherited::written(grant).ok_or(IdentityError::Unknown)?,
            transport: opening.transport.word().to_owned(),
            rooms: serde_json::to_string(&rooms).map_err(|error| StoreError::Rejected(error.to_string()))?,
            expires_at: after(now, lifetime),
        };
        self.writer.make_ticket(secret.hash().as_bytes(), user.key(), &ticket, now).await?;
        Ok(secret)
    }

    /// The actor of a ticket that opens these rooms by this transport. Whatever comes of it, the ticket is spent.
    ///
    /// # Errors
    /// [`NotProven`].
    pub async fn actor_of_ticket(
        &self,
        text: &str,
        transport: Transport,
        rooms: &[String],
    ) -> Result<Actor, NotProven> {
        let secret = Secret::parse(SecretKind::Ticket, text).ok_or(Invalid("it is no ticket"))?;
        let hash = secret.hash();
        // Whoever has no ticket keeps nobody from writing.
        let ticket = self.store.ticket(hash.as_bytes()).await?.ok_or(Invalid("there is no such ticket"))?;
        // Left to whoever makes the next one, who removes those that are over in their order.
        if self.clock.now() >= ticket.expires_at {
            return Err(Invalid("the ticket's time is over"));
        }
        if !self.writer.take_ticket(hash.as_bytes()).await.map_err(of_store)? {
            return Err(Invalid("the ticket was just taken"));
        }
        if !opening(&ticket).is_some_and(|opening| opening.covers(transport, rooms.iter().map(String::as_str))) {
            return Err(Invalid("the ticket is for another transport or room"));
        }
        let grant = inherited::read(&ticket.credential).ok_or(Invalid("the ticket's credential can't be read"))?;
        self.of_grant(&grant).await
    }

    /// The actor of a credential that was stored, as it is now.
    async fn of_grant(&self, grant: &Grant) -> Result<Actor, NotProven> {
        // Before what it is the version of.
        let version = self.version().await?;
        let found = self.granted_again(version, &[grant]).await?.into_iter().next();
        let actor = found.unwrap_or(Err(Invalid("it was not looked up")))?;
        self.check_time(&actor)?;
        Ok(actor)
    }
}

/// The opening that a ticket was made for.
fn opening(ticket: &StoredTicket) -> Option<Opening> {
    let rooms: Vec<String> = serde_json::from_str(&ticket.rooms).ok()?;
    Opening::check(Some(&rooms), Some(&ticket.transport)).ok()
}

/// The time that comes so long after another.
pub(super) fn after(time: Timestamp, span: Duration) -> Timestamp {
    let micros = i64::try_from(span.as_micros()).unwrap_or(i64::MAX);
    Timestamp::from_micros(time.micros().saturating_add(micros))
}
