//! Numbers and addresses as settings have them, refused in words that say what would do.

use std::{fmt::Display, net::SocketAddr, ops::RangeInclusive, str::FromStr};

/// A parser of whole numbers of a range.
pub fn whole<N: FromStr + PartialOrd + Display + Clone>(
    range: RangeInclusive<N>,
) -> impl Fn(&str) -> Result<N, String> + Clone {
    move |text| {
        let number = text.parse().ok().filter(|number| range.contains(number));
        number.ok_or_else(|| format!("has to be a whole number from {} to {}", range.start(), range.end()))
    }
}

/// An address to listen on.
///
/// # Errors
/// The form that it has to have.
pub fn address(text: &str) -> Result<SocketAddr, String> {
    let refused = "has to be an IP address and a port, such as 127.0.0.1:3000, 0.0.0.0:3000 or [::1]:3000";
    text.parse().map_err(|_| refused.to_owned())
}
