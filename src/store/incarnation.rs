//! The incarnation of a node: the name under which one session writes, and how many batches it has committed.
//!
//! Each batch counts that number up in its own transaction, so the number tells whether a batch was committed whose
//! answer was lost. Who asks locks the number's row, and so waits until that transaction has ended, whichever way; a
//! look without the lock might come before a commit that is still under way. Nobody else changes the row, and who
//! has it locked tells nothing of rooms, so this never waits for another node.
//!
//! On a server every session is an incarnation of its own, and its newest batches are kept, for other nodes to read.
//! A file has one process, which is its one incarnation for ever. Nobody else moves the heads of its rooms, so the head
//! that a batch sets tells the same and costs nothing; only a batch without an event is counted. None is kept.

use std::{
    collections::VecDeque,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QuerySelect, Set,
    sea_query::{Expr, ExprTrait, OnConflict},
};
use tokio::time::Instant;

use super::{
    backend::Backend,
    entity::{batch, journal, room},
    error::StoreError,
    room_write::RoomWrite,
};
use crate::domain::{EventId, timestamp::Timestamp};

/// The time that a batch is kept at least: a reader that was away longer reads all heads.
const KEPT: Duration = Duration::from_mins(1);
/// The time between two looks for old batches.
const FORGETTING: Duration = Duration::from_secs(5);
/// The one incarnation of whoever has a file.
const FILE: &str = "file";

/// The name under which a session writes.
#[derive(Debug)]
pub(super) struct Incarnation {
    node: String,
    /// The number of batches it has committed, as far as this process knows.
    committed: AtomicI64,
    keeps_batches: bool,
    /// The numbers of batches at earlier times, for forgetting them.
    marks: Mutex<VecDeque<(Instant, i64)>>,
}

/// A batch by what it leaves in the database, which knows it by this whatever becomes of its commit's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BatchId {
    /// Its number among those of its incarnation.
    Counted {
        /// The name of the incarnation.
        node: String,
        /// The number.
        n: i64,
    },
    /// The head of a room that it writes, in a file.
    Head {
        /// The room.
        room_id: i64,
        /// The head.
        head: EventId,
    },
}

impl Incarnation {
    /// Begins an incarnation on a session: takes the lock of its name, then makes its row. In this order, so that
    /// whoever finds a row without its lock knows that the node has ended.
    pub(super) async fn begin(backend: &Backend, db: &impl ConnectionTrait) -> Result<Self, DbErr> {
        let is_server = backend.is_server();
        let node = if is_server { format!("{:016x}", rand::random::<u64>()) } else { FILE.to_owned() };
        if !backend.try_lock_node(db, &node).await? {
            return Err(DbErr::Custom(format!("the name {node}, which nobody else can have, is locked")));
        }
        let row = || journal::Entity::find_by_id(node.as_str()).one(db);
        let mut found = row().await?;
        if found.is_none() {
            let made = journal::ActiveModel { node: Set(node.clone()), n: Set(0) };
            let kept = OnConflict::column(journal::Column::Node).do_nothing_on([journal::Column::Node]).to_owned();
            journal::Entity::insert(made).on_conflict(kept).exec_without_returning(db).await?;
            found = row().await?;
        }
        let n = found.ok_or_else(|| DbErr::RecordNotFound(format!("the row of node {node}")))?.n;
        Ok(Self { node, committed: AtomicI64::new(n), keeps_batches: is_server, marks: Mutex::default() })
    }

    /// Counts a batch in its own transaction, before anything else is locked; absent in a file, where that can wait.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the database does not know this incarnation: its session is to be replaced.
    pub(super) async fn count_first(&self, tx: &impl ConnectionTrait) -> Result<Option<BatchId>, StoreError> {
        if !self.keeps_batches {
            return Ok(None);
        }
        self.count(tx).await?;
        Ok(Some(BatchId::Counted { node: self.node.clone(), n: self.committed.load(Ordering::Relaxed) + 1 }))
    }

    async fn count(&self, tx: &impl ConnectionTrait) -> Result<(), StoreError> {
        let counted = journal::Entity::update_many()
            .col_expr(journal::Column::N, Expr::col(journal::Column::N).add(1))
            .filter(journal::Column::Node.eq(self.node.as_str()))
            .exec(tx)
            .await?;
        if counted.rows_affected != 1 {
            return Err(StoreError::Unavailable(format!("the database does not know the node {}", self.node)));
        }
        Ok(())
    }

