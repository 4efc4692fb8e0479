//! The middleware around every request: an id, a line in the log, problems written, strangers refused.

use std::{any::Any, sync::Arc, time::Duration};

use axum::{
    body::{Body, to_bytes},
    extract::{MatchedPath, Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, Uri, Version, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use tokio::time::{Instant, sleep_until};

use super::{
    caller::identify,
    client_address::Trust,
    cookie,
    extract::MAX_BODY,
    health, operations,
    over_tls::strict_transport,
    problem::{Code, Problem, not_here},
    rates,
    request_id::{REQUEST_ID, RequestId},
    same_site,
    stream::sse,
};
use crate::{app::App, connections::Full, domain::policy::Act, unsent::Client};

/// Gives the request an id, writes its problem if it has one, and logs one line. Never what people
/// wrote: no body, no query.
pub async fn observe(State(trust): State<Arc<Trust>>, mut request: Request, next: Next) -> Response {
    let start = Instant::now();
    // Only a test's request has come by no connection.
    let peer = request.extensions().get::<Arc<Client>>().map(|client| client.address());
    let sender = peer.map(|peer| trust.sender(peer, request.headers()));
    sender.map(|sender| request.extensions_mut().insert(sender));
    if let Some(peer) = peer {
        trust.warn_of_untrusted(peer, request.headers());
    }
    let is_from_proxy = peer.is_some_and(|peer| trust.is_proxy(peer));
    let id = RequestId::of(request.headers(), is_from_proxy);
    request.extensions_mut().insert(id.clone());
    let (method, version) = (request.method().clone(), request.version());
    let path = request.extensions().get::<MatchedPath>().cloned();
    let is_stream = path.as_ref().map_or(request.uri().path(), MatchedPath::as_str).ends_with("/stream");
    let is_event_source = is_stream && accepts_event_stream(request.headers());

    let host = same_site::host(request.headers(), request.uri());
    let strict_transport = strict_transport(request.extensions(), host);
    let mut response = next.run(request).await;

    let problem = response.extensions_mut().remove::<Problem>();
    if let Some(problem) = &problem {
        problem.log(&id);
        let json = problem.to_json(&id);
        if problem.may_pass() && is_event_source {
            response = sse::refusal(response, &json);
        } else {
            *response.body_mut() = Body::from(json);
            response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        }
    }
    // Or hyper tells an HTTP/1.0 client that asked for it that the connection is kept, beside its end.
    if version == Version::HTTP_10 && response.headers().contains_key(header::CONNECTION) {
        *response.version_mut() = version;
    }
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response.headers_mut().entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response.headers_mut().extend(strict_transport);

    tracing::info!(
        request.id = &*id,
        client.address = sender.and_then(|sender| sender.address).map(tracing::field::display),
        http.method = %method,
        http.route = path.as_ref().map_or("(none)", MatchedPath::as_str),
        http.status = response.status().as_u16(),
        problem = problem.map(|problem| problem.code.word()),
        time_us = u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX),
        "request",
    );
    response
}

/// The time after its arrival before which no request is told that something is not there, where credentials are
/// required: a room that may not be read is looked for as long as one that nobody has made.
const NOT_FOUND_AFTER: Duration = Duration::from_millis(20);

/// Marks an answer that tells that a room is not there, though its status is another than `404`.
#[derive(Debug, Clone, Copy)]
pub struct TellsOfAbsence;

/// Returns true if the time of an answer could tell a room that may not be known of from one that is not there.
fn tells_of_absence(response: &Response, act: Option<Act>) -> bool {
    match response.status() {
        StatusCode::NOT_FOUND => true,
        // Who may make no room of a name is refused so whether or not there is one.
        StatusCode::FORBIDDEN | StatusCode::UNPROCESSABLE_ENTITY => act == Some(Act::ChangeRoom),
        _ => response.extensions().get::<TellsOfAbsence>().is_some(),
    }
}

/// Refuses what other sites and other names have no business to ask, all new work once the server ends, and whoever
/// has no credential where one is needed.
pub async fn guard(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let arrived = Instant::now();
    let (mut parts, body) = request.into_parts();
    if let Err(problem) = same_site::check(&app.config, &parts) {
        return problem.into_response();
    }
    if app.shutdown.closing.is_cancelled() {
        return Problem::new(Code::Draining, "The server is ending. Ask again in a moment.").into_response();
    }
    let route = parts.extensions.get::<MatchedPath>().cloned();
    let path = route.as_ref().map_or_else(|| parts.uri.path(), MatchedPath::as_str);
    let act = operations::act(&parts.method, path);
    let identified = identify(&app, &parts, path).await;
    // Whoever has not been identified is counted by the address.
    let mut asking = identified.as_ref().ok().cloned().flatten().unwrap_or_default();
    if let Some(meter) = rates::meter(&app, &parts) {
        parts.extensions.insert(meter.clone());
        asking = asking.metered(meter);
    }
    let counted =
        if operations::is_of_the_api(path) { rates::count(&app, &asking, &parts, path).await } else { Ok(()) };
    let mut response = match counted.and(identified) {
        Ok(Some(_)) if route.is_some() && act.is_none() => without_row(path),
        Ok(actor) => {
            actor.map(|actor| parts.extensions.insert(actor));
            next.run(Request::from_parts(parts, body)).await
        }
        Err(problem) => {
            // Who signs out of a session that has ended is rid of its cookie.
            let has_ended = act == Some(Act::SignOut) && problem.code != Code::RateLimited;
            let cookie = has_ended.then(|| [(header::SET_COOKIE, cookie::forgotten(&app.config))]);
            (cookie, problem).into_response()
        }
    };
    rates::tell(&app, &asking, &mut response);
    if app.authenticator.is_some() && tells_of_absence(&response, act) {
        sleep_until(arrived + NOT_FOUND_AFTER).await;
    }
    response
}

/// The answer to an operation that has no row among the operations, whether or not the router has it: what nobody has
/// said the act of is nobody's to do.
fn without_row(path: &str) -> Response {
    let allowed = operations::allowed(path);
    if allowed.is_empty() {
        return not_here().into_response();
    }
    let mut response = not_allowed().into_response();
    response.headers_mut().extend(HeaderValue::from_str(&allowed).map(|allowed| (header::ALLOW, allowed)));
    response
}

/// The answer to a panic.
#[expect(clippy::needless_pass_by_value, reason = "the layer gives it away")]
pub fn on_panic(panic: Box<dyn Any + Send>) -> Response {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    Problem::internal(format!("a handler panicked: {}", text.unwrap_or("(no text)"))).into_response()
}

/// The answer where nothing is.
pub async fn not_found(uri: Uri) -> Problem {
    if uri.path().ends_with("/reactions/") {
        return Problem::new(Code::NotFound, "The emoji is missing: in a path, `#` is written as `%23`.");
    }
    not_here()
}

/// The answer to a method that a path does not take.
pub async fn method_not_allowed() -> Problem {
    not_allowed()
}

fn not_allowed() -> Problem {
    Problem::new(Code::MethodNotAllowed, "The header Allow lists the methods this path takes.")
}

/// The answer where no connection is left. What comes with the request is read first: closing with
/// something unread would reset the connection, and the answer be lost.
pub async fn full(why: Full, body: Body) -> Problem {
    // Too much of it, or a client that has gone, changes nothing.
    let _ = to_bytes(body, MAX_BODY).await;
    health::no_connections(why)
}

fn accepts_event_stream(headers: &HeaderMap) -> bool {
    let accepts = headers.get_all(header::ACCEPT);
    accepts.iter().any(|value| value.to_str().is_ok_and(|text| text.to_ascii_lowercase().contains("text/event-stream")))
}

/// An answer that has neither body nor problem.
#[must_use]
pub fn no_content() -> Response {
    StatusCode::NO_CONTENT.into_response()
}
