//! The rows read for a batch, under the lock of its rooms.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::Arc,
};

use super::command::{Change, Command, Delete, React};
use crate::{
    domain::{
        EventId,
        access::Visibility,
        emoji,
        membership::Membership,
        message::{Edit, MAX_EVENTS, MAX_SHOWN_NAMES, Message},
        name::{RoomName, UserKey, Username},
        policy::depends_on_owners,
        read_cursor::ReadCursor,
        room::Room,
        timestamp::Timestamp,
        user::User,
    },
    store::{
        error::StoreError,
        room_write::{Keyed, PostKey, ReactionKey},
        transaction::{FoundRooms, Transaction},
    },
};

/// The events since a message from which on those about it are counted.
const MANY: EventId = MAX_EVENTS.cast_signed() / 2;

/// The rows that the commands of a batch need.
#[derive(Debug, Default)]
pub struct Known {
    /// The rooms.
    pub rooms: HashMap<RoomName, Room>,
    /// Those of them that nobody has made: their keys are not the database's, and negative.
    pub absent: BTreeSet<RoomName>,
    /// The messages that were posted with a key of the batch.
    pub keyed: HashMap<PostKey, Keyed>,
    /// Those targets of replies that are messages.
    pub existing: HashSet<(i64, EventId)>,
    /// The messages that are to be changed.
    pub messages: HashMap<(i64, EventId), Arc<Message>>,
    /// The number of events about those of them that may have many.
    pub events: HashMap<(i64, EventId), u64>,
    /// Of each emoji of the batch, as it was asked for: how its message shows it, or will.
    pub emoji: HashMap<(i64, EventId, String), String>,
    /// Those reactions of the batch that are there already.
    pub reactions: HashSet<ReactionKey>,
    /// Of each emoji of which a reaction is taken back: who reacted with it first, enough of them to name
    /// ten whatever the batch takes back.
    pub reactors: HashMap<(i64, EventId, String), Vec<Username>>,
    /// The read cursors of the users who move theirs in the batch.
    pub cursors: HashMap<(i64, UserKey), ReadCursor>,
    /// The memberships, in the rooms of the batch, of the users who act and of those who are acted on; nothing if only
    /// names that are claimed ask.
    pub memberships: HashMap<(i64, UserKey), Membership>,
    /// The users of whom the batch changes what a room knows.
    pub users: HashMap<UserKey, User>,
    /// The owners who are not disabled, of those rooms of the batch of which that matters.
    pub owners: HashMap<i64, HashSet<UserKey>>,
    /// The times of users' last posts, in those rooms of the batch that ask for a pause between two or are to.
    pub last_posts: HashMap<(i64, UserKey), Timestamp>,
    /// The version of everybody's rights, which nobody raises before the batch is written; absent if only names that
    /// are claimed ask.
    pub auth_version: Option<i64>,
}

impl Known {
    /// Reads it in a number of queries that does not grow with the batch. The exception: an emoji with more
    /// than ten reactions of which one is taken back costs a query of its own.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn read(
        tx: &Transaction,
        commands: impl IntoIterator<Item = &Command> + Clone,
        FoundRooms { locked: mut rooms, absent }: FoundRooms,
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        let has_grants = commands.clone().into_iter().any(|command| command.actor.grant().is_some());
        let auth_version = if has_grants { Some(tx.auth_version().await?) } else { None };
        for (name, place) in absent.iter().zip(1..) {
            rooms.insert(name.clone(), Room::new(-place, name.clone(), now));
        }
        let by_id: HashMap<_, _> = rooms.values().map(|room| (room.id, room.name.clone())).collect();
        let (mut keys, mut replied, mut changed, mut reacted, mut read) =
            (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let (mut asked, mut members, mut users) = (Vec::new(), Vec::new(), Vec::new());
        for command in commands.clone() {
            let Some(room_id) = rooms.get(&command.room).map(|room| room.id) else { continue };
            let user = command.actor.user().map(Username::key);
            if command.actor.grant().is_some() {
                members.extend(user.map(|user| (room_id, user.clone())));
            }
            match (&command.change, user) {
                (Change::Post(draft), Some(user)) => {
                    if let Some(client_id) = &draft.client_id {
                        keys.push(PostKey { room_id, user: user.clone(), client_id: client_id.clone() });
                    }
                    replied.extend(draft.reply_to.map(|target| (room_id, target)));
                }
                (Change::Edit(Edit { id, .. }) | Change::Delete(Delete { id }), _) => changed.push((room_id, *id)),
                (Change::React(React { id, emoji, on }), Some(user)) => {
                    changed.push((room_id, *id));
                    asked.push((room_id, *id, emoji.clone(), user.clone(), *on));
                }
                (Change::MarkRead(_), Some(user)) => read.push((room_id, user.clone())),
                // Nobody does these without a name, so there is nothing to know.
                (Change::Post(_) | Change::React(_) | Change::MarkRead(_), None) | (Change::PutRoom(_), _) => {}
                (Change::Direct(open), _) => users.push(open.with.key().clone()),
                (Change::Member(change), _) => {
                    members.push((room_id, change.username.key().clone()));
                    users.push(change.username.key().clone());
                }
            }
        }
        changed.sort_unstable();
        changed.dedup();
        let messages = tx.messages(&changed, &by_id).await?;
        // No more events can be about a message than came after it; a batch adds far fewer than half.
        let heads: HashMap<_, _> = rooms.values().map(|room| (room.id, room.head)).collect();
        changed.retain(|(room, id)| heads.get(room).is_some_and(|head| head - id >= MANY));
        let events = tx.event_counts(&changed).await?;
        let emoji = shown_emoji(&messages, asked.iter().map(|(room_id, id, emoji, ..)| (*room_id, *id, emoji)));
        // How many reactions with each emoji are taken back.
        let mut taken_back: HashMap<(i64, EventId, String), usize> = HashMap::new();
        for (room_id, message_id, asked, user, on) in asked {
            let emoji = emoji.get(&(room_id, message_id, asked.clone())).cloned().unwrap_or(asked);
            if !on {
                *taken_back.entry((room_id, message_id, emoji.clone())).or_default() += 1;
            }
            reacted.push(ReactionKey { room_id, message_id, emoji, user });
        }
        let mut reactors = HashMap::new();
        for ((room_id, message_id, emoji), count) in taken_back {
            let target = (room_id, message_id);
            let shown = messages.get(&target).and_then(|message| message.reactions.iter().find(|r| r.emoji == emoji));
            let names = match shown {
                None => Vec::new(),
                Some(shown) if shown.count as usize == shown.usernames.len() => shown.usernames.clone(),
                Some(_) => tx.reactors(target, &emoji, MAX_SHOWN_NAMES + count).await?,
            };
            reactors.insert((room_id, message_id, emoji), names);
        }
        let last_posts = last_posts(tx, commands.clone(), &rooms, &absent).await?;
        let of_owners = rooms_of_owners(commands, &rooms);
        let owners = tx.able_owners(&of_owners).await?;
        members.sort_unstable();
        members.dedup();
        let memberships = {
            let by_id: HashMap<_, _> = rooms.values().map(|room| (room.id, room)).collect();
            let members = members.into_iter().map(|(room_id, user)| (by_id[&room_id], user));
            // A room that nobody has made has no members.
            let members: Vec<_> = members.filter(|(room, _)| !absent.contains(&room.name)).collect();
            tx.memberships(&members).await?
        };
        Ok(Self {
            keyed: tx.keyed(&keys, &by_id).await?,
            existing: tx.existing(&replied).await?,
            reactions: tx.reactions(&reacted).await?,
            cursors: tx.cursors(&read).await?,
            memberships,
            users: tx.users(&users).await?,
            owners,
            last_posts,
            auth_version,
            rooms,
            absent,
            messages,
            events,
            emoji,
            reactors,
        })
    }
}

