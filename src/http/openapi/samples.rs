//! A sample of everything the server sends: the examples of the document, and what `openapi/events.md`
//! is held to. They are made by the code that makes the real thing.

use std::sync::Arc;

use serde::Serialize;
use serde_json::{Value, json};

use super::super::{
    problem::{Code, Problem},
    stream::{
        client_frame::{BadFrame, ack, error},
        pieces::{Lines, Pieces},
    },
};
use crate::{
    chat::reading::{Frame, Placed},
    domain::{
        api_key::KeyView,
        audit::AuditView,
        denied::Denied,
        event::{EventBody, PresentUser, ResetReason, ServiceStatus, Status},
        me::Me,
        membership::{Ban, BanView, LeaveReason, Member, Membership, Role},
        message::{Message, Reaction, Revision},
        name::{RoomName, Username},
        read_cursor::ReadCursor,
        rights::Rights,
        room::RoomView,
        room_scope::RoomScope,
        timestamp::Timestamp,
        user::{UserKind, UserView},
    },
};

mod accounts;

pub(in crate::http) use accounts::{
    invitation, invitations, made_invitation, password_change, registration, reset, sessions, sign_in,
};

fn general() -> RoomName {
    RoomName::stored("general")
}

/// 2026-11-24T07:00:00.123456Z, and some seconds.
fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(1_795_503_600_123_456 + seconds * 1_000_000)
}

/// The caller.
pub(in crate::http) fn me() -> Value {
    sent(Me {
        auth: "required",
        accounts: "off",
        guests: false,
        username: Some(Username::stored("Alice")),
        kind: Some(UserKind::Person.word()),
        admin: false,
        rights: vec!["read", "post"],
        expires_at: Some(at(3_600)),
    })
}

fn api_key() -> KeyView {
    KeyView {
        id: 7,
        username: Username::stored("Alice"),
        name: "deploy".into(),
        rooms: RoomScope::parse(["general", "team-*"]).ok(),
        can: Rights::parse(["read", "post"]).ok(),
        created_at: at(0),
        expires_at: Some(at(31_536_000)),
        last_used_at: None,
    }
}

/// An API key that is asked for.
pub(in crate::http) fn new_key() -> Value {
    json!({"name": "deploy", "rooms": ["general", "team-*"], "can": ["read", "post"], "expires_in": 31_536_000})
}

/// An API key that was made.
pub(in crate::http) fn made_key() -> Value {
    let mut made = sent(api_key());
    made["key"] = format!("plr_{}", "0".repeat(43)).into();
    made
}

/// A page of API keys.
pub(in crate::http) fn keys() -> Value {
    json!({"keys": [sent(api_key())], "next": null})
}

/// The name of a stream.
pub(super) const STREAM: &str = "q3vvxv5d5hn2m4y6ykxgkzdbxa7c2gnr";

/// A stream that goes on by another credential.
pub(in crate::http) fn extended() -> Value {
    json!({"stream": STREAM, "expires_at": at(3_660)})
}

/// A ticket, which is none.
pub(in crate::http) fn ticket() -> Value {
    json!({"ticket": format!("plt_{}", "0".repeat(43)), "expires_in": 30})
}

fn membership() -> Membership {
    let ban = Ban { by: Username::stored("Alice"), reason: Some("spam".into()), since: at(60), until: None };
    Membership {
        username: Username::stored("Bob"),
        role: Some(Role::Member),
        since: at(0),
        muted_until: None,
        ban: Some(ban),
    }
}

/// A member of a room.
pub(in crate::http) fn member() -> Value {
    sent(Member::from(membership()))
}

/// A page of members.
pub(in crate::http) fn members() -> Value {
    json!({"members": [member()], "next": null})
}

/// A ban.
pub(in crate::http) fn ban() -> Value {
    sent(BanView::of(membership()))
}

/// A page of bans.
pub(in crate::http) fn bans() -> Value {
    json!({"bans": [ban()], "next": null})
}

/// A user.
pub(in crate::http) fn user() -> Value {
    sent(UserView { username: Username::stored("Bob"), kind: UserKind::Person.word(), disabled: Some(true) })
}

/// A page of users.
pub(in crate::http) fn users() -> Value {
    let person = |name| UserView { username: Username::stored(name), kind: UserKind::Person.word(), disabled: None };
    json!({"users": [sent(person("Alice")), sent(person("Bob"))], "next": null})
}

