//! Limits of rate over HTTP: the meter of a request, and the headers that say what is left.

use std::{sync::Arc, time::Duration};

use axum::{
    http::{HeaderName, HeaderValue, Method, StatusCode, request::Parts},
    response::Response,
};
use tokio::time::{Instant, sleep};

use super::{client_address::Sender, problem::Problem};
use crate::{
    app::App,
    chat::ChatError,
    domain::{
        actor::Actor,
        limit::{Allowance, Limit, seconds},
        meter::Meter,
    },
};

/// The longest time that a poll is parked for its rate: as long as one may wait anyway.
const LONGEST_PARK: Duration = Duration::from_secs(50);
/// The headers of limits: those of draft-ietf-httpapi-ratelimit-headers, and those that clients knew before.
pub const HEADERS: [HeaderName; 5] = [
    HeaderName::from_static("ratelimit-policy"),
    HeaderName::from_static("ratelimit"),
    HeaderName::from_static("x-ratelimit-limit"),
    HeaderName::from_static("x-ratelimit-remaining"),
    HeaderName::from_static("x-ratelimit-reset"),
];

/// The meter of a request; absent where no client is known, as in tests without a connection.
#[must_use]
pub fn meter(app: &App, parts: &Parts) -> Option<Arc<Meter>> {
    let sender = parts.extensions.get::<Sender>()?;
    let networks = &app.config.limits_exempt;
    let is_exempt = |address| networks.iter().any(|network| network.contains(&address));
    // Behind an address that is not the client's own others may be, who are not exempt.
    let is_exempt = sender.is_own && sender.address.is_some_and(is_exempt);
    Some(Arc::new(Meter::new(sender.address, is_exempt)))
}

/// Counts a request of the API. A poll that comes too soon is parked: refused, its client would only ask again.
///
/// # Errors
/// `429`.
pub async fn count(app: &App, actor: &Actor, parts: &Parts, path: &str) -> Result<(), Problem> {
    let is_poll = parts.method == Method::GET && path.ends_with("/poll");
    let until = Instant::now() + if is_poll { LONGEST_PARK } else { Duration::ZERO };
    while let Err(allowance) = app.limits.take(Limit::Requests, actor) {
        if Instant::now() + allowance.next_in > until {
            return Err(ChatError::TooFast(allowance).into());
        }
        tokio::select! {
            () = sleep(allowance.next_in) => {}
            // Who waits is answered at once.
            () = app.shutdown.closing.cancelled() => break,
        }
    }
    Ok(())
}

/// Says in the headers of an answer what is left of the limit that its request was counted by. One that tells nothing
/// new has cost nothing: asking again and again is how a cache is meant to be used.
pub fn tell(app: &App, actor: &Actor, response: &mut Response) {
    let Some(allowance) = actor.meter().and_then(Meter::counted) else { return };
    if response.status() == StatusCode::NOT_MODIFIED {
        return app.limits.put_back(Limit::Requests, actor);
    }
    let Allowance { limit, burst, window, left, full_in, next_in } = allowance;
    let (name, window) = (limit.word(), window.as_secs());
    let wait = seconds(if left == 0 { next_in } else { full_in });
    let reset = app.clock.now().micros() / 1_000_000 + i64::try_from(wait).unwrap_or(i64::MAX);
    let values = [
        format!("\"{name}\";q={burst};w={window}"),
        format!("\"{name}\";r={left};t={wait}"),
        burst.to_string(),
        left.to_string(),
        reset.to_string(),
    ];
    for (header, value) in HEADERS.into_iter().zip(values) {
        response.headers_mut().extend(HeaderValue::from_str(&value).map(|value| (header, value)));
    }
}
