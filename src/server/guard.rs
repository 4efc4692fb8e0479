//! Stands between hyper and the socket: cuts a connection whose other side does not take what waits for it, and
//! writes what is small in one piece.
//!
//! hyper has no timeout for writing, and while a write waits it polls nothing of ours: only what
//! stands below it can tell (<https://github.com/hyperium/hyper/issues/2864>).

use std::{
    io::{Error, ErrorKind, IoSlice, Result},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use socket2::SockRef;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep},
};
use tokio_util::sync::WaitForCancellationFutureOwned;

use super::serving::Socket;
use crate::{connections::Place, unsent::Client};

/// As many bytes within the timeout are progress, even when more wait: a slow line is no stopped one.
pub(super) const PROGRESS: usize = 16 * 1024;
/// Slices of no more than this together are copied into one. A delivery is three of them (a chunk's size, the event,
/// and the line's end), and for the kernel one plain write is less work than a vectored one (docs/benchmarks.md).
/// Longer slices are written from where they lie, which all readers share.
const GATHERED: usize = 4 * 1024;
/// The kernel's patience where the guard's clock does not run is longer than the guard's by so much.
const MARGIN: Duration = Duration::from_secs(15);

/// A line whose other side the kernel gives up on by a clock of its own.
pub trait UserTimeout {
    /// Sets the longest time that what was sent may stay unacknowledged; none is for as long as it takes.
    fn set_user_timeout(&self, timeout: Option<Duration>);
}

impl UserTimeout for Socket {
    fn set_user_timeout(&self, timeout: Option<Duration>) {
        // Of a Unix socket the kernel sees at once that its other side is gone.
        let Self::Left(stream) = self else { return };
        // It fails where the connection has ended, and then there is nothing to wait for.
        let _ = SockRef::from(stream).set_tcp_user_timeout(timeout);
    }
}

/// A stream that ends with an error when writing makes no progress.
#[derive(Debug)]
pub struct Guard<S> {
    stream: S,
    timeout: Duration,
    /// Runs while something waits to be taken.
    waiting: Option<Pin<Box<Sleep>>>,
    /// The number of bytes taken since it runs.
    taken: usize,
    /// The client, which may be cut for others once it takes nothing for long.
    client: Arc<Client>,
    /// Ready once it is cut, while something waits for it.
    cut: Option<Pin<Box<WaitForCancellationFutureOwned>>>,
    /// The connection's place in the budget, kept as long as its socket.
    _place: Place,
}

impl<S: AsyncWrite + UserTimeout + Unpin> Guard<S> {
    /// Guards a stream.
    pub fn new(stream: S, timeout: Duration, client: Arc<Client>, place: Place) -> Self {
        stream.set_user_timeout(Some(timeout + MARGIN));
        Self { stream, timeout, waiting: None, taken: 0, client, cut: None, _place: place }
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
                if self.cut.take().is_some() {
                    self.client.goes_on();
                }
                if *count == offered || self.taken >= PROGRESS {
                    self.taken = 0;
                    if self.waiting.take().is_some() {
                        self.stream.set_user_timeout(Some(self.timeout + MARGIN));
                    }
                }
            }
            Poll::Ready(Err(_)) => {}
            Poll::Pending => {
                let waiting = self.waiting.get_or_insert_with(|| {
                    // The kernel's clock takes a reader for gone that takes a little now and then: it goes on
                    // until all of a segment has room again. This one knows better; the kernel's is for who
                    // vanishes while nothing waits here.
                    self.stream.set_user_timeout(None);
                    Box::pin(sleep(self.timeout))
                });
                let cut = self.cut.get_or_insert_with(|| {
                    self.client.stalls(Instant::now());
                    Box::pin(self.client.cut().cancelled_owned())
                });
                if cut.as_mut().poll(cx).is_ready() {
                    tracing::info!("a stalled reader is cut: others need its memory");
                    return Poll::Ready(Err(Error::new(ErrorKind::TimedOut, "the other side takes nothing")));
                }
                if waiting.as_mut().poll(cx).is_ready() {
                    tracing::info!(waited = ?self.timeout, "a stalled reader is cut");
                    return Poll::Ready(Err(Error::new(ErrorKind::TimedOut, "the other side takes nothing")));
                }
            }
        }
        written
    }
}