    /// Notes which rooms a batch writes, in its transaction, and forgets old batches. Returns what it is known by.
    pub(super) async fn note(
        &self,
        tx: &impl ConnectionTrait,
        counted: Option<&BatchId>,
        writes: &[RoomWrite],
        now: Timestamp,
    ) -> Result<BatchId, StoreError> {
        let Some(id @ BatchId::Counted { node, n }) = counted else {
            if let Some(write) = writes.iter().find(|write| !write.events.is_empty()) {
                return Ok(BatchId::Head { room_id: write.room_id, head: write.head });
            }
            self.count(tx).await?;
            let row = journal::Entity::find_by_id(self.node.as_str()).one(tx).await?;
            return Ok(BatchId::Counted { node: self.node.clone(), n: row.map_or(i64::MAX, |row| row.n) });
        };
        let rooms: Vec<_> = writes
            .iter()
            .map(|write| (write.room_id, write.head, i64::from(!write.changes.cursors.is_empty())))
            .collect();
        let rooms = serde_json::to_string(&rooms).map_err(|error| StoreError::Rejected(error.to_string()))?;
        let row = batch::ActiveModel {
            node: Set(node.clone()),
            n: Set(*n),
            rooms: Set(rooms),
            written_at: Set(now.micros()),
        };
        batch::Entity::insert(row).exec_without_returning(tx).await?;
        if let Some(old) = self.old_batches(*n) {
            batch::Entity::delete_many()
                .filter(batch::Column::Node.eq(node.as_str()))
                .filter(batch::Column::N.lte(old))
                .exec(tx)
                .await?;
        }
        Ok(id.clone())
    }

    /// The last batch that is old enough to be forgotten, if it is time to do so.
    fn old_batches(&self, n: i64) -> Option<i64> {
        let mut marks = self.marks.lock().unwrap_or_else(PoisonError::into_inner);
        if marks.back().is_some_and(|(at, _)| at.elapsed() < FORGETTING) {
            return None;
        }
        marks.push_back((Instant::now(), n));
        let mut old = None;
        while let Some((_, n)) = marks.pop_front_if(|(at, _)| at.elapsed() > KEPT) {
            old = Some(n);
        }
        old
    }

    /// A batch is committed.
    pub(super) fn committed(&self, id: &BatchId) {
        if let BatchId::Counted { n, .. } = id {
            self.committed.store(*n, Ordering::Relaxed);
        }
    }
}

impl BatchId {
    /// Returns true if the batch was committed. Waits until its transaction has ended.
    pub(super) async fn is_committed(&self, db: &impl ConnectionTrait) -> Result<bool, StoreError> {
        match self {
            Self::Counted { node, n } => {
                if let Some(row) = journal::Entity::find_by_id(node.as_str()).lock_exclusive().one(db).await? {
                    return Ok(row.n >= *n);
                }
                // Another node has found that the session has ended, and removed the row. The batch is kept for longer.
                Ok(batch::Entity::find_by_id((node.clone(), *n)).one(db).await?.is_some())
            }
            Self::Head { room_id, head } => {
                let room = room::Entity::find_by_id(*room_id).one(db).await?;
                Ok(room.is_some_and(|room| room.head >= *head))
            }
        }
    }
}

/// Forgets the incarnations whose sessions have ended, and their old batches. The start lock is held meanwhile.
pub(super) async fn forget_the_ended(
    backend: &Backend,
    db: &impl ConnectionTrait,
    now: Timestamp,
) -> Result<(), DbErr> {
    let ended = backend.ended_nodes(db).await?;
    if !ended.is_empty() {
        journal::Entity::delete_many().filter(journal::Column::Node.is_in(ended)).exec(db).await?;
    }
    let nodes = |rows: Vec<String>| rows.into_iter().collect::<std::collections::BTreeSet<_>>();
    let with_batches: Vec<String> =
        batch::Entity::find().select_only().column(batch::Column::Node).distinct().into_tuple().all(db).await?;
    let live: Vec<String> =
        journal::Entity::find().select_only().column(journal::Column::Node).into_tuple().all(db).await?;
    let kept = i64::try_from(KEPT.as_micros()).unwrap_or(i64::MAX);
    for node in nodes(with_batches).difference(&nodes(live)) {
        batch::Entity::delete_many()
            .filter(batch::Column::Node.eq(node.as_str()))
            .filter(batch::Column::WrittenAt.lt(now.micros() - kept))
            .exec(db)
            .await?;
    }
    Ok(())
}
