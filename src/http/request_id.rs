//! The id of a request: a trusted proxy's, or one of our own.

use std::{ops::Deref, sync::Arc};

use axum::http::{HeaderMap, HeaderName};

/// The header that carries a request's id.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The most bytes of an id that a proxy gave a request.
const MAX_REQUEST_ID: usize = 64;

/// A request's id, for those who have to name it in the log themselves.
#[derive(Debug, Clone)]
pub struct RequestId(Arc<str>);

impl Deref for RequestId {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl RequestId {
    /// The id of a request with these headers: a random one unless a trusted proxy gave one. Of others it might be the id
    /// of somebody else's request.
    #[must_use]
    pub fn of(headers: &HeaderMap, is_from_proxy: bool) -> Self {
        let given = if is_from_proxy { given_id(headers) } else { None };
        Self(given.unwrap_or_else(|| format!("{:032x}", rand::random::<u128>())).into())
    }
}

/// Keeps the id that a proxy gave, if it is a plain word.
fn given_id(headers: &HeaderMap) -> Option<String> {
    let id = headers.get(REQUEST_ID)?.to_str().ok()?;
    let is_word = (1..=MAX_REQUEST_ID).contains(&id.len())
        && id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
    is_word.then(|| id.to_owned())
}
