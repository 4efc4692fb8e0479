//! The address of a client behind proxies: what a header says of it, as far as the proxies that wrote it are trusted.

use std::{
    net::{IpAddr, Ipv6Addr},
    sync::atomic::{AtomicBool, Ordering},
};

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, HeaderName, header, request::Parts},
};
use ipnet::IpNet;

use super::problem::Problem;
use crate::config::{ClientHeader, Config};

/// The items of a header that are looked at, from the last on. Nobody who means well writes more.
const MOST_ITEMS: usize = 32;
/// The header that most proxies write.
const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The address of whoever sent a request; absent if that is a process of this machine by a Unix socket that says no
/// more of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientAddress(pub Option<IpAddr>);

impl<S: Send + Sync> FromRequestParts<S> for ClientAddress {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        let sender = parts.extensions.get::<Sender>();
        let address = sender.map(|sender| Self(sender.address));
        address.ok_or_else(|| Problem::internal(format!("{} is served to nobody in particular", parts.uri.path())))
    }
}

/// Whoever sent a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sender {
    /// The address, as [`ClientAddress`] has it.
    pub address: Option<IpAddr>,
    /// True if nobody else is behind the address, as far as headers tell.
    pub is_own: bool,
}

/// The proxies whose header is believed, and the header.
#[derive(Debug)]
pub struct Trust {
    proxies: Vec<IpNet>,
    /// The header in which they write whom they pass on. Another one may come from the client itself: a proxy passes on
    /// what it does not write.
    header: ClientHeader,
    has_warned: AtomicBool,
}

impl Trust {
    /// The trust that the settings have.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        Self {
            proxies: config.trusted_proxies.clone(),
            header: config.client_header,
            has_warned: AtomicBool::new(false),
        }
    }

    /// Returns true if this is the address of a trusted proxy. Whoever comes by a Unix socket has been let in by its mode.
    #[must_use]
    pub fn is_proxy(&self, address: Option<IpAddr>) -> bool {
        let Some(address) = address.map(|address| address.to_canonical()) else { return true };
        self.proxies.iter().any(|network| network.contains(&address))
    }

    /// The address of the client of a request that came from `peer`, absent for a Unix socket: the last one that no
    /// trusted proxy has. What can't be read ends the search at the proxy that wrote it.
    #[must_use]
    pub fn client(&self, peer: Option<IpAddr>, headers: &HeaderMap) -> Option<IpAddr> {
        let mut client = peer.map(|peer| peer.to_canonical());
        if !self.is_proxy(client) {
            return client;
        }
        let items = match self.header {
            ClientHeader::None => return client,
            ClientHeader::XForwardedFor => {
                joined(headers, &X_FORWARDED_FOR).rsplit(',').map(address).take(MOST_ITEMS).collect()
            }
            ClientHeader::Forwarded => forwarded(&joined(headers, &header::FORWARDED)),
        };
        for item in items {
            let Some(address) = item else { break };
            client = Some(address);
            if !self.is_proxy(client) {
                break;
            }
        }
        client
    }

    /// The sender of a request that came from `peer`. A proxy that is not trusted passes others on, and one on this
    /// machine would be taken for the machine itself.
    #[must_use]
    pub fn sender(&self, peer: Option<IpAddr>, headers: &HeaderMap) -> Sender {
        let address = self.client(peer, headers);
        let is_passed_on = headers.keys().any(|name| says_who_is_passed_on(name) || *name == header::VIA);
        let is_remote = address.is_some_and(|address| !address.is_loopback());
        let is_believed = !is_passed_on || (self.is_proxy(peer) && is_remote);
        Sender { address, is_own: is_believed && !self.is_proxy(address) }
    }

    /// Warns once of headers that come from a proxy which is not trusted, or from a client that makes them up.
    pub fn warn_of_untrusted(&self, peer: Option<IpAddr>, headers: &HeaderMap) {
        if self.is_proxy(peer) || self.has_warned.load(Ordering::Relaxed) {
            return;
        }
        if let Some(header) = headers.keys().find(|name| says_who_is_passed_on(name))
            && !self.has_warned.swap(true, Ordering::Relaxed)
        {
            tracing::warn!(
                peer = peer.map(tracing::field::display),
                %header,
                "a header of a proxy is not believed: if a proxy of yours has this address, name it in --trusted-proxies"
            );
        }
    }
}

/// Returns true for the headers by which a proxy tells of the client.
fn says_who_is_passed_on(name: &HeaderName) -> bool {
    *name == header::FORWARDED || name.as_str().starts_with("x-forwarded-")
}

/// The lines of a header as one list (RFC 9110, 5.3).
fn joined(headers: &HeaderMap, name: &HeaderName) -> String {
    let lines = headers.get_all(name).into_iter().map(|value| String::from_utf8_lossy(value.as_bytes()));
    lines.collect::<Vec<_>>().join(",")
}

