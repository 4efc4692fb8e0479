//! Signals: to end, and to read files again.

use std::{fs::File, io::Result};

use tokio::signal::unix::{Signal, SignalKind, signal};

/// The meaning of a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// To end.
    Stop,
    /// To read again what files say that may change while it runs.
    Reread,
}

/// The signals to this process.
#[derive(Debug)]
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
    /// True if the process was started at a terminal, whose end is a hangup too.
    has_terminal: bool,
}

impl Signals {
    /// Listens for them from now on: none of them ends the process by itself any more.
    ///
    /// # Errors
    /// The system's.
    pub fn listen() -> Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
            has_terminal: has_terminal(),
        })
    }

    /// The next one. `SIGHUP` is for both: a terminal that is closed sends it to what runs there, which is to end.
    pub async fn next(&mut self) -> Told {
        tokio::select! {
            _ = self.terminate.recv() => Told::Stop,
            _ = self.interrupt.recv() => Told::Stop,
            _ = self.hangup.recv() => if self.has_terminal && !has_terminal() { Told::Stop } else { Told::Reread },
        }
    }
}

/// Returns true if the process has a terminal that is still there (tty(4): the file is this process's own terminal).
fn has_terminal() -> bool {
    File::open("/dev/tty").is_ok()
}
