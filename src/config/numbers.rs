//! Numbers as settings have them, refused in words that say what would do.

use std::{fmt::Display, net::IpAddr, ops::RangeInclusive, str::FromStr};

use ipnet::IpNet;

/// A parser of whole numbers of a range.
pub fn whole<N: FromStr + PartialOrd + Display + Clone>(
    range: RangeInclusive<N>,
) -> impl Fn(&str) -> Result<N, String> + Clone {
    move |text| {
        let number = text.parse().ok().filter(|number| range.contains(number));
        number.ok_or_else(|| format!("has to be a whole number from {} to {}", range.start(), range.end()))
    }
}

/// A network, or one address alone.
///
/// # Errors
/// The form that it has to have.
pub fn network(text: &str) -> Result<IpNet, String> {
    let text = text.trim();
    let alone = text.parse::<IpAddr>().map(|address| IpNet::from(address.to_canonical()));
    let refused = "has to be a network or an IP address, such as 10.0.0.0/8, 2001:db8::/32 or 192.0.2.7";
    alone.or_else(|_| text.parse()).map_err(|_| refused.to_owned())
}
