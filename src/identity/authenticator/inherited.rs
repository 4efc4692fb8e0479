//! Credentials as they are stored beside what somebody made by them: what an actor is found again by, and no secret.

use serde::{Deserialize, Serialize};

use crate::domain::{
    actor::{Credential, Grant, KeyMark},
    rights::Rights,
    room_scope::RoomScope,
    timestamp::Timestamp,
    user::UserKind,
};

/// A credential that something is inherited from.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Inherited {
    /// An API key, by its key in the database, where all else stands.
    Key(i64),
    /// A browser that is signed in, by its key in the database, where all else stands.
    Session(i64),
    /// A token of another system, of which nothing stands anywhere else.
    Token {
        user: i64,
        issued_at: Option<i64>,
        can: Option<Rights>,
        signed_by: KeyMark,
        rooms: RoomScope,
        /// Microseconds since 1970.
        expires_at: Option<i64>,
    },
}

/// The text that stands in the database for a grant's credential; absent for a guest, who has none.
pub(super) fn written(grant: &Grant) -> Option<String> {
    let inherited = match grant.credential {
        Credential::Nothing => return None,
        Credential::ApiKey(id) => Inherited::Key(id),
        Credential::Session { id, .. } => Inherited::Session(id),
        Credential::Token { user, issued_at, can, signed_by } => {
            let (rooms, expires_at) = (grant.rooms.clone(), grant.expires_at.map(Timestamp::micros));
            Inherited::Token { user, issued_at, can, signed_by, rooms, expires_at }
        }
    };
    serde_json::to_string(&inherited).ok()
}

/// The grant that such a text stands for, as far as the text says: it allows nothing until the credential is looked up.
pub(super) fn read(text: &str) -> Option<Grant> {
    let (credential, rooms, expires_at) = match serde_json::from_str(text).ok()? {
        Inherited::Key(id) => (Credential::ApiKey(id), RoomScope::all(), None),
        Inherited::Session(id) => (Credential::Session { id, by_password: false }, RoomScope::all(), None),
        Inherited::Token { user, issued_at, can, signed_by, rooms, expires_at } => {
            (Credential::Token { user, issued_at, can, signed_by }, rooms, expires_at)
        }
    };
    let (kind, rights, makes_rooms, version) = (UserKind::Person, Rights::NONE, false, 0);
    let expires_at = expires_at.map(Timestamp::from_micros);
    Some(Grant { credential, kind, rights, rooms, makes_rooms, expires_at, version })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_comes_back_as_it_was_written_and_allows_nothing() {
        let rooms = RoomScope::parse(["general", "team-*"]).unwrap();
        let token = |issued_at, can| Credential::Token { user: 3, issued_at, can, signed_by: u64::MAX };
        let narrow = Some(Rights::parse(["read", "post"]).unwrap());
        for (credential, rooms, expires_at) in [
            (Credential::ApiKey(7), RoomScope::all(), None),
            (Credential::Session { id: 7, by_password: false }, RoomScope::all(), None),
            (token(None, None), RoomScope::all(), None),
            (token(Some(5), narrow), rooms.clone(), Some(Timestamp::from_micros(9))),
            (token(Some(5), Some(Rights::NONE)), RoomScope::parse([]).unwrap(), None),
        ] {
            let (kind, rights, makes_rooms, version) = (UserKind::Bot, Rights::ALL, true, 4);
            let grant = Grant { credential, kind, rights, rooms, makes_rooms, expires_at, version };
            let text = written(&grant).unwrap();
            let read = read(&text).unwrap();
            let found_by = |grant: &Grant| (grant.credential.clone(), grant.rooms.clone(), grant.expires_at);
            assert_eq!(found_by(&read), found_by(&grant), "{text}");
            assert_eq!((read.rights, read.makes_rooms), (Rights::NONE, false));
        }
        for text in ["", "{}", "null", r#"{"key": "7"}"#, r#"{"token": {"user": 3}}"#] {
            assert!(read(text).is_none(), "{text}");
        }
    }
}
