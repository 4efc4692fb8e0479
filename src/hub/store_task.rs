//! A read of the store for a reader, as a task of its own that ends with the reader.
//!
//! A reader's stream goes on only while its client takes what it has. What it reads has one of the
//! database's few connections, and its turn among those who catch up, so that has to go on by itself.

use std::{
    fmt,
    panic::resume_unwind,
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio_util::task::AbortOnDropHandle;

/// A read that is under way; dropping it ends it.
pub(super) struct StoreTask<T>(AbortOnDropHandle<T>);

impl<T: Send + 'static> StoreTask<T> {
    /// Begins to read.
    pub(super) fn begin(read: impl Future<Output = T> + Send + 'static) -> Self {
        #[expect(clippy::disallowed_methods, reason = "its reader is waited for, and it ends with that")]
        Self(AbortOnDropHandle::new(tokio::spawn(read)))
    }

    #[cfg(test)]
    pub(super) fn is_finished(&self) -> bool {
        self.0.is_finished()
    }
}

impl<T> Future for StoreTask<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        match ready!(Pin::new(&mut self.0).poll(cx)).map_err(tokio::task::JoinError::try_into_panic) {
            Ok(read) => Poll::Ready(read),
            Err(Ok(panic)) => resume_unwind(panic),
            // The runtime ends, and whoever polls this with it.
            Err(Err(_)) => Poll::Pending,
        }
    }
}

impl<T> fmt::Debug for StoreTask<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("StoreTask").finish()
    }
}
