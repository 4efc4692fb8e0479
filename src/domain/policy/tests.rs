//! The policy decides as its table says.

use std::sync::Arc;

use super::*;
use crate::domain::{membership::Ban, name::Username, room_scope::RoomScope, user::UserKind};

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
            Whose::Nobody | Whose::LowerRole => (Ok(()), Ok(()), Ok(())),
            Whose::Own => (Err(Denied::Nameless), Ok(()), Ok(())),
            Whose::Author => (Err(Denied::Nameless), Err(Denied::NotTheAuthor), Ok(())),
            Whose::AuthorWithinWindow => (Err(Denied::Nameless), Err(Denied::NotTheAuthor), Err(Denied::WindowOver)),
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
    let (credential, kind) = (Credential::Session { id: 1, by_password: true }, UserKind::Person);
    Arc::new(Grant { credential, kind, rights, rooms, makes_rooms: true, expires_at: None, version: 0 })
}

/// The acts that are done in a room.
fn in_rooms() -> impl Iterator<Item = Act> {
    Act::ALL.into_iter().filter(|act| act.rule().right != Right::Admin)
}

const NOW: Timestamp = Timestamp::from_micros(1_000_000);
const WITHOUT_ADMIN: [Right; 3] = [Right::Read, Right::Post, Right::Moderate];

fn user(name: &str) -> Username {
    Username::parse(name).unwrap()
}

/// A room of that name with an owner.
fn room(name: &str, visibility: Visibility) -> Room {
    let mut room = Room::new(1, RoomName::parse(name).unwrap(), NOW);
    room.access.visibility = visibility;
    room.owners = 1;
    room
}

fn member(name: &str, role: Option<Role>) -> Membership {
    Membership { role, ..Membership::none(user(name), NOW) }
}

/// A room that nobody has made.
fn absent(name: &RoomName) -> RoomStanding<'_> {
    RoomStanding { name, room: None, membership: None, is_ownerless: false, now: NOW }
}

/// The decision on an act in a room, on a message of the author's.
fn decide(
    actor: &Actor,
    act: Act,
    room: &Room,
    membership: Option<&Membership>,
    author: &Username,
) -> Result<(), Denied> {
    let is_ownerless = room.owners == 0;
    let at = RoomStanding { name: &room.name, room: Some(room), membership, is_ownerless, now: NOW };
    may(actor, act, &Standing { author: Some(author.key()), ..at.into() })
}

#[test]
fn a_credential_allows_no_more_than_its_rights_and_its_rooms() {
    let (alice, bob) = (user("Alice"), user("Bob"));
    let (team, other) = (room("team-a", Visibility::Public), room("other", Visibility::Public));
    let reader = Actor::proven(alice.clone(), granted(&[Right::Read], &["team-*"]));
    let poster = Actor::proven(alice.clone(), granted(&[Right::Read, Right::Post], &[]));
    for act in in_rooms() {
        assert_eq!(decide(&reader, act, &other, None, &alice), Err(Denied::NoSuchRoom), "{act:?}");
        let owner = member("Alice", Some(Role::Owner));
        let allowed = if act.rule().right == Right::Read { Ok(()) } else { Err(Denied::Forbidden) };
        assert_eq!(decide(&reader, act, &team, Some(&owner), &alice), allowed, "{act:?}");
        let allowed = if act.rule().right == Right::Moderate { Err(Denied::Forbidden) } else { Ok(()) };
        assert_eq!(decide(&poster, act, &other, Some(&owner), &alice), allowed, "{act:?}");
        let absent = absent(&other.name);
        let made = if matches!(act, Act::MakeRoom | Act::OpenDirect) { Ok(()) } else { Err(Denied::NoSuchRoom) };
        assert_eq!(may(&poster, act, &Standing { author: Some(alice.key()), ..absent.into() }), made, "{act:?}");
        if allowed.is_ok() {
            let claimed = poster.clone().naming(Some(bob.clone()));
            assert_eq!(decide(&claimed, act, &team, Some(&owner), &alice), Err(Denied::AnotherUser), "{act:?}");
            let own = poster.clone().naming(Some(user("ALICE")));
            assert_eq!(decide(&own, act, &team, Some(&owner), &alice), Ok(()), "{act:?}");
        }
    }
}

