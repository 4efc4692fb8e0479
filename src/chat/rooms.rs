//! Making, changing and finding rooms.

use std::collections::HashMap;

use super::{Chat, ChatError, Committed, Refused};
use crate::{
    domain::{
        invalid::Invalid,
        limit::Limit,
        membership::Role,
        name::{RoomName, Username},
        page,
        policy::{Act, Actor, Denied, RoomStanding, Standing, may},
        rights::Right,
        room::{DIRECT_PREFIX, OwnRole, RANDOM_PREFIX, Room, RoomChange, RoomView},
        timestamp::Timestamp,
        version::Precondition,
    },
    store::rooms::Viewer,
};

impl Chat {
    /// Makes the room or changes it. The answer says whether it was made by this.
    ///
    /// # Errors
    /// [`ChatError`].
    pub async fn put_room(
        &self,
        actor: &Actor,
        name: &RoomName,
        change: RoomChange,
        when: Precondition,
    ) -> Result<Committed<(RoomView, bool)>, ChatError> {
        let change = change.check().map_err(ChatError::Invalid)?;
        if actor.grant().is_some() {
            self.check_name(actor, name, &change).await?;
        }
        let is_counted = self.count_new_room(actor, name).await?;
        let submitted = self.submit(actor, name, when, change).await;
        if is_counted && !submitted.as_ref().is_ok_and(|put| put.answer.made) {
            self.limits.put_back(Limit::Rooms, actor);
        }
        let put = match submitted {
            // That somebody has it can't be kept secret from who wants to make a room of this name.
            Err(ChatError::Refused(Refused::Denied(Denied::NoSuchRoom))) if actor.reaches(name) => {
                // Who may make none learns nothing: as of a room that is not there.
                let absent =
                    RoomStanding { name, room: None, membership: None, is_ownerless: false, now: self.clock.now() };
                may(&*self.current(actor).await?, Act::MakeRoom, &absent.into())?;
                return Err(if is_drawn(name) { drawn_by_the_server() } else { Refused::RoomTaken.into() });
            }
            put => put?,
        };
        let made = put.answer.made;
        let view = if made {
            self.view(actor, put.answer.room, None, Some(Role::Owner))
        } else {
            self.room(actor, name).await?
        };
        Ok(Committed { answer: (view, made), event: put.event })
    }

    /// Makes a room whose name the server draws.
    ///
    /// # Errors
    /// [`ChatError`].
    pub async fn make_room(&self, actor: &Actor, change: RoomChange) -> Result<RoomView, ChatError> {
        may(&*self.current(actor).await?, Act::MakeRoom, &Standing::default())?;
        let change = change.check().map_err(ChatError::Invalid)?;
        self.count(Limit::Rooms, actor)?;
        let name = random_name(RANDOM_PREFIX);
        let made = self.submit(actor, &name, Precondition::default(), change).await?;
        Ok(self.view(actor, made.answer.room, None, Some(Role::Owner)))
    }

    /// Checks that a room may be called so, where names can be spoken for. A room that the actor may not know of is as
    /// one that is not there.
    async fn check_name(&self, actor: &Actor, name: &RoomName, change: &RoomChange) -> Result<(), ChatError> {
        if !is_drawn(name) {
            return Ok(());
        }
        match self.readable(actor, name).await {
            Ok(Some(_)) => {}
            Ok(None) | Err(ChatError::Refused(Refused::Denied(Denied::NoSuchRoom))) => {
                return Err(drawn_by_the_server());
            }
            Err(error) => return Err(error),
        }
        if name.as_str().starts_with(DIRECT_PREFIX) && change.visibility.is_some() {
            let detail = "stays as it is in a room whose name begins with dm-";
            return Err(Invalid::new("visibility", detail).into());
        }
        Ok(())
    }

    /// The room.
    ///
    /// # Errors
    /// [`ChatError::NotFound`] when nobody has made it.
    pub async fn room(&self, actor: &Actor, name: &RoomName) -> Result<RoomView, ChatError> {
        let actor = self.current(actor).await?;
        let found = self.store.listed_room(name).await?;
        let membership = self.may_at(&actor, Act::ReadRoom, name, found.as_ref().map(|(room, _)| room)).await?;
        let (room, last) = found.ok_or(ChatError::NotFound("room"))?;
        Ok(self.view(&actor, room, last, membership.and_then(|membership| membership.role)))
    }

    /// At most `limit` rooms by name, after `after`, and whether there are more: those only that the actor is a member
    /// of, if `is_mine`.
    ///
    /// # Errors
    /// [`ChatError`].
    pub async fn rooms(
        &self,
        actor: &Actor,
        is_mine: bool,
        after: Option<&RoomName>,
        limit: usize,
    ) -> Result<(Vec<RoomView>, bool), ChatError> {
        let actor = self.current(actor).await?;
        may(&actor, Act::ListRooms, &Standing::default())?;
        let viewer = actor.grant().map(|grant| Viewer {
            scope: &grant.rooms,
            user: actor.user().map(Username::key),
            is_mine,
            // Admins own public rooms in spite of a ban.
            heeds_bans: (!grant.rights.contains(Right::Admin)).then(|| self.clock.now()),
        });
        let mut rooms = self.store.listed_rooms(viewer.as_ref(), after, limit as u64 + 1).await?;
        let has_more = rooms.len() > limit;
        rooms.truncate(limit);
        let ids: Vec<_> = rooms.iter().map(|(room, _)| room.id).collect();
        let roles = match viewer.and_then(|viewer| viewer.user) {
            Some(user) => self.store.roles(&ids, user).await?,
            None => HashMap::new(),
        };
        let view = |(room, last): (Room, _)| {
            let role = roles.get(&room.id).copied();
            self.view(&actor, room, last, role)
        };
        let mut rooms = rooms.into_iter().map(view).collect();
        let is_cut = page::keep_first(&mut rooms);
        Ok((rooms, has_more || is_cut))
    }

    /// The room as the actor is shown it, who has this role there.
    fn view(&self, actor: &Actor, room: Room, last_message_at: Option<Timestamp>, role: Option<Role>) -> RoomView {
        let online = self.hub.room_in_memory(&room.name).map_or(0, |room| room.online());
        let Room { name, title, topic, created_at, head, access, members, .. } = room;
        let is_open = actor.grant().is_none();
        let access = Some(access).filter(|_| !is_open);
        RoomView {
            name,
            title,
            topic,
            created_at,
            head,
            online,
            last_message_at,
            visibility: access.map(|access| access.visibility),
            posting: access.map(|access| access.posting),
            slow_mode: access.map(|access| access.slow_mode),
            members: Some(members).filter(|_| !is_open),
            role: Some(OwnRole(role)).filter(|_| !is_open),
        }
    }
}

/// Returns true if a room can be called so only by the server.
fn is_drawn(name: &RoomName) -> bool {
    [RANDOM_PREFIX, DIRECT_PREFIX].iter().any(|prefix| name.as_str().starts_with(prefix))
}

fn drawn_by_the_server() -> ChatError {
    Invalid::new("room", "names that begin with r- or dm- are drawn by the server: choose another one").into()
}

/// A name that nobody guesses: 26 letters and digits, 130 bits.
pub(super) fn random_name(prefix: &str) -> RoomName {
    const LETTERS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let letter = |byte: u8| char::from(LETTERS[usize::from(byte % 32)]);
    let drawn: [u8; 26] = rand::random();
    RoomName::stored(
        &drawn.into_iter().map(letter).fold(prefix.to_owned(), |name, letter| name + letter.encode_utf8(&mut [0; 4])),
    )
}
