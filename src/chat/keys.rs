//! API keys over HTTP: people's own, made by who has signed in, and those of bots, by admins.

use super::{Chat, ChatError, Refused, basis, until_settled};
use crate::{
    domain::{
        api_key::{KeyDraft, KeyView},
        denied::Denied,
        invalid::Invalid,
        name::Username,
        new_name,
        policy::{Act, Actor, Standing, may},
        rights::{Right, Rights},
        user::{User, UserKind},
    },
    identity::{authenticator::Authenticator, secret::Secret},
    store::identity::IdentityError,
};

impl Chat {
    /// Makes an API key of the actor's own, or of a bot, which is made with its first key.
    ///
    /// # Errors
    /// [`ChatError`].
    pub async fn make_key(&self, actor: &Actor, draft: &KeyDraft) -> Result<(Secret, KeyView), ChatError> {
        until_settled(|| self.make_key_once(actor, draft)).await
    }

    async fn make_key_once(&self, actor: &Actor, draft: &KeyDraft) -> Result<(Secret, KeyView), ChatError> {
        let actor = self.current(actor).await?;
        may(&actor, act_on(draft.bot.as_ref()), &Standing::default())?;
        let widest = match (&draft.bot, actor.grant()) {
            (None, Some(grant)) => grant.rights,
            // An admin makes it, and a bot is none.
            _ => Right::ALL.into_iter().filter(|right| *right != Right::Admin).collect::<Rights>(),
        };
        if draft.can.is_some_and(|can| can.and(widest) != can) {
            return Err(Invalid::new("can", "has a right that the user of the key does not have").into());
        }
        let authenticator = self.authenticator()?;
        let user = match &draft.bot {
            None => self.store.user(actor.name()?.key()).await?.ok_or(Denied::Revoked)?,
            Some(bot) => {
                let check = new_name::check(bot).map_err(|invalid| Invalid::new("bot", invalid.detail));
                match self.store.user(bot.key()).await? {
                    Some(found) if found.kind != UserKind::Bot => return Err(ChatError::NoBot),
                    Some(_) => {}
                    None => check?,
                }
                authenticator.bot(bot, basis(&actor), actor.name()?).await.map_err(refused)?
            }
        };
        let admin = draft.bot.as_ref().map(|_| actor.name()).transpose()?;
        let (secret, key) = authenticator.make_key(&user, draft, basis(&actor), admin).await.map_err(refused)?;
        Ok((secret, key.shown(&user.username)))
    }

    /// At most `limit` API keys of the actor's own, or of a bot, oldest first, after `after`, and whether there are more.
    ///
    /// # Errors
    /// [`ChatError`].
    pub async fn keys(
        &self,
        actor: &Actor,
        bot: Option<&Username>,
        after: Option<i64>,
        limit: usize,
    ) -> Result<(Vec<KeyView>, bool), ChatError> {
        let actor = self.current(actor).await?;
        may(&actor, act_on(bot), &Standing::default())?;
        let name = bot.map_or_else(|| actor.name(), Ok)?;
        let user = self.store.user(name.key()).await?.filter(|user| bot.is_none() || user.kind == UserKind::Bot);
        let user = user.ok_or(ChatError::NotFound("bot"))?;
        let mut found = self.store.keys_of(user.id, after, Some(limit as u64 + 1)).await?;
        let has_more = found.len() > limit;
        found.truncate(limit);
        Ok((found.iter().map(|key| key.shown(&user.username)).collect(), has_more))
    }

    /// Deletes an API key of the actor's own, or of a bot.
    ///
    /// # Errors
    /// [`ChatError`]; somebody else's is as one that is not there.
    pub async fn delete_key(&self, actor: &Actor, id: i64) -> Result<(), ChatError> {
        let actor = self.current(actor).await?;
        let may = |act| may(&actor, act, &Standing::default());
        let (own, bots) = (may(Act::KeepKeys), may(Act::KeepBots));
        // Whoever may neither learns of no key.
        own.or(bots)?;
        let is_theirs = |user: &User| match actor.user() {
            Some(own_name) if own_name.key() == user.username.key() => own.is_ok(),
            _ => user.kind == UserKind::Bot && bots.is_ok(),
        };
        let found = self.store.key_by_id(id).await?.filter(|(_, user)| is_theirs(user));
        let missing = if bots.is_ok() { "key of yours or of a bot" } else { "key of yours" };
        let (_, user) = found.ok_or(ChatError::NotFound(missing))?;
        let admin = (user.kind == UserKind::Bot).then(|| actor.name()).transpose()?;
        self.authenticator()?.delete_key(&user, id, admin).await.map_err(refused)
    }

    fn authenticator(&self) -> Result<&Authenticator, ChatError> {
        self.authenticator.as_deref().ok_or(ChatError::NotFound("key"))
    }
}

/// The act that keeping keys of a bot is, or, without one, of oneself.
fn act_on(bot: Option<&Username>) -> Act {
    if bot.is_some() { Act::KeepBots } else { Act::KeepKeys }
}

fn refused(error: IdentityError) -> ChatError {
    match error {
        IdentityError::Taken => ChatError::NameTaken,
        IdentityError::TooMany(bound) => ChatError::TooMany(bound),
        IdentityError::Stale => Refused::Stale.into(),
        IdentityError::Store(error) => error.into(),
        IdentityError::Unknown | IdentityError::NotInvited | IdentityError::LastAdmin => {
            ChatError::NotFound("key of yours")
        }
    }
}