#[test]
fn each_role_may_what_its_level_may() {
    let actor = Actor::proven(user("Alice"), granted(&WITHOUT_ADMIN, &[]));
    let author = user("Author");
    for visibility in [Visibility::Public, Visibility::Private] {
        let room = room("team", visibility);
        for role in [None].into_iter().chain(Role::ALL.map(Some)) {
            let membership = member("Alice", role);
            let level = role.map_or(Level::Member, Level::from);
            for act in in_rooms() {
                let rule = act.rule();
                let expected = if role.is_none() && visibility == Visibility::Private {
                    Err(Denied::NoSuchRoom)
                } else if level < rule.level {
                    Err(Denied::RoleTooLow)
                } else if rule.whose == Whose::AuthorWithinWindow
                    || (rule.whose == Whose::Author && level < Level::Moderator)
                {
                    Err(Denied::NotTheAuthor)
                } else {
                    Ok(())
                };
                let decided = decide(&actor, act, &room, Some(&membership), &author);
                assert_eq!(decided, expected, "{act:?} as {role:?} of a room that is {visibility:?}");
            }
        }
    }
}

#[test]
fn admins_own_public_rooms_and_those_without_an_owner_and_never_a_direct_one() {
    let admin = Actor::proven(user("Root"), granted(&Right::ALL, &[]));
    let author = user("Author");
    let ownerless = |mut room: Room| {
        room.owners = 0;
        room
    };
    for (room, is_owned) in [
        (room("team", Visibility::Public), true),
        (room("team", Visibility::Private), false),
        (ownerless(room("team", Visibility::Private)), true),
        (ownerless(room("dm-x", Visibility::Private)), false),
    ] {
        let expected = if is_owned { Ok(()) } else { Err(Denied::NoSuchRoom) };
        for act in [Act::ReadRoom, Act::Ban, Act::ChangeRoom, Act::Delete] {
            assert_eq!(decide(&admin, act, &room, None, &author), expected, "{act:?} {room:?}");
        }
        let adds_oneself = if room.is_direct() { Err(Denied::NoSuchRoom) } else { Ok(()) };
        assert_eq!(decide(&admin, Act::AddOneself, &room, None, &author), adds_oneself, "{room:?}");
        let edit = if is_owned { Err(Denied::NotTheAuthor) } else { Err(Denied::NoSuchRoom) };
        assert_eq!(decide(&admin, Act::Edit, &room, None, &author), edit, "admins put no words into mouths");
    }
}

#[test]
fn who_is_banned_does_nothing_and_who_is_muted_says_nothing() {
    let actor = Actor::proven(user("Alice"), granted(&WITHOUT_ADMIN, &[]));
    let author = user("Alice");
    let (later, earlier) = (Timestamp::from_micros(1_000_001), Timestamp::from_micros(1_000_000));
    let banned = |until| {
        let ban = Ban { by: user("Root"), reason: None, since: NOW, until };
        Membership { ban: Some(ban), ..member("Alice", Some(Role::Owner)) }
    };
    let muted = |until| Membership { muted_until: Some(until), ..member("Alice", Some(Role::Owner)) };
    let (public, private) = (room("team", Visibility::Public), room("team", Visibility::Private));
    for act in in_rooms() {
        for until in [None, Some(later)] {
            assert_eq!(decide(&actor, act, &public, Some(&banned(until)), &author), Err(Denied::Banned), "{act:?}");
            assert_eq!(
                decide(&actor, act, &private, Some(&banned(until)), &author),
                Err(Denied::NoSuchRoom),
                "{act:?}"
            );
        }
        assert_eq!(decide(&actor, act, &public, Some(&banned(Some(earlier))), &author), Ok(()), "{act:?}: it is over");
        let says = matches!(act, Act::Post | Act::Edit | Act::React | Act::Type);
        let expected = if says { Err(Denied::Muted) } else { Ok(()) };
        assert_eq!(decide(&actor, act, &private, Some(&muted(later)), &author), expected, "{act:?}");
        assert_eq!(decide(&actor, act, &private, Some(&muted(earlier)), &author), Ok(()), "{act:?}: it is over");
    }
}

