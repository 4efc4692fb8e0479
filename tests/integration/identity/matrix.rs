//! Every operation of the document by every kind of actor: allowed exactly what the policy's table says.

use std::sync::Arc;

use parlor::domain::{
    access::Visibility,
    membership::{Ban, Membership, Role},
    name::{RoomName, Username},
    policy::{Act, Actor, Credential, Denied, Grant, RoomStanding, Standing, may},
    rights::Rights,
    room::Room,
    room_scope::RoomScope,
    stream_id::StreamId,
    timestamp::Timestamp,
    user::UserKind,
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

mod requests;

pub(super) use self::requests::{body, operations};
use self::requests::{numbered, target, unique_name};
use super::Guarded;
use crate::support::{browser::Browser, server::json_of, users::Operator};

/// An actor of the matrix: its credential, and what the policy knows of it.
pub(super) struct Tried {
    pub(super) name: &'static str,
    pub(super) credential: Option<String>,
    actor: Actor,
    /// The membership in both rooms.
    pub(super) membership: Option<Membership>,
    /// True if the credential is good no longer.
    pub(super) is_refused: bool,
}

const NOW: Timestamp = Timestamp::from_micros(1);
const LATER: &str = "2999-01-01T00:00:00Z";

/// An actor by a token with these rights.
fn proven(user: &str, can: &str, rooms: &[&str]) -> Actor {
    let grant = Grant {
        credential: Credential::Token { user: 0, issued_at: None, can: None, signed_by: 0 },
        kind: UserKind::Person,
        makes_rooms: true,
        expires_at: None,
        rights: Rights::parse(can.split(',')).expect("rights"),
        rooms: RoomScope::parse(rooms.iter().copied()).expect("rooms"),
        version: 0,
    };
    Actor::proven(username(user), Arc::new(grant))
}

fn username(name: &str) -> Username {
    Username::parse(name).expect("a name")
}

const WHOLE: &str = "read,post,moderate";
const SIGNED_IN: &str = "signed-in";
/// An admin with an API key that nothing narrows.
const KEEPER: &str = "keeper";

/// The same with another credential.
fn by(credential: Credential, actor: &Actor) -> Actor {
    let grant = actor.grant().expect("a grant");
    let grant = Grant { credential, ..(**grant).clone() };
    Actor::proven(actor.user().expect("a user").clone(), Arc::new(grant))
}

impl Tried {
    /// True if its credential is a cookie.
    pub(super) fn is_signed_in(&self) -> bool {
        self.name == SIGNED_IN
    }
}

/// The cookie of somebody who has just registered.
async fn signed_in(guarded: &Guarded, name: &str) -> String {
    let browser = Browser::of(&guarded.server);
    browser.register(name).await;
    browser.cookie().expect("a cookie")
}

/// Everybody of the matrix; the members are made members of both rooms by their owner.
pub(super) async fn actors(guarded: &Guarded) -> Vec<Tried> {
    let tried = |name: &'static str, can: &str, rooms: &str| {
        let credential = Some(guarded.token(name, &["--can", can, "--rooms", rooms]));
        let rooms: Vec<_> = rooms.split(',').filter(|room| !room.is_empty()).collect();
        Tried { name, credential, actor: proven(name, can, &rooms), membership: None, is_refused: false }
    };
    let member = |name, role| {
        let membership = Membership { role: Some(role), ..Membership::none(username(name), NOW) };
        Tried { membership: Some(membership), ..tried(name, WHOLE, "*") }
    };
    let none = |name| Membership::none(username(name), NOW);
    let ban = Ban { by: username("owner"), reason: None, since: NOW, until: None };
    let muted_until = Some(Timestamp::parse("until", LATER).expect("a time"));
    let operator = Operator::of(&guarded.server);
    operator.add_user(&["bot", "--bot"]);
    let key = operator.key("bot", &["--rooms", "team-open", "--can", "read,post"]);
    operator.add_user(&[KEEPER, "--admin"]);
    let whole_key = operator.key(KEEPER, &[]);
    let all = vec![
        Tried { name: "guest", credential: None, actor: Actor::guest(0), membership: None, is_refused: false },
        tried("stranger", WHOLE, "*"),
        member("author", Role::Member),
        member("reader", Role::Reader),
        member("member", Role::Member),
        member("moderator", Role::Moderator),
        Tried {
            membership: member("moderating", Role::Moderator).membership,
            ..tried("moderating", "read,moderate", "*")
        },
        member("owner", Role::Owner),
        tried("admin", "read,post,moderate,admin", "*"),
        Tried {
            name: KEEPER,
            credential: Some(whole_key),
            actor: by(Credential::ApiKey(0), &proven(KEEPER, "read,post,moderate,admin", &["*"])),
            membership: None,
            is_refused: false,
        },
        Tried {
            name: "bot",
            credential: Some(key),
            actor: by(Credential::ApiKey(0), &proven("bot", "read,post", &["team-open"])),
            membership: None,
            is_refused: false,
        },
        tried("narrow", WHOLE, "team-*"),
        tried("elsewhere", WHOLE, "other"),
        tried("onlooker", "read", "*"),
        Tried { membership: member("looking", Role::Owner).membership, ..tried("looking", "read", "*") },
        Tried { membership: member("posting", Role::Owner).membership, ..tried("posting", "read,post", "*") },
        Tried {
            membership: Some(Membership { role: Some(Role::Member), muted_until, ..none("muted") }),
            ..tried("muted", WHOLE, "*")
        },
        Tried { membership: Some(Membership { ban: Some(ban), ..none("banned") }), ..tried("banned", WHOLE, "*") },
        Tried { is_refused: true, ..member("disabled", Role::Owner) },
        Tried {
            name: SIGNED_IN,
            credential: Some(signed_in(guarded, SIGNED_IN).await),
            actor: by(Credential::Session { id: 0, by_password: true }, &proven(SIGNED_IN, WHOLE, &["*"])),
            membership: None,
            is_refused: false,
        },
    ];
    // Whoever is spoken of below has to be a user first.
    for tried in &all {
        if let Some(credential) = tried.credential.as_ref().filter(|_| !tried.is_signed_in()) {
            let me = guarded.request(Method::GET, "/api/v1/me", credential).send().await.expect("an answer");
            assert_eq!(me.status(), StatusCode::OK, "{}", tried.name);
        }
    }
    let owner = all.iter().find(|tried| tried.name == "owner").and_then(|tried| tried.credential.clone());
    let owner = owner.expect("an owner");
    for (room, visibility) in ROOMS {
        let put = async |path: &str, body: Value| {
            let put = guarded.request(Method::PUT, &format!("/api/v1/rooms/{room}{path}"), &owner).json(&body);
            let answer = put.send().await.expect("an answer");
            assert!(answer.status().is_success(), "{path}: {}", answer.text().await.unwrap_or_default());
        };
        put("", json!({"visibility": visibility.word()})).await;
        for tried in &all {
            if let Some(role) = tried.membership.as_ref().and_then(|membership| membership.role) {
                put(&format!("/members/{}", tried.name), json!({"role": role})).await;
            }
        }
        put("/bans/banned", json!({})).await;
        put("/mutes/muted", json!({"until": LATER})).await;
    }
    operator.done(&["user", "disable", "disabled"]);
    all
}

