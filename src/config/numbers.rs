//! Numbers as settings have them, refused in words that say what would do.

use std::{fmt::Display, ops::RangeInclusive, str::FromStr};

/// A parser of whole numbers of a range.
pub fn whole<N: FromStr + PartialOrd + Display + Clone>(
    range: RangeInclusive<N>,
) -> impl Fn(&str) -> Result<N, String> + Clone {
    move |text| {
        let number = text.parse().ok().filter(|number| range.contains(number));
        number.ok_or_else(|| format!("has to be a whole number from {} to {}", range.start(), range.end()))
    }
}