/// The rooms, by their keys in the database, of which it matters whether they have an owner who is not disabled.
fn rooms_of_owners<'a>(
    commands: impl IntoIterator<Item = &'a Command> + Clone,
    rooms: &HashMap<RoomName, Room>,
) -> Vec<i64> {
    let is_put = |command: &&Command| matches!(command.change, Change::PutRoom(_));
    let changed: HashSet<_> = commands.clone().into_iter().filter(is_put).map(|command| &command.room).collect();
    let is_asked = |command: &&Command| command.actor.grant().is_some();
    let of_owners = commands.into_iter().filter(is_asked).filter_map(|command| {
        let room = rooms.get(&command.room).filter(|room| room.owners > 0)?;
        // The batch may make it private.
        let is_private = room.access.visibility == Visibility::Private || changed.contains(&room.name);
        let matters = is_private && depends_on_owners(&command.actor, &room.name);
        (matters || matches!(command.change, Change::Member(_))).then_some(room.id)
    });
    Vec::from_iter(of_owners.collect::<BTreeSet<_>>())
}

/// The times of last posts: of those who post where a pause is asked for, and of everybody where it is to be. Nothing is
/// asked for of other rooms.
async fn last_posts(
    tx: &Transaction,
    commands: impl IntoIterator<Item = &Command>,
    rooms: &HashMap<RoomName, Room>,
    absent: &BTreeSet<RoomName>,
) -> Result<HashMap<(i64, UserKey), Timestamp>, StoreError> {
    let (mut posters, mut slowed) = (BTreeSet::new(), BTreeSet::new());
    for command in commands.into_iter().filter(|command| command.actor.grant().is_some()) {
        let Some(room) = rooms.get(&command.room).filter(|_| !absent.contains(&command.room)) else { continue };
        let is_slow = room.access.slow_mode > 0;
        match (&command.change, command.actor.user()) {
            (Change::Post(_), Some(user)) if is_slow => drop(posters.insert((room.id, user.key().clone()))),
            (Change::PutRoom(change), _) if !is_slow && change.slow_mode.is_some_and(|seconds| seconds > 0) => {
                slowed.insert(&command.room);
            }
            _ => {}
        }
    }
    let mut found = tx.last_posts(&Vec::from_iter(posters)).await?;
    for name in slowed {
        found.extend(tx.recent_posts(&rooms[name]).await?);
    }
    Ok(found)
}

/// The form in which each emoji is shown: as the message has it already, or as the first of the batch wrote what looks
/// the same.
fn shown_emoji<'a>(
    messages: &HashMap<(i64, EventId), Arc<Message>>,
    asked: impl Iterator<Item = (i64, EventId, &'a String)>,
) -> HashMap<(i64, EventId, String), String> {
    let mut shown: HashMap<(i64, EventId), Vec<String>> = HashMap::new();
    let mut found = HashMap::new();
    for (room_id, id, emoji) in asked {
        let shown = shown.entry((room_id, id)).or_insert_with(|| {
            let reactions = messages.get(&(room_id, id)).map(|message| message.reactions.as_slice());
            reactions.unwrap_or_default().iter().map(|reaction| reaction.emoji.clone()).collect()
        });
        let known = emoji::among(shown.iter().map(String::as_str), emoji).map(ToOwned::to_owned);
        let known = known.unwrap_or_else(|| {
            shown.push(emoji.clone());
            emoji.clone()
        });
        found.insert((room_id, id, emoji.clone()), known);
    }
    found
}
