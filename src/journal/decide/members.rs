//! Deciding on members of a room: who joins and leaves, roles, mutes and bans.

use std::{collections::HashSet, sync::Arc};

use super::{
    super::{
        Refused,
        command::{Command, Committed, Membered, MembershipChange, MembershipTo, OpenDirect, Outcome, RoomPut},
    },
    Batch, Decision, RoomChanges,
};
use crate::domain::{
    EventId,
    access::Visibility,
    audit::AuditEntry,
    event::{Event, MemberChange, MemberEvent},
    membership::{Ban, LeaveReason, Membership, Role},
    name::Username,
    policy::{self, Level},
    timestamp::Timestamp,
    user::Origin,
};

impl Batch {
    /// Changes what a room knows of a user. What is so already is no change.
    pub(super) fn change_member(&mut self, command: &Command, change: &MembershipChange) -> Decision {
        let level = self.level(command)?;
        let by = command.actor.name()?.clone();
        let now = self.moment.now;
        let changes = self.rooms.get(&command.room).ok_or_else(Refused::unlocked)?;
        let key = change.username.key();
        let known = self.membership(changes, key).cloned();
        let known = known.unwrap_or_else(|| Membership::none(change.username.clone(), now));
        // What is over goes with the next change.
        let before = known.clone().without_ended(now);
        let is_oneself = command.actor.user().is_some_and(|own| own.key() == key);
        let after = after(&before, &change.to, is_oneself, &by, now);
        let owners = self.owners(changes);
        let is_last = owners.is_some_and(|owners| owners.len() == 1 && owners.contains(key));
        let user = self.known.users.get(key);
        if restrains(&change.to) && user.is_some_and(|user| user.is_admin) {
            let is_ownerless = owners.is_none_or(HashSet::is_empty);
            policy::may_restrain_admin(&command.actor, &changes.room, is_ownerless)?;
        }
        let is_able = user.is_none_or(|user| user.disabled_at.is_none());
        if before.role.is_none() && after.role.is_some() {
            self.is_there(&change.username)?;
        }
        check(level, is_last, &before, &after, &change.to)?;
        let event = told(&before, &after, &change.to);
        let changes = self.rooms.get_mut(&command.room).ok_or_else(Refused::unlocked)?;
        let id = event.map(|change| changes.tell_of(&after.username, &by, change));
        let changed = before != after;
        if known != after {
            changes.room.members += count(after.role.is_some()) - count(before.role.is_some());
            let [owned, owns] = [&before, &after].map(|membership| membership.role == Some(Role::Owner));
            changes.room.owners += count(owns) - count(owned);
            let (owners, owner) = (self.known.owners.entry(changes.room.id).or_default(), after.username.key());
            match (owned, owns) {
                (false, true) if is_able => drop(owners.insert(owner.clone())),
                (true, false) => drop(owners.remove(owner)),
                (false | true, true) | (false, false) => {}
            }
            changes.described = true;
            changes.memberships.insert(after.username.key().clone(), after.clone());
        }
        if changed {
            // An admin who comes back in spite of a ban.
            let comes_back =
                before.ban.is_some() && after.ban.is_none() && !matches!(change.to, MembershipTo::Unbanned);
            for act in comes_back.then_some("unban").into_iter().chain(noted(&change.to)) {
                let reason = match &change.to {
                    MembershipTo::Banned { reason, .. } => reason.clone(),
                    _ => None,
                };
                let username = Some(after.username.clone());
                changes.audit.push(AuditEntry { by: by.clone(), act, username, message_id: None, reason });
            }
        }
        Ok(Committed { answer: Outcome::Membered(Membered { membership: after, changed }), event: id })
    }

    /// Checks that a user is not deleted: whoever deletes an account has left all rooms before, and is in none after.
    fn is_there(&self, user: &Username) -> Result<(), Refused> {
        let is_deleted = self.known.users.get(user.key()).is_some_and(|user| user.origin == Origin::Deleted);
        if is_deleted { Err(Refused::NoSuchUser) } else { Ok(()) }
    }

    /// Makes the room of two people. Again is no change.
    pub(super) fn open_direct(&mut self, command: &Command, open: &OpenDirect) -> Decision {
        self.level(command)?;
        self.is_there(&open.with)?;
        let (own, now) = (command.actor.name()?, self.moment.now);
        let changes = self.rooms.get_mut(&command.room).ok_or_else(Refused::unlocked)?;
        let made = !changes.exists;
        if made {
            (changes.exists, changes.described) = (true, true);
            changes.room.access.visibility = Visibility::Private;
            changes.room.members = 2;
            for user in [own, &open.with] {
                let member = Membership { role: Some(Role::Member), ..Membership::none(user.clone(), now) };
                changes.memberships.insert(user.key().clone(), member);
            }
        }
        Ok(Committed { answer: Outcome::RoomPut(RoomPut { room: changes.room.clone(), made }), event: None })
    }
}

