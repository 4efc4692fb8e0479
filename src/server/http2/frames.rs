//! Reads along with hyper: the preface has to come in time, and frames that carry nothing are bounded.
//!
//! The protocol lets a client send control frames without end, each of which costs the server work and the client
//! nothing (CVE-2019-9512, -9513, -9515, -9516, -9518, CVE-2023-44487, CVE-2024-27316).

use std::{
    io::{Error, ErrorKind, IoSlice, Result},
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep},
};

/// `PRI * HTTP/2.0` and so on (RFC 9113, 3.4).
const PREFACE: usize = 24;
/// The bytes before the payload of a frame (RFC 9113, 4.1).
const HEAD: usize = 9;
/// The budget of a connection: 500 control frames at once, and 50 a second.
const BUDGET: usize = 500 * CONTROL;
const PER_SECOND: usize = 50 * CONTROL;
/// The cost of a frame that changes the connection or carries nothing. The budget is in bytes: each that is sent to the
/// client gives one back, so whoever reads much may say often how much.
const CONTROL: usize = 1_000;
/// The cost of the head of a request, whose answer is longer.
const HEADERS: usize = 100;
/// The cost of saying that there is room: 10,000 at once, and 1,000 a second.
const WINDOW_UPDATE: usize = 50;

/// A connection that ends with an error when its client floods it.
#[derive(Debug)]
pub(super) struct Frames<S> {
    stream: S,
    /// Runs until the first frame has come.
    preface: Option<Pin<Box<Sleep>>>,
    /// The bytes until the next head.
    skip: usize,
    head: [u8; HEAD],
    /// The number of bytes of the head that have come.
    filled: usize,
    left: usize,
    refilled: Instant,
}

impl<S> Frames<S> {
    /// A connection whose first frame has to come in time.
    pub(super) fn new(stream: S, preface: Duration) -> Self {
        let (preface, refilled) = (Some(Box::pin(sleep(preface))), Instant::now());
        Self { stream, preface, skip: PREFACE, head: [0; HEAD], filled: 0, left: BUDGET, refilled }
    }

    /// Follows what has come.
    fn follow(&mut self, mut bytes: &[u8]) -> Result<()> {
        let (since, now) = (self.refilled, Instant::now());
        let more = usize::try_from(now.duration_since(since).as_millis()).unwrap_or(BUDGET) * PER_SECOND / 1_000;
        if more > 0 {
            self.refilled = now;
            self.gain(more);
        }
        while !bytes.is_empty() {
            if self.skip > 0 {
                let skipped = self.skip.min(bytes.len());
                (self.skip, bytes) = (self.skip - skipped, &bytes[skipped..]);
                continue;
            }
            let taken = (HEAD - self.filled).min(bytes.len());
            self.head[self.filled..self.filled + taken].copy_from_slice(&bytes[..taken]);
            (self.filled, bytes) = (self.filled + taken, &bytes[taken..]);
            if self.filled == HEAD {
                self.filled = 0;
                self.preface = None;
                let [a, b, c, kind, flags, ..] = self.head;
                self.skip = u32::from_be_bytes([0, a, b, c]) as usize;
                let cost = cost(kind, flags, self.skip);
                let Some(left) = self.left.checked_sub(cost) else {
                    tracing::info!(frame = kind, "a connection is cut: it sends frames without end");
                    return Err(Error::new(ErrorKind::InvalidData, "the client sends frames without end"));
                };
                self.left = left;
            }
        }
        Ok(())
    }

    fn gain(&mut self, bytes: usize) {
        self.left = self.left.saturating_add(bytes).min(BUDGET);
    }

    fn sent(&mut self, sent: Poll<Result<usize>>) -> Poll<Result<usize>> {
        if let Poll::Ready(Ok(count)) = &sent {
            self.gain(*count);
        }
        sent
    }
}

