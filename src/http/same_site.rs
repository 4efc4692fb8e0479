//! Which sites and which names may ask: the rules against cross-site requests and DNS rebinding.

use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, Version, header, request, request::Parts};
use tower_http::cors::{AllowOrigin, CorsLayer, ExposeHeaders};

use super::{
    conditions::EVENT_ID,
    over_tls::OverTls,
    problem::{Code, Problem},
    rates,
    request_id::REQUEST_ID,
};
use crate::config::{AuthMode, Config, Origin, site::Authority};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
/// The paths of probes: they say nothing of anybody, and an orchestrator asks by whatever name it has.
const PROBES: [&str; 2] = ["/healthz", "/readyz"];

/// Checks that the request may be handled.
///
/// # Errors
/// `400` for a request with more than one `Host`, and for one without any (RFC 9112, 3.2), HTTP/1.0 aside; `421` for
/// a `Host` that is not among those the server answers to; `403` for a request that changes something, or
/// upgrades, from a site that may not.
pub fn check(config: &Config, request: &Parts) -> Result<(), Problem> {
    let Parts { method, uri, version, headers, .. } = request;
    let host = host(headers, uri);
    let names_none = host.is_none() && *version >= Version::HTTP_11;
    // RFC 9113, 8.3.1: by HTTP/2 the two may not be of different hosts.
    let names_two = *version == Version::HTTP_2
        && headers.get(header::HOST).is_some_and(|named| host.is_none_or(|host| host.as_bytes() != named.as_bytes()));
    if headers.get_all(header::HOST).iter().count() > 1 || names_none || names_two {
        return Err(Problem::new(Code::BadRequest, "A request names its Host, once."));
    }
    if host.is_some_and(|host| !is_answered(config, host)) && !PROBES.contains(&uri.path()) {
        let detail = if config.is_loopback_only() {
            "This server listens on loopback only and answers to loopback names; --public-url and --allowed-hosts \
             name others."
        } else {
            "This server does not answer to that Host; --public-url and --allowed-hosts name those it does."
        };
        return Err(Problem::new(Code::Misdirected, detail));
    }
    let changes = !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS);
    let upgrades = headers.contains_key(header::UPGRADE);
    if (changes || upgrades) && is_from_elsewhere(config, request, &["cross-site"]) {
        return Err(Problem::new(
            Code::CrossSite,
            "Pages of that site may not do this; --allow-origin names those that may.",
        ));
    }
    Ok(())
}

/// Returns true if a page of another site has a browser read this without being able to look at it itself: a page
/// that may says its origin, be it of the same site or not.
pub fn is_read_from_elsewhere(config: &Config, request: &Parts) -> bool {
    is_from_elsewhere(config, request, &["cross-site", "same-site"])
}

/// Returns true if the request comes from a page that is neither of this server nor of a site that was named, where
/// `sites` is what `Sec-Fetch-Site` says of such a page. Who is no browser says neither.
fn is_from_elsewhere(config: &Config, request: &Parts, sites: &[&str]) -> bool {
    match request.headers.get(header::ORIGIN) {
        Some(origin) => !is_own_page(config, origin, request) && !is_allowed(config, origin),
        None => request.headers.get(SEC_FETCH_SITE).is_some_and(|site| sites.iter().any(|other| site == other)),
    }
}

/// Returns true if the request says that it comes from a page of this server, or of a site that was named. A program
/// says neither.
pub fn is_from_own_page(config: &Config, request: &Parts) -> bool {
    match request.headers.get(header::ORIGIN) {
        Some(origin) => is_own_page(config, origin, request) || is_allowed(config, origin),
        None => request.headers.get(SEC_FETCH_SITE).is_some_and(|site| site == "same-origin"),
    }
}

/// Returns true if the request says that it comes from a page of this server.
pub fn is_of_this_server(config: &Config, request: &Parts) -> bool {
    match request.headers.get(header::ORIGIN) {
        Some(origin) => is_own_page(config, origin, request),
        None => request.headers.get(SEC_FETCH_SITE).is_some_and(|site| site == "same-origin"),
    }
}

/// Returns true if the origin is this server's: where credentials are required that of the public URL, its scheme
/// included, if there is one.
fn is_own_page(config: &Config, origin: &HeaderValue, request: &Parts) -> bool {
    match &config.public_url {
        Some(url) if config.identity.auth == AuthMode::Required => origin.as_bytes() == url.as_str().as_bytes(),
        _ => {
            let is_over_tls = request.extensions.get::<OverTls>().is_some();
            is_of_host(origin, host(&request.headers, &request.uri), is_over_tls)
        }
    }
}

