//! Accounts: registering, signing in and out, what users do to their own account, and invitations.

use std::{borrow::Cow, net::IpAddr, time::Duration};

use super::{Chat, ChatError, basis, until_settled};
use crate::{
    domain::{
        account::{InvitationView, SessionView},
        denied::Denied,
        limit::Limit,
        name::{RoomName, Username},
        policy::{Act, Actor, Standing, may},
        room_scope::RoomScope,
        version::Precondition,
    },
    identity::{
        accounts::{Accounts, Browser, SignIn, SignedIn},
        secret::Secret,
    },
    journal::command::{MembershipChange, MembershipTo},
    store::{identity::StoredSession, rooms::Viewer},
};

/// The rooms that are left at a time.
const ROOMS_AT_ONCE: u64 = 200;

impl Chat {
    /// Registers somebody, and signs them in.
    ///
    /// # Errors
    /// [`ChatError`].
    pub async fn register(
        &self,
        actor: &Actor,
        username: &Username,
        password: &str,
        invitation: Option<&str>,
        browser: &Browser,
    ) -> Result<SignedIn, ChatError> {
        may(actor, Act::Register, &Standing::default())?;
        if invitation.is_none() {
            self.count(Limit::Registrations, actor)?;
        }
        Ok(self.accounts()?.register(username, password, invitation, browser).await?)
    }

    /// Signs somebody in by name.
    ///
    /// # Errors
    /// [`ChatError`].
    pub async fn sign_in(
        &self,
        actor: &Actor,
        username: &Username,
        by: SignIn<'_>,
        browser: &Browser,
    ) -> Result<SignedIn, ChatError> {
        may(actor, Act::SignIn, &Standing::default())?;
        Ok(self.accounts()?.sign_in(username, by, browser).await?)
    }

    /// Signs in whom a token of another system stands for.
    ///
    /// # Errors
    /// [`ChatError`].
    pub async fn sign_in_by_token(&self, actor: &Actor, token: &str, browser: &Browser) -> Result<SignedIn, ChatError> {
        may(actor, Act::SignIn, &Standing::default())?;
        until_settled(|| async { Ok(self.accounts()?.sign_in_by_token(token, browser).await?) }).await
    }

    /// Ends the session that asks.
    ///
    /// # Errors
    /// [`ChatError`], for a credential that is no session too.
    pub async fn sign_out(&self, actor: &Actor) -> Result<(), ChatError> {
        let actor = self.current(actor).await?;
        may(&actor, Act::SignOut, &Standing::default())?;
        let session = session_of(&actor).ok_or(Denied::NotSignedIn)?;
        Ok(self.accounts()?.end_session(actor.name()?, session).await?)
    }

    /// At most `limit` of the actor's sessions, newest first, before `before`, and whether there are more.
    ///
    /// # Errors
    /// [`ChatError`].
    pub async fn sessions(
        &self,
        actor: &Actor,
        before: Option<i64>,
        limit: usize,
    ) -> Result<(Vec<SessionView>, bool), ChatError> {
        let actor = self.keeper(actor).await?;
        let mut sessions = self.accounts()?.sessions(actor.name()?, before, limit as u64 + 1).await?;
        let has_more = sessions.len() > limit;
        sessions.truncate(limit);
        let current = session_of(&actor);
        let view = |session: StoredSession| SessionView {
            id: session.id,
            created_at: session.created_at,
            last_used_at: session.last_used_at,
            expires_at: session.expires_at,
            agent: session.agent,
            address: session.address,
            current: current == Some(session.id),
        };
        Ok((sessions.into_iter().map(view).collect(), has_more))
    }

    /// Ends one of the actor's sessions.
    ///
    /// # Errors
    /// [`ChatError`].
    pub async fn end_session(&self, actor: &Actor, id: i64) -> Result<(), ChatError> {
        let actor = self.keeper(actor).await?;
        Ok(self.accounts()?.end_session(actor.name()?, id).await?)
    }

    /// Changes the actor's password, and ends all other sessions.
    ///
    /// # Errors
    /// [`ChatError`].
    pub async fn change_password(
        &self,
        actor: &Actor,
        passwords: (&str, &str),
        address: Option<IpAddr>,
    ) -> Result<(), ChatError> {
        let actor = self.keeper(actor).await?;
        let session = session_of(&actor);
        Ok(self.accounts()?.change_password(actor.name()?, passwords, session, address).await?)
    }

