//! What can go wrong with the store, by what has to be done about it.

use sea_orm::{DbErr, RuntimeErr, SqlxError};

use crate::domain::{EventId, name::RoomName};

/// `SQLite`'s extended codes for a refused fsync of a file and of a directory (`SQLITE_IOERR_FSYNC`,
/// `SQLITE_IOERR_DIR_FSYNC`: <https://sqlite.org/rescode.html>).
const FSYNC_REFUSED: [&str; 2] = ["1034", "1290"];
/// `SQLite`'s primary code for a broken constraint; the extended ones have it in their low byte.
const SQLITE_CONSTRAINT: u32 = 19;

/// Why the store did not do what it was asked.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The database is out: full, gone, locked. May pass.
    #[error("the database is out: {0}")]
    Unavailable(String),
    /// An fsync failed: what is on disk is unknown, and asking again may lie (the kernel drops the
    /// dirty pages: <https://wiki.postgresql.org/wiki/Fsync_Errors>). Only a restart helps.
    #[error("the disk refused an fsync: {0}")]
    FsyncRefused(String),
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
        let text = error.to_string();
        let code = match &error {
            DbErr::Exec(RuntimeErr::SqlxError(e))
            | DbErr::Query(RuntimeErr::SqlxError(e))
            | DbErr::Conn(RuntimeErr::SqlxError(e)) => match e.as_ref() {
                SqlxError::Database(e) => e.code().map(std::borrow::Cow::into_owned),
                _ => None,
            },
            _ => None,
        };
        match code.as_deref() {
            Some(code) if FSYNC_REFUSED.contains(&code) => Self::FsyncRefused(text),
            Some(code) if code.parse::<u32>().is_ok_and(|code| code & 0xff == SQLITE_CONSTRAINT) => {
                Self::Rejected(text)
            }
            _ => Self::Unavailable(text),
        }
    }
}
