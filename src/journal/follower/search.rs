//! The follower that keeps the index of search behind the log.

use super::{Batch, Follower};
use crate::store::{
    follower::{FollowError, Moved},
    search::index,
};

/// Keeps the index. All it does is in the database, so each event is indexed exactly once.
#[derive(Debug, Clone, Copy, Default)]
pub struct SearchFollower;

impl Follower for SearchFollower {
    const NAME: &'static str = index::FOLLOWER;

    fn wants(&self, _room_id: i64) -> bool {
        true
    }

    async fn batch(&mut self, batch: Batch<'_>) -> Result<Moved, FollowError> {
        let tx = batch.turn.begin().await?;
        let through = index::write(&tx, batch.room.head).await?;
        tx.commit(through).await
    }
}