impl<S: AsyncWrite + UserTimeout + Unpin> AsyncWrite for Guard<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.after_write(cx, bytes.len(), written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        if let [slice] = slices {
            return self.poll_write(cx, slice);
        }
        let offered = slices.iter().map(|slice| slice.len()).sum();
        if offered <= GATHERED {
            let mut gathered = Vec::with_capacity(offered);
            for slice in slices {
                gathered.extend_from_slice(slice);
            }
            return self.poll_write(cx, &gathered);
        }
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.after_write(cx, offered, written)
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
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt, duplex},
        time::advance,
    };

    use super::*;
    use crate::connections::Connections;

    /// A line without a kernel.
    impl UserTimeout for tokio::io::DuplexStream {
        fn set_user_timeout(&self, _: Option<Duration>) {}
    }

    /// A line that takes everything, and tells how it came: the address and the length of each slice of each write.
    #[derive(Default)]
    struct Writes(Vec<Vec<(usize, usize)>>);

    impl UserTimeout for Writes {
        fn set_user_timeout(&self, _: Option<Duration>) {}
    }

    impl AsyncWrite for Writes {
        fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
            self.poll_write_vectored(cx, &[IoSlice::new(bytes)])
        }

        fn poll_write_vectored(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            slices: &[IoSlice<'_>],
        ) -> Poll<Result<usize>> {
            self.0.push(slices.iter().map(|slice| (slice.as_ptr().addr(), slice.len())).collect());
            Poll::Ready(Ok(slices.iter().map(|slice| slice.len()).sum()))
        }

        fn is_write_vectored(&self) -> bool {
            true
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    #[tokio::test]
    async fn what_is_small_is_one_write_and_what_is_large_is_not_copied() {
        let place = Connections::new(1, false, Vec::new()).take(None).unwrap();
        let mut guard = Guard::new(Writes::default(), Duration::from_mins(1), Client::new(None), place);
        let event = vec![b'x'; GATHERED];
        for length in [200, GATHERED - 6, GATHERED] {
            let chunk = [&b"12\r\n"[..], &event[..length], b"\r\n"].map(IoSlice::new);
            let written = guard.write_vectored(&chunk).await.unwrap();
            assert_eq!(written, length + 6);
        }
        let [small, just, large] = &guard.stream.0[..] else { panic!("three writes: {:?}", guard.stream.0) };
        assert_eq!(small.iter().map(|slice| slice.1).collect::<Vec<_>>(), [206]);
        assert_eq!(just.iter().map(|slice| slice.1).collect::<Vec<_>>(), [GATHERED]);
        assert_eq!(large[1], (event.as_ptr().addr(), GATHERED), "the bytes that all share");
        assert_eq!(large.len(), 3);
    }

    fn guarded(buffer: usize) -> (Guard<tokio::io::DuplexStream>, tokio::io::DuplexStream) {
        let (near, far) = duplex(buffer);
        let place = Connections::new(1, false, Vec::new()).take(None).unwrap();
        (Guard::new(near, Duration::from_mins(1), Client::new(None), place), far)
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
    async fn who_takes_too_little_within_the_timeout_is_cut_too() {
        let (mut guard, mut far) = guarded(1_024);
        let start = Instant::now();
        let writing = async { guard.write_all(&vec![0; 8 * PROGRESS]).await.unwrap_err() };
        let reading = async {
            // 12 KiB by the end of the timeout.
            let mut buffer = vec![0; 1_024];
            while far.read_exact(&mut buffer).await.is_ok() {
                sleep(Duration::from_secs(5)).await;
            }
        };
        let error = tokio::select! {
            error = writing => error,
            () = reading => panic!("it is cut first"),
        };
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
