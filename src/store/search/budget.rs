//! The budget of one search: the processor's time that it may take, its own and the database's.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use rustix::time::{ClockId, clock_gettime};

/// The bounds of all searches. Their source: what one search takes where it finds at once is below 2 ms, and
/// nobody waits longer than a second for words to appear while they type.
#[derive(Debug, Clone, Copy)]
pub struct SearchLimits {
    /// The processor's time that one takes, the time of a database that is a file included.
    pub cpu: Duration,
    /// The part of it that passes before the budget is looked at, and whether anybody still waits.
    pub slice: Duration,
    /// The time that a database server works for one. Measured by the wall clock, which other load lengthens too.
    pub database: Duration,
    /// The number made at once.
    pub at_once: usize,
    /// The number that wait for one of those to end; more are refused at once.
    pub waiting: usize,
    /// The time they wait.
    pub wait: Duration,
}

impl Default for SearchLimits {
    fn default() -> Self {
        // Each at once has a connection of its own, so the most are as many as other readers have.
        const MOST_AT_ONCE: usize = 8;
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self {
            cpu: Duration::from_millis(200),
            slice: Duration::from_millis(2),
            database: Duration::from_secs(1),
            at_once: (cores / 2).clamp(1, MOST_AT_ONCE),
            waiting: 16,
            wait: Duration::from_secs(1),
        }
    }
}

/// The time that the search of a connection has taken so far, and the time it may take. A database that is a file adds
/// to it while it works, and stops when it is told to.
#[derive(Debug)]
pub(in crate::store) struct Meter {
    spent: AtomicU64,
    limit: AtomicU64,
    /// The time that a database server was waited for.
    waited: AtomicU64,
}

impl Default for Meter {
    /// Nothing is spent, and nothing stops.
    fn default() -> Self {
        Self { spent: AtomicU64::new(0), limit: AtomicU64::new(u64::MAX), waited: AtomicU64::new(0) }
    }
}

impl Meter {
    /// Begins a search: nothing is spent.
    pub(super) fn begin(&self) {
        self.spent.store(0, Ordering::Relaxed);
        self.waited.store(0, Ordering::Relaxed);
        self.never_stop();
    }

    /// Adds what was spent.
    pub(super) fn add(&self, time: Duration) {
        self.spent.fetch_add(nanos(time), Ordering::Relaxed);
    }

    /// The time spent.
    pub(super) fn spent(&self) -> Duration {
        Duration::from_nanos(self.spent.load(Ordering::Relaxed))
    }

    /// Adds a time for which a database server was waited for.
    pub(super) fn wait(&self, time: Duration) {
        self.waited.fetch_add(nanos(time), Ordering::Relaxed);
    }

    /// The time that a database server was waited for.
    pub(super) fn waited(&self) -> Duration {
        Duration::from_nanos(self.waited.load(Ordering::Relaxed))
    }

    /// From now on the database stops once so much is spent in all.
    pub(super) fn stop_at(&self, limit: Duration) {
        self.limit.store(nanos(limit), Ordering::Relaxed);
    }

    /// From now on the database does not stop.
    pub(super) fn never_stop(&self) {
        self.limit.store(u64::MAX, Ordering::Relaxed);
    }

    /// The function that a database that is a file calls every now and then on the thread that works: false stops it.
    pub(in crate::store) fn handler(self: Arc<Self>) -> impl FnMut() -> bool + Send + 'static {
        // The thread works for this connection alone, and takes no time while it does not.
        let mut last: Option<CpuTimer> = None;
        move || {
            if let Some(before) = last.replace(CpuTimer::start()) {
                self.add(before.elapsed());
            }
            self.spent.load(Ordering::Relaxed) < self.limit.load(Ordering::Relaxed)
        }
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// Measures for how long the processor works for this thread: a machine that is busy with others does not
/// lengthen it.
#[derive(Debug, Clone, Copy)]
pub(super) struct CpuTimer(Duration);

impl CpuTimer {
    pub(super) fn start() -> Self {
        Self(cpu_time())
    }

    /// The time it has worked since.
    pub(super) fn elapsed(self) -> Duration {
        cpu_time().saturating_sub(self.0)
    }
}

fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Works for so long.
    fn work(time: Duration) {
        let timer = CpuTimer::start();
        while timer.elapsed() < time {}
    }

    #[test]
    fn a_search_has_slices_of_two_milliseconds_and_half_the_cores() {
        let limits = SearchLimits::default();
        let cores = std::thread::available_parallelism().unwrap().get();
        assert_eq!((limits.slice, limits.cpu), (Duration::from_millis(2), Duration::from_millis(200)));
        assert!(limits.at_once == 1 || limits.at_once <= cores / 2, "{limits:?}");
        assert_eq!((limits.waiting, limits.wait), (16, Duration::from_secs(1)));
    }

    #[test]
    fn only_the_processors_time_is_counted() {
        let timer = CpuTimer::start();
        std::thread::sleep(Duration::from_millis(20));
        assert!(timer.elapsed() < Duration::from_millis(10), "it slept");
    }

    #[test]
    fn a_handler_counts_from_its_second_call_and_stops_at_the_limit() {
        let meter = Arc::new(Meter::default());
        let mut go_on = meter.clone().handler();
        meter.begin();
        work(Duration::from_millis(5));
        assert!(go_on(), "never stops by itself");
        assert_eq!(meter.spent(), Duration::ZERO);
        work(Duration::from_millis(5));
        assert!(go_on());
        assert!(meter.spent() >= Duration::from_millis(5));
        meter.stop_at(Duration::from_millis(10));
        work(Duration::from_millis(6));
        assert!(!go_on());
        meter.never_stop();
        assert!(go_on());
        meter.begin();
        assert_eq!(meter.spent(), Duration::ZERO);
    }
}