/// Lets pages of allowed sites read the answers.
pub fn cors(config: &Config) -> CorsLayer {
    let is_required = config.identity.auth == AuthMode::Required;
    let config = config.clone();
    let allow = move |origin: &HeaderValue, _: &request::Parts| is_allowed(&config, origin);
    let mut exposed = vec![
        header::LOCATION,
        header::ETAG,
        header::RETRY_AFTER,
        REQUEST_ID,
        HeaderName::from_static("idempotent-replayed"),
        EVENT_ID,
    ];
    exposed.extend(rates::HEADERS);
    let mut taken = vec![
        header::CONTENT_TYPE,
        header::IF_MATCH,
        header::IF_NONE_MATCH,
        header::CACHE_CONTROL,
        HeaderName::from_static("idempotency-key"),
        HeaderName::from_static("last-event-id"),
        REQUEST_ID,
    ];
    if is_required {
        taken.push(header::AUTHORIZATION);
    }
    CorsLayer::new()
        .allow_origin(AllowOrigin::predicate(allow))
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        .allow_headers(taken)
        // Cookies; browsers send them to the same site alone.
        .allow_credentials(is_required)
        .expose_headers(ExposeHeaders::list(exposed))
        .max_age(std::time::Duration::from_mins(10))
}

/// The host that a request asks for.
pub(super) fn host<'a>(headers: &'a HeaderMap, uri: &'a Uri) -> Option<&'a str> {
    // An absolute target names the host and wins over the header (RFC 9112, 3.2.2).
    uri.authority().map(axum::http::uri::Authority::as_str).or_else(|| headers.get(header::HOST)?.to_str().ok())
}

/// Returns true if the server answers to the host: to its own names, and, if others can reach it, to every address
/// (rebinding needs a name) and, where its names are not known, to any.
fn is_answered(config: &Config, host: &str) -> bool {
    if !config.is_loopback_only() && !config.has_names() {
        return true;
    }
    let Some(host) = Authority::parse(host) else { return false };
    host.is_loopback()
        || (host.is_address() && !config.is_loopback_only())
        || config.allowed_hosts.iter().any(|name| host.is_host(name))
        || config.public_url.as_ref().and_then(Origin::authority).is_some_and(|url| host.is_host_of(&url))
}

/// Returns true if the origin's host and port are the `Host`'s, and over TLS the scheme is that of TLS. Without it the
/// scheme is not compared: behind a proxy that speaks TLS the server does not know it.
fn is_of_host(origin: &HeaderValue, host: Option<&str>, is_over_tls: bool) -> bool {
    let Some((port, origin)) = origin.to_str().ok().and_then(|origin| {
        let is_of_tls = origin.starts_with("https://");
        parse_origin(origin).filter(|_| is_of_tls || !is_over_tls)
    }) else {
        return false;
    };
    host.and_then(Authority::parse).is_some_and(|host| origin.is_same(&host, port))
}

/// Returns true if the site was named in the settings; on loopback also for every site of this machine, so that a front
/// end under development can talk to the server.
fn is_allowed(config: &Config, origin: &HeaderValue) -> bool {
    let Ok(origin) = origin.to_str() else { return false };
    let mut named = config.allow_origin.iter().chain(&config.public_url);
    if named.any(|allowed| allowed.as_str() == origin) {
        return true;
    }
    config.identity.auth == AuthMode::Open
        && config.is_loopback_only()
        && parse_origin(origin).is_some_and(|(_, origin)| origin.is_loopback())
}

/// The usual port of an origin's scheme, and its host.
fn parse_origin(origin: &str) -> Option<(u16, Authority)> {
    let (scheme, authority) = origin.split_once("://")?;
    let port = match scheme {
        "http" => 80,
        "https" => 443,
        _ => return None,
    };
    Some((port, Authority::parse(authority)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_compared_with_the_host_but_for_the_usual_port() {
        let own = |origin, host| is_of_host(&HeaderValue::from_static(origin), Some(host), false);
        assert!(own("https://Chat.example.org", "chat.example.org"));
        assert!(own("https://chat.example.org", "chat.example.org:443"));
        assert!(own("http://127.0.0.1:3000", "127.0.0.1:3000"));
        assert!(own("http://[::1]:3000", "[0:0::1]:3000"));
        assert!(!own("http://127.0.0.1:3001", "127.0.0.1:3000"));
        assert!(!own("null", "127.0.0.1:3000"));
        assert!(!own("https://evil.org", "chat.example.org"));
        assert!(!own("https://chat.example.org.evil.org", "chat.example.org"));
        assert!(!own("https://evil.org#:443", "evil.org#"));
        let own_of_tls = |origin, host| is_of_host(&HeaderValue::from_static(origin), Some(host), true);
        assert!(own_of_tls("https://chat.example.org", "chat.example.org"));
        assert!(!own_of_tls("http://chat.example.org:443", "chat.example.org:443"));
    }
}