/// The cost of a frame by its type (RFC 9113, 6), its flags and its length.
fn cost(kind: u8, flags: u8, length: usize) -> usize {
    const ENDS_STREAM: u8 = 0x1;
    match kind {
        // DATA: what has a length is bounded by the window.
        0 if length > 0 || flags & ENDS_STREAM != 0 => 0,
        1 => HEADERS,
        8 => WINDOW_UPDATE,
        _ => CONTROL,
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Frames<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<Result<()>> {
        let this = &mut *self;
        let before = buffer.filled().len();
        let read = Pin::new(&mut this.stream).poll_read(cx, buffer);
        if let Poll::Ready(Ok(())) = read {
            this.follow(&buffer.filled()[before..])?;
        }
        if this.preface.as_mut().is_some_and(|clock| clock.as_mut().poll(cx).is_ready()) {
            return Poll::Ready(Err(Error::new(ErrorKind::TimedOut, "the preface does not come")));
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Frames<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.sent(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.sent(written)
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

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _, duplex},
        time::advance,
    };

    use super::*;

    fn frame(kind: u8, flags: u8, payload: usize) -> Vec<u8> {
        let length = u32::try_from(payload).unwrap().to_be_bytes();
        let mut frame = vec![length[1], length[2], length[3], kind, flags, 0, 0, 0, 1];
        frame.resize(HEAD + payload, b'x');
        frame
    }

    /// The number of frames that are taken of many, which come in parts of so many bytes.
    fn taken(frame: &[u8], many: usize, part: usize) -> usize {
        let mut frames = Frames::new((), Duration::from_secs(10));
        frames.follow(&[0; PREFACE]).unwrap();
        let all = frame.repeat(many);
        let mut taken = 0;
        for part in all.chunks(part) {
            if frames.follow(part).is_err() {
                break;
            }
            taken += part.len();
        }
        taken / frame.len()
    }

    #[tokio::test(start_paused = true)]
    async fn frames_that_carry_nothing_are_bounded() {
        for (kind, flags, payload, most) in [
            (2, 0, 5, 500),
            (3, 0, 4, 500),
            (4, 0, 0, 500),
            (4, 0, 36, 500),
            (6, 0, 8, 500),
            (9, 0, 100, 500),
            (0, 0, 0, 500),
            (77, 0, 3, 500),
            (1, 4, 50, 5_000),
            (8, 0, 4, 10_000),
        ] {
            let frame = frame(kind, flags, payload);
            assert_eq!(taken(&frame, 12_000, frame.len()), most, "type {kind}");
            assert!(taken(&frame, 12_000, 7).abs_diff(most) <= 1, "type {kind}, in parts");
        }
        assert_eq!(taken(&frame(0, 0, 1_000), 12_000, 1_009), 12_000, "the window bounds what has a length");
    }

    #[tokio::test(start_paused = true)]
    async fn time_and_what_is_sent_give_back() {
        let mut frames = Frames::new((), Duration::from_secs(10));
        frames.follow(&[0; PREFACE]).unwrap();
        let ping = frame(6, 0, 8);
        frames.follow(&ping.repeat(500)).unwrap();
        advance(Duration::from_secs(2)).await;
        frames.follow(&ping.repeat(100)).unwrap();
        let _ = frames.sent(Poll::Ready(Ok(3 * CONTROL)));
        frames.follow(&ping.repeat(3)).unwrap();
        assert!(frames.follow(&ping).is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_frame_has_to_come_in_time() {
        let (near, mut far) = duplex(1_024);
        let mut frames = Frames::new(near, Duration::from_secs(10));
        let start = Instant::now();
        let trickle = async {
            loop {
                // Most of the preface, and never all of it.
                if start.elapsed() < Duration::from_secs(9) {
                    far.write_all(b"P").await.unwrap();
                }
                sleep(Duration::from_secs(1)).await;
            }
        };
        let mut bytes = Vec::new();
        let error = tokio::select! {
            read = frames.read_to_end(&mut bytes) => read.unwrap_err(),
            () = trickle => unreachable!(),
        };
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert_eq!(start.elapsed().as_secs(), 10);
    }

    #[tokio::test(start_paused = true)]
    async fn once_it_has_come_there_is_no_hurry() {
        let (near, mut far) = duplex(1_024);
        let mut frames = Frames::new(near, Duration::from_secs(10));
        far.write_all(&[&[0; PREFACE][..], &frame(4, 0, 0)].concat()).await.unwrap();
        let mut bytes = [0; PREFACE + HEAD];
        frames.read_exact(&mut bytes).await.unwrap();
        let more = tokio::time::timeout(Duration::from_mins(10), frames.read_u8());
        assert!(more.await.is_err());
    }
}
