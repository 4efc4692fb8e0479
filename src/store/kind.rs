//! The kinds of what a database says, by what has to be done about it.

/// The kinds of errors of a database, by what has to be done about them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// It is out: full, gone, locked.
    Out,
    /// The disk refused an fsync.
    FsyncRefused,
    /// A constraint does not hold.
    Rejected,
    /// Somebody else had what the transaction needs.
    Conflict,
    /// A statement took longer than it may.
    Interrupted,
}