/// A page of the audit.
pub(in crate::http) fn audit() -> Value {
    let entry = AuditView {
        id: 7,
        at: at(60),
        room: Some(general()),
        by: Username::stored("Alice"),
        act: "ban".into(),
        username: Some(Username::stored("Bob")),
        message_id: None,
        reason: Some("spam".into()),
    };
    json!({"entries": [sent(entry)], "next": null})
}

/// A value as it is sent.
fn sent(value: impl Serialize) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}

fn alices() -> Message {
    Message {
        id: 42,
        room: general(),
        username: Username::stored("Alice"),
        content: "Hello".into(),
        timestamp: at(0),
        edited_at: None,
        deleted_at: None,
        reply_to: None,
        reactions: Vec::new(),
        client_id: None,
    }
}

fn alice() -> PresentUser {
    PresentUser { username: Username::stored("Alice"), status: Status::Online, since: at(0) }
}

pub(crate) fn message() -> Value {
    sent(alices())
}

pub(crate) fn messages() -> Value {
    json!({"messages": [message()], "has_more": false, "next": 42, "prev": 42})
}

pub(crate) fn found() -> Value {
    json!({"messages": [message()], "next": null, "partial": false})
}

/// Without a `client_id`: whoever tries the sample twice posts twice.
pub(crate) fn new_message() -> Value {
    json!({"username": "Alice", "content": "Hello"})
}

pub(crate) fn message_edit() -> Value {
    json!({"username": "Alice", "content": "Hello, all"})
}

/// Alice's message after her edit.
fn corrected() -> Message {
    Message { content: "Hello, all".into(), edited_at: Some(at(10)), ..alices() }
}

pub(crate) fn edited() -> Value {
    sent(corrected())
}

pub(crate) fn revisions() -> Value {
    json!({"revisions": [sent(Revision { content: "Hello".into(), timestamp: at(0) })], "next": null})
}

pub(crate) fn tombstone() -> Value {
    sent(corrected().tombstone(at(20)))
}

fn thumbs() -> Vec<Reaction> {
    vec![Reaction { emoji: "👍".into(), count: 1, usernames: vec![Username::stored("Bob")] }]
}

pub(crate) fn reacted() -> Value {
    sent(Message { reactions: thumbs(), ..alices() })
}

pub(crate) fn reactions() -> Value {
    json!({"users": [{"username": "Bob", "timestamp": at(12)}], "next": null})
}

fn bobs_cursor() -> ReadCursor {
    ReadCursor { username: Username::stored("Bob"), last_read_id: 42, updated_at: at(15) }
}

pub(crate) fn mark_read() -> Value {
    json!({"username": "Bob", "last_read_id": 42})
}

pub(crate) fn read_cursor() -> Value {
    sent(bobs_cursor())
}

pub(crate) fn reads() -> Value {
    json!({"cursors": [read_cursor()], "next": null})
}

pub(crate) fn unread() -> Value {
    json!({"unread": 3, "capped": false, "last_read_id": 42})
}

pub(crate) fn room() -> Value {
    let (title, topic) = ("Everything else".to_owned(), "What has no room of its own".to_owned());
    let last_message_at = Some(at(0));
    sent(RoomView {
        name: general(),
        title,
        topic,
        created_at: at(-60),
        head: 42,
        online: 1,
        last_message_at,
        visibility: None,
        posting: None,
        slow_mode: None,
        members: None,
        role: None,
    })
}

pub(crate) fn rooms() -> Value {
    json!({"rooms": [room()], "next": null})
}

pub(crate) fn put_room() -> Value {
    json!({"title": "Everything else", "topic": "What has no room of its own"})
}

pub(crate) fn presence() -> Value {
    json!({"online": 1, "users": [sent(alice())], "next": null})
}

pub(crate) fn typing() -> Value {
    json!({"username": "Alice", "is_typing": true})
}

pub(crate) fn standing() -> Value {
    json!({"status": "ok"})
}

pub(crate) fn poll() -> Value {
    let (room, message) = (general(), alices());
    let event = sent(EventBody::ChatMessage { room: &room, id: 42, message: &message });
    json!({"events": [event], "next": 42, "has_more": false, "state": "1f-3"})
}

/// The beginning of a stream, for a reader who was last told 41.
pub(crate) fn stream() -> Value {
    let (room, message) = (general(), alices());
    let frame = Frame::new(&EventBody::ChatMessage { room: &room, id: 42, message: &message });
    Value::String(format!(": general\nretry: 1742\n{}", String::from_utf8_lossy(&frame.named())))
}

