//! REST and the three transports over HTTP. A route is registered once, which makes it part of the
//! router and of the `OpenAPI` document.

#![expect(clippy::missing_errors_doc, reason = "every handler answers a Problem, and the OpenAPI document lists them")]

use std::sync::Arc;

use axum::{
    Router,
    http::header,
    middleware::from_fn_with_state,
    response::{IntoResponse, Response},
    routing::get,
};
use serde::Serialize;
use tower_http::catch_panic::CatchPanicLayer;
use utoipa::openapi::OpenApi;
use utoipa_axum::{router::OpenApiRouter, routes};

pub mod accounts;
pub mod admission;
pub mod audit;
pub mod caller;
pub mod changes;
pub mod client_address;
pub mod compression;
pub mod conditions;
pub mod cookie;
pub mod direct;
pub mod extract;
pub mod fields;
pub mod health;
pub mod invitations;
pub mod keys;
pub mod limits;
pub mod me;
pub mod members;
pub mod messages;
pub mod middleware;
pub mod openapi;
pub mod operations;
pub mod over_tls;
pub mod pages;
pub mod presence;
pub mod problem;
pub mod problem_pages;
pub mod rates;
pub mod reactions;
pub mod read_cursors;
pub mod request_id;
pub mod rooms;
pub mod same_site;
pub mod search;
pub mod sessions;
pub mod stream;
pub mod streams;
#[cfg(test)]
mod tests;
pub mod tickets;
pub mod users;

use crate::{
    app::App,
    config::{AuthMode, Config},
    connections::Full,
    domain::content::ContentLimit,
};
use client_address::Trust;
use stream::{long_poll, rooms as streamed_rooms, sse, websocket};

/// Everything that is served.
pub fn router(app: Arc<App>) -> Router {
    let (router, document) = routes().split_for_parts();
    let docs = openapi::docs::routes(openapi::complete(document, app.config.content_limit, app.config.identity.auth));
    layered(router.merge(pages::routes(&app.config)).merge(problem_pages::routes()).merge(docs), app)
}

/// The layers around all routes.
fn layered(routes: Router<Arc<App>>, app: Arc<App>) -> Router {
    let (cors, trust) = (same_site::cors(&app.config), Arc::new(Trust::new(&app.config)));
    routes
        .fallback(middleware::not_found)
        .method_not_allowed_fallback(middleware::method_not_allowed)
        // One layer of five, outermost first: each call of `layer` would box every route once more.
        .layer((
            from_fn_with_state(trust, middleware::observe),
            cors,
            from_fn_with_state(app.clone(), compression::compress),
            from_fn_with_state(app.clone(), middleware::guard),
            CatchPanicLayer::custom(middleware::on_panic),
        ))
        .with_state(app)
}

/// The answers to a connection that is one too many: none is left for it, but the process lives.
pub fn full(config: &Config, why: Full) -> Router {
    let routes = Router::new().route("/healthz", get(health::alive));
    let routes = routes
        .method_not_allowed_fallback(move |body| middleware::full(why, body))
        .fallback(move |body| middleware::full(why, body));
    let trust = Arc::new(Trust::new(config));
    routes.layer((from_fn_with_state(trust, middleware::observe), same_site::cors(config)))
}

/// The `OpenAPI` document, as it is served unless something is set.
#[must_use]
pub fn document() -> OpenApi {
    document_of(AuthMode::Open)
}

/// The same of a mode of authorization.
fn document_of(mode: AuthMode) -> OpenApi {
    openapi::complete(routes().into_openapi(), ContentLimit::default(), mode)
}

fn routes() -> OpenApiRouter<Arc<App>> {
    let api = OpenApiRouter::new()
        .routes(routes!(me::get, accounts::delete))
        .routes(routes!(limits::list))
        .routes(routes!(tickets::make))
        .routes(routes!(streams::extend))
        .routes(routes!(keys::make, keys::list))
        .routes(routes!(keys::delete))
        .routes(routes!(accounts::change_password))
        .routes(routes!(accounts::register))
        .routes(routes!(sessions::sign_in, sessions::sign_out))
        .routes(routes!(sessions::list))
        .routes(routes!(sessions::end))
        .routes(routes!(invitations::make, invitations::list))
        .routes(routes!(invitations::delete))
        .routes(routes!(invitations::reset))
        .routes(routes!(rooms::list, rooms::make))
        .routes(routes!(rooms::get, rooms::put))
        .routes(routes!(audit::of_room))
        .routes(routes!(audit::of_all))
        .routes(routes!(direct::open))
        .routes(routes!(users::list))
        .routes(routes!(users::patch))
        .routes(routes!(members::list))
        .routes(routes!(members::put, members::remove))
        .routes(routes!(members::join))
        .routes(routes!(members::bans))
        .routes(routes!(members::ban, members::unban))
        .routes(routes!(members::mute, members::unmute))
        .routes(routes!(messages::list, messages::post))
        .routes(routes!(messages::get, changes::edit, changes::delete))
        .routes(routes!(changes::revisions))
        .routes(routes!(reactions::list, reactions::add, reactions::remove))
        .routes(routes!(read_cursors::list, read_cursors::mark))
        .routes(routes!(read_cursors::unread))
        .routes(routes!(search::find))
        .routes(routes!(presence::list))
        .routes(routes!(presence::typing))
        .routes(routes!(sse::stream))
        .routes(routes!(streamed_rooms::stream))
        .routes(routes!(long_poll::poll))
        .routes(routes!(websocket::open));
    OpenApiRouter::with_openapi(openapi::frame())
        .nest("/api/v1", api)
        .routes(routes!(websocket::open_room))
        .routes(routes!(websocket::open_general))
        .routes(routes!(health::alive))
        .routes(routes!(health::ready))
}

/// An answer in JSON.
fn answer<T: Serialize>(value: T) -> Response {
    match serde_json::to_vec(&value) {
        Ok(json) => ([(header::CONTENT_TYPE, "application/json")], json).into_response(),
        Err(error) => {
            problem::Problem::internal(format!("an answer can't be written as JSON: {error}")).into_response()
        }
    }
}
