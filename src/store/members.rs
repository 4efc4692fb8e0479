//! Memberships: reading them under a room's lock and beside it, and writing them with the events that tell of them.

use std::collections::{HashMap, HashSet};

use sea_orm::{
    ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait as _,
    sea_query::{Expr, ExprTrait, OnConflict},
};

use super::{
    Store,
    entity::{account, membership},
    error::StoreError,
    pieces::CONDITION_ROWS,
    room_write::RoomWrite,
    transaction::Transaction,
};
use crate::domain::{
    membership::{Membership, Role},
    name::{UserKey, Username},
    room::Room,
    timestamp::Timestamp,
    user::User,
};

/// The members of a room that a page is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Among {
    /// Those with a role.
    Members,
    /// Those who are banned at this time.
    Banned(Timestamp),
}

impl Transaction {
    /// The memberships of users in rooms, as they were when this transaction locked the rooms. Those that are
    /// remembered are not read again.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn memberships(
        &self,
        wanted: &[(&Room, UserKey)],
    ) -> Result<HashMap<(i64, UserKey), Membership>, StoreError> {
        let mut found = HashMap::new();
        let unknown = self.standings().unknown(wanted, &mut found);
        for unknown in unknown.chunks(CONDITION_ROWS) {
            let any = unknown.iter().fold(Condition::any(), |any, (room, user)| any.add(is(room.id, user)));
            let rows = membership::Entity::find().filter(any).all(self.connection()).await?;
            found.extend(rows.into_iter().map(|row| {
                let room_id = row.room_id;
                let membership = Membership::from(row);
                ((room_id, membership.username.key().clone()), membership)
            }));
            for (room, user) in unknown {
                self.standings().insert(room, user.clone(), found.get(&(room.id, user.clone())).cloned());
            }
        }
        Ok(found)
    }

    /// The owners of rooms who are not disabled.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn able_owners(&self, rooms: &[i64]) -> Result<HashMap<i64, HashSet<UserKey>>, StoreError> {
        let mut found: HashMap<i64, HashSet<UserKey>> = HashMap::new();
        for rooms in rooms.chunks(CONDITION_ROWS) {
            let owners = membership::Entity::find()
                .filter(membership::Column::RoomId.is_in(rooms.iter().copied()))
                .filter(is_able_owner());
            for row in owners.all(self.connection()).await? {
                let room_id = row.room_id;
                found.entry(room_id).or_default().insert(Membership::from(row).username.key().clone());
            }
        }
        Ok(found)
    }

    /// The users of these names.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn users(&self, names: &[UserKey]) -> Result<HashMap<UserKey, User>, StoreError> {
        let mut found = HashMap::new();
        for names in names.chunks(CONDITION_ROWS) {
            let rows =
                account::Entity::find().filter(account::Column::UserKey.is_in(names.iter().map(UserKey::as_str)));
            let users = rows.all(self.connection()).await?.into_iter().map(User::from);
            found.extend(users.map(|user| (user.username.key().clone(), user)));
        }
        Ok(found)
    }

    /// Writes the memberships that changed; one that says nothing leaves no row.
    pub(super) async fn write_memberships(&self, writes: &[RoomWrite]) -> Result<(), StoreError> {
        let changed = writes.iter().flat_map(|write| write.memberships.iter().map(|it| (write.room_id, it)));
        let (gone, kept): (Vec<_>, Vec<_>) = changed.partition(|(_, membership)| membership.is_none());
        for gone in gone.chunks(CONDITION_ROWS) {
            let any = gone.iter().fold(Condition::any(), |any, (room, it)| any.add(is(*room, it.username.key())));
            membership::Entity::delete_many().filter(any).exec(self.connection()).await?;
        }
        for kept in kept.chunks(CONDITION_ROWS) {
            use membership::Column as C;
            let update = OnConflict::columns([C::RoomId, C::UserKey])
                .update_columns([
                    C::Username,
                    C::Role,
                    C::Since,
                    C::MutedUntil,
                    C::IsBanned,
                    C::BannedAt,
                    C::BannedUntil,
                    C::BannedBy,
                    C::BanReason,
                ])
                .to_owned();
            let rows = kept.iter().map(|(room_id, membership)| membership::row(*room_id, membership));
            membership::Entity::insert_many(rows).on_conflict(update).exec_without_returning(self.connection()).await?;
        }
        Ok(())
    }
}