pub(super) const ROOMS: [(&str, Visibility); 2] =
    [("team-open", Visibility::Public), ("team-closed", Visibility::Private)];

/// The decision of the policy on an act in a room, on a message of the author's.
pub(super) fn decide(
    tried: &Tried,
    act: Act,
    in_room: Option<(&str, Visibility)>,
    membership: Option<&Membership>,
) -> Result<(), Denied> {
    let author = username("author");
    let room = in_room.map(|(name, visibility)| {
        let mut room = Room::new(1, RoomName::parse(name).expect("a name"), NOW);
        room.access.visibility = visibility;
        room.owners = 1;
        room
    });
    let room = room.as_ref().map(|room| RoomStanding {
        name: &room.name,
        room: Some(room),
        membership,
        is_ownerless: false,
        now: Timestamp::from_micros(2),
    });
    may(&tried.actor, act, &Standing { room, author: Some(author.key()), ..Standing::default() })
}

/// The status and the code of a denial.
fn words(denied: Denied) -> (u16, &'static str) {
    let (status, code, _) = denied.words();
    (status, code)
}

/// The decision of the policy on making a room of a name.
fn decide_absent(tried: &Tried, name: &str) -> Result<(), Denied> {
    let name = RoomName::parse(name).expect("a name");
    let absent = RoomStanding { name: &name, room: None, membership: None, is_ownerless: false, now: NOW };
    may(&tried.actor, Act::MakeRoom, &absent.into())
}

/// A message by the author, for somebody to change.
pub(super) async fn posted(guarded: &Guarded, author: &str, room: &str) -> i64 {
    let post = guarded.request(Method::POST, &format!("/api/v1/rooms/{room}/messages"), author);
    let posted = post.json(&json!({"content": "by the author"})).send().await.expect("an answer");
    json_of(posted, StatusCode::CREATED).await["id"].as_i64().expect("an id")
}

