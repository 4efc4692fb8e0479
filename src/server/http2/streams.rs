//! The tasks of a connection's streams: a stream whose client leaves no room for what waits is dropped, which resets it,
//! and its neighbours go on.
//!
//! hyper does not poll a body while it waits for room, so the clock is outside of it: around its task.

use std::{
    net::IpAddr,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use hyper::rt::Executor;
use tokio::{
    sync::watch,
    time::{Instant, Sleep, sleep},
};
use tokio_util::{sync::WaitForCancellationFutureOwned, task::TaskTracker};

use crate::unsent::Client;

tokio::task_local! {
    /// The stream of the task that runs.
    static CURRENT: Arc<Stream>;
}

/// A stream, as its task and its body see it. Nobody else does, and they run by turns.
#[derive(Debug)]
pub(super) struct Stream {
    client: Arc<Client>,
    /// True once there is an answer, which the client has to take.
    is_answered: AtomicBool,
    /// True if the body had nothing to give when it was asked last.
    is_idle: AtomicBool,
    /// The number of times that the body has given something.
    given: AtomicUsize,
}

impl Stream {
    /// A stream from an address.
    pub(super) fn new(address: Option<IpAddr>) -> Self {
        Self {
            client: Client::new(address),
            is_answered: AtomicBool::new(false),
            is_idle: AtomicBool::new(false),
            given: AtomicUsize::new(0),
        }
    }

    /// The stream whose task this is.
    pub(super) fn current() -> Arc<Self> {
        CURRENT.with(Arc::clone)
    }

    /// Its client, which may be cut for others.
    pub(super) fn client(&self) -> &Arc<Client> {
        &self.client
    }

    /// There is an answer.
    pub(super) fn is_answered(&self) {
        self.is_answered.store(true, Ordering::Relaxed);
    }

    /// The body has given something, or its end.
    pub(super) fn gives(&self) {
        self.is_idle.store(false, Ordering::Relaxed);
        self.given.fetch_add(1, Ordering::Relaxed);
    }

    /// The body has nothing to give.
    pub(super) fn has_nothing(&self) {
        self.is_idle.store(true, Ordering::Relaxed);
    }

    /// The number of times that the body has given something, if what it gave last waits for room.
    fn blocked(&self) -> Option<usize> {
        let is_blocked = self.is_answered.load(Ordering::Relaxed) && !self.is_idle.load(Ordering::Relaxed);
        is_blocked.then(|| self.given.load(Ordering::Relaxed))
    }
}

/// Gives each stream of a connection a task of its own, and counts them.
#[derive(Debug, Clone)]
pub(super) struct Streams {
    address: Option<IpAddr>,
    timeout: Duration,
    tasks: TaskTracker,
    open: watch::Sender<usize>,
}

impl Streams {
    /// Those of a connection from an address.
    pub(super) fn new(address: Option<IpAddr>, timeout: Duration, tasks: TaskTracker) -> Self {
        Self { address, timeout, tasks, open: watch::Sender::new(0) }
    }

    /// The number of streams that are open.
    pub(super) fn open(&self) -> watch::Receiver<usize> {
        self.open.subscribe()
    }
}

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for Streams {
    fn execute(&self, task: F) {
        self.open.send_modify(|count| *count += 1);
        let (stream, open) = (Arc::new(Stream::new(self.address)), Open(self.open.clone()));
        let watched = Watched { task: Box::pin(task), stream: stream.clone(), timeout: self.timeout, clock: None };
        self.tasks.spawn(CURRENT.scope(stream, async move {
            watched.await;
            drop(open);
        }));
    }
}

/// Counts a stream until it is dropped.
#[derive(Debug)]
struct Open(watch::Sender<usize>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}

/// A stream's task, which ends when what it has waits for too long.
struct Watched<F> {
    task: Pin<Box<F>>,
    stream: Arc<Stream>,
    timeout: Duration,
    /// Runs while something waits for room.
    clock: Option<WaitForRoom>,
}

/// The patience with one thing that waits.
struct WaitForRoom {
    given: usize,
    time: Pin<Box<Sleep>>,
    /// Ready once the stream is to be cut for others.
    cut: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl<F: Future<Output = ()>> Future for Watched<F> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        if this.task.as_mut().poll(cx).is_ready() {
            return Poll::Ready(());
        }
        let blocked = this.stream.blocked();
        if this.clock.as_ref().is_some_and(|clock| Some(clock.given) != blocked) {
            this.clock = None;
            this.stream.client.goes_on();
        }
        let Some(given) = blocked else { return Poll::Pending };
        let clock = this.clock.get_or_insert_with(|| {
            this.stream.client.stalls(Instant::now());
            let cut = Box::pin(this.stream.client.cut().cancelled_owned());
            WaitForRoom { given, time: Box::pin(sleep(this.timeout)), cut }
        });
        if clock.cut.as_mut().poll(cx).is_ready() {
            tracing::info!("a stalled reader is cut: others need its memory");
        } else if clock.time.as_mut().poll(cx).is_ready() {
            tracing::info!(waited = ?this.timeout, "a stalled reader is cut");
        } else {
            return Poll::Pending;
        }
        Poll::Ready(())
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, poll_fn};

    use super::*;

    const TIMEOUT: Duration = Duration::from_mins(1);

    fn watched<F: Future<Output = ()>>(stream: &Arc<Stream>, task: F) -> Watched<F> {
        Watched { task: Box::pin(task), stream: stream.clone(), timeout: TIMEOUT, clock: None }
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_finds_no_room_is_given_up() {
        let stream = Arc::new(Stream::new(None));
        stream.is_answered();
        let start = Instant::now();
        watched(&stream, pending()).await;
        assert_eq!(start.elapsed(), TIMEOUT);
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_for_the_server_is_not_cut() {
        let stream = Arc::new(Stream::new(None));
        let waiting = watched(&stream, pending());
        assert!(tokio::time::timeout(10 * TIMEOUT, waiting).await.is_err(), "there is no answer yet");
        stream.is_answered();
        stream.gives();
        stream.has_nothing();
        let waiting = watched(&stream, pending());
        assert!(tokio::time::timeout(10 * TIMEOUT, waiting).await.is_err(), "there is nothing to take");
    }

    #[tokio::test(start_paused = true)]
    async fn each_thing_that_is_taken_starts_the_clock_again() {
        let stream = Arc::new(Stream::new(None));
        stream.is_answered();
        let (mut takes, mut left) = (Box::pin(sleep(TIMEOUT / 2)), 5);
        let giving = stream.clone();
        let task = poll_fn(move |cx| {
            while left > 0 && takes.as_mut().poll(cx).is_ready() {
                giving.gives();
                takes = Box::pin(sleep(TIMEOUT / 2));
                left -= 1;
            }
            Poll::Pending
        });
        let start = Instant::now();
        watched(&stream, task).await;
        assert_eq!(start.elapsed(), 5 * TIMEOUT / 2 + TIMEOUT);
    }

    #[tokio::test(start_paused = true)]
    async fn who_stalls_is_cut_for_others() {
        let stream = Arc::new(Stream::new(None));
        stream.is_answered();
        let start = Instant::now();
        stream.client.cut().cancel();
        watched(&stream, pending()).await;
        assert!(start.elapsed().is_zero());
    }
}
