//! The names that sites have: origins, hosts, and which of them are this machine's.

use std::{
    net::{Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

/// An origin as browsers write it: scheme, host, and port unless it is the scheme's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin(String);

impl Origin {
    /// As browsers write it in the `Origin` header.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its host and port.
    #[must_use]
    pub fn authority(&self) -> Option<Authority> {
        Authority::parse(self.0.split_once("://")?.1)
    }
}

impl FromStr for Origin {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refuse = || "has to be a scheme and a host without a path, as in https://example.org".to_owned();
        let url = url::Url::parse(text).map_err(|_| refuse())?;
        let origin = url.origin();
        let is_bare =
            url.path() == "/" && url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
        if origin.is_tuple() && matches!(url.scheme(), "http" | "https") && is_bare {
            Ok(Self(origin.ascii_serialization()))
        } else {
            Err(refuse())
        }
    }
}

/// The name of a host, without a port: in lower case, international ones as browsers send them (`xn--…`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostName(String);

impl HostName {
    /// As browsers write it in the `Host` header, without the port.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for HostName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refuse = || "has to be the name of a host without scheme and port, as in chat.example.org".to_owned();
        match url::Host::parse(text.trim().trim_end_matches('.')) {
            Ok(url::Host::Domain(name)) if Authority::parse(&name).is_some() => Ok(Self(name)),
            _ => Err(refuse()),
        }
    }
}

/// A host with or without a port, as a `Host` header has it (RFC 9110, 7.2), parsed strictly: what a lenient
/// parser takes for a name of this machine may be a name of somebody else's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authority {
    host: Host,
    port: Option<u16>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Host {
    /// In lower case, without the root's dot.
    Name(String),
    V4(Ipv4Addr),
    V6(Ipv6Addr),
}

impl Authority {
    /// Parses a host with an optional port; anything else is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (host, rest) = if let Some(bracketed) = text.strip_prefix('[') {
            let (address, rest) = bracketed.split_once(']')?;
            (Host::V6(address.parse().ok()?), rest)
        } else {
            let end = text.find(':').unwrap_or(text.len());
            (Host::parse(&text[..end])?, &text[end..])
        };
        let port = match rest.strip_prefix(':') {
            // RFC 3986, 3.2.3: the port may be empty.
            Some("") => None,
            Some(port) if port.bytes().all(|byte| byte.is_ascii_digit()) => Some(port.parse().ok()?),
            None if rest.is_empty() => None,
            _ => return None,
        };
        Some(Self { host, port })
    }

    /// Returns true if both are the same host on the same port, where `default` is the port that need not be written.
    #[must_use]
    pub fn is_same(&self, other: &Self, default: u16) -> bool {
        self.host == other.host && self.port.unwrap_or(default) == other.port.unwrap_or(default)
    }

    /// Returns true if it is that host, on any port.
    #[must_use]
    pub fn is_host(&self, name: &HostName) -> bool {
        matches!(&self.host, Host::Name(own) if own == name.as_str())
    }

    /// Returns true if it is the other's host, on any port.
    #[must_use]
    pub fn is_host_of(&self, other: &Self) -> bool {
        self.host == other.host
    }

    /// Returns true if it is an address rather than a name: nobody can make one point elsewhere.
    #[must_use]
    pub fn is_address(&self) -> bool {
        !matches!(self.host, Host::Name(_))
    }

    /// Returns true if it is this machine.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        match &self.host {
            // RFC 6761, 6.3: every name under `localhost` is loopback.
            Host::Name(name) => name == "localhost" || name.ends_with(".localhost"),
            Host::V4(address) => address.is_loopback(),
            Host::V6(address) => address.to_canonical().is_loopback(),
        }
    }
}

impl Host {
    fn parse(text: &str) -> Option<Self> {
        if let Ok(address) = text.parse() {
            return Some(Self::V4(address));
        }
        let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
        let is_label = |label: &str| {
            !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        };
        name.split('.').all(is_label).then_some(Self::Name(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_has_many_names_and_many_names_only_look_like_one() {
        let is_loopback = |host: &str| Authority::parse(host).is_some_and(|host| host.is_loopback());
        for host in [
            "localhost",
            "LOCALHOST:3000",
            "localhost.",
            "a.localhost",
            "127.0.0.1",
            "127.9.9.9:80",
            "[::1]:3000",
            "[::1]",
            "[::ffff:127.0.0.1]",
            "localhost:",
        ] {
            assert!(is_loopback(host), "{host}");
        }
        for host in [
            "",
            ":3000",
            "example.org",
            "localhost.example.org:3000",
            "10.0.0.1",
            "[2001:db8::1]:3000",
            "127.0.0.1.nip.io",
            "localhost:1.evil.com",
            "127.0.0.1:1.evil.com",
            "[::1].evil.com",
            "[::1]evil.com:80",
            "[localhost]",
            "[127.0.0.1]",
            "::1",
            "localhost:80:80",
            "localhost:+80",
            "localhost:99999",
            "localhost..",
            "user@localhost",
            "localhost/",
            "localhost ",
            "127.0.0.1#evil.com",
        ] {
            assert!(!is_loopback(host), "{host}");
        }
    }

    #[test]
    fn a_host_is_a_name_and_nothing_else() {
        for (given, name) in [
            ("chat.example.org", "chat.example.org"),
            ("Chat.Example.org.", "chat.example.org"),
            ("ütf.example", "xn--tf-wka.example"),
        ] {
            assert_eq!(given.parse::<HostName>().unwrap().as_str(), name);
        }
        for bad in
            ["", "https://chat.example.org", "chat.example.org:443", "10.0.0.1", "[::1]", "*", "a b", "*.example.org"]
        {
            assert!(bad.parse::<HostName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn an_origin_has_no_path() {
        assert_eq!("https://Chat.example.org:443/".parse::<Origin>().unwrap().as_str(), "https://chat.example.org");
        for bad in
            ["chat.example.org", "https://chat.example.org/parlor", "ftp://a.example", "https://u@a.example", "null"]
        {
            assert!(bad.parse::<Origin>().is_err(), "{bad}");
        }
    }
}
