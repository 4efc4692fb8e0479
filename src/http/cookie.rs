//! The cookie of a session.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue, header};
use cookie::{Cookie, SameSite};

use crate::{chat::Secret, config::Config, domain::account::SESSION_IDLE};

/// The name of the cookie. Behind TLS it begins with what has browsers see to it that no other host and no page without
/// TLS has set it (draft-ietf-httpbis-rfc6265bis, 4.1.3.2).
fn name(config: &Config) -> &'static str {
    if is_secure(config) { "__Host-parlor" } else { "parlor" }
}

fn is_secure(config: &Config) -> bool {
    config.public_url.as_ref().is_some_and(|url| url.as_str().starts_with("https://"))
}

/// The session's secret that a request brings, if it brings one.
pub fn presented(config: &Config, headers: &HeaderMap) -> Option<String> {
    let values = headers.get_all(header::COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    let mut cookies = values.flat_map(Cookie::split_parse).filter_map(Result::ok);
    let found = cookies.find(|cookie| cookie.name() == name(config))?;
    Some(found.value().to_owned())
}

/// The header that has a browser keep a session. For as long as a session may be unused, or as its time lasts.
#[must_use]
pub fn kept(config: &Config, secret: &Secret, lasts: Option<Duration>) -> HeaderValue {
    set(config, secret.reveal(), lasts.unwrap_or(SESSION_IDLE))
}

/// The header that has a browser forget its session.
#[must_use]
pub fn forgotten(config: &Config) -> HeaderValue {
    set(config, "", Duration::ZERO)
}

fn set(config: &Config, value: &str, lasts: Duration) -> HeaderValue {
    let seconds = i64::try_from(lasts.as_secs()).unwrap_or(i64::MAX);
    let cookie = Cookie::build((name(config), value))
        .http_only(true)
        .same_site(SameSite::Lax)
        .secure(is_secure(config))
        .path("/")
        .max_age(cookie::time::Duration::seconds(seconds));
    let text = HeaderValue::try_from(cookie.to_string());
    // Of letters, digits and a few signs, all of which a header takes.
    let mut value = text.unwrap_or_else(|_| HeaderValue::from_static(""));
    value.set_sensitive(true);
    value
}
