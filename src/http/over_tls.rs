//! The mark of a request that came by TLS of this server, and what browsers are told then.

use axum::http::{Extensions, HeaderName, HeaderValue, header};

use crate::config::site::Authority;

/// Stands among the extensions of a request that came by TLS of this server.
#[derive(Debug, Clone, Copy)]
pub struct OverTls;

/// The header that has browsers come by TLS for a year (RFC 6797). Not of this machine's names: the header is for all
/// ports of a host, and others may serve there without TLS.
#[must_use]
pub fn strict_transport(request: &Extensions, host: Option<&str>) -> Option<(HeaderName, HeaderValue)> {
    request.get::<OverTls>()?;
    let host = host.and_then(Authority::parse);
    let is_named = host.is_some_and(|host| !host.is_loopback() && !host.is_address());
    is_named.then_some((header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000")))
}
