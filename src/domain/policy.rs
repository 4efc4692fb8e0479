//! The policy: which acts there are, and who may do each.
//!
//! Pure, and below both `chat`, which asks it before work is queued, and `journal`, which asks it again under the
//! room's lock, where the answer counts.

use std::time::Duration;

pub use super::{
    actor::{Actor, Credential, Grant},
    denied::Denied,
};
use super::{
    name::{RoomName, UserKey},
    rights::Right,
};

/// Something that can be done. Reading and changing, without the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is named after the operation it stands for")]
pub enum Act {
    SeeOneself,
    ListRooms,
    ReadRoom,
    SeePeople,
    PutRoom,
    Post,
    Edit,
    Delete,
    React,
    MarkRead,
    CountUnread,
    Type,
    Attend,
}

impl Act {
    /// Every act.
    pub const ALL: [Self; 13] = [
        Self::SeeOneself,
        Self::ListRooms,
        Self::ReadRoom,
        Self::SeePeople,
        Self::PutRoom,
        Self::Post,
        Self::Edit,
        Self::Delete,
        Self::React,
        Self::MarkRead,
        Self::CountUnread,
        Self::Type,
        Self::Attend,
    ];

    /// The word for it, in documents.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::SeeOneself => "find out who one is",
            Self::ListRooms => "list rooms",
            Self::ReadRoom => "read a room: its messages, search, streams",
            Self::SeePeople => "see who is in a room, and what they have read",
            Self::PutRoom => "make a room, or change what it is called",
            Self::Post => "post",
            Self::Edit => "edit a message",
            Self::Delete => "delete a message",
            Self::React => "react to a message",
            Self::MarkRead => "move one's own read cursor",
            Self::CountUnread => "count what one has not read, and find one's own messages",
            Self::Type => "say that one types",
            Self::Attend => "be seen in a room",
        }
    }

    /// The rule for it. This is the policy's table: an act without a row does not compile.
    #[must_use]
    pub const fn rule(self) -> Rule {
        use Level::{Guest, Member};
        use Right::{Post, Read};
        match self {
            Self::SeeOneself | Self::ListRooms | Self::ReadRoom => Rule::new(Read, Guest, Whose::Nobody),
            Self::SeePeople => Rule::new(Read, Member, Whose::Nobody),
            Self::CountUnread | Self::MarkRead | Self::Attend => Rule::new(Read, Member, Whose::Own),
            Self::PutRoom => Rule::new(Post, Member, Whose::Nobody),
            Self::Post | Self::React | Self::Type => Rule::new(Post, Member, Whose::Own),
            Self::Edit => Rule::new(Post, Member, Whose::AuthorWithinWindow),
            Self::Delete => Rule::new(Post, Member, Whose::Author),
        }
    }
}

/// The rule of an act.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// The right that a credential needs.
    pub right: Right,
    /// The standing in the room that a user needs.
    pub level: Level,
    /// The relation to the object that a user needs.
    pub whose: Whose,
}

impl Rule {
    const fn new(right: Right, level: Level, whose: Whose) -> Self {
        Self { right, level, whose }
    }
}

/// The standings that somebody may have in a room, each with all that those before it have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Without a credential.
    Guest,
    /// A user of the server, in a public room.
    Member,
    /// Admins, who may do to others' messages what moderators may.
    Moderator,
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

/// A room, as far as the policy has to know it.
#[derive(Debug, Clone, Copy)]
pub struct RoomStanding<'a> {
    /// Its name.
    pub name: &'a RoomName,
    /// True if somebody has made it.
    pub exists: bool,
}

impl<'a> Standing<'a> {
    /// The standing of somebody in a room, where no message is at stake.
    #[must_use]
    pub fn in_room(name: &'a RoomName, exists: bool) -> Self {
        Self { room: Some(RoomStanding { name, exists }), ..Self::default() }
    }
}

