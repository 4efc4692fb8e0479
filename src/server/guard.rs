//! Cuts a connection whose other side does not take what waits for it.
//!
//! hyper has no timeout for writing, and while a write waits it polls nothing of ours: only what
//! stands below it can tell (<https://github.com/hyperium/hyper/issues/2864>).

use std::{
    io::{Error, ErrorKind, IoSlice, Result},
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    sync::OwnedSemaphorePermit,
    time::{Sleep, sleep},
};

/// As many bytes within the timeout are progress, even when more wait: a slow line is no stopped one.
const PROGRESS: usize = 16 * 1024;

/// A stream that ends with an error when writing makes no progress.
#[derive(Debug)]
pub struct Guard<S> {
    stream: S,
    timeout: Duration,
    /// Runs while something waits to be taken.
    waiting: Option<Pin<Box<Sleep>>>,
    /// What was taken since it runs.
    taken: usize,
    /// The connection's place in the budget, kept as long as its socket.
    _permit: OwnedSemaphorePermit,
}

impl<S: AsyncWrite + Unpin> Guard<S> {
    /// Guards a stream.
    pub fn new(stream: S, timeout: Duration, permit: OwnedSemaphorePermit) -> Self {
        Self { stream, timeout, waiting: None, taken: 0, _permit: permit }
    }

    fn after_write(
        &mut self,
        cx: &mut Context<'_>,
        offered: usize,
        written: Poll<Result<usize>>,
    ) -> Poll<Result<usize>> {
        match &written {
            Poll::Ready(Ok(count)) => {
                self.taken += count;
                if *count == offered || self.taken >= PROGRESS {
                    (self.waiting, self.taken) = (None, 0);
                }
            }
            Poll::Ready(Err(_)) => {}
            Poll::Pending => {
                let waiting = self.waiting.get_or_insert_with(|| Box::pin(sleep(self.timeout)));
                if waiting.as_mut().poll(cx).is_ready() {
                    tracing::info!(waited = ?self.timeout, "a stalled reader is cut");
                    return Poll::Ready(Err(Error::new(ErrorKind::TimedOut, "the other side takes nothing")));
                }
            }
        }
        written
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Guard<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.after_write(cx, bytes.len(), written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        // What readers get is one slice nearly always, and for the kernel a plain write of it is less
        // work than a vectored one (docs/benchmarks.md).
        if let [slice] = slices {
            return self.poll_write(cx, slice);
        }
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.after_write(cx, slices.iter().map(|slice| slice.len()).sum(), written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Guard<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt, duplex},
        sync::Semaphore,
        time::{Instant, advance},
    };

    use super::*;

    fn guarded(buffer: usize) -> (Guard<tokio::io::DuplexStream>, tokio::io::DuplexStream) {
        let (near, far) = duplex(buffer);
        let permit = Arc::new(Semaphore::new(1)).try_acquire_owned().unwrap();
        (Guard::new(near, Duration::from_mins(1), permit), far)
    }

    #[tokio::test(start_paused = true)]
    async fn who_takes_nothing_is_cut_after_the_timeout() {
        let (mut guard, _far) = guarded(1_024);
        let start = Instant::now();
        let error = guard.write_all(&[0; 4_096]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert_eq!(start.elapsed().as_secs(), 60);
    }

    #[tokio::test(start_paused = true)]
    async fn who_takes_enough_within_each_timeout_is_not() {
        let (mut guard, mut far) = guarded(PROGRESS);
        let writing = async {
            guard.write_all(&vec![0; 8 * PROGRESS]).await.unwrap();
            guard.flush().await.unwrap();
        };
        let reading = async {
            let mut buffer = vec![0; PROGRESS];
            for _ in 0..8 {
                advance(Duration::from_secs(50)).await;
                far.read_exact(&mut buffer).await.unwrap();
            }
        };
        tokio::join!(writing, reading);
    }
}