/// The addresses that the elements of `Forwarded` are for, the last one first (RFC 7239, 4).
fn forwarded(text: &str) -> Vec<Option<IpAddr>> {
    let (mut addresses, mut rest) = (Vec::new(), Some(text));
    while let Some(text) = rest.filter(|_| addresses.len() < MOST_ITEMS) {
        let (before, element) = last_part(text, ',');
        addresses.push(forwarded_for(element));
        rest = before;
    }
    addresses
}

/// The last part of a text between separators, and what stands before it. Read from the right, where the proxies write
/// that are trusted: a quote that a client opens and never closes swallows none of theirs.
fn last_part(text: &str, separator: char) -> (Option<&str>, &str) {
    let mut is_quoted = false;
    for (at, letter) in text.char_indices().rev() {
        let escapes = text[..at].bytes().rev().take_while(|byte| *byte == b'\\').count();
        match letter {
            '"' if escapes % 2 == 0 => is_quoted = !is_quoted,
            letter if letter == separator && !is_quoted => return (Some(&text[..at]), &text[at + 1..]),
            _ => {}
        }
    }
    (None, text)
}

/// The address that an element of `Forwarded` is for (RFC 7239, 5.2).
fn forwarded_for(element: &str) -> Option<IpAddr> {
    let (mut node, mut rest) = (None, Some(element));
    while let Some(text) = rest {
        let (before, pair) = last_part(text, ';');
        rest = before;
        if let Some((name, value)) = pair.split_once('=')
            && name.trim().eq_ignore_ascii_case("for")
        {
            // Which of two is meant would be a guess.
            if node.replace(value).is_some() {
                return None;
            }
        }
    }
    address(node?)
}