    /// Deletes the actor's account, which leaves all rooms first. What was posted stays, under the name.
    ///
    /// # Errors
    /// [`ChatError`]; then the account is there, and may have left some rooms. [`ChatError::LastAdmin`] if nobody would
    /// be left who can do what admins do.
    pub async fn delete_account(&self, actor: &Actor) -> Result<(), ChatError> {
        until_settled(|| async {
            let actor = self.keeper(actor).await?;
            let user = actor.name()?;
            self.accounts()?.check_deletable(user).await?;
            self.leave_rooms(&actor, user).await?;
            // Somebody may have added the user to another room meanwhile.
            Ok(self.accounts()?.delete(user, basis(&actor)).await?)
        })
        .await
    }

    async fn leave_rooms(&self, actor: &Actor, user: &Username) -> Result<(), ChatError> {
        let mut after: Option<RoomName> = None;
        loop {
            let scope = &RoomScope::all();
            let viewer = Viewer { scope, user: Some(user.key()), is_mine: true, heeds_bans: None };
            let rooms = self.store.listed_rooms(Some(&viewer), after.as_ref(), ROOMS_AT_ONCE).await?;
            let Some((last, _)) = rooms.last() else { return Ok(()) };
            after = Some(last.name.clone());
            for (room, _) in &rooms {
                let change = MembershipChange { username: user.clone(), to: MembershipTo::Gone };
                self.submit(actor, &room.name, Precondition::default(), change).await?;
            }
        }
    }

    /// Makes an invitation.
    ///
    /// # Errors
    /// [`ChatError`].
    pub async fn invite(
        &self,
        actor: &Actor,
        username: Option<&Username>,
        lasts: Option<Duration>,
    ) -> Result<(Secret, InvitationView), ChatError> {
        until_settled(|| async {
            let actor = self.may_globally(actor, Act::Invite).await?;
            let (secret, made) = self.accounts()?.invite(actor.name()?, username, lasts, basis(&actor)).await?;
            Ok((secret, made.into()))
        })
        .await
    }

    /// At most `limit` invitations that nobody has used, newest first, before `before`, and whether there are more.
    ///
    /// # Errors
    /// [`ChatError`].
    pub async fn invitations(
        &self,
        actor: &Actor,
        before: Option<i64>,
        limit: usize,
    ) -> Result<(Vec<InvitationView>, bool), ChatError> {
        self.may_globally(actor, Act::Invite).await?;
        let mut found = self.accounts()?.invitations(before, limit as u64 + 1).await?;
        let has_more = found.len() > limit;
        found.truncate(limit);
        Ok((found.into_iter().map(InvitationView::from).collect(), has_more))
    }

    /// Deletes an invitation.
    ///
    /// # Errors
    /// [`ChatError`].
    pub async fn delete_invitation(&self, actor: &Actor, id: i64) -> Result<(), ChatError> {
        self.may_globally(actor, Act::Invite).await?;
        Ok(self.accounts()?.delete_invitation(actor.name()?, id).await?)
    }

    /// Makes a secret by which a user may set a new password.
    ///
    /// # Errors
    /// [`ChatError`].
    pub async fn offer_reset(&self, actor: &Actor, user: &Username) -> Result<Secret, ChatError> {
        until_settled(|| async {
            let actor = self.may_globally(actor, Act::ResetPassword).await?;
            Ok(self.accounts()?.offer_reset(actor.name()?, user, basis(&actor)).await?)
        })
        .await
    }

    /// Asks the policy about an act that is in no room. Returns the actor with the rights that are in force.
    async fn may_globally<'a>(&self, actor: &'a Actor, act: Act) -> Result<Cow<'a, Actor>, ChatError> {
        let actor = self.current(actor).await?;
        may(&actor, act, &Standing::default())?;
        Ok(actor)
    }

    /// The actor, with the rights that are in force, if the own account is theirs to keep.
    async fn keeper(&self, actor: &Actor) -> Result<Actor, ChatError> {
        let actor = self.current(actor).await?.into_owned();
        may(&actor, Act::KeepAccount, &Standing::default())?;
        Ok(actor)
    }

    fn accounts(&self) -> Result<&Accounts, ChatError> {
        self.accounts.as_ref().ok_or(ChatError::NoAccounts)
    }
}

fn session_of(actor: &Actor) -> Option<i64> {
    actor.grant().and_then(|grant| grant.credential.session())
}
