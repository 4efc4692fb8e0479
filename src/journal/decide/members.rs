//! Deciding on members of a room: who joins and leaves, roles, mutes and bans.

use std::sync::Arc;

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
};

impl Batch {
    /// Changes what a room knows of a user. What is so already is no change.
    pub(super) fn change_member(&mut self, command: &Command, change: &MembershipChange) -> Decision {
        let level = self.level(command)?;
        let by = command.actor.name()?.clone();
        let now = self.moment.now;
        let changes = self.rooms.get(&command.room).ok_or_else(Refused::unlocked)?;
        let known = self.membership(changes, change.username.key());
        let before = known.cloned().unwrap_or_else(|| Membership::none(change.username.clone(), now));
        let after = after(&before, &change.to, &by, now);
        let owners = self.owners(changes);
        let is_last = owners.is_some_and(|owners| owners.len() == 1 && owners.contains(after.username.key()));
        check(level, is_last, &before, &after, &change.to, now)?;
        let event = told(&before, &after, &change.to);
        let changes = self.rooms.get_mut(&command.room).ok_or_else(Refused::unlocked)?;
        let id = event.map(|change| changes.tell_of(&after.username, &by, change));
        let changed = before != after;
        if changed {
            changes.room.members += count(after.role.is_some()) - count(before.role.is_some());
            let [owned, owns] = [&before, &after].map(|membership| membership.role == Some(Role::Owner));
            changes.room.owners += count(owns) - count(owned);
            let (owners, owner) = (self.known.owners.entry(changes.room.id).or_default(), after.username.key());
            match (owned, owns) {
                (false, true) => drop(owners.insert(owner.clone())),
                (true, false) => drop(owners.remove(owner)),
                (true, true) | (false, false) => {}
            }
            changes.described = true;
            changes.memberships.insert(after.username.key().clone(), after.clone());
            if let Some(act) = noted(&change.to) {
                let reason = match &change.to {
                    MembershipTo::Banned { reason, .. } => reason.clone(),
                    _ => None,
                };
                let username = Some(after.username.clone());
                changes.audit.push(AuditEntry { by, act, username, message_id: None, reason });
            }
        }
        Ok(Committed { answer: Outcome::Membered(Membered { membership: after, changed }), event: id })
    }

    /// Makes the room of two people. Again is no change.
    pub(super) fn open_direct(&mut self, command: &Command, open: &OpenDirect) -> Decision {
        self.level(command)?;
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

/// The membership once it is changed.
fn after(before: &Membership, to: &MembershipTo, by: &Username, now: Timestamp) -> Membership {
    let role = |role: Option<Role>| {
        let since = if before.role.is_none() && role.is_some() { now } else { before.since };
        Membership { role, since, ..before.clone() }
    };
    match to {
        // Who has a role keeps it.
        MembershipTo::Joined => role(before.role.or(Some(Role::Member))),
        MembershipTo::Left | MembershipTo::Gone | MembershipTo::Removed => role(None),
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
    now: Timestamp,
) -> Result<(), Refused> {
    let is_about_oneself = matches!(to, MembershipTo::Joined | MembershipTo::Left | MembershipTo::Gone);
    if !is_about_oneself {
        policy::may_change_role(level, before.role, after.role)?;
    }
    if before.is_banned(now) && matches!(to, MembershipTo::Role(_)) {
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