/// The address of a node, with or without quotes, brackets and a port; absent for `unknown` and for names.
fn address(node: &str) -> Option<IpAddr> {
    let node = node.trim();
    let node = node.strip_prefix('"').and_then(|node| node.strip_suffix('"')).unwrap_or(node);
    let is_port = |text: &str| text.parse::<u16>().is_ok();
    if let Some(bracketed) = node.strip_prefix('[') {
        let (address, rest) = bracketed.split_once(']')?;
        let is_whole = rest.is_empty() || rest.strip_prefix(':').is_some_and(is_port);
        let address = address.parse::<Ipv6Addr>().ok().filter(|_| is_whole)?;
        return Some(IpAddr::from(address).to_canonical());
    }
    let without_port = node.split_once(':').filter(|(_, port)| is_port(port)).map_or(node, |(address, _)| address);
    let address = without_port.parse::<IpAddr>().or_else(|_| node.parse());
    address.ok().map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    /// The client of a request from `peer`, empty for a Unix socket.
    fn client(header: ClientHeader, peer: &str, lines: &[&str]) -> String {
        let proxies = ["127.0.0.0/8", "10.0.0.0/8", "2001:db8::/32"].map(|net| net.parse().unwrap()).into();
        let name = if header == ClientHeader::Forwarded { header::FORWARDED } else { X_FORWARDED_FOR };
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(&name, HeaderValue::from_str(line).unwrap());
        }
        let trust = Trust { proxies, header, has_warned: AtomicBool::new(false) };
        let client = trust.client(peer.parse().ok(), &headers);
        client.map(|address| address.to_string()).unwrap_or_default()
    }

    #[test]
    fn the_client_is_the_last_address_that_no_proxy_has() {
        for (peer, lines, expected) in [
            ("127.0.0.1", &["203.0.113.7"][..], "203.0.113.7"),
            ("::ffff:127.0.0.1", &["203.0.113.7"], "203.0.113.7"),
            // Made up by the client, before what proxies wrote.
            ("127.0.0.1", &["198.51.100.1, 203.0.113.7"], "203.0.113.7"),
            ("127.0.0.1", &["198.51.100.1", "203.0.113.7, 10.1.2.3"], "203.0.113.7"),
            ("127.0.0.1", &["\"198.51.100.1, 203.0.113.7"], "203.0.113.7"),
            ("127.0.0.1", &["203.0.113.7:4711"], "203.0.113.7"),
            ("127.0.0.1", &["[2001:db9::1]:4711"], "2001:db9::1"),
            ("127.0.0.1", &["\"[2001:db9::1]\""], "2001:db9::1"),
            ("127.0.0.1", &["2001:db9::1"], "2001:db9::1"),
            ("127.0.0.1", &["::1"], "::1"),
            ("2001:db8::5", &["::ffff:203.0.113.7"], "203.0.113.7"),
            // From somebody else than a proxy nothing is believed.
            ("203.0.113.9", &["198.51.100.1"], "203.0.113.9"),
            ("::ffff:203.0.113.9", &["198.51.100.1"], "203.0.113.9"),
            // All of them are proxies.
            ("127.0.0.1", &["10.0.0.9, 10.0.0.1"], "10.0.0.9"),
            ("127.0.0.1", &[], "127.0.0.1"),
            // By a Unix socket.
            ("", &["198.51.100.1, 203.0.113.7"], "203.0.113.7"),
            ("", &[], ""),
        ] {
            assert_eq!(client(ClientHeader::XForwardedFor, peer, lines), expected, "{peer} {lines:?}");
        }
        assert_eq!(client(ClientHeader::None, "127.0.0.1", &["203.0.113.7"]), "127.0.0.1");
    }

    #[test]
    fn an_address_is_a_clients_own_unless_others_may_be_behind_it() {
        let proxies = ["127.0.0.1/32", "10.0.0.0/8"].map(|net| net.parse().unwrap()).into();
        let trust = Trust { proxies, header: ClientHeader::XForwardedFor, has_warned: AtomicBool::new(false) };
        for (peer, header, value, address, is_own) in [
            ("192.0.2.1", "x", "x", "192.0.2.1", true),
            ("::1", "x", "x", "::1", true),
            // A proxy that is not trusted.
            ("::1", "x-forwarded-for", "192.0.2.7", "::1", false),
            ("::1", "x-forwarded-proto", "https", "::1", false),
            ("::1", "forwarded", "for=192.0.2.7", "::1", false),
            ("::1", "via", "1.1 proxy", "::1", false),
            // One that is.
            ("127.0.0.1", "x-forwarded-for", "192.0.2.7", "192.0.2.7", true),
            ("127.0.0.1", "x-forwarded-for", "::1", "::1", false),
            ("127.0.0.1", "x-forwarded-for", "unknown", "127.0.0.1", false),
            ("127.0.0.1", "x", "x", "127.0.0.1", false),
            ("", "x-forwarded-for", "192.0.2.7", "192.0.2.7", true),
            ("", "x", "x", "", false),
        ] {
            let headers = [(HeaderName::from_static(header), HeaderValue::from_static(value))].into_iter().collect();
            let sender = trust.sender(peer.parse().ok(), &headers);
            assert_eq!(sender, Sender { address: address.parse().ok(), is_own }, "{peer} {header} {value}");
        }
    }

    #[test]
    fn what_can_not_be_read_ends_the_search_at_the_proxy_that_wrote_it() {
        for unreadable in [
            "unknown",
            "_hidden",
            "",
            "300.1.1.1",
            "203.0.113.7:x",
            "[2001:db9::1",
            "[1.2.3.4]",
            "[2001:db9::1]x",
            "a.example",
            "\"203.0.113.7",
        ] {
            let lines = [&*format!("203.0.113.7, {unreadable}, 10.0.0.1")];
            assert_eq!(client(ClientHeader::XForwardedFor, "127.0.0.1", &lines), "10.0.0.1", "{unreadable}");
        }
    }

    #[test]
    fn no_more_than_some_items_are_looked_at() {
        for (count, expected) in [(31, "203.0.113.7"), (32, "10.0.0.1")] {
            let many = vec!["10.0.0.1"; count].join(", ");
            assert_eq!(client(ClientHeader::XForwardedFor, "127.0.0.1", &["203.0.113.7", &many]), expected);
            let many = vec!["for=10.0.0.1"; count].join(", ");
            assert_eq!(client(ClientHeader::Forwarded, "127.0.0.1", &["for=203.0.113.7", &many]), expected);
        }
    }

    #[test]
    fn the_standard_header_names_the_node() {
        for (line, expected) in [
            ("for=203.0.113.7", "203.0.113.7"),
            ("For=\"[2001:db9::1]:80\";proto=https;by=10.0.0.1", "2001:db9::1"),
            ("for=198.51.100.1, for=\"203.0.113.7:80\"; host=\"a,b\\\"c\"", "203.0.113.7"),
            ("for=203.0.113.7, for=10.0.0.1", "203.0.113.7"),
            ("for=203.0.113.7, by=10.0.0.1", "127.0.0.1"),
            ("for=203.0.113.7;for=198.51.100.1", "127.0.0.1"),
            ("for=_gazonk", "127.0.0.1"),
            ("203.0.113.7", "127.0.0.1"),
            // A client's quote swallows nothing of what a proxy adds.
            ("for=\"198.51.100.1, for=203.0.113.7", "203.0.113.7"),
            ("for=\"198.51.100.1\\, for=\"203.0.113.7\"", "203.0.113.7"),
        ] {
            assert_eq!(client(ClientHeader::Forwarded, "127.0.0.1", &[line]), expected, "{line}");
        }
    }
}