#[test]
fn a_moderator_deletes_others_messages_by_the_right_to_moderate_and_own_ones_by_the_right_to_post() {
    let (room, author) = (room("team", Visibility::Public), user("Author"));
    let own = user("Alice");
    let decided = |rights: &[Right], role, author: &Username| {
        let actor = Actor::proven(user("Alice"), granted(rights, &[]));
        decide(&actor, Act::Delete, &room, Some(&member("Alice", Some(role))), author)
    };
    let (moderate, post) = ([Right::Read, Right::Moderate], [Right::Read, Right::Post]);
    assert_eq!(decided(&moderate, Role::Moderator, &author), Ok(()));
    assert_eq!(decided(&moderate, Role::Member, &author), Err(Denied::NotTheAuthor));
    assert_eq!(decided(&moderate, Role::Moderator, &own), Err(Denied::Forbidden));
    assert_eq!(decided(&post, Role::Moderator, &author), Err(Denied::NotTheAuthor));
    assert_eq!(decided(&post, Role::Member, &own), Ok(()));
    assert_eq!(decided(&[Right::Read], Role::Owner, &author), Err(Denied::Forbidden));
}

#[test]
fn no_ban_binds_an_admin_where_admins_are_owners() {
    let admin = Actor::proven(user("Root"), granted(&Right::ALL, &[]));
    let author = user("Author");
    let ban = Ban { by: user("Olga"), reason: None, since: NOW, until: None };
    let banned = Membership { ban: Some(ban), ..member("Root", None) };
    let decided = |act, room: &Room| decide(&admin, act, room, Some(&banned), &author);
    let (public, private) = (room("team", Visibility::Public), room("team", Visibility::Private));
    let ownerless = Room { owners: 0, ..private.clone() };
    for act in [Act::ReadRoom, Act::Ban, Act::ChangeRoom, Act::Delete, Act::AddOneself] {
        assert_eq!(decided(act, &public), Ok(()), "{act:?}");
        assert_eq!(decided(act, &ownerless), Ok(()), "{act:?}");
        let expected = if act == Act::AddOneself { Ok(()) } else { Err(Denied::NoSuchRoom) };
        assert_eq!(decided(act, &private), expected, "{act:?}");
    }
    let olga = Actor::proven(user("Olga"), granted(&WITHOUT_ADMIN, &[]));
    for (room, is_ownerless, expected) in
        [(&public, false, Err(Denied::OfAdmin)), (&ownerless, true, Err(Denied::OfAdmin)), (&private, false, Ok(()))]
    {
        assert_eq!(may_restrain_admin(&olga, room, is_ownerless), expected, "{room:?}");
        assert_eq!(may_restrain_admin(&admin, room, is_ownerless), Ok(()));
    }
}

#[test]
fn only_moderators_post_where_only_they_may() {
    let mut room = room("news", Visibility::Public);
    room.access.posting = Posting::Moderators;
    let alice = Actor::proven(user("Alice"), granted(&WITHOUT_ADMIN, &[]));
    for (role, expected) in [
        (None, Err(Denied::RoleTooLow)),
        (Some(Role::Member), Err(Denied::RoleTooLow)),
        (Some(Role::Moderator), Ok(())),
    ] {
        let membership = member("Alice", role);
        assert_eq!(decide(&alice, Act::Post, &room, Some(&membership), &user("Alice")), expected, "{role:?}");
        assert_eq!(decide(&alice, Act::React, &room, Some(&membership), &user("Alice")), Ok(()), "{role:?}");
    }
}

