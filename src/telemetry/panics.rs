//! Panics, told through the log: what Rust would do by itself waits for standard error.

use std::{
    backtrace::{Backtrace, BacktraceStatus},
    panic,
    sync::Arc,
    thread,
};

use tracing::dispatcher;

use super::queue::Queue;

/// Has every panic told from now on: by the log, or as it stands where none is started.
pub(super) fn tell(queue: Arc<Queue>) {
    panic::set_hook(Box::new(move |info| {
        let thread = thread::current();
        let thread = thread.name().unwrap_or("(no name)");
        let at = info.location().map(ToString::to_string).unwrap_or_default();
        let why = info.payload_as_str().unwrap_or("(no text)");
        // Taken if `RUST_BACKTRACE` asks for it.
        let trace = Backtrace::capture();
        let trace = (trace.status() == BacktraceStatus::Captured).then(|| trace.to_string());
        if dispatcher::has_been_set() {
            tracing::error!(thread, at, why, trace, "a thread panicked");
        } else {
            let trace = trace.unwrap_or_default();
            queue.push(format!("error: the thread {thread} panicked at {at}: {why}\n{trace}").as_bytes(), 0);
        }
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_told_without_standard_error() {
        let queue = Arc::new(Queue::new(1_024 * 1_024));
        let before = panic::take_hook();
        tell(queue.clone());
        let panicking = thread::Builder::new().name("a test's".to_owned()).spawn(|| panic!("the sky falls")).unwrap();
        assert!(panicking.join().is_err());
        panic::set_hook(before);
        let mut lines = Vec::new();
        assert!(queue.take(&mut lines));
        let lines = String::from_utf8(lines).unwrap();
        let told = format!("error: the thread a test's panicked at {}:", file!());
        assert!(lines.contains(&told) && lines.contains(": the sky falls\n"), "{lines}");
    }
}
