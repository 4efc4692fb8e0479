//! Whole numbers within bounds.

use serde::{Deserialize, Deserializer, de::Error as _};

/// A whole number from one bound to the other, both included. Whatever else is given is told both.
#[derive(Debug, Clone, Copy)]
pub struct Whole<const LEAST: u64, const MOST: u64>(u64);

impl<const LEAST: u64, const MOST: u64> Whole<LEAST, MOST> {
    /// The number.
    #[must_use]
    pub fn number(self) -> u64 {
        self.0
    }

    /// The number that is given, or else the default.
    #[must_use]
    pub fn or(given: Option<Self>, default: u64) -> u64 {
        given.map_or(default, |Self(number)| number)
    }

    /// The same of a number of things.
    #[must_use]
    pub fn count_or(given: Option<Self>, default: u64) -> usize {
        usize::try_from(Self::or(given, default)).unwrap_or(usize::MAX)
    }
}

impl<'de, const LEAST: u64, const MOST: u64> Deserialize<'de> for Whole<LEAST, MOST> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = u64::deserialize(deserializer).ok().filter(|number| (LEAST..=MOST).contains(number));
        number
            .map(Self)
            .ok_or_else(|| D::Error::custom(format_args!("has to be a whole number from {LEAST} to {MOST}")))
    }
}
