//! Users: finding them, and what admins take from them.

use super::{Chat, ChatError, Refused, basis, until_settled};
use crate::{
    domain::{
        name::Username,
        policy::{Act, Actor, Standing, may},
        rights::Right,
        user::{UserChange, UserView},
    },
    store::{identity::IdentityError, rooms::Viewer, users::Sought},
};

impl Chat {
    /// At most `limit` users whose names begin like this, by name, after `after`, and whether there are more. Whoever's
    /// credential is for some rooms only, and everybody if there is no directory, finds those only whom they share a room
    /// with.
    ///
    /// # Errors
    /// [`ChatError`].
    pub async fn users(
        &self,
        actor: &Actor,
        has_directory: bool,
        prefix: Option<&Username>,
        after: Option<&Username>,
        limit: usize,
    ) -> Result<(Vec<UserView>, bool), ChatError> {
        let actor = self.current(actor).await?;
        may(&actor, Act::FindUsers, &Standing::default())?;
        let grant = actor.grant().ok_or(ChatError::NotFound("user"))?;
        let is_admin = grant.rights.contains(Right::Admin);
        let sought = Sought { prefix, after, with_disabled: is_admin, limit: limit as u64 + 1 };
        let mut found = if has_directory && grant.rooms.is_all() {
            self.store.find_users(&sought).await?
        } else {
            let viewer =
                Viewer { scope: &grant.rooms, user: actor.user().map(Username::key), is_mine: true, heeds_bans: None };
            self.store.find_users_in_rooms_of(&viewer, &sought).await?
        };
        let has_more = found.len() > limit;
        found.truncate(limit);
        Ok((found.into_iter().map(|user| UserView::of(user, is_admin)).collect(), has_more))
    }

    /// Disables a user, undoes that, or signs them out. What is taken is refused once this answers, and soon nothing of
    /// theirs is open any more.
    ///
    /// # Errors
    /// [`ChatError`]; [`ChatError::LastAdmin`] if nobody would be left to undo it.
    pub async fn change_user(&self, actor: &Actor, user: &Username, change: UserChange) -> Result<UserView, ChatError> {
        until_settled(|| async {
            let actor = self.current(actor).await?;
            may(&actor, Act::ChangeUser, &Standing::default())?;
            let authenticator = self.authenticator.as_ref().ok_or(ChatError::NotFound("user"))?;
            match authenticator.change_user(actor.name()?, user, change, basis(&actor)).await {
                Ok(changed) => Ok(UserView::of(changed, true)),
                Err(IdentityError::Unknown) => Err(ChatError::NotFound("user")),
                Err(IdentityError::LastAdmin) => Err(ChatError::LastAdmin),
                Err(IdentityError::Stale) => Err(Refused::Stale.into()),
                Err(IdentityError::Store(error)) => Err(error.into()),
                Err(error @ (IdentityError::Taken | IdentityError::NotInvited | IdentityError::TooMany(_))) => {
                    Err(ChatError::Internal(error.to_string()))
                }
            }
        })
        .await
    }
}