impl RoomChanges {
    /// Makes the event of a membership.
    fn tell_of(&mut self, username: &Username, by: &Username, change: MemberChange) -> EventId {
        let id = self.next_id();
        let (room, username, by) = (self.room.name.clone(), username.clone(), by.clone());
        let is_private = self.room.access.visibility == Visibility::Private;
        self.events.push(Event::Member(Arc::new(MemberEvent { id, room, username, by, change, is_private })));
        id
    }

    /// The maker of a room owns it. Nobody is told: whoever learns of the room learns whose it is.
    pub(super) fn own(&mut self, maker: &Username, now: Timestamp) {
        let membership = Membership { role: Some(Role::Owner), ..Membership::none(maker.clone(), now) };
        (self.room.members, self.room.owners) = (1, 1);
        self.described = true;
        self.memberships.insert(maker.key().clone(), membership);
    }
}

/// The membership once it is changed. Who may come in spite of a ban ends it by coming.
fn after(before: &Membership, to: &MembershipTo, is_oneself: bool, by: &Username, now: Timestamp) -> Membership {
    let role = |role: Option<Role>| {
        let since = if before.role.is_none() && role.is_some() { now } else { before.since };
        Membership { role, since, ..before.clone() }
    };
    match to {
        // Who has a role keeps it.
        MembershipTo::Joined => Membership { ban: None, ..role(before.role.or(Some(Role::Member))) },
        MembershipTo::Left | MembershipTo::Gone | MembershipTo::Removed => role(None),
        MembershipTo::Role(to) if is_oneself => Membership { ban: None, ..role(Some(*to)) },
        MembershipTo::Role(to) => role(Some(*to)),
        MembershipTo::Banned { reason, until } => {
            let is_same = before.ban.as_ref().is_some_and(|ban| ban.reason == *reason && ban.until == *until);
            let ban = Ban { by: by.clone(), reason: reason.clone(), since: now, until: *until };
            let ban = if is_same { before.ban.clone() } else { Some(ban) };
            Membership { role: None, ban, ..before.clone() }
        }
        MembershipTo::Unbanned => Membership { ban: None, ..before.clone() },
        MembershipTo::Muted(until) => Membership { muted_until: *until, ..before.clone() },
    }
}

/// Checks that an actor of this level may do this to this user, who may be the room's last owner, and that the room stays
/// as a room has to be.
fn check(
    level: Level,
    is_last: bool,
    before: &Membership,
    after: &Membership,
    to: &MembershipTo,
) -> Result<(), Refused> {
    let is_about_oneself = matches!(to, MembershipTo::Joined | MembershipTo::Left | MembershipTo::Gone);
    if !is_about_oneself {
        policy::may_change_role(level, before.role, after.role)?;
    }
    if after.ban.is_some() && matches!(to, MembershipTo::Role(_)) {
        return Err(Refused::Banned);
    }
    // A ban or a deletion may leave a room without an owner: to step down may not.
    let steps_down = before.role == Some(Role::Owner) && after.role != Some(Role::Owner);
    if steps_down && is_last && !matches!(to, MembershipTo::Banned { .. } | MembershipTo::Gone) {
        return Err(Refused::LastOwner);
    }
    Ok(())
}

/// The news for the others: who came, who left, whose role is another.
fn told(before: &Membership, after: &Membership, to: &MembershipTo) -> Option<MemberChange> {
    let left = |reason| Some(MemberChange::Left(reason));
    match (to, before.role, after.role) {
        (MembershipTo::Banned { .. }, ..) if before.ban != after.ban => left(LeaveReason::Banned),
        (MembershipTo::Left | MembershipTo::Gone, Some(_), None) => left(LeaveReason::Left),
        (_, Some(_), None) => left(LeaveReason::Removed),
        (_, None, Some(role)) => Some(MemberChange::Joined(role)),
        (_, Some(old), Some(new)) if old != new => Some(MemberChange::Changed(new)),
        _ => None,
    }
}

/// Returns true if it keeps a user from doing something.
fn restrains(to: &MembershipTo) -> bool {
    matches!(to, MembershipTo::Banned { .. } | MembershipTo::Muted(Some(_)))
}

/// The word for it in the audit; none for what people do to themselves.
fn noted(to: &MembershipTo) -> Option<&'static str> {
    match to {
        MembershipTo::Joined | MembershipTo::Left | MembershipTo::Gone => None,
        MembershipTo::Role(_) => Some("set_member"),
        MembershipTo::Removed => Some("remove_member"),
        MembershipTo::Banned { .. } => Some("ban"),
        MembershipTo::Unbanned => Some("unban"),
        MembershipTo::Muted(Some(_)) => Some("mute"),
        MembershipTo::Muted(None) => Some("unmute"),
    }
}

fn count(is_one: bool) -> i64 {
    i64::from(is_one)
}
