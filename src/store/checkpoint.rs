//! Keeping the write-ahead log of a `SQLite` file short while people read and write.
//!
//! The log starts again at its beginning only once all of it is in the database file and nobody reads from it any
//! more (<https://sqlite.org/wal.html>, "Avoiding Excessively Large WAL Files"). Beside steady readers that moment
//! does not come by itself, and the log would grow for as long as they are there. So it is made to come. Most of
//! the log is moved while others go on; then the writers wait, for the rest to be moved and for those to end who
//! read from the log: whoever begins to read meanwhile finds all in the database file, and is not waited for.
//!
//! It is done by hand, since `SQLite`'s automatic checkpoint hides an fsync that the disk refused.

use std::{sync::Arc, time::Duration};

use sea_orm::{DatabaseConnection, DbErr};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::{
    backend::Backend,
    connect::Connects,
    database_file::DatabaseFile,
    deadline::Timed,
    error::StoreError,
    session::close,
    sqlite::{self, LOG_BYTES},
    turn::Turns,
};

/// For how long the writers wait at most while the log is short. A page is read in much less.
const PATIENCE: Duration = Duration::from_millis(20);
/// For how long they wait at most, however long it is: a post waits longer for its answer.
const MOST_PATIENCE: Duration = Duration::from_secs(5);
/// The time to wait after an error.
const RETRY: Duration = Duration::from_secs(1);

/// The connection that moves the log.
#[derive(Debug)]
pub struct Checkpointer {
    db: Timed<DatabaseConnection>,
    file: Arc<DatabaseFile>,
    turns: Turns,
}

impl Checkpointer {
    /// Connects, if the database is a file: a server sees to its own log.
    pub(super) async fn open(backend: &Backend, turns: Turns) -> Result<Option<Self>, DbErr> {
        let Some(file) = backend.file() else { return Ok(None) };
        Ok(Some(Self { db: backend.connect_writer(Connects::default()).await?, file, turns }))
    }

    /// Shortens the log whenever it has become long, until there is nobody who writes.
    ///
    /// # Errors
    /// [`StoreError::FsyncRefused`], which is as grave here as of a commit.
    pub async fn run(&self, done: &CancellationToken) -> Result<(), StoreError> {
        // A log that could not be shortened is to grow by as much again before the writers have to wait again.
        let mut worth = LOG_BYTES;
        while done.run_until_cancelled(self.turns.ended()).await.is_some() {
            let bytes = self.file.log_bytes();
            if bytes <= worth {
                worth = if bytes <= LOG_BYTES { LOG_BYTES } else { worth };
                continue;
            }
            match self.shorten(bytes).await {
                Ok(true) => worth = LOG_BYTES,
                Ok(false) => worth = bytes + LOG_BYTES,
                Err(error @ StoreError::FsyncRefused(_)) => return Err(error),
                Err(error) => {
                    tracing::warn!(%error, "the write-ahead log can't be moved into the database yet");
                    done.run_until_cancelled(sleep(RETRY)).await;
                }
            }
        }
        Ok(())
    }

    /// Moves the log; returns true if it starts again at its beginning.
    async fn shorten(&self, bytes: u64) -> Result<bool, StoreError> {
        self.file.check()?;
        sqlite::checkpoint(&self.db).await?;
        let _turn = self.turns.of_checkpoint().await;
        Ok(sqlite::restart_log(&self.db, patience(bytes)).await?)
    }

    /// Closes the connection.
    pub async fn close(self) {
        close(self.db.into_inner()).await;
    }
}

