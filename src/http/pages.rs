//! The web client, embedded in the binary.

use std::sync::Arc;

use axum::{
    Router,
    http::{HeaderName, header},
    response::{IntoResponse, Redirect},
    routing::get,
};

use crate::app::App;

/// What a page may load and do: nothing that is not from here, and no script or style within it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; \
                      base-uri 'none'; frame-ancestors 'none'; form-action 'self'";

const HTML: &str = "text/html; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";
const DATA: &str = "application/json";
const PICTURE: &str = "image/svg+xml";

const ROOM: &str = include_str!("../../static/room.html");
const ICON: &str = include_str!("../../static/favicon.svg");

/// Each path with its type and text. The page of a room reads its own path to know which room it is.
const FILES: [(&str, &str, &str); 33] = [
    ("/", HTML, include_str!("../../static/index.html")),
    ("/rooms/{room}", HTML, ROOM),
    ("/client1/", HTML, ROOM),
    ("/client2/", HTML, ROOM),
    // For what has no page that names another, as a picture looked at alone.
    ("/favicon.ico", PICTURE, ICON),
    ("/static/favicon.svg", PICTURE, ICON),
    ("/static/base.css", STYLE, include_str!("../../static/base.css")),
    ("/static/room.css", STYLE, include_str!("../../static/room.css")),
    ("/static/message.css", STYLE, include_str!("../../static/message.css")),
    ("/static/panels.css", STYLE, include_str!("../../static/panels.css")),
    ("/static/rooms.css", STYLE, include_str!("../../static/rooms.css")),
    ("/static/emoji/emoji.json", DATA, include_str!("../../static/emoji/emoji.json")),
    ("/static/actions.js", SCRIPT, include_str!("../../static/actions.js")),
    ("/static/attention.js", SCRIPT, include_str!("../../static/attention.js")),
    ("/static/composer.js", SCRIPT, include_str!("../../static/composer.js")),
    ("/static/details.js", SCRIPT, include_str!("../../static/details.js")),
    ("/static/dom.js", SCRIPT, include_str!("../../static/dom.js")),
    ("/static/emoji.js", SCRIPT, include_str!("../../static/emoji.js")),
    ("/static/known.js", SCRIPT, include_str!("../../static/known.js")),
    ("/static/message.js", SCRIPT, include_str!("../../static/message.js")),
    ("/static/messages.js", SCRIPT, include_str!("../../static/messages.js")),
    ("/static/names.js", SCRIPT, include_str!("../../static/names.js")),
    ("/static/notice.js", SCRIPT, include_str!("../../static/notice.js")),
    ("/static/outbox.js", SCRIPT, include_str!("../../static/outbox.js")),
    ("/static/parlor.js", SCRIPT, include_str!("../../static/parlor.js")),
    ("/static/people.js", SCRIPT, include_str!("../../static/people.js")),
    ("/static/places.js", SCRIPT, include_str!("../../static/places.js")),
    ("/static/reading.js", SCRIPT, include_str!("../../static/reading.js")),
    ("/static/room.js", SCRIPT, include_str!("../../static/room.js")),
    ("/static/rooms.js", SCRIPT, include_str!("../../static/rooms.js")),
    ("/static/search.js", SCRIPT, include_str!("../../static/search.js")),
    ("/static/store.js", SCRIPT, include_str!("../../static/store.js")),
    ("/static/tabs.js", SCRIPT, include_str!("../../static/tabs.js")),
];

/// The pages and their parts.
pub fn routes() -> Router<Arc<App>> {
    let router = Router::new()
        .route("/client1", get(|| async { Redirect::permanent("/client1/") }))
        .route("/client2", get(|| async { Redirect::permanent("/client2/") }));
    FILES.into_iter().fold(router, |router, (path, kind, text)| {
        let headers = [
            (header::CONTENT_TYPE, kind),
            // Files of another version must never meet: each is asked for anew.
            (header::CACHE_CONTROL, "no-cache"),
            (header::CONTENT_SECURITY_POLICY, POLICY),
            (HeaderName::from_static("referrer-policy"), "no-referrer"),
        ];
        router.route(path, get(move || async move { (headers, text).into_response() }))
    })
}
