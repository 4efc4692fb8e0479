//! Networks: the addresses that one customer of a provider has, so that who changes the address is still the same.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A network: an IPv4 address's first 24 bits, or an IPv6 address's first 64; absent for a Unix socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Network(Option<IpAddr>);

impl From<Option<IpAddr>> for Network {
    fn from(address: Option<IpAddr>) -> Self {
        Self(address.map(|address| match address.to_canonical() {
            IpAddr::V4(v4) => Ipv4Addr::from_bits(v4.to_bits() & !0xff).into(),
            IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX)).into(),
        }))
    }
}

/// An address in words.
#[must_use]
pub fn shown(address: Option<IpAddr>) -> String {
    address.map_or_else(|| "unix".to_owned(), |address| address.to_canonical().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(text: &str) -> Network {
        Some(text.parse::<IpAddr>().unwrap()).into()
    }

    #[test]
    fn an_address_is_shown_as_people_know_it() {
        assert_eq!(shown("::ffff:192.0.2.9".parse().ok()), "192.0.2.9");
        assert_eq!(shown(None), "unix");
    }

    #[test]
    fn addresses_of_one_customer_are_one_network() {
        assert_eq!(network("192.0.2.1"), network("192.0.2.254"));
        assert_eq!(network("192.0.2.1"), network("::ffff:192.0.2.9"));
        assert_ne!(network("192.0.2.1"), network("192.0.3.1"));
        assert_eq!(network("2001:db8:0:1::1"), network("2001:db8:0:1:ffff::9"));
        assert_ne!(network("2001:db8:0:1::1"), network("2001:db8:0:2::1"));
    }
}
