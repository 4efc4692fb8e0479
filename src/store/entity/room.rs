//! The table of rooms.

use sea_orm::{Set, entity::prelude::*};

use crate::domain::{
    access::{Access, Posting, Visibility},
    name::RoomName,
    room::{FloorReason, Room},
    timestamp::Timestamp,
};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "room")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    #[sea_orm(unique)]
    pub name: String,
    pub title: String,
    pub topic: String,
    pub created_at: i64,
    pub head: i64,
    pub floor: i64,
    pub floor_reason: String,
    pub visibility: String,
    pub posting: String,
    pub slow_mode: i32,
    pub members: i64,
    pub owners: i64,
    pub membership_version: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// The value of `floor_reason` until something raises the floor, and after a pruning.
pub(crate) const PRUNED: &str = "pruned";
/// The value of `floor_reason` after a restore from a backup.
pub(crate) const RESTORED: &str = "restored";

/// The row of a room that is made now, public and without anybody in it.
pub(crate) fn new_row(name: &str, now: Timestamp) -> ActiveModel {
    ActiveModel {
        name: Set(name.to_owned()),
        title: Set(String::new()),
        topic: Set(String::new()),
        created_at: Set(now.micros()),
        head: Set(0),
        floor: Set(0),
        floor_reason: Set(PRUNED.to_owned()),
        visibility: Set(Visibility::Public.word().to_owned()),
        posting: Set(Posting::Everyone.word().to_owned()),
        slow_mode: Set(0),
        members: Set(0),
        owners: Set(0),
        membership_version: Set(0),
        ..Default::default()
    }
}

impl From<Model> for Room {
    fn from(row: Model) -> Self {
        Self {
            id: row.id,
            name: RoomName::stored(&row.name),
            title: row.title,
            topic: row.topic,
            created_at: Timestamp::from_micros(row.created_at),
            head: row.head,
            floor: row.floor,
            floor_reason: if row.floor_reason == RESTORED { FloorReason::Restored } else { FloorReason::Pruned },
            access: Access {
                // Who may see a room of which that can't be told is decided the careful way.
                visibility: Visibility::stored(&row.visibility).unwrap_or(Visibility::Private),
                posting: Posting::stored(&row.posting).unwrap_or(Posting::Moderators),
                slow_mode: row.slow_mode.try_into().unwrap_or(0),
            },
            members: row.members,
            owners: row.owners,
            membership_version: row.membership_version,
        }
    }
}
