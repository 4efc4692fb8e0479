//! Tags of versions, and the conditions on them: `ETag`, `If-Match`, `If-None-Match` (RFC 9110, 8.8.3 and 13.1).

use axum::{
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};

use super::problem::Problem;
use crate::domain::{
    EventId,
    version::{Part, Precondition, Version, Versions},
};

/// The header that names the event which a change made.
pub const EVENT_ID: HeaderName = HeaderName::from_static("event-id");

/// Appended to the tags of what a proxy has compressed, so that they differ from those of what it has not.
const ENCODINGS: [&str; 3] = ["-gzip", "-br", "-zstd"];

/// The conditions of a request.
#[must_use]
pub fn precondition(headers: &HeaderMap) -> Precondition {
    Precondition {
        matches: versions(headers, &header::IF_MATCH),
        matches_none: versions(headers, &header::IF_NONE_MATCH),
    }
}

/// The versions that a header names, on one line or on several; absent without the header.
fn versions(headers: &HeaderMap, name: &HeaderName) -> Option<Versions> {
    let mut named = None;
    for line in headers.get_all(name) {
        let named: &mut Vec<Version> = named.get_or_insert_default();
        // A tag that can't be read is no version of ours.
        for tag in line.to_str().unwrap_or_default().split(',').map(str::trim) {
            if tag == "*" {
                return Some(Versions::Any);
            }
            named.extend(version(tag));
        }
    }
    named.map(Versions::These)
}

/// The version that a tag names. Proxies that compress weaken tags or append the encoding, and every condition
/// behind them would fail for ever. Here a weak tag counts as a strong one, unlike in RFC 9110, 13.1.1: that is safe,
/// since a tag names a version of the resource and not of its bytes.
fn version(tag: &str) -> Option<Version> {
    let tag = tag.strip_prefix("W/").unwrap_or(tag);
    let tag = tag.strip_prefix('"')?.strip_suffix('"')?;
    let tag = ENCODINGS.iter().find_map(|encoding| tag.strip_suffix(encoding)).unwrap_or(tag);
    Version::parse(tag)
}

/// The `ETag` of a version.
fn tag(version: &Version) -> HeaderValue {
    // It is made of digits and letters.
    HeaderValue::try_from(format!("\"{version}\"")).unwrap_or(HeaderValue::from_static("\"\""))
}

/// The answer to a request for something that has a version: itself, that the client has it already, or that it does
/// not meet the request's conditions. One that is private depends on who asks: caches keep it for nobody else.
///
/// # Errors
/// `412` when `If-Match` names another version.
pub fn shown(
    headers: &HeaderMap,
    is_private: bool,
    version: &Version,
    answer: impl FnOnce() -> Response,
) -> Result<Response, Problem> {
    let Precondition { matches, matches_none } = precondition(headers);
    if matches.is_some_and(|versions| !versions.include(Some(version), Part::Whole)) {
        return Err(Problem::precondition_failed());
    }
    let is_known = matches_none.is_some_and(|versions| versions.include(Some(version), Part::Whole));
    let mut response = if is_known { StatusCode::NOT_MODIFIED.into_response() } else { answer() };
    response.headers_mut().insert(header::ETAG, tag(version));
    let kept = HeaderValue::from_static(if is_private { "private, no-cache" } else { "no-cache" });
    response.headers_mut().insert(header::CACHE_CONTROL, kept);
    Ok(response)
}

/// The answer to a change: with the version that there is now, and with the event that was made for it.
#[must_use]
pub fn changed(mut answer: Response, version: &Version, event: Option<EventId>) -> Response {
    answer.headers_mut().insert(header::ETAG, tag(version));
    with_event(answer, event)
}

/// The answer to a change of what has no version, with the event that was made for it.
#[must_use]
pub fn with_event(mut answer: Response, event: Option<EventId>) -> Response {
    if let Some(id) = event {
        answer.headers_mut().insert(EVENT_ID, HeaderValue::from(id));
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[&'static str]) -> HeaderMap {
        lines.iter().map(|line| (header::IF_MATCH, HeaderValue::from_static(line))).collect()
    }

    #[test]
    fn tags_are_read_however_proxies_have_changed_them() {
        let version = Version::parse("a.1").unwrap();
        for tag in ["\"a.1\"", "W/\"a.1\"", "\"a.1-gzip\"", "W/\"a.1-br\"", "\"a.1-zstd\"", "\"x.y\", \"a.1\"", "*"] {
            assert!(precondition(&headers(&[tag])).holds(Some(&version), Part::Whole), "{tag}");
        }
        for tag in ["", "a.1", "\"a.1", "\"a.2\"", "\"a.1-deflate\"", "\"a1\"", "\"b.1\", W/\"c.1\""] {
            assert!(!precondition(&headers(&[tag])).holds(Some(&version), Part::Whole), "{tag}");
        }
        let two_lines = headers(&["\"x.y\"", "\"a.1\""]);
        assert!(precondition(&two_lines).holds(Some(&version), Part::Whole));
        assert_eq!(precondition(&HeaderMap::new()), Precondition::default());
    }
}
