//! The actor's own limits of rate.

use super::{Chat, ChatError};
use crate::domain::{
    limit::Allowance,
    policy::{Act, Actor, Standing, may},
};

impl Chat {
    /// The state of each limit for the actor; none where nothing is limited.
    ///
    /// # Errors
    /// [`ChatError`] when the actor's credential is good no longer.
    pub async fn allowances(&self, actor: &Actor) -> Result<Vec<Allowance>, ChatError> {
        let actor = self.current(actor).await?;
        may(&actor, Act::SeeOneself, &Standing::default())?;
        Ok(self.limits.all_of(&actor))
    }
}
