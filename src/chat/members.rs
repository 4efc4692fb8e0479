//! Members of rooms: roles, mutes and bans.

use super::{Chat, ChatError, Committed};
use crate::{
    domain::{
        invalid::Invalid,
        membership::{MAX_REASON_CHARS, Membership, Role},
        name::{RoomName, Username},
        policy::{Act, Actor},
        rights::Right,
        timestamp::Timestamp,
        user::{Origin, User},
        version::Precondition,
        visible::says_nothing,
    },
    journal::command::{Membered, MembershipChange, MembershipTo},
    store::members::Among,
};

impl Chat {
    /// At most `limit` members of a room by name, after `after`, and whether there are more.
    ///
    /// # Errors
    /// [`ChatError`].
    pub async fn members(
        &self,
        actor: &Actor,
        room: &RoomName,
        after: Option<&Username>,
        limit: usize,
    ) -> Result<(Vec<Membership>, bool), ChatError> {
        self.memberships(actor, Act::SeePeople, room, Among::Members, after, limit).await
    }

    /// At most `limit` of those who are banned from a room, by name, after `after`, and whether there are more.
    ///
    /// # Errors
    /// [`ChatError`].
    pub async fn bans(
        &self,
        actor: &Actor,
        room: &RoomName,
        after: Option<&Username>,
        limit: usize,
    ) -> Result<(Vec<Membership>, bool), ChatError> {
        self.memberships(actor, Act::SeeBans, room, Among::Banned(self.clock.now()), after, limit).await
    }

    async fn memberships(
        &self,
        actor: &Actor,
        act: Act,
        room: &RoomName,
        among: Among,
        after: Option<&Username>,
        limit: usize,
    ) -> Result<(Vec<Membership>, bool), ChatError> {
        let room = self.room_for(actor, act, room).await?.ok_or(ChatError::NotFound("room"))?;
        let mut found = self.store.memberships(room.id, among, after, limit as u64 + 1).await?;
        let has_more = found.len() > limit;
        found.truncate(limit);
        let now = self.clock.now();
        Ok((found.into_iter().map(|membership| membership.without_ended(now)).collect(), has_more))
    }

    /// Makes somebody a member of a room, or gives a member another role. If there is no directory, whoever shares no
    /// room with the actor is as one who is not there, except for admins.
    ///
    /// # Errors
    /// [`ChatError`].
    pub async fn set_member(
        &self,
        actor: &Actor,
        has_directory: bool,
        room: &RoomName,
        user: &Username,
        role: Role,
    ) -> Result<Committed<Membered>, ChatError> {
        let own = actor.name()?;
        let is_admin = actor.grant().is_some_and(|grant| grant.rights.contains(Right::Admin));
        if !has_directory && !is_admin && own.key() != user.key() && !self.shares_room(own, user).await? {
            self.room_for(actor, Act::SetMember, room).await?;
            return Err(ChatError::NotFound("user"));
        }
        self.change_member(actor, room, user, MembershipTo::Role(role)).await
    }

    /// Has the actor join a public room.
    ///
    /// # Errors
    /// [`ChatError`].
    pub async fn join_room(&self, actor: &Actor, room: &RoomName) -> Result<Committed<Membered>, ChatError> {
        let change = MembershipChange { username: actor.name()?.clone(), to: MembershipTo::Joined };
        self.submit(actor, room, Precondition::default(), change).await
    }

    /// Takes a membership away; one's own, if the user is the actor.
    ///
    /// # Errors
    /// [`ChatError`].
    pub async fn remove_member(
        &self,
        actor: &Actor,
        room: &RoomName,
        user: &Username,
    ) -> Result<Committed<Membered>, ChatError> {
        if actor.user().is_some_and(|own| own.key() == user.key()) {
            let change = MembershipChange { username: user.clone(), to: MembershipTo::Left };
            return self.submit(actor, room, Precondition::default(), change).await;
        }
        self.change_member(actor, room, user, MembershipTo::Removed).await
    }

