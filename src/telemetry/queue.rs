//! The lines of the log that are not written yet: bounded by bytes, and nobody who adds one waits.

use std::{
    mem,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// A larger buffer is given back once it is written.
const KEPT: usize = 64 * 1024;
/// The time that lines gather in before they are written: a thread woken for each of 10,000 lines a second costs more
/// than the lines do.
const GATHERING: Duration = Duration::from_millis(10);
/// The bytes that are written at once, without gathering more.
const ENOUGH: usize = 16 * 1024;

/// Lines on their way from many threads to one.
#[derive(Debug)]
pub(super) struct Queue {
    most: usize,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    waiting: Vec<u8>,
    dropped: u64,
    writer: Writer,
    is_closing: bool,
    /// The writer gave up on what was left.
    is_abandoned: bool,
}

/// The state of the thread that writes.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Writer {
    /// It writes what it took.
    #[default]
    Writing,
    /// It waits for lines: nothing of what it took is under way.
    Idle,
    /// It waits for more lines than there are.
    Gathering,
}

impl Queue {
    /// A queue of at most so many bytes.
    pub(super) fn new(most: usize) -> Self {
        Self { most, state: Mutex::default(), changed: Condvar::new() }
    }

    /// Adds a line, or counts it as dropped if neither the bound nor `more_room` beyond it leaves room.
    pub(super) fn push(&self, line: &[u8], more_room: usize) {
        let mut state = self.state();
        if state.waiting.len() + line.len() > self.most + more_room {
            state.dropped += 1;
            return;
        }
        state.waiting.extend_from_slice(line);
        let is_due = match state.writer {
            Writer::Writing => false,
            Writer::Idle => true,
            Writer::Gathering => state.waiting.len() >= ENOUGH,
        };
        if is_due {
            state.writer = Writer::Writing;
            self.changed.notify_all();
        }
    }

    /// Waits for lines and a moment for more, and moves all there are into the buffer, in place of what it had; false
    /// once the queue is closed and empty.
    pub(super) fn take(&self, lines: &mut Vec<u8>) -> bool {
        lines.clear();
        if lines.capacity() > KEPT {
            *lines = Vec::new();
        }
        let mut state = self.state();
        while state.waiting.is_empty() {
            state.writer = Writer::Idle;
            if state.is_closing {
                self.changed.notify_all();
                return false;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.waiting.len() < ENOUGH {
            state.writer = Writer::Gathering;
            let more = |state: &mut State| state.writer == Writer::Gathering && !state.is_closing;
            state = self.changed.wait_timeout_while(state, GATHERING, more).unwrap_or_else(PoisonError::into_inner).0;
        }
        state.writer = Writer::Writing;
        mem::swap(&mut state.waiting, lines);
        true
    }

    /// The number of lines dropped since it was last asked.
    pub(super) fn take_dropped(&self) -> u64 {
        mem::take(&mut self.state().dropped)
    }

    /// Waits, though not once the queue is closed; returns true if it is.
    pub(super) fn pause(&self, time: Duration) -> bool {
        let end = Instant::now() + time;
        let mut state = self.state();
        while !state.is_closing {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    /// Gives up on what is left: nobody waits for it any more.
    pub(super) fn abandon(&self) {
        self.state().is_abandoned = true;
        self.changed.notify_all();
    }

    /// Closes the queue, and waits so long at most until all of it is written or given up.
    pub(super) fn close(&self, patience: Duration) {
        let mut state = self.state();
        state.is_closing = true;
        self.changed.notify_all();
        let end = Instant::now() + patience;
        while !(state.is_abandoned || state.writer == Writer::Idle && state.waiting.is_empty()) {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// A panic in here leaves nothing half done: there is none that could.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, thread};

    use super::*;

    #[test]
    fn what_has_no_room_is_counted_until_it_is_told() {
        let queue = Queue::new(10);
        for line in ["12345\n", "1234\n", "123\n"] {
            queue.push(line.as_bytes(), 0);
        }
        queue.push(b"own\n", 4);
        assert_eq!((queue.take_dropped(), queue.take_dropped()), (1, 0));
        let mut lines = Vec::new();
        assert!(queue.take(&mut lines));
        assert_eq!(lines, b"12345\n123\nown\n");
        queue.push(b"a line that never fits\n", 0);
        assert_eq!(queue.take_dropped(), 1);
    }

    #[test]
    fn the_end_waits_until_all_is_written_and_no_longer_than_told() {
        const LONG: Duration = Duration::from_mins(10);
        let queue = Arc::new(Queue::new(1_024));
        queue.push(b"not taken\n", 0);
        let patience = Duration::from_millis(20);
        let start = Instant::now();
        queue.close(patience);
        assert!(start.elapsed() >= patience);

        let taking = queue.clone();
        let writer = thread::spawn(move || {
            let (mut lines, mut written) = (Vec::new(), Vec::new());
            while taking.take(&mut lines) {
                written.extend_from_slice(&lines);
            }
            written
        });
        queue.close(LONG);
        assert_eq!(writer.join().unwrap(), b"not taken\n");

        queue.push(b"given up\n", 0);
        assert!(queue.pause(LONG), "nothing pauses any more");
        queue.abandon();
        queue.close(LONG);
    }
}