/// Decides whether an actor may do something.
///
/// # Errors
/// [`Denied`] with the first rule that forbids it.
pub fn may(actor: &Actor, act: Act, at: &Standing<'_>) -> Result<(), Denied> {
    let rule = act.rule();
    let level = may_here(actor, act, at)?;
    if rule.whose == Whose::Nobody {
        return Ok(());
    }
    let user = actor.name()?;
    if rule.whose == Whose::Own || (rule.whose == Whose::Author && level >= Level::Moderator) {
        return Ok(());
    }
    if at.author != Some(user.key()) {
        return Err(Denied::NotTheAuthor);
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
    if let Some(room) = at.room
        && (!actor.reaches(room.name) || !(room.exists || act == Act::PutRoom))
    {
        return Err(Denied::NoSuchRoom);
    }
    let level = match actor.user() {
        None => Level::Guest,
        Some(_) if grant.rights.contains(Right::Admin) && grant.rights.contains(Right::Moderate) => Level::Moderator,
        Some(_) => Level::Member,
    };
    if level == Level::Guest && rule.level > Level::Guest {
        return Err(Denied::Guest);
    }
    let makes_a_room = act == Act::PutRoom && at.room.is_some_and(|room| !room.exists);
    if !grant.rights.contains(rule.right) || level < rule.level || (makes_a_room && !grant.makes_rooms) {
        return Err(Denied::Forbidden);
    }
    if actor.names_another() {
        return Err(Denied::AnotherUser);
    }
    Ok(level)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::domain::{name::Username, room_scope::RoomScope, user::UserKind};

    #[test]
    fn each_act_is_allowed_to_those_its_rule_names() {
        let user = |name: &str| Username::parse(name).unwrap();
        let (alice, bob, nameless) = (Actor::named(user("Alice")), Actor::named(user("Bob")), Actor::nameless());
        let author = user("ALICE");
        let minutes = |age| Duration::from_mins(age);
        let at = |age| Standing {
            author: Some(author.key()),
            age: minutes(age),
            window: Some(minutes(15)),
            ..Standing::default()
        };
        for act in Act::ALL {
            let (by_nobody, by_other, late) = match act.rule().whose {
                Whose::Nobody => (Ok(()), Ok(()), Ok(())),
                Whose::Own => (Err(Denied::Nameless), Ok(()), Ok(())),
                Whose::Author => (Err(Denied::Nameless), Err(Denied::NotTheAuthor), Ok(())),
                Whose::AuthorWithinWindow => {
                    (Err(Denied::Nameless), Err(Denied::NotTheAuthor), Err(Denied::WindowOver))
                }
            };
            assert_eq!(may(&nameless, act, &at(0)), by_nobody, "{act:?}");
            assert_eq!(may(&bob, act, &at(0)), by_other, "{act:?}");
            assert_eq!(may(&alice, act, &at(15)), Ok(()), "{act:?}: names are compared folded");
            assert_eq!(may(&alice, act, &at(16)), late, "{act:?}");
            let for_ever = Standing { window: None, ..at(1_000_000) };
            assert_eq!(may(&alice, act, &for_ever), Ok(()), "{act:?}");
        }
    }

    fn granted(rights: &[Right], rooms: &[&str]) -> Arc<Grant> {
        let rooms = if rooms.is_empty() { RoomScope::all() } else { RoomScope::parse(rooms.iter().copied()).unwrap() };
        let rights = rights.iter().copied().collect();
        let (credential, kind) = (Credential::ApiKey(1), UserKind::Person);
        Arc::new(Grant { credential, kind, rights, rooms, makes_rooms: true, expires_at: None, version: 0 })
    }

    #[test]
    fn a_credential_allows_no_more_than_its_rights_and_its_rooms() {
        let (alice, bob) = (Username::parse("Alice").unwrap(), Username::parse("Bob").unwrap());
        let (team, other) = (RoomName::parse("team-a").unwrap(), RoomName::parse("other").unwrap());
        let reader = Actor::proven(alice.clone(), granted(&[Right::Read], &["team-*"]));
        let poster = Actor::proven(alice.clone(), granted(&[Right::Read, Right::Post], &[]));
        let admin = Actor::proven(bob.clone(), granted(&Right::ALL, &[]));
        let by_alice = |room| Standing { author: Some(alice.key()), ..Standing::in_room(room, true) };
        for act in Act::ALL {
            assert_eq!(may(&reader, act, &by_alice(&other)), Err(Denied::NoSuchRoom), "{act:?}");
            let allowed = if act.rule().right == Right::Read { Ok(()) } else { Err(Denied::Forbidden) };
            assert_eq!(may(&reader, act, &by_alice(&team)), allowed, "{act:?}");
            assert_eq!(may(&poster, act, &by_alice(&other)), Ok(()), "{act:?}");
            let absent = Standing { author: Some(alice.key()), ..Standing::in_room(&other, false) };
            let made = if act == Act::PutRoom { Ok(()) } else { Err(Denied::NoSuchRoom) };
            assert_eq!(may(&poster, act, &absent), made, "{act:?}");
            let claimed = poster.clone().naming(Some(bob.clone()));
            assert_eq!(may(&claimed, act, &by_alice(&team)), Err(Denied::AnotherUser), "{act:?}");
            let own = poster.clone().naming(Some(Username::parse("ALICE").unwrap()));
            assert_eq!(may(&own, act, &by_alice(&team)), Ok(()), "{act:?}");
            let others = if act == Act::Edit { Err(Denied::NotTheAuthor) } else { Ok(()) };
            assert_eq!(
                may(&admin, act, &by_alice(&team)),
                others,
                "{act:?}: admins delete, and put no words into mouths"
            );
        }
    }

    #[test]
    fn a_room_is_made_by_those_only_whom_the_setting_lets() {
        let name = RoomName::parse("other").unwrap();
        let grant = Grant { makes_rooms: false, ..(*granted(&[Right::Read, Right::Post], &[])).clone() };
        let alice = Actor::proven(Username::parse("Alice").unwrap(), Arc::new(grant));
        assert_eq!(may(&alice, Act::PutRoom, &Standing::in_room(&name, false)), Err(Denied::Forbidden));
        assert_eq!(may(&alice, Act::PutRoom, &Standing::in_room(&name, true)), Ok(()));
    }

    #[test]
    fn a_guest_reads_and_does_nothing_else() {
        let room = RoomName::parse("general").unwrap();
        for act in Act::ALL {
            let allowed = if act.rule().level == Level::Guest { Ok(()) } else { Err(Denied::Guest) };
            assert_eq!(may(&Actor::guest(0), act, &Standing::in_room(&room, true)), allowed, "{act:?}");
            let named = Actor::guest(0).naming(Some(Username::parse("Eve").unwrap()));
            assert!(may(&named, act, &Standing::in_room(&room, true)).is_err(), "{act:?}: a guest has no name");
        }
    }
}