    /// Bans somebody from a room, until a time or for ever.
    ///
    /// # Errors
    /// [`ChatError`].
    pub async fn ban(
        &self,
        actor: &Actor,
        room: &RoomName,
        user: &Username,
        reason: Option<String>,
        until: Option<Timestamp>,
    ) -> Result<Committed<Membered>, ChatError> {
        let reason = reason.map(check_reason).transpose().map_err(|invalid| ChatError::Invalid(vec![invalid]))?;
        self.check_until(until)?;
        if actor.user().is_some_and(|own| own.key() == user.key()) {
            return Err(ChatError::Invalid(vec![Invalid::new(
                "username",
                "is yourself: to leave, end your membership",
            )]));
        }
        self.change_member(actor, room, user, MembershipTo::Banned { reason, until }).await
    }

    /// Ends a ban.
    ///
    /// # Errors
    /// [`ChatError`].
    pub async fn unban(
        &self,
        actor: &Actor,
        room: &RoomName,
        user: &Username,
    ) -> Result<Committed<Membered>, ChatError> {
        self.change_member(actor, room, user, MembershipTo::Unbanned).await
    }

    /// Mutes somebody in a room until a time, or ends that.
    ///
    /// # Errors
    /// [`ChatError`].
    pub async fn mute(
        &self,
        actor: &Actor,
        room: &RoomName,
        user: &Username,
        until: Option<Timestamp>,
    ) -> Result<Committed<Membered>, ChatError> {
        self.check_until(until)?;
        self.change_member(actor, room, user, MembershipTo::Muted(until)).await
    }

    /// Changes what the room knows of somebody. Whoever may not do it learns nothing of who there is.
    async fn change_member(
        &self,
        actor: &Actor,
        room: &RoomName,
        user: &Username,
        to: MembershipTo,
    ) -> Result<Committed<Membered>, ChatError> {
        let mut change = MembershipChange { username: user.clone(), to };
        let actor = &*self.current(actor).await?;
        let Some(found) = self.room_for(actor, change.act(actor), room).await? else {
            return Err(ChatError::NotFound("user"));
        };
        let known = self.store.user(user.key()).await?.ok_or(ChatError::NotFound("user"))?;
        if known.disabled_at.is_some() {
            let membership = self.store.membership(&found, user.key()).await?;
            check_disabled(actor, &known, membership.as_ref(), &change.to)?;
        }
        change.username = known.username;
        self.submit(actor, room, Precondition::default(), change).await
    }

    fn check_until(&self, until: Option<Timestamp>) -> Result<(), ChatError> {
        if until.is_none_or(|until| until > self.clock.now()) {
            return Ok(());
        }
        Err(ChatError::Invalid(vec![Invalid::new("until", "has to be in the future")]))
    }
}

/// Checks that something may be done to a user who is disabled or deleted. Only admins are told that there is one who is
/// disabled; for others there is of such a user what the room knows, as of a deleted one for everybody.
fn check_disabled(
    actor: &Actor,
    user: &User,
    membership: Option<&Membership>,
    to: &MembershipTo,
) -> Result<(), ChatError> {
    let is_deleted = user.origin == Origin::Deleted;
    let is_admin = actor.grant().is_some_and(|grant| grant.rights.contains(Right::Admin));
    let is_member = membership.is_some_and(|membership| membership.role.is_some());
    let takes_away = matches!(to, MembershipTo::Removed | MembershipTo::Unbanned | MembershipTo::Muted(None));
    let is_known = (takes_away && membership.is_some()) || (is_member && !is_deleted);
    if is_known {
        return Ok(());
    }
    if is_deleted || !is_admin {
        return Err(ChatError::NotFound("user"));
    }
    if matches!(to, MembershipTo::Role(_)) {
        return Err(Invalid::new("username", "is disabled: an admin has to enable it first").into());
    }
    Ok(())
}

fn check_reason(reason: String) -> Result<String, Invalid> {
    if reason.chars().count() > MAX_REASON_CHARS {
        return Err(Invalid::new("reason", format!("has at most {MAX_REASON_CHARS} characters")));
    }
    if reason.contains('\0') || says_nothing(&reason) {
        return Err(Invalid::new("reason", "has at least one character that shows, and no NUL"));
    }
    Ok(reason)
}