impl Store {
    /// The membership of a user in a room that was just read, if the room knows anything of them. It is as old as the
    /// room's row, or newer.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn membership(&self, room: &Room, user: &UserKey) -> Result<Option<Membership>, StoreError> {
        if let Some(known) = self.standings.get(room, user) {
            return Ok(known);
        }
        let row = membership::Entity::find_by_id((room.id, user.as_str().to_owned()));
        let membership = row.one(&self.readers).await?.map(Membership::from);
        self.standings.insert(room, user.clone(), membership.clone());
        Ok(membership)
    }

    /// The memberships of some users in a room; at most some hundred.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn memberships_of(
        &self,
        room_id: i64,
        users: &[&UserKey],
    ) -> Result<HashMap<UserKey, Membership>, StoreError> {
        let rows = membership::Entity::find()
            .filter(membership::Column::RoomId.eq(room_id))
            .filter(membership::Column::UserKey.is_in(users.iter().map(|user| user.as_str())));
        let memberships = rows.all(&self.readers).await?.into_iter().map(Membership::from);
        Ok(memberships.map(|membership| (membership.username.key().clone(), membership)).collect())
    }

    /// Returns true if a room has an owner who is not disabled.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn has_able_owner(&self, room_id: i64) -> Result<bool, StoreError> {
        let owners = membership::Entity::find().filter(membership::Column::RoomId.eq(room_id)).filter(is_able_owner());
        Ok(owners.one(&self.readers).await?.is_some())
    }

    /// The roles that a user has in some rooms.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn roles(&self, rooms: &[i64], user: &UserKey) -> Result<HashMap<i64, Role>, StoreError> {
        if rooms.is_empty() {
            return Ok(HashMap::new());
        }
        let rows = membership::Entity::find()
            .filter(membership::Column::UserKey.eq(user.as_str()))
            .filter(membership::Column::RoomId.is_in(rooms.iter().copied()))
            .all(&self.readers)
            .await?;
        let role = |row: membership::Model| {
            let room_id = row.room_id;
            Membership::from(row).role.map(|role| (room_id, role))
        };
        Ok(rows.into_iter().filter_map(role).collect())
    }

    /// At most `limit` memberships of a room by name, after `after`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn memberships(
        &self,
        room_id: i64,
        among: Among,
        after: Option<&Username>,
        limit: u64,
    ) -> Result<Vec<Membership>, StoreError> {
        let kind = match among {
            Among::Members => Condition::all().add(membership::Column::Role.is_not_null()),
            Among::Banned(now) => {
                let until = membership::Column::BannedUntil;
                let lasts = Condition::any().add(until.is_null()).add(until.gt(now.micros()));
                Condition::all().add(membership::Column::IsBanned.eq(true)).add(lasts)
            }
        };
        let mut rows = membership::Entity::find()
            .filter(membership::Column::RoomId.eq(room_id))
            .filter(kind)
            .order_by_asc(membership::Column::UserKey)
            .limit(limit);
        if let Some(after) = after {
            rows = rows.filter(membership::Column::UserKey.gt(after.key().as_str()));
        }
        Ok(rows.all(&self.readers).await?.into_iter().map(Membership::from).collect())
    }
}

/// The condition that a membership is that of an owner who is not disabled.
fn is_able_owner() -> Condition {
    let is_owner = membership::Column::Role.eq(Role::Owner.word());
    let of_member = Expr::col((account::Entity, account::Column::UserKey))
        .equals((membership::Entity, membership::Column::UserKey));
    let enabled = account::Entity::find()
        .select_only()
        .column(account::Column::Id)
        .filter(of_member)
        .filter(account::Column::DisabledAt.is_null())
        .into_query();
    Condition::all().add(is_owner).add(Expr::exists(enabled))
}

fn is(room_id: i64, user: &UserKey) -> Condition {
    let user = membership::Column::UserKey.eq(user.as_str());
    Condition::all().add(membership::Column::RoomId.eq(room_id).and(user))
}
