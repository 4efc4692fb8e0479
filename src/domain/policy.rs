//! The policy: which acts there are, and who may do each.
//!
//! Pure, and below both `chat`, which asks it before work is queued, and `journal`, which asks it again under the
//! room's lock, where the answer counts.

use std::time::Duration;

use super::{
    access::{Posting, Visibility},
    membership::{Membership, Role},
    name::{RoomName, UserKey},
    rights::Right,
    room::{DIRECT_PREFIX, RANDOM_PREFIX, Room},
    timestamp::Timestamp,
};
pub use super::{
    act::Act,
    actor::{Actor, Credential, Grant},
    denied::Denied,
};

impl Act {
    /// The rule for it. This is the policy's table: an act without a row does not compile.
    #[must_use]
    pub const fn rule(self) -> Rule {
        use Level::{Guest, Member, Moderator, Reader};
        use Right::{Admin, Moderate, Post, Read};
        match self {
            Self::SeeOneself | Self::ListRooms | Self::ReadRoom | Self::Register | Self::SignIn => {
                Rule::new(Read, Guest, Whose::Nobody)
            }
            Self::SeePeople | Self::MakeTicket => Rule::new(Read, Reader, Whose::Nobody),
            Self::CountUnread | Self::MarkRead | Self::Attend | Self::ExtendStream => {
                Rule::new(Read, Reader, Whose::Own)
            }
            Self::MakeRoom => Rule::new(Post, Member, Whose::Nobody),
            Self::Post | Self::React | Self::Type => Rule::new(Post, Member, Whose::Own).unless_muted(),
            Self::Edit => Rule::new(Post, Member, Whose::AuthorWithinWindow).unless_muted(),
            Self::Delete => Rule::new(Post, Reader, Whose::Author).or_of_others(Moderate),
            Self::OpenDirect => Rule::new(Post, Member, Whose::Own),
            Self::Join | Self::Leave => Rule::new(Post, Reader, Whose::Own),
            Self::ChangeRoom | Self::SeeBans | Self::SeeAudit => Rule::new(Moderate, Moderator, Whose::Nobody),
            Self::FindUsers => Rule::new(Read, Member, Whose::Nobody),
            Self::SeeAuditOfAll | Self::ChangeUser => Rule::new(Admin, Member, Whose::Nobody),
            Self::AddOneself => Rule::new(Admin, Member, Whose::Own),
            Self::SignOut => Rule::new(Read, Reader, Whose::Own).by(SessionNeeded::Any),
            Self::KeepAccount | Self::KeepKeys => Rule::new(Read, Reader, Whose::Own).by(SessionNeeded::ByPassword),
            // Each makes a credential that outlasts the one that asks.
            Self::KeepBots | Self::Invite | Self::ResetPassword => {
                Rule::new(Admin, Member, Whose::Nobody).by(SessionNeeded::ByPasswordOrWholeKey)
            }
            Self::SetMember | Self::RemoveMember | Self::Ban | Self::Mute => {
                Rule::new(Moderate, Moderator, Whose::LowerRole)
            }
        }
    }

    /// Returns true if it needs no credential, where guests are let in.
    #[must_use]
    pub fn is_for_guests(self) -> bool {
        self.rule().level == Level::Guest
    }
}

/// The rule of an act.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// The right that a credential needs.
    pub right: Right,
    /// The right that it needs instead for what is others'; absent if it is the same.
    pub right_of_others: Option<Right>,
    /// The standing in the room that a user needs.
    pub level: Level,
    /// The relation to the object that a user needs.
    pub whose: Whose,
    /// True if who is muted in the room may not.
    pub is_for_the_unmuted: bool,
    /// The session that it takes: what is stolen and ends must not make what stays.
    pub session: SessionNeeded,
}

impl Rule {
    const fn new(right: Right, level: Level, whose: Whose) -> Self {
        let (right_of_others, session) = (None, SessionNeeded::None);
        Self { right, right_of_others, level, whose, is_for_the_unmuted: false, session }
    }

    const fn or_of_others(self, right: Right) -> Self {
        Self { right_of_others: Some(right), ..self }
    }

    const fn unless_muted(self) -> Self {
        Self { is_for_the_unmuted: true, ..self }
    }

    const fn by(self, session: SessionNeeded) -> Self {
        Self { session, ..self }
    }
}

/// The sessions that an act may need.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionNeeded {
    /// None: any credential does.
    None,
    /// Any: what it does is done to it.
    Any,
    /// One that a password has begun, and no token.
    ByPassword,
    /// That, or an API key that is narrowed by nothing.
    ByPasswordOrWholeKey,
}

