//! Tickets: what a page opens a stream or a socket with, where it can send no header.

use std::time::Duration;

use super::{Chat, ChatError};
use crate::{
    domain::{
        denied::Denied,
        policy::{Act, Actor, Standing, may},
        ticket::Opening,
    },
    store::identity::IdentityError,
};

impl Chat {
    /// A ticket for a stream or a socket, and the time that it lasts. No room is looked at, so that it tells of none.
    ///
    /// # Errors
    /// [`ChatError`].
    pub async fn ticket(&self, actor: &Actor, opening: &Opening) -> Result<(String, Duration), ChatError> {
        let actor = self.current(actor).await?;
        may(&actor, Act::MakeTicket, &Standing::default())?;
        let (Some(authenticator), Some(grant)) = (&self.authenticator, actor.grant()) else {
            return Err(Denied::Guest.into());
        };
        let lifetime = self.hub.timings().ticket_lifetime;
        let made = authenticator.make_ticket(actor.name()?, grant, opening, lifetime).await;
        let ticket = made.map_err(|error| match error {
            IdentityError::TooMany(bound) => ChatError::TooManyTickets(bound, lifetime),
            IdentityError::Store(error) => error.into(),
            _ => Denied::Guest.into(),
        })?;
        Ok((ticket.reveal().to_owned(), lifetime))
    }
}
