//! The task that drives a follower: it hears of the commits of this process at once, and looks now and
//! then for what others left.

use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use super::{
    super::{
        backlog::Pace,
        feed::{Feed, Following},
        writer::Fatal,
    },
    Batch, Follower,
};
use crate::{
    domain::event::ServiceStatus,
    store::{
        Store,
        error::StoreError,
        follower::{FollowError, FollowerSession, Followers, Progress},
        health::Health,
    },
};

/// The multiple of its own length for which the runner rests after a look for what others left: rooms may be many.
const LOOKING_SHARE: u32 = 50;

/// The times of a runner.
#[derive(Debug, Clone, Copy)]
pub struct Times {
    /// The pace at which commits are worth handling.
    pub pace: Pace,
    /// The time between two looks for events that nobody told it of: another process committed them and did not handle
    /// them, or the answer of a commit was lost.
    pub look: Duration,
    /// The time it waits after an error.
    pub retry: Duration,
}

impl Default for Times {
    fn default() -> Self {
        Self { pace: Pace::default(), look: Duration::from_secs(10), retry: Duration::from_secs(1) }
    }
}

/// A follower, and all that it needs to run.
#[derive(Debug)]
pub struct Runner<F> {
    follower: F,
    followers: Followers,
    session: FollowerSession,
    log: Store,
    health: Health,
    times: Times,
    look_at: Instant,
    stop: CancellationToken,
    /// Dropped when the connection is closed.
    following: Following,
}

impl<F: Follower> Runner<F> {
    /// Connects a follower, which hears of what `feed` tells from now on.
    ///
    /// # Errors
    /// [`StoreError`] when the database is out.
    pub async fn new(
        follower: F,
        (log, followers): (Store, Followers),
        feed: &Feed,
        health: Health,
        times: Times,
        stop: CancellationToken,
    ) -> Result<Self, StoreError> {
        let session = followers.session(F::NAME).await?;
        let following = feed.follow(times.pace);
        // What is behind already, nobody tells.
        let look_at = Instant::now();
        Ok(Self { follower, followers, session, log, health, times, look_at, stop, following })
    }

    /// Handles what is behind, then what comes, until told to stop.
    ///
    /// # Errors
    /// [`Fatal`] when the disk can't be trusted any more.
    pub async fn run(mut self) -> Result<(), Fatal> {
        while !self.stop.is_cancelled() {
            match self.work().await {
                Ok(()) => {}
                Err(error @ StoreError::FsyncRefused(_)) => {
                    // Closing would run a checkpoint, and build on what the disk may not have.
                    std::mem::forget(self.session);
                    return Err(Fatal::new(error));
                }
                Err(error) => {
                    tracing::warn!(follower = F::NAME, %error, "a follower of the log failed and tries again");
                    // What it took and did not do, it has to find again.
                    self.look_at = Instant::now();
                    self.pause().await;
                }
            }
        }
        self.close().await;
        Ok(())
    }

    /// The rooms of which it has not handled all.
    ///
    /// # Errors
    /// [`StoreError`] when the database is out.
    pub async fn rooms_behind(&self) -> Result<Vec<i64>, StoreError> {
        let behind = self.session.rooms_behind().await?;
        Ok(behind.into_iter().filter(|room_id| self.follower.wants(*room_id)).collect())
    }

    /// Handles all that is behind now.
    ///
    /// # Errors
    /// [`StoreError`]; what was handled until then stays.
    pub async fn catch_up(&mut self) -> Result<(), StoreError> {
        for room_id in self.rooms_behind().await? {
            self.follow(room_id).await?;
        }
        Ok(())
    }

    /// Closes the connection.
    pub async fn close(self) {
        self.session.close().await;
    }

    /// Waits for something to do, and does it.
    async fn work(&mut self) -> Result<(), StoreError> {
        let is_told = tokio::select! {
            biased;
            () = self.stop.cancelled() => return Ok(()),
            () = sleep_until(self.look_at) => false,
            () = self.following.backlog.ready() => true,
        };
        if is_told {
            for room_id in self.following.backlog.take().into_keys() {
                if self.follower.wants(room_id) {
                    self.follow(room_id).await?;
                }
            }
            return Ok(());
        }
        let begun = Instant::now();
        let behind = self.rooms_behind().await?;
        let pause = self.times.look.max(LOOKING_SHARE * begun.elapsed());
        for room_id in behind {
            self.follow(room_id).await?;
        }
        self.look_at = Instant::now() + pause;
        Ok(())
    }

    /// Handles all of a room, unless another process is at it.
    async fn follow(&mut self, room_id: i64) -> Result<(), StoreError> {
        while !self.stop.is_cancelled() && self.advance(room_id).await? {}
        Ok(())
    }

    /// Handles the next batch of a room, if there is one. Returns true if there may be another.
    ///
    /// # Errors
    /// [`StoreError`]; the batch may be handled all the same then, as the cursor tells.
    pub async fn advance(&mut self, room_id: i64) -> Result<bool, StoreError> {
        let _ = self.stop.run_until_cancelled(self.health.watch().wait_for(|now| *now == ServiceStatus::Ok)).await;
        let Some(Progress { room, through: after }) = self.session.progress(room_id).await? else { return Ok(false) };
        if after >= room.head {
            return Ok(false);
        }
        let turn = self.session.turn(room_id, after, &self.stop);
        let batch = Batch { room: &room, after, log: &self.log, turn: &turn };
        match self.follower.batch(batch).await {
            Ok(moved) => Ok(moved.through() < room.head),
            Err(FollowError::Overtaken) => Ok(true),
            // Whoever has it does it, or leaves it for the next look.
            Err(FollowError::Taken | FollowError::Stopping) => Ok(false),
            Err(FollowError::Store(error)) => Err(error),
        }
    }

    /// Waits a little, then replaces the connection, which can't be trusted after a failed transaction.
    async fn pause(&mut self) {
        if self.stop.run_until_cancelled(sleep(self.times.retry)).await.is_none() {
            return;
        }
        match self.followers.session(F::NAME).await {
            Ok(fresh) => std::mem::replace(&mut self.session, fresh).close().await,
            Err(error) => tracing::warn!(follower = F::NAME, %error, "a follower's connection can't be opened yet"),
        }
    }
}
