//! The web client, embedded in the binary by `build.rs`, with a gzip and a brotli variant of each file.

use std::sync::Arc;

use axum::{
    Router,
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
    routing::get,
};

use serde_json::json;

use super::{answer, over_tls::OverTls};
use crate::{
    app::App,
    config::{AuthMode, Config},
};

/// The content security policy of the pages: nothing that is not from here, and no script or style within a page.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; \
                      base-uri 'none'; frame-ancestors 'none'; form-action 'self'";

/// The features of a browser that no page of ours uses, nor anything that gets into one.
const PERMISSIONS: &str = "camera=(), geolocation=(), microphone=(), payment=(), usb=()";

/// Each file in `static/`, by its name there.
static FILES: &[File] = include!(concat!(env!("OUT_DIR"), "/pages.rs"));

/// The paths of pages and of what is asked for without being named. The page of a room reads its own path to
/// know which room it is.
const PAGES: [(&str, &str); 5] = [
    ("/rooms/{room}", "room/room.html"),
    ("/rooms/{room}/", "room/room.html"),
    ("/client1/", "room/room.html"),
    ("/client2/", "room/room.html"),
    // For what has no page that names another, as a picture looked at alone.
    ("/favicon.ico", "favicon.svg"),
];

const REDIRECTS: [(&str, &str); 4] =
    [("/client1", "/client1/"), ("/client2", "/client2/"), ("/rooms", "/"), ("/rooms/", "/")];

/// The pages that only a server in open mode has.
const OPEN_PAGES: [(&str, &str); 1] = [("/", "rooms/rooms.html")];

/// The pages that only a server with credentials has.
const REQUIRED_PAGES: [(&str, &str); 4] = [
    ("/", "rooms/mine.html"),
    ("/sign-in", "account/sign-in.html"),
    ("/account", "account/account.html"),
    ("/admin", "admin/admin.html"),
];

struct File {
    name: &'static str,
    plain: Variant,
    /// Absent where it would not be smaller, as the next.
    gzip: Option<Variant>,
    brotli: Option<Variant>,
}

/// A file as it is sent, with the `ETag` of just these bytes (RFC 9110, 8.8.3.3).
struct Variant {
    tag: &'static str,
    body: &'static [u8],
}

impl File {
    fn kind(&self) -> &'static str {
        match self.name.rsplit_once('.').map(|(_, end)| end) {
            Some("html") => "text/html; charset=utf-8",
            Some("js") => "text/javascript; charset=utf-8",
            Some("css") => "text/css; charset=utf-8",
            Some("json") => "application/json",
            Some("svg") => "image/svg+xml",
            _ => "text/plain; charset=utf-8",
        }
    }

    /// The smallest variant that the client takes, with its `Content-Encoding`.
    fn variant(&self, accepts: &Accepts) -> (&Variant, Option<&'static str>) {
        let packed = [("br", accepts.brotli, &self.brotli), ("gzip", accepts.gzip, &self.gzip)];
        let taken = packed.into_iter().filter(|(_, is_taken, _)| *is_taken);
        taken
            .filter_map(|(coding, _, variant)| Some((variant.as_ref()?, Some(coding))))
            .min_by_key(|(variant, _)| variant.body.len())
            .unwrap_or((&self.plain, None))
    }

    fn answer(&self, request: &HeaderMap, is_https: bool) -> Response {
        let (variant, coding) = self.variant(&Accepts::of(request));
        let mut headers = HeaderMap::new();
        let mut set = |name, value| headers.insert(name, HeaderValue::from_static(value));
        set(header::ETAG, variant.tag);
        // Files of another version must never meet: each is asked for again, and answered 304 as long as it is the same.
        set(header::CACHE_CONTROL, "no-cache");
        set(header::VARY, "accept-encoding");
        set(header::CONTENT_SECURITY_POLICY, POLICY);
        set(HeaderName::from_static("referrer-policy"), "no-referrer");
        if is_https {
            // No page of another site has a handle of this one's window (HTML, 7.1.3). Without TLS browsers say in the
            // console that it is ignored.
            set(HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
        }
        set(HeaderName::from_static("permissions-policy"), PERMISSIONS);
        if has(request, variant.tag) {
            return (StatusCode::NOT_MODIFIED, headers).into_response();
        }
        set(header::CONTENT_TYPE, self.kind());
        if let Some(coding) = coding {
            set(header::CONTENT_ENCODING, coding);
        }
        (headers, variant.body).into_response()
    }
}

/// The codings that a client takes (RFC 9110, 12.5.3): those it names, unless with a weight of 0.
struct Accepts {
    gzip: bool,
    brotli: bool,
}

impl Accepts {
    fn of(request: &HeaderMap) -> Self {
        let named = || list(request, &header::ACCEPT_ENCODING).map(|each| each.split_once(';').unwrap_or((each, "")));
        let is_wanted = |parameter: &str| {
            let weight = parameter.trim().strip_prefix("q=").and_then(|weight| weight.trim().parse().ok());
            weight.unwrap_or(1.0) > 0.0
        };
        let takes = |coding: &str| {
            let by = |name: &str| named().find(|(each, _)| each.trim().eq_ignore_ascii_case(name));
            by(coding).or_else(|| by("*")).is_some_and(|(_, parameter)| is_wanted(parameter))
        };
        Self { gzip: takes("gzip") || takes("x-gzip"), brotli: takes("br") }
    }
}

/// Returns true if the client has these bytes already. Tags are compared weakly, as the RFC has it (9110, 13.1.2).
fn has(request: &HeaderMap, tag: &str) -> bool {
    list(request, &header::IF_NONE_MATCH).any(|each| each == "*" || each.strip_prefix("W/").unwrap_or(each) == tag)
}

fn list<'a>(request: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    let lines = request.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(str::trim)
}

/// The settings that the pages need to know: `edit_window` in seconds, 0 for no limit.
async fn settings(State(app): State<Arc<App>>) -> Response {
    let edit_window = app.config.edit_window.map_or(0, |window| window.as_secs());
    ([(header::CACHE_CONTROL, "no-store")], answer(json!({"edit_window": edit_window}))).into_response()
}

/// The pages and their parts.
pub fn routes(config: &Config) -> Router<Arc<App>> {
    let mode = config.identity.auth;
    // A proxy may speak TLS. Which name a browser asked it for the `Host` need not say.
    let is_https = config.public_url.as_ref().is_some_and(|url| url.as_str().starts_with("https:"));
    let named = |name: &str| FILES.iter().find(|file| file.name == name);
    let of_mode: &[_] = if mode == AuthMode::Required { &REQUIRED_PAGES } else { &OPEN_PAGES };
    let pages = PAGES.iter().chain(of_mode).filter_map(|(path, name)| Some(((*path).to_owned(), named(name)?)));
    let files = FILES.iter().map(|file| (format!("/static/{}", file.name), file));
    let router = Router::new().route("/static/settings.json", get(settings));
    let router = REDIRECTS
        .into_iter()
        .fold(router, |router, (from, to)| router.route(from, get(move || async move { Redirect::permanent(to) })));
    pages.chain(files).fold(router, |router, (path, file)| {
        let answer = move |request: Request| async move {
            file.answer(request.headers(), is_https || request.extensions().get::<OverTls>().is_some())
        };
        router.route(&path, get(answer))
    })
}
