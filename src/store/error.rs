//! The errors of the store, by what has to be done about them.

use sea_orm::{
    DbErr, RuntimeErr, SqlxError,
    sqlx::{mysql::MySqlDatabaseError, postgres::PgDatabaseError, sqlite::SqliteError},
};

use super::{database_file::NotOurs, kind::Kind, mysql, postgres, sqlite};
use crate::domain::{EventId, name::RoomName};

/// The reasons why the store did not do what it was asked.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The database is out: full, gone, locked. May pass.
    #[error("the database is out: {0}")]
    Unavailable(String),
    /// The write-ahead log of the file is gone or another, while this process still writes to the one that was
    /// opened: nobody would read that again.
    #[error("the write-ahead log is gone: {0}")]
    LogGone(String),
    /// An fsync failed: what is on disk is unknown, and asking again may lie (the kernel drops the
    /// dirty pages: <https://wiki.postgresql.org/wiki/Fsync_Errors>). Only a restart helps.
    #[error("the disk refused an fsync: {0}")]
    FsyncRefused(String),
    /// Somebody else had what the transaction needs, a deadlock included: nothing was written, and
    /// the same again may do.
    #[error("the database can't go on with the transaction: {0}")]
    Conflict(String),
    /// A statement took longer than it may.
    #[error("the database was interrupted: {0}")]
    Interrupted(String),
    /// A constraint does not hold: the rows asked for can't be written.
    #[error("the database rejected the rows: {0}")]
    Rejected(String),
    /// A page of the log lacks an id. Logged, read again, never sent.
    #[error("the log of room {room} has no event {missing}")]
    Hole {
        /// The room.
        room: RoomName,
        /// The id that should be there.
        missing: EventId,
    },
}

impl From<DbErr> for StoreError {
    fn from(error: DbErr) -> Self {
        match kind(&error) {
            Kind::Out => Self::Unavailable(error.to_string()),
            Kind::FsyncRefused => Self::FsyncRefused(error.to_string()),
            Kind::Rejected => Self::Rejected(without_values(&error)),
            Kind::Conflict => Self::Conflict(error.to_string()),
            Kind::Interrupted => Self::Interrupted(error.to_string()),
        }
    }
}

impl From<NotOurs> for StoreError {
    fn from(error: NotOurs) -> Self {
        match error {
            NotOurs::File(why) => Self::Unavailable(why),
            NotOurs::Log(why) => Self::LogGone(why),
        }
    }
}

fn kind(error: &DbErr) -> Kind {
    let Some(SqlxError::Database(error)) = cause(error) else { return Kind::Out };
    if let Some(error) = error.try_downcast_ref::<SqliteError>() {
        sqlite::kind(error)
    } else if let Some(error) = error.try_downcast_ref::<PgDatabaseError>() {
        postgres::kind(error)
    } else if let Some(error) = error.try_downcast_ref::<MySqlDatabaseError>() {
        mysql::kind(error)
    } else {
        Kind::Out
    }
}

fn cause(error: &DbErr) -> Option<&SqlxError> {
    match error {
        DbErr::Exec(RuntimeErr::SqlxError(error))
        | DbErr::Query(RuntimeErr::SqlxError(error))
        | DbErr::Conn(RuntimeErr::SqlxError(error)) => Some(error),
        _ => None,
    }
}

/// The database's error, for the log: of `MySQL` only the number, since it quotes what people wrote.
fn without_values(error: &DbErr) -> String {
    if let Some(SqlxError::Database(cause)) = cause(error)
        && let Some(cause) = cause.try_downcast_ref::<MySqlDatabaseError>()
    {
        return format!("error {} ({})", cause.number(), cause.code().unwrap_or_default());
    }
    error.to_string()
}
