//! Compression of what is read in JSON. The files of the pages are compressed when the program is built
//! (`src/http/pages.rs`).

use std::{
    convert::Infallible,
    future::{Ready, ready},
    sync::Arc,
};

use axum::{
    body::{Body, HttpBody as _},
    extract::{MatchedPath, Request, State},
    http::{HeaderMap, HeaderValue, Method, header},
    middleware::Next,
    response::Response,
};
use tower::{ServiceExt as _, service_fn};
use tower_http::{CompressionLevel, compression::Compression};

use crate::app::App;

/// The bytes from which on a body is worth it: what is shorter fits into one packet as it is.
const WORTH_IT: u64 = 1024;
/// The ends of paths that are followed: what comes when it happens is sent as it comes.
const FOLLOWED: [&str; 3] = ["/stream", "/poll", "/ws"];

/// Compresses what a client reads and takes compressed. Only answers to `GET`: those to changes may hand out a secret, of
/// which the length of what is compressed would tell (BREACH).
pub async fn compress(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let path = request.extensions().get::<MatchedPath>().map_or(request.uri().path(), MatchedPath::as_str);
    let is_read = request.method() == Method::GET && !FOLLOWED.iter().any(|end| path.ends_with(end));
    if !app.config.compresses || !is_read {
        return next.run(request).await;
    }
    let accepted: Vec<_> = request.headers().get_all(header::ACCEPT_ENCODING).into_iter().cloned().collect();
    let response = next.run(request).await;
    if is_worth_it(&response) { compressed(response, accepted).await } else { response }
}

fn is_worth_it(response: &Response) -> bool {
    let has = |name, value: &str| response.headers().get(name).is_some_and(|is| is.as_bytes() == value.as_bytes());
    response.body().size_hint().lower() > WORTH_IT
        && has(header::CONTENT_TYPE, "application/json")
        && !response.headers().contains_key(header::CONTENT_ENCODING)
}

/// The answer in the coding that the client prefers. The fastest ones of each kind: pages are made for one reader each.
async fn compressed(response: Response, accepted: Vec<HeaderValue>) -> Response {
    let mut request = axum::http::Request::new(Body::empty());
    for value in accepted {
        request.headers_mut().append(header::ACCEPT_ENCODING, value);
    }
    let mut response = Some(response);
    let answer =
        service_fn(move |_| -> Ready<Result<Response, Infallible>> { ready(Ok(response.take().unwrap_or_default())) });
    let compression = Compression::new(answer).quality(CompressionLevel::Fastest);
    let Ok(answer) = compression.oneshot(request).await;
    let mut answer = answer.map(Body::new);
    if answer.headers().contains_key(header::CONTENT_ENCODING) {
        weaken(answer.headers_mut());
    }
    answer
}

/// The bytes are others, and the version is the same (RFC 9110, 8.8.1).
fn weaken(headers: &mut HeaderMap) {
    let strong = headers.get(header::ETAG).filter(|tag| !tag.as_bytes().starts_with(b"W/"));
    let weak = strong.and_then(|tag| HeaderValue::from_bytes(&[b"W/", tag.as_bytes()].concat()).ok());
    weak.map(|tag| headers.insert(header::ETAG, tag));
}
