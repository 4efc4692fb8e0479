//! The log, written to standard error and never in the way.
//!
//! Whoever logs puts a line into a bounded queue and goes on; a thread of its own writes them. A log
//! that is full, slow, closed or gone costs lines, which are counted, but no request and no end.
//! `tracing-appender` has a thread too, but bounds its queue by lines and not by bytes, and loses
//! what it could not write without a word.

use std::{
    io::{IsTerminal, Result as IoResult, Write, stderr},
    os::fd::AsFd,
    sync::Arc,
    thread,
    time::Duration,
};

use tracing::Metadata;
use tracing_subscriber::{EnvFilter, fmt, fmt::MakeWriter};

mod output;
mod panics;
mod queue;

use crate::config::LogFormat;
use output::Output;
use queue::Queue;

/// The most bytes of lines that wait; as many again are being written.
const MOST_WAITING: usize = 512 * 1024;
/// Room beyond that for what the log says of itself, a line at a time.
const OWN_ROOM: usize = 4 * 1024;
/// The longest wait at the end of the process for what is not written yet.
const PATIENCE: Duration = Duration::from_millis(250);

/// The log's way out. When it is dropped, it waits up to 250 ms for what is not written yet.
#[derive(Debug)]
pub struct Log {
    queue: Arc<Queue>,
}

impl Log {
    /// Opens standard error, and has panics told through it.
    ///
    /// # Errors
    /// Those of duplicating a descriptor and of starting a thread.
    pub fn open() -> IoResult<Self> {
        let queue = Arc::new(Queue::new(MOST_WAITING));
        let output = Output::new(stderr().as_fd().try_clone_to_owned()?.into());
        let lines = queue.clone();
        thread::Builder::new().name("log".to_owned()).spawn(move || output::run(&lines, output))?;
        panics::tell(queue.clone());
        Ok(Self { queue })
    }

    /// Says something to people, as it stands.
    pub fn say(&self, text: &str) {
        self.queue.push(format!("{text}\n").as_bytes(), 0);
    }

    /// Starts to log what `filter` lets pass.
    ///
    /// # Errors
    /// The words for why `filter` is none.
    pub fn start(&self, format: LogFormat, filter: &str) -> Result<(), String> {
        // What the log says of itself passes always.
        let own = format!("{}=warn", module_path!()).parse().map_err(|error| format!("--log: {error}"))?;
        let filter = EnvFilter::try_new(filter).map_err(|error| format!("--log {filter}: {error}"))?;
        let log = fmt()
            .with_env_filter(filter.add_directive(own))
            .with_writer(Lines(self.queue.clone()))
            // They would be printed, which panics where standard error is gone.
            .log_internal_errors(false);
        let started = match format {
            LogFormat::Text => log.with_ansi(stderr().is_terminal()).try_init(),
            LogFormat::Json => log.json().flatten_event(true).try_init(),
        };
        started.map_err(|error| error.to_string())
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        self.queue.close(PATIENCE);
    }
}

/// Makes a writer for each line.
#[derive(Debug)]
struct Lines(Arc<Queue>);

/// Puts a line, which is written to it in one call, into the queue.
#[derive(Debug)]
struct Line<'a> {
    queue: &'a Queue,
    more_room: usize,
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        Line { queue: &self.0, more_room: 0 }
    }

    fn make_writer_for(&'a self, event: &Metadata<'_>) -> Line<'a> {
        let more_room = if event.target() == output::TARGET { OWN_ROOM } else { 0 };
        Line { queue: &self.0, more_room }
    }
}

impl Write for Line<'_> {
    fn write(&mut self, line: &[u8]) -> IoResult<usize> {
        self.queue.push(line, self.more_room);
        Ok(line.len())
    }

    fn flush(&mut self) -> IoResult<()> {
        Ok(())
    }
}