/// The standings that somebody may have in a room, each with all that those before it have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Without a credential, in a public room.
    Guest,
    /// A member who reads only.
    Reader,
    /// A member; in a public room every user of the server who has no other role.
    Member,
    /// A moderator.
    Moderator,
    /// An owner; of public rooms, and of those that no owner can see to, admins too.
    Owner,
}

/// The relations that an act may need to its object, and to a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// None: in open mode no name either.
    Nobody,
    /// It is done in one's own name.
    Own,
    /// The author of the message; moderators may, too.
    Author,
    /// The author of the message, while the edit window is open.
    AuthorWithinWindow,
    /// A user whose role is below one's own.
    LowerRole,
}

/// The circumstances of an act: what the policy has to know of its object.
#[derive(Debug, Clone, Copy, Default)]
pub struct Standing<'a> {
    /// The room that the act is about, if it is about one.
    pub room: Option<RoomStanding<'a>>,
    /// The author of the message that the act is about.
    pub author: Option<&'a UserKey>,
    /// The time since it was posted.
    pub age: Duration,
    /// The time after its posting in which a message may be edited; without a limit, if absent.
    pub window: Option<Duration>,
}

/// A room, and what it knows of the actor.
#[derive(Debug, Clone, Copy)]
pub struct RoomStanding<'a> {
    /// Its name.
    pub name: &'a RoomName,
    /// The room; absent if nobody has made it.
    pub room: Option<&'a Room>,
    /// The actor's membership, if there is one.
    pub membership: Option<&'a Membership>,
    /// True if nobody owns it who is able to, as far as [`depends_on_owners`].
    pub is_ownerless: bool,
    /// The time by which mutes and bans are over or not.
    pub now: Timestamp,
}

impl<'a> From<RoomStanding<'a>> for Standing<'a> {
    fn from(room: RoomStanding<'a>) -> Self {
        Self { room: Some(room), ..Self::default() }
    }
}

/// Decides whether an actor may do something.
///
/// # Errors
/// [`Denied`] with the first rule that forbids it.
pub fn may(actor: &Actor, act: Act, at: &Standing<'_>) -> Result<(), Denied> {
    let rule = act.rule();
    let level = may_here(actor, act, at)?;
    if matches!(rule.whose, Whose::Nobody | Whose::LowerRole) {
        return Ok(());
    }
    let user = actor.name()?;
    if rule.whose == Whose::Own {
        return Ok(());
    }
    let has = |right| actor.grant().is_none_or(|grant| grant.rights.contains(right));
    if at.author != Some(user.key()) {
        // In open mode nobody is a moderator.
        let moderates = level >= Level::Moderator && rule.right_of_others.is_some_and(has);
        return if moderates { Ok(()) } else { Err(Denied::NotTheAuthor) };
    }
    if !has(rule.right) {
        return Err(Denied::Forbidden);
    }
    if rule.whose == Whose::AuthorWithinWindow && at.window.is_some_and(|window| at.age > window) {
        return Err(Denied::WindowOver);
    }
    Ok(())
}

/// The level of an actor, if it and the credential are enough for the act, whatever it is done to. A room that is out
/// of reach is as one that is not there, before anything else is said.
///
/// # Errors
/// [`Denied`] with the first rule that forbids it.
pub fn may_here(actor: &Actor, act: Act, at: &Standing<'_>) -> Result<Level, Denied> {
    let rule = act.rule();
    // Open mode: everybody is whom they say they are, and nobody is more than that.
    let Some(grant) = actor.grant() else { return Ok(Level::Member) };
    let level = match &at.room {
        Some(room) => level(actor, grant, act, room)?,
        None if actor.user().is_some() => Level::Member,
        None => Level::Guest,
    };
    if level == Level::Guest && rule.level > Level::Guest {
        return Err(Denied::Guest);
    }
    let lacks_setting = act == Act::MakeRoom && !grant.makes_rooms;
    // A name that is drawn has to be within reach as well.
    let drawn = match act {
        Act::MakeRoom if at.room.is_none() => Some(RANDOM_PREFIX),
        Act::OpenDirect => Some(DIRECT_PREFIX),
        _ => None,
    };
    if drawn.is_some_and(|prefix| !actor.reaches(&RoomName::stored(prefix))) {
        return Err(Denied::Forbidden);
    }
    if !grant.rights.contains(rule.right) && !rule.right_of_others.is_some_and(|right| grant.rights.contains(right)) {
        return Err(if rule.right == Right::Admin { Denied::NotAdmin } else { Denied::Forbidden });
    }
    if lacks_setting {
        return Err(Denied::NotAdmin);
    }
    // The two of a direct room stay the two.
    let is_of_members = matches!(act, Act::Join | Act::Leave | Act::SetMember | Act::AddOneself | Act::RemoveMember);
    if is_of_members && at.room.and_then(|room| room.room).is_some_and(Room::is_direct) {
        return Err(Denied::FixedMembers);
    }
    if level < rule.level {
        return Err(Denied::RoleTooLow);
    }
    let has_session = match (rule.session, &grant.credential) {
        (SessionNeeded::None, _) | (SessionNeeded::Any, Credential::Session { .. }) => true,
        (_, Credential::Session { by_password, .. }) => *by_password,
        (SessionNeeded::ByPasswordOrWholeKey, Credential::ApiKey(_)) => grant.is_whole(),
        _ => false,
    };
    if !has_session {
        let takes_key = rule.session == SessionNeeded::ByPasswordOrWholeKey;
        return Err(if takes_key { Denied::NotWhole } else { Denied::NotSignedIn });
    }
    if actor.names_another() {
        return Err(Denied::AnotherUser);
    }
    let Some(RoomStanding { room: Some(room), membership, now, .. }) = at.room else { return Ok(level) };
    if rule.is_for_the_unmuted && membership.is_some_and(|membership| membership.is_muted(now)) {
        return Err(Denied::Muted);
    }
    let is_moderated = act == Act::Post && room.access.posting == Posting::Moderators && level < Level::Moderator;
    if is_moderated { Err(Denied::RoleTooLow) } else { Ok(level) }
}