#[test]
fn roles_are_given_and_taken_below_ones_own_and_owners_by_owners() {
    let forbidden = Err(Denied::RoleTooLow);
    for (level, before, after, expected) in [
        (Level::Moderator, None, Some(Role::Member), Ok(())),
        (Level::Moderator, Some(Role::Reader), None, Ok(())),
        (Level::Moderator, None, Some(Role::Moderator), forbidden),
        (Level::Moderator, Some(Role::Moderator), Some(Role::Member), forbidden),
        (Level::Moderator, Some(Role::Owner), None, forbidden),
        (Level::Owner, Some(Role::Owner), Some(Role::Member), Ok(())),
        (Level::Owner, None, Some(Role::Owner), Ok(())),
        (Level::Member, Some(Role::Reader), None, Ok(())),
        (Level::Member, Some(Role::Member), None, forbidden),
    ] {
        assert_eq!(may_change_role(level, before, after), expected, "{level:?} {before:?} {after:?}");
    }
}

#[test]
fn a_room_is_made_by_those_only_whom_the_setting_lets() {
    let name = RoomName::parse("other").unwrap();
    let grant = Grant { makes_rooms: false, ..(*granted(&[Right::Read, Right::Post], &[])).clone() };
    let alice = Actor::proven(user("Alice"), Arc::new(grant));
    assert_eq!(may(&alice, Act::MakeRoom, &absent(&name).into()), Err(Denied::NotAdmin));
}

#[test]
fn a_guest_reads_public_rooms_and_does_nothing_else() {
    let (public, private) = (room("team", Visibility::Public), room("team", Visibility::Private));
    let author = user("Eve");
    for act in in_rooms() {
        let allowed = if act.rule().level == Level::Guest { Ok(()) } else { Err(Denied::Guest) };
        assert_eq!(decide(&Actor::guest(0), act, &public, None, &author), allowed, "{act:?}");
        assert_eq!(decide(&Actor::guest(0), act, &private, None, &author), Err(Denied::NoSuchRoom), "{act:?}");
        let named = Actor::guest(0).naming(Some(author.clone()));
        assert!(decide(&named, act, &public, None, &author).is_err(), "{act:?}: a guest has no name");
    }
}

#[test]
fn the_audit_of_all_rooms_is_for_admins() {
    let [some, all] =
        [&WITHOUT_ADMIN[..], &Right::ALL[..]].map(|rights| Actor::proven(user("Alice"), granted(rights, &[])));
    assert_eq!(may(&some, Act::SeeAuditOfAll, &Standing::default()), Err(Denied::NotAdmin));
    assert_eq!(may(&all, Act::SeeAuditOfAll, &Standing::default()), Ok(()));
}

#[test]
fn what_is_done_to_an_account_takes_a_session_and_a_password() {
    let with = |credential| {
        let grant = Grant { credential, ..(*granted(&WITHOUT_ADMIN, &[])).clone() };
        Actor::proven(user("Alice"), Arc::new(grant))
    };
    let key = with(Credential::ApiKey(1));
    let token = with(Credential::Token { user: 1, issued_at: None, can: None, signed_by: 7 });
    let by_token = with(Credential::Session { id: 1, by_password: false });
    let by_password = with(Credential::Session { id: 1, by_password: true });
    let decided = |actor: &Actor, act| may(actor, act, &Standing::default());
    for actor in [&key, &token] {
        assert_eq!(decided(actor, Act::SignOut), Err(Denied::NotSignedIn));
    }
    for actor in [&key, &token, &by_token] {
        assert_eq!(decided(actor, Act::KeepAccount), Err(Denied::NotSignedIn));
    }
    assert_eq!(decided(&by_token, Act::SignOut), Ok(()));
    for act in [Act::SignOut, Act::KeepAccount] {
        assert_eq!(decided(&by_password, act), Ok(()));
        assert_eq!(decided(&Actor::guest(0), act), Err(Denied::Guest));
    }
}

#[test]
fn the_members_of_a_direct_room_are_fixed() {
    let room = room("dm-x", Visibility::Private);
    let admin = Actor::proven(user("Alice"), granted(&Right::ALL, &[]));
    let member = member("Alice", Some(Role::Member));
    for act in [Act::Join, Act::Leave, Act::SetMember, Act::AddOneself, Act::RemoveMember] {
        assert_eq!(decide(&admin, act, &room, Some(&member), &user("Bob")), Err(Denied::FixedMembers), "{act:?}");
    }
    assert_eq!(decide(&admin, Act::Ban, &room, Some(&member), &user("Bob")), Err(Denied::RoleTooLow));
}
