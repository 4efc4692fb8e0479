//! The page at `/`, embedded in the binary.

use std::sync::Arc;

use axum::{
    Router,
    http::{HeaderName, header},
    response::IntoResponse,
    routing::get,
};

use crate::app::App;

/// What a page may load and do: nothing that is not from here, and no script or style within it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; \
                      base-uri 'none'; frame-ancestors 'none'; form-action 'self'";

/// The page and its parts.
pub fn routes() -> Router<Arc<App>> {
    let file = |kind: &'static str, text: &'static str| {
        get(move || async move {
            let headers = [
                (header::CONTENT_TYPE, kind),
                (header::CACHE_CONTROL, "no-cache"),
                (header::CONTENT_SECURITY_POLICY, POLICY),
                (HeaderName::from_static("referrer-policy"), "no-referrer"),
            ];
            (headers, text).into_response()
        })
    };
    Router::new()
        .route("/", file("text/html; charset=utf-8", include_str!("../../static/index.html")))
        .route("/static/page.js", file("text/javascript; charset=utf-8", include_str!("../../static/page.js")))
        .route("/static/page.css", file("text/css; charset=utf-8", include_str!("../../static/page.css")))
}
