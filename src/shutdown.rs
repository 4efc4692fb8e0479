//! The end of the process, in the order in which its parts learn of it.

use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Cheap to clone; all clones are one.
#[derive(Debug, Clone, Default)]
pub struct Shutdown {
    /// The process is about to end: say so to whoever asks whether it is ready.
    pub draining: CancellationToken,
    /// No new work: whoever waits is answered, whoever streams is sent away.
    pub closing: CancellationToken,
    /// Nobody is left who could write: the journal finishes.
    pub finishing: CancellationToken,
    /// Everything that is waited for at the end: connections, and sockets that outlive theirs.
    pub tasks: TaskTracker,
}
