//! Writes the lines of the log, however long that takes, and says how many were dropped meanwhile.

use std::{
    fs::File,
    io::{ErrorKind, Result, Write},
    time::Duration,
};

use tracing::dispatcher;

use super::queue::Queue;

/// The name under which the log says something of itself.
pub(super) const TARGET: &str = module_path!();
/// The pause after an error: a full disk has no way to say that there is room again.
const RETRY: Duration = Duration::from_millis(200);

/// Writes what comes, until the queue is closed and all is written, or can't be.
pub(super) fn run(queue: &Queue, mut output: Output) {
    let mut lines = Vec::new();
    while queue.take(&mut lines) {
        let mut is_last = false;
        while output.write(&lines).is_err() {
            if is_last {
                return queue.abandon();
            }
            is_last = queue.pause(RETRY);
        }
        let dropped = queue.take_dropped();
        if dropped == 0 {
        } else if dispatcher::has_been_set() {
            tracing::warn!(dropped, "lines of the log were dropped: they could not be written fast enough, or at all");
        } else {
            queue.push(format!("warning: {dropped} lines were dropped here\n").as_bytes(), super::OWN_ROOM);
        }
    }
}

/// The log's destination. What could not be written is tried again from where it stopped.
#[derive(Debug)]
pub(super) struct Output {
    file: File,
    /// Bytes of the lines in hand that have been written.
    written: usize,
    stopped: Option<Stopped>,
}

/// The state in which writing stopped.
#[derive(Debug)]
struct Stopped {
    /// True if the output was written for a reader that has left.
    is_unread: bool,
    /// The length of the file then.
    length: u64,
}

impl Output {
    /// Writes to a file, a pipe, a terminal.
    pub(super) fn new(file: File) -> Self {
        Self { file, written: 0, stopped: None }
    }

    /// Writes all of the lines, or is to be called again with the same.
    fn write(&mut self, lines: &[u8]) -> Result<()> {
        if let Some(stopped) = &self.stopped {
            let length = self.length();
            // Otherwise the rest of the line would stand alone, as where a full disk's log was emptied.
            if stopped.is_unread || stopped.length != length {
                let line = lines[..self.written].iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
                if self.written > line && length > 0 {
                    self.file.write_all(b"\n")?;
                }
                self.written = line;
            }
            self.stopped = None;
        }
        while self.written < lines.len() {
            match self.file.write(&lines[self.written..]) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(count) => self.written += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => {
                    let is_unread = error.kind() == ErrorKind::BrokenPipe;
                    self.stopped = Some(Stopped { is_unread, length: self.length() });
                    return Err(error);
                }
            }
        }
        self.written = 0;
        Ok(())
    }

    /// The length of a file; 0 for what has none.
    fn length(&self) -> u64 {
        self.file.metadata().map_or(0, |data| data.len())
    }
}
