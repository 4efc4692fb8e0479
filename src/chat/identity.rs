//! The actor's own rights.

use super::{Chat, ChatError};
use crate::domain::{
    policy::{Act, Actor, Standing, may},
    rights::Rights,
};

impl Chat {
    /// The rights of the actor that are in force now; none in open mode, where nothing is asked for.
    ///
    /// # Errors
    /// [`ChatError`] when the actor's credential is good no longer.
    pub async fn rights(&self, actor: &Actor) -> Result<Rights, ChatError> {
        let actor = self.current(actor).await?;
        may(&actor, Act::SeeOneself, &Standing::default())?;
        Ok(actor.grant().map_or(Rights::NONE, |grant| grant.rights))
    }
}
