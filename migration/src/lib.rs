//! Parlor's tables. One change a file, the same for every database; times are microseconds since
//! 1970 in UTC as 64-bit integers, since databases disagree about the types of time.
//!
//! A change makes one table by `table::create`, which sees to it that text is compared by its bytes
//! everywhere and that a change that was cut can be run again. Where a change has to do more, each of
//! its steps has to bear being done twice, since `MySQL` takes none of them back.

pub use sea_orm_migration::MigratorTrait;
use sea_orm_migration::prelude::*;

mod m20261124_000001_create_room;
mod m20261124_000002_create_message;
mod m20261124_000003_create_event;
mod m20261124_000004_create_setting;
mod m20261124_000005_create_revision;
mod m20261124_000006_create_reaction;
mod m20261124_000007_create_read_cursor;
mod m20261124_000008_create_search;
mod m20261129_000009_create_follower_cursor;
mod m20261129_000010_create_erasure;
mod m20261129_000011_create_journal;
mod m20261129_000012_create_identity;
mod m20261129_000013_create_membership;
mod m20261129_000014_create_session;
mod m20261129_000015_create_ticket;
mod m20261129_000016_create_last_post;
mod m20261129_000017_add_membership_version;
mod table;

/// Every change, oldest first.
#[derive(Debug)]
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20261124_000001_create_room::Migration),
            Box::new(m20261124_000002_create_message::Migration),
            Box::new(m20261124_000003_create_event::Migration),
            Box::new(m20261124_000004_create_setting::Migration),
            Box::new(m20261124_000005_create_revision::Migration),
            Box::new(m20261124_000006_create_reaction::Migration),
            Box::new(m20261124_000007_create_read_cursor::Migration),
            Box::new(m20261124_000008_create_search::Migration),
            Box::new(m20261129_000009_create_follower_cursor::Migration),
            Box::new(m20261129_000010_create_erasure::Migration),
            Box::new(m20261129_000011_create_journal::Migration),
            Box::new(m20261129_000012_create_identity::Migration),
            Box::new(m20261129_000013_create_membership::Migration),
            Box::new(m20261129_000014_create_session::Migration),
            Box::new(m20261129_000015_create_ticket::Migration),
            Box::new(m20261129_000016_create_last_post::Migration),
            Box::new(m20261129_000017_add_membership_version::Migration),
        ]
    }
}
