//! Settings that are on or off.

use clap::ValueEnum;

/// A setting that is on or off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Switch {
    /// It is on.
    On,
    /// It is off.
    Off,
}

impl Switch {
    /// Returns true if it is on.
    #[must_use]
    pub fn is_on(self) -> bool {
        self == Self::On
    }
}
