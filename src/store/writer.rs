//! The one connection that writes.

use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use sea_orm::{DbErr, EntityTrait};
use sha2::Sha256;

use super::{
    checkpoint::Checkpointer, entity::erasure, error::StoreError, incarnation::BatchId, metadata, session::Session,
    standings::Standings, transaction::Transaction, turn::Turns,
};
#[cfg(test)]
use super::{database_file::DatabaseFile, faults};
use crate::domain::{message::Draft, timestamp::Timestamp};

/// The connection that writes.
#[derive(Debug)]
pub struct Writer {
    session: Session,
    standings: Standings,
    turns: Turns,
    checkpointer: Option<Checkpointer>,
    fingerprint_key: String,
    /// The number of revisions of a message that are kept.
    revisions: u32,
    /// True if something of deleted messages was still to be erased at the start.
    is_erasing: bool,
}

impl Writer {
    /// Takes the session.
    pub(super) async fn new(
        session: Session,
        standings: Standings,
        turns: Turns,
        checkpointer: Option<Checkpointer>,
        revisions: u32,
    ) -> Result<Self, DbErr> {
        let make = || format!("{:032x}{:032x}", rand::random::<u128>(), rand::random::<u128>());
        let fingerprint_key = metadata::get_or_make(session.db(), metadata::FINGERPRINT_KEY, make).await?;
        let is_erasing = erasure::Entity::find().one(session.db()).await?.is_some();
        Ok(Self { session, standings, turns, checkpointer, fingerprint_key, revisions, is_erasing })
    }

    /// The open file.
    #[cfg(test)]
    pub(super) fn file_for_tests(&self) -> std::sync::Arc<DatabaseFile> {
        self.session.file().expect("a file")
    }

    /// The time between two questions to the store whether it is there, while there is nothing to write; none if it
    /// can't go away.
    #[must_use]
    pub fn heartbeat(&self) -> Option<Duration> {
        self.session.heartbeat()
    }

    /// Asks whether the store is there.
    ///
    /// # Errors
    /// [`StoreError`] when it is not.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.session.ping().await
    }

    /// Lets other nodes start, if there may be others.
    pub(super) async fn started(&self) -> Result<(), DbErr> {
        self.session.started().await
    }

    /// Begins a transaction that may write from its first statement on, and counts it as a batch if others may write too.
    ///
    /// # Errors
    /// [`StoreError`] when the database is out, or does not know this node's incarnation: then the connection is to
    /// be replaced.
    pub async fn begin(&self) -> Result<Transaction, StoreError> {
        let turn = self.turns.of_journal().await;
        let tx = self.session.begin().await?;
        let incarnation = self.session.incarnation().clone();
        let counted = incarnation.count_first(&tx).await?;
        Ok(Transaction::new(
            tx,
            self.standings.clone(),
            (incarnation, counted),
            self.session.file(),
            self.revisions,
            turn,
        ))
    }

    /// Returns true if something of deleted messages was still to be erased at the start: a crash left it.
    #[must_use]
    pub fn is_erasing(&self) -> bool {
        self.is_erasing
    }

    /// Replaces the connection, which can't be trusted after a failure.
    ///
    /// # Errors
    /// [`StoreError`] when the database is still out; then there is none.
    pub async fn reopen(&mut self) -> Result<(), StoreError> {
        self.standings.clear();
        self.session.reopen().await
    }

    /// Returns true if a batch was committed whose answer was lost. Waits until its transaction has ended.
    ///
    /// # Errors
    /// [`StoreError`] when the database is out, [`StoreError::Conflict`] when the transaction goes on.
    pub async fn is_committed(&self, batch: &BatchId) -> Result<bool, StoreError> {
        #[cfg(test)]
        faults::befall(faults::Fault::Settling)?;
        batch.is_committed(self.session.db()).await
    }

    /// The checkpointer, which keeps the write-ahead log short beside the writer and has to be closed before it; none
    /// if that is not this program's to do.
    pub fn take_checkpointer(&mut self) -> Option<Checkpointer> {
        self.checkpointer.take()
    }

    /// Moves all that the write-ahead log holds into the database file: what is in a log that is gone would end
    /// with this process.
    ///
    /// # Errors
    /// [`StoreError`] when it is not all there; an fsync refused here is as grave as one refused to a commit.
    pub async fn save(&self) -> Result<(), StoreError> {
        let _turn = self.turns.of_journal().await;
        self.session.last_checkpoint().await
    }

    /// Writes as much as was refused, to learn whether the store takes it again, and takes it back. Less
    /// would still fit on a disk that is nearly full, and promise what the next post can't keep.
    ///
    /// # Errors
    /// [`StoreError`] when it does not.
    pub async fn probe(&self, now: Timestamp, bytes: usize) -> Result<(), StoreError> {
        self.session.check()?;
        let _turn = self.turns.of_journal().await;
        metadata::set(self.session.db(), metadata::PROBED_AT, " ".repeat(bytes)).await?;
        Ok(metadata::set(self.session.db(), metadata::PROBED_AT, now.to_string()).await?)
    }

    /// The fingerprint of what a draft says: equal for the same content and `reply_to` only. Keyed,
    /// so that it can't be found by trying contents without the database's key.
    ///
    /// # Panics
    /// Never: HMAC takes keys of every length.
    #[must_use]
    pub fn fingerprint(&self, draft: &Draft) -> Vec<u8> {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(self.fingerprint_key.as_bytes()).expect("any length of key will do");
        mac.update(&draft.reply_to.unwrap_or(0).to_be_bytes());
        mac.update(draft.content.as_bytes());
        mac.finalize().into_bytes().to_vec()
    }

    /// Closes the connection, after a last checkpoint that leaves the write-ahead log empty: what was deleted
    /// would stand in it until something else is written in its place.
    pub async fn close(self) {
        if let Err(error) = self.session.last_checkpoint().await {
            tracing::warn!(%error, "the last checkpoint failed");
        }
        self.session.close().await;
    }
}