/// The level of somebody in a room.
fn level(actor: &Actor, grant: &Grant, act: Act, at: &RoomStanding<'_>) -> Result<Level, Denied> {
    if !actor.reaches(at.name) {
        return Err(Denied::NoSuchRoom);
    }
    let user = actor.user();
    let Some(room) = at.room else {
        let is_made = matches!(act, Act::MakeRoom | Act::OpenDirect);
        return match user {
            Some(_) if is_made => Ok(Level::Member),
            None if is_made => Ok(Level::Guest),
            _ => Err(Denied::NoSuchRoom),
        };
    };
    let is_public = room.access.visibility == Visibility::Public;
    // Before any ban: what keeps order above the room's owners can't be shut out by them.
    let is_theirs = is_owned_by_admins(room, at.is_ownerless) || (act == Act::AddOneself && !room.is_direct());
    if user.is_some() && grant.rights.contains(Right::Admin) && is_theirs {
        return Ok(Level::Owner);
    }
    if at.membership.is_some_and(|membership| membership.is_banned(at.now)) {
        return Err(if is_public { Denied::Banned } else { Denied::NoSuchRoom });
    }
    match (user, at.membership.and_then(|membership| membership.role)) {
        (Some(_), Some(role)) => Ok(role.into()),
        (Some(_), None) if is_public => Ok(Level::Member),
        (None, _) if is_public => Ok(Level::Guest),
        _ => Err(Denied::NoSuchRoom),
    }
}

/// Returns true if admins are owners of a room, be they members or not.
fn is_owned_by_admins(room: &Room, is_ownerless: bool) -> bool {
    (room.access.visibility == Visibility::Public || is_ownerless) && !room.is_direct()
}

/// Returns true if it matters to what somebody may do in a private room whether it has an owner who is not disabled: to
/// admins, who own those that have none, except for rooms of two people.
#[must_use]
pub fn depends_on_owners(actor: &Actor, room: &RoomName) -> bool {
    let is_admin = actor.user().is_some() && actor.grant().is_some_and(|grant| grant.rights.contains(Right::Admin));
    is_admin && !room.as_str().starts_with(DIRECT_PREFIX)
}

/// Decides whether somebody of this level may give a role, or take one away: one's own level and what is above it are
/// out of reach, except that owners make owners, and change them.
///
/// # Errors
/// [`Denied::RoleTooLow`].
pub fn may_change_role(level: Level, before: Option<Role>, after: Option<Role>) -> Result<(), Denied> {
    let is_below = |role: Role| Level::from(role) < level || level == Level::Owner;
    if [before, after].into_iter().flatten().all(is_below) { Ok(()) } else { Err(Denied::RoleTooLow) }
}

/// Decides whether somebody may ban an admin from a room, or mute them there: where admins are owners, only another admin
/// may.
///
/// # Errors
/// [`Denied::OfAdmin`].
pub fn may_restrain_admin(actor: &Actor, room: &Room, is_ownerless: bool) -> Result<(), Denied> {
    let is_admin = actor.grant().is_some_and(|grant| grant.rights.contains(Right::Admin));
    if is_admin || !is_owned_by_admins(room, is_ownerless) { Ok(()) } else { Err(Denied::OfAdmin) }
}

impl From<Role> for Level {
    fn from(role: Role) -> Self {
        match role {
            Role::Reader => Self::Reader,
            Role::Member => Self::Member,
            Role::Moderator => Self::Moderator,
            Role::Owner => Self::Owner,
        }
    }
}

#[cfg(test)]
mod tests;
