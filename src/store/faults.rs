//! Faults that befall the writer's connection at a test's word.
//!
//! Nothing real loses the answer of a commit that `SQLite` has made: once the write-ahead log is synced
//! it does nothing more that can fail and be seen by others. On a connection by network, that is daily
//! bread.

use std::cell::RefCell;

use super::error::StoreError;

/// The places of faults.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// A commit fails, and did not happen.
    BeforeCommit,
    /// A commit happens, and its answer is lost.
    AfterCommit,
    /// The outcome of a batch can't be asked for.
    Settling,
}

thread_local! {
    /// Those to come. A test has one thread, on which all tasks of its app run.
    static TO_COME: RefCell<Vec<Fault>> = const { RefCell::new(Vec::new()) };
}

/// Has these faults befall, each once.
pub(crate) fn inject(faults: &[Fault]) {
    TO_COME.with_borrow_mut(|to_come| to_come.extend(faults));
}

/// Fails if this fault is to befall.
pub(super) fn befall(fault: Fault) -> Result<(), StoreError> {
    TO_COME.with_borrow_mut(|to_come| match to_come.iter().position(|next| *next == fault) {
        Some(at) => {
            to_come.remove(at);
            Err(StoreError::Unavailable(format!("the fault {fault:?} of a test")))
        }
        None => Ok(()),
    })
}
