//! Finding users by the beginning of their names: all of them, or those in somebody's own rooms.

use std::collections::BTreeMap;

use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait as _, EntityTrait, FromQueryResult as _, Iterable as _, Order, QueryFilter,
    QueryOrder, QuerySelect,
    sea_query::{Asterisk, Expr, ExprTrait, Query, SelectStatement, UnionType},
};

use super::{
    Store,
    entity::{account, membership, room},
    error::StoreError,
    rooms::{Viewer, are_seen},
};
use crate::domain::{
    name::Username,
    user::{Origin, User},
};

/// The rooms whose members one statement looks for: `SQLite` takes 500 parts of a union
/// (<https://sqlite.org/limits.html>).
const ROOMS: usize = 100;

/// The users that are looked for.
#[derive(Debug, Default)]
pub struct Sought<'a> {
    /// The beginning of their names.
    pub prefix: Option<&'a Username>,
    /// The name that they come after.
    pub after: Option<&'a Username>,
    /// True if those are found, too, who are disabled.
    pub with_disabled: bool,
    /// The most that are wanted.
    pub limit: u64,
}

impl Sought<'_> {
    /// The condition that a user's key is among those sought, by one bound on each side. Keys are compared by their
    /// bytes, and none has the last character there is.
    fn has(&self, key: &impl ColumnTrait) -> Condition {
        let prefix = self.prefix.map(|prefix| prefix.key().as_str()).unwrap_or_default();
        let after = self.after.map(|after| after.key().as_str());
        let from = match after.filter(|after| *after >= prefix) {
            Some(after) => key.gt(after),
            None => key.gte(prefix),
        };
        let to = (!prefix.is_empty()).then(|| key.lt(format!("{prefix}{}", char::MAX)));
        Condition::all().add(from).add_option(to)
    }

    /// The condition that an account is one to be found. Of who has deleted theirs only the name is left.
    fn takes(&self) -> Condition {
        let is_enabled = (!self.with_disabled).then(|| account::Column::DisabledAt.is_null());
        Condition::all().add(account::Column::Origin.ne(Origin::Deleted.word())).add_option(is_enabled)
    }
}

impl Store {
    /// Users by name.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn find_users(&self, sought: &Sought<'_>) -> Result<Vec<User>, StoreError> {
        let rows = account::Entity::find()
            .filter(sought.has(&account::Column::UserKey))
            .filter(sought.takes())
            .order_by_asc(account::Column::UserKey)
            .limit(sought.limit);
        Ok(rows.all(&self.readers).await?.into_iter().map(User::from).collect())
    }

    /// Those of them who are members of a room that the viewer is a member of, too. Each room gives as many as are
    /// wanted, so that it does not matter how many it has.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn find_users_in_rooms_of(
        &self,
        viewer: &Viewer<'_>,
        sought: &Sought<'_>,
    ) -> Result<Vec<User>, StoreError> {
        let rooms = room::Entity::find().select_only().column(room::Column::Id).filter(are_seen(viewer));
        let rooms: Vec<i64> = rooms.into_tuple().all(&self.readers).await?;
        let mut found = BTreeMap::new();
        for rooms in rooms.chunks(ROOMS) {
            let mut members = rooms.iter().map(|room| members_of(*room, sought));
            let Some(mut any) = members.next() else { continue };
            for of_room in members {
                any.union(UnionType::All, of_room);
            }
            let statement = self.readers.get_database_backend().build(&any);
            let rows = account::Model::find_by_statement(statement).all(&self.readers).await?;
            found.extend(rows.into_iter().map(|row| (row.user_key.clone(), row)));
        }
        let limit = usize::try_from(sought.limit).unwrap_or(usize::MAX);
        Ok(found.into_values().take(limit).map(User::from).collect())
    }
}

/// The first of those sought among the members of a room, as a part of a union.
fn members_of(room_id: i64, sought: &Sought<'_>) -> SelectStatement {
    let is_account = Expr::col((account::Entity, account::Column::UserKey))
        .equals((membership::Entity, membership::Column::UserKey));
    let members = Query::select()
        .columns(account::Column::iter().map(|column| (account::Entity, column)))
        .from(membership::Entity)
        .inner_join(account::Entity, is_account)
        .and_where(membership::Column::RoomId.eq(room_id))
        .and_where(membership::Column::Role.is_not_null())
        .cond_where(sought.has(&membership::Column::UserKey))
        .cond_where(sought.takes())
        .order_by((membership::Entity, membership::Column::UserKey), Order::Asc)
        .limit(sought.limit)
        .to_owned();
    // Only within brackets may a part have an order and an end of its own.
    Query::select().column(Asterisk).from_subquery(members, "found").to_owned()
}