/// For how long the writers wait for readers: the longer the log, the longer, so that a few slow reads make them wait
/// little, and many don't let the log grow for ever.
fn patience(bytes: u64) -> Duration {
    let lengths = u32::try_from(bytes / LOG_BYTES).unwrap_or(u32::MAX).max(1);
    PATIENCE.saturating_mul(lengths.saturating_mul(lengths)).min(MOST_PATIENCE)
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use sea_orm::{ConnectionTrait, DatabaseTransaction, TransactionTrait as _};

    use super::*;
    use crate::{
        clock::Clock,
        config::StoreConfig,
        store::{Opened, Store},
    };

    /// The length that the log may reach beside readers who end soon: a few lengths are written while they do.
    const BOUND: u64 = 4 * LOG_BYTES;
    /// The number of bytes written at once: two pages more than this, each time.
    const PIECE: usize = 512 * 1024;
    /// The longest time that a writer waits, on a busy machine.
    const STALL: Duration = Duration::from_secs(2);
    /// The time that each reads.
    const READ: Duration = Duration::from_millis(10);

    async fn open() -> (tempfile::TempDir, Opened) {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}?mode=rwc", folder.path().join("parlor.db").display());
        let opened =
            Store::open(&StoreConfig { url: url.into(), fsync: false, migrate: true, revisions: 100 }).await.unwrap();
        (folder, opened)
    }

    /// Somebody who begins to read, and sees from then on what is there now.
    async fn read(store: &Store) -> DatabaseTransaction {
        let reading = store.readers.inner().begin().await.unwrap();
        reading.execute_unprepared("SELECT count(*) FROM room").await.unwrap();
        reading
    }

    /// Somebody reads at each moment: the next begins before the last ends, each after so long.
    async fn read_steadily(store: &Store, each: Duration, done: &CancellationToken) {
        let mut reading = read(store).await;
        while done.run_until_cancelled(sleep(each)).await.is_some() {
            let next = read(store).await;
            reading.rollback().await.unwrap();
            reading = next;
        }
        reading.rollback().await.unwrap();
    }

    /// Writes so much; the greatest length of the log, and the longest time that a piece took.
    async fn write(opened: &Opened, bytes: u64) -> (u64, Duration) {
        let file = opened.writer.file_for_tests();
        let (mut longest, mut slowest) = (0, Duration::ZERO);
        for _ in 0..usize::try_from(bytes).unwrap() / PIECE {
            let begun = Instant::now();
            opened.writer.probe(Clock::system().now(), PIECE).await.unwrap();
            (longest, slowest) = (file.log_bytes().max(longest), begun.elapsed().max(slowest));
        }
        (longest, slowest)
    }

    #[tokio::test]
    async fn the_log_stays_short_beside_steady_readers() {
        let (_folder, mut opened) = open().await;
        let checkpointer = opened.writer.take_checkpointer().unwrap();
        let done = CancellationToken::new();
        let writing = async {
            let written = write(&opened, 3 * BOUND).await;
            done.cancel();
            written
        };
        let reading = read_steadily(&opened.store, READ, &done);
        let ((longest, slowest), (), shortened) = tokio::join!(writing, reading, checkpointer.run(&done));
        shortened.unwrap();
        assert!(longest > LOG_BYTES, "it was long enough to be shortened: {longest}");
        assert!(longest < BOUND, "{} MiB", longest >> 20);
        assert!(slowest < STALL, "{slowest:?}");
    }

    #[tokio::test]
    async fn a_reader_that_does_not_end_holds_nobody_up_for_long() {
        let (_folder, mut opened) = open().await;
        let checkpointer = opened.writer.take_checkpointer().unwrap();
        let done = CancellationToken::new();
        let writing = async {
            let reading = read(&opened.store).await;
            let written = write(&opened, BOUND).await;
            reading.rollback().await.unwrap();
            // The log starts again, and what is too much of its file is cut off.
            let file = opened.writer.file_for_tests();
            let mut writes = 0;
            while file.log_bytes() > LOG_BYTES {
                write(&opened, PIECE as u64).await;
                writes += 1;
                assert!(writes < 100, "the log is as long as before");
            }
            done.cancel();
            written
        };
        let ((longest, slowest), shortened) = tokio::join!(writing, checkpointer.run(&done));
        shortened.unwrap();
        assert!(longest >= BOUND, "it can't be shortened: {longest}");
        assert!(slowest < STALL, "{slowest:?}");
    }
}
