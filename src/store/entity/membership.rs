//! The table of what each room knows of each user: role, mute, ban.

use sea_orm::{Set, entity::prelude::*};

use crate::domain::{
    membership::{Ban, Membership, Role},
    name::Username,
    timestamp::Timestamp,
};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "membership")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub room_id: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_key: String,
    pub username: String,
    pub role: Option<String>,
    pub since: i64,
    pub muted_until: Option<i64>,
    /// True while there is a ban, be it over: a room's are found by it.
    pub is_banned: bool,
    pub banned_at: Option<i64>,
    pub banned_until: Option<i64>,
    pub banned_by: Option<String>,
    pub ban_reason: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// The row of a membership.
pub(crate) fn row(room_id: i64, membership: &Membership) -> ActiveModel {
    let ban = membership.ban.as_ref();
    ActiveModel {
        room_id: Set(room_id),
        user_key: Set(membership.username.key().as_str().to_owned()),
        username: Set(membership.username.as_str().to_owned()),
        role: Set(membership.role.map(|role| role.word().to_owned())),
        since: Set(membership.since.micros()),
        muted_until: Set(membership.muted_until.map(Timestamp::micros)),
        is_banned: Set(ban.is_some()),
        banned_at: Set(ban.map(|ban| ban.since.micros())),
        banned_until: Set(ban.and_then(|ban| ban.until).map(Timestamp::micros)),
        banned_by: Set(ban.map(|ban| ban.by.as_str().to_owned())),
        ban_reason: Set(ban.and_then(|ban| ban.reason.clone())),
    }
}

impl From<Model> for Membership {
    fn from(row: Model) -> Self {
        let at = Timestamp::from_micros;
        let ban = row.banned_at.map(|since| Ban {
            by: Username::stored(row.banned_by.as_deref().unwrap_or_default()),
            reason: row.ban_reason,
            since: at(since),
            until: row.banned_until.map(at),
        });
        Self {
            username: Username::stored(&row.username),
            // A word of a later version gives no right.
            role: row.role.and_then(|word| Role::parse(&word).ok()),
            since: at(row.since),
            muted_until: row.muted_until.map(at),
            ban,
        }
    }
}