#[tokio::test]
async fn each_operation_is_allowed_to_each_actor_exactly_as_the_table_says() {
    for guests in ["on", "off"] {
        let guarded = Guarded::with(&["--guests", guests, "--accounts", "open"]).await;
        let all = actors(&guarded).await;
        let author = guarded.token("author", &[]);
        let operations = operations(&guarded.server).await;
        let keeper = all.iter().find(|tried| tried.name == KEEPER).and_then(|tried| tried.credential.clone());
        let keeper = keeper.expect("a key");
        for act in Act::ALL {
            if act == Act::ResetPassword {
                // Who has a password.
                signed_in(&guarded, &target(act)).await;
                continue;
            }
            let me = guarded.request(Method::GET, "/api/v1/me", &guarded.token(&target(act), &[])).send().await;
            assert_eq!(me.expect("an answer").status(), StatusCode::OK);
        }
        // Whether guests are let in is no matter to anybody else.
        for tried in all.iter().filter(|tried| guests == "on" || tried.credential.is_none()) {
            for (method, path, act) in &operations {
                for (room, visibility) in ROOMS {
                    let mut url = path.replace("{room}", room);
                    let mut credential = tried.credential.clone();
                    // What ends a session, or an account, ends one of its own.
                    let ends = act.begins_session() || matches!(act, Act::SignOut | Act::KeepAccount);
                    if tried.is_signed_in() && ends {
                        credential = Some(signed_in(&guarded, &unique_name()).await);
                    }
                    if !path.contains("/messages/{id}") && path.contains("{id}") {
                        let cookie = credential.clone().filter(|_| tried.is_signed_in());
                        url = url.replace("{id}", &numbered(&guarded, path, cookie.as_deref(), &keeper).await);
                    }
                    // Of its own for each that changes one.
                    if path.contains("/messages/{id}") {
                        url = url.replace("{id}", &posted(&guarded, &author, room).await.to_string());
                        url = url.replace("{emoji}", "%F0%9F%91%8D");
                    }
                    // One for each kind of act, so that none stands in another's way.
                    url = url.replace("{username}", &target(*act));
                    // One's own; a guest has none.
                    let user = tried.actor.user().cloned().unwrap_or_else(|| username("nobody"));
                    url = url.replace("{stream}", StreamId::draw(user.key()).as_str());
                    let query = match path.as_str() {
                        "/api/v1/stream" => format!("?rooms={room}"),
                        path if path.ends_with("/search") => "?q=author".into(),
                        path if path.ends_with("/poll") => "?since=0".into(),
                        _ => String::new(),
                    };
                    let mut request = guarded.server.http().request(method.clone(), guarded.server.url(&url) + &query);
                    request = match &credential {
                        Some(cookie) if tried.is_signed_in() => request.header("cookie", cookie),
                        Some(credential) => request.bearer_auth(credential),
                        None => request,
                    };
                    if tried.is_signed_in() || act.begins_session() {
                        request = request.header("origin", format!("http://{}", guarded.server.addr()));
                    }
                    let is_socket = path.ends_with("/ws") || path.starts_with("/ws/");
                    if is_socket {
                        request = request
                            .header("connection", "upgrade")
                            .header("upgrade", "websocket")
                            .header("sec-websocket-version", "13")
                            .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
                    }
                    let by_token = (*act == Act::SignIn).then(|| json!({"token": guarded.token("signer", &[])}));
                    if let Some(body) = body(*act, method).or(by_token) {
                        request = request.json(&body);
                    }
                    let answer = request.send().await.expect("an answer");
                    let status = answer.status().as_u16();
                    // What is let in may be a stream.
                    let problem = if status >= 400 { answer.json().await.expect("JSON") } else { Value::Null };
                    let refusal = (status, problem["code"].as_str().unwrap_or_default());

                    let is_about_a_room = path.contains("{room}") || path.ends_with("/stream");
                    let is_let_in = tried.credential.is_some()
                        || (guests == "on" && act.is_for_guests())
                        || *act == Act::SeeOneself
                        || act.begins_session();
                    let decided = if tried.is_refused && !act.begins_session() {
                        Err(Denied::Revoked)
                    } else if is_let_in {
                        // The one room of this path is one that nobody is a member of.
                        let general = (path == "/ws/chat/").then_some(("general", Visibility::Public));
                        let in_room = general.or_else(|| is_about_a_room.then_some((room, visibility)));
                        // Whoever keeps no keys of their own may keep those of bots.
                        let is_of_bot = path == "/api/v1/keys/{id}" && !tried.is_signed_in();
                        let act = if is_of_bot { Act::KeepBots } else { *act };
                        decide(tried, act, in_room, tried.membership.as_ref().filter(|_| general.is_none()))
                    } else {
                        Err(Denied::Guest)
                    };
                    let what = format!("{} {method} {url} guests {guests}: {status}, {decided:?}", tried.name);
                    match decided {
                        Ok(()) if is_socket => assert_eq!(status, 101, "{what}"),
                        Ok(()) => assert!((200..300).contains(&status), "{what}"),
                        // That a name is taken is all that somebody learns who may make a room of it.
                        Err(Denied::NoSuchRoom)
                            if *act == Act::ChangeRoom
                                && tried.actor.reaches(&RoomName::parse(room).expect("a name")) =>
                        {
                            let made = decide_absent(tried, room);
                            let expected = made.map_or_else(words, |()| (409, "name_taken"));
                            assert_eq!(refusal, expected, "{what}");
                        }
                        Err(denied) => assert_eq!(refusal, words(denied), "{what}"),
                    }
                }
            }
        }
    }
}