/// The beginning of a stream of `general` and `random`, for a reader who was last told 41 and 7.
pub(crate) fn stream_of_rooms() -> Value {
    let (room, message) = (general(), alices());
    let frame = Frame::new(&EventBody::ChatMessage { room: &room, id: 42, message: &message });
    let placed = Placed { frame, id: Some("42,7".into()) };
    let mut text = ": 2 rooms\nretry: 1742\n".to_owned();
    for piece in Pieces::new(vec![placed], Lines { is_named: true, of_rooms: true }) {
        text += &String::from_utf8_lossy(&piece);
    }
    Value::String(text)
}

/// Every event that a reader may get.
pub(super) fn events() -> Vec<Value> {
    let room = &general();
    let (bob, message) = (Username::stored("Bob"), Arc::new(alices()));
    let (users, typing, messages) = ([alice()], [bob.clone()], [message.clone()]);
    let (corrected, thumbs, cursors, alice_name) = (corrected(), thumbs(), [bobs_cursor()], Username::stored("Alice"));
    [
        EventBody::MessageHistory { room, id: 42, messages: &messages, has_more: true },
        EventBody::ChatMessage { room, id: 42, message: &message },
        EventBody::MessageEdited {
            room,
            id: 43,
            message_id: 42,
            new_content: &corrected.content,
            edited_at: at(10),
            message: &corrected,
        },
        EventBody::MessageDeleted { room, id: 46, message_id: 42, deleted_at: at(20), username: &alice_name },
        EventBody::ReactionAdded { room, id: 44, message_id: 42, username: &bob, emoji: "👍", reactions: &thumbs },
        EventBody::ReactionRemoved { room, id: 45, message_id: 42, username: &bob, emoji: "👍", reactions: &[] },
        EventBody::RoomUpdated {
            room,
            id: 47,
            title: "Everything else",
            topic: "What has no room of its own",
            visibility: None,
            posting: None,
            slow_mode: None,
        },
        EventBody::Reset { room, reason: ResetReason::Ahead, floor: 0, head: 42 },
        EventBody::TypingIndicator { room, username: &bob, is_typing: true, timestamp: at(5) },
        EventBody::ReadReceipt { room, username: &bob, last_read_id: 42 },
        EventBody::ReadState { room, cursors: &cursors },
        EventBody::UserStatus { room, username: &bob, status: Status::Offline, timestamp: at(30) },
        EventBody::PresenceState { room, online: 1, users: &users, typing: &typing, typing_count: 1 },
        EventBody::Ping { room, id: 42, cursor: 42 },
        EventBody::ServiceStatus { room, status: ServiceStatus::Degraded },
        EventBody::ServerShutdown { room, reconnect_after_ms: 1_742 },
        EventBody::error(room, Denied::NoSuchRoom),
        EventBody::MemberJoined { room, id: 48, username: &bob, role: Role::Member, by: &alice_name },
        EventBody::MemberChanged { room, id: 49, username: &bob, role: Role::Moderator, by: &alice_name },
        EventBody::MemberLeft { room, id: 50, username: &bob, by: &alice_name, reason: LeaveReason::Removed },
        EventBody::AuthExpiring { stream: STREAM, expires_at: at(60) },
    ]
    .map(sent)
    .into()
}

/// Every frame that only a socket sends.
pub(super) fn answers() -> Vec<Value> {
    let problem = Problem::new(Code::UnknownType, "There is no frame of this type; did you mean `chat_message`?");
    let reference = |word| serde_json::value::to_raw_value(word).ok();
    let bad = BadFrame { reference: reference("r-2"), problem: Box::new(problem) };
    let read = |text: String| serde_json::from_str(&text).unwrap_or_default();
    let ack = reference("r-1").map(|reference| ack(&reference, Some(42)));
    ack.into_iter().chain([error(&bad)]).map(read).collect()
}

/// Every frame that a client may send.
pub(super) fn client_frames() -> Vec<Value> {
    vec![
        json!({"type": "user_join", "username": "Alice", "ref": "r-0"}),
        json!({"type": "chat_message", "username": "Alice", "message": "Hello", "client_id": "a1b2c3", "ref": "r-1"}),
        json!({"type": "typing", "username": "Alice", "is_typing": true}),
        json!({"type": "edit_message", "message_id": 42, "new_content": "Hello, all", "ref": "r-3"}),
        json!({"type": "delete_message", "message_id": 42, "ref": "r-4"}),
        json!({"type": "react", "message_id": 42, "emoji": "👍", "on": true, "ref": "r-5"}),
        json!({"type": "read", "last_read_id": 42, "ref": "r-6"}),
    ]
}
