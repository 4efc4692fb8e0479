//! Which sites and which names may ask: the rules against cross-site requests and DNS rebinding.

use std::net::IpAddr;

use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, Version, header, request, request::Parts};
use tower_http::cors::{AllowOrigin, CorsLayer, ExposeHeaders};

use super::{
    conditions::EVENT_ID,
    middleware::REQUEST_ID,
    problem::{Code, Problem},
};
use crate::config::Config;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Whether the request may be looked at.
///
/// # Errors
/// `400` for an HTTP/1.1 request without a `Host`; `421` for a `Host` that is no loopback name while only this machine can reach the server; `403`
/// for a request that changes something, or upgrades, from a site that may not.
pub fn check(config: &Config, request: &Parts) -> Result<(), Problem> {
    let Parts { method, uri, version, headers, .. } = request;
    let host = host(headers, uri);
    if host.is_none() && *version == Version::HTTP_11 {
        return Err(Problem::new(Code::BadRequest, "An HTTP/1.1 request names its Host (RFC 9112, 3.2)."));
    }
    if config.is_loopback_only() && host.is_some_and(|host| !is_loopback(host)) {
        return Err(Problem::new(
            Code::Misdirected,
            "This server listens on loopback only, and answers to loopback names only.",
        ));
    }
    let changes = !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS);
    let upgrades = headers.contains_key(header::UPGRADE);
    if !changes && !upgrades {
        return Ok(());
    }
    let refuse = || {
        Err(Problem::new(Code::CrossSite, "Pages of that site may not do this; --allow-origin names those that may."))
    };
    match headers.get(header::ORIGIN) {
        Some(origin) if is_own(origin, host) || is_allowed(config, origin) => Ok(()),
        Some(_) => refuse(),
        None if headers.get(SEC_FETCH_SITE).is_some_and(|site| site == "cross-site") => refuse(),
        // No browser: a browser names the origin of all such requests.
        None => Ok(()),
    }
}

/// Lets pages of allowed sites read the answers.
pub fn cors(config: &Config) -> CorsLayer {
    let config = config.clone();
    let allow = move |origin: &HeaderValue, _: &request::Parts| is_allowed(&config, origin);
    let exposed = [
        header::LOCATION,
        header::ETAG,
        header::RETRY_AFTER,
        REQUEST_ID,
        HeaderName::from_static("idempotent-replayed"),
        EVENT_ID,
    ];
    CorsLayer::new()
        .allow_origin(AllowOrigin::predicate(allow))
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        .allow_headers([
            header::CONTENT_TYPE,
            header::IF_MATCH,
            header::IF_NONE_MATCH,
            header::CACHE_CONTROL,
            HeaderName::from_static("idempotency-key"),
            HeaderName::from_static("last-event-id"),
            REQUEST_ID,
        ])
        .expose_headers(ExposeHeaders::list(exposed))
        .max_age(std::time::Duration::from_mins(10))
}

fn host<'a>(headers: &'a HeaderMap, uri: &'a Uri) -> Option<&'a str> {
    // An absolute target names the host and wins over the header (RFC 9112, 3.2.2).
    uri.authority().map(axum::http::uri::Authority::as_str).or_else(|| headers.get(header::HOST)?.to_str().ok())
}

/// Whether the origin's host and port are the `Host`'s. The scheme is not compared: behind a proxy
/// that speaks TLS the server does not know it.
fn is_own(origin: &HeaderValue, host: Option<&str>) -> bool {
    let (Some((scheme, authority)), Some(host)) = (origin.to_str().ok().and_then(|o| o.split_once("://")), host) else {
        return false;
    };
    let port = match scheme {
        "http" => ":80",
        "https" => ":443",
        _ => return false,
    };
    let bare = |name: &str| name.to_ascii_lowercase().trim_end_matches(port).to_owned();
    bare(authority) == bare(host)
}

/// Whether the site was named in the settings; on loopback also every site of this machine, so that
/// a front end under development can talk to the server.
fn is_allowed(config: &Config, origin: &HeaderValue) -> bool {
    let Ok(origin) = origin.to_str() else { return false };
    if config.allow_origin.iter().any(|allowed| allowed.as_str() == origin) {
        return true;
    }
    let host = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
    config.is_loopback_only() && host.is_some_and(is_loopback)
}

/// Whether a host, with or without a port, is a name of this machine.
fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or_default(),
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    };
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    // RFC 6761, 6.3: every name under `localhost` is loopback.
    name == "localhost"
        || name.ends_with(".localhost")
        || name.parse::<IpAddr>().is_ok_and(|ip| ip.to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_has_many_names() {
        for host in ["localhost", "LOCALHOST:3000", "a.localhost", "127.0.0.1", "127.9.9.9:80", "[::1]:3000", "[::1]"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in
            ["example.org", "localhost.example.org:3000", "10.0.0.1", "[2001:db8::1]:3000", "", "127.0.0.1.nip.io"]
        {
            assert!(!is_loopback(host), "{host}");
        }
    }

    #[test]
    fn an_origin_is_compared_with_the_host_but_for_the_usual_port() {
        let own = |origin, host| is_own(&HeaderValue::from_static(origin), Some(host));
        assert!(own("https://Chat.example.org", "chat.example.org"));
        assert!(own("https://chat.example.org", "chat.example.org:443"));
        assert!(own("http://127.0.0.1:3000", "127.0.0.1:3000"));
        assert!(!own("http://127.0.0.1:3001", "127.0.0.1:3000"));
        assert!(!own("null", "127.0.0.1:3000"));
        assert!(!own("https://evil.org", "chat.example.org"));
    }
}
